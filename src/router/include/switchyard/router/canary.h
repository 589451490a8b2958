#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/types/value.h"

namespace switchyard::router {

/// Where a canary stands. What the router cannot learn again from calls; whoever keeps it gives it back after
/// a restart.
struct CanaryState {
  enum class Phase : uint8_t { kRunning, kFinished, kRolledBack };
  Phase phase = Phase::kRunning;
  uint32_t step = 0;          ///< index into the route's steps
  int64_t started_us = 0;     ///< wall clock; 0: not yet
  int64_t step_began_us = 0;  ///< wall clock

  friend bool operator==(const CanaryState&, const CanaryState&) = default;
};

/// "running", "finished", "rolled_back".
std::string_view canary_phase_name(CanaryState::Phase phase);

/// What the router did with a canary, and why.
struct CanaryDecision {
  enum class Kind : uint8_t { kBegun, kPromoted, kFinished, kRolledBack };
  Kind kind = Kind::kPromoted;
  std::string route, version;  ///< of the route's document
  std::string candidate;
  CanaryState state;   ///< from now on
  std::string reason;  ///< one sentence
  Document evidence;   ///< per guard: counts of both sides, estimate, evidence, limit
};
std::string_view canary_decision_name(CanaryDecision::Kind kind);

}  // namespace switchyard::router
