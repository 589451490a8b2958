#include "switchyard/gateway/keys.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "key_file.h"
#include "switchyard/gateway/limits.h"
#include "switchyard/runtime/random.h"

namespace switchyard::gateway {
namespace {

constexpr std::string_view kPrefix = "sy_";
constexpr size_t kIdLength = 10;
constexpr size_t kSecretLength = 43;  // 62^43 > 2^256
constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Uniform over base 62: bytes past the last whole multiple of 62 are thrown away.
std::string random_base62(size_t length) {
  std::string text;
  while (text.size() < length) {
    std::array<uint8_t, 64> bytes;
    runtime::system_random().fill(bytes);
    for (const uint8_t byte : bytes)
      if (byte < 248 && text.size() < length) text.push_back(kBase62[byte % 62]);
  }
  return text;
}

/// The id in a key's text, "" when it does not have the form of a key.
std::string_view id_in(std::string_view presented) {
  if (presented.size() != kPrefix.size() + kIdLength + 1 + kSecretLength || !presented.starts_with(kPrefix) ||
      presented[kPrefix.size() + kIdLength] != '_')
    return {};
  return presented.substr(kPrefix.size(), kIdLength);
}

std::string_view as_text(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

bool is_tenant(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTenantBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Error unauthenticated(std::string code, std::string message) {
  return make_error(ErrorKind::kUnauthenticated, std::move(code), std::move(message));
}

}  // namespace

struct KeyStore::Impl {
  std::string path;
  const runtime::Clock* clock;

  std::mutex change_mutex;  // one change or refresh at a time

  mutable std::shared_mutex mutex;
  std::vector<StoredKey> keys;                                                     // guarded by mutex
  std::unordered_map<std::string, size_t, TextHash, std::equal_to<>> place_by_id;  // guarded by mutex
  std::optional<FileStamp> stamp;                                                  // guarded by change_mutex

  void replace(std::vector<StoredKey> next) {
    std::unordered_map<std::string, size_t, TextHash, std::equal_to<>> places;
    for (size_t i = 0; i < next.size(); ++i) places.emplace(next[i].info.id, i);
    std::unique_lock lock(mutex);
    keys = std::move(next);
    place_by_id = std::move(places);
  }

  /// Requires change_mutex.
  Status load() {
    if (path.empty()) return {};
    // The stamp first: a change in between is then seen as one by the next refresh.
    SY_ASSIGN_OR_RETURN(const auto seen, stamp_of(path));
    SY_ASSIGN_OR_RETURN(const std::string text, read_key_file(path));
    SY_ASSIGN_OR_RETURN(auto read, parse_keys(text, path));
    replace(std::move(read));
    stamp = seen;
    return {};
  }

  /// Applies `change` to what the file holds now and stores the result. Requires change_mutex.
  template <typename Change>
  Status update(Change change) {
    std::optional<KeyFileLock> lock;
    if (!path.empty()) {
      SY_ASSIGN_OR_RETURN(auto taken, KeyFileLock::take(path));
      lock.emplace(std::move(taken));
      SY_RETURN_IF_ERROR(load());
    }
    std::vector<StoredKey> next = keys;  // only changed under change_mutex
    SY_RETURN_IF_ERROR(change(next));
    if (!path.empty()) {
      SY_RETURN_IF_ERROR(write_key_file(path, format_keys(next)));
      SY_ASSIGN_OR_RETURN(stamp, stamp_of(path));
    }
    replace(std::move(next));
    return {};
  }
};

KeyStore::KeyStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyStore::~KeyStore() = default;

Result<std::unique_ptr<KeyStore>> KeyStore::open(std::string path, const runtime::Clock& clock) {
  auto impl = std::make_unique<Impl>();
  impl->path = std::move(path);
  impl->clock = &clock;
  SY_RETURN_IF_ERROR(impl->load());
  return std::unique_ptr<KeyStore>(new KeyStore(std::move(impl)));
}

Result<NewKey> KeyStore::create(std::string name, std::vector<Role> roles, int64_t expires_us,
                                std::string tenant) {
  const int64_t now_us = impl_->clock->now_us();
  if (name.empty() || name.size() > kMaxKeyNameBytes ||
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }))
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_key_name",
                      "A key's name has 1 to " + std::to_string(kMaxKeyNameBytes) +
                          " bytes and no control characters; say what the key is for.",
                      "name");
  if (roles.empty())
    return make_error(ErrorKind::kInvalidArgument, "gateway.unknown_role", "A key needs at least one role.",
                      "roles");
  if (expires_us != 0 && expires_us <= now_us)
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_expiry",
                      "The key would have expired already.", "expires");
  if (tenant == kDefaultTenant) tenant.clear();
  if (!tenant.empty() && !is_tenant(tenant))
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_tenant",
                      "A tenant is named with 1 to " + std::to_string(kMaxTenantBytes) +
                          " small letters, digits and dashes: acme-europe.",
                      "tenant");
  NewKey made;
  StoredKey stored;
  std::lock_guard lock(impl_->change_mutex);
  SY_RETURN_IF_ERROR(impl_->update([&](std::vector<StoredKey>& keys) -> Status {
    if (keys.size() >= kMaxKeys)
      return make_error(
          ErrorKind::kTooLarge, "gateway.too_many_keys",
          "There are kMaxKeys = " + std::to_string(kMaxKeys) + " keys; remove old ones from the file.");
    do {
      stored.info = {random_base62(kIdLength), name, roles, now_us, expires_us, 0, tenant};
    } while (std::any_of(keys.begin(), keys.end(),
                         [&](const auto& key) { return key.info.id == stored.info.id; }));
    made.text = telemetry::Secret(std::string(kPrefix) + stored.info.id + "_" + random_base62(kSecretLength));
    stored.hash = sha256(made.text.reveal());
    keys.push_back(stored);
    return {};
  }));
  made.info = stored.info;
  return made;
}

Status KeyStore::revoke(std::string_view id) {
  const int64_t now_us = impl_->clock->now_us();
  std::lock_guard lock(impl_->change_mutex);
  return impl_->update([&](std::vector<StoredKey>& keys) -> Status {
    for (StoredKey& key : keys) {
      if (key.info.id != id) continue;
      if (key.info.revoked_us == 0) key.info.revoked_us = now_us;
      return {};
    }
    return make_error(
        ErrorKind::kNotFound, "gateway.no_such_key",
        "There is no key '" + std::string(id.substr(0, 40)) + "'; list the keys to see their ids.");
  });
}

std::vector<KeyInfo> KeyStore::list() const {
  std::vector<KeyInfo> infos;
  std::shared_lock lock(impl_->mutex);
  for (const StoredKey& key : impl_->keys) infos.push_back(key.info);
  return infos;
}

Result<Caller> KeyStore::authenticate(std::string_view presented) const {
  const auto bad_key = [] {
    return unauthenticated("gateway.bad_key",
                           "The API key is not known; send a valid one as 'Authorization: Bearer <key>'.");
  };
  const std::string_view id = id_in(presented);
  if (id.empty()) return bad_key();
  const Sha256 hash = sha256(presented);
  const int64_t now_us = impl_->clock->now_us();
  std::shared_lock lock(impl_->mutex);
  const auto place = impl_->place_by_id.find(id);
  if (place == impl_->place_by_id.end()) return bad_key();
  const StoredKey& key = impl_->keys[place->second];
  if (!constant_time_equal(as_text(hash), as_text(key.hash))) return bad_key();
  if (key.info.revoked_us != 0)
    return unauthenticated("gateway.key_revoked", "The API key has been revoked.");
  if (key.info.expires_us != 0 && now_us >= key.info.expires_us)
    return unauthenticated("gateway.key_expired", "The API key has expired; ask for a new one.");
  return Caller{key.info.id, key.info.name, permissions_of(key.info.roles), key.info.tenant};
}

Status KeyStore::refresh() {
  if (impl_->path.empty()) return {};
  std::unique_lock lock(impl_->change_mutex, std::try_to_lock);
  if (!lock.owns_lock()) return {};  // somebody else is at it
  SY_ASSIGN_OR_RETURN(const auto seen, stamp_of(impl_->path));
  if (seen == impl_->stamp) return {};
  return impl_->load();
}

std::string_view presented_key(std::string_view authorization, std::string_view api_key) {
  constexpr std::string_view kScheme = "bearer ";
  const auto is_scheme = [&] {
    for (size_t i = 0; i < kScheme.size(); ++i)
      if ((authorization[i] | 0x20) != kScheme[i]) return false;
    return true;
  };
  std::string_view key = api_key;
  if (authorization.size() > kScheme.size() && is_scheme()) {
    key = authorization.substr(kScheme.size());
    while (key.starts_with(' ')) key.remove_prefix(1);
  }
  return key.size() <= kMaxPresentedKeyBytes ? key : std::string_view();
}

}  // namespace switchyard::gateway
