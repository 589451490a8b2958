#include "attempt_budgets.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "switchyard/types/json.h"

namespace switchyard::server {
namespace {

RunId run_of(uint8_t n) {
  RunId run{};
  run.bytes[15] = n;
  return run;
}

uint32_t take_all(router::AttemptBudget& budget) {
  uint32_t taken = 0;
  while (budget.take()) ++taken;
  return taken;
}

TEST(AttemptBudgets, AreOneForAllStepsOfADecision) {
  AttemptBudgets budgets;
  {
    const auto first = budgets.lend(run_of(1)), beside = budgets.lend(run_of(1));
    EXPECT_TRUE(first->take());
    EXPECT_TRUE(beside->take());
  }
  EXPECT_EQ(take_all(*budgets.lend(run_of(1))), router::kDefaultCallBudget - 2);
  EXPECT_EQ(take_all(*budgets.lend(run_of(1))), 0u);
  EXPECT_EQ(take_all(*budgets.lend(run_of(2))), router::kDefaultCallBudget) << "another decision has its own";
}

TEST(AttemptBudgets, RememberOnlyWhoAsksOrHasSpent) {
  AttemptBudgets budgets;
  {
    const auto lent = budgets.lend(run_of(1));
    EXPECT_EQ(budgets.size(), 1u);
  }
  EXPECT_EQ(budgets.size(), 0u);
  EXPECT_TRUE(budgets.lend(run_of(1))->take());
  EXPECT_EQ(budgets.size(), 1u);
  budgets.forget(run_of(1));
  EXPECT_EQ(budgets.size(), 0u);
}

TEST(AttemptBudgets, ForgetADecisionThatEndsBeforeItsCallsDo) {
  AttemptBudgets budgets;
  auto lent = budgets.lend(run_of(1));
  EXPECT_TRUE(lent->take());
  budgets.forget(run_of(1));
  EXPECT_TRUE(lent->take());
  lent.reset();
  EXPECT_EQ(budgets.size(), 0u);
}

TEST(AttemptBudgets, GiveAnAttemptBackEveryFifthStep) {
  AttemptBudgets budgets;
  EXPECT_EQ(take_all(*budgets.lend(run_of(1))), router::kDefaultCallBudget);
  uint32_t taken = 0;
  for (int step = 0; step < 25; ++step) taken += take_all(*budgets.lend(run_of(1)));
  EXPECT_EQ(taken, 5u);
}

/// Of a decision with a step for each meta.
Tried tried(const std::vector<std::string>& metas) {
  std::vector<Document> documents;
  std::vector<partition::RecordedEvent> history(1);
  history.back().event.body = RunStarted{};
  for (const std::string& meta : metas) {
    documents.push_back(parse_json_document(meta).value());
    history.emplace_back().event.body = StepCompleted{1, 0, Value(), documents.back().root()};
  }
  return tried_in(history);
}

std::string asked(int attempts) {
  std::string all;
  for (int i = 0; i < attempts; ++i) all += std::string(i == 0 ? "" : ",") + R"({"why":"retry"})";
  return R"({"routing":{"attempts":[)" + all + "]}}";
}

TEST(AttemptBudgets, AreKnownFromTheEvents) {
  EXPECT_EQ(tried({}).spent, 0u);
  EXPECT_EQ(tried({"{}", R"({"status":200})"}).steps, 0u) << "no model was asked";
  EXPECT_EQ(tried({R"({"model":"m@1.0.0"})", asked(1)}).steps, 2u);
  EXPECT_EQ(tried({R"({"model":"m@1.0.0"})", asked(1)}).spent, 0u);
  EXPECT_EQ(tried({asked(3), asked(2)}).spent, 3u);
  EXPECT_EQ(tried({R"({"members":{"a":)" + asked(2) + R"(,"b":)" + asked(3) + "}}"}).spent, 3u);
  EXPECT_EQ(tried({R"({"routing":{"attempts":[{},{}]},"earlier_calls":[)" + asked(3) + "]}"}).spent, 3u);
  EXPECT_EQ(tried({asked(60)}).spent, router::kDefaultCallBudget);
  EXPECT_EQ(tried({asked(1), asked(1), asked(1), asked(1), asked(3)}).spent, 2u) << "nothing to give back";
  EXPECT_EQ(tried({asked(3), asked(1), asked(1), asked(1), asked(1)}).spent, 1u);
}

TEST(AttemptBudgets, GoOnWhereAnEarlierProcessLeftThem) {
  AttemptBudgets budgets(1000);
  const RunId earlier = RunId::make(999, 1, 1), own = RunId::make(1000, 1, 1);
  EXPECT_FALSE(budgets.is_unknown(own));
  EXPECT_TRUE(budgets.is_unknown(earlier));
  budgets.recall(earlier, {4, 2});
  EXPECT_FALSE(budgets.is_unknown(earlier));
  budgets.recall(earlier, {0, 0});
  EXPECT_EQ(take_all(*budgets.lend(earlier)), router::kDefaultCallBudget - 2 + 1)
      << "the fifth gives one back";
  EXPECT_FALSE(budgets.is_unknown(earlier));
  budgets.forget(earlier);
  EXPECT_EQ(budgets.size(), 0u);
}

TEST(AttemptBudgets, AreRecalledOnceThoughNothingIsSpent) {
  AttemptBudgets budgets(1000);
  const RunId earlier = RunId::make(999, 1, 1);
  budgets.recall(earlier, {});
  budgets.lend(earlier);
  EXPECT_FALSE(budgets.is_unknown(earlier));
}

}  // namespace
}  // namespace switchyard::server
