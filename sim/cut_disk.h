#pragma once

#include <memory>
#include <string>
#include <utility>

#include "switchyard/runtime/disk.h"

namespace switchyard::sim {

/// A disk that stops in the middle: after some changes every further one fails, as if the machine had died
/// there. For work that does many steps at once.
class CutDisk final : public runtime::Disk {
 public:
  explicit CutDisk(runtime::Disk& disk) : disk_(disk) {}

  void cut_after(uint64_t changes) { left_ = changes, armed_ = true, cut_ = false; }
  /// Not while others use the disk.
  bool pause() { return std::exchange(armed_, false); }
  void resume(bool armed) { armed_ = armed; }
  /// Whether it was cut; works again afterwards.
  bool mend() { return armed_ = false, std::exchange(cut_, false); }

  Result<std::unique_ptr<runtime::File>> open(const std::string& path, runtime::OpenMode mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return disk_.list(directory);
  }
  Result<bool> exists(const std::string& path) override { return disk_.exists(path); }
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status create_directories(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<uint64_t> free_bytes(const std::string& path) override { return disk_.free_bytes(path); }
  Result<std::unique_ptr<runtime::DirectoryLock>> lock_directory(const std::string& directory) override {
    return disk_.lock_directory(directory);
  }

 private:
  class CutFile;
  Status change();

  runtime::Disk& disk_;
  uint64_t left_ = 0;
  bool armed_ = false, cut_ = false;
};

}  // namespace switchyard::sim
