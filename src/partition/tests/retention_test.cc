// Legal holds, compaction and deletion in the state machine.
#include "switchyard/partition/retention.h"

#include <gtest/gtest.h>

#include "switchyard/base/hash.h"
#include "switchyard/store/keys.h"
#include "tests/rig.h"

namespace switchyard::partition {
namespace {

using testing::Pipelines;
using testing::Rig;
using testing::start_of;
using workflow::RunStatus;

constexpr int64_t kDay = 86'400'000'000;

class Retention : public ::testing::Test {
 protected:
  Retention() {
    catalog->add("quick", "steps: { a: { set: { n: input.n + 1 } } }\noutput: { n: a.n }\n");
    catalog->add("bad", "steps: { a: { fail: { code: test.no, message: \"'no'\" } } }\noutput: { n: 1 }\n");
    catalog->add("asks",
                 "steps:\n  a: { review: { queue: desk, form: { type: object, properties: { ok: { type: "
                 "boolean } }, required: [ok] }, show: { n: input.n } } }\noutput: { ok: a.ok }\n");
    auto rules = std::make_shared<retention::Policy>();
    rules->name = "house";
    rules->version = "1.0.0";
    rules->idempotency_us = 5 * kDay;
    retention::RetentionClass whole;
    whole.name = "all";
    whole.pipelines = {"test/*"};
    whole.full_us = 10 * kDay;
    whole.delete_us = 30 * kDay;
    rules->classes = {whole};
    rig.policy = rules;
  }

  RunId start(const std::string& pipeline, int64_t n, const std::string& key = {}) {
    auto started = rig->start_run(start_of(*catalog, pipeline, n, "card", key), now);
    EXPECT_TRUE(started.ok());
    return started->id;
  }
  /// Everything that is due, as a pass over the partition decides it.
  RetentionPlan plan() {
    RetentionPlan all;
    std::string after;
    do {
      auto part = rig->plan_retention(*rig.policy, now, after);
      EXPECT_TRUE(part.ok());
      std::move(part->due.begin(), part->due.end(), std::back_inserter(all.due));
      all.held += part->held;
      after = part->after;
    } while (!after.empty());
    return all;
  }
  uint64_t compact(const std::vector<RunId>& runs) {
    return *rig->compact_runs({"house@1.0.0", "all", "ops", 1, runs}, now);
  }
  uint64_t remove(std::vector<DeleteRuns::Item> items) {
    return *rig->delete_runs({"house@1.0.0", "all", "ops", std::move(items)}, now);
  }
  Hold hold_of(const std::string& name) {
    Hold hold;
    hold.name = name;
    hold.who = "ops";
    hold.why = "a case";
    return hold;
  }

  std::shared_ptr<Pipelines> catalog = std::make_shared<Pipelines>();
  Rig rig{catalog};
  int64_t now = rig.now_us;
};

TEST_F(Retention, FindsWhatIsDueByClassAndAgeOfTheEnd) {
  const RunId old = start("quick", 1), waiting = start("asks", 1);
  EXPECT_TRUE(plan().due.empty());
  now += 9 * kDay;
  const RunId fresh = start("quick", 2);
  now += 2 * kDay;
  auto due = plan().due;
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].run, old);
  EXPECT_FALSE(due[0].remove);
  EXPECT_EQ(compact({old, fresh, waiting}), 2u) << "compact_runs() itself asks only whether it may";
  EXPECT_EQ(compact({old}), 0u) << "twice";
  now += 20 * kDay;
  due = plan().due;
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].run, old);
  EXPECT_TRUE(due[0].remove);
  EXPECT_FALSE(due[0].newest.empty());
}

TEST_F(Retention, FindsEverythingHoweverItIsCutIntoSteps) {
  for (int64_t i = 0; i < 2500; ++i) start(i % 2 == 0 ? "quick" : "bad", i);
  now += 11 * kDay;
  EXPECT_EQ(plan().due.size(), 2500u);
  now += 20 * kDay;
  EXPECT_EQ(plan().due.size(), 2500u);
}

TEST_F(Retention, CompactsAndDeletesNothingThatIsHeld) {
  const RunId one = start("quick", 1), two = start("quick", 2), three = start("bad", 3);
  Hold run = hold_of("one");
  run.run = one;
  Hold search = hold_of("two");
  search.search = {{"n", "2"}};
  ASSERT_TRUE(rig->set_hold(run, now).ok());
  ASSERT_TRUE(rig->set_hold(search, now).ok());
  now += 40 * kDay;
  const auto found = plan();
  ASSERT_EQ(found.due.size(), 1u);
  EXPECT_EQ(found.due[0].run, three);
  EXPECT_EQ(found.held, 2u);
  EXPECT_EQ(remove({{one, "", {}}, {two, "", {}}}), 0u);
  EXPECT_EQ(compact({one, two}), 0u);
  ASSERT_TRUE(*rig->release_hold("two", "ops", "closed", now));
  EXPECT_EQ(remove({{one, "", {}}, {two, "", {}}}), 1u);
  EXPECT_TRUE(rig->run(one).ok());
  EXPECT_EQ(rig->run(two).error().code, "run.deleted");
}

TEST_F(Retention, HoldsWhatComesLaterAndSurvivesARestart) {
  Hold hold = hold_of("later");
  hold.pipeline = "test/q*";
  ASSERT_TRUE(rig->set_hold(hold, now).ok());
  rig.restart(now);
  const RunId later = start("quick", 1);
  now += 40 * kDay;
  EXPECT_EQ(plan().held, 1u);
  EXPECT_EQ(remove({{later, "", {}}}), 0u);
  const auto holds = rig->holds();
  ASSERT_EQ(holds->size(), 1u);
  EXPECT_EQ((*holds)[0].who, "ops");
  EXPECT_EQ((*holds)[0].why, "a case");
  EXPECT_TRUE((*holds)[0].same_filter(hold));
}

TEST_F(Retention, RefusesAHoldWithoutNameFilterOrReason) {
  EXPECT_EQ(rig->set_hold(hold_of(""), now).error().code, "hold.bad_name");
  EXPECT_EQ(rig->set_hold(hold_of("x"), now).error().code, "hold.no_filter");
  Hold hold = hold_of("x");
  hold.key = "card";
  hold.why.clear();
  EXPECT_EQ(rig->set_hold(hold, now).error().code, "hold.no_reason");
  hold.why = "a case";
  ASSERT_TRUE(rig->set_hold(hold, now).ok());
  ASSERT_TRUE(rig->set_hold(hold, now).ok()) << "the same again";
  EXPECT_EQ(rig.count(EventType::kHoldSet), 1u);
  hold.key = "other";
  EXPECT_EQ(rig->set_hold(hold, now).error().code, "hold.exists");
  EXPECT_FALSE(*rig->release_hold("y", "ops", "why", now));
}

TEST_F(Retention, DeletesTheRunWithItsListsReviewsAndKey) {
  const RunId run = start("asks", 7, "k");
  ReviewFilter desk;
  const RunId review = rig->reviews(desk, now)->at(0).id;
  ASSERT_TRUE(rig->cancel_run(run, "ops", "enough", now).ok());
  const RunId other = start("quick", 7);
  DeleteRuns::Item item{run, {}, {review}};
  // The row's key is what the pass over the partition makes of the run's first event.
  std::string text;
  store::KeyWriter(text).text("tests").raw("k");
  const Sha256 digest = sha256(text);
  item.idempotency.assign(reinterpret_cast<const char*>(digest.data()), 16);
  now += 31 * kDay;
  EXPECT_EQ(remove({item}), 1u);
  for (const char* field : {"none", "pipeline", "key", "search", "status"}) {
    RunFilter filter;
    if (field == std::string("pipeline")) filter.pipeline = "test/asks";
    if (field == std::string("key")) filter.key = "card";
    if (field == std::string("search")) filter.search = {{"n", "7"}};
    if (field == std::string("status")) filter.status = RunStatus::kCancelled;
    const auto page = rig->list(filter);
    ASSERT_TRUE(page.ok());
    for (const auto& summary : page->runs) EXPECT_EQ(summary.id, other) << field;
  }
  EXPECT_EQ(rig->review(review).error().code, "review.unknown");
  EXPECT_EQ(rig->run(run).error().code, "run.deleted");
  EXPECT_NE(rig->run(run).error().message.find("house@1.0.0"), std::string::npos);
  EXPECT_NE(start("asks", 7, "k"), run) << "the key is free again";
  EXPECT_TRUE(rig->fates({run})->at(0).gone);
  EXPECT_EQ(*rig->digest(), rig.folded_digest());
}

TEST_F(Retention, LeavesAKeyThatALaterRunHasTaken) {
  const RunId first = start("quick", 1, "k");
  now += 6 * kDay;
  const RunId second = start("quick", 2, "k");
  EXPECT_NE(first, second) << "the key has run out";
  now += 25 * kDay;
  std::string text;
  store::KeyWriter(text).text("tests").raw("k");
  const Sha256 digest = sha256(text);
  EXPECT_EQ(remove({{first, std::string(reinterpret_cast<const char*>(digest.data()), 16), {}}}), 1u);
  now -= 24 * kDay;
  auto again = rig->start_run(start_of(*catalog, "quick", 2, "card", "k"), now);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->id, second);
  EXPECT_EQ(*rig->digest(), rig.folded_digest());
}

TEST_F(Retention, TouchesNothingThatIsNotOver) {
  const RunId run = start("asks", 1);
  now += 100 * kDay;
  EXPECT_TRUE(plan().due.empty());
  EXPECT_EQ(compact({run}), 0u);
  EXPECT_EQ(remove({{run, "", {}}}), 0u);
}

TEST_F(Retention, FoldsToTheSameFromTheBeginning) {
  std::vector<RunId> runs;
  for (int64_t i = 0; i < 20; ++i) runs.push_back(start(i % 3 == 0 ? "bad" : "quick", i));
  now += 11 * kDay;
  compact({runs[0], runs[1], runs[2]});
  remove({{runs[1], "", {}}, {runs[5], "", {}}});
  EXPECT_EQ(rig->run(runs[0])->compaction->policy, "house@1.0.0");
  EXPECT_FALSE(rig->run(runs[3])->compaction.has_value());
  EXPECT_EQ(*rig->digest(), rig.folded_digest());
}

}  // namespace
}  // namespace switchyard::partition
