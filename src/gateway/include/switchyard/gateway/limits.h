#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::gateway {

/// Keys one store holds, revoked ones included.
inline constexpr size_t kMaxKeys = 10'000;
inline constexpr size_t kMaxKeyNameBytes = 100;
inline constexpr size_t kMaxTenantBytes = 64;
/// The longest text taken for a key or a token; anything longer is neither.
inline constexpr size_t kMaxPresentedKeyBytes = 8192;
/// keys.json may not be larger.
inline constexpr size_t kMaxKeyFileBytes = 8u << 20;
/// How often a gateway looks whether another process changed the key file: a revocation acts within this
/// time.
inline constexpr int64_t kKeyRefreshEveryUs = 1'000'000;
/// A caller's own X-Request-Id is kept up to this length.
inline constexpr size_t kMaxRequestIdBytes = 64;
/// Requests in flight where the options name no limit.
inline constexpr size_t kDefaultMaxInFlight = 4096;

/// Limits that a key, a tenant or an operation can have.
inline constexpr uint32_t kMaxRequestsPerMinute = 100'000'000;
inline constexpr uint64_t kMaxTokensPerMinute = 10'000'000'000;
inline constexpr uint32_t kMaxConcurrent = 1'000'000;
inline constexpr int64_t kMaxBudgetMicros = 1'000'000'000'000'000;
inline constexpr size_t kMaxRouteGlobs = 64;
inline constexpr size_t kMaxRouteGlobBytes = 200;
/// Locks that limited subjects are spread over, and how many subjects are counted at once.
inline constexpr size_t kLimitShards = 64;
inline constexpr size_t kMaxLimitedSubjects = 65'536;
/// What Retry-After says to who has too many requests open: nobody knows when one ends.
inline constexpr int64_t kBusyRetryAfterUs = 1'000'000;
/// What a chat call that does not say is taken to answer, for the reservation of tokens.
inline constexpr uint64_t kUnsaidAnswerTokens = 1024;
/// The longest time that the old secret of a rotated key stays valid.
inline constexpr int64_t kMaxRotationGraceUs = int64_t{90} * 86'400'000'000;
/// Looks at how long work waits, in one window of admission.
inline constexpr int64_t kAdmissionSamples = 10;
/// So many requests at once are let in however long work waits.
inline constexpr uint64_t kAlwaysInFlight = 32;
/// Answers from this size on are compressed for clients that take it.
inline constexpr size_t kCompressFromBytes = 1024;
/// Issuers of tokens, and keys of one.
inline constexpr size_t kMaxTokenIssuers = 32;
inline constexpr size_t kMaxTokenKeys = 100;
inline constexpr size_t kMaxKeySetBytes = 1u << 20;
inline constexpr int kMinRsaBits = 2048;
/// Clocks of issuers may differ from ours by so much.
inline constexpr int64_t kClockSkewUs = 60'000'000;
/// Verified tokens that are remembered, and for how long.
inline constexpr size_t kMaxCachedTokens = 65'536;
inline constexpr int64_t kTokenCacheUs = 300'000'000;
/// Subjects of tokens whose budgets are known at once.
inline constexpr size_t kMaxTokenBudgets = 65'536;
/// Between two fetches of an issuer's keys, the age from which they are fetched again, and requests that may
/// wait for them.
inline constexpr int64_t kKeyFetchFloorUs = 10'000'000;
inline constexpr int64_t kKeyMaxAgeUs = 3'600'000'000;
inline constexpr size_t kMaxWaitingTokens = 1000;

}  // namespace switchyard::gateway
