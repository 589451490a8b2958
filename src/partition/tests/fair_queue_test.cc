#include "fair_queue.h"

#include <gtest/gtest.h>

namespace switchyard::partition {
namespace {

TEST(FairQueue, ATenantWithMuchToDoDelaysAnotherByOneShareAndOneItem) {
  FairQueue<int> queue;
  for (int i = 0; i < 100'000; ++i) queue.push("crowd", 50, i);
  uint64_t steps = 0;
  // The crowd is in the middle of its turn when the other comes.
  for (int i = 0; i < 7; ++i) {
    (void)queue.pop();
    queue.charge(30);
  }
  queue.push("single", 50, -1);
  while (queue.pop() != -1) {
    queue.charge(30);
    steps += 30;
  }
  queue.charge(1);
  EXPECT_LE(steps, static_cast<uint64_t>(kFairShareSteps) + 30);
}

TEST(FairQueue, WhatAnItemUsedOverTheShareIsPaidBack) {
  FairQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.push("large", 50, 1);
  for (int i = 0; i < 1000; ++i) queue.push("small", 50, 2);
  int64_t large = 0, small = 0;
  for (int i = 0; i < 500; ++i) {
    if (queue.pop() == 1) {
      queue.charge(2000);
      large += 2000;
    } else {
      queue.charge(10);
      small += 10;
    }
  }
  EXPECT_LE(large - small, 2000 + kFairShareSteps);
}

TEST(FairQueue, HigherPriorityGoesFirstAndAmongEqualsTheFirst) {
  FairQueue<int> queue;
  queue.push("t", 50, 1);
  queue.push("t", 80, 2);
  queue.push("t", 50, 3);
  queue.push("t", 80, 4);
  std::vector<int> order;
  while (!queue.empty()) {
    order.push_back(queue.pop());
    queue.charge(1);
  }
  EXPECT_EQ(order, (std::vector<int>{2, 4, 1, 3}));
}

TEST(FairQueue, NobodyIsOvertakenForEver) {
  FairQueue<int> queue;
  queue.push("t", 40, -1);
  int overtook = 0;
  for (int i = 0; i < 100'000; ++i) {
    queue.push("t", 50, i);
    const int next = queue.pop();
    queue.charge(1);
    if (next == -1) break;
    ++overtook;
  }
  EXPECT_EQ(overtook, 10 * kOvertakesPerPoint - 1);
}

TEST(FairQueue, AnItemPushedWhileAnotherIsAtWorkIsNotLost) {
  FairQueue<int> queue;
  queue.push("t", 50, 3);
  int turns = 0;
  while (!queue.empty()) {
    const int left = queue.pop();
    if (left > 0) queue.push("t", 50, left - 1);
    queue.charge(1000);
    ++turns;
  }
  EXPECT_EQ(turns, 4);
}

}  // namespace
}  // namespace switchyard::partition
