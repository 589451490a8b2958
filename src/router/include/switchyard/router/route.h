#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/document/document.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/type.h"
#include "switchyard/models/manifest.h"
#include "switchyard/router/money.h"
#include "switchyard/types/diagnostic.h"

// What a route's document says (docs/routing.md is its reference).
namespace switchyard::router {

/// What a route needs to know of a model version.
struct ModelFacts {
  expression::Type input_type;
  expression::Type output_type;
  PriceTable prices;
  std::string backend;  ///< its name; empty: in this process
  std::string vendor;   ///< empty: in-house
};

/// The prices that a manifest names.
PriceTable prices_of(const models::ModelManifest& manifest);

/// Finds deployed model versions for the compiler.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// nullptr when there is no such version. The pointer is used before the next call only.
  virtual const ModelFacts* model(const models::ModelName& model) = 0;
  /// "name@version" of all, for "did you mean".
  virtual std::vector<std::string> models() = 0;
};

/// A model version that a route may ask.
struct Candidate {
  std::string name;
  models::ModelName model;
  uint32_t weight = 1;  ///< 0: only as fallback, canary, or for a budget
  PriceTable prices;
  std::string backend, vendor;
};

/// Whose calls stay with the same candidate.
enum class Sticky : uint8_t {
  kNone,  ///< each call for itself
  kKey,   ///< calls with the same sticky key; without one as kNone
  kTenant,
  kApiKey,
};

/// How two answers are compared, for shadows and canaries.
struct Compare {
  std::string pointer;   ///< JSON Pointer into the outputs; empty: all of it
  double tolerance = 0;  ///< numbers that differ by no more are equal
};

struct Canary {
  uint32_t candidate = 0;
  uint32_t against = 0;          ///< whose calls it takes its share of
  std::vector<double> steps;     ///< shares, ascending, in (0, 1]
  std::vector<int64_t> hold_us;  ///< of each step
  uint64_t min_calls = 100;      ///< of the candidate in a step before the next
  int64_t horizon_us = 0;        ///< from the first call; then it is rolled back
  double alpha = 0.05;           ///< chance that any guard rolls back a candidate that does no harm
  // Guards. Nothing given: not guarded.
  std::optional<double> error_increase;  ///< rate of failures over the incumbent's
  struct Latency {
    double quantile = 0.95;
    double max_ratio = 1.5;  ///< to the incumbent's
  };
  std::optional<Latency> latency;
  std::optional<double> cost_ratio;         ///< mean cost to the incumbent's
  std::optional<double> max_disagreement;   ///< share of answers that differ from the incumbent's
  std::optional<double> override_increase;  ///< rate of answers that people overrule, over the incumbent's
  double compare_share = 0.1;               ///< of the canary's calls that the incumbent answers as well
  Compare compare;
};

struct Experiment {
  enum class Metric : uint8_t { kFailure, kLatency, kCost, kReward, kOverride };
  std::string name;
  uint32_t control = 0;
  std::vector<uint32_t> arms;  ///< compared with control
  Metric metric = Metric::kReward;
  double alpha = 0.05;       ///< over all arms and all looks
  uint64_t min_calls = 100;  ///< of each side before the first look
  double effect = 0.1;       ///< that one expects, in standard deviations: tunes the test, never its error
};

struct Shadow {
  Candidate candidate;
  double share = 1;
  Compare compare;
};

/// When people's answers overrule the route's.
struct Overruled {
  std::string review;      ///< the review step that judges what the route answered in the same decision
  bool on_breach = false;  ///< its `on_breach` answer counts too, where no person gave one
  /// A bool over `answer`, the reviewer's, and `output`, the candidate's. Shared by the copies of a route.
  std::shared_ptr<const expression::Program> when;
};

/// What a failure was, as `retry.on` names it.
enum class Failure : uint8_t {
  kConnect = 1,       ///< certainly never reached the model
  kUnavailable = 2,   ///< 503 and the like
  kRateLimited = 4,   ///< 429
  kTimeout = 8,       ///< of the attempt, while the call has time left
  kServerError = 16,  ///< 500, 502, 504 and broken answers
};

struct Retry {
  uint32_t attempts = 2;  ///< of a candidate, the first included
  uint8_t on = static_cast<uint8_t>(Failure::kConnect) | static_cast<uint8_t>(Failure::kUnavailable) |
               static_cast<uint8_t>(Failure::kRateLimited);
  int64_t backoff_first_us = 50'000, backoff_max_us = 2'000'000;
  double budget = 0.2;  ///< retries for each call, on average
};

struct Hedge {
  double quantile = 0;  ///< of the candidate's latency; 0: after_us
  int64_t after_us = 0;
  double max_extra = 0.05;  ///< hedges for each call, on average
};

struct Breaker {
  bool on = true;
  double failure_rate = 0.5;
  int64_t slow_us = 0;  ///< 0: slowness does not count
  double slow_rate = 0.8;
  int64_t window_us = 30'000'000;
  uint32_t min_calls = 20;
  int64_t open_us = 15'000'000;
  uint32_t probes = 3;  ///< that must succeed before it closes
  friend bool operator==(const Breaker&, const Breaker&) = default;
};

/// Of calls of one candidate under way at once.
struct Concurrency {
  bool on = false;
  uint32_t initial = 20, least = 1, most = 1000;
  friend bool operator==(const Concurrency&, const Concurrency&) = default;
};

/// Nothing given: not limited.
struct SpendLimit {
  std::optional<Money> day, month;
  std::optional<int64_t> day_tokens, month_tokens;
  bool any() const { return day || month || day_tokens || month_tokens; }
};

struct Budget {
  std::string currency;
  SpendLimit route;
  SpendLimit tenant;            ///< of each tenant's calls of this route
  SpendLimit key;               ///< of each API key's
  std::optional<uint32_t> use;  ///< the candidate that answers at the limit; none: the call is refused
  bool any() const { return route.any() || tenant.any() || key.any(); }
};

/// Answers that were given to the same request but for its text, when the text says nearly the same.
struct SemanticCache {
  Candidate embedder;              ///< asked with `{ input: text }` for `{ embedding: [numbers] }`
  double similarity = 0.95;        ///< the least cosine of two texts that ask the same
  std::string pointer;             ///< JSON Pointer to the text in the input; empty: what the user said last
  size_t entries = 500;            ///< of requests that differ in their text only
  int64_t timeout_us = 1'000'000;  ///< of the embedding; then the call goes on without
};

struct Cache {
  int64_t ttl_us = 0;  ///< 0: no cache
  size_t entries = 10'000;
  size_t bytes = size_t{64} << 20;
  bool per_tenant = true;
  std::optional<SemanticCache> semantic;
};

/// How durable the record of a call made directly, outside a pipeline, is before it is answered.
enum class Ack : uint8_t { kDurable, kReplicated, kReceived };

/// One version of a route. Immutable.
struct Route {
  std::string name, version;  ///< the version is empty for an implicit one
  std::string description;
  std::vector<Candidate> candidates;  ///< at least one
  Sticky sticky = Sticky::kKey;
  std::optional<Canary> canary;
  std::optional<Experiment> experiment;
  std::optional<Overruled> overruled;
  std::vector<Shadow> shadows;
  std::vector<uint32_t> fallbacks;  ///< into candidates, in order
  Retry retry;
  std::optional<Hedge> hedge;
  Breaker breaker;
  Concurrency concurrency;
  Budget budget;
  Cache cache;
  int64_t deadline_us = 30'000'000;
  Ack ack = Ack::kDurable;
  Sha256 sha256{};

  bool is_implicit() const { return version.empty(); }
  /// "name@version", or "model@version" of an implicit one.
  std::string full_name() const { return version.empty() ? name : name + "@" + version; }
  /// Index, or nothing.
  std::optional<uint32_t> find(std::string_view candidate) const;

  /// The route of a model that has none: one candidate, no retry but where the model certainly did not run,
  /// no breaker.
  static std::shared_ptr<const Route> implicit(const models::ModelName& model, const ModelFacts& facts = {});
};

struct RouteOutcome {
  std::shared_ptr<const Route> route;  ///< null when there are errors
  Diagnostics diagnostics;
};
/// Compiles a document `route: name@1.0.0`: all mistakes at once.
RouteOutcome compile(const document::Node& document, const std::string& file, Resolver& resolver);

}  // namespace switchyard::router
