#include "slab.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace switchyard::store {
namespace {
constexpr size_t kMaxBlockBytes = 256 * 1024;

void* allocate_or_throw(size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

Slab::~Slab() {
  for (void* block : blocks_) std::free(block);
  while (large_ != nullptr) {
    Large* next = large_->next;
    std::free(large_);
    large_ = next;
  }
}

void* Slab::carve(size_t bytes) {
  if (static_cast<size_t>(limit_ - cursor_) < bytes) {
    blocks_.reserve(blocks_.size() + 1);
    cursor_ = static_cast<char*>(allocate_or_throw(next_block_bytes_));
    blocks_.push_back(cursor_);
    limit_ = cursor_ + next_block_bytes_;
    next_block_bytes_ = std::min(kMaxBlockBytes, next_block_bytes_ * 2);
  }
  void* piece = cursor_;
  cursor_ += bytes;
  return piece;
}

void* Slab::allocate_large(size_t bytes) {
  auto* header = static_cast<Large*>(allocate_or_throw(sizeof(Large) + bytes));
  header->previous = nullptr;
  header->next = large_;
  if (large_ != nullptr) large_->previous = header;
  large_ = header;
  used_bytes_ += bytes;
  return header + 1;
}

void Slab::release(void* piece, size_t bytes) {
  used_bytes_ -= rounded(bytes);
  if (bytes <= kMaxClassBytes) {
    auto* entry = static_cast<Free*>(piece);
    const size_t index = class_of(bytes);
    entry->next = free_[index];
    free_[index] = entry;
    return;
  }
  Large* header = static_cast<Large*>(piece) - 1;
  if (header->next != nullptr) header->next->previous = header->previous;
  (header->previous != nullptr ? header->previous->next : large_) = header->next;
  std::free(header);
}

}  // namespace switchyard::store
