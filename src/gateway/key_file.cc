#include "key_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

/// A whole number from 0 on, 0 when absent; false when it is something else.
bool read_count(const Value& object, std::string_view name, uint64_t* count) {
  const Value* value = object.find(name);
  *count = 0;
  if (value == nullptr) return true;
  if (!value->is(Kind::kInteger) || value->as_integer() < 0) return false;
  *count = static_cast<uint64_t>(value->as_integer());
  return true;
}

/// What is wrong with the parts of a key that came with version 2, or "".
std::string read_policy(const Value& value, KeyPolicy* policy) {
  uint64_t requests = 0, concurrent = 0, day = 0, month = 0;
  if (const Value* limits = value.find("limits")) {
    if (!limits->is(Kind::kMap) || !read_count(*limits, "requests_per_minute", &requests) ||
        !read_count(*limits, "tokens_per_minute", &policy->limits.tokens_per_minute) ||
        !read_count(*limits, "concurrent", &concurrent) || requests > kMaxRequestsPerMinute ||
        concurrent > kMaxConcurrent)
      return "has limits that are none";
  }
  policy->limits.requests_per_minute = static_cast<uint32_t>(requests);
  policy->limits.concurrent = static_cast<uint32_t>(concurrent);
  if (const Value* budget = value.find("budget")) {
    if (!budget->is(Kind::kMap) || !read_count(*budget, "day_micros", &day) ||
        !read_count(*budget, "month_micros", &month))
      return "has a budget that is none";
  }
  policy->budget = {static_cast<int64_t>(day), static_cast<int64_t>(month)};
  if (const Value* routes = value.find("routes")) {
    if (!routes->is(Kind::kList)) return "has routes that are no list";
    for (const Value& route : routes->items()) {
      if (!route.is(Kind::kString)) return "has a route that is no text";
      policy->routes.emplace_back(route.as_string());
    }
  }
  if (const Value* priority = value.find("priority")) {
    const auto known = priority->is(Kind::kString) ? priority_from(priority->as_string()) : std::nullopt;
    if (!known) return "has an unknown priority";
    policy->priority = *known;
  }
  const Status right = check_policy(*policy);
  return right.ok() ? std::string() : "is wrong: " + right.error().message;
}

/// What is wrong with the secret before the last rotation, or "".
std::string read_rotation(const Value& value, StoredKey* key) {
  if (!read_time(value, "rotated", &key->info.rotated_us)) return "has a time that is not RFC 3339";
  const Value* previous = value.find("previous");
  if (previous == nullptr) return {};
  const Value* hash = previous->is(Kind::kMap) ? previous->find("sha256") : nullptr;
  if (hash == nullptr || !hash->is(Kind::kString) || !from_hex(hash->as_string(), key->previous_hash) ||
      !read_time(*previous, "until", &key->info.previous_until_us))
    return "has no valid previous secret";
  return {};
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
  for (const std::string& wrong : {read_policy(value, &key->info.policy), read_rotation(value, key)})
    if (!wrong.empty()) return of_key + wrong;
  return {};
}

bool needs_version_2(const StoredKey& key) {
  return key.info.policy != KeyPolicy{} || key.info.rotated_us != 0;
}

void append_policy(const KeyPolicy& policy, std::string& out) {
  const auto numbers = [&out](std::string_view name,
                              std::initializer_list<std::pair<std::string_view, uint64_t>> members) {
    bool first = true;
    for (const auto& [member, number] : members) {
      if (number == 0) continue;
      out += first ? ", \"" + std::string(name) + "\": {\"" : ", \"";
      out += std::string(member) + "\": " + std::to_string(number);
      first = false;
    }
    if (!first) out += "}";
  };
  numbers("limits", {{"requests_per_minute", policy.limits.requests_per_minute},
                     {"tokens_per_minute", policy.limits.tokens_per_minute},
                     {"concurrent", policy.limits.concurrent}});
  numbers("budget", {{"day_micros", static_cast<uint64_t>(policy.budget.day_micros)},
                     {"month_micros", static_cast<uint64_t>(policy.budget.month_micros)}});
  for (size_t i = 0; i < policy.routes.size(); ++i) {
    out += i == 0 ? ", \"routes\": [" : ", ";
    append_json_string(policy.routes[i], out);
  }
  if (!policy.routes.empty()) out += "]";
  if (policy.priority != Priority::kNormal)
    out += ", \"priority\": \"" + std::string(priority_name(policy.priority)) + "\"";
}

}  // namespace

std::string format_keys(const std::vector<StoredKey>& keys) {
  const bool newer = std::any_of(keys.begin(), keys.end(), needs_version_2);
  std::string out = "{\n  \"version\": " + std::string(newer ? "2" : "1") + ",\n  \"keys\": [";
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
    append_policy(key.info.policy, out);
    if (key.info.rotated_us != 0) member("rotated", time_text(key.info.rotated_us));
    if (key.info.previous_until_us != 0) {
      out += ", \"previous\": {\"sha256\": \"" + to_hex(key.previous_hash) + "\"";
      member("until", time_text(key.info.previous_until_us));
      out += "}";
    }
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
  if (version == nullptr || !version->is(Kind::kInteger) || version->as_integer() < 1 ||
      version->as_integer() > 2)
    return bad_file(path, "its version is neither 1 nor 2");
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
