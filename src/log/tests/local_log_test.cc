// The local log with its threads, on the real disk and on one that fills up or fails.

#include "switchyard/log/local_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "log_test_util.h"
#include "switchyard/runtime/mailbox.h"

namespace switchyard::log {
namespace {

class LocalLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    options_.directory = root_ + "/log";
    options_.first_segment_bytes = 64 << 10;
    options_.segment_bytes = 256 << 10;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string root_;
  LocalLogOptions options_;
};

TEST_F(LocalLogTest, NeedsAtMostOneSyncForEachGroupHoweverManyWait) {
  auto logs = LocalLogs::open(options_).value();
  auto log = logs->acquire(kPartition).value();
  constexpr int kThreads = 8, kEach = 200;
  std::mutex order;  // append() and next_offset() are serialised by the owner
  std::vector<std::thread> callers;
  for (int t = 0; t < kThreads; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        std::promise<bool> answer;
        {
          std::lock_guard lock(order);
          append(*log, {std::string(100, 'x')},
                 [&](const Status& status, LogOffset) { answer.set_value(status.ok()); });
        }
        EXPECT_TRUE(answer.get_future().get());
      }
    });
  }
  for (auto& caller : callers) caller.join();
  const LogStats stats = log->stats();
  EXPECT_EQ(stats.commits, uint64_t{kThreads * kEach});
  EXPECT_LT(stats.syncs, stats.commits * 3 / 4) << "callers that wait at the same time share a sync";
  EXPECT_GT(stats.largest_group, 1u);
  uint64_t histogram = 0;
  for (const uint64_t n : stats.sync_us_histogram) histogram += n;
  EXPECT_EQ(histogram, stats.syncs);
  EXPECT_EQ(read_all(*log).value().size(), size_t{kThreads * kEach});
}

TEST_F(LocalLogTest, SyncsOnceForAGroupAndNotAtAllForReads) {
  SimulatedLog world(1);
  world.options.first_segment_bytes = 1 << 20;
  world.open().value();
  const auto before = world.disk.counters();
  for (int i = 0; i < 500; ++i) append(*world.log, {std::string(1000, 'x')});
  EXPECT_EQ(world.log->step(), StepResult::kWrote);
  EXPECT_EQ(world.log->durable_end(), LogOffset{128});
  EXPECT_EQ(world.log->step(), StepResult::kSynced);
  EXPECT_EQ(world.log->step(), StepResult::kPrepared);
  EXPECT_EQ(world.log->step(), StepResult::kIdle);
  const auto after = world.disk.counters();
  EXPECT_EQ(after.writes - before.writes, 1u);
  EXPECT_EQ(after.data_syncs - before.data_syncs, 2u) << "one for the group, one for the prepared segment";
  EXPECT_EQ(after.bytes_written - before.bytes_written, world.log->next_offset().value - 128)
      << "what is appended is written once";
  const LogOffset middle = read_all(*world.log).value()[250].offset;
  const auto reads = world.disk.counters().reads;
  world.log->read(middle, 0, [](const RecordView&) { return true; }).value();
  EXPECT_EQ(world.disk.counters().reads - reads, 1u) << "a record at a known offset costs one read";
}

TEST_F(LocalLogTest, RollsThroughSegmentsWhoseBatchesDoNotFit) {
  options_.first_segment_bytes = options_.segment_bytes = 8192;
  auto logs = LocalLogs::open(options_).value();
  auto log = logs->acquire(kPartition).value();
  std::vector<Stored> expected;
  for (int i = 0; i < 60; ++i) {
    const size_t size = i % 10 == 9 ? 100'000 : static_cast<size_t>(i * 50);  // some larger than a segment
    for (auto& stored : append(*log, {std::string(size, static_cast<char>(i))})) expected.push_back(stored);
  }
  log->close().value();
  EXPECT_EQ(read_all(*log).value(), expected);
  log.reset();
  logs.reset();
  logs = LocalLogs::open(options_).value();
  log = logs->acquire(kPartition).value();
  EXPECT_EQ(read_all(*log).value(), expected);
  log->close().value();
}

TEST_F(LocalLogTest, RefusesASecondProcessAndNamesTheFirst) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto logs = LocalLogs::open(options_);
    char c = logs.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &c, 1);
    (void)!::read(done[0], &c, 1);
    ::_exit(0);
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ASSERT_EQ(c, 'y');
  const auto second = LocalLogs::open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "runtime.directory_locked");
  EXPECT_NE(second.error().message.find("process " + std::to_string(child)), std::string::npos)
      << second.error().message;
  (void)!::write(done[1], &c, 1);
  ::waitpid(child, nullptr, 0);
  for (int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
  EXPECT_TRUE(LocalLogs::open(options_).ok());
}

TEST_F(LocalLogTest, CancelsWhatWaitsWhenDestroyedAndRecoversAllThatWasAcknowledged) {
  std::vector<Stored> appended;
  std::atomic<size_t> acknowledged = 0, cancelled = 0;
  {
    auto logs = LocalLogs::open(options_).value();
    auto log = logs->acquire(kPartition).value();
    for (int i = 0; i < 3000; ++i) {
      for (auto& stored : append(*log, {std::string(100, 'x')}, [&](const Status&status, LogOffset) {
             ++(status.ok() ? acknowledged : cancelled);
             EXPECT_TRUE(status.ok() || status.error().code == "log.closed");
           }))
        appended.push_back(stored);
    }
  }
  EXPECT_EQ(acknowledged + cancelled, 3000u);
  auto logs = LocalLogs::open(options_).value();
  auto log = logs->acquire(kPartition).value();
  const auto found = read_all(*log).value();
  EXPECT_GE(found.size(), acknowledged);
  EXPECT_TRUE(std::equal(found.begin(), found.end(), appended.begin()));
}

TEST_F(LocalLogTest, RefusesOptionsThatContradictThemselves) {
  options_.limits.payload_bytes = 10 << 20;
  EXPECT_EQ(LocalLogs::open(options_).error().code, "log.bad_options");
  options_.limits = {};
  options_.segment_bytes = 100;
  EXPECT_EQ(LocalLogs::open(options_).error().field, "log.segment_bytes");
}

TEST(FullDisk, HoldsBatchesUntilThereIsSpaceAndLosesNothing) {
  SimulatedLog world(1);
  world.options.first_segment_bytes = world.options.segment_bytes = 16 << 10;
  world.options.limits.payload_bytes = 4000;
  world.options.limits.batch_bytes = 8000;
  world.options.limits.queued_bytes = 40'000;
  world.open().value();
  std::vector<std::pair<bool, ErrorKind>> heard;
  world.log->set_stall_listener([&](bool stalled, const Status& reason) {
    heard.emplace_back(stalled, reason.ok() ? ErrorKind::kInternal : reason.error().kind);
  });
  world.disk.set_capacity_bytes(world.disk.used_bytes() + 100);
  std::vector<Stored> expected;
  size_t acknowledged = 0;
  Status refused;
  while (true) {
    RecordBatch batch(world.options.limits);
    const LogOffset base = world.log->next_offset();
    const uint32_t at = batch.add(header_of(1), std::string(1500, 'x')).value();
    refused = world.log->append(std::move(batch),
                                [&](const Status& status, LogOffset) { acknowledged += status.ok(); });
    if (!refused.ok()) break;
    expected.push_back({record_offset(base, at), world.log->epoch(), header_of(1), std::string(1500, 'x')});
    world.settle();
  }
  EXPECT_EQ(refused.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(refused.error().code, "log.stalled");
  EXPECT_TRUE(world.log->stalled());
  EXPECT_EQ(world.log->step(), StepResult::kStalled);
  EXPECT_LT(acknowledged, expected.size());
  EXPECT_EQ(read_all(*world.log).value().size(), acknowledged);
  EXPECT_FALSE(world.disk.exists(kLogPath + "/prepared.tmp").value())
      << "a failed try keeps no space from others";
  world.disk.set_capacity_bytes(UINT64_MAX);
  world.settle();
  EXPECT_FALSE(world.log->stalled());
  EXPECT_EQ(acknowledged, expected.size());
  EXPECT_EQ(read_all(*world.log).value(), expected);
  EXPECT_EQ(heard, (std::vector<std::pair<bool, ErrorKind>>{{true, ErrorKind::kNoSpace},
                                                            {false, ErrorKind::kInternal}}));
  EXPECT_EQ(world.log->stats().stalls, 1u);
}

TEST(FullDisk, IsLeftByTheWriterThreadOnItsOwn) {
  SimulatedLog world(1);
  world.options.manual = false;
  world.options.first_segment_bytes = world.options.segment_bytes = 16 << 10;
  world.open().value();
  runtime::Mailbox<bool> changes(10);
  world.log->set_stall_listener([&](bool stalled, const Status&) { changes.push(std::move(stalled)); });
  world.disk.set_capacity_bytes(world.disk.used_bytes());
  std::atomic<int> acknowledged = 0;
  for (int i = 0; i < 40; ++i) {
    append(*world.log, {std::string(1000, 'x')},
           [&](const Status& status, LogOffset) { acknowledged += status.ok(); });
  }
  std::vector<bool> change;
  ASSERT_TRUE(changes.drain(change));
  EXPECT_EQ(change, std::vector<bool>{true});
  EXPECT_LT(acknowledged, 40);
  world.disk.set_capacity_bytes(UINT64_MAX);
  ASSERT_TRUE(changes.drain(change));
  EXPECT_EQ(change, std::vector<bool>{false});
  world.log->close().value();
  EXPECT_EQ(acknowledged, 40);
}

TEST(FullDisk, LetsTheServerEndAndSaysWhatWasNotWritten) {
  SimulatedLog world(1);
  world.options.manual = false;
  world.options.first_segment_bytes = world.options.segment_bytes = 16 << 10;
  world.open().value();
  world.disk.set_capacity_bytes(world.disk.used_bytes());
  std::atomic<int> acknowledged = 0, refused = 0;
  for (int i = 0; i < 40; ++i) {
    append(*world.log, {std::string(1000, 'x')},
           [&](const Status& status, LogOffset) { ++(status.ok() ? acknowledged : refused); });
  }
  EXPECT_EQ(world.log->close().error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(acknowledged + refused, 40);
  EXPECT_GT(refused, 0);
}

TEST(FailingDisk, StopsTheLogForGoodAtTheFirstFailedSync) {
  SimulatedLog world(1);
  world.open().value();
  append(*world.log, {"safe"});
  world.settle();
  world.disk.fail_sync_after(1);
  std::vector<Status> heard;
  for (int i = 0; i < 3; ++i)
    append(*world.log, {"lost"}, [&](const Status& status, LogOffset) {
      heard.push_back(status.ok() ? Status() : Status(Error(status.error())));
    });
  EXPECT_EQ(world.log->step(), StepResult::kWrote);
  EXPECT_EQ(world.log->step(), StepResult::kFailed);
  ASSERT_EQ(heard.size(), 3u);
  for (const auto& status : heard) EXPECT_EQ(status.error().kind, ErrorKind::kIo);
  world.disk.fail_sync_after(0);  // a kernel reports a failed sync once and forgets it
  const auto syncs = world.disk.counters().data_syncs;
  RecordBatch batch;
  batch.add(header_of(1), "after").value();
  EXPECT_EQ(world.log->append(std::move(batch), {}).error().kind, ErrorKind::kIo);
  EXPECT_EQ(world.log->step(), StepResult::kFailed);
  EXPECT_EQ(world.disk.counters().data_syncs, syncs) << "a failed sync is never tried again";
  EXPECT_EQ(world.log->close().error().kind, ErrorKind::kIo);
}

TEST(LocalLogQueue, RefusesBeyondItsLimitUntilTheWriterHasCaughtUp) {
  SimulatedLog world(1);
  world.options.limits = {
      .payload_bytes = 1000, .batch_bytes = 2000, .queued_bytes = 4000, .group_bytes = 2000};
  world.open().value();
  int taken = 0;
  while (true) {
    RecordBatch batch(world.options.limits);
    batch.add(header_of(1), std::string(900, 'x')).value();
    const size_t room = world.log->queue_room_bytes();
    const bool fits = batch.log_bytes() <= room;
    const Status status = world.log->append(std::move(batch), {});
    EXPECT_EQ(status.ok(), fits);
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kResourceExhausted);
      EXPECT_NE(status.error().message.find("log.queued_bytes is 4000"), std::string::npos);
      EXPECT_EQ(batch.record_count(), 1u) << "a refused batch is untouched";
      break;
    }
    ++taken;
  }
  EXPECT_GE(taken, 3);
  EXPECT_EQ(world.log->stats().queued_bytes, world.log->next_offset().value - 128);
  world.settle();
  EXPECT_EQ(world.log->queue_room_bytes(), 4000u);
}

}  // namespace
}  // namespace switchyard::log
