#include "switchyard/gateway/live_calls.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace switchyard::gateway {
namespace {

const RunId kRun = RunId::make(1, 2, 3);

TEST(LiveCalls, AllCallsOfADecisionEndWhenItsClientLeaves) {
  LiveCalls calls;
  const auto client = calls.watch(kRun, {[](const Document&) { return true; }, 7});
  const auto step = calls.join(kRun);
  EXPECT_TRUE(step->wanted().on_part);
  int cancelled = 0;
  for (int i = 0; i < 2; ++i) step->began([&] { ++cancelled; });
  calls.abandon(kRun);
  EXPECT_EQ(cancelled, 2);
  EXPECT_FALSE(step->wanted().on_part);
  // What begins later ends at once, also where it belongs to another step.
  EXPECT_TRUE(calls.join(kRun)->abandoned());
  calls.join(kRun)->began([&] { ++cancelled; });
  EXPECT_EQ(cancelled, 3);
}

TEST(LiveCalls, ADecisionThatNobodyWatchesCanBeGivenUp) {
  LiveCalls calls;
  int cancelled = 0;
  auto first = calls.join(kRun), second = calls.join(kRun);
  EXPECT_EQ(first, second);
  EXPECT_FALSE(first->wanted().on_part);
  first->began([&] { ++cancelled; });
  first.reset();
  calls.abandon(kRun);
  EXPECT_EQ(cancelled, 1);
}

TEST(LiveCalls, WhatIsOverIsForgotten) {
  LiveCalls calls;
  calls.watch(kRun, {})->abandon();
  calls.abandon(kRun);
  EXPECT_FALSE(calls.join(kRun)->abandoned()) << "of the same run, later";
}

TEST(LiveCalls, MayBeHeldAndGivenUpByManyThreads) {
  LiveCalls calls;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const auto call = calls.join(kRun);
        call->began([] {});
        if (round % 7 == 0) calls.abandon(kRun);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(calls.join(kRun)->abandoned());
}

}  // namespace
}  // namespace switchyard::gateway
