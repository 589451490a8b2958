#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/router/router.h"
#include "switchyard/types/ids.h"

namespace switchyard::server {

/// How many steps of a decision have asked a model, and what is spent of its budget.
struct Tried {
  uint32_t steps = 0, spent = 0;
};
/// As the decision's events tell it.
Tried tried_in(const std::vector<partition::RecordedEvent>& history);

/// What decisions may still try beyond the first attempt of each model call. All steps of a decision share
/// one budget, and every fifth of them that asks a model gives one attempt back, so that long decisions are
/// not held to what short ones need. A decision is remembered while it asks, and until it ends where it has
/// spent some; one that an earlier process began is recalled from its events. Thread-safe.
class AttemptBudgets {
 public:
  /// Runs that are older than `began_ms` were begun by an earlier process.
  explicit AttemptBudgets(int64_t began_ms = 0) : began_ms_(began_ms) {}
  /// Whether an earlier process may have spent some of the decision's budget that nobody knows of here.
  bool is_unknown(const RunId& run) const;
  /// Before it is lent. Only the first time counts.
  void recall(const RunId& run, Tried tried);
  /// The decision's budget for the calls of one step, which end when nobody holds the pointer any more.
  /// Outlived by this.
  std::shared_ptr<router::AttemptBudget> lend(const RunId& run);
  /// The decision has ended.
  void forget(const RunId& run);
  /// Decisions that are remembered.
  size_t size() const;

 private:
  struct Entry {
    router::AttemptBudget budget;
    uint32_t steps = 0;
    uint32_t borrowed = 0;
    bool recalled = false;  // remembered until it ends, so that its events are read once
    bool ended = false;     // forgotten when the last step gives its budget back
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<RunId, std::shared_ptr<Entry>> entries;  // guarded by mutex; shared with the calls
  };
  void give_back(const RunId& run, Entry& entry);
  Shard& shard(const RunId& run) { return shards_[run.bytes[15] % kShards]; }
  const Shard& shard(const RunId& run) const { return shards_[run.bytes[15] % kShards]; }

  static constexpr size_t kShards = 16;
  const int64_t began_ms_;
  std::array<Shard, kShards> shards_;
};

}  // namespace switchyard::server
