#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::archive {

inline constexpr uint64_t kSegmentBytes = 32u << 20;  ///< of log that one segment takes at most, about
inline constexpr size_t kMaxBundleBytes = 1u << 30;   ///< of one bundle; a reader refuses more
inline constexpr size_t kIndexBlockEntries = 64;
inline constexpr size_t kMergeSegments = 8;  ///< small neighbours that are merged into one

}  // namespace switchyard::archive
