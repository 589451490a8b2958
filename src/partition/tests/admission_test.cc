#include <gtest/gtest.h>

#include <algorithm>

#include "rig.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/start.h"

namespace switchyard::partition::testing {
namespace {

using workflow::RunStatus;

const std::string kWaits = "steps: { pause: { wait: 1h } }\noutput: { at: pause.until }\n";
const std::string kUndone = R"Y(
finally: { steps: { last: { set: { v: 1 } } } }
steps:
  done: { set: { v: 1 }, compensate: { wait: 10m } }
  pause: { wait: 1h, after: done }
output: { at: pause.until }
)Y";

std::shared_ptr<Pipelines> pipelines() {
  auto pipelines = std::make_shared<Pipelines>();
  pipelines->add("one", "concurrency: { key: input.card }\n" + kWaits);
  pipelines->add("two", "concurrency: { key: input.card, limit: 2, max_queued: 3 }\n" + kWaits);
  pipelines->add("all", "concurrency: { limit: 1 }\npriority: input.n\n" + kWaits);
  pipelines->add("latest", "concurrency: { key: input.card, on_limit: latest_wins }\n" + kUndone);
  pipelines->add("latest2", "concurrency: { key: input.card, limit: 2, on_limit: latest_wins }\n" + kWaits);
  pipelines->add("refuse", "concurrency: { key: input.card, on_limit: refuse }\n" + kWaits);
  pipelines->add("due", "deadline: 10m\nconcurrency: { key: input.card }\n" + kUndone);
  pipelines->add("quick",
                 "concurrency: { key: input.card }\nsteps: { v: { set: { n: input.n } } }\noutput: v\n");
  pipelines->add("parent",
                 "steps: { child: { pipeline: test/one, input: { n: input.n, card: input.card } } }\noutput: "
                 "{ v: 1 }\n");
  pipelines->add("long", R"Y(
steps:
  rounds:
    repeat: { from: { n: 0 }, until: carry.n >= input.n, max: 1000000 }
    steps: { next: { set: { n: carry.n + 1 } } }
    output: { n: next.n }
output: { n: rounds.value.n }
)Y");
  pipelines->add_document(R"Y(
pipeline: test/agent@1.0.0
input: { schema: { type: object, properties: { n: { type: integer } }, required: [n] } }
on: { event: thing.happened, input: { n: event.data.n } }
concurrency: { key: string(input.n % 2) }
steps: { pause: { wait: 1m } }
output: { n: input.n }
)Y");
  return pipelines;
}

class AdmissionTest : public ::testing::Test {
 protected:
  Result<Started> try_start(const std::string& name, const std::string& card, int64_t n = 50,
                            const std::string& tenant = {}) {
    StartRun command = start_of(*catalog, name, n, card);
    command.tenant = tenant;
    return rig->start_run(std::move(command), now += 1000);
  }
  RunId start(const std::string& name, const std::string& card, int64_t n = 50,
              const std::string& tenant = {}) {
    const auto started = try_start(name, card, n, tenant);
    EXPECT_TRUE(started.ok()) << started.error().to_string();
    return started->id;
  }
  RunStatus status(const RunId& id) { return rig->run(id)->summary.status; }
  void turn() {
    do rig->on_time(++now);
    while (rig->next_due_us() != 0 && rig->next_due_us() <= now);
  }
  void end(const RunId& id) {
    EXPECT_TRUE(rig->cancel_run(id, "test", "", ++now).ok());
    turn();
  }
  size_t queued(const std::string& pipeline) {
    const auto all = rig->stats().queued;
    const auto found = all->find("test/" + pipeline);
    return found == all->end() ? 0 : found->second;
  }
  std::vector<RunId> of_status(RunStatus wanted) {
    RunFilter filter;
    filter.status = wanted;
    filter.limit = kMaxListLimit;
    std::vector<RunId> ids;
    const auto page = rig->list(filter);
    for (const auto& run : page->runs) ids.push_back(run.id);
    return ids;
  }
  /// The order in which runs go, when each ends as soon as it has begun.
  std::vector<RunId> order_of(std::vector<RunId> runs) {
    std::vector<RunId> order;
    while (!runs.empty()) {
      const auto next = std::find_if(runs.begin(), runs.end(),
                                     [&](const RunId& id) { return status(id) != RunStatus::kQueued; });
      if (next == runs.end()) break;
      order.push_back(*next);
      const RunId id = *next;
      runs.erase(next);
      end(id);
    }
    return order;
  }

  std::shared_ptr<Pipelines> catalog = pipelines();
  Rig rig{catalog};
  int64_t now = rig.now_us;
};

TEST_F(AdmissionTest, OneGoesAtATimePerKeyAndTheOthersWaitInTheirOrder) {
  const RunId a = start("one", "k"), b = start("one", "k"), c = start("one", "k"), other = start("one", "x");
  turn();
  EXPECT_EQ(status(a), RunStatus::kWaiting);
  EXPECT_EQ(status(b), RunStatus::kQueued);
  EXPECT_EQ(status(c), RunStatus::kQueued);
  EXPECT_EQ(status(other), RunStatus::kWaiting);
  EXPECT_EQ(queued("one"), 2u);
  EXPECT_EQ(of_status(RunStatus::kQueued), (std::vector<RunId>{c, b}));
  EXPECT_EQ(order_of({a, b, c}), (std::vector<RunId>{a, b, c}));
  EXPECT_EQ(queued("one"), 0u);
}

TEST_F(AdmissionTest, AFreePlaceIsNotTakenPastThoseWhoWait) {
  const RunId a = start("one", "k"), b = start("one", "k");
  ASSERT_TRUE(rig->cancel_run(a, "test", "", ++now).ok());
  const RunId c = start("one", "k");
  turn();
  EXPECT_EQ(status(b), RunStatus::kWaiting);
  EXPECT_EQ(status(c), RunStatus::kQueued);
}

TEST_F(AdmissionTest, RunsThatEndAtOnceHandTheirPlaceOn) {
  std::vector<RunId> runs;
  for (int i = 0; i < 2000; ++i) runs.push_back(start("quick", "k"));
  turn();
  for (const RunId& id : runs) EXPECT_EQ(status(id), RunStatus::kCompleted);
}

TEST_F(AdmissionTest, AFullQueueRefusesAndNamesItself) {
  for (int i = 0; i < 5; ++i) start("two", "k");
  const auto refused = try_start("two", "k");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "run.queue_full");
  EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("max_queued is 3"), std::string::npos);
  EXPECT_NE(refused.error().message.find("key 'k'"), std::string::npos);
  EXPECT_EQ(of_status(RunStatus::kQueued).size(), 3u);
}

TEST_F(AdmissionTest, RefusingNamesPipelineKeyAndLimitAndLeavesNothing) {
  const RunId a = start("refuse", "k");
  const auto refused = try_start("refuse", "k");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "run.limit_reached");
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  for (const char* part : {"test/refuse@1.0.0", "'k'", "limit of 1"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  EXPECT_EQ(rig.count(EventType::kRunStarted), 1u);
  end(a);
  EXPECT_TRUE(try_start("refuse", "k").ok());
}

TEST_F(AdmissionTest, TheLatestWinsWhenTheOldOneHasUndoneWhatItDid) {
  const RunId a = start("latest", "k"), b = start("latest", "k"), c = start("latest", "k");
  turn();
  // What waited is gone at once; what ran undoes its steps first.
  EXPECT_EQ(status(b), RunStatus::kCancelled);
  EXPECT_EQ(status(a), RunStatus::kWaiting);
  EXPECT_EQ(status(c), RunStatus::kQueued);
  EXPECT_EQ(rig->stats().runs_superseded, 2u);
  now += 600'000'000;
  turn();
  EXPECT_EQ(status(a), RunStatus::kCancelled);
  EXPECT_NE(rig->run(a)->summary.error.message.find(b.to_string()), std::string::npos);
  EXPECT_EQ(status(c), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, OfALimitOfTwoTheTwoNewestAreLeft) {
  std::vector<RunId> runs;
  for (int i = 0; i < 6; ++i) runs.push_back(start("latest2", "k"));
  turn();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(status(runs[static_cast<size_t>(i)]), RunStatus::kCancelled);
  EXPECT_EQ(status(runs[4]), RunStatus::kWaiting);
  EXPECT_EQ(status(runs[5]), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, HigherPriorityGoesFirstAndEqualsInTheirOrder) {
  const RunId first = start("all", "k", 50);
  const RunId low = start("all", "k", 10), mid = start("all", "k", 50), high = start("all", "k", 90),
              high2 = start("all", "k", 90);
  EXPECT_EQ(order_of({first, low, mid, high, high2}), (std::vector<RunId>{first, high, high2, mid, low}));
}

TEST_F(AdmissionTest, ALowPriorityIsOvertakenABoundedNumberOfTimes) {
  RunId running = start("all", "k", 50);
  const RunId low = start("all", "k", 45);
  int overtook = 0;
  while (status(low) == RunStatus::kQueued && overtook < 1000) {
    const RunId next = start("all", "k", 50);
    end(running);
    running = next;
    overtook += status(next) == RunStatus::kQueued ? 0 : 1;
  }
  EXPECT_EQ(overtook, 5 * kOvertakesPerPoint - 1);
}

TEST_F(AdmissionTest, APriorityOutOfRangeIsRefused) {
  Arena arena;
  workflow::StartFacts facts;
  const StartRun command = start_of(*catalog, "all", 100, "k");
  MapBuilder input(arena);
  input.add("n", Value::integer(101));
  input.add("card", Value::string("k"));
  const Status refused = workflow::start_turn(*command.pipeline, input.build(), arena, facts);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "run.bad_priority");
  EXPECT_EQ(refused.error().field, "priority");
}

TEST_F(AdmissionTest, TenantsTakeTurnsInAQueue) {
  const RunId running = start("one", "k");
  std::vector<RunId> crowd;
  for (int i = 0; i < 500; ++i) crowd.push_back(start("one", "k", 50, "crowd"));
  const RunId single = start("one", "k", 50, "single");
  end(running);
  end(crowd[0]);
  EXPECT_EQ(status(single), RunStatus::kWaiting);
  EXPECT_EQ(rig->run(single)->summary.tenant, "single");
}

TEST_F(AdmissionTest, AQueuedRunCanBeCancelledAndNothingOfItRuns) {
  const RunId a = start("due", "k"), b = start("due", "k");
  ASSERT_TRUE(rig->cancel_run(b, "ann", "not needed", ++now).ok());
  EXPECT_EQ(status(b), RunStatus::kCancelled);
  EXPECT_EQ(rig.count(EventType::kRunUnwinding), 0u);
  EXPECT_EQ(queued("due"), 0u);
  EXPECT_EQ(status(a), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, TheDeadlineCountsInTheQueue) {
  const RunId a = start("due", "k"), b = start("due", "k");
  turn();
  EXPECT_GT(rig->next_due_us(), now);
  now += 601'000'000;
  turn();
  EXPECT_EQ(status(b), RunStatus::kFailed);
  EXPECT_EQ(rig->run(b)->summary.error.code, "run.deadline_exceeded");
  EXPECT_EQ(status(a), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, APausedRunKeepsItsPlaceInTheQueueAndInTheLimit) {
  const RunId a = start("one", "k"), b = start("one", "k"), c = start("one", "k");
  ASSERT_TRUE(rig->pause_run(b, "ann", "", ++now).ok());
  EXPECT_EQ(of_status(RunStatus::kPaused), (std::vector<RunId>{b}));
  end(a);
  EXPECT_EQ(status(b), RunStatus::kPaused);
  EXPECT_EQ(status(c), RunStatus::kQueued);
  ASSERT_TRUE(rig->resume_run(b, "ann", "", ++now).ok());
  EXPECT_EQ(status(b), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, QueuedRunsLiveInTheStoreAndSurviveARestart) {
  const RunId a = start("one", "k");
  std::vector<RunId> all{a};
  for (int i = 0; i < 900; ++i) all.push_back(start("one", "k"));
  EXPECT_EQ(rig->stats().hot_runs, 0u);
  EXPECT_EQ(rig.folded_digest(), *rig->digest());
  rig.restart(++now);
  EXPECT_EQ(queued("one"), 900u);
  turn();
  EXPECT_EQ(status(all[1]), RunStatus::kQueued);
  EXPECT_EQ(rig.folded_digest(), *rig->digest());
  all.resize(20);
  EXPECT_EQ(order_of(all), all);
}

TEST_F(AdmissionTest, APlaceThatBecameFreeBeforeARestartIsGivenAfterIt) {
  const RunId a = start("one", "k"), b = start("one", "k");
  ASSERT_TRUE(rig->cancel_run(a, "test", "", ++now).ok());
  rig.restart(++now);
  EXPECT_EQ(status(b), RunStatus::kQueued);
  EXPECT_EQ(rig->next_due_us(), 1);
  turn();
  EXPECT_EQ(status(b), RunStatus::kWaiting);
  EXPECT_EQ(rig.folded_digest(), *rig->digest());
}

TEST_F(AdmissionTest, WhatTheLatestWasToEndEndsWhenTheLogBrokeOffBetween) {
  const RunId a = start("latest2", "k"), b = start("latest2", "k");
  const size_t before = rig.log_size();
  const RunId c = start("latest2", "k");
  rig.cut_log(before + 1);  // the start of c, and not what it ends
  rig.restart(++now);
  turn();
  EXPECT_EQ(status(a), RunStatus::kCancelled);
  EXPECT_EQ(status(b), RunStatus::kWaiting);
  EXPECT_EQ(status(c), RunStatus::kWaiting);
}

TEST_F(AdmissionTest, AChildOfALimitedPipelineFailsItsStep) {
  const RunId parent = start("parent", "k");
  turn();
  EXPECT_EQ(status(parent), RunStatus::kFailed);
  EXPECT_EQ(rig->run(parent)->summary.error.code, "run.limited_child");
}

TEST_F(AdmissionTest, ATenantWithManyReadyRunsDelaysAnotherByABoundedNumberOfSteps) {
  for (int i = 0; i < 100; ++i) start("long", "c", 1'000'000, "crowd");
  const RunId single = start("long", "s", 5000, "single");
  const uint64_t before = rig->steps_begun();
  while (status(single) != RunStatus::kCompleted) rig->on_time(++now);
  const uint64_t steps = rig->steps_begun() - before;
  // Of 10,000 steps (a round is two) it has done 2,000 in its start, and needs five turns; a turn of the
  // crowd is one move of at most 2,000, which is paid back.
  EXPECT_LE(steps, 5u * (2000 + 2000 + kFairShareSteps) + kStepsPerTurn);
}

TEST_F(AdmissionTest, EventsOfOneKeyAreTakenOneAtATime) {
  const auto publish = [&](int n) {
    auto arena = std::make_shared<Arena>();
    MapBuilder data(*arena), event(*arena);
    data.add("n", Value::integer(n));
    event.add("specversion", Value::string("1.0"));
    event.add("id", Value::string(arena->copy(std::to_string(n))));
    event.add("source", Value::string("tests"));
    event.add("type", Value::string("thing.happened"));
    event.add("data", data.build());
    const Value root = event.build();
    EXPECT_TRUE(rig->publish({Document(arena, root), "tests"}, ++now).ok());
  };
  for (int n = 0; n < 6; ++n) publish(n);
  turn();
  EXPECT_EQ(of_status(RunStatus::kWaiting).size(), 2u);
  EXPECT_EQ(of_status(RunStatus::kQueued).size(), 4u);
  for (int i = 0; i < 3; ++i) {
    now += 61'000'000;
    turn();
  }
  EXPECT_EQ(of_status(RunStatus::kCompleted).size(), 6u);
}

TEST_F(AdmissionTest, TicksOfAScheduleAreCountedToo) {
  auto scheduled = std::make_shared<Pipelines>();
  scheduled->add_document(
      "pipeline: test/nightly@1.0.0\nschedule: { every: 1m }\nconcurrency: { on_limit: refuse }\n"
      "steps: { pause: { wait: 150s } }\noutput: { at: pause.until }\n");
  scheduled->add_document(
      "pipeline: test/hourly@1.0.0\nschedule: { every: 1m }\nconcurrency: { limit: 1 }\n"
      "steps: { pause: { wait: 150s } }\noutput: { at: pause.until }\n");
  Rig clockwork(scheduled);
  size_t most = 0;
  for (int minute = 0; minute < 20; ++minute) {
    now += 60'000'000;
    for (int i = 0; i < 4; ++i) clockwork->on_time(++now);
    RunFilter filter;
    filter.pipeline = "test/hourly";
    filter.status = RunStatus::kWaiting;
    most = std::max(most, clockwork->list(filter)->runs.size());
  }
  EXPECT_EQ(most, 1u);
  RunFilter filter;
  filter.pipeline = "test/nightly";
  EXPECT_LE(clockwork->list(filter)->runs.size(), 7u);  // every third tick has a place
  filter.pipeline = "test/hourly";
  filter.status = RunStatus::kQueued;
  EXPECT_GE(clockwork->list(filter)->runs.size(), 10u);
  EXPECT_EQ(clockwork.folded_digest(), *clockwork->digest());
}

TEST_F(AdmissionTest, AnEventThatWaitsInAnotherPartitionGoesToWhereItsKeyIsCounted) {
  // As if another version of the agent had sent it there.
  const uint32_t home = group_partition("test/agent", "1", 2).value, elsewhere = 1 - home;
  Rig here(catalog, elsewhere, 2), there(catalog, home, 2);
  EventReceived body;
  Arena arena;
  MapBuilder data(arena), event(arena);
  data.add("n", Value::integer(1));
  event.add("id", Value::string("1"));
  event.add("source", Value::string("tests"));
  event.add("type", Value::string("thing.happened"));
  event.add("data", data.build());
  body.from = home;
  body.offset = 0;
  body.deliveries = {{ConsumerKind::kAgent, "test/agent", "", elsewhere, {}}};
  body.event = event.build();
  Event received;
  received.body = body;
  std::string payload;
  ByteWriter out(payload);
  encode_event_body(received, out);
  here->receive({PartitionId(home), PartitionId(elsewhere), 0, payload}, ++now);
  while (here->on_time(++now)) {
  }
  EXPECT_EQ(here.count(EventType::kDeliveryMoved), 1u);
  EXPECT_EQ(here.count(EventType::kRunStarted), 0u);
  ASSERT_EQ(here.deliveries.size(), 1u);
  there->receive(here.deliveries[0], ++now);
  while (there->on_time(++now)) {
  }
  EXPECT_EQ(there.count(EventType::kRunStarted), 1u);
  EXPECT_EQ(here.folded_digest(), *here->digest());
}

}  // namespace
}  // namespace switchyard::partition::testing
