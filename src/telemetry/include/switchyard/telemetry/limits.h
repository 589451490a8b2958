#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::telemetry {

/// Copies of each counter and histogram over which threads are spread.
inline constexpr size_t kShards = 8;
inline constexpr size_t kMaxBuckets = 64;
/// Series of a labelled metric unless it says otherwise.
inline constexpr size_t kMaxSeries = 200;
/// A label value is cut to this.
inline constexpr size_t kMaxLabelBytes = 128;

/// Log lines that wait for the writer; more are dropped and counted.
inline constexpr size_t kLogQueueBytes = 4u << 20;
/// A line longer than this is cut.
inline constexpr size_t kMaxLogLineBytes = 16u << 10;
/// Lines of one message per second; more are counted and the count is shown with the next.
inline constexpr uint32_t kLogBurstPerSecond = 50;

static_assert(kMaxLogLineBytes * 16 <= kLogQueueBytes);

}  // namespace switchyard::telemetry
