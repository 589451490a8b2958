#include <gtest/gtest.h>

#include "rig.h"
#include "switchyard/partition/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::partition::testing {
namespace {

using workflow::RunStatus;

constexpr const char* kQuick = "steps: { twice: { set: { n: input.n * 2 } } }\noutput: { n: twice.n }\n";
constexpr const char* kModel =
    "steps: { light: { model: m, input: { n: input.n } } }\noutput: { score: light.score }\n";
constexpr const char* kWait = "steps: { pause: { wait: 1h } }\noutput: { at: pause.until }\n";
constexpr const char* kHttp =
    "steps: { pay: { http: { method: POST, url: \"'https://bank.example.org/'\", body: { n: input.n } } } "
    "}\noutput: { s: pay.status }\n";
constexpr const char* kReview =
    "steps: { ask: { review: { queue: desk, form: { type: object, properties: { yes: { type: boolean } }, "
    "required: [yes] }, due: 10m, "
    "on_breach: nothing } } }\noutput: { yes: ask.yes }\n";
constexpr const char* kTriage =
    "steps:\n  verdict: { triage: \"0.5\", confidence_below: 0.9, budget: { per_day: 2 }, queue: desk "
    "}\noutput: { to_person: verdict.to_person }\n";

std::shared_ptr<Pipelines> pipelines() {
  auto pipelines = std::make_shared<Pipelines>();
  pipelines->add("quick", kQuick);
  pipelines->add("model", kModel);
  pipelines->add("wait", kWait);
  pipelines->add("http", kHttp);
  pipelines->add("review", kReview);
  pipelines->add("triage", kTriage);
  return pipelines;
}

class StateMachineTest : public ::testing::Test {
 protected:
  RunId start(const std::string& name, int64_t n = 1, const std::string& key = {}) {
    now += 1000;
    auto started = rig->start_run(start_of(*catalog, name, n, "card-" + std::to_string(n), key), now);
    EXPECT_TRUE(started.ok()) << started.error().to_string();
    return started->id;
  }
  RunStatus status(const RunId& id) { return rig->run(id)->summary.status; }
  RunId only_review() { return (*rig->reviews({}, now))[0].id; }

  std::shared_ptr<Pipelines> catalog = pipelines();
  Rig rig{catalog};
  int64_t now = rig.now_us;
};

using Starting = StateMachineTest;
using Parking = StateMachineTest;
using Recovery = StateMachineTest;
using Lists = StateMachineTest;
using Budgets = StateMachineTest;
using Reviews = StateMachineTest;

TEST_F(Starting, ARunOfPureStepsEndsInItsStart) {
  EXPECT_EQ(status(start("quick", 21)), RunStatus::kCompleted);
  EXPECT_EQ(rig.rested.size(), 1u);
  EXPECT_EQ(rig->stats().hot_runs, 0u);
}

TEST_F(Starting, ARepeatedKeyGivesTheEarlierRunEvenAfterItEnded) {
  const RunId first = start("quick", 1, "k");
  auto again = rig->start_run(start_of(*catalog, "quick", 1, "card-1", "k"), now);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, first);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(rig.count(EventType::kRunStarted), 1u);
}

TEST_F(Starting, AKeyWithAnotherRequestIsRefusedAndNamesTheFirst) {
  const RunId first = start("quick", 1, "k");
  auto other = rig->start_run(start_of(*catalog, "quick", 2, "card-2", "k"), now);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, "run.idempotency_mismatch");
  EXPECT_EQ(other.error().kind, ErrorKind::kUnprocessable);
  EXPECT_NE(other.error().message.find(first.to_string()), std::string::npos);
}

TEST_F(Starting, TheSameKeyOfAnotherPrincipalIsAnotherKey) {
  const RunId first = start("quick", 1, "k");
  auto command = start_of(*catalog, "quick", 1, "card-1", "k");
  command.principal = "somebody else";
  auto other = rig->start_run(std::move(command), now);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(other->id, first);
}

TEST_F(Starting, AKilledPipelineStartsNothing) {
  catalog->kill = workflow::Kill{ArtefactKind::kPipeline, "test/quick", "", "ops", "broken", now};
  auto refused = rig->start_run(start_of(*catalog, "quick", 1, "c"), now);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "governance.killed");
  EXPECT_EQ(rig.count(EventType::kRunStarted), 0u);
}

TEST_F(Starting, IdsSayWhichPartitionTheyBelongTo) {
  Rig other(catalog, 2741, kMaxPartitions);
  auto started = other->start_run(start_of(*catalog, "quick", 1, "c"), now);
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(partition_of(started->id).value, 2741u);
}

TEST_F(Starting, ALateOrSecondResultChangesNothing) {
  const RunId id = start("model");
  ASSERT_EQ(rig.effects.size(), 1u);
  EXPECT_TRUE(rig->complete_effect(id, {0, StepIndex(0)}, 1, score(0.25), now));
  EXPECT_FALSE(rig->complete_effect(id, {0, StepIndex(0)}, 1, score(0.75), now));
  EXPECT_EQ(rig->stats().late_results, 1u);
  EXPECT_EQ(rig.count(EventType::kStepCompleted), 1u);
}

TEST_F(Starting, AFailedAttemptCostsWhatItCost) {
  const RunId id = start("model");
  workflow::EffectResult failed{make_error(ErrorKind::kUnprocessable, "test.bad", "a bad answer"), {}};
  failed.meta = *parse_json_document(R"({"cost":0.5})");
  EXPECT_TRUE(rig->complete_effect(id, {0, StepIndex(0)}, 1, std::move(failed), now));
  EXPECT_EQ(status(id), RunStatus::kFailed);
  EXPECT_EQ(rig->run(id)->summary.cost, 0.5);
}

TEST_F(Starting, OnlyEffectfulEffectsWaitForTheLog) {
  start("model");
  start("http");
  EXPECT_EQ(rig.effects_after_durable, (std::vector<bool>{false, true}));
  EXPECT_EQ(rig.count(EventType::kStepStarted), 1u);
}

TEST_F(Starting, TheDeadlinesOfRunsThatEndedAreForgottenAndThatOfOneThatGoesOnIsNot) {
  const RunId slow = start("model");
  for (int i = 0; i < 4000; ++i) {
    const RunId id = start("model");
    ASSERT_TRUE(rig->complete_effect(id, {0, StepIndex(0)}, 1, score(0.25), now));
    ASSERT_LE(rig->stats().timers, kForgottenTimers + 2 * 2);
  }
  EXPECT_EQ(status(slow), RunStatus::kRunning);
  rig->on_time(now + 2'000'000, 100);  // its 5 s are over
  EXPECT_EQ(status(slow), RunStatus::kFailed);
}

TEST_F(Parking, AWaitingRunLeavesMemoryAndComesBackWhenItIsDue) {
  const RunId id = start("wait");
  EXPECT_EQ(rig->stats().hot_runs, 0u);
  EXPECT_EQ(status(id), RunStatus::kWaiting);
  EXPECT_EQ(rig->next_due_us(), now + 3'600'000'000);
  EXPECT_FALSE(rig->on_time(now + 3'599'999'999));
  EXPECT_EQ(status(id), RunStatus::kWaiting);
  EXPECT_FALSE(rig->on_time(now + 3'600'000'000));
  EXPECT_EQ(status(id), RunStatus::kCompleted);
  EXPECT_EQ(rig->next_due_us(), 0);
}

TEST_F(Parking, OnTimeTakesNoMoreRunsThanItsLimitAndSaysSo) {
  for (int i = 0; i < 5; ++i) start("wait", i);
  const int64_t later = now + 3'600'000'000;
  EXPECT_TRUE(rig->on_time(later, 2));
  EXPECT_EQ(rig.count(EventType::kRunCompleted), 2u);
  while (rig->on_time(later, 2)) {
  }
  EXPECT_EQ(rig.count(EventType::kRunCompleted), 5u);
}

TEST_F(Parking, ACancelledRunStaysCancelledAndItsTimerIsGone) {
  const RunId id = start("wait");
  ASSERT_TRUE(rig->cancel_run(id, "ann", "a mistake", now).ok());
  EXPECT_EQ(status(id), RunStatus::kCancelled);
  EXPECT_EQ(rig->next_due_us(), 0);
  EXPECT_EQ(rig->cancel_run(id, "ann", "again", now).error().code, "run.ended");
  EXPECT_EQ(rig->cancel_run(RunId::make(1, 0, 2), "ann", "", now).error().code, "run.unknown");
}

TEST_F(Recovery, WhatWasInFlightStartsAgainWithTheSameAttemptAndKey) {
  const RunId id = start("http");
  const std::string key = rig.effects[0].idempotency_key;
  rig.restart(now + 5);
  ASSERT_EQ(rig.effects.size(), 1u);
  EXPECT_EQ(rig.effects[0].attempt, 1);
  EXPECT_EQ(rig.effects[0].idempotency_key, key);
  EXPECT_EQ(rig.count(EventType::kStepStarted), 1u);
  EXPECT_EQ(status(id), RunStatus::kRunning);
}

TEST_F(Recovery, FromACheckpointOrFromNothingTheStateIsTheSame) {
  start("quick", 1, "a");
  start("wait", 2);
  start("model", 3);
  start("review", 4);
  ASSERT_TRUE(rig->claim({only_review(), "ann"}, now).ok());
  // The next record goes to the offset of all records so far.
  size_t records = 0;
  for (int type = 0; type < 256; ++type) records += rig.count(static_cast<EventType>(type));
  ASSERT_TRUE(rig->checkpoint({LogOffset(records), Epoch(1)}, store::Durability::kDurable));
  rig.store->settle();
  start("model", 5, "b");
  const uint64_t before = *rig->digest();
  EXPECT_EQ(before, rig.folded_digest());
  rig.restart(now);
  EXPECT_EQ(*rig->digest(), before);
  EXPECT_EQ(rig.effects.size(), 2u);
  EXPECT_EQ(rig->stats().open_reviews, 1u);
  EXPECT_TRUE(rig->start_run(start_of(*catalog, "quick", 1, "card-1", "a"), now)->repeated);
}

TEST_F(Lists, AreNewestFirstAndACursorGoesOnWhereAPageEnded) {
  std::vector<RunId> ids;
  for (int i = 0; i < 7; ++i) ids.insert(ids.begin(), start(i % 2 == 0 ? "quick" : "model", i));
  std::vector<RunId> listed;
  RunFilter filter;
  filter.limit = 3;
  for (int page = 0; page < 3; ++page) {
    auto runs = rig->list(filter);
    ASSERT_TRUE(runs.ok());
    for (const auto& run : runs->runs) listed.push_back(run.id);
    EXPECT_EQ(runs->more, page < 2);
    filter.before = runs->runs.back().id;
  }
  EXPECT_EQ(listed, ids);
}

TEST_F(Lists, EachFilterFindsRunsInMemoryParkedAndEnded) {
  const RunId ended = start("quick", 7), hot = start("model", 7), parked = start("wait", 7);
  start("quick", 8);
  const auto find = [&](const RunFilter& filter) {
    std::vector<RunId> ids;
    const auto page = rig->list(filter);
    for (const auto& run : page->runs) ids.push_back(run.id);
    return ids;
  };
  const std::vector<RunId> all{parked, hot, ended};
  RunFilter by_key, by_search, by_pipeline, waiting, running, by_time;
  by_key.key = "card-7";
  by_search.search = {{"n", "7"}};
  by_pipeline.pipeline = "test/wait";
  waiting.status = RunStatus::kWaiting;
  running.status = RunStatus::kRunning;
  by_time.until_us = rig->run(hot)->summary.started_us;
  EXPECT_EQ(find(by_key), all);
  EXPECT_EQ(find(by_search), all);
  EXPECT_EQ(find(by_pipeline), std::vector<RunId>{parked});
  EXPECT_EQ(find(waiting), std::vector<RunId>{parked});
  EXPECT_EQ(find(running), std::vector<RunId>{hot});
  EXPECT_EQ(find(by_time), std::vector<RunId>{ended});
}

TEST_F(Budgets, AreSpentPerDayAndSharedBetweenPartitions) {
  for (int i = 0; i < 4; ++i) start("triage", i);
  EXPECT_EQ(rig.count(EventType::kBudgetUsed), 2u);
  now += 86'400'000'000;
  start("triage", 9);
  EXPECT_EQ(rig.count(EventType::kBudgetUsed), 3u);
  // Two reviews among three partitions: the third has none.
  size_t used = 0;
  for (uint32_t p = 0; p < 3; ++p) {
    Rig other(catalog, p, 3);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(other->start_run(start_of(*catalog, "triage", i, "c"), now).ok());
    used += other.count(EventType::kBudgetUsed);
  }
  EXPECT_EQ(used, 2u);
}

TEST_F(Reviews, OfTwoPeopleOneGetsTheClaimAndOnlyThatOneAnswers) {
  const RunId run = start("review");
  const RunId id = only_review();
  ASSERT_TRUE(rig->claim({id, "ann"}, now).ok());
  EXPECT_EQ(rig->claim({id, "bob"}, now).error().code, "review.claimed");
  const auto yes = *parse_json_document("{\"yes\":true}");
  EXPECT_EQ(rig->answer({id, "bob", yes}, now).error().code, "review.claimed");
  auto answered = rig->answer({id, "ann", yes}, now);
  ASSERT_TRUE(answered.ok()) << answered.error().to_string();
  EXPECT_EQ(status(run), RunStatus::kCompleted);
  EXPECT_EQ(rig->answer({id, "ann", yes}, now).error().code, "review.ended");
  EXPECT_TRUE(rig->reviews({}, now)->empty());
}

TEST_F(Reviews, AnExpiredClaimCanBeTakenOver) {
  start("review");
  const RunId id = only_review();
  ASSERT_TRUE(rig->claim({id, "ann", 1'000'000}, now).ok());
  ASSERT_TRUE(rig->claim({id, "bob", 1'000'000}, now + 1'000'000).ok());
  EXPECT_EQ(rig->answer({id, "ann", *parse_json_document("{\"yes\":true}")}, now + 1'000'001).error().code,
            "review.claimed");
}

TEST_F(Reviews, AnAnswerThatDoesNotFitTheFormChangesNothing) {
  const RunId run = start("review");
  const RunId id = only_review();
  ASSERT_TRUE(rig->claim({id, "ann"}, now).ok());
  for (const char* bad : {"{}", "{\"yes\":3}", "7"}) {
    auto refused = rig->answer({id, "ann", *parse_json_document(bad)}, now);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code, "review.bad_answer") << bad;
  }
  EXPECT_EQ(status(run), RunStatus::kWaiting);
  EXPECT_EQ(rig->review(id)->status, review::ItemStatus::kClaimed);
}

TEST_F(Reviews, AReviewThatMayWaitIsNotBreachedAfterAPersonEscalatedIt) {
  const RunId run = start("review");
  ASSERT_TRUE(rig->escalate({only_review(), "ann", "leads", "hard"}, now).ok());
  EXPECT_EQ(rig->next_due_us(), 0);
  rig->on_time(now + 3'600'000'000);
  EXPECT_EQ(status(run), RunStatus::kWaiting);
}

TEST_F(Reviews, CancellingTheRunClosesItsReview) {
  const RunId run = start("review");
  const RunId id = only_review();
  ASSERT_TRUE(rig->cancel_run(run, "ann", "no need", now).ok());
  EXPECT_EQ(rig->review(id)->status, review::ItemStatus::kClosed);
  EXPECT_EQ(rig->claim({id, "bob"}, now).error().code, "review.ended");
}

}  // namespace
}  // namespace switchyard::partition::testing
