#include "switchyard/archive/archive.h"

#include <gtest/gtest.h>

#include "switchyard/testing/simulated_disk.h"

namespace switchyard::archive {
namespace {

RunId run_of(uint64_t n) { return RunId::make(static_cast<int64_t>(1000 + n), 0, n); }

class ArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    auto opened = Archive::open({&disk, "/archive", PartitionId(3)});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    archive = std::move(*opened);
  }
  /// Records of `runs` runs, round about, from `from` on; each 100 bytes of log.
  Status add(uint64_t from, uint64_t records, uint64_t runs) {
    Builder builder;
    for (uint64_t i = 0; i < records; ++i) {
      const std::string payload = "payload " + std::to_string(from + i * 100);
      log::RecordView record;
      record.run = run_of(i % runs);
      record.type = static_cast<uint8_t>(i % 7);
      record.step = static_cast<uint16_t>(i);
      record.time_us = static_cast<int64_t>(i) - 5;
      record.offset = LogOffset(from + i * 100);
      record.epoch = Epoch(2);
      record.payload = payload;
      builder.add(record, 0);
    }
    return archive->add(std::move(builder), LogOffset(from), LogOffset(from + records * 100), 7);
  }
  /// Reads every record that add() put there.
  void expect_all(uint64_t from, uint64_t records, uint64_t runs) {
    for (uint64_t i = 0; i < records; ++i) {
      const LogOffset offset(from + i * 100);
      auto bundle = archive->read(run_of(i % runs), offset);
      ASSERT_TRUE(bundle.ok()) << bundle.error().message;
      bool seen = false;
      ASSERT_TRUE(for_each_record(*bundle, [&](const log::RecordView& record) {
                    if (record.offset != offset) return true;
                    seen = true;
                    EXPECT_EQ(record.payload, "payload " + std::to_string(offset.value));
                    EXPECT_EQ(record.step, i);
                    EXPECT_EQ(record.time_us, static_cast<int64_t>(i) - 5);
                    EXPECT_EQ(record.type, i % 7);
                    return false;
                  }).ok());
      EXPECT_TRUE(seen);
    }
  }

  testing::SimulatedDisk disk{5};
  std::unique_ptr<Archive> archive;
};

TEST_F(ArchiveTest, FindsEveryEventByRunAndOffsetAfterARestart) {
  ASSERT_TRUE(add(0, 1000, 333).ok());
  ASSERT_TRUE(add(100'000, 500, 7).ok());
  disk.crash();
  reopen();
  EXPECT_EQ(archive->covered(), LogOffset(150'000));
  expect_all(0, 1000, 333);
  expect_all(100'000, 500, 7);
  auto missing = archive->read(run_of(400), LogOffset(100));
  EXPECT_EQ(missing.error().code, "archive.no_event");
  EXPECT_FALSE(archive->read(run_of(1), LogOffset(150'000)).ok());
}

TEST_F(ArchiveTest, MergesNeighboursWithoutLosingAnything) {
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(add(i * 10'000, 100, 13).ok());
  const auto groups = archive->mergeable(1 << 20);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].size(), 10u);
  ASSERT_TRUE(archive
                  ->rewrite(
                      groups[0], [](Bundle&) { return Fate::kKeep; }, 9)
                  .ok());
  EXPECT_EQ(archive->stats().segments, 1u);
  for (uint64_t i = 0; i < 10; ++i) expect_all(i * 10'000, 100, 13);
  reopen();
  EXPECT_EQ(archive->stats().segments, 1u);
  EXPECT_EQ(archive->stats().bundles, 130u);
  for (uint64_t i = 0; i < 10; ++i) expect_all(i * 10'000, 100, 13);
}

TEST_F(ArchiveTest, DropsAndReplacesWhatTheTransformSays) {
  ASSERT_TRUE(add(0, 100, 10).ok());
  const auto transform = [](Bundle& bundle) -> Result<Fate> {
    if (bundle.run == run_of(3)) return Fate::kDrop;
    if (bundle.run != run_of(4)) return Fate::kKeep;
    Bundle smaller;
    smaller.run = bundle.run;
    smaller.first = bundle.first;
    smaller.flags = kCompacted;
    SY_RETURN_IF_ERROR(for_each_record(bundle, [&](const log::RecordView& record) {
      if (record.offset.value > 1000) add_record(smaller, record);
      return true;
    }));
    smaller.last = bundle.last;
    bundle = std::move(smaller);
    return Fate::kReplace;
  };
  ASSERT_TRUE(archive->rewrite({archive->segments()[0].sequence}, transform, 9).ok());
  EXPECT_FALSE(archive->read(run_of(3), LogOffset(300)).ok());
  const auto compacted = archive->read(run_of(4), LogOffset(400));
  ASSERT_TRUE(compacted.ok());
  EXPECT_EQ(compacted->flags, kCompacted);
  std::vector<uint64_t> offsets;
  ASSERT_TRUE(for_each_record(*compacted, [&](const log::RecordView& record) {
                offsets.push_back(record.offset.value);
                return true;
              }).ok());
  EXPECT_EQ(offsets.size(), 9u);
  EXPECT_EQ(offsets.front(), 1400u);
  EXPECT_TRUE(archive->read(run_of(5), LogOffset(500)).ok());
}

TEST_F(ArchiveTest, WritesNothingWhenARewriteKeepsEverything) {
  ASSERT_TRUE(add(0, 100, 10).ok());
  const uint64_t sequence = archive->segments()[0].sequence;
  ASSERT_TRUE(archive
                  ->rewrite(
                      {sequence}, [](Bundle&) { return Fate::kKeep; }, 9)
                  .ok());
  EXPECT_EQ(archive->segments()[0].sequence, sequence);
  EXPECT_EQ(disk.files().size(), 1u);
}

TEST_F(ArchiveTest, IsWhatItWasWhenTheDiskIsFull) {
  ASSERT_TRUE(add(0, 100, 10).ok());
  disk.set_capacity_bytes(disk.used_bytes() + 100);
  EXPECT_EQ(add(10'000, 100, 10).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(archive->covered(), LogOffset(10'000));
  disk.set_capacity_bytes(1 << 30);
  ASSERT_TRUE(add(10'000, 100, 10).ok());
  expect_all(0, 100, 10);
  expect_all(10'000, 100, 10);
}

TEST_F(ArchiveTest, NamesTheDamagedFile) {
  ASSERT_TRUE(add(0, 100, 10).ok());
  const std::string path = disk.files()[0];
  disk.flip_bit(path, 200, 3);
  auto damaged = archive->read(run_of(0), LogOffset(0));
  EXPECT_EQ(damaged.error().code, "archive.corrupt");
  EXPECT_NE(damaged.error().message.find(path), std::string::npos);
  disk.flip_bit(path, 200, 3);
  disk.flip_bit(path, 10, 1);
  EXPECT_EQ(Archive::open({&disk, "/archive", PartitionId(3)}).error().code, "archive.corrupt");
}

TEST_F(ArchiveTest, RefusesToOpenWithAGap) {
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(add(i * 10'000, 100, 13).ok());
  ASSERT_TRUE(disk.remove(disk.files()[1]).ok());
  EXPECT_EQ(Archive::open({&disk, "/archive", PartitionId(3)}).error().code, "archive.gap");
}

TEST_F(ArchiveTest, KeepsEverythingWhereverARewriteIsCutShort) {
  // Crashes may lose the names of files: with every seed what was archived is there exactly once.
  for (uint64_t seed = 0; seed < 40; ++seed) {
    testing::SimulatedDisk other(seed);
    auto opened = Archive::open({&other, "/archive", PartitionId(3)});
    archive = std::move(*opened);
    ASSERT_TRUE(add(0, 60, 7).ok());
    ASSERT_TRUE(add(6000, 60, 7).ok());
    if (seed % 2 == 0) other.fail_sync_after(1 + seed % 3);
    const auto segments = archive->segments();
    (void)archive->rewrite(
        {segments[0].sequence, segments[1].sequence}, [](Bundle&) { return Fate::kKeep; }, 1);
    other.fail_sync_after(0);
    other.crash();
    opened = Archive::open({&other, "/archive", PartitionId(3)});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    archive = std::move(*opened);
    EXPECT_EQ(archive->covered(), LogOffset(12'000));
    expect_all(0, 60, 7);
    expect_all(6000, 60, 7);
  }
}

}  // namespace
}  // namespace switchyard::archive
