#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "switchyard/types/ids.h"
#include "switchyard/types/value.h"

namespace switchyard::gateway {

/// The calls of models that one decision makes right now: the way for the parts of an answer to a client that
/// waits for it, and for whoever gives the decision up to the calls. Thread-safe.
class LiveCall {
 public:
  using OnPart = std::function<bool(const Document& part)>;
  /// What the last call that failed says of another try.
  struct Refusal {
    int64_t retry_after_us = 0;  ///< 0: nothing
    bool budget_spent = false;   ///< the decision has tried as often as it may
  };
  /// What the client wants of the calls.
  struct Wanted {
    OnPart on_part;           ///< empty: no parts
    int64_t deadline_us = 0;  ///< monotonic; 0: it says none
  };

  explicit LiveCall(Wanted wanted) : wanted_(std::move(wanted)) {}

  /// Nothing where nobody waits for the decision.
  Wanted wanted() const;
  /// A call has begun that `cancel` ends, which may be called at any time; at once when it is given up
  /// already.
  void began(std::function<void()> cancel);
  /// Nobody wants an answer any more: what is under way is cancelled, and what begins later at once.
  void abandon();
  bool abandoned() const;
  void failed(Refusal refusal);
  Refusal refusal() const;

 private:
  mutable std::mutex mutex_;
  Wanted wanted_;                               // guarded by mutex_
  Refusal refusal_;                             // guarded by mutex_
  std::vector<std::function<void()>> cancels_;  // guarded by mutex_
  bool abandoned_ = false;                      // guarded by mutex_
};

/// The live calls of all decisions that have any. A decision does not depend on it. Thread-safe; outlives
/// what it hands out.
class LiveCalls {
 public:
  /// The client's side: it waits for as long as it holds the result.
  std::shared_ptr<LiveCall> watch(const RunId& run, LiveCall::Wanted wanted);
  /// The executor's side: held while the run's calls are under way. The one that the client watches, or that
  /// other steps of the run have.
  std::shared_ptr<LiveCall> join(const RunId& run);
  /// The client has left, or the decision is over.
  void abandon(const RunId& run);

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<RunId, std::weak_ptr<LiveCall>> calls;  // guarded by mutex; held by who use them
  };
  Shard& shard(const RunId& run) { return shards_[run.bytes[15] % kShards]; }
  std::shared_ptr<LiveCall> make(Shard& shard, const RunId& run, LiveCall::Wanted wanted);

  static constexpr size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace switchyard::gateway
