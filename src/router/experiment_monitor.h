#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "sequential.h"
#include "switchyard/router/evidence.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// Compares the arms of an experiment with its control by an always-valid p-value: one may look at any time
/// and stop when it is small. The test is evidence_difference() (sequential.h); alpha is shared evenly among
/// the arms. It decides nothing by itself. Thread-safe.
class ExperimentMonitor {
 public:
  explicit ExperimentMonitor(const Route& route);
  /// Whether what was seen holds for `route` too: same arms in the same versions, same metric.
  bool fits(const Route& route) const;

  void observe(uint32_t candidate, Experiment::Metric metric, double value);
  /// `{ name, metric, control: { candidate, n, mean }, arms: [ { candidate, n, mean, difference, p_value,
  /// decided } ] }`.
  Document report() const;

  /// Adds what has changed since it was saved, or all of it.
  void save(const std::string& route, bool all, std::vector<Evidence>& out);
  /// Goes on from what was saved, where that is of this experiment. Before the first call.
  void restore(const RouteEvidence& kept);

 private:
  struct Side {
    uint32_t candidate = 0;
    std::string name, model;
    Moments moments;
    double tau2 = 0;      // fixed at the first look
    double evidence = 0;  // the highest so far: a p-value never rises again
  };
  static std::vector<Side> sides(const Route& route);
  std::string subject() const;

  const Experiment settings_;
  mutable std::mutex mutex_;
  std::vector<Side> sides_;  // the control first; guarded by mutex_
  bool changed_ = false;     // since it was saved; guarded by mutex_
};

}  // namespace switchyard::router
