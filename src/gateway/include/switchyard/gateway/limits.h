#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::gateway {

/// Keys one store holds, revoked ones included.
inline constexpr size_t kMaxKeys = 10'000;
inline constexpr size_t kMaxKeyNameBytes = 100;
inline constexpr size_t kMaxTenantBytes = 64;
/// The longest text taken for a key; anything longer is no key.
inline constexpr size_t kMaxPresentedKeyBytes = 128;
/// keys.json may not be larger.
inline constexpr size_t kMaxKeyFileBytes = 8u << 20;
/// How often a gateway looks whether another process changed the key file: a revocation acts within this
/// time.
inline constexpr int64_t kKeyRefreshEveryUs = 1'000'000;
/// A caller's own X-Request-Id is kept up to this length.
inline constexpr size_t kMaxRequestIdBytes = 64;
/// Requests in flight where the options name no limit.
inline constexpr size_t kDefaultMaxInFlight = 4096;

}  // namespace switchyard::gateway
