#pragma once

#include <cstddef>
#include <cstdint>

/// Every limit of the module. An error that refuses something because of one names it.
namespace switchyard::router {

// Of a route's document.
inline constexpr size_t kMaxCandidates = 32;
inline constexpr size_t kMaxFallbacks = 8;
inline constexpr size_t kMaxShadows = 8;
inline constexpr size_t kMaxCanarySteps = 20;
inline constexpr uint32_t kMaxWeight = 1'000'000;
inline constexpr uint32_t kMaxAttempts = 10;  ///< of one candidate in one call
inline constexpr int64_t kMaxDeadlineUs = 3'600'000'000;
inline constexpr int64_t kMaxHoldUs = int64_t{90} * 86'400'000'000;
inline constexpr size_t kMaxCacheEntries = 1'000'000;
inline constexpr size_t kMaxCacheBytes = size_t{4} << 30;
inline constexpr size_t kMaxSimilarEntries = 5'000;  ///< of requests that differ in their text only

// Of the router.
inline constexpr uint32_t kDefaultCallBudget = 6;           ///< retries, hedges and fallbacks of one decision
inline constexpr size_t kMaxRecordedAttempts = 64;          ///< of one call, in its provenance
inline constexpr size_t kMaxImplicitRoutes = 4096;          ///< models asked for that have no route document
inline constexpr size_t kMaxShadowsInFlight = 64;           ///< further ones are not started, and counted
inline constexpr size_t kMaxCoolingModels = 4096;           ///< model versions left alone for a while
inline constexpr int64_t kDefaultCooldownUs = 300'000'000;  ///< after an answer "out of credit"
inline constexpr int64_t kMaxRetryAfterUs = 86'400'000'000;
inline constexpr size_t kMaxCanaryKeys = 65'536;   ///< keys that a canary counts for the sample ratio
inline constexpr size_t kMaxJudgedAnswers = 4096;  ///< of a route with a cache, known to be judged already

inline constexpr size_t kMaxEmbeddedBytes = 32'768;  ///< of a text that the semantic cache looks for
inline constexpr size_t kMaxEmbeddingNumbers = 16'384;

// Of the spend ledger.
inline constexpr size_t kMaxAccounts = 100'000;
inline constexpr size_t kMaxLedgerWaiters = 100'000;  ///< calls that wait for a claim to be durable

}  // namespace switchyard::router
