#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/otlp/span.h"
#include "switchyard/telemetry/metrics.h"

namespace switchyard::otlp {

/// A measurement that stands for others of its bucket, with the span in which it was made.
struct Exemplar {
  double value = 0;
  int64_t time_us = 0;            ///< since the epoch
  std::string trace_id, span_id;  ///< lower-case hexadecimal
};

/// A metric as it stands, as OTLP has it. Counters and histograms count since the start.
struct Metric {
  using Kind = telemetry::MetricReading::Kind;
  struct Point {
    Attributes attributes;
    double value = 0;                          ///< of a counter or gauge
    telemetry::Histogram::Snapshot histogram;  ///< of a histogram
    std::vector<Exemplar> exemplars;           ///< of a histogram: at most one for each bucket
  };
  std::string name, unit, description;
  Kind kind = Kind::kGauge;
  std::vector<double> bounds;  ///< of a histogram
  std::vector<Point> points;
};

/// What a registry has, under its own names: but what has counted nothing yet.
std::vector<Metric> metrics_of(const telemetry::Registry& registry);

/// A histogram under OpenTelemetry's names, whose series are bounded (kMaxSeries; what is more is counted
/// under `otel.metric.overflow`). Thread-safe; a short lock.
class Histogram {
 public:
  /// `bounds` ascend.
  Histogram(std::string name, std::string unit, std::string description, std::vector<double> bounds);

  /// The order of attributes is part of a series: keep to one. `sampled` is the span in which it was measured
  /// and becomes the exemplar of the value's bucket; null: none that is exported.
  void observe(const Attributes& attributes, double value, const Span* sampled = nullptr);
  Metric read() const;

 private:
  struct Series {
    telemetry::Histogram::Snapshot values;
    std::vector<Exemplar> exemplars;  ///< by bucket, the newest; empty before the first
  };
  const std::string name_, unit_, description_;
  const std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::map<Attributes, Series> series_;  // guarded by mutex_
};

}  // namespace switchyard::otlp
