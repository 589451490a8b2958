#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::blobs {

inline constexpr size_t kPayloadThresholdBytes = 256u << 10;  ///< a larger value leaves the log
inline constexpr uint64_t kMaxPayloadBytes = 32u << 20;       ///< of one value
inline constexpr size_t kMaxStagedBytes = 128u << 20;         ///< held in memory while the disk is full

}  // namespace switchyard::blobs
