// What is told to one run, and asked of it.
#include <gtest/gtest.h>

#include "rig.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/limits.h"

namespace switchyard::partition::testing {
namespace {

using workflow::RunStatus;

constexpr const char* kAsks = R"Y(
pipeline: test/asks@1.0.0
input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string } }, required: [n, card] }, key: input.card }
search: { n: input.n }
steps:
  before: { wait: 1m }
  papers:
    after: before
    listen:
      signal: documents
      schema: { type: object, properties: { files: { type: integer }, sum: { type: number } }, required: [files] }
      when: signal.payload.files > 0
      timeout: 1h
queries:
  progress: { waited: has(before), files: papers.?payload.files.orValue(0) }
  half: "papers.?payload.files.orValue(0) / (input.n - 5)"
output: { files: papers.payload.files, from: papers.who }
)Y";

constexpr const char* kTwice = R"Y(
pipeline: test/twice@1.0.0
input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string } }, required: [n, card] }, key: input.card }
search: { n: input.n }
steps:
  first: { listen: { signal: word } }
  second: { after: first, listen: { signal: word } }
output: { words: "[string(first.payload), string(second.payload)]" }
)Y";

class SignalsTest : public ::testing::Test {
 protected:
  RunId start(const std::string& pipeline) {
    auto started = rig->start_run(start_of(*catalog, pipeline, 5, "c"), now);
    EXPECT_TRUE(started.ok());
    return started->id;
  }
  Result<Signalled> signal(const RunId& run, const std::string& name, const std::string& payload,
                           const std::string& key = {}) {
    return rig->signal_run({run, name, "ann", "because", key, *parse_json_document(payload)}, now);
  }
  std::string refusal(const RunId& run, const std::string& name, const std::string& payload,
                      const std::string& key = {}) {
    const auto told = signal(run, name, payload, key);
    return told.ok() ? "taken" : told.error().code + " " + told.error().field;
  }
  void turn(int64_t by_us = 0) {
    now += by_us;
    for (int i = 0; i < 50 && rig->on_time(now); ++i) {
    }
  }
  RunStatus status(const RunId& run) { return rig->run(run)->summary.status; }
  std::string asked(const RunId& run, const std::string& name) {
    const auto reply = rig->query(run, name);
    if (!reply.ok()) return reply.error().code;
    return reply->errors.empty() ? to_json(reply->values.root()) : "error";
  }
  void expect_folds() { EXPECT_EQ(*rig->digest(), rig.folded_digest()); }

  std::shared_ptr<Pipelines> catalog = [] {
    auto pipelines = std::make_shared<Pipelines>();
    pipelines->add_document(kAsks);
    pipelines->add_document(kTwice);
    return pipelines;
  }();
  Rig rig{catalog};
  int64_t now = rig.now_us;
};

using Signals = SignalsTest;
using Queries = SignalsTest;

TEST_F(Signals, AWaitingStepTakesWhatIsToldToItsRun) {
  const RunId run = start("asks");
  turn(61'000'000);
  ASSERT_EQ(status(run), RunStatus::kWaiting);
  ASSERT_TRUE(signal(run, "documents", R"({"files": 3, "sum": 2})").ok());
  EXPECT_EQ(status(run), RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Signals, WhatCameSinceTheStartIsKeptForTheStep) {
  const RunId run = start("asks");
  ASSERT_TRUE(signal(run, "documents", R"({"files": 3})").ok());
  EXPECT_EQ(status(run), RunStatus::kWaiting);
  expect_folds();
  rig.restart(now);
  turn(61'000'000);
  EXPECT_EQ(status(run), RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Signals, AreTakenOnceEachInTheOrderInWhichTheyCame) {
  const RunId run = start("twice");
  ASSERT_TRUE(signal(run, "word", "\"a\"").ok());
  EXPECT_EQ(status(run), RunStatus::kWaiting);
  ASSERT_TRUE(signal(run, "word", "\"b\"").ok());
  EXPECT_EQ(status(run), RunStatus::kCompleted);
  EXPECT_EQ(rig.count(EventType::kStepCompleted), 2u);
}

TEST_F(Signals, OneThatTheStepDoesNotWantStaysAndIsNotInTheWay) {
  const RunId run = start("asks");
  ASSERT_TRUE(signal(run, "documents", R"({"files": 0})").ok());
  turn(61'000'000);
  EXPECT_EQ(status(run), RunStatus::kWaiting);
  ASSERT_TRUE(signal(run, "documents", R"({"files": 1})").ok());
  EXPECT_EQ(status(run), RunStatus::kCompleted);
}

TEST_F(Signals, ARepeatedKeyIsOneSignalEvenAfterTheEndAndARestart) {
  const RunId run = start("twice");
  ASSERT_TRUE(signal(run, "word", "\"a\"", "k1").ok());
  EXPECT_TRUE(signal(run, "word", "\"a\"", "k1")->repeated);
  EXPECT_EQ(status(run), RunStatus::kWaiting);
  EXPECT_EQ(refusal(run, "word", "\"x\"", "k1"), "signal.idempotency_mismatch Idempotency-Key");
  ASSERT_FALSE(signal(run, "word", "\"b\"", "k2")->repeated);
  ASSERT_EQ(status(run), RunStatus::kCompleted);
  rig.restart(now);
  EXPECT_TRUE(signal(run, "word", "\"b\"", "k2")->repeated);
  EXPECT_EQ(refusal(run, "word", "\"c\"", "k3"), "run.ended id");
  EXPECT_EQ(rig.count(EventType::kSignalReceived), 2u);
  expect_folds();
}

TEST_F(Signals, AreRefusedWithTheMemberThatIsWrong) {
  const RunId run = start("asks");
  EXPECT_EQ(refusal(run, "documents", R"({"files": "three"})"), "signal.bad_payload payload/files");
  EXPECT_EQ(refusal(run, "papers", "{}"), "signal.unknown name");
  EXPECT_NE(signal(run, "papers", "{}").error().message.find("documents"), std::string::npos);
  EXPECT_EQ(refusal(RunId::make(1, 0, 1), "documents", "{}"), "run.unknown id");
  EXPECT_EQ(rig.count(EventType::kSignalReceived), 0u);
  expect_folds();
}

TEST_F(Signals, ARunKeepsABoundedNumber) {
  const RunId run = start("asks");
  for (size_t i = 0; i < workflow::kMaxPendingSignals; ++i)
    ASSERT_TRUE(signal(run, "documents", R"({"files": 1})").ok());
  EXPECT_EQ(refusal(run, "documents", R"({"files": 1})"), "signal.too_many id");
  turn(61'000'000);
  EXPECT_EQ(status(run), RunStatus::kCompleted);
}

TEST_F(Signals, APausedRunKeepsThemAndTakesThemFirstWhenItGoesOn) {
  const RunId run = start("asks");
  turn(61'000'000);
  ASSERT_TRUE(rig->pause_run(run, "ann", "", now).ok());
  ASSERT_TRUE(signal(run, "documents", R"({"files": 1})").ok());
  turn(2 * int64_t{3'600'000'000});  // past the step's time-out
  EXPECT_EQ(status(run), RunStatus::kPaused);
  ASSERT_TRUE(rig->resume_run(run, "ann", "", now).ok());
  EXPECT_EQ(status(run), RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Signals, WithoutOneTheStepTimesOut) {
  const RunId run = start("asks");
  turn(61'000'000);
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(status(run), RunStatus::kFailed);
  EXPECT_EQ(rig->run(run)->summary.error.code, "listen.timeout");
}

TEST_F(Queries, SeeTheRunAsItIsAndLeaveNoTrace) {
  const RunId run = start("asks");
  const size_t before = rig->stats().events;
  EXPECT_EQ(asked(run, "progress"), R"({"progress":{"waited":false,"files":0}})");
  EXPECT_EQ(rig->stats().events, before);
  turn(61'000'000);
  EXPECT_EQ(asked(run, "progress"), R"({"progress":{"waited":true,"files":0}})");
  EXPECT_EQ(asked(run, "none"), "query.unknown");
  EXPECT_EQ(asked(run, "half"), "error");
  const auto all = rig->query(run, "");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->errors.size(), 1u);
  EXPECT_EQ(all->values.root().members().size(), 1u);
  expect_folds();
}

}  // namespace
}  // namespace switchyard::partition::testing
