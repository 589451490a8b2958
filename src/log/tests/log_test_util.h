#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "switchyard/log/local_log.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/testing/simulated_disk.h"

namespace switchyard::log {

inline constexpr PartitionId kPartition{3};
inline const std::string kDirectory = "/data/log";
inline const std::string kLogPath = kDirectory + "/partition-00003";

/// A manual local log on a simulated disk, opened and crashed at will.
struct SimulatedLog {
  explicit SimulatedLog(uint64_t seed) : random(seed), disk(seed * 7 + 1) {
    options.directory = kDirectory;
    options.segment_bytes = 32 << 10;
    options.first_segment_bytes = 16 << 10;
    options.manual = true;
    options.disk = &disk;
    options.random = &random;
    options.clock = &clock;
  }

  Status open() {
    log.reset();
    logs.reset();
    SY_ASSIGN_OR_RETURN(logs, LocalLogs::open(options));
    SY_ASSIGN_OR_RETURN(log, logs->acquire_local(kPartition));
    return {};
  }
  /// Forgets the process; the disk is as the kernel or the crash left it.
  void drop() {
    log.reset();
    logs.reset();
  }
  void crash() {
    disk.crash();
    drop();
  }
  /// Steps until everything queued is durable.
  void settle() {
    StepResult result;
    do {
      result = log->step();
    } while (result == StepResult::kWrote || result == StepResult::kSynced ||
             result == StepResult::kPrepared);
  }

  testing::SeededRandom random;
  testing::ManualClock clock;
  testing::SimulatedDisk disk;
  LocalLogOptions options;
  std::unique_ptr<LocalLogs> logs;
  std::unique_ptr<LocalLog> log;
};

/// A record as a test remembers it.
struct Stored {
  LogOffset offset;
  Epoch epoch;
  RecordHeader header;
  std::string payload;

  friend bool operator==(const Stored& a, const Stored& b) {
    return a.offset == b.offset && a.epoch == b.epoch && a.payload == b.payload &&
           a.header.type == b.header.type && a.header.version == b.header.version &&
           a.header.step == b.header.step && a.header.run == b.header.run &&
           a.header.time_us == b.header.time_us;
  }
};

inline RecordHeader header_of(uint64_t n) {
  RecordHeader header;
  header.version = static_cast<uint8_t>(1 + n % 3);
  header.type = static_cast<uint8_t>(n % 251);
  header.step = static_cast<uint16_t>(n % 60'000);
  header.run = RunId::make(static_cast<int64_t>(n), n * 31, n * 17);
  header.time_us = static_cast<int64_t>(n) * 1000;
  return header;
}

/// Appends one batch with these payloads and says what should be found later.
inline std::vector<Stored> append(Log& log, const std::vector<std::string>& payloads,
                                  AppendCallback done = {}) {
  static uint64_t counter = 0;
  RecordBatch batch;
  std::vector<Stored> stored;
  const LogOffset base = log.next_offset();
  for (const auto& payload : payloads) {
    const RecordHeader header = header_of(++counter);
    const uint32_t at = batch.add(header, payload).value();
    stored.push_back({record_offset(base, at), log.epoch(), header, payload});
  }
  const uint32_t bytes = batch.log_bytes();
  log.append(std::move(batch), std::move(done)).value();
  EXPECT_EQ(log.next_offset(), record_offset(base, bytes));
  return stored;
}

inline Result<std::vector<Stored>> read_all(const Log& log, size_t max_bytes = 1 << 20) {
  std::vector<Stored> all;
  LogOffset at = log.first_offset();
  while (at < log.durable_end()) {
    SY_ASSIGN_OR_RETURN(at, log.read(at, max_bytes, [&](const RecordView& record) {
      all.push_back({record.offset, record.epoch, record, std::string(record.payload)});
      return true;
    }));
  }
  return all;
}

}  // namespace switchyard::log
