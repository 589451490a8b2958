#include "rocks_store.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "meta.h"
#include "store_fixture.h"

namespace switchyard::store {
namespace {

StoreOptions in(const TemporaryFolder& folder, uint32_t partition = 0) {
  StoreOptions options;
  options.path = folder.path("state");
  options.partition = PartitionId(partition);
  return options;
}

TEST(RocksStore, ASecondOpenOfTheSameFolderIsRefused) {
  TemporaryFolder folder;
  const auto host = make_store_host();
  const auto first = open_state_store(host, in(folder));
  ASSERT_TRUE(first.ok());
  const auto second = open_state_store(host, in(folder));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "store.locked");
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
}

TEST(RocksStore, TheFolderOfAnotherPartitionIsRefused) {
  TemporaryFolder folder;
  const auto host = make_store_host();
  {
    auto store = open_state_store(host, in(folder, 1)).value();
    ASSERT_TRUE(store->freeze(at(1), Durability::kWritten));
    ASSERT_TRUE(store->flush().ok());
  }
  const auto other = open_state_store(host, in(folder, 2));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, "store.wrong_partition");
  EXPECT_TRUE(open_state_store(host, in(folder, 1)).ok());
}

TEST(RocksStore, AFolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  TemporaryFolder folder;
  std::ofstream(folder.path("file")) << "not a folder";
  StoreOptions options;
  options.path = folder.path("file/state");
  const auto opened = open_state_store(make_store_host(), options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kIo);
  EXPECT_NE(opened.error().message.find(options.path), std::string::npos);
}

TEST(RocksStore, ADamagedTableIsReportedAsCorruptionAndNotAsData) {
  TemporaryFolder folder;
  const auto host = make_store_host();
  {
    auto store = open_state_store(host, in(folder)).value();
    for (int i = 0; i < 5000; ++i)
      store->put("key" + std::to_string(i), std::string(100, static_cast<char>('a' + i % 26)));
    ASSERT_TRUE(store->freeze(at(1), Durability::kWritten));
    ASSERT_TRUE(store->flush().ok());
  }
  for (const auto& file : std::filesystem::directory_iterator(folder.path("state"))) {
    if (file.path().extension() != ".sst") continue;
    std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekp(5000);
    table.write("damage", 6);
  }
  auto store = open_state_store(make_store_host(), in(folder));
  // Opening may already see it; if not, reading does.
  const Error error = !store.ok() ? store.error() : [&] {
    const auto status = (*store)->scan(Range::all(), [](std::string_view, std::string_view) { return true; });
    EXPECT_FALSE(status.ok());
    return status.ok() ? Error{} : status.error();
  }();
  EXPECT_EQ(error.kind, ErrorKind::kCorruption);
  EXPECT_EQ(error.code, "store.corrupt");
}

TEST(StoreMeta, ReadsBackAndRefusesDamageAndNewerFormats) {
  const auto bytes = encode_meta(PartitionId(3), at(1234567890123, 9));
  EXPECT_EQ(decode_meta(bytes, PartitionId(3), "p").value(), at(1234567890123, 9));
  for (size_t i = 4; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_EQ(decode_meta(damaged, PartitionId(3), "p").error().code, "store.corrupt") << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_meta(bytes.substr(0, size), PartitionId(3), "p").ok());
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(decode_meta(newer, PartitionId(3), "p").error().code, "store.unknown_format");
}

/// A file system whose disk can be full: opening for writing, writing and syncing fail with "no space".
class FullableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FullableFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FullableFileSystem"; }
  std::atomic<bool> full{false};

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (full) return rocksdb::IOStatus::NoSpace("simulated");
    std::unique_ptr<rocksdb::FSWritableFile> inner;
    auto status = target()->NewWritableFile(name, options, &inner, debug);
    if (status.ok()) file->reset(new File(std::move(inner), full));
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& inner, std::atomic<bool>& full)
        : FSWritableFileOwnerWrapper(std::move(inner)), full_(full) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (full_) return rocksdb::IOStatus::NoSpace("simulated");
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info,
                             rocksdb::IODebugContext* debug) override {
      if (full_) return rocksdb::IOStatus::NoSpace("simulated");
      return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      if (full_) return rocksdb::IOStatus::NoSpace("simulated");
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }

   private:
    std::atomic<bool>& full_;
  };
};

class FullDisk : public testing::Test {
 protected:
  FullDisk() {
    options_ = in(folder_);
    options_.write_buffer_bytes = 256 << 10;
    options_.on_health = [this](const Status& status) {
      (status.ok() ? recoveries_ : failures_).fetch_add(1);
    };
    reopen();
  }
  ~FullDisk() override {
    files_->full = false;
    store_.reset();
  }
  void reopen() {
    store_.reset();
    store_ = open_rocks_store(host_, options_).value();
  }
  void put_some(int round) {
    for (int i = 0; i < 500; ++i) {
      const std::string key = "k" + std::to_string(i * 7 + round),
                        value(500, static_cast<char>('a' + round % 26));
      store_->put(key, value);
      model_[key] = value;
    }
  }
  TemporaryFolder folder_;
  StoreOptions options_;
  std::atomic<int> failures_{0}, recoveries_{0};
  std::shared_ptr<FullableFileSystem> files_ = std::make_shared<FullableFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  std::shared_ptr<StoreHost> host_ = std::make_shared<StoreHost>(HostOptions{}, env_.get());
  std::unique_ptr<RocksStore> store_;
  Model model_;
};

TEST_F(FullDisk, FlushFailsWithNoSpaceAndSucceedsWhenThereIsSpaceAgain) {
  put_some(0);
  ASSERT_TRUE(store_->freeze(at(1), Durability::kWritten));
  ASSERT_TRUE(store_->flush().ok());
  put_some(1);
  ASSERT_TRUE(store_->freeze(at(2), Durability::kWritten));
  files_->full = true;
  const auto status = store_->flush();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(status.error().code, "store.no_space");
  EXPECT_FALSE(store_->health().ok());
  EXPECT_EQ(store_->flushed(), at(1));
  EXPECT_EQ(scanned(*store_, Range::all()), entries_of(model_));
  files_->full = false;
  while (!store_->flush().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  // RocksDB may tell of its own last failed attempt only now; that passes by itself as well.
  while (!store_->health().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(store_->flushed(), at(2));
  reopen();
  EXPECT_EQ(scanned(*store_, Range::all()), entries_of(model_));
}

TEST_F(FullDisk, TheBackgroundRecoversByItselfAndNothingIsLostMeanwhile) {
  put_some(0);
  ASSERT_TRUE(store_->freeze(at(1), Durability::kDurable));
  while (store_->flushed() != at(1)) std::this_thread::yield();
  files_->full = true;
  // Many times the base's buffer, so that it cannot but flush.
  uint64_t offset = 1;
  for (int round = 1; round < 2000 && store_->health().ok(); ++round) {
    put_some(round % 50);
    store_->freeze(at(++offset), Durability::kDurable);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_FALSE(store_->health().ok());
  EXPECT_EQ(store_->health().error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(store_->flushed(), at(1));
  EXPECT_EQ(scanned(*store_, Range::all()), entries_of(model_));
  EXPECT_GE(failures_.load(), 1);

  files_->full = false;
  // RocksDB works again a moment before it tells of it.
  while (!store_->health().ok() || !store_->can_freeze() || recoveries_.load() == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_TRUE(store_->freeze(at(++offset), Durability::kDurable));
  while (store_->flushed() != at(offset)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  reopen();
  EXPECT_EQ(store_->applied(), at(offset));
  EXPECT_EQ(scanned(*store_, Range::all()), entries_of(model_));
}

TEST_F(FullDisk, ClosingWhileTheDiskIsFullLeavesTheLastFlushedCheckpoint) {
  put_some(0);
  ASSERT_TRUE(store_->freeze(at(1), Durability::kWritten));
  ASSERT_TRUE(store_->flush().ok());
  const Model flushed = model_;
  put_some(1);
  ASSERT_TRUE(store_->freeze(at(2), Durability::kWritten));
  files_->full = true;
  EXPECT_FALSE(store_->flush().ok());
  put_some(2);
  store_->freeze(at(3), Durability::kDurable);
  store_.reset();
  files_->full = false;
  store_ = open_rocks_store(host_, options_).value();
  EXPECT_EQ(store_->applied(), at(1));
  EXPECT_EQ(scanned(*store_, Range::all()), entries_of(flushed));
}

TEST(RocksStoreThreads, ReadsAndWritesGoOnWhileOverlaysAreWrittenAndOthersAskForFigures) {
  TemporaryFolder folder;
  HostOptions host_options;
  host_options.writer_threads = 2;
  const auto host = make_store_host(host_options);
  const auto partition = [&](uint32_t id) {
    std::atomic<bool> done{false};
    StoreOptions options;
    options.path = folder.path("p" + std::to_string(id));
    options.partition = PartitionId(id);
    options.write_buffer_bytes = 256 << 10;
    auto store = open_state_store(host, options).value();
    std::thread observer([&] {
      uint64_t flushed = 0;
      while (!done) {
        (void)store->stats();
        (void)store->health();
        const auto now = store->flushed();
        if (now) {
          EXPECT_GE(now->offset.value, flushed);
          flushed = now->offset.value;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    Model model;
    std::mt19937_64 random(id);
    for (int i = 1; i < 20000; ++i) {
      const std::string key =
          std::string(1, static_cast<char>('a' + random() % 3)) + std::to_string(random() % 2000);
      if (random() % 3 == 0) {
        store->erase(key);
        model.erase(key);
      } else {
        store->put(key, std::to_string(i));
        model[key] = std::to_string(i);
      }
      if (i % 50 == 0)
        store->freeze(at(static_cast<uint64_t>(i)),
                      i % 500 == 0 ? Durability::kDurable : Durability::kWritten);
      if (i % 400 == 0) {
        const Range range = Range::prefix(std::string(1, static_cast<char>('a' + random() % 3)));
        EXPECT_EQ(scanned(*store, range), expected(model, range));
      }
    }
    EXPECT_EQ(scanned(*store, Range::all()), entries_of(model));
    done = true;
    observer.join();
  };
  std::vector<std::thread> threads;
  for (uint32_t id = 0; id < 2; ++id) threads.emplace_back(partition, id);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace switchyard::store
