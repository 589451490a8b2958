#include "../tracing.h"

#include <gtest/gtest.h>

#include "switchyard/base/hash.h"
#include "switchyard/workflow/pipeline.h"

// Which spans there are, and what is in them: tests/clients/otlp_test.py, through the whole server.
namespace switchyard::server {
namespace {

class OnePipeline final : public workflow::Catalog {
 public:
  GovernanceOffset offset() const override { return {}; }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view, std::string_view) const override {
    return pipeline_;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256&) const override {
    return pipeline_;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline&) const override {
    return std::make_shared<const workflow::Pins>();
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind, std::string_view, std::string_view) const override {
    return nullptr;
  }

 private:
  const std::shared_ptr<const workflow::Pipeline> pipeline_ = std::make_shared<workflow::Pipeline>();
};

class TracingTest : public ::testing::Test {
 protected:
  static Tracing::Options options() {
    Tracing::Options options;
    options.config.traces.url = "http://127.0.0.1:1/v1/traces";
    options.catalog = [] { return std::make_shared<const OnePipeline>(); };
    return options;
  }
  static RunId run(uint64_t number) {
    return RunId::make(1'700'000'000'000 + static_cast<int64_t>(number), number,
                       number * 0x9E3779B97F4A7C15ull);
  }
  static std::string trace_id(const RunId& run) { return to_hex(run.bytes); }

  void start(const RunId& run, std::string_view trace = {}) {
    RunStarted started;
    started.trace = trace;
    tracing.observe(Event{run, kNoStep, 1, started});
  }
  std::string trace_of(const RunId& run, std::string trace = {}, uint16_t attempt = 1) {
    workflow::EffectRequest request;
    request.run = run;
    request.trace = std::move(trace);
    request.attempt = attempt;
    return tracing.trace_of(request);
  }

  telemetry::Registry registry;
  Tracing tracing{options(), registry, telemetry::Logger(), runtime::system_clock()};
};

constexpr const char* kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_F(TracingTest, WhatAStepCallsHasTheCallersTraceAndEachAttemptASpan) {
  start(run(1), kCaller);
  const std::string first = trace_of(run(1), kCaller), second = trace_of(run(1), kCaller, 2);
  EXPECT_EQ(first.substr(0, 36), std::string(kCaller).substr(0, 36));
  EXPECT_NE(first, kCaller);
  EXPECT_NE(first, second);
  EXPECT_EQ(trace_of(run(1), kCaller), first);
}

TEST_F(TracingTest, WhatTheCallerDoesNotSampleIsPassedOnAsItCame) {
  const std::string unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  start(run(1), unsampled);
  EXPECT_EQ(trace_of(run(1), unsampled), unsampled);
}

TEST_F(TracingTest, ChildrenOfWhatNobodyAskedForAreInItsTrace) {
  start(run(1));
  EXPECT_EQ(trace_of(run(1)).substr(3, 32), trace_id(run(1)));
  start(run(2));
  RunLinked linked;
  linked.parent = run(1);
  tracing.observe(Event{run(2), kNoStep, 1, linked});
  EXPECT_EQ(trace_of(run(2)).substr(3, 32), trace_id(run(1)));
}

TEST_F(TracingTest, EndedDecisionsAreForgottenAndSoAreTheOldestPastTheLimit) {
  start(run(1));
  tracing.observe(Event{run(1), kNoStep, 2, RunCompleted{}});
  EXPECT_EQ(trace_of(run(1)), "");
  const uint64_t count = Tracing::kMaxTracedRuns + Tracing::kMaxTracedRuns / 10;
  for (uint64_t i = 1; i <= count; ++i) start(run(i));
  EXPECT_EQ(trace_of(run(1)), "");
  EXPECT_EQ(trace_of(run(count)).substr(3, 32), trace_id(run(count)));
}

}  // namespace
}  // namespace switchyard::server
