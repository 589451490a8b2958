#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "switchyard/runtime/disk.h"

namespace switchyard::runtime {
namespace {

class PosixDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-disk-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string root_;
  Disk& disk_ = posix_disk();
};

TEST_F(PosixDiskTest, ReadsBackWhatWasWrittenAtEachPlace) {
  auto file = disk_.open(root_ + "/a", OpenMode::kCreateNew).value();
  file->allocate_zeroed(3 << 20).value();
  EXPECT_EQ(file->size().value(), 3u << 20);
  const std::string_view parts[] = {"one", "", "two", "three"};
  file->pwritev(1000, parts).value();
  file->pwrite(1003, "TWO").value();
  file->sync_data().value();
  std::string got(13, '?');
  EXPECT_EQ(file->pread(999, got).value(), 13u);
  EXPECT_EQ(got, std::string_view("\0oneTWOthree\0", 13));
  EXPECT_EQ(file->pread((3 << 20) - 2, got).value(), 2u);
  EXPECT_EQ(file->pread(4 << 20, got).value(), 0u);
}

TEST_F(PosixDiskTest, AllocatesInPiecesBetweenWhichItsCallerMayTakeItsTime) {
  auto file = disk_.open(root_ + "/a", OpenMode::kCreateNew).value();
  std::vector<uint64_t> done;
  file->allocate_zeroed((1 << 20) + 5, [&done](uint64_t bytes) { done.push_back(bytes); }).value();
  ASSERT_GT(done.size(), 2u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), (1u << 20) + 5);
}

TEST_F(PosixDiskTest, WritesMorePartsThanOneSystemCallTakes) {
  auto file = disk_.open(root_ + "/a", OpenMode::kCreateNew).value();
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 3000; ++i) all += texts.emplace_back(std::to_string(i) + ",");
  const std::vector<std::string_view> parts(texts.begin(), texts.end());
  file->pwritev(0, parts).value();
  EXPECT_EQ(read_file(disk_, root_ + "/a", 1 << 20).value(), all);
}

TEST_F(PosixDiskTest, NamesThePathAndTheReasonOfAFailure) {
  const auto missing = disk_.open(root_ + "/nowhere", OpenMode::kReadWrite);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find(root_ + "/nowhere"), std::string::npos);
  disk_.open(root_ + "/a", OpenMode::kCreateNew).value();
  EXPECT_EQ(disk_.open(root_ + "/a", OpenMode::kCreateNew).error().kind, ErrorKind::kConflict);
}

TEST_F(PosixDiskTest, ReportsAFullDiskAsNoSpace) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this machine";
  auto file = disk_.open("/dev/full", OpenMode::kReadWrite).value();
  EXPECT_EQ(file->pwrite(0, "x").error().kind, ErrorKind::kNoSpace);
}

TEST_F(PosixDiskTest, ReplacesAFileWhole) {
  write_file_durably(disk_, root_ + "/config", "first").value();
  write_file_durably(disk_, root_ + "/config", "second").value();
  EXPECT_EQ(read_file(disk_, root_ + "/config", 100).value(), "second");
  EXPECT_EQ(disk_.list(root_).value(), std::vector<std::string>{"config"});
  EXPECT_EQ(read_file(disk_, root_ + "/config", 3).error().kind, ErrorKind::kTooLarge);
}

TEST_F(PosixDiskTest, CreatesListsRenamesAndRemoves) {
  disk_.create_directories(root_ + "/x/y/z").value();
  disk_.create_directories(root_ + "/x/y/z").value();
  disk_.open(root_ + "/x/y/b", OpenMode::kCreateNew).value();
  disk_.rename(root_ + "/x/y/b", root_ + "/x/y/a").value();
  EXPECT_EQ(disk_.list(root_ + "/x/y").value(), (std::vector<std::string>{"a", "z"}));
  disk_.remove(root_ + "/x/y/a").value();
  EXPECT_FALSE(disk_.exists(root_ + "/x/y/a").value());
  EXPECT_GT(disk_.free_bytes(root_).value(), 0u);
}

TEST_F(PosixDiskTest, NamesTheProcessThatHoldsADirectory) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto lock = disk_.lock_directory(root_);
    char c = lock.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &c, 1);
    (void)!::read(done[0], &c, 1);
    ::_exit(0);  // without releasing: the kernel does it
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ASSERT_EQ(c, 'y');
  const auto refused = disk_.lock_directory(root_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "runtime.directory_locked");
  EXPECT_NE(refused.error().message.find("process " + std::to_string(child) + " on "), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find(" since 20"), std::string::npos) << refused.error().message;
  (void)!::write(done[1], &c, 1);
  ::waitpid(child, nullptr, 0);
  for (int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
  EXPECT_TRUE(disk_.lock_directory(root_).ok());
}

}  // namespace
}  // namespace switchyard::runtime
