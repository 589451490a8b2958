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

Status check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxKeyNameBytes &&
      std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }))
    return {};
  return make_error(ErrorKind::kInvalidArgument, "gateway.bad_key_name",
                    "A key's name has 1 to " + std::to_string(kMaxKeyNameBytes) +
                        " bytes and no control characters; say what the key is for.",
                    "name");
}

Status check_roles(const std::vector<Role>& roles) {
  if (!roles.empty()) return {};
  return make_error(ErrorKind::kInvalidArgument, "gateway.unknown_role", "A key needs at least one role.",
                    "roles");
}

Status check_expiry(int64_t expires_us, int64_t now_us) {
  if (expires_us == 0 || expires_us > now_us) return {};
  return make_error(ErrorKind::kInvalidArgument, "gateway.bad_expiry", "The key would have expired already.",
                    "expires");
}

Error bad_tenant() {
  return make_error(ErrorKind::kInvalidArgument, "gateway.bad_tenant",
                    "A tenant is named with 1 to " + std::to_string(kMaxTenantBytes) +
                        " small letters, digits and dashes: acme-europe.",
                    "tenant");
}

Error no_such_key(std::string_view id) {
  return make_error(
      ErrorKind::kNotFound, "gateway.no_such_key",
      "There is no key '" + std::string(id.substr(0, 40)) + "'; list the keys to see their ids.");
}

Error is_revoked(const std::string& id) {
  return make_error(ErrorKind::kConflict, "gateway.key_revoked",
                    "The key " + id + " has been revoked for good; make a new one.");
}

/// The text of a key with a secret nobody has seen.
telemetry::Secret new_text(const std::string& id) {
  return telemetry::Secret(std::string(kPrefix) + id + "_" + random_base62(kSecretLength));
}

Error unauthenticated(std::string code, std::string message) {
  return make_error(ErrorKind::kUnauthenticated, std::move(code), std::move(message));
}

/// What whoever goes by a name may spend: of several keys the tightest.
std::unordered_map<std::string, Budget, TextHash, std::equal_to<>> budgets_of(
    const std::vector<StoredKey>& keys) {
  std::unordered_map<std::string, Budget, TextHash, std::equal_to<>> budgets;
  for (const StoredKey& key : keys) {
    const Budget& own = key.info.policy.budget;
    if (key.info.revoked_us != 0 || own == Budget{}) continue;
    Budget& all = budgets[key.info.name];
    all = tighter(all, own);
  }
  return budgets;
}

}  // namespace

bool is_tenant_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTenantBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

struct KeyStore::Impl {
  std::string path;
  const runtime::Clock* clock;

  std::mutex change_mutex;  // one change or refresh at a time

  mutable std::shared_mutex mutex;
  std::vector<StoredKey> keys;                             // guarded by mutex
  std::vector<std::shared_ptr<const KeyPolicy>> policies;  // guarded by mutex; of keys, null: grants all
  std::unordered_map<std::string, size_t, TextHash, std::equal_to<>> place_by_id;     // guarded by mutex
  std::unordered_map<std::string, Budget, TextHash, std::equal_to<>> budget_by_name;  // guarded by mutex
  std::optional<FileStamp> stamp;  // guarded by change_mutex

  void replace(std::vector<StoredKey> next) {
    std::unordered_map<std::string, size_t, TextHash, std::equal_to<>> places;
    std::vector<std::shared_ptr<const KeyPolicy>> shared;
    auto budgets = budgets_of(next);
    for (size_t i = 0; i < next.size(); ++i) {
      places.emplace(next[i].info.id, i);
      const KeyPolicy& policy = next[i].info.policy;
      shared.push_back(policy == KeyPolicy{} ? nullptr : std::make_shared<const KeyPolicy>(policy));
    }
    std::unique_lock lock(mutex);
    keys = std::move(next);
    policies = std::move(shared);
    place_by_id = std::move(places);
    budget_by_name = std::move(budgets);
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

  /// update() of the one key with that id.
  template <typename Change>
  Result<KeyInfo> change_one(std::string_view id, Change change);
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
  return create(KeySpec{std::move(name), std::move(roles), expires_us, std::move(tenant), {}});
}

Result<NewKey> KeyStore::create(KeySpec spec) {
  const int64_t now_us = impl_->clock->now_us();
  SY_RETURN_IF_ERROR(check_name(spec.name));
  SY_RETURN_IF_ERROR(check_roles(spec.roles));
  SY_RETURN_IF_ERROR(check_expiry(spec.expires_us, now_us));
  if (spec.tenant == kDefaultTenant) spec.tenant.clear();
  if (!spec.tenant.empty() && !is_tenant_name(spec.tenant)) return bad_tenant();
  SY_RETURN_IF_ERROR(check_policy(spec.policy));
  NewKey made;
  StoredKey stored;
  std::lock_guard lock(impl_->change_mutex);
  SY_RETURN_IF_ERROR(impl_->update([&](std::vector<StoredKey>& keys) -> Status {
    if (keys.size() >= kMaxKeys)
      return make_error(
          ErrorKind::kTooLarge, "gateway.too_many_keys",
          "There are kMaxKeys = " + std::to_string(kMaxKeys) + " keys; remove old ones from the file.");
    stored.info = {.id = {},
                   .name = spec.name,
                   .roles = spec.roles,
                   .created_us = now_us,
                   .expires_us = spec.expires_us,
                   .revoked_us = 0,
                   .tenant = spec.tenant,
                   .policy = spec.policy};
    do {
      stored.info.id = random_base62(kIdLength);
    } while (std::any_of(keys.begin(), keys.end(),
                         [&](const auto& key) { return key.info.id == stored.info.id; }));
    made.text = new_text(stored.info.id);
    stored.hash = sha256(made.text.reveal());
    keys.push_back(stored);
    return {};
  }));
  made.info = stored.info;
  return made;
}

template <typename Change>
Result<KeyInfo> KeyStore::Impl::change_one(std::string_view id, Change change) {
  std::lock_guard lock(change_mutex);
  KeyInfo changed;
  const Status done = update([&](std::vector<StoredKey>& all) -> Status {
    for (StoredKey& key : all) {
      if (key.info.id != id) continue;
      SY_RETURN_IF_ERROR(change(key));
      changed = key.info;
      return {};
    }
    return no_such_key(id);
  });
  if (!done.ok()) return done.error();
  return changed;
}

Status KeyStore::revoke(std::string_view id) {
  const int64_t now_us = impl_->clock->now_us();
  const auto changed = impl_->change_one(id, [now_us](StoredKey& key) -> Status {
    if (key.info.revoked_us == 0) key.info.revoked_us = now_us;
    return {};
  });
  return changed.ok() ? Status() : Status(changed.error());
}

Result<NewKey> KeyStore::rotate(std::string_view id, int64_t grace_us) {
  if (grace_us < 0 || grace_us > kMaxRotationGraceUs)
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_grace",
                      "The old secret may stay valid for at most " +
                          std::to_string(kMaxRotationGraceUs / 86'400'000'000) + " days.",
                      "grace");
  const int64_t now_us = impl_->clock->now_us();
  NewKey made;
  SY_ASSIGN_OR_RETURN(made.info, impl_->change_one(id, [&](StoredKey& key) -> Status {
    if (key.info.revoked_us != 0) return is_revoked(key.info.id);
    made.text = new_text(key.info.id);
    key.previous_hash = key.hash;
    key.hash = sha256(made.text.reveal());
    key.info.rotated_us = now_us;
    key.info.previous_until_us = now_us + grace_us;
    return {};
  }));
  return made;
}

Result<KeyInfo> KeyStore::edit(std::string_view id, const KeyChanges& changes) {
  const int64_t now_us = impl_->clock->now_us();
  return impl_->change_one(id, [&](StoredKey& key) -> Status {
    if (key.info.revoked_us != 0) return is_revoked(key.info.id);
    KeyInfo& info = key.info;
    KeyPolicy& policy = info.policy;
    if (changes.name) {
      SY_RETURN_IF_ERROR(check_name(*changes.name));
      info.name = *changes.name;
    }
    if (changes.roles) {
      SY_RETURN_IF_ERROR(check_roles(*changes.roles));
      info.roles = *changes.roles;
    }
    if (changes.expires_us) {
      SY_RETURN_IF_ERROR(check_expiry(*changes.expires_us, now_us));
      info.expires_us = *changes.expires_us;
    }
    if (changes.requests_per_minute) policy.limits.requests_per_minute = *changes.requests_per_minute;
    if (changes.tokens_per_minute) policy.limits.tokens_per_minute = *changes.tokens_per_minute;
    if (changes.concurrent) policy.limits.concurrent = *changes.concurrent;
    if (changes.budget_day_micros) policy.budget.day_micros = *changes.budget_day_micros;
    if (changes.budget_month_micros) policy.budget.month_micros = *changes.budget_month_micros;
    if (changes.routes) policy.routes = *changes.routes;
    if (changes.priority) policy.priority = *changes.priority;
    return check_policy(policy);
  });
}

std::vector<KeyInfo> KeyStore::list() const {
  std::vector<KeyInfo> infos;
  std::shared_lock lock(impl_->mutex);
  for (const StoredKey& key : impl_->keys) infos.push_back(key.info);
  return infos;
}

Result<KeyInfo> KeyStore::find(std::string_view id) const {
  std::shared_lock lock(impl_->mutex);
  const auto place = impl_->place_by_id.find(id);
  if (place == impl_->place_by_id.end()) return no_such_key(id);
  return impl_->keys[place->second].info;
}

std::optional<Budget> KeyStore::budget_of(std::string_view name) const {
  std::shared_lock lock(impl_->mutex);
  const auto found = impl_->budget_by_name.find(name);
  return found == impl_->budget_by_name.end() ? std::nullopt : std::optional(found->second);
}

bool Caller::may_call(std::string_view route) const {
  if (policy == nullptr || policy->routes.empty()) return true;
  return std::any_of(policy->routes.begin(), policy->routes.end(),
                     [route](const std::string& glob) { return glob_matches(glob, route); });
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
  const bool is_current = constant_time_equal(as_text(hash), as_text(key.hash));
  const bool is_previous =
      key.info.previous_until_us != 0 && constant_time_equal(as_text(hash), as_text(key.previous_hash));
  if (!is_current && !is_previous) return bad_key();
  if (key.info.revoked_us != 0)
    return unauthenticated("gateway.key_revoked", "The API key has been revoked.");
  if (key.info.expires_us != 0 && now_us >= key.info.expires_us)
    return unauthenticated("gateway.key_expired", "The API key has expired; ask for a new one.");
  if (!is_current && now_us >= key.info.previous_until_us)
    return unauthenticated("gateway.key_replaced",
                           "The API key has been replaced by a new one; use that, or ask for it.");
  return Caller{key.info.id, key.info.name, permissions_of(key.info.roles), key.info.tenant,
                impl_->policies[place->second]};
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
