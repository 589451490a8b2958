// Runs that go on under another version of their pipeline.
#include <gtest/gtest.h>

#include "rig.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"

namespace switchyard::partition::testing {
namespace {

using workflow::RunStatus;

constexpr const char* kHead = R"Y(
input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string } }, required: [n, card] }, key: input.card }
search: { n: input.n }
)Y";

class MigrationTest : public ::testing::Test {
 protected:
  /// Versions of test/p, each given as steps and output.
  void versions(const std::string& one, const std::string& two, const std::string& head_of_two = kHead) {
    catalog = std::make_shared<Pipelines>();
    catalog->add_document("pipeline: test/child@1.0.0\n" + std::string(kHead) +
                          "steps: { pause: { wait: 1h } }\noutput: { n: input.n }\n");
    catalog->add_document("pipeline: test/p@1.0.0\n" + std::string(kHead) + one);
    catalog->add_document("pipeline: test/p@2.0.0\n" + head_of_two + two);
    rig = std::make_unique<Rig>(catalog);
    now = rig->now_us;
  }
  RunId start() {
    StartRun command = start_of(*catalog, "p", 5, "c");
    command.pipeline = catalog->pipeline("test/p", "1.0.0");
    command.pins = *catalog->pins_for(*command.pipeline);
    auto started = (*rig)->start_run(std::move(command), now);
    EXPECT_TRUE(started.ok());
    turn();
    return started->id;
  }
  std::vector<std::string> migrate(const RunId& run, bool dry_run = false) {
    auto to = catalog->pipeline("test/p", "2.0.0");
    auto pins = catalog->pins_for(*to);
    const auto done = (*rig)->migrate_run({run, to, *pins, "ann", "a new version", dry_run}, now);
    if (!done.ok()) return {done.error().code};
    return done->obstacles;
  }
  std::string obstacle(const RunId& run) {
    const auto obstacles = migrate(run, true);
    return obstacles.empty() ? "none" : obstacles.front();
  }
  void turn(int64_t by_us = 0) {
    now += by_us;
    for (int i = 0; i < 50 && (*rig)->on_time(now); ++i) {
    }
  }
  workflow::RunSummary summary(const RunId& run) { return (*rig)->run(run)->summary; }
  void expect_folds() { EXPECT_EQ(*(*rig)->digest(), rig->folded_digest()); }

  std::shared_ptr<Pipelines> catalog;
  std::unique_ptr<Rig> rig;
  int64_t now = 0;
};

using Migrating = MigrationTest;
using Staying = MigrationTest;

TEST_F(Migrating, AWaitingRunTakesItsResultsAlongAndTheNewStepsBegin) {
  versions("steps: { a: { set: { v: input.n } }, pause: { after: a, wait: 1h } }\noutput: { v: a.v }\n",
           "steps: { z: { after: pause, set: { v: a.v + 1 } }, new: { set: { v: 7 } }, pause: { after: a, "
           "wait: 1h }, a: "
           "{ set: { v: input.n * 100 } } }\noutput: { v: z.v, new: new.v }\n");
  const RunId run = start();
  EXPECT_EQ(obstacle(run), "none");
  EXPECT_EQ(summary(run).version, "1.0.0");
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  EXPECT_EQ(summary(run).version, "2.0.0");
  EXPECT_EQ(rig->count(EventType::kRunMigrated), 1u);
  EXPECT_EQ(rig->count(EventType::kStepCompleted), 2u) << "the new step begins at once";
  expect_folds();
  rig->restart(now);
  expect_folds();
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  EXPECT_EQ(migrate(run), std::vector<std::string>{"run.ended"});
  expect_folds();
}

TEST_F(Migrating, APausedRunStaysPausedAndGoesOnUnderTheNewVersion) {
  versions("steps: { pause: { wait: 1h } }\noutput: { v: 1 }\n",
           "steps: { before: { set: { v: 2 } }, pause: { wait: 1h } }\noutput: { v: before.v }\n");
  const RunId run = start();
  ASSERT_TRUE((*rig)->pause_run(run, "ann", "", now).ok());
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  EXPECT_EQ(summary(run).status, RunStatus::kPaused);
  turn(int64_t{7'200'000'000});
  ASSERT_TRUE((*rig)->resume_run(run, "ann", "", now).ok());
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Migrating, APersonAnswersTheNewVersion) {
  const std::string form = "form: { type: object, properties: { ok: { type: boolean } }, required: [ok] }";
  versions("steps: { ask: { review: { queue: desk, " + form + " } } }\noutput: { ok: ask.ok }\n",
           "steps: { first: { set: { v: 1 } }, ask: { review: { queue: desk, " + form +
               " } }, then: { when: ask.ok, set: { v: first.v } } }\noutput: { ok: ask.ok, v: then.?v }\n");
  const RunId run = start();
  const auto items = (*rig)->reviews({}, now);
  ASSERT_EQ(items->size(), 1u);
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  expect_folds();
  ASSERT_TRUE((*rig)->comment({items->front().id, "ann", "hm"}, now).ok());
  ASSERT_TRUE((*rig)->claim({items->front().id, "ann"}, now).ok());
  ASSERT_TRUE((*rig)->answer({items->front().id, "ann", *parse_json_document(R"({"ok":true})")}, now).ok());
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Migrating, AChildTellsTheStepInItsNewPlace) {
  const std::string child = "pipeline: test/child, input: { n: input.n, card: input.card }";
  versions("steps: { c: { " + child + " } }\noutput: { n: c.n }\n",
           "steps: { a: { set: { v: 1 } }, b: { set: { v: 2 } }, c: { " + child +
               " } }\noutput: { n: c.n + a.v + b.v }\n");
  const RunId run = start();
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Migrating, WhatAListeningStepHasHeardMovesWithIt) {
  const std::string listen = "listen: { event: paid, key: input.card, match: event.?subject.orValue('') }";
  versions(
      "steps: { pause: { wait: 1m }, heard: { after: pause, " + listen + " } }\noutput: { id: heard.id }\n",
      "steps: { also: { after: pause, " + listen + " }, heard: { after: pause, " + listen +
          " }, pause: { wait: 1m } }\noutput: { id: heard.id, also: also.id }\n");
  const RunId run = start();
  std::vector<Error> mistakes;
  const auto publish = [&](const std::string& id) {
    const auto json = parse_json_document(R"({"specversion":"1.0","id":")" + id +
                                          R"(","source":"/t","type":"paid","subject":"c","data":1})");
    ASSERT_TRUE((*rig)->publish({*events::read_json(json->root(), "", mistakes), "tests"}, now).ok());
    turn();
  };
  publish("first");
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  expect_folds();
  turn(60'000'000);
  EXPECT_EQ(summary(run).status, RunStatus::kWaiting) << "the new step heard nothing yet";
  EXPECT_EQ(rig->count(EventType::kStepCompleted), 2u) << "the one that was there before did";
  publish("second");
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Migrating, ALoopUnderWayGoesOnWithItsItems) {
  const std::string loop =
      "each: { for_each: all.items, steps: { one: { set: { v: item } }, nap: { after: one, wait: 1h } }, "
      "output: one.v "
      "}";
  versions("steps: { all: { set: { items: \"[1, 2]\" } }, " + loop + " }\noutput: { r: each.results }\n",
           "steps: { early: { set: { v: 1 } }, " + loop +
               ", all: { set: { items: \"[1, 2]\" } } }\noutput: { r: each.results, v: early.v }\n");
  const RunId run = start();
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  expect_folds();
  rig->restart(now);
  turn(int64_t{3'600'000'000});
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Migrating, WhatWasDoneIsUndoneAsTheNewVersionSays) {
  const std::string book = "book: { set: { v: 1 }, compensate: { set: { undone: book.v } } }";
  versions(
      "steps: { " + book + ", pause: { after: book, wait: 1h } }\noutput: { v: book.v }\n",
      "steps: { first: { set: { v: 0 } }, " + book +
          ", pause: { after: book, wait: 1h }, no: { after: pause, fail: { code: x.no, message: \"'no'\" } } "
          "}\noutput: { v: first.v }\n");
  const RunId run = start();
  ASSERT_EQ(migrate(run), std::vector<std::string>{});
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(summary(run).status, RunStatus::kFailed);
  EXPECT_EQ(rig->count(EventType::kRunUnwinding), 1u);
  expect_folds();
}

TEST_F(Staying, AResultThatDoesNotFitIsNamedWithBothTypes) {
  versions(
      "steps: { score: { set: { label: \"'a'\" } }, pause: { after: score, wait: 1h } }\noutput: { l: "
      "score.label }\n",
      "steps: { score: { set: { label: \"'a'\", score: 0.5 } }, pause: { after: score, wait: 1h } }\noutput: "
      "{ l: "
      "score.label }\n");
  const RunId run = start();
  EXPECT_EQ(migrate(run),
            std::vector<std::string>{
                "step `score` gave {label: string}, version 2.0.0 expects {label: string, score: double}"});
  EXPECT_EQ(summary(run).version, "1.0.0");
  turn(int64_t{3'600'000'000});
  EXPECT_EQ(summary(run).status, RunStatus::kCompleted);
  expect_folds();
}

TEST_F(Staying, AStepThatIsGoneOrOfAnotherKindIsNamed) {
  versions("steps: { a: { set: { v: 1 } }, pause: { after: a, wait: 1h } }\noutput: { v: a.v }\n",
           "steps: { pause: { review: { queue: q, form: { type: object, properties: { ok: { type: boolean } "
           "} } } } }\noutput: { v: 1 }\n");
  const RunId run = start();
  EXPECT_EQ(migrate(run), (std::vector<std::string>{
                              "step `a` has completed, and version 2.0.0 has no step of that name there",
                              "step `pause` waits as `wait`, and is `review` in version 2.0.0"}));
}

TEST_F(Staying, AnInputThatTheNewVersionRefusesIsNamed) {
  versions("steps: { pause: { wait: 1h } }\noutput: { v: 1 }\n",
           "steps: { pause: { wait: 1h } }\noutput: { v: 1 }\n",
           "input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string }, "
           "land: { type: string } }, "
           "required: [n, card, land] }, key: input.card }\n");
  EXPECT_NE(obstacle(start()).find("the input does not fit version 2.0.0"), std::string::npos);
}

TEST_F(Staying, AListThatWouldBeAnotherIsNamed) {
  const std::string loop = "each: { for_each: all.items, steps: { nap: { wait: 1h } } }";
  versions("steps: { all: { set: { items: \"[1, 2]\" } }, " + loop + " }\noutput: { n: each.count }\n",
           "steps: { all: { set: { items: \"[1, 2]\" } }, each: { for_each: \"all.items.map(i, i + 1)\", "
           "steps: { nap: { wait: 1h } } } }\noutput: { n: each.count }\n");
  EXPECT_EQ(obstacle(start()), "step `each` goes through a list, and version 2.0.0 would make another of it");
}

TEST_F(Staying, ARunThatIsAtWorkOrIsBeingUndoneStays) {
  versions("steps: { m: { model: m, input: { n: input.n } } }\noutput: { s: m.score }\n",
           "steps: { m: { model: m, input: { n: input.n } }, b: { set: { v: 1 } } }\noutput: { s: m.score, "
           "b: b.v }\n");
  const RunId run = start();
  EXPECT_EQ(obstacle(run), "step `m` is at work; a run is migrated while it rests");
}

TEST_F(Staying, ASkippedStepOnWhichTheNewVersionCountsIsNamed) {
  versions(
      "steps: { maybe: { when: input.n > 100, set: { v: 1 } }, pause: { wait: 1h } }\noutput: { v: maybe.?v "
      "}\n",
      "steps: { maybe: { set: { v: 1 } }, pause: { wait: 1h } }\noutput: { v: maybe.v }\n");
  EXPECT_EQ(obstacle(start()), "step `maybe` was skipped, and version 2.0.0 counts on its result");
}

TEST_F(Staying, ASignalThatNobodyTakesAnyMoreIsNamed) {
  versions(
      "steps: { pause: { wait: 1h }, s: { after: pause, listen: { signal: word } } }\noutput: { v: s.who }\n",
      "steps: { pause: { wait: 1h } }\noutput: { v: 1 }\n");
  const RunId run = start();
  EXPECT_EQ(obstacle(run), "none");
  ASSERT_TRUE((*rig)->signal_run({run, "word", "ann", "", "", *parse_json_document("1")}, now).ok());
  EXPECT_NE(obstacle(run).find("the signal `word` waits to be taken"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::partition::testing
