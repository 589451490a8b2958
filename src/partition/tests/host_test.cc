// A partition's host turned by hand: what waits for durability, for room, for a checkpoint, for space.
#include "host.h"

#include <gtest/gtest.h>

#include "rig.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/store/limits.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/types/json.h"

namespace switchyard::partition::testing {
namespace {

constexpr PartitionId kPartition{0};

/// A log whose room and stall the test decides; what it holds is a real one.
class AwkwardLog final : public log::Log {
 public:
  struct Mood {
    bool stalled = false;
    std::optional<size_t> room;
    log::StallListener listener;
    void stall(bool on) {
      stalled = on;
      listener(on, on ? Status(make_error(ErrorKind::kNoSpace, "runtime.no_space", "the disk is full"))
                      : Status());
    }
  };
  AwkwardLog(std::unique_ptr<log::Log> real, Mood& mood) : real_(std::move(real)), mood_(mood) {}

  PartitionId partition() const override { return real_->partition(); }
  Epoch epoch() const override { return real_->epoch(); }
  LogOffset next_offset() const override { return real_->next_offset(); }
  LogOffset durable_end() const override { return real_->durable_end(); }
  LogOffset first_offset() const override { return real_->first_offset(); }
  Status append(log::RecordBatch&& batch, log::AppendCallback done) override {
    return real_->append(std::move(batch), std::move(done));
  }
  size_t queue_room_bytes() const override { return mood_.room.value_or(real_->queue_room_bytes()); }
  Result<LogOffset> read(LogOffset from, size_t max_bytes, const log::RecordVisitor& visit) const override {
    return real_->read(from, max_bytes, visit);
  }
  Status trim(LogOffset upto) override { return real_->trim(upto); }
  bool stalled() const override { return mood_.stalled; }
  void set_stall_listener(log::StallListener listener) override { mood_.listener = std::move(listener); }
  log::LogStats stats() const override { return real_->stats(); }
  Status close() override { return real_->close(); }

 private:
  const std::unique_ptr<log::Log> real_;
  Mood& mood_;
};

class AwkwardLogs final : public log::Logs {
 public:
  explicit AwkwardLogs(log::Logs& real) : real_(real) {}
  Result<std::unique_ptr<log::Log>> acquire(PartitionId partition) override {
    SY_ASSIGN_OR_RETURN(auto log, real_.acquire(partition));
    return std::unique_ptr<log::Log>(std::make_unique<AwkwardLog>(std::move(log), mood));
  }
  AwkwardLog::Mood mood;

 private:
  log::Logs& real_;
};

class Remembering final : public EffectExecutor {
 public:
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override {
    requests.push_back(std::move(request));
    answers.push_back(std::move(done));
  }
  std::vector<workflow::EffectRequest> requests;
  std::vector<std::function<void(workflow::EffectResult)>> answers;
};

/// A store on loan: what it holds survives the host.
std::unique_ptr<store::StateStore> on_loan(store::MemoryStateStore& store);

class HostTest : public ::testing::Test {
 protected:
  HostTest() {
    pipelines->add("quick", "steps: { twice: { set: { n: input.n * 2 } } }\noutput: { n: twice.n }\n");
    pipelines->add("model",
                   "steps: { light: { model: m, input: { n: input.n } } }\noutput: { s: light.score }\n");
    pipelines->add("pay",
                   "steps: { pay: { http: { method: POST, url: \"'https://bank.example.org/'\" } } }\n"
                   "output: { s: pay.status }\n");
    pipelines->add("pause", "steps: { pause: { wait: 1h } }\noutput: { at: pause.until }\n");
    pipelines->add(
        "one",
        "concurrency: { key: input.card }\nsteps: { pause: { wait: 1h } }\noutput: { at: pause.until }\n");
    pipelines->add("many",
                   "steps: { rounds: { repeat: { from: { n: 0 }, until: carry.n >= 5000, max: 9000 }, "
                   "steps: { next: { set: { n: carry.n + 1 } } }, output: { n: next.n } } }\n"
                   "output: { n: rounds.value.n }\n");
    options.partitions = 1;
    options.logs = &logs;
    options.clock = &clock;
    options.random = &random;
    options.catalog = [this] { return pipelines; };
    options.executor = &executor;
    options.open_store = [this](PartitionId) -> Result<std::unique_ptr<store::StateStore>> {
      return on_loan(*store);
    };
    open();
  }

  void open() {
    host = std::make_unique<PartitionHost>(kPartition, options, mailbox, nullptr);
    host->open().value();
  }
  void turn() {
    std::vector<Command> commands;
    mailbox.try_drain(commands);
    for (Command& command : commands) host->handle(std::move(command), clock.now_us());
    host->finish_turn(clock.now_us());
  }
  /// What was handed to the disk is there, and the host hears of it.
  void sync() {
    real_logs->step(kPartition);
    turn();
  }
  /// Starts a run; `answers` gets what comes of it.
  void start(const std::string& name, const std::string& key = {}, int64_t wait_us = 0,
             const std::string& tenant = {}, bool ack_received = false) {
    StartCommand command{
        start_of(*pipelines, name, 21, "c", key), wait_us == 0 ? 0 : clock.now_us() + wait_us, {}};
    command.run.tenant = tenant;
    command.run.ack_received = ack_received;
    command.reply = [this](Result<StartReply> reply) { answers.push_back(std::move(reply)); };
    ASSERT_TRUE(mailbox.push({0, std::move(command)}));
  }
  /// A question that is answered at once; whether it was is in `asked`.
  void ask() {
    ASSERT_TRUE(mailbox.push({0, Call{[this](PartitionHost&, int64_t) { asked.push_back(Status()); },
                                      [this](const Error& error) { asked.push_back(error); }}}));
  }
  RunId started() { return answers.back()->view.summary.id; }

  std::shared_ptr<Pipelines> pipelines = std::make_shared<Pipelines>();
  std::unique_ptr<log::MemoryLogs> real_logs = log::MemoryLogs::create({.limits = {}, .manual = true});
  AwkwardLogs logs{*real_logs};
  std::unique_ptr<store::MemoryStateStore> store = store::memory_state_store(3);
  switchyard::testing::ManualClock clock;
  switchyard::testing::SeededRandom random{5};
  Remembering executor;
  EngineOptions options;
  CommandBox mailbox{64};
  std::unique_ptr<PartitionHost> host;
  std::vector<Result<StartReply>> answers;
  std::vector<Status> asked;
};

class Loan final : public store::StateStore {
 public:
  explicit Loan(store::MemoryStateStore& store) : store_(store) {}
  void put(std::string_view key, std::string_view value) override { store_.put(key, value); }
  void insert(std::string_view key, std::string_view value) override { store_.insert(key, value); }
  void erase(std::string_view key) override { store_.erase(key); }
  Result<bool> get(std::string_view key, std::string& value) override { return store_.get(key, value); }
  Status scan(const store::Range& range, const store::ScanOptions& options, store::Visitor visitor) override {
    return store_.scan(range, options, visitor);
  }
  bool can_freeze() override { return store_.can_freeze(); }
  bool freeze(store::Checkpoint reflected, store::Durability durability) override {
    return store_.freeze(reflected, durability);
  }
  Status flush() override { return store_.flush(); }
  std::optional<store::Checkpoint> applied() override { return store_.applied(); }
  std::optional<store::Checkpoint> flushed() const override { return store_.flushed(); }
  Status health() const override { return store_.health(); }
  size_t active_bytes() const override { return store_.active_bytes(); }
  store::StoreStats stats() const override { return store_.stats(); }

 private:
  store::MemoryStateStore& store_;
};

std::unique_ptr<store::StateStore> on_loan(store::MemoryStateStore& store) {
  return std::make_unique<Loan>(store);
}

using Gates = HostTest;
using Effects = HostTest;
using Waiting = HostTest;
using Deferring = HostTest;
using Stalling = HostTest;
using Checkpoints = HostTest;

TEST_F(Gates, AnAnswerComesWhenWhatItTellsIsDurableAndNotBefore) {
  start("quick", "k", 1'000'000);
  turn();
  EXPECT_TRUE(answers.empty());
  turn();
  EXPECT_TRUE(answers.empty());
  sync();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]->view.summary.status, workflow::RunStatus::kCompleted);
  EXPECT_EQ(answers[0]->view.output->find("n")->as_integer(), 42);
}

TEST_F(Gates, OneSyncReleasesAllThatWereHandledInOneTurnInTheirOrder) {
  for (int i = 0; i < 5; ++i) start("quick", "key-" + std::to_string(i), 1'000'000);
  turn();
  EXPECT_EQ(real_logs->step(kPartition), 1u) << "one batch for the turn";
  turn();
  ASSERT_EQ(answers.size(), 5u);
  for (size_t i = 1; i < answers.size(); ++i)
    EXPECT_LT(answers[i - 1]->view.summary.offsets.back(), answers[i]->view.summary.offsets.back());
}

TEST_F(Gates, AReadOfWhatIsNotDurableYetWaitsWithIt) {
  start("quick", "k", 1'000'000);
  turn();
  bool told = false;
  host->reply_when_durable([&](const Status& status) { told = status.ok(); });
  EXPECT_FALSE(told);
  sync();
  EXPECT_TRUE(told);
  told = false;
  host->reply_when_durable([&](const Status& status) { told = status.ok(); });
  EXPECT_TRUE(told) << "nothing is on its way: at once";
}

TEST_F(Gates, WhatNeedsOnlyBeReceivedIsToldAtOnceAndDurableSoonAfter) {
  start("quick", "k", 1'000'000, {}, true);
  turn();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]->view.output->find("n")->as_integer(), 42);
  start("model", "l", 1'000'000, {}, true);
  turn();
  executor.answers[0](score(0.5));
  turn();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[1]->view.summary.status, workflow::RunStatus::kCompleted);
  EXPECT_EQ(real_logs->step(kPartition), 0u) << "nothing was handed to the disk yet";
  EXPECT_EQ(host->next_turn_us(), clock.now_us() + kReceivedFlushUs);
  clock.advance_us(kReceivedFlushUs);
  turn();
  EXPECT_EQ(real_logs->step(kPartition), 1u) << "both in one batch";
  turn();
  Arena arena;
  const auto events = host->read_events(answers[1]->view.summary.id, answers[1]->view.summary.offsets);
  ASSERT_TRUE(events.ok());
  ASSERT_FALSE(events->empty()) << answers[1]->view.summary.offsets.size();
  EXPECT_EQ(to_json(std::get<RunStarted>(events->front().event.body).origin),
            R"({"kind":"request","ack":"received"})");
}

TEST_F(Gates, WhatNeedsOnlyBeReceivedAndRestsBeforeItsEndIsToldWhenThatIsDurable) {
  start("pause", "k", 1'000'000, {}, true);
  turn();
  EXPECT_TRUE(answers.empty()) << "a timer must not run before it is durable";
  sync();
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(Gates, AFailedLogAnswersEverythingWithTheReasonAndRefusesWhatComes) {
  start("quick", "k", 1'000'000);
  turn();
  mailbox.push({0, Durable{Status(make_error(ErrorKind::kIo, "runtime.io", "the disk is gone")), {}}});
  turn();
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_FALSE(answers[0].ok());
  EXPECT_EQ(answers[0].error().code, "partition.failed");
  EXPECT_NE(answers[0].error().message.find("the disk is gone"), std::string::npos);
  ask();
  turn();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].error().code, "partition.failed");
  EXPECT_FALSE(host->health().ok());
  EXPECT_EQ(host->next_turn_us(), 0) << "nothing is to be done any more";
}

TEST_F(Effects, AModelIsAskedAtOnceAndItsAnswerNeedsOneSync) {
  start("model", "k", 1'000'000);
  turn();
  ASSERT_EQ(executor.requests.size(), 1u) << "before anything was synced";
  executor.answers[0](score(0.5));
  turn();
  EXPECT_TRUE(answers.empty());
  sync();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]->view.summary.status, workflow::RunStatus::kCompleted);
}

TEST_F(Effects, WhatMustNotBeRepeatedBeginsWhenItsRecordIsDurable) {
  start("pay");
  turn();
  EXPECT_TRUE(executor.requests.empty());
  sync();
  ASSERT_EQ(executor.requests.size(), 1u);
  EXPECT_EQ(executor.requests[0].effect, workflow::EffectClass::kEffectful);
}

TEST_F(Effects, AfterARestartWhatWasInFlightBeginsAgainWithItsKey) {
  start("pay");
  turn();
  sync();
  sync();
  ASSERT_EQ(executor.requests.size(), 1u);
  const std::string key = executor.requests[0].idempotency_key;
  host.reset();
  store->crash();
  open();
  turn();
  sync();
  ASSERT_EQ(executor.requests.size(), 2u);
  EXPECT_EQ(executor.requests[1].idempotency_key, key);
}

TEST_F(Waiting, WhoWaitsTooLongGetsWhatIsKnownThen) {
  start("model", "k", 200'000);
  turn();
  sync();
  EXPECT_TRUE(answers.empty());
  clock.advance_us(150'000);
  turn();
  sync();
  EXPECT_TRUE(answers.empty());
  clock.advance_us(100'000);
  turn();
  sync();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]->view.summary.status, workflow::RunStatus::kRunning);
}

TEST_F(Waiting, AReaderOfAParkedRunIsAnsweredWhenItEnds) {
  start("pause", "k", 1'000'000);
  turn();
  sync();
  ASSERT_EQ(answers.size(), 1u) << "a start is answered when its run waits";
  EXPECT_EQ(answers[0]->view.summary.status, workflow::RunStatus::kWaiting);
  std::optional<Result<RunView>> told;
  host->wait_for(started(), clock.now_us() + 7'200'000'000,
                 [&](Result<RunView> view) { told = std::move(view); });
  turn();
  sync();
  EXPECT_FALSE(told.has_value());
  clock.advance_us(3'600'000'001);
  turn();
  sync();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ((*told)->summary.status, workflow::RunStatus::kCompleted);
}

TEST_F(Deferring, CommandsWaitWhileTheLogHasNoRoomAndGoOnInTheirOrder) {
  logs.mood.room = 0;
  start("quick", "k", 1'000'000);
  ask();
  turn();
  turn();
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(host->log().next_offset(), host->log().durable_end()) << "nothing was appended";
  logs.mood.room.reset();
  EXPECT_EQ(host->next_turn_us(), 1) << "there is work at once";
  turn();
  EXPECT_EQ(asked.size(), 1u);
  sync();
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(Stalling, AFullDiskRefusesNewWorkAndDropsWaitingAnswersAsUnknown) {
  start("quick", "k", 1'000'000);
  turn();
  logs.mood.stall(true);
  turn();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].error().code, "partition.disk_full");
  EXPECT_EQ(answers[0].error().kind, ErrorKind::kNoSpace);
  start("quick", "other", 1'000'000);
  ask();
  turn();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[1].error().code, "partition.disk_full");
  EXPECT_EQ(asked[0].error().code, "partition.disk_full");
  EXPECT_EQ(host->health().error().code, "partition.disk_full");
}

TEST_F(Stalling, AfterwardsTheSameKeyFindsTheRunWhoseAnswerWasDropped) {
  start("quick", "k", 1'000'000);
  turn();
  logs.mood.stall(true);
  turn();
  logs.mood.stall(false);
  sync();
  EXPECT_TRUE(host->health().ok());
  start("quick", "k", 1'000'000);
  turn();
  sync();
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_TRUE(answers[1].ok());
  EXPECT_TRUE(answers[1]->repeated);
  EXPECT_EQ(answers[1]->view.summary.status, workflow::RunStatus::kCompleted);
}

TEST_F(Stalling, AnEffectThatWaitsForTheDiskIsKeptAndAModelsAnswerIsNotLost) {
  start("pay");
  start("model", "m", 60'000'000);
  turn();
  logs.mood.stall(true);
  turn();
  ASSERT_EQ(executor.requests.size(), 1u) << "only the model was asked";
  executor.answers[0](score(0.25));
  turn();
  EXPECT_LT(host->next_turn_us(), clock.now_us() + 3'600'000'000);
  logs.mood.stall(false);
  turn();
  sync();
  sync();
  ASSERT_EQ(executor.requests.size(), 2u) << "the payment began after the stall";
  start("model", "m", 1'000'000);
  turn();
  sync();
  EXPECT_EQ(answers.back()->view.summary.status, workflow::RunStatus::kCompleted);
}

TEST_F(Checkpoints, WaitUntilAllThatWasEmittedIsDurableAndHoldBackCommandsMeanwhile) {
  start("model", "k", 60'000'000);
  turn();
  clock.advance_us(kCheckpointIntervalUs + 1);
  turn();  // a checkpoint is due, but the start is not durable
  EXPECT_EQ(host->stats().checkpoints, 0u);
  ask();
  turn();
  EXPECT_TRUE(asked.empty()) << "the state may not change before its checkpoint";
  sync();
  EXPECT_EQ(host->stats().checkpoints, 1u);
  turn();
  EXPECT_EQ(asked.size(), 1u);
  store->settle();
  ASSERT_TRUE(store->applied().has_value());
  EXPECT_LE(store->applied()->offset, host->log().durable_end());
}

TEST_F(Checkpoints, AreNotTakenWhereNothingHasHappened) {
  turn();
  // The first covers what opening itself wrote.
  for (int i = 0; i < 5; ++i) {
    clock.advance_us(kCheckpointIntervalUs + 1);
    turn();
    sync();
    store->settle();
  }
  EXPECT_LE(host->stats().checkpoints, 1u);
  turn();
  EXPECT_EQ(host->next_turn_us(), 0);
}

TEST_F(Checkpoints, MuchChangedStateBringsOneBeforeItsTime) {
  for (int i = 0; host->stats().checkpoints == 0 && i < 20'000; ++i) {
    start("quick", "key-" + std::to_string(i));
    turn();
    sync();
    answers.clear();
  }
  EXPECT_EQ(host->stats().checkpoints, 1u);
  EXPECT_LT(host->stats().machine.runs_started, 20'000u);
}

TEST_F(Checkpoints, ClosingMakesADurableOneSoThatNothingIsFoldedAgain) {
  start("pause", "k", 1'000'000);
  turn();
  sync();
  host->close();
  ASSERT_TRUE(store->flushed().has_value());
  EXPECT_EQ(store->flushed()->offset, host->log().durable_end());
}

using HostTurns = HostTest;

TEST_F(HostTurns, TheStartsOfOneTenantDelayThoseOfAnotherByABoundedNumberOfSteps) {
  for (int i = 0; i < 40; ++i) start("many", {}, 0, "crowd");
  start("quick", {}, 0, "single");
  for (int i = 0; i < 200 && answers.size() < 41; ++i) sync();
  ASSERT_EQ(answers.size(), 41u);
  // Answers come in the order of the starts: it waited for one turn of 20,000 steps (a start takes 2,000),
  // and for one move of the crowd after it.
  size_t before = 0;
  while (answers[before]->view.summary.tenant == "crowd") ++before;
  EXPECT_LE(before, kStepsPerTurn / 2000 + 1);
}

TEST_F(HostTurns, StartsThatWaitForTheirTurnAreRefusedWhenTheDiskIsFull) {
  for (int i = 0; i < 40; ++i) start("many", {}, 0, "crowd");
  turn();
  EXPECT_TRUE(answers.empty());
  logs.mood.stall(true);
  turn();
  ASSERT_EQ(answers.size(), 40u);
  for (const auto& answer : answers) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::kNoSpace);
  }
}

TEST_F(HostTurns, WhoWaitsForAQueuedRunIsAnsweredWhenItHasBegun) {
  start("one", {}, 30'000'000);
  for (int i = 0; i < 3; ++i) sync();
  ASSERT_EQ(answers.size(), 1u);
  const RunId first = started();
  start("one", {}, 30'000'000);
  for (int i = 0; i < 3; ++i) sync();
  EXPECT_EQ(answers.size(), 1u);
  ASSERT_TRUE(host->machine().cancel_run(first, "test", "", clock.now_us()).ok());
  for (int i = 0; i < 3; ++i) sync();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers.back()->view.summary.status, workflow::RunStatus::kWaiting);
}

}  // namespace
}  // namespace switchyard::partition::testing
