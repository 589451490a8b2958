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

  /// The client's side: from now until forget().
  void watch(const RunId& run, OnPart on_part);
  void forget(const RunId& run);
  /// The client has left: what is under way is cancelled, and what begins later at once.
  void abandon(const RunId& run);

  /// The executor's side. Empty: nobody waits for parts.
  OnPart parts(const RunId& run) const;
  /// A call has begun that `cancel` ends. Ignored when nobody watches the run.
  void began(const RunId& run, std::function<void()> cancel);

 private:
  struct Watch {
    OnPart on_part;
    std::function<void()> cancel;
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
