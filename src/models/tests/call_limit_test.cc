#include "../remote/call_limit.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace switchyard::models {
namespace {

/// Calls with names, and what became of them in which order.
class CallLimitTest : public ::testing::Test {
 protected:
  QueueOrder enter(CallLimit& limit, const std::string& name, int32_t priority = 50, bool wants = true) {
    return limit.enter(
        priority,
        [this, name, wants] {
          told_.push_back((wants ? "begun " : "too late ") + name);
          return wants;
        },
        [this, name] { told_.push_back("refused " + name); });
  }
  std::vector<std::string> told() { return std::exchange(told_, {}); }

  std::vector<std::string> told_;
};
using Told = std::vector<std::string>;

TEST_F(CallLimitTest, WithoutAQueueWhatIsTooMuchIsRefusedWhateverItsPriority) {
  CallLimit limit(1, 0);
  enter(limit, "a", 0);
  enter(limit, "b", 100);
  EXPECT_EQ(told(), (Told{"begun a", "refused b"}));
  limit.leave();
  enter(limit, "c");
  EXPECT_EQ(told(), (Told{"begun c"}));
}

TEST_F(CallLimitTest, WhoWaitsGoesByPriorityAndTheLowestIsShed) {
  CallLimit limit(1, 3);
  enter(limit, "first");
  enter(limit, "low", 25);
  enter(limit, "normal", 50);
  enter(limit, "lower", 20);
  enter(limit, "high", 75);
  enter(limit, "lowest", 10);
  EXPECT_EQ(told(), (Told{"begun first", "refused lower", "refused lowest"}));
  for (int i = 0; i < 3; ++i) limit.leave();
  EXPECT_EQ(told(), (Told{"begun high", "begun normal", "begun low"}));
}

TEST_F(CallLimitTest, WhoDoesNotWantItsPlaceAnyMoreLeavesItToTheNext) {
  CallLimit limit(1, 3);
  enter(limit, "a");
  enter(limit, "b", 50, false);
  enter(limit, "c", 50, false);
  enter(limit, "d");
  limit.leave();
  EXPECT_EQ(told(), (Told{"begun a", "too late b", "too late c", "begun d"}));
  limit.leave();
  enter(limit, "e", 50, false);
  enter(limit, "f");
  EXPECT_EQ(told(), (Told{"too late e", "begun f"}));
}

TEST_F(CallLimitTest, WhatIsWithdrawnIsNeitherBegunNorRefused) {
  CallLimit limit(1, 3);
  const QueueOrder a = enter(limit, "a");
  const QueueOrder b = enter(limit, "b");
  enter(limit, "c");
  EXPECT_FALSE(limit.withdraw(a)) << "begun";
  EXPECT_TRUE(limit.withdraw(b));
  EXPECT_FALSE(limit.withdraw(b));
  limit.leave();
  EXPECT_EQ(told(), (Told{"begun a", "begun c"}));
}

TEST_F(CallLimitTest, CallsThatEndWithinTheirBeginningDoNotNest) {
  CallLimit limit(1, 100'000);
  enter(limit, "first");
  uint32_t depth = 0, deepest = 0, begun = 0;
  for (int i = 0; i < 100'000; ++i) {
    limit.enter(
        50,
        [&] {
          ++begun;
          deepest = std::max(deepest, ++depth);
          limit.leave();
          --depth;
          return true;
        },
        [] {});
  }
  limit.leave();
  EXPECT_EQ(begun, 100'000u);
  EXPECT_EQ(deepest, 1u);
}

}  // namespace
}  // namespace switchyard::models
