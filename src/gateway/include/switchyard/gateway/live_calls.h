#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "switchyard/types/ids.h"
#include "switchyard/types/value.h"

namespace switchyard::gateway {

/// The calls of models that a client of the API waits for right now, by the decision that each is: the way
/// for the parts of an answer to the client, and for the client's leaving to the call. A decision does not
/// depend on it. Thread-safe.
class LiveCalls {
 public:
  using OnPart = std::function<bool(const Document& part)>;
  /// What the last call that failed says of another try.
  struct Refusal {
    int64_t retry_after_us = 0;  ///< 0: nothing
    bool budget_spent = false;   ///< the decision has tried as often as it may
  };
  /// What the client wants of a call.
  struct Wanted {
    OnPart on_part;           ///< empty: no parts
    int64_t deadline_us = 0;  ///< monotonic; 0: it says none
  };

  /// The client's side: from now until forget().
  void watch(const RunId& run, Wanted wanted);
  Refusal forget(const RunId& run);
  /// The client has left: what is under way is cancelled, and what begins later at once.
  void abandon(const RunId& run);

  /// The executor's side. Nothing is wanted where nobody watches the run.
  Wanted wanted(const RunId& run) const;
  /// A call has begun that `cancel` ends. Ignored when nobody watches the run.
  void began(const RunId& run, std::function<void()> cancel);
  void failed(const RunId& run, Refusal refusal);

 private:
  struct Watch {
    Wanted wanted;
    std::function<void()> cancel;
    Refusal refusal;
    bool abandoned = false;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<RunId, Watch> watches;  // guarded by mutex
  };
  Shard& shard(const RunId& run) { return shards_[run.bytes[15] % kShards]; }
  const Shard& shard(const RunId& run) const { return shards_[run.bytes[15] % kShards]; }

  static constexpr size_t kShards = 16;
  std::array<Shard, kShards> shards_;
};

}  // namespace switchyard::gateway
