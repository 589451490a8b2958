#include "attempt_budgets.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace switchyard::server
