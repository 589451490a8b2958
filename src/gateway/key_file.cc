#include "key_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "switchyard/gateway/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"

namespace switchyard::gateway {
namespace {

Error io_error(std::string_view what, const std::string& path) {
  const int cause = errno;
  return make_error(cause == ENOSPC || cause == EDQUOT ? ErrorKind::kNoSpace : ErrorKind::kIo,
                    "gateway.key_file_io",
                    "Cannot " + std::string(what) + " '" + path + "': " + std::strerror(cause) + ".");
}

Error bad_file(const std::string& path, const std::string& why) {
  return make_error(
      ErrorKind::kCorruption, "gateway.bad_key_file",
      "The key file '" + path + "' cannot be used: " + why + "; restore it, or remove it and make new keys.");
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string time_text(int64_t us) {
  std::string text;
  append_timestamp(us / 1'000'000, static_cast<int32_t>(us % 1'000'000) * 1000, text);
  return text;
}

/// The time in a member, 0 when it is absent; false when it is there and no time.
bool read_time(const Value& key, std::string_view name, int64_t* us) {
  const Value* value = key.find(name);
  *us = 0;
  if (value == nullptr) return true;
  const auto parsed = value->is(Kind::kString) ? parse_timestamp(value->as_string()) : std::nullopt;
  if (!parsed) return false;
  *us = parsed->seconds * 1'000'000 + parsed->nanos / 1000;
  return true;
}

/// What is wrong with the key, or "".
std::string read_key(const Value& value, StoredKey* key) {
  const auto text = [&value](std::string_view name) -> std::string_view {
    const Value* member = value.find(name);
    return member != nullptr && member->is(Kind::kString) ? member->as_string() : std::string_view();
  };
  key->info.id = text("id");
  if (key->info.id.empty()) return "a key has no id";
  const std::string of_key = "key " + key->info.id + " ";
  key->info.name = text("name");
  key->info.tenant = text("tenant");
  if (!from_hex(text("sha256"), key->hash)) return of_key + "has no valid sha256";
  const Value* roles = value.find("roles");
  if (roles == nullptr || !roles->is(Kind::kList) || roles->size() == 0)
    return of_key + "has no list of roles";
  for (const Value& role : roles->items()) {
    const auto known = role_from(role.is(Kind::kString) ? role.as_string() : std::string_view());
    if (!known.ok()) return of_key + "has an unknown role";
    key->info.roles.push_back(*known);
  }
  if (!read_time(value, "created", &key->info.created_us) ||
      !read_time(value, "expires", &key->info.expires_us) ||
      !read_time(value, "revoked", &key->info.revoked_us))
    return of_key + "has a time that is not RFC 3339";
  return {};
}

}  // namespace

std::string format_keys(const std::vector<StoredKey>& keys) {
  std::string out = "{\n  \"version\": 1,\n  \"keys\": [";
  const auto member = [&out](std::string_view name, std::string_view value) {
    out += ", \"" + std::string(name) + "\": ";
    append_json_string(value, out);
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    const StoredKey& key = keys[i];
    out += i == 0 ? "\n    {\"id\": " : ",\n    {\"id\": ";
    append_json_string(key.info.id, out);
    member("name", key.info.name);
    out += ", \"roles\": [";
    for (size_t k = 0; k < key.info.roles.size(); ++k)
      out += (k == 0 ? "\"" : ", \"") + std::string(role_name(key.info.roles[k])) + "\"";
    out += "]";
    member("sha256", to_hex(key.hash));
    member("created", time_text(key.info.created_us));
    if (!key.info.tenant.empty()) member("tenant", key.info.tenant);
    if (key.info.expires_us != 0) member("expires", time_text(key.info.expires_us));
    if (key.info.revoked_us != 0) member("revoked", time_text(key.info.revoked_us));
    out += "}";
  }
  return out + "\n  ]\n}\n";
}

Result<std::vector<StoredKey>> parse_keys(const std::string& text, const std::string& path) {
  std::vector<StoredKey> keys;
  if (text.empty()) return keys;
  const auto document = parse_json_document(text, {.max_bytes = kMaxKeyFileBytes});
  if (!document.ok()) return bad_file(path, document.error().message);
  const Value* version = (*document)->find("version");
  if (version == nullptr || !version->is(Kind::kInteger) || version->as_integer() != 1)
    return bad_file(path, "its version is not 1");
  const Value* list = (*document)->find("keys");
  if (list == nullptr || !list->is(Kind::kList)) return bad_file(path, "it has no list of keys");
  for (const Value& value : list->items()) {
    StoredKey& key = keys.emplace_back();
    if (const std::string wrong = read_key(value, &key); !wrong.empty()) return bad_file(path, wrong);
  }
  return keys;
}

Result<std::optional<FileStamp>> stamp_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return std::optional<FileStamp>();
    return io_error("look at", path);
  }
  return std::optional(FileStamp{facts.st_dev, facts.st_ino, static_cast<uint64_t>(facts.st_size),
                                 facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec});
}

Result<std::string> read_key_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::string();
    return io_error("read", path);
  }
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return io_error("look at", path);
  if ((facts.st_mode & 077) != 0)
    return make_error(
        ErrorKind::kPermissionDenied, "gateway.open_key_file",
        "Others than its owner have access to the key file '" + path + "'; run 'chmod 600' on it.");
  if (static_cast<uint64_t>(facts.st_size) > kMaxKeyFileBytes)
    return bad_file(path, "it is larger than kMaxKeyFileBytes = " + std::to_string(kMaxKeyFileBytes));
  std::string text(static_cast<size_t>(facts.st_size), '\0');
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + at, text.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("read", path);
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  text.resize(at);
  return text;
}

Status write_key_file(const std::string& path, const std::string& text) {
  const std::string draft = path + ".new";
  const FileDescriptor file(
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return io_error("create", draft);
  // A draft left by a crash may have another mode.
  if (::fchmod(file.get(), 0600) != 0) return io_error("set the mode of", draft);
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(file.get(), text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error("write", draft);
    at += static_cast<size_t>(written);
  }
  if (::fsync(file.get()) != 0) return io_error("sync", draft);
  if (::rename(draft.c_str(), path.c_str()) != 0) return io_error("replace", path);
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return io_error("sync the folder of", path);
  return {};
}

Result<KeyFileLock> KeyFileLock::take(const std::string& path) {
  const std::string name = path + ".lock";
  FileDescriptor file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return io_error("create", name);
  while (::flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) return io_error("lock", name);
  return KeyFileLock(file.release());
}

KeyFileLock::~KeyFileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace switchyard::gateway
