#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/mailbox.h"
#include "switchyard/runtime/random.h"
#include "switchyard/runtime/thread.h"
#include "switchyard/runtime/thread_pool.h"

namespace switchyard::runtime {
namespace {

TEST(Mailbox, DeliversEverythingOnceAndInOrderOfEachProducer) {
  constexpr int kProducers = 4, kEach = 20'000;
  Mailbox<std::pair<int, int>> mailbox(1000);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.push_back(start_thread("producer", [&mailbox, p] {
      for (int i = 0; i < kEach; ++i) {
        while (!mailbox.push({p, i})) std::this_thread::yield();
      }
    }));
  }
  int next[kProducers] = {};
  int total = 0;
  std::vector<std::pair<int, int>> batch;
  while (total < kProducers * kEach) {
    ASSERT_TRUE(mailbox.drain(batch));
    EXPECT_LE(batch.size(), mailbox.capacity());
    for (const auto& [p, i] : batch) ASSERT_EQ(i, next[p]++);
    total += static_cast<int>(batch.size());
  }
  for (auto& producer : producers) producer.join();
  EXPECT_FALSE(mailbox.try_drain(batch));
}

TEST(Mailbox, LosesNothingWhereProducersTakeInTheSleepingConsumersPlace) {
  constexpr int kProducers = 4, kEach = 20'000;
  Mailbox<int> mailbox(100'000);
  std::mutex turn;
  std::vector<int> batch;
  std::atomic<int> total{0}, taken_in_place{0};
  const auto take = [&] {
    mailbox.try_drain(batch);
    total += static_cast<int>(batch.size());
    return static_cast<int>(batch.size());
  };
  auto consumer = start_thread("consumer", [&] {
    while (total < kProducers * kEach) {
      mailbox.wait();
      const std::lock_guard lock(turn);
      take();
    }
  });
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.push_back(start_thread("producer", [&, p] {
      for (int i = 0; i < kEach; ++i) {
        // Some never take anything themselves.
        if (p == 0) {
          ASSERT_TRUE(mailbox.push(int{i}));
          continue;
        }
        const auto pushed = mailbox.push_quietly(int{i});
        ASSERT_NE(pushed, Mailbox<int>::Pushed::kRefused);
        if (pushed == Mailbox<int>::Pushed::kTaken) continue;
        std::unique_lock lock(turn, std::try_to_lock);
        if (!lock) {
          mailbox.wake();
          continue;
        }
        do taken_in_place += take();
        while (!mailbox.rests());
      }
    }));
  }
  for (auto& producer : producers) producer.join();
  mailbox.wake();
  consumer.join();
  EXPECT_EQ(total, kProducers * kEach);
}

TEST(Mailbox, SaysToWhoPushesQuietlyWhetherTheConsumerSleeps) {
  Mailbox<int> mailbox(2);
  using Pushed = Mailbox<int>::Pushed;
  std::vector<int> out;
  EXPECT_EQ(mailbox.push_quietly(1), Pushed::kTaken) << "nobody waits yet";
  EXPECT_FALSE(mailbox.rests()) << "something is there";
  mailbox.try_drain(out);
  EXPECT_TRUE(mailbox.rests());
  EXPECT_EQ(mailbox.push_quietly(2), Pushed::kTakenAndConsumerSleeps);
  EXPECT_EQ(mailbox.push_quietly(3), Pushed::kTaken) << "the one before sees to it";
  EXPECT_EQ(mailbox.push_quietly(4), Pushed::kRefused);
  EXPECT_EQ(mailbox.push_quietly(4, false), Pushed::kTaken);
  mailbox.close();
  EXPECT_EQ(mailbox.push_quietly(5, false), Pushed::kRefused);
}

TEST(Mailbox, RefusesBeyondItsCapacityAndLeavesTheItemAlone) {
  Mailbox<std::string> mailbox(2);
  EXPECT_TRUE(mailbox.push("a"));
  EXPECT_TRUE(mailbox.push("b"));
  std::string third = "c";
  EXPECT_FALSE(mailbox.push(std::move(third)));
  EXPECT_EQ(third, "c");
  EXPECT_TRUE(mailbox.push_unbounded(std::move(third)));
  std::vector<std::string> all;
  EXPECT_TRUE(mailbox.try_drain(all));
  EXPECT_EQ(all, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Mailbox, WakesItsConsumerWhenClosedOrPoked) {
  Mailbox<int> mailbox(2);
  std::vector<int> out;
  mailbox.wake();
  EXPECT_FALSE(mailbox.drain(out));
  auto closer = start_thread("closer", [&] { mailbox.close(); });
  EXPECT_FALSE(mailbox.drain(out));
  closer.join();
  EXPECT_FALSE(mailbox.push(1));
  EXPECT_FALSE(mailbox.drain(out, std::chrono::microseconds(1)));
}

TEST(ThreadPool, RunsEveryAcceptedTaskBeforeItStops) {
  std::atomic<int> ran = 0;
  int accepted = 0;
  {
    ThreadPool pool({.name = "test", .threads = 3, .queue_capacity = 50});
    for (int i = 0; i < 1000; ++i) accepted += pool.submit([&ran] { ++ran; });
    pool.wait_idle();
    EXPECT_EQ(ran, accepted);
    accepted += pool.submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_GT(accepted, 50);
}

TEST(ThreadPool, RefusesBeyondItsQueue) {
  Mailbox<int> gate(1);
  ThreadPool pool({.name = "test", .threads = 1, .queue_capacity = 1});
  std::atomic<bool> started = false;
  ASSERT_TRUE(pool.submit([&] {
    started = true;
    std::vector<int> out;
    gate.drain(out);
  }));
  while (!started) std::this_thread::yield();
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  gate.close();
  pool.stop();
  EXPECT_FALSE(pool.submit([] {}));
}

TEST(System, GivesATimeOfThisCenturyAndNumbersThatDiffer) {
  EXPECT_GT(system_clock().now_us(), 1'700'000'000'000'000);
  const int64_t before = system_clock().monotonic_us();
  EXPECT_LE(before, system_clock().monotonic_us());
  std::set<uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.insert(system_random().next_u64());
  EXPECT_EQ(numbers.size(), 1000u);
  std::array<uint8_t, 32> bytes{};
  system_random().fill(bytes);
  EXPECT_NE(bytes, (std::array<uint8_t, 32>{}));
}

}  // namespace
}  // namespace switchyard::runtime
