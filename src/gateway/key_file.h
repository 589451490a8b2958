#pragma once

#include <optional>
#include <string>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/base/result.h"
#include "switchyard/gateway/keys.h"

namespace switchyard::gateway {

struct StoredKey {
  KeyInfo info;
  Sha256 hash{};
  Sha256 previous_hash{};  ///< of the secret before the last rotation; valid until info.previous_until_us
};

/// The JSON text of keys.json: {"version": 1, "keys": [{id, name, roles, sha256, created, tenant?, expires?,
/// revoked?}]}. Version 2, written only when a key needs it, so that an older program refuses what it would
/// not heed, adds limits?, budget?, routes?, priority?, rotated?, previous? to a key.
std::string format_keys(const std::vector<StoredKey>& keys);
/// kCorruption "gateway.bad_key_file", naming what is wrong with which key.
Result<std::vector<StoredKey>> parse_keys(const std::string& text, const std::string& path);

/// The file's identity; a change of it means the file was replaced or written.
struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
/// nullopt when the file does not exist.
Result<std::optional<FileStamp>> stamp_of(const std::string& path);

/// The text of the file, "" when there is none. Refuses a file that its group or others may read.
Result<std::string> read_key_file(const std::string& path);
/// Replaces the file durably with mode 0600: a reader sees the old text or the new.
Status write_key_file(const std::string& path, const std::string& text);

/// Held while a process changes the file: an flock on "<path>.lock".
class KeyFileLock {
 public:
  static Result<KeyFileLock> take(const std::string& path);
  KeyFileLock(KeyFileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  KeyFileLock& operator=(KeyFileLock&&) = delete;
  ~KeyFileLock();

 private:
  explicit KeyFileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace switchyard::gateway
