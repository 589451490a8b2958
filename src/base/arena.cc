#include "switchyard/base/arena.h"

#include <algorithm>
#include <cstdlib>

namespace switchyard {
namespace {
constexpr size_t kMaxBlockBytes = 256 * 1024;
}

void* Arena::allocate_slow(size_t size, size_t alignment) {
  const size_t wanted = sizeof(Block) + size + alignment;
  const size_t bytes = std::max(wanted, next_block_bytes_);
  next_block_bytes_ = std::min(kMaxBlockBytes, next_block_bytes_ * 2);
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  block_ = new (memory) Block{block_, bytes};
  cursor_ = static_cast<char*>(memory) + sizeof(Block);
  limit_ = static_cast<char*>(memory) + bytes;
  reserved_bytes_ += bytes;
  const auto at = (reinterpret_cast<uintptr_t>(cursor_) + alignment - 1) & ~(alignment - 1);
  cursor_ = reinterpret_cast<char*>(at + size);
  return reinterpret_cast<void*>(at);
}

void Arena::reset() {
  if (block_ == nullptr) return;
  Block* older = block_->previous;
  while (older != nullptr) {
    Block* previous = older->previous;
    reserved_bytes_ -= older->size;
    std::free(older);
    older = previous;
  }
  block_->previous = nullptr;
  cursor_ = reinterpret_cast<char*>(block_) + sizeof(Block);
}

void Arena::release() {
  while (block_ != nullptr) {
    Block* previous = block_->previous;
    std::free(block_);
    block_ = previous;
  }
}

}  // namespace switchyard
