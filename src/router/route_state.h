#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache.h"
#include "canary_monitor.h"
#include "candidate_state.h"
#include "choose.h"
#include "experiment_monitor.h"
#include "extra_calls.h"
#include "judged_answers.h"
#include "switchyard/router/router.h"

namespace switchyard::router {

/// ExtraCalls for many threads.
class SharedExtraCalls {
 public:
  SharedExtraCalls(double ratio, double reserve_per_second) : calls_(ratio, reserve_per_second) {}
  void deposit(int64_t now_us) {
    std::lock_guard lock(mutex_);
    calls_.deposit(now_us);
  }
  bool take(int64_t now_us) {
    std::lock_guard lock(mutex_);
    return calls_.take(now_us);
  }

 private:
  std::mutex mutex_;
  ExtraCalls calls_;  // guarded by mutex_
};

/// What shadow calls of one model showed. Thread-safe.
class ShadowState {
 public:
  void record(const ShadowResult& result, int64_t now_us);
  void drop();
  ShadowStatus status() const;

 private:
  mutable std::mutex mutex_;
  ShadowStatus counts_;  // guarded by mutex_, as below
  double difference_sum_ = 0;
  uint64_t differences_ = 0;
  SlidingQuantiles latency_;
};

/// Which candidate was chosen, and why.
struct Choice {
  uint32_t candidate = 0;
  std::string_view why;  ///< static text: "only", "weight", "sticky", "canary", "reroute"
  uint32_t chosen = 0;   ///< before a reroute
  uint64_t key = 0;
  double canary_share = 0;
};

/// A route as set at one time, with what was learnt so far. Immutable itself; its parts are shared with
/// the state before and after it and lock themselves.
class RouteState {
 public:
  /// Takes over from `before` (may be null) what still fits.
  static std::shared_ptr<const RouteState> make(const RouteSetting& setting, const RouteState* before);

  /// The candidate of a call with this sticky key; `key` is empty for none, and `chance` random.
  Choice choose(const RouteCall& call, uint64_t chance) const;
  /// Where traffic of this candidate goes.
  uint32_t rerouted(uint32_t candidate) const { return reroutes_[candidate]; }
  /// Of the calls, as weights, canary and reroutes have it now.
  std::vector<double> shares() const;

  std::shared_ptr<const Route> route;
  std::vector<std::shared_ptr<CandidateState>> candidates;  // as in route
  std::vector<std::shared_ptr<ShadowState>> shadows;        // as in route
  std::shared_ptr<SharedExtraCalls> retries, hedges;
  std::shared_ptr<CanaryMonitor> canary;  // null without one, as below
  std::shared_ptr<ExperimentMonitor> experiment;
  std::shared_ptr<AnswerCache> cache;
  std::shared_ptr<CandidateState> embedder;  // of the cache
  std::shared_ptr<JudgedAnswers> judged;     // null without a cache

 private:
  std::vector<Weighted> weights_;
  std::vector<uint32_t> reroutes_;
  uint64_t seed_ = 0;
  uint32_t choosable_ = 0;  // candidates with weight
};

}  // namespace switchyard::router
