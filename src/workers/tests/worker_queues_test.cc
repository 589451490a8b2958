#include "switchyard/workers/worker_queues.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/types/json.h"

namespace switchyard::workers {
namespace {

constexpr int64_t kSecond = 1'000'000;

class WorkerQueuesTest : public ::testing::Test {
 protected:
  void make(WorkerQueuesOptions options = {}) {
    options.clock = &clock_;
    options.random = &random_;
    queues_ = std::make_unique<WorkerQueues>(options);
  }
  void SetUp() override { make(); }

  static Task task(const std::string& key, const std::string& type = "send") {
    Task task;
    task.queue = "post";
    task.type = type;
    task.input = "{\"to\":\"" + key + "\"}";
    task.idempotency_key = key;
    task.heartbeat_us = 30 * kSecond;
    return task;
  }
  std::string offer(Task task) {
    const std::string key = task.idempotency_key;
    return queues_->offer(std::move(task),
                          [this, key](TaskOutcome outcome) { outcomes_[key].push_back(std::move(outcome)); });
  }
  Poll asks(const std::string& worker, std::vector<std::string> types = {}, size_t max = 1) {
    Poll poll;
    poll.queue = "post";
    poll.worker = worker;
    poll.types = std::move(types);
    poll.max_tasks = max;
    return poll;
  }
  /// What a poll gives at once.
  std::vector<Leased> take(const Poll& poll) {
    std::vector<Leased> got;
    queues_->poll(poll, [&got](Result<std::vector<Leased>> tasks) { got = std::move(tasks).value(); });
    return got;
  }
  Leased take_one(const std::string& worker) {
    auto got = take(asks(worker));
    EXPECT_EQ(got.size(), 1u);
    return got.empty() ? Leased{} : got.front();
  }
  void pass(int64_t us) {
    clock_.advance_us(us);
    queues_->on_time();
  }
  static Document text(const std::string& json) { return parse_json_document(json).value(); }
  /// The error's code, "ok", or "running".
  std::string ended(const std::string& key) {
    const auto found = outcomes_.find(key);
    if (found == outcomes_.end()) return "running";
    EXPECT_EQ(found->second.size(), 1u);
    const auto& result = found->second.front().result;
    return result.ok() ? "ok" : result.error().code;
  }
  template <typename T>
  static std::string code(const Result<T>& result) {
    return result.ok() ? "ok" : result.error().code;
  }

  testing::ManualClock clock_;
  testing::SeededRandom random_{7};
  std::map<std::string, std::vector<TaskOutcome>> outcomes_;
  std::unique_ptr<WorkerQueues> queues_;
};

TEST_F(WorkerQueuesTest, HandsATaskToAWorkerAndItsResultBack) {
  offer(task("a"));
  clock_.advance_us(5 * kSecond);
  Poll poll = asks("w1");
  poll.version = "1.2.0";
  const auto got = take(poll);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].task.input, "{\"to\":\"a\"}");
  EXPECT_EQ(got[0].task.idempotency_key, "a");
  EXPECT_EQ(got[0].delivery, 1u);
  EXPECT_TRUE(take(asks("w2")).empty());
  clock_.advance_us(2 * kSecond);
  ASSERT_EQ(code(queues_->complete(got[0].lease, text("{\"ok\":true}"))), "ok");
  ASSERT_EQ(ended("a"), "ok");
  const TaskOutcome& outcome = outcomes_["a"].front();
  EXPECT_EQ(to_json(outcome.result->root()), "{\"ok\":true}");
  EXPECT_EQ(outcome.worker, "w1");
  EXPECT_EQ(outcome.worker_version, "1.2.0");
  EXPECT_EQ(outcome.queued_us, 5 * kSecond);
  EXPECT_EQ(outcome.run_us, 2 * kSecond);
}

TEST_F(WorkerQueuesTest, APollWaitsForATaskAndEndsWithNothingWhenItsTimeIsOver) {
  Poll poll = asks("w");
  poll.wait_us = 20 * kSecond;
  std::vector<size_t> answers;
  const auto note = [&](Result<std::vector<Leased>> got) { answers.push_back(got.value().size()); };
  EXPECT_NE(queues_->poll(poll, note), 0u);
  EXPECT_EQ(queues_->next_due_us(), clock_.monotonic_us() + 20 * kSecond);
  pass(19 * kSecond);
  EXPECT_TRUE(answers.empty());
  pass(kSecond);
  EXPECT_EQ(answers, std::vector<size_t>{0});
  queues_->poll(poll, note);
  offer(task("a"));
  EXPECT_EQ(answers, (std::vector<size_t>{0, 1}));
}

TEST_F(WorkerQueuesTest, APollThatWasBrokenOffTakesNothing) {
  Poll poll = asks("w");
  poll.wait_us = 20 * kSecond;
  const uint64_t number = queues_->poll(poll, [](auto) { FAIL() << "nobody listens any more"; });
  queues_->end_poll(number);
  queues_->end_poll(number);
  offer(task("a"));
  EXPECT_EQ(take_one("other").task.idempotency_key, "a");
}

TEST_F(WorkerQueuesTest, GivesAWorkerOnlyWhatItCanDo) {
  offer(task("a", "send"));
  offer(task("b", "print"));
  offer(task("c", "print"));
  EXPECT_TRUE(take(asks("w", {"fold"})).empty());
  const auto got = take(asks("w", {"fold", "print"}, 10));
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].task.idempotency_key, "b");
  EXPECT_EQ(got[1].task.idempotency_key, "c");
}

TEST_F(WorkerQueuesTest, TenantsTakeTurns) {
  for (int i = 0; i < 4; ++i) {
    Task many = task("many-" + std::to_string(i));
    many.tenant = "large";
    offer(many);
  }
  Task one = task("one");
  one.tenant = "small";
  offer(one);
  const auto got = take(asks("w", {}, 2));
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].task.idempotency_key, "many-0");
  EXPECT_EQ(got[1].task.idempotency_key, "one");
}

TEST_F(WorkerQueuesTest, ATenantsTasksGoByPriorityAndTheOldestIsStillTheOldest) {
  const auto offer_with = [&](const std::string& key, int32_t priority, const std::string& tenant = {}) {
    Task given = task(key);
    given.priority = priority;
    given.tenant = tenant;
    offer(given);
  };
  offer_with("low", 25, "a");
  pass(kSecond);
  offer_with("normal", 50, "a");
  offer_with("high", 75, "a");
  offer_with("high too", 75, "a");
  offer_with("other", 0, "b");
  EXPECT_EQ(queues_->queue("post").oldest_waiting_us, kSecond);
  std::vector<std::string> order;
  for (const Leased& leased : take(asks("w", {}, 10))) order.push_back(leased.task.idempotency_key);
  EXPECT_EQ(order, (std::vector<std::string>{"high", "other", "high too", "normal", "low"}));
}

TEST_F(WorkerQueuesTest, AFullQueueShedsTheLowest) {
  WorkerQueuesOptions options;
  options.max_tasks = 2;
  make(options);
  for (const auto& [key, priority] : std::vector<std::pair<std::string, int32_t>>{
           {"low", 25}, {"lower", 20}, {"high", 75}, {"lowest", 10}, {"higher", 80}}) {
    Task given = task(key);
    given.priority = priority;
    offer(given);
  }
  EXPECT_EQ(ended("lower"), "workers.queue_full");
  EXPECT_EQ(ended("lowest"), "workers.queue_full");
  EXPECT_EQ(ended("low"), "workers.queue_full");
  EXPECT_EQ(queues_->queue("post").refused, 3u);
  EXPECT_EQ(take_one("w").task.idempotency_key, "higher");
  EXPECT_EQ(take_one("w").task.idempotency_key, "high");
}

TEST_F(WorkerQueuesTest, AnotherWorkerGetsWhatOneFellSilentWithUpToABound) {
  Task given = task("a");
  given.max_lost_leases = 2;
  offer(given);
  const Leased first = take_one("w1");
  pass(29 * kSecond);
  EXPECT_TRUE(take(asks("w2")).empty());
  pass(kSecond);
  const Leased second = take_one("w2");
  EXPECT_EQ(second.delivery, 2u);
  EXPECT_NE(second.lease, first.lease);
  EXPECT_EQ(code(queues_->complete(first.lease, Document())), "workers.lease_lost");
  EXPECT_TRUE(queues_->heartbeat(first.lease, {}).value().cancelled);
  pass(30 * kSecond);
  EXPECT_EQ(ended("a"), "task.lost");
  EXPECT_EQ(outcomes_["a"].front().result.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(code(queues_->complete(second.lease, Document())), "workers.lease_lost");
}

TEST_F(WorkerQueuesTest, WhatMustNotBeRepeatedSilentlyFailsWithItsFirstWorker) {
  Task given = task("a");
  given.max_lost_leases = 1;
  offer(given);
  (void)take_one("w1");
  pass(30 * kSecond);
  EXPECT_EQ(ended("a"), "task.lost");
  EXPECT_TRUE(take(asks("w2")).empty());
}

TEST_F(WorkerQueuesTest, HeartbeatsKeepALeaseAndProgressReachesTheNextWorker) {
  offer(task("a"));
  const Leased first = take_one("w1");
  for (int i = 0; i < 5; ++i) {
    pass(20 * kSecond);
    const auto alive = queues_->heartbeat(first.lease, "{\"page\":" + std::to_string(i) + "}");
    ASSERT_TRUE(alive.ok());
    EXPECT_FALSE(alive->cancelled);
    EXPECT_EQ(alive->lease_us, 30 * kSecond);
  }
  EXPECT_EQ(code(queues_->heartbeat(first.lease, std::string(kMaxProgressBytes + 1, ' '))),
            "workers.progress_too_large");
  pass(30 * kSecond);
  EXPECT_EQ(take_one("w2").progress, "{\"page\":4}");
}

TEST_F(WorkerQueuesTest, ALostLeaseCountsWhileItsTaskStillWaits) {
  offer(task("a"));
  const Leased first = take_one("w1");
  pass(31 * kSecond);
  EXPECT_EQ(code(queues_->complete(first.lease, text("1"))), "ok");
  EXPECT_EQ(ended("a"), "ok");
  EXPECT_TRUE(take(asks("w2")).empty());
}

TEST_F(WorkerQueuesTest, AResultThatIsToldTwiceIsTakenOnce) {
  offer(task("a"));
  const Leased got = take_one("w");
  EXPECT_FALSE(queues_->complete(got.lease, text("1")).value().repeated);
  EXPECT_TRUE(queues_->complete(got.lease, text("2")).value().repeated);
  EXPECT_EQ(ended("a"), "ok");
  EXPECT_EQ(outcomes_["a"].front().result->root().as_integer(), 1);
  EXPECT_EQ(code(queues_->fail(got.lease, {})), "workers.task_ended");
  EXPECT_EQ(code(queues_->complete("no-lease", Document())), "workers.unknown_lease");
}

TEST_F(WorkerQueuesTest, AFailureCarriesWhatTheWorkerSays) {
  offer(task("a"));
  Failure failure{"letter.bounced", "no such street", false, 5 * kSecond};
  const Leased got = take_one("w");
  ASSERT_EQ(code(queues_->fail(got.lease, failure)), "ok");
  EXPECT_TRUE(queues_->fail(got.lease, failure).value().repeated);
  const TaskOutcome& outcome = outcomes_["a"].front();
  EXPECT_EQ(outcome.result.error().code, "letter.bounced");
  EXPECT_EQ(outcome.result.error().message, "no such street");
  EXPECT_EQ(outcome.result.error().kind, ErrorKind::kUnprocessable);
  EXPECT_EQ(outcome.retry_after_us, 5 * kSecond);
}

TEST_F(WorkerQueuesTest, ARestartDoesNotLoseAResultUnderWay) {
  offer(task("a"));
  offer(task("b"));
  const Leased a = take_one("w"), b = take_one("w");
  make();  // the server's memory is gone
  EXPECT_EQ(code(queues_->complete(a.lease, text("1"))), "workers.unknown_lease");
  offer(task("a"));
  offer(task("b"));
  EXPECT_EQ(code(queues_->complete(a.lease, text("1"))), "ok");
  EXPECT_EQ(ended("a"), "ok");
  // A heartbeat takes the task back before another worker gets it.
  ASSERT_TRUE(queues_->heartbeat(b.lease, {}).ok());
  EXPECT_TRUE(take(asks("other")).empty());
  EXPECT_EQ(code(queues_->complete(b.lease, text("2"))), "ok");
  EXPECT_EQ(ended("b"), "ok");
}

TEST_F(WorkerQueuesTest, ALeaseIsForOneInputOnly) {
  offer(task("a"));
  const Leased old = take_one("w");
  make();
  Task other = task("a");
  other.input = "{\"to\":\"another\"}";
  offer(other);
  EXPECT_EQ(code(queues_->complete(old.lease, text("1"))), "workers.unknown_lease");
  EXPECT_EQ(ended("a"), "running");
}

TEST_F(WorkerQueuesTest, TheSameWorkOfferedAgainJoinsWhatIsUnderWay) {
  Task first = task("a");
  first.deadline_us = clock_.monotonic_us() + 10 * kSecond;
  offer(first);
  const Leased got = take_one("w");
  Task second = task("a");
  second.deadline_us = clock_.monotonic_us() + 20 * kSecond;
  int told = 0;
  queues_->offer(second, [&](const TaskOutcome& outcome) { told += outcome.result.ok() ? 1 : 0; });
  EXPECT_TRUE(take(asks("w2")).empty());
  pass(15 * kSecond);
  EXPECT_EQ(code(queues_->complete(got.lease, text("1"))), "ok");
  EXPECT_EQ(ended("a"), "ok");
  EXPECT_EQ(told, 1);
}

TEST_F(WorkerQueuesTest, ATaskEndsAtItsDeadlineWhoeverHasIt) {
  Task given = task("a");
  given.deadline_us = clock_.monotonic_us() + 10 * kSecond;
  offer(given);
  given.idempotency_key = "b";
  offer(given);
  const Leased got = take_one("w");
  EXPECT_EQ(got.deadline_in_us, 10 * kSecond);
  pass(10 * kSecond);
  EXPECT_EQ(ended("a"), "task.timeout");
  EXPECT_EQ(ended("b"), "task.timeout");
  EXPECT_NE(outcomes_["a"].front().result.error().message.find("'w' did not finish"), std::string::npos);
  EXPECT_NE(outcomes_["b"].front().result.error().message.find("no worker took"), std::string::npos);
  EXPECT_TRUE(queues_->heartbeat(got.lease, {}).value().cancelled);
  EXPECT_EQ(code(queues_->complete(got.lease, Document())), "workers.task_ended");
}

TEST_F(WorkerQueuesTest, TellsAWorkerThatItsTaskIsNotWantedAnyMore) {
  Task given = task("a");
  given.run = "run-1";
  offer(given);
  given.idempotency_key = "b";
  offer(given);
  const Leased got = take_one("w");
  queues_->cancel_run("run-1", "the decision fails", false);
  EXPECT_TRUE(take(asks("w2")).empty());
  auto alive = queues_->heartbeat(got.lease, {});
  ASSERT_TRUE(alive.ok());
  EXPECT_TRUE(alive->cancelled);
  EXPECT_EQ(alive->why, "the decision fails");
  queues_->cancel_run("run-1", "the decision ended", true);
  EXPECT_TRUE(queues_->heartbeat(got.lease, {}).value().cancelled);
  EXPECT_EQ(code(queues_->complete(got.lease, Document())), "workers.task_ended");
  EXPECT_EQ(ended("a"), "running");
  EXPECT_EQ(queues_->queues().front().in_flight, 0u);
}

TEST_F(WorkerQueuesTest, WhoMayStillFinishAnUnwantedTaskIsHeard) {
  Task given = task("a");
  given.run = "run-1";
  offer(given);
  const Leased got = take_one("w");
  queues_->cancel_run("run-1", "the decision fails", false);
  EXPECT_EQ(code(queues_->complete(got.lease, text("1"))), "ok");
  EXPECT_EQ(ended("a"), "ok");
}

TEST_F(WorkerQueuesTest, CancelTellsTheCallerWhereItIsWanted) {
  const std::string id = offer(task("a"));
  queues_->cancel(id, "enough", true);
  EXPECT_EQ(ended("a"), "task.cancelled");
  queues_->cancel(offer(task("b")), "enough", false);
  EXPECT_EQ(ended("b"), "running");
}

TEST_F(WorkerQueuesTest, AReleasedTaskGoesBackToItsPlace) {
  offer(task("a"));
  offer(task("b"));
  const Leased got = take_one("w");
  EXPECT_FALSE(queues_->release(got.lease).value().repeated);
  EXPECT_TRUE(queues_->release(got.lease).value().repeated);
  EXPECT_EQ(code(queues_->complete(got.lease, Document())), "workers.task_ended");
  EXPECT_EQ(take_one("w").task.idempotency_key, "a");
}

TEST_F(WorkerQueuesTest, WhatAWorkerDoesNotKnowItHasGoesBackUncounted) {
  Task given = task("a");
  given.max_lost_leases = 1;
  offer(given);
  const Leased lost = take_one("w");  // say, the answer never arrived
  Poll again = asks("w");
  again.tells_held = true;
  const auto got = take(again);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_NE(got[0].lease, lost.lease);
  // What it once said it has is another matter.
  again.held = {got[0].lease};
  EXPECT_TRUE(take(again).empty());
  again.held = {};
  EXPECT_TRUE(take(again).empty());
  EXPECT_EQ(ended("a"), "task.lost");
}

TEST_F(WorkerQueuesTest, AWorkerThatTellsWhatItHoldsAsksOnceAtATime) {
  Poll poll = asks("w");
  poll.tells_held = true;
  poll.wait_us = 20 * kSecond;
  int first = 0, second = 0;
  queues_->poll(poll, [&](Result<std::vector<Leased>> got) { first += 1 + static_cast<int>(got->size()); });
  queues_->poll(poll, [&](Result<std::vector<Leased>> got) { second += 1 + static_cast<int>(got->size()); });
  EXPECT_EQ(first, 1);
  offer(task("a"));
  EXPECT_EQ(second, 2);
}

TEST_F(WorkerQueuesTest, AFullQueueRefusesAndNamesTheLimit) {
  WorkerQueuesOptions options;
  options.max_tasks = 2;
  make(options);
  for (const char* key : {"a", "b", "c"}) offer(task(key));
  EXPECT_EQ(ended("c"), "workers.queue_full");
  EXPECT_EQ(outcomes_["c"].front().result.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(outcomes_["c"].front().result.error().message.find("2 tasks"), std::string::npos);
  (void)take_one("w");
  offer(task("d"));
  EXPECT_EQ(ended("d"), "running");
  EXPECT_EQ(queues_->queues().front().refused, 1u);
}

TEST_F(WorkerQueuesTest, RefusesBadPollsNamingTheField) {
  const auto error = [&](const Poll& poll) {
    std::string code, field;
    queues_->poll(poll, [&](Result<std::vector<Leased>> got) {
      code = got.ok() ? "ok" : got.error().code, field = got.ok() ? "" : got.error().field;
    });
    return code + " " + field;
  };
  Poll poll = asks("");
  EXPECT_EQ(error(poll), "workers.bad_name worker");
  poll = asks("w", {"a b"});
  EXPECT_EQ(error(poll), "workers.bad_name types");
  poll = asks("w", {}, 101);
  EXPECT_EQ(error(poll), "workers.bad_poll max_tasks");
  poll = asks("w");
  poll.wait_us = kMaxWaitUs + 1;
  EXPECT_EQ(error(poll), "workers.bad_poll wait");
  WorkerQueuesOptions options;
  options.max_polls = 1;
  make(options);
  poll.wait_us = kSecond;
  queues_->poll(poll, [](auto) {});
  EXPECT_EQ(error(poll), "workers.too_many_polls ");
}

TEST_F(WorkerQueuesTest, KnowsWhoIsThereAndForgetsWhoIsSilentForLong) {
  offer(task("a"));
  offer(task("b"));
  const Leased got = take_one("w1");
  (void)queues_->complete(got.lease, Document());
  (void)take_one("w2");
  auto workers = queues_->workers();
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].completed, 1u);
  EXPECT_EQ(workers[1].in_flight, 1u);
  EXPECT_EQ(workers[1].last_seen_us, clock_.now_us());
  pass(kForgetWorkerUs + 31 * kSecond);
  EXPECT_TRUE(queues_->workers().empty());
  EXPECT_EQ(queues_->queues().front().leases_lost, 1u);
}

TEST(WorkerQueuesThreads, EveryTaskEndsOnceWhateverWorkersDo) {
  WorkerQueuesOptions options;
  options.clock = &runtime::system_clock();
  options.random = &runtime::system_random();
  WorkerQueues queues(options);
  queues.start();
  constexpr int kTasks = 2000;
  std::atomic<int> ended{0}, ok{0};
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  for (int w = 0; w < 3; ++w) {
    threads.emplace_back([&, w] {
      Poll poll;
      poll.queue = "post";
      poll.worker = "w" + std::to_string(w);
      poll.max_tasks = 7;
      poll.wait_us = 2000;
      uint64_t seen = 0;
      while (!stop) {
        std::mutex mutex;
        std::condition_variable came;
        bool answered = false;
        std::vector<Leased> got;
        queues.poll(poll, [&](Result<std::vector<Leased>> tasks) {
          std::lock_guard lock(mutex);
          if (tasks.ok()) got = std::move(tasks).value();
          answered = true;
          came.notify_one();
        });
        {
          std::unique_lock lock(mutex);
          came.wait(lock, [&] { return answered; });
        }
        for (const Leased& leased : got) {
          switch (++seen % 5) {
            case 0: (void)queues.fail(leased.lease, {}); break;
            case 1: (void)queues.release(leased.lease); break;
            case 2: (void)queues.heartbeat(leased.lease, "1"); [[fallthrough]];
            default: (void)queues.complete(leased.lease, Document());
          }
        }
      }
    });
  }
  for (int i = 0; i < kTasks; ++i) {
    Task task;
    task.queue = "post";
    task.type = "t" + std::to_string(i % 3);
    task.idempotency_key = std::to_string(i);
    task.tenant = std::to_string(i % 2);
    queues.offer(std::move(task), [&](const TaskOutcome& outcome) {
      ok += outcome.result.ok() ? 1 : 0;
      ++ended;
    });
  }
  while (ended < kTasks) std::this_thread::yield();
  stop = true;
  for (auto& thread : threads) thread.join();
  queues.stop();
  EXPECT_EQ(ended, kTasks);
  EXPECT_GT(ok, kTasks / 2);
}

}  // namespace
}  // namespace switchyard::workers
