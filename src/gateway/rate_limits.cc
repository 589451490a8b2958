#include "switchyard/gateway/rate_limits.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "switchyard/base/check.h"
#include "switchyard/gateway/keys.h"
#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

constexpr int64_t kWindowNs = 60'000'000'000;
constexpr std::array<std::string_view, 4> kScopeNames = {"key", "tenant", "operation", "route"};

/// One rate of one subject: its theoretical arrival time, when everything it has used so far will have been
/// earned at the rate. Its distance from now is what is in use, in units of time, so that a changed limit
/// needs no conversion.
struct Rate {
  int64_t arrival_ns = 0;

  /// Rounded down, so that a whole minute's worth is no more than a minute.
  static int64_t cost_ns(uint64_t n, uint64_t per_minute) {
    return static_cast<int64_t>(static_cast<double>(n) * static_cast<double>(kWindowNs) /
                                static_cast<double>(per_minute));
  }
  /// How long until `cost` could be taken; 0: now.
  int64_t wait_ns(int64_t now_ns, int64_t cost) const {
    return std::max<int64_t>(0, std::max(arrival_ns, now_ns) + cost - now_ns - kWindowNs);
  }
  void take(int64_t now_ns, int64_t cost) { arrival_ns = std::max(arrival_ns, now_ns) + cost; }
  void give_back(int64_t cost) { arrival_ns -= cost; }
  Allowance::Standing standing(int64_t now_ns, uint64_t per_minute) const {
    const int64_t used_ns = std::max<int64_t>(0, arrival_ns - now_ns);
    const double free = static_cast<double>(kWindowNs - used_ns) / static_cast<double>(kWindowNs);
    // A hair is added: what was given back exactly shall not read as one less.
    const double left = std::floor(free * static_cast<double>(per_minute) + 1e-6);
    return {per_minute, left > 0 ? static_cast<uint64_t>(left) : 0, (used_ns + 999) / 1000};
  }
};

struct Bucket {
  Rate requests, tokens;
  uint32_t places = 0;  // taken
  uint32_t users = 0;   // allowances that name it
  bool is_idle(int64_t now_ns) const {
    return users == 0 && requests.arrival_ns <= now_ns && tokens.arrival_ns <= now_ns;
  }
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct alignas(64) Shard {
  std::mutex mutex;
  std::unordered_map<std::string, Bucket, TextHash, std::equal_to<>> buckets;  // guarded by mutex
  int64_t swept_ns = 0;                                                        // guarded by mutex
};

std::string id_of(const LimitSubject& subject) {
  std::string id;
  id.reserve(subject.name.size() + 2);
  id += static_cast<char>('0' + static_cast<int>(subject.scope));
  id += ':';
  id += subject.name;
  return id;
}

std::string whose(const LimitSubject& subject) {
  return "the " + std::string(limit_scope_name(subject.scope)) + " '" + subject.name.substr(0, 80) + "'";
}

Error over_rate(const LimitSubject& subject, uint64_t limit, std::string_view what) {
  return make_error(ErrorKind::kResourceExhausted, "gateway.rate_limited",
                    "The limit of " + std::to_string(limit) + " " + std::string(what) + " a minute of " +
                        whose(subject) + " is used up; wait as Retry-After says and try again.");
}

}  // namespace

std::string_view limit_scope_name(LimitScope scope) { return kScopeNames[static_cast<size_t>(scope)]; }

struct RateLimiter::Impl {
  explicit Impl(const runtime::Clock& time) : clock(time) {}
  const runtime::Clock& clock;
  std::array<Shard, kLimitShards> shards;

  int64_t now_ns() const { return clock.monotonic_us() * 1000; }
  Shard& shard_of(std::string_view id) { return shards[TextHash{}(id) % shards.size()]; }

  /// The bucket of an id, made when it is not there; null when there is no room. Requires the shard's lock.
  static Bucket* bucket(Shard& shard, const std::string& id, int64_t now_ns) {
    if (const auto found = shard.buckets.find(id); found != shard.buckets.end()) return &found->second;
    constexpr size_t kRoom = kMaxLimitedSubjects / kLimitShards;
    if (shard.buckets.size() >= kRoom && now_ns - shard.swept_ns >= 1'000'000'000) {
      shard.swept_ns = now_ns;
      std::erase_if(shard.buckets, [now_ns](const auto& entry) { return entry.second.is_idle(now_ns); });
    }
    if (shard.buckets.size() >= kRoom) return nullptr;
    return &shard.buckets[id];
  }
};

struct Allowance::Impl {
  explicit Impl(RateLimiter::Impl& given) : limiter(given) {}
  RateLimiter::Impl& limiter;
  struct Held {
    LimitSubject subject;
    std::string id;
  };
  mutable std::mutex mutex;
  std::vector<Held> held;               // guarded by mutex
  uint64_t reserved = 0;                // guarded by mutex
  bool settled = false;                 // guarded by mutex
  bool has_places = true;               // guarded by mutex
  int64_t retry_after_us = 0;           // guarded by mutex
  std::optional<LimitSubject> refused;  // guarded by mutex; whose limit it was, for the standing

  template <typename Use>
  auto with(const std::string& id, Use use) const {
    Shard& shard = limiter.shard_of(id);
    std::lock_guard lock(shard.mutex);
    const auto found = shard.buckets.find(id);
    SY_CHECK(found != shard.buckets.end());  // held, so never forgotten
    return use(found->second);
  }
  Status enter(LimitSubject subject);
  void leave(const Held& each, bool give_back);
  std::optional<Standing> tightest(Rate Bucket::*rate, uint64_t (*limit)(const RateLimits&)) const;
};

/// Requires mutex.
Status Allowance::Impl::enter(LimitSubject subject) {
  Held entered{std::move(subject), {}};
  entered.id = id_of(entered.subject);
  const int64_t now_ns = limiter.now_ns();
  Shard& shard = limiter.shard_of(entered.id);
  std::unique_lock lock(shard.mutex);
  Bucket* bucket = RateLimiter::Impl::bucket(shard, entered.id, now_ns);
  if (bucket == nullptr)
    return make_error(ErrorKind::kUnavailable, "gateway.limits_full",
                      "Limits of kMaxLimitedSubjects = " + std::to_string(kMaxLimitedSubjects) +
                          " callers are being counted already; wait a moment and try again.");
  const RateLimits& own = entered.subject.limits;
  if (own.concurrent != 0 && bucket->places >= own.concurrent) {
    retry_after_us = kBusyRetryAfterUs;
    return make_error(ErrorKind::kResourceExhausted, "gateway.too_many_at_once",
                      "The limit of " + std::to_string(own.concurrent) + " requests at once of " +
                          whose(entered.subject) + " is reached; wait for answers and try again.");
  }
  if (own.requests_per_minute != 0) {
    const int64_t cost = Rate::cost_ns(1, own.requests_per_minute);
    if (const int64_t wait = bucket->requests.wait_ns(now_ns, cost); wait > 0) {
      retry_after_us = (wait + 999) / 1000;
      refused = entered.subject;
      return over_rate(entered.subject, own.requests_per_minute, "requests");
    }
    bucket->requests.take(now_ns, cost);
  }
  if (has_places) ++bucket->places;
  ++bucket->users;
  lock.unlock();
  held.push_back(std::move(entered));
  return {};
}

void Allowance::Impl::leave(const Held& each, bool give_back) {
  with(each.id, [&](Bucket& bucket) {
    if (has_places) --bucket.places;
    --bucket.users;
    const uint32_t per_minute = each.subject.limits.requests_per_minute;
    if (give_back && per_minute != 0) bucket.requests.give_back(Rate::cost_ns(1, per_minute));
  });
}

std::optional<Allowance::Standing> Allowance::Impl::tightest(Rate Bucket::*rate,
                                                             uint64_t (*limit)(const RateLimits&)) const {
  std::lock_guard lock(mutex);
  const int64_t now_ns = limiter.now_ns();
  std::optional<Standing> found;
  const auto look = [&](const LimitSubject& subject, const Bucket& bucket) {
    const uint64_t per_minute = limit(subject.limits);
    if (per_minute == 0) return;
    const Standing standing = (bucket.*rate).standing(now_ns, per_minute);
    if (!found || standing.remaining < found->remaining) found = standing;
  };
  for (const Held& each : held) with(each.id, [&](const Bucket& bucket) { look(each.subject, bucket); });
  if (refused) {
    const std::string id = id_of(*refused);
    Shard& shard = limiter.shard_of(id);
    std::lock_guard shard_lock(shard.mutex);
    if (const auto bucket = shard.buckets.find(id); bucket != shard.buckets.end())
      look(*refused, bucket->second);
  }
  return found;
}

RateLimiter::RateLimiter(const runtime::Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
RateLimiter::~RateLimiter() = default;

std::shared_ptr<Allowance> RateLimiter::admit(std::vector<LimitSubject> subjects, Status* refused) {
  std::shared_ptr<Allowance> allowance(new Allowance(*impl_));
  Allowance::Impl& impl = *allowance->impl_;
  std::lock_guard lock(impl.mutex);
  for (LimitSubject& subject : subjects) {
    *refused = impl.enter(std::move(subject));
    if (refused->ok()) continue;
    for (const auto& each : impl.held) impl.leave(each, true);
    impl.held.clear();
    break;
  }
  return allowance;
}

size_t RateLimiter::size() const {
  size_t all = 0;
  for (Shard& shard : impl_->shards) {
    std::lock_guard lock(shard.mutex);
    all += shard.buckets.size();
  }
  return all;
}

Allowance::Allowance(RateLimiter::Impl& limiter) : impl_(std::make_unique<Impl>(limiter)) {}

Allowance::~Allowance() {
  for (const auto& each : impl_->held) impl_->leave(each, false);
}

Status Allowance::add(LimitSubject subject) {
  std::lock_guard lock(impl_->mutex);
  SY_CHECK(impl_->reserved == 0 && !impl_->settled);  // it would be given back what it never had
  return impl_->enter(std::move(subject));
}

Status Allowance::reserve_tokens(uint64_t tokens) {
  std::lock_guard lock(impl_->mutex);
  SY_CHECK(!impl_->settled);
  const int64_t now_ns = impl_->limiter.now_ns();
  size_t taken = 0;
  Status refused;
  for (; taken < impl_->held.size(); ++taken) {
    const auto& each = impl_->held[taken];
    const uint64_t per_minute = each.subject.limits.tokens_per_minute;
    if (per_minute == 0) continue;
    if (tokens > per_minute) {
      refused = make_error(ErrorKind::kTooLarge, "gateway.more_tokens_than_limit",
                           "The call may use " + std::to_string(tokens) + " tokens, more than the " +
                               std::to_string(per_minute) + " a minute of " + whose(each.subject) +
                               "; ask for less, or for a higher limit.");
      break;
    }
    const int64_t cost = Rate::cost_ns(tokens, per_minute);
    const int64_t wait = impl_->with(each.id, [&](Bucket& bucket) {
      const int64_t needed = bucket.tokens.wait_ns(now_ns, cost);
      if (needed == 0) bucket.tokens.take(now_ns, cost);
      return needed;
    });
    if (wait == 0) continue;
    impl_->retry_after_us = (wait + 999) / 1000;
    refused = over_rate(each.subject, per_minute, "tokens");
    break;
  }
  if (refused.ok()) {
    impl_->reserved += tokens;
    return {};
  }
  for (size_t i = 0; i < taken; ++i) {
    const auto& each = impl_->held[i];
    if (const uint64_t per_minute = each.subject.limits.tokens_per_minute; per_minute != 0)
      impl_->with(each.id,
                  [&](Bucket& bucket) { bucket.tokens.give_back(Rate::cost_ns(tokens, per_minute)); });
  }
  return refused;
}

void Allowance::settle_tokens(uint64_t used) {
  std::lock_guard lock(impl_->mutex);
  if (std::exchange(impl_->settled, true)) return;
  const int64_t now_ns = impl_->limiter.now_ns();
  for (const auto& each : impl_->held) {
    const uint64_t per_minute = each.subject.limits.tokens_per_minute;
    if (per_minute == 0) continue;
    impl_->with(each.id, [&](Bucket& bucket) {
      if (used < impl_->reserved)
        bucket.tokens.give_back(Rate::cost_ns(impl_->reserved - used, per_minute));
      else
        bucket.tokens.take(now_ns, Rate::cost_ns(used - impl_->reserved, per_minute));
    });
  }
  impl_->reserved = used;
}

std::optional<Allowance::Standing> Allowance::requests() const {
  return impl_->tightest(&Bucket::requests,
                         [](const RateLimits& limits) { return uint64_t{limits.requests_per_minute}; });
}

std::optional<Allowance::Standing> Allowance::tokens() const {
  return impl_->tightest(&Bucket::tokens, [](const RateLimits& limits) { return limits.tokens_per_minute; });
}

void Allowance::free_places() {
  std::lock_guard lock(impl_->mutex);
  if (!std::exchange(impl_->has_places, false)) return;
  for (const auto& each : impl_->held) impl_->with(each.id, [](Bucket& bucket) { --bucket.places; });
}

int64_t Allowance::retry_after_us() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->retry_after_us;
}

std::vector<LimitSubject> limit_subjects(const LimitRules& rules, std::string_view key_id,
                                         const RateLimits& own, std::string_view tenant,
                                         std::string_view operation) {
  std::vector<LimitSubject> subjects;
  const auto add = [&subjects](LimitScope scope, std::string_view name, const RateLimits& limits) {
    if (limits.any()) subjects.push_back({scope, std::string(name), limits});
  };
  RateLimits of_key = own;
  if (of_key.requests_per_minute == 0) of_key.requests_per_minute = rules.default_key.requests_per_minute;
  if (of_key.tokens_per_minute == 0) of_key.tokens_per_minute = rules.default_key.tokens_per_minute;
  if (of_key.concurrent == 0) of_key.concurrent = rules.default_key.concurrent;
  if (!key_id.empty()) {
    add(LimitScope::kKey, key_id, of_key);
    if (tenant.empty()) tenant = kDefaultTenant;
    const auto named = rules.tenants.find(tenant);
    add(LimitScope::kTenant, tenant, named == rules.tenants.end() ? rules.default_tenant : named->second);
  }
  if (const auto found = rules.operations.find(operation); found != rules.operations.end())
    add(LimitScope::kOperation, operation, found->second);
  return subjects;
}

std::string reset_text(int64_t us) {
  const int64_t ms = (us + 999) / 1000;
  if (ms < 1000) return std::to_string(ms) + "ms";
  if (ms >= 60'000) {
    const int64_t s = (ms + 999) / 1000;
    return std::to_string(s / 60) + "m" + std::to_string(s % 60) + "s";
  }
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) {
    std::string part = std::to_string(ms % 1000);
    part.insert(0, 3 - part.size(), '0');
    while (part.back() == '0') part.pop_back();
    text += "." + part;
  }
  return text + "s";
}

}  // namespace switchyard::gateway
