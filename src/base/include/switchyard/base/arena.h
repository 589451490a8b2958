#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

namespace switchyard {

/// Bump allocator for trivially destructible objects that live and die together. Not thread-safe.
/// Memory is released when the arena is destroyed or reset.
class Arena {
 public:
  explicit Arena(size_t first_block_bytes = 1024) : next_block_bytes_(first_block_bytes) {}
  ~Arena() { release(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Uninitialised memory for `count` objects of T.
  template <typename T>
  T* allocate(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate_bytes(count * sizeof(T), alignof(T)));
  }

  /// A copy of `text` that lives as long as the arena.
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = allocate<char>(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  void* allocate_bytes(size_t size, size_t alignment) {
    const auto at = (reinterpret_cast<uintptr_t>(cursor_) + alignment - 1) & ~(alignment - 1);
    if (cursor_ == nullptr || at + size > reinterpret_cast<uintptr_t>(limit_))
      return allocate_slow(size, alignment);
    cursor_ = reinterpret_cast<char*>(at + size);
    return reinterpret_cast<void*>(at);
  }

  /// Bytes taken from the system, used or not.
  size_t reserved_bytes() const { return reserved_bytes_; }

  /// Forgets everything; keeps the newest block for reuse.
  void reset();

 private:
  struct Block {
    Block* previous;
    size_t size;
  };
  void* allocate_slow(size_t size, size_t alignment);
  void release();

  Block* block_ = nullptr;
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  size_t next_block_bytes_;
  size_t reserved_bytes_ = 0;
};

}  // namespace switchyard
