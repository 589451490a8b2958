#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/router/money.h"
#include "switchyard/router/route.h"
#include "switchyard/types/value.h"

namespace switchyard::router {

/// Why an attempt was made.
enum class Why : uint8_t { kFirst, kRetry, kHedge, kFallback, kBudget };
std::string_view why_name(Why why);

/// One attempt, as provenance tells it.
struct AttemptRecord {
  uint32_t candidate = 0;
  Why why = Why::kFirst;
  int64_t began_us = 0;  ///< since the call began
  int64_t took_us = 0;
  bool ended = false;
  bool ok = false;
  bool abandoned = false;  ///< cancelled by the router: another answered, or nobody waits any more
  int status = 0;
  std::string error;  ///< code
  std::string endpoint, served_by, upstream_id;
  uint32_t parts = 0;
  int64_t retry_after_us = 0;
  Usage usage;
  Money cost;
  bool estimated = false;  ///< what it cost is not known: the worst is assumed
};

/// The call of a semantic cache's embedding model.
struct EmbeddingRecord {
  bool asked = false;
  AttemptRecord attempt;  ///< candidate and why say nothing
  std::string unused;     ///< why nothing was looked for: "open", "budget", "privacy"...; empty: it was
};

/// A candidate that was not asked, and why.
struct SkippedRecord {
  uint32_t candidate = 0;
  std::string reason;
};

/// What happened in one call.
struct CallRecord {
  const Route* route = nullptr;
  std::optional<uint32_t> candidate;  ///< that answered, or was tried last
  std::string why;
  std::string rerouted_from;  ///< candidate; empty without a reroute
  double canary_share = 0;    ///< when the canary was chosen
  bool in_experiment = false;
  std::vector<AttemptRecord> attempts;
  uint32_t attempts_left_out = 0;
  std::vector<SkippedRecord> skipped;
  bool cache_asked = false, cache_hit = false;
  bool cache_similar = false;   ///< the hit is no exact one
  double cache_similarity = 0;  ///< of the nearest text; 0: there was none
  std::string cache_decision;
  int64_t cache_age_us = 0;
  std::optional<EmbeddingRecord> embedding;
  std::vector<std::string> shadows;  ///< models of shadow calls that are started
  bool budget_spent = false;
  int64_t took_us = 0;
  std::string error;  ///< code; empty for an answer

  Money total_cost() const;
  std::string currency() const;
};

/// "answered", "failed", "abandoned", "running".
std::string_view outcome_name(const AttemptRecord& attempt);

/// docs/routing.md has the form.
Document provenance_of(const CallRecord& record);

}  // namespace switchyard::router
