#include "switchyard/telemetry/metrics.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "switchyard/base/check.h"

namespace switchyard::telemetry {
namespace {

constexpr size_t kWordsPerLine = 64 / sizeof(uint64_t);

/// Words of one shard: a count per bucket, one for the values above all bounds, and the sum; in whole cache
/// lines.
size_t stride_for(size_t bounds) { return (bounds + 2 + kWordsPerLine - 1) / kWordsPerLine * kWordsPerLine; }

}  // namespace

size_t this_thread_shard() {
  static std::atomic<size_t> next{0};
  thread_local const size_t shard = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return shard;
}

uint64_t Counter::value() const {
  uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard.n.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()),
      stride_(stride_for(bounds.size())),
      words_(new std::atomic<uint64_t>[stride_for(bounds.size()) * kShards]()) {
  SY_CHECK(!bounds_.empty() && bounds_.size() <= kMaxBuckets);
  SY_CHECK(std::is_sorted(bounds_.begin(), bounds_.end(), std::less_equal<>()));
}

void Histogram::observe(double v) {
  size_t bucket = 0;
  while (bucket < bounds_.size() && !(v <= bounds_[bucket])) ++bucket;
  std::atomic<uint64_t>* shard = &words_[this_thread_shard() * stride_];
  shard[bucket].fetch_add(1, std::memory_order_relaxed);
  std::atomic<uint64_t>& sum = shard[bounds_.size() + 1];
  uint64_t before = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(before, std::bit_cast<uint64_t>(std::bit_cast<double>(before) + v),
                                    std::memory_order_relaxed)) {
  }
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot;
  snapshot.counts.resize(bounds_.size() + 1);
  for (size_t s = 0; s < kShards; ++s) {
    const std::atomic<uint64_t>* shard = &words_[s * stride_];
    for (size_t i = 0; i <= bounds_.size(); ++i) {
      const uint64_t n = shard[i].load(std::memory_order_relaxed);
      snapshot.counts[i] += n;
      snapshot.count += n;
    }
    snapshot.sum += std::bit_cast<double>(shard[bounds_.size() + 1].load(std::memory_order_relaxed));
  }
  return snapshot;
}

std::span<const double> latency_buckets() {
  static constexpr double kBounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
  return kBounds;
}

std::span<const double> short_latency_buckets() {
  static constexpr double kBounds[] = {0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005,
                                       0.0001,   0.00025,   0.0005,   0.001,   0.0025,   0.005,
                                       0.01,     0.025,     0.1,      1};
  return kBounds;
}

std::span<const double> size_buckets() {
  static constexpr double kBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
  return kBounds;
}

std::span<const double> bytes_buckets() {
  static constexpr double kBounds[] = {64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216};
  return kBounds;
}

std::span<const double> human_buckets() {
  static constexpr double kBounds[] = {1,    5,    15,    30,    60,    120,    300,    600,
                                       1800, 3600, 14400, 43200, 86400, 259200, 604800, 2592000};
  return kBounds;
}

}  // namespace switchyard::telemetry
