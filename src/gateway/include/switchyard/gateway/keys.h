#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/gateway/permissions.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/secret.h"

namespace switchyard::gateway {

/// Of keys that name no tenant, and of runs that events and schedules start.
inline constexpr std::string_view kDefaultTenant = "default";

/// What is known and may be shown of an API key: everything but the key.
struct KeyInfo {
  std::string id;    ///< 10 characters, part of the key's text: what logs and records name a caller by
  std::string name;  ///< for people: "card terminal gateway"
  std::vector<Role> roles;
  int64_t created_us = 0;
  int64_t expires_us = 0;  ///< 0: never
  int64_t revoked_us = 0;  ///< 0: valid
  std::string tenant;      ///< whose work it starts, for taking turns; empty: the default tenant
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

  /// Makes a key and stores its hash. `expires_us` 0: never; `tenant` empty: the default one.
  /// kInvalidArgument "gateway.bad_key_name", "gateway.bad_expiry" or "gateway.bad_tenant", kTooLarge
  /// "gateway.too_many_keys".
  Result<NewKey> create(std::string name, std::vector<Role> roles, int64_t expires_us = 0,
                        std::string tenant = {});
  /// The key is refused from now on, here at once and in other processes within kKeyRefreshEveryUs. It stays
  /// in the list. kNotFound "gateway.no_such_key".
  Status revoke(std::string_view id);
  /// Ordered by creation.
  std::vector<KeyInfo> list() const;

  /// The caller a key belongs to. kUnauthenticated "gateway.bad_key", "gateway.key_expired",
  /// "gateway.key_revoked"; the latter two only to somebody who has the secret.
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
