// What every implementation of Log promises, run on each.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "log_test_util.h"
#include "switchyard/log/memory_log.h"

namespace switchyard::log {
namespace {

enum class Kind { kMemory, kLocal };

class LogContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override {
    logs_.reset();
    std::filesystem::remove_all(root_);
  }

  Logs& logs(Limits limits = {}) {
    if (!logs_ && GetParam() == Kind::kMemory) {
      logs_ = MemoryLogs::create({.limits = limits});
    } else if (!logs_) {
      LocalLogOptions options;
      options.directory = root_ + "/log";
      options.limits = limits;
      options.segment_bytes = 64 << 10;
      options.first_segment_bytes = 16 << 10;
      logs_ = LocalLogs::open(options).value();
    }
    return *logs_;
  }

  /// Appends and waits.
  std::vector<Stored> append_durably(Log& log, const std::vector<std::string>& payloads) {
    std::mutex mutex;
    std::condition_variable ready;
    bool done = false;
    auto stored = append(log, payloads, [&](const Status& status, LogOffset end) {
      EXPECT_TRUE(status.ok());
      EXPECT_LE(end, log.durable_end());
      std::lock_guard lock(mutex);
      done = true;
      ready.notify_one();
    });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return done; });
    return stored;
  }

  std::string root_;
  std::unique_ptr<Logs> logs_;
};

TEST_P(LogContract, GivesBackEveryRecordInOrderAndByOffset) {
  auto log = logs().acquire(kPartition).value();
  EXPECT_EQ(log->epoch(), Epoch{1});
  EXPECT_EQ(log->partition(), kPartition);
  std::vector<Stored> expected;
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> payloads;
    for (int j = 0; j <= i % 4; ++j)
      payloads.push_back(std::string(static_cast<size_t>(i * 7 + j), static_cast<char>(i)));
    for (auto& stored : append_durably(*log, payloads)) expected.push_back(std::move(stored));
  }
  EXPECT_EQ(log->durable_end(), log->next_offset());
  for (const size_t max_bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{10'000'000}}) {
    EXPECT_EQ(read_all(*log, max_bytes).value(), expected);
  }
  for (size_t i = 0; i < expected.size(); i += 13) {
    std::optional<Stored> found;
    const auto next = log->read(expected[i].offset, 0, [&](const RecordView& record) {
      found = Stored{record.offset, record.epoch, record, std::string(record.payload)};
      return true;
    });
    ASSERT_TRUE(next.ok());
    EXPECT_EQ(found, expected[i]);
  }
  size_t seen = 0;
  const LogOffset at =
      log->read(log->first_offset(), 1 << 20, [&](const RecordView&) { return ++seen < 5; }).value();
  EXPECT_EQ(seen, 5u);
  log->read(at, 0,
            [&](const RecordView& record) {
              EXPECT_EQ(record.offset, expected[5].offset);
              return true;
            })
      .value();
}

TEST_P(LogContract, FencesTheOwnerBefore) {
  auto first = logs().acquire(kPartition).value();
  auto expected = append_durably(*first, {"one"});
  auto second = logs().acquire(kPartition).value();
  EXPECT_EQ(second->epoch(), Epoch{2});
  RecordBatch batch;
  batch.add(header_of(1), "late").value();
  const Status late = first->append(std::move(batch), [](const Status&, LogOffset) { FAIL(); });
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(late.error().code, "log.fenced");
  EXPECT_EQ(batch.record_count(), 1u);
  EXPECT_TRUE(first->close().ok());
  first.reset();
  for (auto& stored : append_durably(*second, {"two"})) expected.push_back(std::move(stored));
  EXPECT_EQ(read_all(*second).value(), expected);
}

TEST_P(LogContract, RaisesTheEpochWithEachOwnerAndKeepsWhatWasThere) {
  std::vector<Stored> expected;
  for (uint32_t n = 1; n <= 20; ++n) {
    auto log = logs().acquire(kPartition).value();
    EXPECT_EQ(log->epoch(), Epoch{n});
    EXPECT_EQ(read_all(*log).value(), expected);
    for (auto& stored : append_durably(*log, {std::to_string(n), std::string(n * 100, 'x')}))
      expected.push_back(stored);
    if (n % 2 == 0) log->close().value();
  }
}

TEST_P(LogContract, KeepsPartitionsApart) {
  auto a = logs().acquire(PartitionId{1}).value();
  auto b = logs().acquire(PartitionId{2}).value();
  const auto in_a = append_durably(*a, {"a"});
  const auto in_b = append_durably(*b, {"b"});
  EXPECT_EQ(read_all(*a).value(), in_a);
  EXPECT_EQ(read_all(*b).value(), in_b);
}

TEST_P(LogContract, RefusesOffsetsWhereNoRecordBegins) {
  auto log = logs().acquire(kPartition).value();
  const auto stored = append_durably(*log, {std::string(200, 'x')});
  const RecordVisitor none = [](const RecordView&) {
    ADD_FAILURE();
    return true;
  };
  EXPECT_EQ(log->read(log->durable_end(), 100, none).value(), log->durable_end());
  EXPECT_EQ(log->read(LogOffset{log->durable_end().value + 8}, 100, none).error().code, "log.bad_offset");
  EXPECT_EQ(log->read(LogOffset{stored[0].offset.value + 1}, 100, none).error().code, "log.bad_offset");
  EXPECT_FALSE(log->read(LogOffset{stored[0].offset.value + 8}, 100, none).ok());
}

TEST_P(LogContract, TrimsOldRecordsAndSaysSo) {
  auto log = logs().acquire(kPartition).value();
  std::vector<Stored> all;
  for (int i = 0; i < 200; ++i) {
    for (auto& stored : append_durably(*log, {std::string(2000, static_cast<char>('a' + i % 26))}))
      all.push_back(stored);
  }
  EXPECT_TRUE(log->trim(all[100].offset).ok());
  EXPECT_GT(log->first_offset(), LogOffset{});
  EXPECT_LE(log->first_offset(), all[100].offset);
  EXPECT_EQ(log->read(all[0].offset, 1, [](const RecordView&) { return true; }).error().code, "log.trimmed");
  const auto left = read_all(*log).value();
  ASSERT_GE(left.size(), 100u);
  EXPECT_TRUE(std::equal(left.rbegin(), left.rend(), all.rbegin()));
  log->close().value();
  log.reset();
  log = logs().acquire(kPartition).value();
  EXPECT_EQ(read_all(*log).value(), left);
}

TEST_P(LogContract, RefusesABatchOverTheLimitForGood) {
  Limits limits;
  limits.payload_bytes = 1000;
  limits.batch_bytes = 2000;
  limits.queued_bytes = 4000;
  auto log = logs(limits).acquire(kPartition).value();
  RecordBatch batch;  // made with the default limits
  for (int i = 0; i < 3; ++i) batch.add(header_of(1), std::string(900, 'x')).value();
  const LogOffset before = log->next_offset();
  const Status refused = log->append(std::move(batch), {});
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
  EXPECT_NE(refused.error().message.find("log.batch_bytes of 2000"), std::string::npos);
  EXPECT_EQ(log->next_offset(), before);
  EXPECT_EQ(append_durably(*log, {"small"}).size(), 1u);
}

TEST_P(LogContract, CallsBackOnceForEachBatchInOrder) {
  auto log = logs().acquire(kPartition).value();
  std::vector<LogOffset> ends, expected;
  for (int i = 0; i < 2000; ++i) {
    append(*log, {std::string(static_cast<size_t>(i % 300), 'x')},
           [&ends](const Status& status, LogOffset end) {
             EXPECT_TRUE(status.ok());
             ends.push_back(end);
           });
    expected.push_back(log->next_offset());
  }
  log->close().value();
  EXPECT_EQ(ends, expected);
  const LogStats stats = log->stats();
  EXPECT_EQ(stats.commits, 2000u);
  EXPECT_EQ(stats.records, 2000u);
  EXPECT_EQ(stats.queued_bytes, 0u);
  EXPECT_LE(stats.syncs, 2002u);
  RecordBatch batch;
  batch.add(header_of(1), "x").value();
  EXPECT_EQ(log->append(std::move(batch), {}).error().code, "log.closed");
}

TEST_P(LogContract, CanBeReadWhileItIsWritten) {
  auto log = logs().acquire(kPartition).value();
  std::atomic<bool> done = false;
  std::atomic<uint64_t> read_records = 0;
  std::thread reader([&] {
    LogOffset at{};
    while (true) {
      const bool last = done;
      const auto next = log->read(at, 4096, [&](const RecordView& record) {
        EXPECT_EQ(record.payload, std::string(record.payload.size(), static_cast<char>(record.type)));
        ++read_records;
        return true;
      });
      ASSERT_TRUE(next.ok()) << next.error().to_string();
      if (last && *next == at) return;
      at = *next;
    }
  });
  for (int i = 0; i < 1000; ++i) {
    RecordBatch batch;
    RecordHeader header;
    header.type = static_cast<uint8_t>(i);
    batch.add(header, std::string(static_cast<size_t>(i), static_cast<char>(i))).value();
    log->append(std::move(batch), {}).value();
  }
  append_durably(*log, {""});
  done = true;
  reader.join();
  EXPECT_EQ(read_records, 1001u);
}

INSTANTIATE_TEST_SUITE_P(All, LogContract, ::testing::Values(Kind::kMemory, Kind::kLocal),
                         [](const auto& kind) { return kind.param == Kind::kMemory ? "memory" : "local"; });

}  // namespace
}  // namespace switchyard::log
