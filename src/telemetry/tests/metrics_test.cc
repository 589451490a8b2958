#include "switchyard/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

namespace switchyard::telemetry {
namespace {

/// The value behind `series` (name and labels) in the exposition; fails when it is not there exactly once.
double exposed(const std::string& text, const std::string& series) {
  const std::string line_start = "\n" + series + " ";
  const std::string all = "\n" + text;
  const size_t at = all.find(line_start);
  EXPECT_NE(at, std::string::npos) << series << " is not in\n" << text;
  if (at == std::string::npos) return std::nan("");
  EXPECT_EQ(all.find(line_start, at + 1), std::string::npos) << series;
  return std::strtod(all.c_str() + at + line_start.size(), nullptr);
}

TEST(Metrics, CountersAndHistogramsLoseNothingAcrossThreads) {
  Registry registry;
  auto& counter = registry.counter("switchyard_test_events_total", "Events.");
  auto& histogram = registry.histogram("switchyard_test_wait_seconds", "Waits.", short_latency_buckets());
  auto family = registry.counters("switchyard_test_kinds_total", "Kinds.", {"kind"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&, t] {
      auto& kind = family.with({t % 2 == 0 ? "even" : "odd"});
      for (int i = 0; i < 10000; ++i) {
        counter.add();
        kind.add(2);
        histogram.observe(0.5);
      }
    });
  }
  for (int i = 0; i < 20; ++i) (void)registry.expose();
  for (auto& thread : threads) thread.join();
  const std::string text = registry.expose();
  EXPECT_EQ(exposed(text, "switchyard_test_events_total"), 120000);
  EXPECT_EQ(exposed(text, "switchyard_test_kinds_total{kind=\"even\"}"), 120000);
  EXPECT_EQ(exposed(text, "switchyard_test_wait_seconds_count"), 120000);
  EXPECT_DOUBLE_EQ(exposed(text, "switchyard_test_wait_seconds_sum"), 60000);
}

TEST(Metrics, AHistogramsBoundIsInclusiveAndItsBucketsAreCumulative) {
  Registry registry;
  static constexpr double kBounds[] = {1, 2, 4};
  auto& histogram = registry.histogram("switchyard_test_size_bytes", "Sizes.", kBounds);
  for (const double v : {0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 100.0}) histogram.observe(v);
  const std::string text = registry.expose();
  EXPECT_EQ(exposed(text, "switchyard_test_size_bytes_bucket{le=\"1\"}"), 2);
  EXPECT_EQ(exposed(text, "switchyard_test_size_bytes_bucket{le=\"2\"}"), 4);
  EXPECT_EQ(exposed(text, "switchyard_test_size_bytes_bucket{le=\"4\"}"), 6);
  EXPECT_EQ(exposed(text, "switchyard_test_size_bytes_bucket{le=\"+Inf\"}"), 8);
  EXPECT_NE(text.find("# TYPE switchyard_test_size_bytes histogram"), std::string::npos);
  histogram.observe(std::nan(""));
  EXPECT_EQ(histogram.snapshot().counts.back(), 3u);  // a NaN is above every bound, not in the first bucket
}

TEST(Metrics, AreReadAsDataAsWell) {
  Registry registry;
  static constexpr double kBounds[] = {1, 2};
  registry.counters("switchyard_test_a_total", "A.", {"kind"}).with({"x"}).add(3);
  const auto callback = registry.callback("switchyard_test_b", "B.", {}, [] { return 1.5; });
  auto& histogram = registry.histogram("switchyard_test_c_seconds", "C.", kBounds);
  for (const double v : {0.5, 1.5, 1.6, 7.0}) histogram.observe(v);
  const auto all = registry.read();
  ASSERT_EQ(all.size(), 4u);  // with the registry's own, the first by name
  EXPECT_EQ(all[1].name, "switchyard_test_a_total");
  EXPECT_EQ(all[1].kind, MetricReading::Kind::kCounter);
  EXPECT_EQ(all[1].series.at(0).labels, (Labels{{"kind", "x"}}));
  EXPECT_EQ(all[1].series.at(0).value, 3);
  EXPECT_EQ(all[2].kind, MetricReading::Kind::kGauge);
  EXPECT_EQ(all[2].series.at(0).value, 1.5);
  EXPECT_EQ(all[3].help, "C.");
  EXPECT_EQ(all[3].bounds, (std::vector<double>{1, 2}));
  EXPECT_EQ(all[3].series.at(0).histogram.counts, (std::vector<uint64_t>{1, 2, 1}));
  EXPECT_EQ(all[3].series.at(0).histogram.sum, 10.6);
}

TEST(Metrics, LabelValuesPastTheLimitShareOneSeries) {
  Registry registry;
  auto family = registry.counters("switchyard_test_tenants_total", "By tenant.", {"tenant", "region"}, 3);
  for (int i = 0; i < 50; ++i) family.with({"t" + std::to_string(i), "eu"}).add();
  family.with({"t0", "eu"}).add();
  const std::string text = registry.expose();
  EXPECT_EQ(exposed(text, "switchyard_test_tenants_total{tenant=\"t0\",region=\"eu\"}"), 2);
  EXPECT_EQ(exposed(text, "switchyard_test_tenants_total{tenant=\"other\",region=\"other\"}"), 47);
  EXPECT_EQ(exposed(text, "switchyard_telemetry_series_dropped_total"), 47);
}

TEST(Metrics, LabelValuesAreEscapedAndCut) {
  Registry registry;
  registry.gauges("switchyard_test_depth", "Depth.", {"name"}).with({"a\"b\\c\nd"}).set(1.5);
  registry.gauges("switchyard_test_depth", "Depth.", {"name"}).with({std::string(5000, 'x')}).set(2);
  const std::string text = registry.expose();
  EXPECT_EQ(exposed(text, R"(switchyard_test_depth{name="a\"b\\c\nd"})"), 1.5);
  EXPECT_EQ(exposed(text, "switchyard_test_depth{name=\"" + std::string(kMaxLabelBytes, 'x') + "\"}"), 2);
}

TEST(Metrics, AskingTwiceGivesTheSameMetric) {
  Registry registry;
  EXPECT_EQ(&registry.counter("switchyard_test_a_total", "A."),
            &registry.counter("switchyard_test_a_total", "A."));
  EXPECT_EQ(&registry.gauges("switchyard_test_g", "G.", {"x"}).with({"1"}),
            &registry.gauges("switchyard_test_g", "G.", {"x"}).with({"1"}));
}

TEST(Metrics, ACallbackIsAskedAtEachExpositionUntilItsHandleGoes) {
  Registry registry;
  int depth = 3;
  auto first =
      registry.callback("switchyard_test_queue_depth", "Depth.", {{"queue", "a"}}, [&] { return depth; });
  auto second =
      registry.callback("switchyard_test_queue_depth", "Depth.", {{"queue", "b"}}, [&] { return 2 * depth; });
  EXPECT_EQ(exposed(registry.expose(), "switchyard_test_queue_depth{queue=\"a\"}"), 3);
  depth = 5;
  EXPECT_EQ(exposed(registry.expose(), "switchyard_test_queue_depth{queue=\"b\"}"), 10);
  first.reset();
  const std::string text = registry.expose();
  EXPECT_EQ(text.find("queue=\"a\""), std::string::npos);
  EXPECT_EQ(exposed(text, "switchyard_test_queue_depth{queue=\"b\"}"), 10);
  second = CallbackHandle();
  EXPECT_EQ(registry.expose().find("queue_depth"), std::string::npos);
}

TEST(MetricsDeathTest, NamesAgainstTheConventionsAreRefused) {
  Registry registry;
  EXPECT_DEATH(registry.counter("switchyard_test_events", "No suffix."), "CHECK failed");
  EXPECT_DEATH(registry.gauge("switchyard_test_total", "A gauge is no total."), "CHECK failed");
  EXPECT_DEATH(registry.histogram("switchyard_test_wait_ms", "Not a base unit."), "CHECK failed");
  EXPECT_DEATH(registry.gauge("test_depth", "No prefix."), "CHECK failed");
  registry.counter("switchyard_test_taken_total", "Taken.");
  EXPECT_DEATH(registry.counters("switchyard_test_taken_total", "Taken.", {"label"}), "CHECK failed");
}

TEST(Metrics, StandardBucketsAscend) {
  for (const auto bounds :
       {latency_buckets(), short_latency_buckets(), size_buckets(), bytes_buckets(), human_buckets()}) {
    ASSERT_LE(bounds.size(), kMaxBuckets);
    for (size_t i = 1; i < bounds.size(); ++i) EXPECT_LT(bounds[i - 1], bounds[i]);
  }
}

TEST(ProcessMetrics, SayWhatTheKernelKnows) {
  Registry registry;
  const auto handles = add_process_metrics(registry, "1.2.3");
  const std::string text = registry.expose();
  EXPECT_GT(exposed(text, "process_resident_memory_bytes"), 1e5);
  EXPECT_GE(exposed(text, "process_virtual_memory_bytes"), exposed(text, "process_resident_memory_bytes"));
  EXPECT_GE(exposed(text, "process_open_fds"), 3);
  EXPECT_GE(exposed(text, "process_threads"), 1);
  EXPECT_GE(exposed(text, "process_cpu_seconds_total"), 0);
  const double now = static_cast<double>(time(nullptr));
  EXPECT_NEAR(exposed(text, "process_start_time_seconds"), now, 600);
  EXPECT_EQ(exposed(text, "switchyard_build_info{version=\"1.2.3\"}"), 1);
  EXPECT_NE(text.find("# TYPE process_cpu_seconds_total counter"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::telemetry
