#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "quantiles.h"
#include "sequential.h"
#include "switchyard/router/canary.h"
#include "switchyard/router/evidence.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// One finished call of the canary or its incumbent, as the guards see it.
struct CanaryCall {
  bool on_candidate = false;
  uint64_t key = 0;  ///< hash of the sticky key, or random
  bool failed = false;
  int64_t latency_us = 0;  ///< of an answer
  Money cost;              ///< of an answer
};

/// Watches a canary: takes it from step to step when each has been held long enough with enough calls, and
/// rolls it back when a guard has enough evidence, when the sample ratio is not what was dealt, or at the
/// horizon. Every guard is a sequential test, so that looking after each call costs nothing; `alpha` is
/// shared evenly among the guards. Evidence runs on from step to step. Thread-safe; time comes in.
class CanaryMonitor {
 public:
  CanaryMonitor(std::shared_ptr<const Route> route, CanaryState state);

  /// Whether the evidence so far can be carried on to `route`: same candidates in the same roles and
  /// versions, same steps.
  bool fits(const Route& route) const;
  /// Takes over times, guards and limits of a later version that fits.
  void configure(std::shared_ptr<const Route> route);
  /// Puts the canary somewhere else, by an operator's hand; evidence begins anew.
  void force(const CanaryState& state);

  CanaryState state() const;
  /// Of the incumbent's calls that go to the candidate now.
  double share() const;

  /// The first call after the canary was made begins it.
  std::optional<CanaryDecision> begin(int64_t wall_us);
  void observe(const CanaryCall& call, int64_t mono_us);
  void observe_comparison(bool agrees);
  void observe_verdict(bool on_candidate, bool overruled);
  /// What is to be done now, if anything: the caller tells people.
  std::optional<CanaryDecision> evaluate(int64_t wall_us);
  /// Whether enough has come since the last evaluation to be worth another.
  bool due() const;

  /// Per guard: counts, estimate, evidence, limit.
  Document evidence() const;
  /// Adds what has changed since it was saved, or all of it.
  void save(bool all, std::vector<Evidence>& out);
  /// Goes on from what was saved, where that is of this canary. Before the first call.
  void restore(const RouteEvidence& kept, int64_t mono_us);
  /// Held by whoever evaluates and tells people, so that they hear decisions in their order.
  std::mutex& order() { return order_; }

 private:
  struct Guard {
    std::string name;
    double evidence = 0;  ///< log
    double limit = 0;     ///< log
    std::string sentence;
    Tally tested, base;
    double tested_value = 0, base_value = 0;
  };
  std::vector<Guard> guards() const;
  double mismatch() const;
  Document evidence_locked() const;
  CanaryDecision decide(CanaryDecision::Kind kind, std::string reason) const;
  void clear_evidence();
  bool steps_on(int64_t wall_us, CanaryDecision::Kind& kind);

  // canary_evidence.cc, with the mutex held.
  std::string subject() const;
  std::string main_bytes() const;
  std::string key_bytes() const;
  bool restore_main(std::string_view bytes, int64_t mono_us);
  void restore_keys(std::string_view bytes);

  std::mutex order_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const Route> route_;
  CanaryState state_;
  Tally errors_[2], overruled_[2];  // 0: incumbent, 1: candidate
  Tally slow_;                      // of the candidate, against the incumbent's quantile at that time
  Tally disagreements_;
  Moments costs_[2];
  double cost_tau2_ = 0;
  SlidingQuantiles latency_;   // the incumbent's
  int64_t slow_above_us_ = 0;  // 0: the incumbent has not been seen enough
  uint64_t calls_in_step_ = 0;
  uint32_t since_evaluation_ = 0;
  std::unordered_set<uint64_t> keys_;
  Tally ratio_;                // of keys in this step
  double ratio_evidence_ = 0;  // of earlier steps
  uint64_t changes_ = 0, saved_changes_ = 0;
  size_t saved_keys_ = 0, seen_keys_ = 0;  // when they were saved last, and when that was asked for
  uint32_t saved_step_ = 0;
};

}  // namespace switchyard::router
