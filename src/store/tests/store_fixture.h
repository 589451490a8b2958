#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "rocks_store.h"
#include "switchyard/store/memory.h"
#include "switchyard/store/state_store.h"

namespace switchyard::store {

using Model = std::map<std::string, std::string>;

/// A folder that is gone after the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "switchyard-store-XXXXXX").string();
    SY_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// One kind of store, for tests that hold of all kinds.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual StateStore& store() = 0;
  /// Waits until no freeze is in flight.
  virtual void settle() = 0;
  /// Ends the store without a flush and begins anew with what is left.
  virtual void crash() = 0;
};

class RocksSubject final : public Subject {
 public:
  explicit RocksSubject(uint64_t seed) : host_(make_store_host()) {
    options_.path = folder_.path("state");
    // Small, so that the base flushes and compacts by itself within a test.
    options_.write_buffer_bytes = seed % 2 == 0 ? 64 << 10 : 4 << 20;
    open();
  }
  StateStore& store() override { return *store_; }
  void settle() override {
    while (!store_->can_freeze()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  void crash() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = open_state_store(host_, options_);
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    store_ = std::move(opened).value();
  }
  TemporaryFolder folder_;
  StoreOptions options_;
  std::shared_ptr<StoreHost> host_;
  std::unique_ptr<StateStore> store_;
};

class MemorySubject final : public Subject {
 public:
  explicit MemorySubject(uint64_t seed) : store_(memory_state_store(seed)) {}
  StateStore& store() override { return *store_; }
  void settle() override { store_->settle(); }
  void crash() override { store_->crash(); }

 private:
  std::unique_ptr<MemoryStateStore> store_;
};

using Entries = std::vector<std::pair<std::string, std::string>>;

inline Entries scanned(StateStore& store, const Range& range, const ScanOptions& options = {}) {
  Entries entries;
  const auto status = store.scan(range, options, [&](std::string_view key, std::string_view value) {
    entries.emplace_back(key, value);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return entries;
}

inline Entries expected(const Model& model, const Range& range, const ScanOptions& options = {}) {
  Entries entries;
  for (const auto& [key, value] : model)
    if (key >= range.from && (range.until.empty() || key < range.until)) entries.emplace_back(key, value);
  if (options.direction == Direction::kBackward) std::reverse(entries.begin(), entries.end());
  if (options.limit != 0 && entries.size() > options.limit) entries.resize(options.limit);
  return entries;
}

inline Entries entries_of(const Model& model) { return {model.begin(), model.end()}; }

inline Checkpoint at(uint64_t offset, uint32_t epoch = 1) { return {LogOffset(offset), Epoch(epoch)}; }

}  // namespace switchyard::store
