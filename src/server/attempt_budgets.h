#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "switchyard/router/router.h"
#include "switchyard/types/ids.h"

namespace switchyard::server {

/// What decisions may still try beyond the first attempt of each model call. All steps of a decision share
/// one budget, and every fifth of them that asks a model gives one attempt back, so that long decisions are
/// not held to what short ones need. A decision is remembered while it asks, and until it ends where it has
/// spent some; after a crash it has its whole budget again. Thread-safe.
class AttemptBudgets {
 public:
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
    uint32_t steps = 0;  // since a budget was first lent
    uint32_t borrowed = 0;
    bool ended = false;  // forgotten when the last step gives its budget back
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<RunId, std::shared_ptr<Entry>> entries;  // guarded by mutex; shared with the calls
  };
  void give_back(const RunId& run, Entry& entry);
  Shard& shard(const RunId& run) { return shards_[run.bytes[15] % kShards]; }

  static constexpr size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace switchyard::server
