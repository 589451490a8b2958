#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/partition/holds.h"
#include "switchyard/retention/policy.h"
#include "switchyard/types/ids.h"

namespace switchyard::partition {

/// What retention did to a run that is still there.
struct Compaction {
  int64_t at_us = 0;
  std::string policy, retention_class;
  uint32_t dropped = 0;  ///< bits of retention::Part
};

/// A run that is due under the policy.
struct RetentionCandidate {
  RunId run;
  bool remove = false;                                         ///< else compact
  const retention::RetentionClass* retention_class = nullptr;  // in the policy that was asked with
  std::vector<uint64_t> newest;  ///< of a run that is to be removed: where its newest events are
  uint64_t earlier = 0;          ///< events before those
};
struct RetentionPlan {
  std::vector<RetentionCandidate> due;
  uint64_t held = 0;  ///< due, but for a hold
  std::string after;  ///< go on from here; empty: the end
};

struct CompactRuns {
  std::string policy, retention_class, who;
  uint32_t dropped = 0;
  std::vector<RunId> runs;
};
struct DeleteRuns {
  struct Item {
    RunId run;
    std::string idempotency;  ///< the key of its row without the table's letter, or empty
    std::vector<RunId> reviews;
  };
  std::string policy, retention_class, who;
  std::vector<Item> runs;
};

/// What the archive should do with the bundles of a run.
struct RunFate {
  bool gone = false;
  bool compacted = false;
  uint32_t dropped = 0;
};

}  // namespace switchyard::partition
