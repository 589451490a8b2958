#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "switchyard/types/priority.h"

namespace switchyard::models {

/// How many calls of a model are under way at once; more wait in QueueOrder, up to a bound at which the last
/// gives way. Thread-safe; the functions given are called without its lock, each call's exactly one once.
class CallLimit {
 public:
  CallLimit(uint32_t most, uint32_t most_waiting) : most_(most), most_waiting_(most_waiting) {}

  /// Takes the place and leaves it with leave(); false: it does not want it any more.
  using Begin = std::function<bool()>;
  /// Calls `begin` now, or when the call's turn comes; or `refuse`. The order is for withdraw().
  QueueOrder enter(int32_t priority, Begin begin, std::function<void()> refuse);
  /// True: the call was waiting and will never be begun, nor refused.
  bool withdraw(QueueOrder order);
  /// A call that was begun has ended: the next begins, here or on the thread that is beginning another.
  void leave();

 private:
  struct Waiting {
    Begin begin;
    std::function<void()> refuse;
  };
  const uint32_t most_, most_waiting_;
  std::mutex mutex_;  // guards all below
  uint32_t under_way_ = 0;
  uint32_t left_ = 0;    // of those, places that the next may have
  bool giving_ = false;  // somebody hands them out
  uint64_t arrivals_ = 0;
  std::map<QueueOrder, Waiting> waiting_;
};

}  // namespace switchyard::models
