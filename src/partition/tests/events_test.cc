// Events, agents, schedules and webhooks of one partition, and of two that talk to each other.
#include <gtest/gtest.h>

#include "rig.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"

namespace switchyard::partition::testing {
namespace {

using workflow::RunStatus;

constexpr const char* kCounter = R"Y(
pipeline: test/counter@1.0.0
on: { event: tick, key: event.data.card, input: { n: event.data.n, slow: "event.data.n == 1" } }
input: { schema: { type: object, properties: { n: { type: integer }, slow: { type: boolean } }, required: [n, slow] } }
state: { schema: { type: object, properties: { count: { type: integer }, last: { type: integer } }, required: [count, last] }, initial: { count: 0, last: -1 } }
steps:
  pause: { when: input.slow, wait: 10s }
  write: { after: pause, state: { count: state.count + 1, last: input.n } }
output: { count: write.count }
)Y";

constexpr const char* kEcho = R"Y(
pipeline: test/echo@1.0.0
on: { event: ping, key: event.?subject.orValue('') }
input: { schema: { type: object, properties: { n: { type: integer } }, required: [n] } }
steps: { tell: { emit: { event: ping, subject: "'x'", data: { n: input.n + 1 } } } }
output: { id: tell.id }
)Y";

constexpr const char* kListener = R"Y(
pipeline: test/listener@1.0.0
input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string } }, required: [n, card] }, key: input.card }
search: { n: input.n }
steps:
  before: { wait: 1s }
  heard: { after: before, listen: { event: paid, key: input.card, match: event.?subject.orValue(''), when: event.data.n >= input.n, timeout: 1m } }
output: { n: heard.data.n, type: heard.type }
)Y";

constexpr const char* kHook =
    "webhook: hook@1.0.0\nevents: [sold]\nurl: https://example.org/\nretry: { attempts: 3, backoff: 10s..1m "
    "}\n";

PublishEvent event(const std::string& id, const std::string& type, const std::string& data,
                   const std::string& subject = "s", const std::string& more = {}) {
  std::vector<Error> mistakes;
  const auto json =
      parse_json_document(R"({"specversion":"1.0","id":")" + id + R"(","source":"/t","type":")" + type +
                          R"(","subject":")" + subject + R"(","data":)" + data + more + "}");
  auto document = events::read_json(json->root(), "", mistakes);
  SY_CHECK(document.has_value());
  return {*document, "tests"};
}

std::shared_ptr<Pipelines> pipelines() {
  auto pipelines = std::make_shared<Pipelines>();
  pipelines->add_document(kCounter);
  pipelines->add_document(kEcho);
  pipelines->add_document(kListener);
  pipelines->add_webhook(kHook);
  return pipelines;
}

class EventsTest : public ::testing::Test {
 protected:
  std::vector<DeadLetter> dead_letters(const DeadLetterFilter& filter = {}) {
    auto page = rig->dead_letters(filter);
    EXPECT_TRUE(page.ok());
    return std::move(page->letters);
  }
  Published publish(const PublishEvent& command) {
    auto published = rig->publish(command, now);
    EXPECT_TRUE(published.ok()) << published.error().to_string();
    return *published;
  }
  Published tick(int n, const std::string& card, const std::string& id = {}) {
    return publish(event(id.empty() ? card + std::to_string(n) : id, "tick",
                         "{\"n\":" + std::to_string(n) + ",\"card\":\"" + card + "\"}", card));
  }
  void turn(int64_t by_us = 0) {
    now += by_us;
    for (int i = 0; i < 50 && rig->on_time(now); ++i) {
    }
  }
  std::string state(const std::string& key) {
    const auto state = rig->agent_state("test/counter", key);
    return state.ok() ? to_json(state->state.root()) : state.error().code;
  }
  /// What the store holds is what the log folds to.
  void expect_folds() { EXPECT_EQ(*rig->digest(), rig.folded_digest()); }

  std::shared_ptr<Pipelines> catalog = pipelines();
  Rig rig{catalog};
  int64_t now = rig.now_us;
};

using Agents = EventsTest;
using Publishing = EventsTest;
using Listening = EventsTest;
using Schedules = EventsTest;
using Messages = EventsTest;
using Letters = EventsTest;

TEST_F(Publishing, AnEventOfTheSameSourceAndIdIsPublishedOnce) {
  EXPECT_FALSE(tick(2, "a", "id").repeated);
  EXPECT_TRUE(tick(3, "a", "id").repeated);
  turn();
  EXPECT_EQ(rig.count(EventType::kEventPublished), 1u);
  EXPECT_EQ(state("a"), R"({"count":1,"last":2})");
  expect_folds();
}

TEST_F(Publishing, ARepetitionIsKnownAfterARestart) {
  tick(2, "a", "id");
  rig.restart(now);
  EXPECT_TRUE(tick(2, "a", "id").repeated);
}

TEST_F(Publishing, WhatWasPublishedBeforeACrashStartsItsRunAfterIt) {
  tick(2, "a");
  rig.restart(now);
  turn();
  EXPECT_EQ(rig.origins().size(), 1u);
  rig.restart(now);
  turn();
  EXPECT_EQ(rig.origins().size(), 1u);
  EXPECT_EQ(state("a"), R"({"count":1,"last":2})");
  expect_folds();
}

TEST_F(Agents, RunsOfOneKeyGoOneAtATimeAndSeeWhatTheOneBeforeWrote) {
  tick(1, "a");  // waits for ten seconds
  tick(2, "a");
  tick(3, "a");
  tick(4, "b");
  turn();
  EXPECT_EQ(rig.origins().size(), 2u) << "only one of each key";
  EXPECT_EQ(state("b"), R"({"count":1,"last":4})");
  EXPECT_EQ(rig->agent_state("test/counter", "a")->queued, 2u);
  expect_folds();
  rig.restart(now);
  turn();
  EXPECT_EQ(rig.origins().size(), 2u);
  turn(10'000'000);
  turn();
  EXPECT_EQ(state("a"), R"({"count":3,"last":3})");
  EXPECT_EQ(rig->agent_state("test/counter", "a")->queued, 0u);
  EXPECT_EQ(rig->agent_state("test/counter", "a")->version, 3u);
  expect_folds();
}

TEST_F(Agents, NobodyStartsAnAgentWithStateByAsking) {
  auto refused = rig->start_run(start_of(*catalog, "counter", 1, "a"), now);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "run.agent_only");
}

TEST_F(Agents, AnInputThatDoesNotFitIsADeadLetterAndTheNextEventIsTaken) {
  publish(event("1", "tick", R"({"n":"x","card":"a"})", "a"));
  tick(2, "a");
  turn();
  turn();
  const auto letters = dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].name, "test/counter");
  EXPECT_EQ(letters[0].kind, ConsumerKind::kAgent);
  EXPECT_EQ(events::attribute(letters[0].event.root(), "id"), "1");
  EXPECT_EQ(state("a"), R"({"count":1,"last":2})");
  expect_folds();
}

TEST_F(Agents, AnEventWithoutTheKeyIsADeadLetterAtOnce) {
  publish(event("1", "tick", R"({"n":2})", "a"));
  ASSERT_EQ(dead_letters().size(), 1u);
  EXPECT_EQ(dead_letters()[0].code, "event.not_deliverable");
  expect_folds();
}

TEST_F(Agents, AnAgentThatIsSwitchedOffTakesItsEventsWhenItIsRevived) {
  catalog->kill = workflow::Kill{ArtefactKind::kPipeline, "test/counter", "", "ops", "broken", now};
  tick(2, "a");
  turn();
  turn(2'000'000);
  EXPECT_EQ(rig.origins().size(), 0u);
  catalog->kill.reset();
  turn(2'000'000);
  EXPECT_EQ(rig.origins().size(), 1u);
}

TEST_F(Agents, CirclesEndAfterTheHopLimit) {
  publish(event("1", "ping", R"({"n":0})"));
  for (int i = 0; i < 40; ++i) turn();
  EXPECT_EQ(rig.origins().size(), 17u) << "the first, and sixteen hops";
  EXPECT_EQ(rig->stats().runs_failed, 1u);
  EXPECT_NE(rig.origins().back().find("\"hops\":16"), std::string::npos);
  expect_folds();
}

TEST_F(Letters, AReplayedLetterIsTriedAgainAndADiscardedOneIsGone) {
  publish(event("1", "tick", R"({"n":"x","card":"a"})", "a"));
  publish(event("2", "tick", R"({"n":"y","card":"a"})", "a"));
  turn();
  turn();
  const auto letters = dead_letters();
  ASSERT_EQ(letters.size(), 2u);
  const auto first = parse_letter_id(letters[0].id)->place, second = parse_letter_id(letters[1].id)->place;
  ASSERT_TRUE(rig->settle_letter(first, "ops", true, now).ok());
  ASSERT_TRUE(rig->settle_letter(second, "ops", false, now).ok());
  EXPECT_EQ(rig->settle_letter(second, "ops", false, now).error().code, "event.no_letter");
  EXPECT_EQ(dead_letters().size(), 0u);
  turn();
  EXPECT_EQ(dead_letters().size(), 1u) << "it still does not fit";
  expect_folds();
}

TEST_F(Letters, ComeInPagesAndByWhatTheyAre) {
  const int64_t began = now;
  for (int i = 0; i < 5; ++i) {
    publish(event("a" + std::to_string(i), "tick", R"({"n":"x","card":"a"})", "a"));
    turn(1'000'000);
    turn();
  }
  publish(event("b", "tick", R"({"n":1})", "b"));  // without a key
  DeadLetterFilter filter;
  filter.limit = 2;
  std::vector<std::string> ids, sizes;
  do {
    const auto page = rig->dead_letters(filter);
    ASSERT_TRUE(page.ok());
    sizes.push_back(std::to_string(page->letters.size()));
    for (const DeadLetter& letter : page->letters)
      ids.emplace_back(events::attribute(letter.event.root(), "id"));
    filter.after = page->next;
  } while (!filter.after.empty());
  EXPECT_EQ(sizes, (std::vector<std::string>{"2", "2", "2"})) << "and no empty page at the end";
  EXPECT_EQ(ids, (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4", "b"}));
  const auto fitting = [&](const std::function<void(DeadLetterFilter&)>& say) {
    DeadLetterFilter wanted;
    say(wanted);
    return dead_letters(wanted).size();
  };
  EXPECT_EQ(fitting([](auto& f) { f.key = "a"; }), 5u);
  EXPECT_EQ(fitting([](auto& f) { f.code = "event.not_deliverable"; }), 1u);
  EXPECT_EQ(fitting([](auto& f) { f.name = "nobody"; }), 0u);
  EXPECT_EQ(fitting([&](auto& f) { f.since_us = began + 2'500'000; }), 3u + 1u);
  EXPECT_EQ(fitting([&](auto& f) { f.until_us = began + 2'500'000; }), 2u);
  DeadLetterFilter wrong;
  wrong.after = "the second";
  EXPECT_EQ(rig->dead_letters(wrong).error().code, "event.bad_letter");
}

TEST_F(Listening, AnEventThatCameBeforeTheStepBeganIsTaken) {
  const RunId run = rig->start_run(start_of(*catalog, "listener", 5, "a"), now)->id;
  publish(event("1", "paid", R"({"n":4})", "a"));  // too small
  publish(event("2", "paid", R"({"n":7})", "b"));  // for somebody else
  publish(event("3", "paid", R"({"n":6})", "a"));
  turn();
  EXPECT_EQ(rig->run(run)->summary.status, RunStatus::kWaiting);
  rig.restart(now);
  turn(1'000'000);
  EXPECT_EQ(rig->run(run)->summary.status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Listening, AnEventThatComesLaterWakesTheRun) {
  const RunId run = rig->start_run(start_of(*catalog, "listener", 5, "a"), now)->id;
  turn(1'000'000);
  EXPECT_EQ(rig->run(run)->summary.status, RunStatus::kWaiting);
  publish(event("1", "paid", R"({"n":5})", "a"));
  turn();
  EXPECT_EQ(rig->run(run)->summary.status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Listening, WithoutAnEventTheStepFailsAtItsTimeOut) {
  const RunId run = rig->start_run(start_of(*catalog, "listener", 5, "a"), now)->id;
  turn(1'000'000);
  turn(60'000'000);
  ASSERT_EQ(rig->run(run)->summary.status, RunStatus::kFailed);
  EXPECT_EQ(rig->run(run)->summary.error.code, "listen.timeout");
  expect_folds();
}

TEST_F(Listening, MoreEventsThanOneStepKeepsAreDeadLetters) {
  const RunId run = rig->start_run(start_of(*catalog, "listener", 5, "a"), now)->id;
  for (uint32_t i = 0; i < kMaxListenedEvents + 2; ++i)
    publish(event(std::to_string(i), "paid", R"({"n":1})", "a"));
  DeadLetterFilter filter;
  filter.kind = ConsumerKind::kListeners;
  EXPECT_EQ(dead_letters(filter).size(), 2u);
  ASSERT_TRUE(rig->cancel_run(run, "me", "enough", now).ok());
  expect_folds();
}

TEST_F(Messages, AreTriedAgainAndDieAfterTheLastAttempt) {
  publish(event("1", "sold", "{}"));
  turn();
  for (uint16_t attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_EQ(rig.messages.size(), attempt);
    EXPECT_EQ(rig.messages.back().attempt, attempt);
    EXPECT_EQ(rig.messages.back().id, rig.messages.front().id) << "a repetition is known by its id";
    WebhookOutcome outcome;
    outcome.status = make_error(ErrorKind::kUnavailable, "webhook.refused", "no");
    rig->webhook_done(rig.messages.back(), outcome, now);
    turn();
    EXPECT_EQ(rig.messages.size(), attempt) << "not before its pause is over";
    turn(100'000'000);
  }
  ASSERT_EQ(dead_letters().size(), 1u);
  EXPECT_EQ(dead_letters()[0].attempts, 3u);
  expect_folds();
}

TEST_F(Messages, ARetryAfterIsKept) {
  publish(event("1", "sold", "{}"));
  turn();
  WebhookOutcome outcome;
  outcome.status = make_error(ErrorKind::kUnavailable, "webhook.refused", "later");
  outcome.retry_after_us = 3'600'000'000;
  rig->webhook_done(rig.messages.back(), outcome, now);
  turn(3'599'000'000);
  EXPECT_EQ(rig.messages.size(), 1u);
  turn(1'000'000);
  EXPECT_EQ(rig.messages.size(), 2u);
}

TEST_F(Messages, WhatWasOnItsWayWhenTheProcessDiedIsSentAgainWithTheSameId) {
  publish(event("1", "sold", "{}"));
  turn();
  ASSERT_EQ(rig.messages.size(), 1u);
  const std::string id = rig.messages.back().id;
  rig.restart(now);
  turn();
  ASSERT_EQ(rig.messages.size(), 1u);
  EXPECT_EQ(rig.messages.back().id, id);
  WebhookOutcome outcome;
  outcome.http_status = 204;
  rig->webhook_done(rig.messages.back(), outcome, now);
  rig.restart(now);
  turn();
  EXPECT_EQ(rig.messages.size(), 0u);
  expect_folds();
}

TEST_F(Messages, AReceiverThatIsGoneGetsNoFurtherAttempt) {
  publish(event("1", "sold", "{}"));
  turn();
  WebhookOutcome outcome;
  outcome.status = make_error(ErrorKind::kUnavailable, "webhook.refused", "gone");
  outcome.gone = true;
  rig->webhook_done(rig.messages.back(), outcome, now);
  EXPECT_EQ(dead_letters().size(), 1u);
}

// --- schedules
// ----------------------------------------------------------------------------------------------------

std::shared_ptr<Pipelines> clockwork(const std::string& missed) {
  auto pipelines = std::make_shared<Pipelines>();
  pipelines->add_document("pipeline: test/clock@1.0.0\nschedule: { every: 10m, missed: " + missed +
                          ", input: { missed: schedule.missed } }\n"
                          "steps: { a: { set: { m: 1 } } }\noutput: { m: a.m }\n");
  return pipelines;
}

TEST_F(Schedules, FireAtTheirTimesEachOnceAcrossRestarts) {
  Rig clock(clockwork("one"));
  now -= now % 600'000'000;
  clock->on_time(now);
  EXPECT_EQ(clock->next_due_us(), now + 600'000'000);
  for (int i = 1; i <= 3; ++i) {
    now += 600'000'000;
    clock.restart(now);
    clock->on_time(now);
    clock->on_time(now);
    EXPECT_EQ(clock.origins().size(), static_cast<size_t>(i));
  }
  EXPECT_EQ(*clock->digest(), clock.folded_digest());
}

TEST_F(Schedules, TicksOfADowntimeAreOneRunOrNoneOrAllOfThem) {
  for (const auto& [missed, runs] : {std::pair("one", 1u), std::pair("skip", 0u), std::pair("all", 5u)}) {
    Rig clock(clockwork(missed));
    int64_t at = now - now % 600'000'000;
    clock->on_time(at);
    at += 5 * int64_t{600'000'000} + 300'000'000;
    clock.restart(at);
    for (int i = 0; i < 10; ++i) clock->on_time(at);
    EXPECT_EQ(clock.origins().size(), runs) << missed;
    EXPECT_EQ(clock->next_due_us(), at + 300'000'000) << missed;
    EXPECT_EQ(*clock->digest(), clock.folded_digest()) << missed;
  }
}

// --- between partitions
// -------------------------------------------------------------------------------------------

class Pair : public ::testing::Test {
 protected:
  /// Carries what is on the line; `lose` decides of each message.
  void carry(const std::function<bool()>& lose = [] { return false; }) {
    for (Rig* rig : {&a, &b}) (*rig)->on_time(now);
    for (Rig* rig : {&a, &b}) {
      auto deliveries = std::move(rig->deliveries);
      auto acknowledgements = std::move(rig->acknowledgements);
      rig->deliveries.clear();
      rig->acknowledgements.clear();
      for (auto& delivery : deliveries)
        if (!lose()) of(delivery.to)->receive(delivery, now);
      for (auto& acknowledgement : acknowledgements)
        if (!lose()) of(acknowledgement.to)->acknowledged(acknowledgement, now);
    }
  }
  StateMachine* of(PartitionId id) { return id.value == 0 ? a.machine.get() : b.machine.get(); }
  /// A key that lives in partition `p`.
  static std::string key_in(uint32_t p) {
    for (int i = 0;; ++i) {
      const std::string key = "k" + std::to_string(i);
      if (choose_partition({}, key, 0, 2).value == p) return key;
    }
  }
  void tick(int n, const std::string& card) {
    ASSERT_TRUE(a->publish(event(std::to_string(n), "tick",
                                 "{\"n\":" + std::to_string(n) + ",\"card\":\"" + card + "\"}"),
                           now)
                    .ok());
  }

  std::shared_ptr<Pipelines> catalog = pipelines();
  Rig a{catalog, 0, 2}, b{catalog, 1, 2};
  int64_t now = a.now_us;
};

TEST_F(Pair, EventsReachAnotherPartitionInOrderAndOnceHoweverBadTheLine) {
  const std::string key = key_in(1);
  uint64_t roll = 7;
  const auto bad = [&roll] {
    roll = roll * 6364136223846793005ull + 1442695040888963407ull;
    return (roll >> 60) < 6;
  };
  for (int n = 2; n < 60; ++n) {
    tick(n, key);
    carry(bad);
    now += 1'500'000;
    if (n % 9 == 0) a.restart(now);
    if (n % 13 == 0) b.restart(now);
  }
  for (int i = 0; i < 40; ++i) {
    now += 1'500'000;
    carry();
  }
  EXPECT_EQ(b.origins().size(), 58u);
  EXPECT_EQ(to_json(b->agent_state("test/counter", key)->state.root()), R"({"count":58,"last":59})");
  EXPECT_EQ(a->stats().flow.outbox, 0u);
  EXPECT_EQ(*a->digest(), a.folded_digest());
  EXPECT_EQ(*b->digest(), b.folded_digest());
}

TEST_F(Pair, ListenersHearWhatIsPublishedInTheOtherPartition) {
  auto start = start_of(*catalog, "listener", 5, "card");
  const RunId run = b->start_run(std::move(start), now)->id;
  now += 1'000'000;
  carry();
  ASSERT_TRUE(a->publish(event("1", "paid", R"({"n":5})", "card"), now).ok());
  for (int i = 0; i < 4; ++i) carry();
  EXPECT_EQ(b->run(run)->summary.status, RunStatus::kCompleted);
  EXPECT_EQ(*b->digest(), b.folded_digest());
}

}  // namespace
}  // namespace switchyard::partition::testing
