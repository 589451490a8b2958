#include "http_load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "switchyard/http/server.h"

namespace switchyard::bench {
namespace {

class LoadTest : public ::testing::Test {
 protected:
  void start(http::Handler handler) {
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(handler));
    server_->start().value();
    options_.port = server_->port();
    options_.connections = 4;
    options_.seconds = 0.3;
    options_.warm_up_seconds = 0.05;
  }
  void TearDown() override {
    if (server_) server_->stop();
  }
  std::unique_ptr<http::Server> server_;
  LoadOptions options_;
};

TEST_F(LoadTest, SendsTheBodiesInTurnAndChecksTheAnswers) {
  std::mutex mutex;
  std::set<std::string> seen;
  start([&](http::Request&& request, http::Responder responder) {
    EXPECT_EQ(request.header("Authorization"), "Bearer key");
    std::string body = request.take_body();
    {
      std::lock_guard lock(mutex);
      seen.insert(body);
    }
    responder.send(http::Response::json(200, body));
  });
  options_.method = "POST";
  options_.headers = {{"Authorization", "Bearer key"}};
  options_.bodies = {"{\"a\":1}", "{\"a\":2}", std::string(200'000, 'x')};
  options_.check = [](int status, std::string_view body) {
    return status == 200 && (body.size() == 7 || body.size() == 200'000);
  };
  const LoadReport report = run_load(options_).value();
  EXPECT_GT(report.answers, 20u);
  EXPECT_EQ(report.wrong + report.non_2xx + report.broken + report.unanswered, 0u) << report.to_string();
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(report.latency.count(), report.answers);
}

TEST_F(LoadTest, KeepsItsRateInTheOpenLoop) {
  std::atomic<uint64_t> requests{0};
  start([&](http::Request&&, http::Responder responder) {
    ++requests;
    responder.send(http::Response::text(200, "x"));
  });
  options_.rate = 1000;
  const LoadReport report = run_load(options_).value();
  EXPECT_EQ(report.answers, 300u);
  EXPECT_EQ(requests, 350u);
}

TEST_F(LoadTest, CountsAStallForEveryRequestThatWasDueInIt) {
  std::atomic<int> requests{0};
  start([&](http::Request&&, http::Responder responder) {
    if (++requests == 150) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    responder.send(http::Response::text(200, "x"));
  });
  options_.rate = 1000;
  const LoadReport report = run_load(options_).value();
  // About 100 of 300 were due during the 100 ms and waited 50 ms on average; a loop that measures from the
  // moment of sending would have seen only its four connections stall.
  EXPECT_GE(report.latency.percentile(80), 10'000'000u) << report.to_string();
}

TEST_F(LoadTest, ReportsProblemsAndBrokenConnections) {
  std::atomic<int> requests{0};
  start([&](http::Request&&, http::Responder responder) {
    http::Response response = http::Response::text(requests++ % 2 == 0 ? 200 : 503, "busy");
    response.close = requests % 10 == 0;
    responder.send(std::move(response));
  });
  const LoadReport report = run_load(options_).value();
  EXPECT_GT(report.non_2xx, 0u);
  EXPECT_EQ(report.by_status.size(), 2u);
  EXPECT_EQ(report.sample_problem, "503 busy");
  EXPECT_EQ(report.broken, 0u);
}

TEST(Load, SaysThatNobodyListens) {
  LoadOptions options;
  options.port = 1;
  const auto report = run_load(options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, "load.connect_failed");
}

}  // namespace
}  // namespace switchyard::bench
