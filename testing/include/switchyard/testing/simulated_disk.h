#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/runtime/disk.h"
#include "switchyard/testing/seeded_random.h"

namespace switchyard::testing {

/// A file system in memory that loses what was not synced, as a machine does that loses power: each
/// 512-byte sector written since the last sync is kept or lost on its own, and so is each name created,
/// renamed or removed since its directory was synced. The seed decides. Thread-safe.
class SimulatedDisk final : public runtime::Disk {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  explicit SimulatedDisk(uint64_t seed);
  ~SimulatedDisk() override;

  /// Loses power: every open file and lock of this disk becomes useless (calls give kIo), unsynced
  /// sectors and names are decided by the seed, and what remains is durable.
  void crash();
  /// Kills the process instead: open files and locks become useless, but every write reached the kernel and
  /// stays.
  void kill_process();

  /// Space for file contents; writes beyond it fail with kNoSpace. Default: unlimited.
  void set_capacity_bytes(uint64_t bytes);
  uint64_t used_bytes() const;
  /// From now on the n-th sync_data() (1 = the next) and all later ones fail with kIo, and nothing more
  /// reaches the disk. 0 switches it off.
  void fail_sync_after(uint64_t n);
  /// The process dies at the n-th further change (1 = the next write, sync, creation, renaming or removal):
  /// that one and all later ones give kIo and do nothing, until crash() or kill_process() makes the death
  /// official. 0: not.
  void die_after(uint64_t n);
  /// Whether it has died so.
  bool died() const;
  /// A disk that lies: sync_data() succeeds and does nothing. For showing that a test notices.
  void set_ignore_syncs(bool ignore);

  /// Flips one bit of a file, both on disk and in memory. CHECKs that the bit exists.
  void flip_bit(const std::string& path, uint64_t byte, unsigned bit);
  /// The file as a reader sees it now; empty when missing.
  std::string content(const std::string& path) const;
  /// Replaces or creates a file, durable at once.
  void put(const std::string& path, const std::string& content);
  /// Paths of all files, sorted.
  std::vector<std::string> files() const;

  struct Counters {
    uint64_t data_syncs = 0;
    uint64_t directory_syncs = 0;
    uint64_t writes = 0;
    uint64_t bytes_written = 0;
    uint64_t reads = 0;
    uint64_t crashes = 0;
  };
  Counters counters() const;

  Result<std::unique_ptr<runtime::File>> open(const std::string& path, runtime::OpenMode mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status create_directories(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<runtime::DirectoryLock>> lock_directory(const std::string& directory) override;

 private:
  struct Inode;
  struct State;
  class OpenFile;
  class Lock;
  std::shared_ptr<State> state_;  // shared with open files, which may outlive the disk's user
};

}  // namespace switchyard::testing
