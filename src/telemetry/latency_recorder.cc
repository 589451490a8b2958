#include "switchyard/telemetry/latency_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace switchyard::telemetry {
namespace {

// A value below 2^kExactBits has a bucket of its own; above, each doubling is cut into 2^(kExactBits-1)
// buckets.
constexpr int kExactBits = 8;
constexpr size_t kHalf = size_t{1} << (kExactBits - 1);
constexpr size_t kBuckets = (64 - kExactBits + 2) * kHalf;

size_t bucket_of(uint64_t value) {
  const int shift = std::max(0, 64 - std::countl_zero(value) - kExactBits);
  return static_cast<size_t>(shift) * kHalf + static_cast<size_t>(value >> shift);
}

/// The middle of the values that share a bucket.
uint64_t value_of(size_t bucket) {
  if (bucket < 2 * kHalf) return bucket;
  const size_t shift = bucket / kHalf - 1;
  const uint64_t low = static_cast<uint64_t>(bucket - shift * kHalf) << shift;
  return low + ((uint64_t{1} << shift) >> 1);
}

}  // namespace

LatencyRecorder::LatencyRecorder() : counts_(kBuckets) {}

void LatencyRecorder::record(uint64_t value, uint64_t times) {
  counts_[bucket_of(value)] += times;
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(times);
}

void LatencyRecorder::record_corrected(uint64_t value, uint64_t interval) {
  record(value);
  if (interval == 0) return;
  for (uint64_t missed = value; missed >= 2 * interval; missed -= interval) record(missed - interval);
}

void LatencyRecorder::merge(const LatencyRecorder& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void LatencyRecorder::clear() { *this = LatencyRecorder(); }

double LatencyRecorder::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

uint64_t LatencyRecorder::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_);
  // The subtraction keeps 99.9 % of 1000 at 999 in spite of rounding.
  const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(wanted - 1e-6)));
  if (rank >= count_) return max_;
  if (rank == 1) return min_;
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::clamp(value_of(i), min_, max_);
  }
  return max_;
}

std::string LatencyRecorder::summary() const {
  return fmt::format("n={} p50={} p99={} p99.9={} max={}", count_, format_nanoseconds(percentile(50)),
                     format_nanoseconds(percentile(99)), format_nanoseconds(percentile(99.9)),
                     format_nanoseconds(max_));
}

std::string format_nanoseconds(uint64_t ns) {
  const auto v = static_cast<double>(ns);
  if (ns < 1000) return fmt::format("{}ns", ns);
  if (ns < 999500) return fmt::format("{:.3g}us", v / 1e3);
  if (ns < 999500000) return fmt::format("{:.3g}ms", v / 1e6);
  return fmt::format("{:.3g}s", v / 1e9);
}

}  // namespace switchyard::telemetry
