#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::otlp {

inline constexpr size_t kMaxQueuedSpans = 100'000;    ///< what OTEL_BSP_MAX_QUEUE_SIZE may be
inline constexpr size_t kMaxBatchSpans = 10'000;      ///< what OTEL_BSP_MAX_EXPORT_BATCH_SIZE may be
inline constexpr size_t kMaxSeries = 2'000;           ///< of one histogram; what is more is counted together
inline constexpr size_t kMaxAttributeBytes = 1'024;   ///< of one text
inline constexpr size_t kMaxPairs = 64;               ///< of headers, of resource attributes
inline constexpr size_t kMaxAnswerBytes = 64u << 10;  ///< of a collector
inline constexpr int kMaxAttempts = 5;                ///< to send one batch
inline constexpr int64_t kFirstRetryMs = 1'000;       ///< doubled for each further one
inline constexpr int64_t kMaxRetryMs = 30'000;
inline constexpr int64_t kMaxRetryAfterMs = 300'000;  ///< a collector's Retry-After is cut to it
inline constexpr int64_t kFlushMs = 3'000;            ///< what stop() waits for the last batches

}  // namespace switchyard::otlp
