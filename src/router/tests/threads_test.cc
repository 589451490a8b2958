#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <random>
#include <thread>

#include "fakes.h"
#include "switchyard/router/router.h"

// The router under many threads, with its own timers and a caller that answers from others.
namespace switchyard::router {
namespace {

/// Answers, fails, hangs or streams from its own threads, as chance has it.
class BusyCaller final : public models::Caller {
 public:
  BusyCaller() {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this, i] { run(static_cast<uint64_t>(i)); });
  }
  ~BusyCaller() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  std::function<void()> call(models::CallRequest request, Done done) override {
    auto job = std::make_shared<Job>(std::move(request), std::move(done));
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(job);
    }
    wake_.notify_one();
    return [job] { job->cancelled = true; };
  }

 private:
  struct Job {
    models::CallRequest request;
    Done done;
    std::atomic<bool> cancelled{false};
    Job(models::CallRequest r, Done d) : request(std::move(r)), done(std::move(d)) {}
  };
  void run(uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = jobs_.front();
        jobs_.pop_front();
      }
      const uint64_t dice = random() % 100;
      if (dice < 10 && !job->cancelled) {  // hangs until somebody gives up
        std::lock_guard lock(mutex_);
        if (!stopping_) {
          jobs_.push_back(std::move(job));
          continue;
        }
      }
      models::CallOutcome outcome = answers("1");
      if (job->cancelled)
        outcome = fails(ErrorKind::kCancelled, "models.cancelled");
      else if (dice < 20)
        outcome = fails(ErrorKind::kUnavailable, "models.unavailable", 503);
      else if (dice < 25)
        outcome = fails(ErrorKind::kInternal, "models.failed", 500);
      else if (job->request.on_part && dice < 60)
        for (int i = 0; i < 3 && job->request.on_part(Document(Value::integer(i))); ++i) ++outcome.parts;
      job->done(std::move(outcome));
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

TEST(RouterThreads, AnswersEveryCallOnceWhileRoutesSwapAndCallersGiveUp) {
  const std::string document =
      "candidates: { a: { model: m1@1.0.0, weight: 60 }, b: { model: m2@1.0.0, weight: 40 },\n"
      "  c: { model: m3@1.0.0, weight: 0 } }\nfallbacks: [b, a]\ndeadline: 500ms\n"
      "retry: { attempts: 3, backoff: 1ms..2ms }\nhedge: { after: 1ms, max_extra: 50% }\ncache: { ttl: 1s }\n"
      "shadow: [ { model: m4@1.0.0, share: 20% } ]\nbudget: { route: { day: 1000 } }\n"
      "concurrency: { initial: 50, max: 200 }\n"
      "canary: { candidate: c, against: a, steps: [50%, 100%], hold: 1ms, min_calls: 10, guards: { "
      "error_rate: 50% } }\n";
  const auto first = route_of("route: r@1.0.0\n" + document),
             second = route_of("route: r@1.1.0\n" + document);
  const auto ledger = SpendLedger::open({}).value();
  std::atomic<int> canary_steps{0}, answered{0}, made{0};
  BusyCaller caller;
  Router::Options options;
  options.caller = &caller;
  options.ledger = ledger.get();
  options.on_canary = [&](const CanaryDecision&) { ++canary_steps; };
  {
    Router router(options);
    router.set_routes({{first, {}, {}, false}});
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        std::mt19937_64 random(static_cast<uint64_t>(t));
        for (int i = 0; i < 200; ++i) {
          RouteCall call;
          call.route = "r";
          call.input = Document(Value::integer(static_cast<int64_t>(random() % 500)));
          call.sticky_key = std::to_string(random() % 50);
          if (random() % 3 == 0) call.on_part = [](const Document&) { return true; };
          ++made;
          const auto cancel = router.call(std::move(call), [&](RouteAnswer answer) {
            EXPECT_FALSE(answer.provenance->is_null());
            ++answered;
          });
          if (random() % 10 == 0) cancel();
          if (random() % 20 == 0) router.feedback("r", "c", false, 1);
        }
      });
    for (int i = 0; i < 50; ++i) {
      router.set_routes({{i % 2 == 0 ? second : first, {}, {}, false}});
      router.tick();
      EXPECT_EQ(router.status().size(), 1u);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(answered, made) << "the destructor waits for all";
  EXPECT_GE(canary_steps, 1);
  for (const Spend& spend : ledger->spends()) EXPECT_EQ(spend.reserved, Money{}) << spend.id;
}

}  // namespace
}  // namespace switchyard::router
