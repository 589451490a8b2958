#include "switchyard/log/check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "format.h"
#include "log_test_util.h"

namespace switchyard::log {
namespace {

// Three segments, 40 records of epoch 1, closed in order.
void fill(SimulatedLog& world, std::vector<Stored>& expected) {
  world.options.segment_bytes = world.options.first_segment_bytes = 16 << 10;
  world.open().value();
  for (int i = 0; i < 20; ++i) {
    for (auto& stored :
         append(*world.log, {std::string(900, static_cast<char>('a' + i)), std::string(1000, 'x')})) {
      expected.push_back(stored);
    }
    if (i % 3 == 0) world.settle();
  }
  world.settle();
  world.log->close().value();
  world.drop();
}

std::string file_of(const testing::SimulatedDisk& disk, LogOffset offset, uint64_t& position) {
  std::string found;
  for (const auto& path : disk.files()) {
    if (!path.ends_with(".log")) continue;
    const uint64_t base = std::stoull(path.substr(path.size() - 24, 20));
    if (base > offset.value) break;
    found = path;
    position = kSegmentHeaderBytes + offset.value - base;
  }
  return found;
}

TEST(LogCheck, CountsWhatIsThere) {
  SimulatedLog world(1);
  std::vector<Stored> expected;
  fill(world, expected);
  const LogReport report = check(world.disk, kLogPath).value();
  EXPECT_TRUE(report.healthy());
  EXPECT_FALSE(report.damage);
  EXPECT_EQ(report.records, 40u);
  EXPECT_EQ(report.epoch, Epoch{1});
  ASSERT_GE(report.segments.size(), 3u);
  for (size_t i = 1; i < report.segments.size(); ++i)
    EXPECT_EQ(report.segments[i].base, report.segments[i - 1].end);
  EXPECT_GT(report.end, expected.back().offset);
}

TEST(LogCheck, NamesTheFirstDamageWithFileAndOffset) {
  SimulatedLog world(1);
  std::vector<Stored> expected;
  fill(world, expected);
  for (const size_t victim : {0u, 13u, 39u}) {
    uint64_t position = 0;
    const std::string file = file_of(world.disk, expected[victim].offset, position);
    world.disk.flip_bit(file, position + 60, 3);
    const LogReport report = check(world.disk, kLogPath).value();
    EXPECT_FALSE(report.healthy());
    ASSERT_TRUE(report.damage);
    EXPECT_EQ(report.damage->file, file);
    EXPECT_EQ(report.damage->file_position, position);
    EXPECT_EQ(report.damage->offset, expected[victim].offset);
    world.disk.flip_bit(file, position + 60, 3);
  }
}

TEST(LogCheck, SaysWhereThereIsNoLog) {
  testing::SimulatedDisk disk(1);
  disk.create_directories(kLogPath).value();
  EXPECT_EQ(check(disk, kLogPath).error().code, "log.no_log");
  EXPECT_FALSE(check(disk, "/nowhere").ok());
}

TEST(LogRepair, CutsAtTheDamageAndKeepsEverythingBeforeIt) {
  for (size_t victim = 0; victim < 40; ++victim) {
    SimulatedLog world(1);
    std::vector<Stored> expected;
    fill(world, expected);
    uint64_t position = 0;
    const std::string file = file_of(world.disk, expected[victim].offset, position);
    world.disk.flip_bit(file, position + 60, 3);
    const auto before = world.disk.content(file);
    const LogDamage damage = *check(world.disk, kLogPath).value().damage;
    const RepairReport report = repair(world.disk, kLogPath, damage.offset).value();
    EXPECT_EQ(report.records_kept_in_batch, victim % 2);
    EXPECT_TRUE(check(world.disk, kLogPath).value().healthy());
    const std::string copy = report.backup_directory + file.substr(file.rfind('/'));
    EXPECT_EQ(world.disk.content(copy), before);
    world.disk.crash();
    world.open().value();
    EXPECT_EQ(world.log->epoch(), Epoch{2});
    auto kept = std::vector<Stored>(expected.begin(), expected.begin() + static_cast<long>(victim));
    EXPECT_EQ(read_all(*world.log).value(), kept);
    for (auto& stored : append(*world.log, {"onward"})) kept.push_back(stored);
    world.settle();
    EXPECT_EQ(read_all(*world.log).value(), kept);
  }
}

TEST(LogRepair, GivesUpASegmentWhoseHeaderIsDamaged) {
  SimulatedLog world(1);
  std::vector<Stored> expected;
  fill(world, expected);
  const LogReport whole = check(world.disk, kLogPath).value();
  world.disk.flip_bit(whole.segments[1].file, 20, 1);
  EXPECT_EQ(world.open().error().kind, ErrorKind::kCorruption);
  world.drop();
  const LogReport report = check(world.disk, kLogPath).value();
  ASSERT_TRUE(report.damage);
  EXPECT_EQ(report.damage->offset, whole.segments[1].base);
  repair(world.disk, kLogPath, report.damage->offset).value();
  world.open().value();
  EXPECT_EQ(read_all(*world.log).value().size(), whole.segments[0].records);
}

TEST(LogRepair, RefusesAnOffsetInsideARecordAndARunningServer) {
  SimulatedLog world(1);
  std::vector<Stored> expected;
  fill(world, expected);
  EXPECT_EQ(repair(world.disk, kLogPath, LogOffset{expected[5].offset.value + 8}).error().code,
            "log.bad_offset");
  EXPECT_EQ(repair(world.disk, kLogPath, LogOffset{1 << 30}).error().code, "log.bad_offset");
  world.open().value();
  EXPECT_EQ(repair(world.disk, kLogPath, expected[5].offset).error().code, "runtime.directory_locked");
}

// Written once by version 1 of the format and never again: old data stays readable.
TEST(LogFormat, ReadsTheLogThatVersion1Wrote) {
  const std::string stored = SWITCHYARD_SOURCE_DIR "/src/log/tests/data/version-1/";
  SimulatedLog world(1);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(stored)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(in)), {});
    world.disk.put(kLogPath + "/" + entry.path().filename().string(), content);
    ++files;
  }
  ASSERT_EQ(files, 3u);
  world.open().value();
  EXPECT_EQ(world.log->epoch(), Epoch{3});
  const auto found = read_all(*world.log).value();
  ASSERT_EQ(found.size(), 12u);
  for (size_t i = 0; i < found.size(); ++i) {
    const RecordHeader header = header_of(i);
    EXPECT_EQ(found[i].header.type, header.type);
    EXPECT_EQ(found[i].header.version, header.version);
    EXPECT_EQ(found[i].header.step, header.step);
    EXPECT_EQ(found[i].header.run, header.run);
    EXPECT_EQ(found[i].header.time_us, header.time_us);
    EXPECT_EQ(found[i].epoch, Epoch{i < 6 ? 1u : 2u});
    EXPECT_EQ(found[i].payload, std::string(i * 200, static_cast<char>('a' + i)));
  }
}

// Makes the files of the test above; run by hand when a new format version needs its own.
TEST(LogFormat, DISABLED_WritesTheStoredLog) {
  SimulatedLog world(1);
  world.options.segment_bytes = world.options.first_segment_bytes = 8192;
  for (size_t epoch = 0; epoch < 2; ++epoch) {
    world.open().value();
    for (size_t i = epoch * 6; i < epoch * 6 + 6; ++i) {
      RecordBatch batch;
      batch.add(header_of(i), std::string(i * 200, static_cast<char>('a' + i))).value();
      world.log->append(std::move(batch), {}).value();
    }
    world.settle();
    world.log->close().value();
  }
  world.drop();
  for (const auto& path : world.disk.files()) {
    if (!path.ends_with(".log")) continue;
    std::ofstream out(
        SWITCHYARD_SOURCE_DIR "/src/log/tests/data/version-1/" + path.substr(path.rfind('/') + 1),
        std::ios::binary);
    out << world.disk.content(path);
  }
}

}  // namespace
}  // namespace switchyard::log
