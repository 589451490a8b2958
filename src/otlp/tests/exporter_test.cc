#include "switchyard/otlp/exporter.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "switchyard/http/coding.h"
#include "switchyard/http/server.h"
#include "switchyard/otlp/limits.h"

namespace switchyard::otlp {
namespace {

Span span() {
  Span result;
  result.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  result.span_id = "00f067aa0ba902b7";
  result.name = "step";
  return result;
}

std::vector<Metric> no_metrics() { return {}; }

/// A collector that answers what the test says.
class Collector {
 public:
  Collector()
      : server_({}, [this](http::Request&& request, http::Responder responder) {
          std::lock_guard lock(mutex_);
          seen_.emplace_back(std::string(request.target()), std::string(request.body()));
          came_us_.push_back(runtime::system_clock().monotonic_us());
          coding_ = std::string(request.header("Content-Encoding").value_or(""));
          authorization_ = std::string(request.header("Authorization").value_or(""));
          int status = 200;
          if (!statuses_.empty()) {
            status = statuses_.front();
            statuses_.pop_front();
          }
          http::Response response;
          response.status = status;
          response.body = status == 200 ? body_ : "";
          response.content_type = "application/x-protobuf";
          response.headers = headers_;
          responder.send(std::move(response));
          changed_.notify_all();
        }) {
    server_.start().value();
  }
  ~Collector() { server_.stop(); }

  Config config() const {
    Config config;
    config.traces.url = "http://127.0.0.1:" + std::to_string(server_.port()) + "/v1/traces";
    config.metrics.url = "http://127.0.0.1:" + std::to_string(server_.port()) + "/v1/metrics";
    config.span_delay_ms = 5;
    return config;
  }
  /// Answers these in turn, then 200.
  void answer(std::deque<int> statuses, std::string body = "", std::vector<http::Header> headers = {}) {
    std::lock_guard lock(mutex_);
    statuses_ = std::move(statuses);
    body_ = std::move(body);
    headers_ = std::move(headers);
  }
  std::vector<std::pair<std::string, std::string>> wait_for(size_t requests) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return seen_.size() >= requests; });
    return seen_;
  }
  std::vector<std::pair<std::string, std::string>> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  std::string authorization() {
    std::lock_guard lock(mutex_);
    return authorization_;
  }
  /// When each request came.
  std::vector<int64_t> came_us() {
    std::lock_guard lock(mutex_);
    return came_us_;
  }
  /// Of the last request.
  std::string coding() {
    std::lock_guard lock(mutex_);
    return coding_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, std::string>> seen_;
  std::deque<int> statuses_;
  std::string body_, authorization_, coding_;
  std::vector<http::Header> headers_;
  std::vector<int64_t> came_us_;
  http::Server server_;
};

TEST(OtlpExporter, SendsWhatIsRecordedAndWhatIsLeftWhenItStops) {
  Collector collector;
  Histogram histogram("calls", "s", "How long.", {1});
  histogram.observe({}, 0.5);
  Config config = collector.config();
  config.traces.headers.emplace_back("Authorization", telemetry::Secret("Bearer x"));
  config.batch_spans = 2;
  Exporter exporter(
      config, [&] { return std::vector{histogram.read()}; }, "1.0.0", telemetry::Logger(),
      runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(exporter.record(span()));
  collector.wait_for(1);
  EXPECT_EQ(collector.authorization(), "Bearer x");
  exporter.stop();
  EXPECT_EQ(exporter.stats().exported_spans, 5u);
  EXPECT_EQ(exporter.stats().dropped_spans, 0u);
  EXPECT_EQ(exporter.stats().exported_metrics, 1u);
  size_t metrics = 0;
  for (const auto& [target, body] : collector.seen()) {
    EXPECT_FALSE(body.empty());
    metrics += target == "/v1/metrics" ? 1 : 0;
  }
  EXPECT_EQ(metrics, 1u);
  EXPECT_FALSE(exporter.record(span()));
}

TEST(OtlpExporter, TriesAgainWhereTheCollectorMayGetOverIt) {
  Collector collector;
  collector.answer({503});
  Exporter exporter(collector.config(), no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  exporter.record(span());
  const auto seen = collector.wait_for(2);
  EXPECT_EQ(seen[0].second, seen[1].second);
  exporter.stop();
  EXPECT_EQ(exporter.stats().exported_spans, 1u);
  EXPECT_EQ(exporter.stats().failed_requests, 1u);
}

TEST(OtlpExporter, ComesBackNoSoonerThanTheCollectorAsks) {
  Collector collector;
  constexpr int64_t kAskedUs = kFirstRetryMs * 1000 + 200'000;  // by itself it would come before
  collector.answer({429}, "", {{"Retry-After", std::to_string(static_cast<double>(kAskedUs) / 1e6)}});
  Exporter exporter(collector.config(), no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  exporter.record(span());
  collector.wait_for(2);
  const auto came_us = collector.came_us();
  EXPECT_GE(came_us[1] - came_us[0], kAskedUs);
  exporter.stop();
  EXPECT_EQ(exporter.stats().exported_spans, 1u);
}

TEST(OtlpExporter, CompressesWhereThatIsWanted) {
  Collector collector;
  Config config = collector.config();
  config.traces.gzip = true;
  config.metrics.url.clear();
  Exporter exporter(config, no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  for (int i = 0; i < 100; ++i) exporter.record(span());
  exporter.stop();
  EXPECT_EQ(collector.coding(), "gzip");
  size_t unpacked = 0;
  for (const auto& [target, body] : collector.seen()) {
    const auto text = http::gunzip(body, 1u << 20);
    ASSERT_TRUE(text.ok());
    EXPECT_NE(text->find("step"), std::string::npos);
    unpacked += text->size();
  }
  EXPECT_GT(unpacked, 100u * 40);
}

TEST(OtlpExporter, DropsAndCountsWhatTheCollectorRefuses) {
  Collector collector;
  collector.answer({500});
  Exporter exporter(collector.config(), no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  exporter.record(span());
  collector.wait_for(1);
  exporter.stop();
  EXPECT_EQ(exporter.stats().dropped_spans, 1u);
  EXPECT_EQ(exporter.stats().failed_requests, 1u);  // another would be refused as well
  Collector partial;
  partial.answer({}, std::string("\x0a\x0b\x08\x01\x12\x07too old"));
  Exporter second(partial.config(), no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(second.start().ok());
  second.record(span());
  partial.wait_for(1);
  second.stop();
  EXPECT_EQ(second.stats().dropped_spans, 1u);
  EXPECT_EQ(second.stats().exported_spans, 0u);
  EXPECT_EQ(second.stats().rejected_points, 1u);  // of the metrics at its end
}

TEST(OtlpExporter, NeverWaitsForACollectorThatIsAway) {
  Config config;
  config.traces.url = "http://127.0.0.1:1/v1/traces";
  config.queue_spans = 10;
  config.batch_spans = 10;
  Exporter exporter(config, no_metrics, "1", telemetry::Logger(), runtime::system_clock());
  ASSERT_TRUE(exporter.start().ok());
  size_t taken = 0;
  for (int i = 0; i < 1000; ++i) taken += exporter.record(span()) ? 1 : 0;
  EXPECT_LE(taken, 20u);  // a batch under way, and a queue
  exporter.stop();
  EXPECT_EQ(exporter.stats().dropped_spans, 1000u);
}

}  // namespace
}  // namespace switchyard::otlp
