#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <sstream>

#include "switchyard/base/check.h"
#include "switchyard/telemetry/metrics.h"

namespace switchyard::telemetry {
namespace {

constexpr std::string_view kOther = "other";
constexpr std::string_view kDropped = "switchyard_telemetry_series_dropped_total";

bool is_lower_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// The conventions that can be seen in a name.
void check_name(std::string_view name, bool counter) {
  SY_CHECK(is_lower_name(name));
  SY_CHECK(name.starts_with("switchyard_") || name.starts_with("process_"));
  SY_CHECK(name.ends_with("_total") == counter);
  for (const std::string_view unit : {"_ms", "_us", "_ns", "_milliseconds", "_microseconds", "_nanoseconds",
                                      "_kb", "_mb", "_minutes", "_hours", "_percent"})
    SY_CHECK(!name.ends_with(unit) && name.find(std::string(unit) + "_total") == std::string_view::npos);
}

template <typename Metric>
constexpr prometheus::MetricType kTypeOf = prometheus::MetricType::Untyped;
template <>
constexpr prometheus::MetricType kTypeOf<Counter> = prometheus::MetricType::Counter;
template <>
constexpr prometheus::MetricType kTypeOf<Gauge> = prometheus::MetricType::Gauge;
template <>
constexpr prometheus::MetricType kTypeOf<Histogram> = prometheus::MetricType::Histogram;

void read(const Counter& from, prometheus::ClientMetric& to) {
  to.counter.value = static_cast<double>(from.value());
}
void read(const Gauge& from, prometheus::ClientMetric& to) { to.gauge.value = from.value(); }
void read(const Histogram& from, prometheus::ClientMetric& to) {
  const auto snapshot = from.snapshot();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < snapshot.counts.size(); ++i) {
    cumulative += snapshot.counts[i];
    const double bound =
        i < from.bounds().size() ? from.bounds()[i] : std::numeric_limits<double>::infinity();
    to.histogram.bucket.push_back({cumulative, bound});
  }
  to.histogram.sample_count = snapshot.count;
  to.histogram.sample_sum = snapshot.sum;
}

/// A name with its series, whatever their kind.
class AnyFamily {
 public:
  AnyFamily(std::string_view help, std::vector<std::string> labels)
      : help_(help), labels_(std::move(labels)) {}
  virtual ~AnyFamily() = default;
  virtual prometheus::MetricFamily collect() const = 0;
  const std::string help_;
  const std::vector<std::string> labels_;
};

/// Gauges or counters that are asked for.
class CallbackFamily final : public AnyFamily {
 public:
  using AnyFamily::AnyFamily;
  struct Callback {
    Labels labels;
    std::function<double()> read;
  };
  prometheus::MetricType type = prometheus::MetricType::Gauge;
  std::map<uint64_t, Callback> callbacks;

  prometheus::MetricFamily collect() const override {
    prometheus::MetricFamily family;
    family.type = type;
    for (const auto& [id, callback] : callbacks) {
      auto& metric = family.metric.emplace_back();
      for (const auto& [name, value] : callback.labels) metric.label.push_back({name, value});
      (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = callback.read();
    }
    return family;
  }
};

}  // namespace

template <typename Metric>
struct Family<Metric>::Impl final : AnyFamily {
  Impl(std::string_view help, std::vector<std::string> labels, std::vector<double> bounds, size_t max_series,
       Counter* dropped)
      : AnyFamily(help, std::move(labels)),
        bounds_(std::move(bounds)),
        max_series_(max_series),
        dropped_(dropped) {}

  Metric& with(std::span<const std::string_view> values) {
    SY_CHECK(values.size() == labels_.size());
    std::vector<std::string> key;
    key.reserve(values.size());
    for (const auto value : values) key.emplace_back(value.substr(0, kMaxLabelBytes));
    {
      std::shared_lock lock(mutex_);
      if (const auto found = series_.find(key); found != series_.end()) return *found->second;
    }
    std::unique_lock lock(mutex_);
    if (const auto found = series_.find(key); found != series_.end()) return *found->second;
    if (series_.size() >= max_series_ && !labels_.empty()) {
      if (dropped_ != nullptr) dropped_->add();
      key.assign(labels_.size(), std::string(kOther));
    }
    auto& metric = series_[key];
    if (metric == nullptr) metric = make();
    return *metric;
  }

  prometheus::MetricFamily collect() const override {
    prometheus::MetricFamily family;
    family.type = kTypeOf<Metric>;
    std::shared_lock lock(mutex_);
    for (const auto& [values, metric] : series_) {
      auto& out = family.metric.emplace_back();
      for (size_t i = 0; i < labels_.size(); ++i) out.label.push_back({labels_[i], values[i]});
      read(*metric, out);
    }
    return family;
  }

  std::unique_ptr<Metric> make() const {
    if constexpr (std::is_same_v<Metric, Histogram>)
      return std::make_unique<Histogram>(bounds_);
    else
      return std::make_unique<Metric>();
  }

  const std::vector<double> bounds_;
  const size_t max_series_;
  Counter* const dropped_;
  mutable std::shared_mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>> series_;  // guarded by mutex_
};

template <typename Metric>
Metric& Family<Metric>::with(std::span<const std::string_view> values) {
  return impl_->with(values);
}
template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::Impl final : prometheus::Collectable {
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<AnyFamily>, std::less<>> families;  // guarded by mutex
  uint64_t next_callback = 0;                                               // guarded by mutex
  Counter* dropped = nullptr;

  template <typename Metric>
  typename Family<Metric>::Impl& family(std::string_view name, std::string_view help,
                                        std::span<const std::string_view> labels,
                                        std::span<const double> bounds, size_t max_series) {
    check_name(name, std::is_same_v<Metric, Counter>);
    for (const auto label : labels) SY_CHECK(is_lower_name(label) && label != "le");
    std::lock_guard lock(mutex);
    const auto found = families.find(name);
    if (found != families.end()) {
      auto* known = dynamic_cast<typename Family<Metric>::Impl*>(found->second.get());
      SY_CHECK(known != nullptr);  // the name is taken by another kind of metric
      SY_CHECK(std::equal(labels.begin(), labels.end(), known->labels_.begin(), known->labels_.end()));
      SY_CHECK(std::equal(bounds.begin(), bounds.end(), known->bounds_.begin(), known->bounds_.end()));
      return *known;
    }
    auto made = std::make_unique<typename Family<Metric>::Impl>(
        help, std::vector<std::string>(labels.begin(), labels.end()),
        std::vector<double>(bounds.begin(), bounds.end()), max_series, dropped);
    auto& result = *made;
    families.emplace(name, std::move(made));
    return result;
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> all;
    std::lock_guard lock(mutex);
    for (const auto& [name, family] : families) {
      auto collected = family->collect();
      if (collected.metric.empty()) continue;
      collected.name = name;
      collected.help = family->help_;
      all.push_back(std::move(collected));
    }
    return all;
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {
  impl_->dropped =
      &counter(kDropped, "Label sets that were counted under \"other\" because their metric was full.");
}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help) {
  return impl_->family<Counter>(name, help, {}, {}, 1).with({});
}
Gauge& Registry::gauge(std::string_view name, std::string_view help) {
  return impl_->family<Gauge>(name, help, {}, {}, 1).with({});
}
Histogram& Registry::histogram(std::string_view name, std::string_view help, std::span<const double> bounds) {
  return impl_->family<Histogram>(name, help, {}, bounds, 1).with({});
}

Family<Counter> Registry::counters(std::string_view name, std::string_view help, Names labels,
                                   size_t max_series) {
  return Family<Counter>(
      &impl_->family<Counter>(name, help, {labels.begin(), labels.size()}, {}, max_series));
}
Family<Gauge> Registry::gauges(std::string_view name, std::string_view help, Names labels,
                               size_t max_series) {
  return Family<Gauge>(&impl_->family<Gauge>(name, help, {labels.begin(), labels.size()}, {}, max_series));
}
Family<Histogram> Registry::histograms(std::string_view name, std::string_view help, Names labels,
                                       std::span<const double> bounds, size_t max_series) {
  return Family<Histogram>(
      &impl_->family<Histogram>(name, help, {labels.begin(), labels.size()}, bounds, max_series));
}

CallbackHandle Registry::callback(std::string_view name, std::string_view help, Labels labels,
                                  std::function<double()> read) {
  const bool counter = name.ends_with("_total");
  check_name(name, counter);
  std::lock_guard lock(impl_->mutex);
  auto& family = impl_->families[std::string(name)];
  if (family == nullptr) {
    auto made = std::make_unique<CallbackFamily>(help, std::vector<std::string>{});
    made->type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    family = std::move(made);
  }
  auto* callbacks = dynamic_cast<CallbackFamily*>(family.get());
  SY_CHECK(callbacks != nullptr);  // the name is taken by a metric that is set, not asked for
  for (const auto& [id, known] : callbacks->callbacks) SY_CHECK(known.labels != labels);
  const uint64_t id = impl_->next_callback++;
  callbacks->callbacks.emplace(id, CallbackFamily::Callback{std::move(labels), std::move(read)});
  return CallbackHandle([impl = impl_.get(), callbacks, id] {
    std::lock_guard inner(impl->mutex);
    callbacks->callbacks.erase(id);
  });
}

namespace {

MetricReading::Series reading_of(const prometheus::ClientMetric& metric, prometheus::MetricType type) {
  MetricReading::Series series;
  for (const auto& label : metric.label) series.labels.emplace_back(label.name, label.value);
  series.value = type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  uint64_t below = 0;
  for (const auto& bucket : metric.histogram.bucket) {
    series.histogram.counts.push_back(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
  }
  series.histogram.count = metric.histogram.sample_count;
  series.histogram.sum = metric.histogram.sample_sum;
  return series;
}

}  // namespace

std::vector<MetricReading> Registry::read() const {
  std::vector<MetricReading> all;
  for (const prometheus::MetricFamily& family : impl_->Collect()) {
    MetricReading& reading = all.emplace_back();
    reading.name = family.name;
    reading.help = family.help;
    if (family.type == prometheus::MetricType::Counter) reading.kind = MetricReading::Kind::kCounter;
    if (family.type == prometheus::MetricType::Histogram) {
      reading.kind = MetricReading::Kind::kHistogram;
      for (const auto& bucket : family.metric.front().histogram.bucket)
        if (std::isfinite(bucket.upper_bound)) reading.bounds.push_back(bucket.upper_bound);
    }
    for (const prometheus::ClientMetric& metric : family.metric)
      reading.series.push_back(reading_of(metric, family.type));
  }
  return all;
}

std::string Registry::expose() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->Collect());
  return std::move(out).str();
}

}  // namespace switchyard::telemetry
