#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"

namespace switchyard::runtime {

/// An open file with random access. Calls may come from several threads at once; two writes to the same
/// bytes at once are the caller's mistake. Closed by the destructor, which syncs nothing.
///
/// Errors of every call: kNoSpace "runtime.no_space" when the disk or a quota is full (the call may have
/// written a part and can be repeated), kIo "runtime.io" otherwise; messages name the path.
class File {
 public:
  virtual ~File() = default;

  /// Reads up to out.size() bytes at `at`; the count is short only at the end of the file.
  virtual Result<size_t> pread(uint64_t at, std::span<char> out) const = 0;
  /// Writes all of `data` at `at`, growing the file as needed. Not durable before sync_data().
  virtual Status pwrite(uint64_t at, std::string_view data) = 0;
  /// Writes `parts` one after another from `at`, as one write where the system allows.
  virtual Status pwritev(uint64_t at, std::span<const std::string_view> parts) = 0;
  /// Makes all that was written durable, with as much metadata as is needed to read it back (fdatasync).
  /// After a failure the state of earlier writes is unknown and stays so: never call it again to "retry".
  virtual Status sync_data() = 0;
  /// Makes the file exactly `bytes` long, all zeros really written and synced, so that every later write
  /// inside is a pure overwrite that needs no space and no metadata. Requires an empty file. `between` is
  /// called after each piece with the bytes done so far, and may take its time: so a caller spreads the work.
  virtual Status allocate_zeroed(uint64_t bytes, const std::function<void(uint64_t)>& between = {}) = 0;
  virtual Status truncate(uint64_t bytes) = 0;
  virtual Result<uint64_t> size() const = 0;
};

/// Keeps other processes out of a directory until destroyed.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

enum class OpenMode : uint8_t {
  kReadOnly,
  kReadWrite,  ///< must exist
  kCreateNew,  ///< must not exist; read and write
};

/// A file system. Safe to call from any thread. A creation, rename or removal is durable only after
/// sync_directory() on the directory that holds the name.
/// Errors: kNotFound "runtime.not_found", kConflict "runtime.exists", kNoSpace, kPermissionDenied, kIo.
class Disk {
 public:
  virtual ~Disk() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Names (not paths) of the files and folders in `directory`, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  /// Removes a file or an empty directory.
  virtual Status remove(const std::string& path) = 0;
  /// Replaces `to` if it exists.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// With all missing parents; an existing directory is fine. New names are synced.
  virtual Status create_directories(const std::string& directory) = 0;
  virtual Status sync_directory(const std::string& directory) = 0;
  /// Free for unprivileged writers of the file system that holds `path`.
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  /// Takes `directory` (which must exist) for this process alone. When somebody has it already: kConflict
  /// "runtime.directory_locked" with a message that names the holder's process id, host and start time.
  /// A lock left by a dead process is no obstacle.
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory) = 0;
};

/// The machine's file systems; lives as long as the process.
Disk& posix_disk();

/// The whole file; kTooLarge "runtime.file_too_large" over `max_bytes`.
Result<std::string> read_file(Disk& disk, const std::string& path, uint64_t max_bytes);
/// Creates or replaces `path` durably: a reader, or a crash, sees the old content or the new, never a mix.
Status write_file_durably(Disk& disk, const std::string& path, std::string_view content);

}  // namespace switchyard::runtime
