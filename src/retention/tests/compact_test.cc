#include "switchyard/retention/compact.h"

#include <gtest/gtest.h>

#include "switchyard/base/hash.h"
#include "switchyard/retention/policy.h"
#include "switchyard/types/json.h"

namespace switchyard::retention {
namespace {

constexpr uint32_t kAll = 7;

Event event_of(EventBody body) { return {RunId::make(1, 2, 3), 0, 5, std::move(body)}; }

Event again(const Event& event, const std::string& payload, Arena& arena) {
  auto decoded =
      decode_event(event.type(), kEventVersion, event.run, event.step, event.time_us, payload, arena);
  EXPECT_TRUE(decoded.ok());
  return *decoded;
}

TEST(Compact, LeavesTheHashOfWhatItDrops) {
  Arena arena;
  RunStarted started;
  started.pipeline = "a/b";
  started.input = *parse_json(R"({"card":"4711","amount":3})", arena);
  started.search = *parse_json(R"({"n":1})", arena);
  const Event event = event_of(started);
  const auto payload = compact(event, static_cast<uint32_t>(Part::kInput), nullptr);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->find("4711"), std::string::npos);
  const Event smaller = again(event, *payload, arena);
  const auto& body = std::get<RunStarted>(smaller.body);
  EXPECT_EQ(removed_hash(body.input), to_hex(sha256(to_canonical_json(started.input))));
  EXPECT_EQ(to_json(body.search), R"({"n":1})");
  // What was removed stays as it is.
  EXPECT_EQ(compact(smaller, 0, nullptr).value().size(), compact(smaller, kAll, nullptr).value().size());
}

TEST(Compact, DropsOnlyThePartsOfItsClass) {
  Arena arena;
  StepCompleted step;
  step.result = Value::string("secret");
  step.meta = Value::string("model 3");
  EXPECT_NE(compact(event_of(step), static_cast<uint32_t>(Part::kInput), nullptr)->find("secret"),
            std::string::npos);
  const auto dropped = compact(event_of(step), static_cast<uint32_t>(Part::kResults), nullptr);
  EXPECT_EQ(dropped->find("secret"), std::string::npos);
  EXPECT_NE(dropped->find("model 3"), std::string::npos);
  RunCompleted completed;
  completed.output = Value::string("yes");
  EXPECT_NE(compact(event_of(completed), 3, nullptr)->find("yes"), std::string::npos);
  EXPECT_EQ(compact(event_of(completed), kAll, nullptr)->find("yes"), std::string::npos);
}

TEST(Compact, DropsWhatModelsWereToldAndSaid) {
  Arena arena;
  StepCompleted step;
  step.result = Value::string("yes");
  step.meta = *parse_json(
      R"({"model":"m@1.0.0","cost":0.5,"prompt":{"name":"p","version":"1.0.0","rendered_sha256":"ab",)"
      R"("messages":[{"role":"user","content":"secret one"}],"attempts":[{"answer_sha256":"cd",)"
      R"("answer":"secret two","tool_calls":[{"arguments":"secret five"}],"fault":"not secret three"}]},"members":{"answer":{"model":"m@1.0.0",)"
      R"("error":{"code":"x","message":"secret four"}}}})",
      arena);
  const auto kept = compact(event_of(step), 0, nullptr);
  EXPECT_NE(kept->find("secret one"), std::string::npos);
  for (const Part part : {Part::kInput, Part::kResults}) {
    const auto payload = compact(event_of(step), static_cast<uint32_t>(part), nullptr);
    EXPECT_EQ(payload->find("secret"), std::string::npos);
    const Event smaller = again(event_of(step), *payload, arena);
    EXPECT_EQ(
        to_json(std::get<StepCompleted>(smaller.body).meta),
        R"({"model":"m@1.0.0","cost":0.5,"prompt":{"name":"p","version":"1.0.0","rendered_sha256":"ab",)"
        R"("attempts":[{"answer_sha256":"cd"}]},"members":{"answer":{"model":"m@1.0.0","error":{"code":"x"}}}})");
    StepFailed failed;
    failed.meta = step.meta;
    const Event failure =
        again(event_of(failed), *compact(event_of(failed), static_cast<uint32_t>(part), nullptr), arena);
    EXPECT_EQ(to_json(*step_meta(failure)), to_json(*step_meta(smaller)));
  }
}

TEST(Compact, DropsWhatARunWasToldWithItsInputOrItsResults) {
  SignalReceived signal;
  signal.name = "papers";
  signal.payload = Value::string("secret");
  for (const Part part : {Part::kInput, Part::kResults}) {
    const auto payload = compact(event_of(signal), static_cast<uint32_t>(part), nullptr);
    EXPECT_EQ(payload->find("secret"), std::string::npos);
    EXPECT_NE(payload->find("papers"), std::string::npos);
  }
  EXPECT_NE(compact(event_of(signal), static_cast<uint32_t>(Part::kOutput), nullptr)->find("secret"),
            std::string::npos);
}

TEST(Compact, LeavesTheWayFromOneVersionToAnother) {
  Arena arena;
  RunMigrated migrated;
  migrated.from = "1.0.0";
  migrated.version = "2.0.0";
  migrated.pins.push_back({ArtefactKind::kModel, "m", "3.0.0", sha256("m")});
  migrated.steps = {1, 0, kNoStep, 300};
  migrated.blocks = {0, kNoStep};
  migrated.input = *parse_json(R"({"card":"4711"})", arena);
  migrated.who = "ann";
  const auto payload = compact(event_of(migrated), kAll, nullptr);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->find("4711"), std::string::npos);
  const Event decoded = again(event_of(migrated), *payload, arena);
  const auto& body = std::get<RunMigrated>(decoded.body);
  EXPECT_EQ(body.steps, migrated.steps);
  EXPECT_EQ(body.blocks, migrated.blocks);
  EXPECT_EQ(body.from, "1.0.0");
  EXPECT_EQ(body.who, "ann");
  EXPECT_EQ(body.pins.at(0).version, "3.0.0");
}

TEST(Compact, KeepsWhatWasDecidedAndForgetsHow) {
  EXPECT_FALSE(compact(event_of(StepStarted{}), 0, nullptr).has_value());
  EXPECT_FALSE(compact(event_of(ReviewClaimed{}), 0, nullptr).has_value());
  StepFailed failed;
  failed.retry_at_us = 3;
  EXPECT_FALSE(compact(event_of(failed), 0, nullptr).has_value());
  failed.retry_at_us = 0;
  EXPECT_TRUE(compact(event_of(failed), 0, nullptr).has_value());
  EXPECT_TRUE(compact(event_of(ReviewAnswered{}), 0, nullptr).has_value());
}

}  // namespace
}  // namespace switchyard::retention
