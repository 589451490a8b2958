#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/telemetry/limits.h"

namespace switchyard::telemetry {

/// The shard of the calling thread: threads are dealt out over the shards in turn.
size_t this_thread_shard();

/// A count that only grows. add() is one relaxed addition to a cache line that threads rarely share.
class Counter {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(uint64_t n = 1) { shards_[this_thread_shard()].n.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const;

 private:
  struct alignas(64) Shard {
    std::atomic<uint64_t> n{0};
  };
  std::array<Shard, kShards> shards_;
};

/// A level that goes up and down.
class Gauge {
 public:
  Gauge() = default;
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts of observations up to each bound, with their sum. observe() takes no lock.
class Histogram {
 public:
  struct Snapshot {
    std::vector<uint64_t> counts;  ///< per bucket, not cumulative; the last has no bound
    uint64_t count = 0;
    double sum = 0;
  };

  /// `bounds` ascend; at most kMaxBuckets.
  explicit Histogram(std::span<const double> bounds);
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  void observe(double v);
  /// Counts that may miss observations in progress; `count` is always the sum of `counts`.
  Snapshot snapshot() const;
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  const std::vector<double> bounds_;
  const size_t stride_;  ///< 8-byte words of a shard: whole cache lines
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
};

/// 100 us .. 60 s, for anything a caller waits for, in seconds.
std::span<const double> latency_buckets();
/// 1 us .. 1 s, for work inside the engine, in seconds.
std::span<const double> short_latency_buckets();
/// 1, 2, 4 .. 16384, for batch and queue sizes.
std::span<const double> size_buckets();
/// 64 B .. 16 MiB in steps of 4.
std::span<const double> bytes_buckets();
/// 1 s .. 30 days, for what people do, in seconds.
std::span<const double> human_buckets();

/// Series of one metric that differ in their labels. At most `max_series`; label values beyond share the
/// series whose labels all read "other", so that a label fed from outside cannot exhaust memory.
template <typename Metric>
class Family {
 public:
  /// The series with these label values, in the order of the family's label names. The reference is good as
  /// long as the registry: look it up once and keep it, with() takes a lock.
  Metric& with(std::initializer_list<std::string_view> values) {
    return with(std::span(values.begin(), values.size()));
  }
  Metric& with(std::span<const std::string_view> values);

  struct Impl;
  explicit Family(Impl* impl) : impl_(impl) {}

 private:
  Impl* impl_;
};
extern template class Family<Counter>;
extern template class Family<Gauge>;
extern template class Family<Histogram>;

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Ends a callback's registration when it goes. Must not outlive the registry.
class CallbackHandle {
 public:
  CallbackHandle() = default;
  explicit CallbackHandle(std::function<void()> end) : end_(std::move(end)) {}
  CallbackHandle(CallbackHandle&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
  CallbackHandle& operator=(CallbackHandle&& other) noexcept {
    reset();
    end_ = std::exchange(other.end_, nullptr);
    return *this;
  }
  ~CallbackHandle() { reset(); }
  /// The callback is not running when this returns and will not run again.
  void reset() {
    if (end_) std::exchange(end_, nullptr)();
  }

 private:
  std::function<void()> end_;
};

/// A metric as it stands, for whoever writes another format than Prometheus'.
struct MetricReading {
  enum class Kind : uint8_t { kCounter, kGauge, kHistogram };
  struct Series {
    Labels labels;
    double value = 0;               ///< of a counter or gauge
    Histogram::Snapshot histogram;  ///< of a histogram
  };
  std::string name, help;
  Kind kind = Kind::kGauge;
  std::vector<double> bounds;  ///< of a histogram
  std::vector<Series> series;  ///< at least one
};

/// All metrics of a process (or of a test). Any thread. Asking twice for the same name, kind and labels gives
/// the same metric, so modules need not agree on who makes it; the same name with another kind, label set or
/// bounds is a CHECK failure, as is a name against the conventions: `switchyard_<module>_<what>_<unit>`,
/// lower case, counters ending in
/// `_total`, units seconds, bytes, ratio or a plain plural noun.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& counter(std::string_view name, std::string_view help);
  Gauge& gauge(std::string_view name, std::string_view help);
  Histogram& histogram(std::string_view name, std::string_view help,
                       std::span<const double> bounds = latency_buckets());

  using Names = std::initializer_list<std::string_view>;
  Family<Counter> counters(std::string_view name, std::string_view help, Names labels,
                           size_t max_series = kMaxSeries);
  Family<Gauge> gauges(std::string_view name, std::string_view help, Names labels,
                       size_t max_series = kMaxSeries);
  Family<Histogram> histograms(std::string_view name, std::string_view help, Names labels,
                               std::span<const double> bounds = latency_buckets(),
                               size_t max_series = kMaxSeries);

  /// A gauge (or, for a name ending in `_total`, a counter) whose value is asked for at each exposition,
  /// under the registry's lock: `read` must be quick, must not use the registry, and must be safe from any
  /// thread. Several may share a name with different labels.
  [[nodiscard]] CallbackHandle callback(std::string_view name, std::string_view help, Labels labels,
                                        std::function<double()> read);

  /// Everything in the Prometheus text format (content type kExpositionContentType).
  std::string expose() const;
  /// The same as data.
  std::vector<MetricReading> read() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Adds process_resident_memory_bytes, process_virtual_memory_bytes, process_cpu_seconds_total,
/// process_open_fds, process_max_fds, process_threads, process_start_time_seconds and
/// switchyard_build_info{version} (read from /proc at exposition). Keep the result as long as they shall be
/// shown.
std::vector<CallbackHandle> add_process_metrics(Registry& registry, std::string_view version);

}  // namespace switchyard::telemetry
