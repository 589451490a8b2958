#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/gateway/policy.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::gateway {

/// The limits that the server's configuration names. Where a key has a limit of its own, that one counts.
struct LimitRules {
  RateLimits default_key;     ///< of each key, token subject or certificate
  RateLimits default_tenant;  ///< of each tenant that is not listed
  std::map<std::string, RateLimits, std::less<>> tenants;
  std::map<std::string, RateLimits, std::less<>> operations;  ///< of all callers together, by operation id
  std::map<std::string, RateLimits, std::less<>> routes;      ///< of all callers together, by name of a route
};

enum class LimitScope : uint8_t { kKey, kTenant, kOperation, kRoute };
/// "key", "tenant", "operation", "route".
std::string_view limit_scope_name(LimitScope scope);

/// Something whose use is limited.
struct LimitSubject {
  LimitScope scope = LimitScope::kKey;
  std::string name;
  RateLimits limits;
};

class Allowance;

/// Counts what subjects use. Rates follow the generic cell rate algorithm in its "virtual scheduling" form
/// (ITU-T I.371, annex A): one time per rate, no queue, no window that begins anew; a subject that was idle
/// may use a whole minute's worth at once, and after that what the rate allows. Subjects are spread over
/// shards with a lock each. What is idle is forgotten; it holds at most kMaxLimitedSubjects. Thread-safe;
/// outlives its allowances.
class RateLimiter {
 public:
  explicit RateLimiter(const runtime::Clock& clock);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  /// Takes one request and one place of each of `subjects`, of all or of none. kResourceExhausted
  /// "gateway.rate_limited" or "gateway.too_many_at_once", naming whose limit it is; kUnavailable
  /// "gateway.limits_full". The allowance tells the standing even when it is refused.
  std::shared_ptr<Allowance> admit(std::vector<LimitSubject> subjects, Status* refused);
  /// Subjects that are not idle or not yet forgotten.
  size_t size() const;

 private:
  friend class Allowance;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What one call was let use: shared by the call, which reserves and settles tokens, and by the door, which
/// tells the caller how it stands. Its places are free again when the last of them is gone. Thread-safe.
class Allowance {
 public:
  struct Standing {
    uint64_t limit = 0;      ///< per minute
    uint64_t remaining = 0;  ///< that could be used now
    int64_t reset_us = 0;    ///< until all of it could be
  };

  ~Allowance();
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  /// A further subject, known only after the request was read: the route that a model call goes to. Counts
  /// one request, takes a place. Requires: nothing reserved yet. Errors as RateLimiter::admit().
  Status add(LimitSubject subject);

  /// Takes `tokens` of the rates of all subjects, of all or of none: call it before dispatch with the most
  /// that the call may use. May be called several times; reservations add up. kResourceExhausted
  /// "gateway.rate_limited"; kTooLarge "gateway.more_tokens_than_limit" for more than a whole minute's.
  Status reserve_tokens(uint64_t tokens);
  /// What the call used in truth, once, when it is known: the difference to what was reserved is given back,
  /// or taken even where that goes beyond the limit. 0 gives all back: for a call that was never dispatched.
  /// An allowance that is never settled keeps what was reserved.
  void settle_tokens(uint64_t used);

  /// The tightest of the subjects' rates; nothing when none is limited.
  std::optional<Standing> requests() const;
  std::optional<Standing> tokens() const;
  /// Frees the places at once: the call has its answer. What was counted stays.
  void free_places();
  /// After a refusal: when it could be tried again; 0: nothing was refused.
  int64_t retry_after_us() const;

 private:
  friend class RateLimiter;
  explicit Allowance(RateLimiter::Impl& limiter);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What limits a caller: its own limits, else the rules'. A caller without a key is limited by the operation
/// alone.
std::vector<LimitSubject> limit_subjects(const LimitRules& rules, std::string_view key_id,
                                         const RateLimits& own, std::string_view tenant,
                                         std::string_view operation);

/// "17ms", "1.5s", "6m0s": how a time until a reset is told in a header.
std::string reset_text(int64_t us);

}  // namespace switchyard::gateway
