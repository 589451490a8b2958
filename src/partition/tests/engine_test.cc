// The engine on its threads: many callers at once, effects on a thread of their own, restarts.
#include "switchyard/partition/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <optional>
#include <thread>

#include "switchyard/log/local_log.h"
#include "switchyard/runtime/thread_pool.h"
#include "tests/test_catalog.h"

namespace switchyard::partition {
namespace {

constexpr const char* kScore = R"yaml(
pipeline: test/score@1.0.0
input: { schema: { type: object, required: [amount], properties: { amount: { type: number } } } }
search: { amount: input.amount }
steps:
  score: { model: fraud, input: input }
  verdict: { triage: score.score, confidence_below: 0.6, queue: desk }
  opinion:
    when: verdict.to_person
    review: { queue: desk, form: { type: object, required: [fraud], properties: { fraud: { type: boolean } } }, show: [input], due: 1d, on_breach: fail }
output: { fraud: "opinion.?fraud.orValue(verdict.positive)" }
)yaml";

/// Answers { score: amount / 1000 } from threads of its own.
class PoolExecutor final : public EffectExecutor {
 public:
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override {
    auto shared = std::make_shared<workflow::EffectRequest>(std::move(request));
    const bool taken = pool_.submit([this, shared, done = std::move(done)] {
      ++calls;
      std::optional<DriveHere> drive_here;
      if (in_place) drive_here.emplace();
      auto arena = std::make_shared<Arena>(64);
      MapBuilder answer(*arena);
      answer.add(
          "score",
          Value::real(std::get<workflow::ModelCall>(shared->call).input->find("amount")->as_double() / 1000));
      const Value value = answer.build();
      done({Document(arena, value), {}});
    });
    SY_CHECK(taken);
  }
  std::atomic<int> calls{0};
  std::atomic<bool> in_place{false};  ///< results are worked on where they come from

 private:
  runtime::ThreadPool pool_{{"effects", 2, 100'000}};
};

/// An engine on a folder of its own; stop() and start() again are a restart.
class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("switchyard-engine-" + std::to_string(::getpid()) + "-" +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    catalog_->add(kScore);
    start();
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    log::LocalLogOptions local;
    local.directory = directory_ / "log";
    logs_ = log::LocalLogs::open(local).value();
    EngineOptions options;
    options.partitions = 4;
    options.threads = 2;
    options.logs = logs_.get();
    options.open_store = [this](PartitionId id) {
      store::StoreOptions store;
      store.path = directory_ / ("state-" + std::to_string(id.value));
      store.partition = id;
      return store::open_state_store(host_, store);
    };
    options.clock = &runtime::system_clock();
    options.random = &runtime::system_random();
    options.catalog = [this] { return catalog_; };
    options.executor = &executor_;
    engine_ = std::make_unique<Engine>(options);
    engine_->start().value();
  }
  void stop() {
    if (engine_ != nullptr) engine_->stop();
    engine_.reset();
    logs_.reset();
  }

  /// Starts `runs` runs and waits for all answers; in place of the partitions' threads where these sleep.
  void start_many_in_place(const std::string& name, int runs, bool ack_received) {
    const DriveHere drive_here;
    std::atomic<int> answered{0};
    for (int i = 0; i < runs; ++i) {
      StartRun run = make_start(i % 2 == 0 ? 10 : 900, name + std::to_string(i));
      run.ack_received = ack_received;
      const bool fraud = i % 2 != 0;
      engine_->start_run(std::move(run), INT64_MAX, [&answered, fraud](Result<StartReply> reply) {
        EXPECT_TRUE(reply.ok() && reply->view.output->find("fraud")->as_bool() == fraud);
        ++answered;
      });
      if (i % 8 == 0)
        while (answered <= i) std::this_thread::yield();
    }
    while (answered < runs) std::this_thread::yield();
  }

  StartRun make_start(double amount, std::string key) const {
    StartRun start;
    start.pipeline = catalog_->pipeline("test/score", "");
    start.pins = *catalog_->pins_for(*start.pipeline);
    start.arena = std::make_shared<Arena>(256);
    MapBuilder input(*start.arena), search(*start.arena);
    input.add("amount", Value::real(amount));
    search.add("amount", Value::real(amount));
    start.input = input.build();
    start.search = search.build();
    start.idempotency_key = std::move(key);
    start.request_hash = static_cast<uint64_t>(amount * 16);
    start.principal = "test";
    return start;
  }

  Result<StartReply> start_and_wait(double amount, std::string key) {
    std::promise<Result<StartReply>> promise;
    engine_->start_run(make_start(amount, std::move(key)), INT64_MAX,
                       [&](Result<StartReply> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  template <typename T>
  Result<T> ask(const std::function<void(Reply<T>)>& question) {
    std::promise<Result<T>> promise;
    question([&](Result<T> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }

  std::filesystem::path directory_;
  std::shared_ptr<TestCatalog> catalog_ = std::make_shared<TestCatalog>();
  PoolExecutor executor_;
  std::shared_ptr<store::StoreHost> host_ = store::make_store_host();
  std::unique_ptr<log::LocalLogs> logs_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnswersEveryCallerWhoeverDrivesAndKeepsWhatItOnlyReceived) {
  executor_.in_place = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] { start_many_in_place(std::to_string(t) + "-", 100, t % 2 != 0); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(executor_.calls, 400);
  stop();
  start();
  auto page = ask<RunPage>([&](Reply<RunPage> reply) {
    engine_->list_runs({.status = workflow::RunStatus::kCompleted, .limit = 500}, std::move(reply));
  });
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_EQ(page->runs.size(), 400u);
}

TEST_F(EngineTest, AnswersEveryCallerOfManyThreadsAndRemembersItAfterARestart) {
  constexpr int kThreads = 4, kRuns = 100;
  std::mutex mutex;
  std::map<std::string, std::pair<RunId, bool>> answers;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRuns; ++i) {
        const std::string key = std::to_string(t) + "-" + std::to_string(i);
        const double amount = i % 2 == 0 ? 10 : 900;
        auto reply = start_and_wait(amount, key);
        ASSERT_TRUE(reply.ok()) << reply.error().to_string();
        ASSERT_TRUE(reply->view.has_output);
        EXPECT_EQ(reply->view.output->find("fraud")->as_bool(), amount > 500);
        std::lock_guard lock(mutex);
        answers[key] = {reply->view.summary.id, amount > 500};
      }
    });
  }
  // Readers meanwhile.
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      auto page =
          ask<RunPage>([&](Reply<RunPage> reply) { engine_->list_runs({.limit = 20}, std::move(reply)); });
      ASSERT_TRUE(page.ok());
      (void)engine_->stats();
    }
  });
  for (auto& thread : threads) thread.join();
  done = true;
  reader.join();

  stop();
  start();
  for (const auto& [key, answer] : answers) {
    const auto view =
        ask<RunView>([&](Reply<RunView> reply) { engine_->get_run(answer.first, 0, std::move(reply)); });
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->summary.status, workflow::RunStatus::kCompleted);
    const auto events = engine_->read_events(answer.first, view->summary.offsets);
    ASSERT_TRUE(events.ok());
    EXPECT_EQ(std::get<RunCompleted>(events->back().event.body).output.find("fraud")->as_bool(),
              answer.second);
    auto again = start_and_wait(answer.second ? 900 : 10, key);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ(again->view.summary.id, answer.first);
  }
}

TEST_F(EngineTest, RefusesAnIdempotencyKeyWithAnotherRequest) {
  ASSERT_TRUE(start_and_wait(10, "key").ok());
  const auto other = start_and_wait(20, "key");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, "run.idempotency_mismatch");
}

TEST_F(EngineTest, LetsOnlyOneOfTwoReviewersWin) {
  auto started = start_and_wait(500, "review");
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(started->view.summary.status, workflow::RunStatus::kWaiting);
  const auto items = ask<std::vector<review::Item>>(
      [&](auto reply) { engine_->list_reviews({.queue = "desk"}, std::move(reply)); });
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 1u);
  const RunId id = items->front().id;

  std::atomic<int> claimed{0};
  std::vector<std::thread> reviewers;
  for (int i = 0; i < 4; ++i) {
    reviewers.emplace_back([&, i] {
      const auto item = ask<review::Item>([&](auto reply) {
        engine_->claim_review({id, "reviewer-" + std::to_string(i)}, std::move(reply));
      });
      if (item.ok())
        ++claimed;
      else
        EXPECT_EQ(item.error().code, "review.claimed");
    });
  }
  for (auto& reviewer : reviewers) reviewer.join();
  EXPECT_EQ(claimed, 1);

  // The claim survives a restart, and its holder's answer ends the run.
  stop();
  start();
  const auto item = ask<review::Item>([&](auto reply) { engine_->get_review(id, std::move(reply)); });
  ASSERT_TRUE(item.ok());
  Arena arena;
  MapBuilder answer(arena);
  answer.add("fraud", Value::boolean(true));
  const auto answered = ask<review::Item>([&](auto reply) {
    engine_->answer_review({id, item->claimed_by, make_document(answer.build())}, std::move(reply));
  });
  ASSERT_TRUE(answered.ok()) << answered.error().to_string();
  const auto view = ask<RunView>(
      [&](Reply<RunView> reply) { engine_->get_run(started->view.summary.id, INT64_MAX, std::move(reply)); });
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->summary.status, workflow::RunStatus::kCompleted);
}

TEST_F(EngineTest, OneGroupCommitServesManyDecisions) {
  constexpr int kRuns = 2000;
  std::atomic<int> left{kRuns};
  std::promise<void> all;
  uint64_t before = 0;
  for (const auto& stats : engine_->stats()) before += stats.log.syncs;
  for (int i = 0; i < kRuns; ++i) {
    engine_->start_run(make_start(10, ""), INT64_MAX, [&](Result<StartReply> reply) {
      SY_CHECK(reply.ok());
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  uint64_t syncs = 0, commits = 0;
  for (const auto& stats : engine_->stats()) syncs += stats.log.syncs, commits += stats.log.commits;
  EXPECT_LT(syncs - before, static_cast<uint64_t>(kRuns) / 4)
      << "decisions under way together share their commits";
  EXPECT_LE(syncs - before, commits) << "never more than one fdatasync for a group of batches";
}

}  // namespace
}  // namespace switchyard::partition
