#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace switchyard::store {

/// Memory for the entries of an overlay. Freed pieces are handed out again by size class, so that an overlay
/// in which keys come and go stays as small as what lives in it; everything goes at once with the slab. One
/// thread.
class Slab {
 public:
  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// At least `bytes`, aligned to 8. Pass the same `bytes` to release().
  void* allocate(size_t bytes) {
    if (bytes > kMaxClassBytes) return allocate_large(bytes);
    const size_t index = class_of(bytes);
    used_bytes_ += class_bytes(index);
    if (Free* piece = free_[index]) {
      free_[index] = piece->next;
      return piece;
    }
    return carve(class_bytes(index));
  }
  void release(void* piece, size_t bytes);

  /// What allocate(bytes) really gives.
  static size_t rounded(size_t bytes) {
    return bytes > kMaxClassBytes ? bytes : class_bytes(class_of(bytes));
  }
  /// Bytes handed out and not released.
  size_t used_bytes() const { return used_bytes_; }

 private:
  struct Free {
    Free* next;
  };
  struct Large {
    Large* previous;
    Large* next;
  };
  // Classes of 16 bytes up to 256, then four to each doubling.
  static constexpr size_t kFineClasses = 16;
  static constexpr size_t kClasses = kFineClasses + 4 * 4;
  static constexpr size_t kMaxClassBytes = 4096;

  static size_t class_of(size_t bytes) {
    if (bytes <= 256) return bytes == 0 ? 0 : (bytes - 1) / 16;
    const int doubling = 63 - __builtin_clzll(bytes - 1);  // 8 for 257..512
    const size_t quarter = ((bytes - 1) >> (doubling - 2)) & 3;
    return kFineClasses + static_cast<size_t>(doubling - 8) * 4 + quarter;
  }
  static size_t class_bytes(size_t index) {
    if (index < kFineClasses) return (index + 1) * 16;
    const size_t coarse = index - kFineClasses;
    return (size_t{256} << (coarse / 4)) / 4 * (5 + coarse % 4);
  }
  void* carve(size_t bytes);
  void* allocate_large(size_t bytes);

  std::array<Free*, kClasses> free_{};
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  std::vector<void*> blocks_;
  Large* large_ = nullptr;
  size_t next_block_bytes_ = 16 * 1024;
  size_t used_bytes_ = 0;
};

}  // namespace switchyard::store
