#include "switchyard/gateway/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace switchyard::gateway {
namespace {

class SetClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return now; }
  int64_t monotonic_us() const override { return now; }
  int64_t now = 1'000'000'000;
};

/// A server that does one request after the other, each in the same time, behind an admission.
class World {
 public:
  struct Served {
    Priority priority;
    int64_t waited_us;
  };
  explicit World(int64_t service_us) : service_us_(service_us) {
    AdmissionOptions options;
    options.queue_delay_us = [this] {
      return other_delay_us + (queue_.empty() ? 0 : clock.now - queue_.front().arrived_us);
    };
    admission = std::make_unique<Admission>(options, clock);
  }
  /// Lets time pass with so many requests a second of each class, evenly spread.
  void run(int64_t seconds_us, std::array<int, kPriorityCount> per_second) {
    const int64_t end = clock.now + seconds_us;
    for (; clock.now < end; clock.now += kStep) {
      for (size_t i = 0; i < kPriorityCount; ++i) {
        due_[i] += per_second[i] * static_cast<double>(kStep) / 1e6;
        for (; due_[i] >= 1; due_[i] -= 1) offer(static_cast<Priority>(i));
      }
      serve();
    }
  }
  /// Lets time pass with so many callers, each of whom asks again once it was answered.
  void run_callers(int64_t us, size_t callers) {
    for (const int64_t end = clock.now + us; clock.now < end; clock.now += kStep) {
      while (queue_.size() < callers && offer(Priority::kNormal)) continue;
      serve();
    }
  }
  void forget() {
    served.clear();
    offered = admitted = {};
    longest = 0;
  }
  double share(Priority priority) const {
    const auto i = static_cast<size_t>(priority);
    return static_cast<double>(admitted[i]) / offered[i];
  }
  int64_t waited_us(double quantile) {
    std::vector<int64_t> all;
    for (const Served& each : served) all.push_back(each.waited_us);
    std::sort(all.begin(), all.end());
    return all[static_cast<size_t>(quantile * static_cast<double>(all.size() - 1))];
  }

  SetClock clock;
  std::unique_ptr<Admission> admission;
  std::vector<Served> served;
  std::array<int, kPriorityCount> offered{}, admitted{};
  size_t longest = 0;
  int64_t other_delay_us = 0;  ///< that does not yield, whatever is let in

 private:
  static constexpr int64_t kStep = 50;
  bool offer(Priority priority) {
    const auto i = static_cast<size_t>(priority);
    ++offered[i];
    if (!admission->admit(priority, queue_.size())) return false;
    ++admitted[i];
    queue_.push_back({priority, clock.now});
    return true;
  }
  void serve() {
    for (free_us_ += kStep; free_us_ >= service_us_ && !queue_.empty(); free_us_ -= service_us_) {
      served.push_back({queue_.front().priority, clock.now - queue_.front().arrived_us});
      queue_.pop_front();
      admission->completed();
    }
    if (queue_.empty()) free_us_ = std::min(free_us_, service_us_);
    longest = std::max(longest, queue_.size());
  }

  struct Waiting {
    Priority priority;
    int64_t arrived_us;
  };
  const int64_t service_us_;
  std::deque<Waiting> queue_;
  std::array<double, kPriorityCount> due_{};
  int64_t free_us_ = 0;
};

TEST(Admission, LetsInEverythingThatCanBeDone) {
  World world(500);  // 2000 a second
  world.run(5'000'000, {0, 1900, 0});
  EXPECT_EQ(world.share(Priority::kNormal), 1.0);
  EXPECT_FALSE(world.admission->is_shedding());
}

TEST(Admission, KeepsTheServerBusyAndItsQueueShortAtFiveTimesWhatItCanDo) {
  World world(500);
  world.run(2'000'000, {0, 1500, 0});
  world.run(1'000'000, {0, 10'000, 0});  // the onset
  world.forget();
  world.run(60'000'000, {0, 10'000, 0});
  EXPECT_GE(world.served.size(), 60 * 2000 * 95 / 100);
  EXPECT_LE(world.waited_us(0.99), 40'000);
  EXPECT_LE(world.longest, 200u);
  EXPECT_TRUE(world.admission->is_shedding());
}

TEST(Admission, DoesNotStarveItselfOnADelayThatDoesNotYield) {
  World world(500);
  world.other_delay_us = 60'000;  // a slow disk
  world.run(3'000'000, {0, 10'000, 0});
  world.forget();
  world.run(60'000'000, {0, 10'000, 0});
  EXPECT_GE(world.served.size(), 60 * 2000 * 75 / 100);
  world.other_delay_us = 1'000'000;  // a starved machine
  world.forget();
  world.run(60'000'000, {0, 10'000, 0});
  EXPECT_GE(world.served.size(), 60 * 2000 * 40 / 100);
  world.other_delay_us = 0;
  world.run(3'000'000, {0, 10'000, 0});
  world.forget();
  world.run(10'000'000, {0, 10'000, 0});
  EXPECT_GE(world.served.size(), 10 * 2000 * 95 / 100);
}

TEST(Admission, LetsEverythingInAgainSoonAfterTheOverload) {
  World world(500);
  world.run(10'000'000, {0, 10'000, 0});
  world.run(1'000'000, {0, 1500, 0});
  world.forget();
  world.run(1'000'000, {0, 1500, 0});
  EXPECT_EQ(world.share(Priority::kNormal), 1.0);
  EXPECT_FALSE(world.admission->is_shedding());
  EXPECT_LE(world.waited_us(1), 20'000);
}

TEST(Admission, TurnsAwayTheLowestFirst) {
  World world(500);
  world.run(3'000'000, {4000, 1000, 500});
  world.forget();
  world.run(20'000'000, {4000, 1000, 500});
  EXPECT_GE(world.share(Priority::kHigh), 0.99);
  EXPECT_GE(world.share(Priority::kNormal), 0.9);
  EXPECT_LE(world.share(Priority::kLow), 0.2);
  EXPECT_GT(world.share(Priority::kLow), 0.02);  // what is left over
  world.run(2'000'000, {4000, 1000, 4000});      // the highest alone are too many
  world.forget();
  world.run(10'000'000, {4000, 1000, 4000});
  EXPECT_LE(world.share(Priority::kNormal), 0.05);
  EXPECT_LE(world.share(Priority::kLow), 0.05);
  EXPECT_GE(world.share(Priority::kHigh), 0.4);
}

TEST(Admission, TurnsNobodyAwayWhileSoFewAreInFlightThatNoneOfThemIsAQueue) {
  World world(15'000);  // each is long: 16 of them wait 240 ms, which is far over the target
  world.run_callers(20'000'000, 16);
  EXPECT_EQ(world.share(Priority::kNormal), 1.0);
  EXPECT_GE(world.served.size(), 20'000 / 15 - 1u);
  world.forget();
  world.run_callers(20'000'000, 200);
  EXPECT_LT(world.share(Priority::kNormal), 0.5);
  EXPECT_LE(world.longest, 200u);
  EXPECT_GE(world.served.size(), 20'000 / 15 - 1u) << "and what is turned away leaves nothing idle";
}

TEST(Admission, TakesNoBurstForAnOverload) {
  World world(500);
  for (int i = 0; i < 40; ++i) {
    world.run(50'000, {0, 3000, 0});  // half a window of too much, half of little
    world.run(50'000, {0, 200, 0});
  }
  EXPECT_EQ(world.share(Priority::kNormal), 1.0);
}

TEST(Admission, ForgetsWhatItKnewWhenNothingCameForAWhile) {
  World world(500);
  world.run(5'000'000, {0, 10'000, 0});
  EXPECT_TRUE(world.admission->is_shedding());
  world.run(10'000'000, {0, 0, 0});
  world.forget();
  world.run(1'000'000, {0, 500, 0});
  EXPECT_EQ(world.share(Priority::kNormal), 1.0);
  EXPECT_EQ(world.admission->delay_us(), 0);
}

TEST(Admission, TurnsNothingAwayWithoutASignal) {
  SetClock clock;
  Admission admission({}, clock);
  for (int i = 0; i < 10'000; ++i, clock.now += 10) EXPECT_TRUE(admission.admit(Priority::kLow, 10'000));
}

}  // namespace
}  // namespace switchyard::gateway
