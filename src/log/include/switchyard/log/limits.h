#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::log {

/// Defaults of a log's limits. `kMax...` are the format's own and cannot be raised by configuration.
struct Limits {
  size_t payload_bytes = 1 << 20;  ///< of one record
  size_t batch_bytes = 8 << 20;    ///< of one batch, with all headers
  size_t queued_bytes = 64 << 20;  ///< accepted, not yet durable
  size_t group_bytes = 16 << 20;   ///< written before one sync
};

inline constexpr size_t kMaxPayloadBytes = 64u << 20;
inline constexpr size_t kMaxBatchBytes = 128u << 20;
inline constexpr uint64_t kMinSegmentBytes = 8u << 10;
/// How often a log that found the disk full tries again.
inline constexpr int64_t kStallRetryUs = 250'000;
/// Longest pause between two pieces of a segment that is prepared while the log hardly grows.
inline constexpr int64_t kPreparePauseMs = 20;

static_assert(kMaxPayloadBytes < kMaxBatchBytes);
static_assert(kMaxBatchBytes < UINT32_MAX / 2, "positions in a batch are 32 bits wide");

}  // namespace switchyard::log
