#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::store {

inline constexpr size_t kMaxKeyBytes = 4096;
inline constexpr size_t kMaxValueBytes = 64u << 20;

/// A good size of the active overlay to freeze at: large enough that short-lived keys die in it, small enough
/// that two overlays and the batch made of one are little memory.
inline constexpr size_t kFreezeBytes = 16u << 20;
/// Past this an owner must refuse new work: the background has not been able to write for long.
inline constexpr size_t kMaxActiveBytes = 512u << 20;

/// Pauses between attempts to write after a failure.
inline constexpr int64_t kRetryMinMs = 100;
inline constexpr int64_t kRetryMaxMs = 5000;

static_assert(kFreezeBytes * 4 <= kMaxActiveBytes);
static_assert(kMaxActiveBytes < (size_t{1} << 32), "an overlay must fit into one RocksDB write batch");

}  // namespace switchyard::store
