#include "switchyard/models/worker_model.h"

#include <gtest/gtest.h>

#include <optional>

#include "switchyard/testing/manual_clock.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

/// Workers that a test plays.
class Workers final : public ModelTasks {
 public:
  std::function<void()> offer(ModelTask task, std::function<void(Outcome)> tell) override {
    tasks.push_back(std::move(task));
    done = std::move(tell);
    return [this] { ++cancelled; };
  }
  void give(Result<Document> result) {
    Outcome outcome{std::move(result)};
    outcome.worker = "w1";
    outcome.queued_us = 30;
    outcome.run_us = 500;
    outcome.retry_after_us = 7;
    done(std::move(outcome));
  }
  std::vector<ModelTask> tasks;
  std::function<void(Outcome)> done;
  int cancelled = 0;
};

Document json(const std::string& text) { return parse_json_document(text).value(); }

class WorkerModelTest : public ::testing::Test {
 protected:
  static ModelManifest manifest(const std::string& text) {
    Diagnostics diagnostics;
    const Document document = json(text);
    ModelManifest manifest = parse_manifest(document.root(), diagnostics);
    for (const auto& each : diagnostics) ADD_FAILURE() << each.to_string();
    return manifest;
  }
  static ModelManifest value_manifest() {
    return manifest(
        R"({"model":"risk/iris@1.2.0","backend":"sklearn","kind":"value",
            "input":{"schema":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}},
            "output":{"label":"body.label","sure":"body.p > 0.5"},"cost":{"per_call":0.25,"currency":"EUR"}})");
  }
  std::shared_ptr<RemoteModel> make(const ModelManifest& manifest, uint32_t max_concurrent = 0) {
    BackendSpec backend;
    backend.name = {"sklearn", "1.0.0"};
    backend.protocol = "worker";
    backend.queue = "gpu";
    backend.max_concurrent = max_concurrent;
    auto made = make_worker_model(manifest, backend, workers_, clock_);
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }
  void call(RemoteModel& model, const std::string& input) {
    CallRequest request;
    request.input = json(input);
    request.idempotency_key = "key";
    request.priority = 75;
    cancel_ =
        model.call(std::move(request), [this](CallOutcome outcome) { outcome_.emplace(std::move(outcome)); });
  }

  testing::ManualClock clock_;
  Workers workers_;
  std::optional<CallOutcome> outcome_;
  std::function<void()> cancel_;
};

TEST_F(WorkerModelTest, ACallIsATaskOfTheBackendsQueue) {
  const auto model = make(value_manifest());
  call(*model, R"({"x":2})");
  ASSERT_EQ(workers_.tasks.size(), 1u);
  const ModelTask& task = workers_.tasks.front();
  EXPECT_EQ(task.queue, "gpu");
  EXPECT_EQ(task.type, "model:risk/iris@1.2.0");
  EXPECT_EQ(task.input, R"({"x":2.0})");
  EXPECT_EQ(task.idempotency_key, "key");
  EXPECT_EQ(task.priority, 75);
  EXPECT_GT(task.deadline_us, clock_.monotonic_us());
  EXPECT_EQ(model->replicas().front().under_way, 1u);
  workers_.give(json(R"({"label":"setosa","p":0.75})"));
  ASSERT_TRUE(outcome_.has_value());
  ASSERT_TRUE(outcome_->answer.ok()) << outcome_->answer.error().message;
  EXPECT_EQ(to_json(outcome_->answer->output.root()), R"({"label":"setosa","sure":true})");
  EXPECT_EQ(outcome_->answer->endpoint, "worker w1");
  EXPECT_EQ(outcome_->answer->queue_us, 30);
  EXPECT_EQ(outcome_->answer->run_us, 500);
  EXPECT_EQ(outcome_->answer->calls, 1u);
  EXPECT_EQ(model->replicas().front().under_way, 0u);
}

TEST_F(WorkerModelTest, WhatDoesNotFitIsToldAndNobodyIsAsked) {
  const auto model = make(value_manifest());
  call(*model, R"({"x":"two"})");
  EXPECT_TRUE(workers_.tasks.empty());
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->answer.error().code, "models.bad_input");
  EXPECT_FALSE(outcome_->may_have_run);
}

TEST_F(WorkerModelTest, AnAnswerThatCannotBeUsedIsAFailure) {
  const auto model = make(value_manifest());
  call(*model, R"({"x":2})");
  workers_.give(json("17"));
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->answer.error().code, "models.bad_answer");
}

TEST_F(WorkerModelTest, AFailureIsTheWorkersOwn) {
  const auto model = make(value_manifest());
  call(*model, R"({"x":2})");
  workers_.give(make_error(ErrorKind::kUnavailable, "gpu.hot", "too hot"));
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->answer.error().code, "gpu.hot");
  EXPECT_EQ(outcome_->retry_after_us, 7);
  EXPECT_TRUE(outcome_->may_have_run);
}

TEST_F(WorkerModelTest, NoMoreAreUnderWayThanTheBackendAllows) {
  const auto model = make(value_manifest(), 1);
  call(*model, R"({"x":1})");
  call(*model, R"({"x":2})");
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->answer.error().code, "models.backend_busy");
  EXPECT_EQ(workers_.tasks.size(), 1u);
  cancel_();
  EXPECT_EQ(workers_.cancelled, 0);
}

TEST_F(WorkerModelTest, AChatModelSpeaksAsOpenAiDoes) {
  const auto model = make(manifest(R"({"model":"desk/small@1.0.0","backend":"sklearn","kind":"chat"})"));
  call(*model, R"({"messages":[{"role":"user","content":"hi"}]})");
  ASSERT_EQ(workers_.tasks.size(), 1u) << (outcome_ ? outcome_->answer.error().message : "");
  EXPECT_NE(workers_.tasks.front().input.find("\"messages\""), std::string::npos);
  workers_.give(json(
      R"({"id":"1","model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},
                         "finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}})"));
  ASSERT_TRUE(outcome_.has_value());
  ASSERT_TRUE(outcome_->answer.ok()) << outcome_->answer.error().message;
  EXPECT_EQ(outcome_->answer->output->find("text")->as_string(), "hello");
  EXPECT_EQ(outcome_->answer->usage.input_tokens, 3);
}

TEST_F(WorkerModelTest, TensorsAreForOtherProtocols) {
  ModelManifest tensors = value_manifest();
  tensors.kind = ModelKind::kTensors;
  BackendSpec backend;
  backend.protocol = "worker";
  backend.queue = "gpu";
  const auto refused = make_worker_model(tensors, backend, workers_, clock_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "models.wrong_kind");
}

}  // namespace
}  // namespace switchyard::models
