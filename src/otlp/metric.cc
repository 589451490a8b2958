#include "switchyard/otlp/metric.h"

#include <algorithm>
#include <iterator>

#include "switchyard/otlp/limits.h"

namespace switchyard::otlp {
namespace {

/// By the names' convention.
std::string unit_of(std::string_view name) {
  if (name.find("_seconds") != std::string_view::npos) return "s";
  if (name.find("_bytes") != std::string_view::npos) return "By";
  return {};
}

bool has_counted(Metric::Kind kind, const telemetry::MetricReading::Series& series) {
  if (kind == Metric::Kind::kGauge) return true;
  return kind == Metric::Kind::kCounter ? series.value != 0 : series.histogram.count != 0;
}

}  // namespace

std::vector<Metric> metrics_of(const telemetry::Registry& registry) {
  std::vector<Metric> all;
  for (telemetry::MetricReading& reading : registry.read()) {
    Metric metric{std::move(reading.name),   {}, std::move(reading.help), reading.kind,
                  std::move(reading.bounds), {}};
    metric.unit = unit_of(metric.name);
    for (auto& series : reading.series) {
      if (!has_counted(reading.kind, series)) continue;
      Metric::Point& point = metric.points.emplace_back();
      for (auto& [name, value] : series.labels)
        point.attributes.push_back({std::move(name), std::move(value)});
      point.value = series.value;
      point.histogram = std::move(series.histogram);
    }
    if (!metric.points.empty()) all.push_back(std::move(metric));
  }
  return all;
}

Histogram::Histogram(std::string name, std::string unit, std::string description, std::vector<double> bounds)
    : name_(std::move(name)),
      unit_(std::move(unit)),
      description_(std::move(description)),
      bounds_(std::move(bounds)) {}

void Histogram::observe(const Attributes& attributes, double value, const Span* sampled) {
  static const Attributes kOverflow = {{"otel.metric.overflow", true}};
  const auto bucket =
      static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  const std::lock_guard lock(mutex_);
  auto found = series_.find(attributes);
  if (found == series_.end())
    found = series_.try_emplace(series_.size() < kMaxSeries ? attributes : kOverflow).first;
  Series& series = found->second;
  series.values.counts.resize(bounds_.size() + 1);
  ++series.values.counts[bucket];
  ++series.values.count;
  series.values.sum += value;
  if (sampled == nullptr) return;
  series.exemplars.resize(bounds_.size() + 1);
  Exemplar& exemplar = series.exemplars[bucket];
  exemplar.value = value;
  exemplar.time_us = sampled->end_us;
  exemplar.trace_id = sampled->trace_id;
  exemplar.span_id = sampled->span_id;
}

Metric Histogram::read() const {
  Metric metric{name_, unit_, description_, Metric::Kind::kHistogram, bounds_, {}};
  const std::lock_guard lock(mutex_);
  for (const auto& [attributes, series] : series_) {
    Metric::Point& point = metric.points.emplace_back();
    point.attributes = attributes;
    point.histogram = series.values;
    std::copy_if(series.exemplars.begin(), series.exemplars.end(), std::back_inserter(point.exemplars),
                 [](const Exemplar& each) { return !each.trace_id.empty(); });
  }
  return metric;
}

}  // namespace switchyard::otlp
