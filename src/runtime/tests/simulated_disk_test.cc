#include "switchyard/testing/simulated_disk.h"

#include <gtest/gtest.h>

namespace switchyard::runtime {
namespace {

using testing::SimulatedDisk;

std::unique_ptr<File> make(SimulatedDisk& disk, const std::string& path) {
  disk.create_directories("/d").value();
  auto file = disk.open(path, OpenMode::kCreateNew).value();
  disk.sync_directory("/d").value();
  return file;
}

TEST(SimulatedDisk, KeepsWhatWasSyncedThroughACrash) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk(seed);
    auto file = make(disk, "/d/a");
    file->allocate_zeroed(8192).value();
    file->pwrite(100, std::string(4000, 'x')).value();
    file->sync_data().value();
    disk.crash();
    EXPECT_EQ(disk.content("/d/a").substr(100, 4000), std::string(4000, 'x'));
    EXPECT_EQ(file->pwrite(0, "y").error().kind, ErrorKind::kIo);
  }
}

TEST(SimulatedDisk, LosesUnsyncedSectorsOneByOne) {
  int mixed = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk(seed);
    auto file = make(disk, "/d/a");
    file->allocate_zeroed(8192).value();
    file->pwrite(0, std::string(8192, 'x')).value();
    disk.crash();
    const std::string content = disk.content("/d/a");
    int kept = 0;
    for (size_t at = 0; at < content.size(); at += 512) {
      const std::string sector = content.substr(at, 512);
      ASSERT_TRUE(sector == std::string(512, 'x') || sector == std::string(512, '\0'));
      kept += sector[0] == 'x';
    }
    mixed += kept > 0 && kept < 16;
  }
  EXPECT_GT(mixed, 40);
}

TEST(SimulatedDisk, ForgetsNamesWhoseDirectoryWasNotSynced) {
  int forgotten = 0, renamed = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk(seed);
    auto old = make(disk, "/d/old");
    old->pwrite(0, "1").value();
    old->sync_data().value();
    disk.open("/d/fresh", OpenMode::kCreateNew).value();
    disk.rename("/d/old", "/d/new").value();
    disk.crash();
    forgotten += !disk.exists("/d/fresh").value();
    const bool moved = disk.exists("/d/new").value();
    EXPECT_NE(moved, disk.exists("/d/old").value());
    EXPECT_EQ(disk.content(moved ? "/d/new" : "/d/old"), "1");
    renamed += moved;
  }
  EXPECT_GT(forgotten, 10);
  EXPECT_LT(forgotten, 40);
  EXPECT_GT(renamed, 10);
}

TEST(SimulatedDisk, KeepsWritesWhenOnlyTheProcessDies) {
  SimulatedDisk disk(1);
  auto file = make(disk, "/d/a");
  file->pwrite(0, "unsynced").value();
  auto lock = disk.lock_directory("/d").value();
  EXPECT_FALSE(disk.lock_directory("/d").ok());
  disk.kill_process();
  EXPECT_EQ(disk.content("/d/a"), "unsynced");
  EXPECT_TRUE(disk.lock_directory("/d").ok());
}

TEST(SimulatedDisk, IsFullAtItsCapacityAndFailsSyncsWhenAsked) {
  SimulatedDisk disk(1);
  auto file = make(disk, "/d/a");
  disk.set_capacity_bytes(1000);
  EXPECT_EQ(file->allocate_zeroed(1001).error().kind, ErrorKind::kNoSpace);
  file->truncate(0).value();
  file->allocate_zeroed(1000).value();
  EXPECT_EQ(file->pwrite(999, "ab").error().kind, ErrorKind::kNoSpace);
  file->pwrite(998, "ab").value();
  disk.fail_sync_after(2);
  EXPECT_TRUE(file->sync_data().ok());
  EXPECT_EQ(file->sync_data().error().kind, ErrorKind::kIo);
  EXPECT_EQ(file->sync_data().error().kind, ErrorKind::kIo);
}

TEST(SimulatedDisk, AfterItsDeathAProcessChangesNothingMoreUntilAnotherTakesOver) {
  SimulatedDisk disk(3);
  auto file = make(disk, "/d/a");
  file->pwrite(0, "before").value();
  file->sync_data().value();
  disk.die_after(3);
  file->pwrite(0, "1").value();
  file->pwrite(1, "2").value();
  EXPECT_FALSE(disk.died());
  EXPECT_EQ(file->pwrite(2, "3").error().kind, ErrorKind::kIo);
  EXPECT_TRUE(disk.died());
  EXPECT_FALSE(file->sync_data().ok());
  EXPECT_FALSE(disk.open("/d/b", OpenMode::kCreateNew).ok());
  EXPECT_FALSE(disk.rename("/d/a", "/d/c").ok());
  EXPECT_FALSE(disk.remove("/d/a").ok());
  EXPECT_FALSE(disk.sync_directory("/d").ok());
  disk.kill_process();
  EXPECT_FALSE(disk.died());
  EXPECT_EQ(disk.content("/d/a"), "12fore") << "what it wrote before is there";
  disk.open("/d/a", OpenMode::kReadWrite).value()->pwrite(0, "x").value();
}

}  // namespace
}  // namespace switchyard::runtime
