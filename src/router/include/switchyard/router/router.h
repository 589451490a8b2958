#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/models/caller.h"
#include "switchyard/router/canary.h"
#include "switchyard/router/evidence.h"
#include "switchyard/router/ledger.h"
#include "switchyard/router/limits.h"
#include "switchyard/router/route.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/random.h"
#include "switchyard/telemetry/metrics.h"
#include "switchyard/types/priority.h"

namespace switchyard::router {

/// How many more attempts than one per call a decision may still make: retries, hedges, fallbacks. Shared by
/// all calls of the decision.
struct AttemptBudget {
  explicit AttemptBudget(uint32_t n = kDefaultCallBudget) : left(n) {}
  /// Takes one; false when none is left.
  bool take();
  void give_back() { left.fetch_add(1, std::memory_order_relaxed); }
  std::atomic<uint32_t> left;
};

/// A further account that a call is charged to, and its limit: budgets of virtual keys and whole tenants.
struct ExtraBudget {
  Scope scope = Scope::kTenant;
  std::string id;
  SpendLimit limit;
};

struct RouteCall {
  std::string route;  ///< its name
  /// Asked when there is no route of that name: see Route::implicit(). Null: kNotFound "router.no_route".
  std::shared_ptr<const Route> implicit;
  Document input;
  std::string sticky_key;   ///< may be empty
  std::string tenant;       ///< may be empty
  std::string api_key;      ///< the key's id, never the secret; may be empty
  std::string decision;     ///< recorded with what the cache keeps
  int64_t deadline_us = 0;  ///< on the clock's monotonic_us(); 0: the route's own
  /// The deadline is a client's wish: when it passes, that says nothing about the model.
  bool clients_deadline = false;
  std::string idempotency_key;
  std::string trace;
  int32_t priority = kDefaultPriority;      ///< of models::CallRequest
  std::shared_ptr<AttemptBudget> attempts;  ///< shared with the decision's other calls; null: one of its own
  std::vector<ExtraBudget> budgets;
  /// The most tokens the call can use; 0: estimated from the input and `max_tokens` in it.
  int64_t max_input_tokens = 0, max_output_tokens = 0;
  bool use_cache = true;
  /// As models::CallRequest::on_part; parts of one model only. A hit of the cache comes whole.
  std::function<bool(const Document& part)> on_part;
};

struct RouteAnswer {
  Result<models::ModelAnswer> answer;
  /// What happened, also after an error: `{ route, candidate, model, why, attempts: [...], cache, shadow,
  /// cost,
  /// ... }`; docs/routing.md has every member.
  Document provenance;
  Money cost;  ///< of all attempts, the failed and the hedged too
  std::string currency;
  int64_t retry_after_us = 0;  ///< when to come back, after kResourceExhausted or kUnavailable; 0: not known
  bool cached = false;         ///< the answer is an earlier call's, which the provenance names
  bool streamed = false;       ///< at least one part was handed out
  bool budget_spent = false;   ///< nothing more was tried because the decision's attempts were used up
};

/// Whom an operator may have switched off.
struct KillQuery {
  std::string_view route;
  const models::ModelName* model = nullptr;  ///< null: the question is about the route alone
  std::string_view backend, vendor;
};

/// What a candidate of a route answered in a decision, and how a review there was answered.
struct Judgement {
  std::string_view route, candidate;
  std::string_view model;   ///< "name@version" that the candidate was
  std::string_view review;  ///< the review step
  bool by_person = true;    ///< false: its `on_breach` answered
  std::string made_for;     ///< the decision that the answer was made for: an earlier one's out of a cache
  Value answer, output;
};

/// What became of a shadow call.
struct ShadowResult {
  std::string route, decision;
  models::ModelName model;        ///< the shadow's
  models::ModelName answered_by;  ///< the model version that was heard
  bool ok = false;
  std::string error;           ///< code; empty when ok
  std::optional<bool> agrees;  ///< nothing: one of them failed
  double difference = 0;       ///< where both compared values are numbers
  int64_t run_us = 0;
  Money cost;
  Document output;  ///< the shadow's; null when not ok
};

/// One route as operators set it.
struct RouteSetting {
  std::shared_ptr<const Route> route;
  /// Operators send all traffic of one candidate to another: (from, to). Unknown names are ignored.
  std::vector<std::pair<std::string, std::string>> reroutes;
  /// Where the canary stood, after a restart. A state the router has learnt itself since wins unless
  /// `force_canary`.
  std::optional<CanaryState> canary;
  bool force_canary = false;
};

struct CandidateStatus {
  std::string name;
  models::ModelName model;
  std::string breaker;  ///< "closed", "open", "half_open"
  uint64_t calls = 0, failures = 0, retries = 0, hedges = 0, fallbacks = 0, refused = 0;
  uint32_t in_flight = 0, limit = 0;  ///< limit 0: not limited
  int64_t p50_us = 0, p95_us = 0, p99_us = 0;
  int64_t cooling_until_us = 0;  ///< monotonic; 0: not cooling
  double share = 0;              ///< of calls, as weights and canary have it now
};
struct ShadowStatus {
  models::ModelName model;
  uint64_t calls = 0, failures = 0, agreed = 0, disagreed = 0, dropped = 0;
  double mean_difference = 0;
  int64_t p50_us = 0, p95_us = 0;
  Money cost;
};
struct RouteStatus {
  std::string route, version;
  std::vector<CandidateStatus> candidates;
  std::vector<ShadowStatus> shadows;
  std::optional<CanaryState> canary;
  Document canary_evidence;  ///< null without a canary
  Document experiment;       ///< per arm: n, mean, difference, p_value, decided; null without one
  uint64_t cache_hits = 0, cache_similar_hits = 0, cache_misses = 0, cache_entries = 0, cache_bytes = 0;
};

/// Calls functions later. Thread-safe.
class Timers {
 public:
  virtual ~Timers() = default;
  /// Runs `action` at `at_us` of monotonic_us(), on any thread, never within this call.
  virtual uint64_t at(int64_t at_us, std::function<void()> action) = 0;
  /// The action does not begin after this; it may still be running. Unknown ids are ignored.
  virtual void cancel(uint64_t id) = 0;
};

/// Decides which model version answers a call of a logical model, and what happens when it is slow, wrong or
/// gone. Thread-safe. What it learns (breakers, latencies) is in memory, and what it knows of canaries and
/// experiments can be kept; what is spent is in the ledger.
class Router {
 public:
  struct Options {
    models::Caller* caller = nullptr;  ///< required; outlives the router
    SpendLedger* ledger = nullptr;     ///< outlives the router; null: routes with budgets refuse
    const runtime::Clock* clock = &runtime::system_clock();
    runtime::Random* random = &runtime::system_random();
    telemetry::Registry* metrics = nullptr;  ///< outlives the router; null: no metrics
    Timers* timers = nullptr;                ///< outlives the router; null: a thread of its own
    /// Why nobody may use it, for people; empty: it may be used. Quick, thread-safe.
    std::function<std::string(const KillQuery&)> killed;
    /// Hears of each step of a canary, once, in order for a route. On a thread of a call or a timer; must not
    /// block, nor call the router.
    std::function<void(const CanaryDecision&)> on_canary;
    /// Hears of each shadow call that ended. As on_canary.
    std::function<void(const ShadowResult&)> on_shadow;
    /// What evidence() told before a restart, by route: canaries and experiments go on from there.
    std::map<std::string, RouteEvidence, std::less<>> evidence = {};
  };

  explicit Router(Options options);
  /// Waits for the calls under way, shadows included: stop() first ends them.
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Replaces all routes at once: calls that begin later see the new ones, calls under way end with those
  /// they began with. What was learnt of a candidate stays where route, name and model version are the same.
  void set_routes(std::vector<RouteSetting> routes);
  /// The route of that name; null when there is none.
  std::shared_ptr<const Route> route(std::string_view name) const;
  std::vector<std::shared_ptr<const Route>> routes() const;

  using Done = std::function<void(RouteAnswer)>;
  /// Calls `done` exactly once, on any thread, perhaps within this call; it must not block. The function
  /// returned ends the call early with kCancelled "models.cancelled"; it may be called at any time, and is
  /// never empty.
  ///
  /// Errors besides the model's own: kNotFound "router.no_route"; kUnavailable "router.killed",
  /// "router.no_candidate" (all are killed, open, cooling or saturated), "router.stopping", and
  /// "router.ledger_failed"; kResourceExhausted "router.budget" (names account and window) and
  /// "router.saturated"; kDeadlineExceeded "router.deadline".
  std::function<void()> call(RouteCall call, Done done);

  /// People's verdict on an earlier answer of a candidate: whether they overruled it, and how good it was
  /// (for experiments). Ignored when there is no such route or candidate.
  void feedback(std::string_view route, std::string_view candidate, std::optional<bool> overruled,
                std::optional<double> reward);

  /// Counts as feedback() what the routes say overrules them; an answer that a cache gives again counts once.
  /// With these `source` was read up to `position`: evidence() tells both or neither, so that after a
  /// restart whoever reads on from reviews_read() misses none and counts none twice. One about which its
  /// route cannot tell (the expression fails) counts for nothing, and the last such error is returned.
  Status judge(const std::vector<Judgement>& judgements, uint32_t source, uint64_t position);
  /// How far the source was read; nothing: never.
  std::optional<uint64_t> reviews_read(uint32_t source) const;
  /// Whether any route learns from reviews.
  bool learns_from_reviews() const;

  /// Moves canaries on whose hold is over although no call comes: about once a second.
  void tick();

  std::vector<RouteStatus> status() const;
  /// What canaries and experiments have learnt since the last call, or all they know; to be kept over a
  /// restart.
  std::vector<Evidence> evidence(bool all);

  /// Refuses new calls and cancels those under way. Idempotent.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  ///< shared with the calls under way
};

}  // namespace switchyard::router
