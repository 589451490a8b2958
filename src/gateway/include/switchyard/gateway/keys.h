#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/gateway/permissions.h"
#include "switchyard/gateway/policy.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/secret.h"

namespace switchyard::gateway {

/// Of keys that name no tenant, and of runs that events and schedules start.
inline constexpr std::string_view kDefaultTenant = "default";

/// Small letters, digits and dashes, 1 to kMaxTenantBytes.
bool is_tenant_name(std::string_view text);

/// What is known and may be shown of an API key: everything but the key.
struct KeyInfo {
  std::string id;    ///< 10 characters, part of the key's text: what logs and records name a caller by
  std::string name;  ///< for people: "card terminal gateway"
  std::vector<Role> roles;
  int64_t created_us = 0;
  int64_t expires_us = 0;  ///< 0: never
  int64_t revoked_us = 0;  ///< 0: valid
  std::string tenant;      ///< whose work it starts, for taking turns; empty: the default tenant
  KeyPolicy policy;
  int64_t rotated_us = 0;         ///< when its secret was last replaced; 0: never
  int64_t previous_until_us = 0;  ///< how long the secret before that is, or was, valid
};

/// What a new key shall be.
struct KeySpec {
  std::string name;
  std::vector<Role> roles;
  int64_t expires_us = 0;  ///< 0: never
  std::string tenant;      ///< empty: the default one
  KeyPolicy policy;
};

/// What shall change of a key; what is not named stays.
struct KeyChanges {
  std::optional<std::string> name;
  std::optional<std::vector<Role>> roles;
  std::optional<int64_t> expires_us;
  std::optional<uint32_t> requests_per_minute;
  std::optional<uint64_t> tokens_per_minute;
  std::optional<uint32_t> concurrent;
  std::optional<int64_t> budget_day_micros, budget_month_micros;
  std::optional<std::vector<std::string>> routes;
  std::optional<Priority> priority;
};

/// A key just made. The only moment at which its text exists outside its owner's hands.
struct NewKey {
  KeyInfo info;
  telemetry::Secret text;  ///< "sy_<id>_<secret>"
};

/// Who makes a request.
struct Caller {
  std::string key_id;  ///< "" for an operation open to anybody
  std::string name;
  PermissionSet permissions = bit(Permission::kNone);
  std::string tenant;  ///< empty: the default one
  /// Shared with the key store: a request that is under way outlives a change of its key. Null: no limits.
  std::shared_ptr<const KeyPolicy> policy;

  /// Whether a route or model of that name may be called.
  bool may_call(std::string_view route) const;
  bool may(Permission permission) const { return (permissions & bit(permission)) != 0; }
};

/// API keys: `sy_<id>_<secret>`, the secret 256 random bits in base 62. Stored is the SHA-256 of the whole
/// text: with that much randomness there is nothing to guess, so neither salt nor a slow hash would add
/// anything (as they do for passwords). Kept in a JSON file of mode 0600, replaced atomically, changed under
/// a file lock, so that the command line and a running server can both work on it. Thread-safe.
class KeyStore {
 public:
  /// The keys in `path`, which need not exist yet; "": in memory only. `clock` must outlive the store.
  /// kCorruption "gateway.bad_key_file", kPermissionDenied "gateway.open_key_file" when others may read the
  /// file.
  static Result<std::unique_ptr<KeyStore>> open(std::string path, const runtime::Clock& clock);
  ~KeyStore();

  /// Makes a key and stores its hash. kInvalidArgument "gateway.bad_key_name", "gateway.unknown_role",
  /// "gateway.bad_expiry", "gateway.bad_tenant", or as check_policy() says; kTooLarge
  /// "gateway.too_many_keys".
  Result<NewKey> create(KeySpec spec);
  Result<NewKey> create(std::string name, std::vector<Role> roles, int64_t expires_us = 0,
                        std::string tenant = {});
  /// The key is refused from now on, here at once and in other processes within kKeyRefreshEveryUs. It stays
  /// in the list. kNotFound "gateway.no_such_key".
  Status revoke(std::string_view id);
  /// Gives the key a new secret. The old one stays valid for `grace_us` (0: not at all), so that its users
  /// can change over; a secret older than that ends at once. kNotFound "gateway.no_such_key", kConflict
  /// "gateway.key_revoked", kInvalidArgument "gateway.bad_grace" over kMaxRotationGraceUs.
  Result<NewKey> rotate(std::string_view id, int64_t grace_us);
  /// Changes what a key may do; requests that come later see it, in other processes within
  /// kKeyRefreshEveryUs. Errors as create() and rotate().
  Result<KeyInfo> edit(std::string_view id, const KeyChanges& changes);
  /// Ordered by creation.
  std::vector<KeyInfo> list() const;
  /// kNotFound "gateway.no_such_key".
  Result<KeyInfo> find(std::string_view id) const;
  /// What whoever goes by this name may spend: of several keys of one name the tightest. Nothing: no limit.
  std::optional<Budget> budget_of(std::string_view name) const;

  /// The caller a key belongs to. kUnauthenticated "gateway.bad_key", "gateway.key_expired",
  /// "gateway.key_revoked", "gateway.key_replaced"; all but the first only to somebody who has the secret.
  Result<Caller> authenticate(std::string_view presented) const;
  /// Reads the file again if it changed. Keeps the old keys when that fails.
  Status refresh();

 private:
  struct Impl;
  explicit KeyStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The key a request presents: "Authorization: Bearer <key>", or "X-API-Key: <key>"; "" when it presents
/// none. `authorization` and `api_key` are the values of the two headers, "" where missing.
std::string_view presented_key(std::string_view authorization, std::string_view api_key);

}  // namespace switchyard::gateway
