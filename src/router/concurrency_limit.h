#pragma once

#include <cstdint>

#include "switchyard/router/route.h"
#include "switchyard/types/priority.h"

namespace switchyard::router {

/// How many calls a model version may have under way, found from its latency: TCP Vegas (Brakmo and Peterson,
/// 1995) as Netflix's concurrency-limits uses it. The queue at the server is estimated as
/// limit * (1 - least latency / latency): while it is short the limit grows, when it is long it shrinks; a
/// refusal shrinks it at once. Now and then the limit is halved for a moment and the least latency measured
/// anew (as BBR does: Cardwell and others, 2016): a server that has become slower for good is not taken for a
/// queue, nor a standing queue for a slower server. While calls of higher priority come, a part of the places
/// is left to them: nothing waits here, so there is no queue in which they could go first. Not thread-safe.
class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(const Concurrency& settings, uint32_t in_flight = 0);

  /// Takes a place; false when all are taken that a call of this priority may have: below kDefaultPriority
  /// all but a tenth while calls of it come, and all others but a tenth while higher ones come. Always true
  /// when the limit is off.
  bool enter(int32_t priority = kDefaultPriority);
  void leave() {
    if (in_flight_ > 0) --in_flight_;
  }
  /// A call that took `latency_us` ended, or was `dropped`: refused or timed out. For models that answer in
  /// parts or tokens, give the time to the first part or of a token: that of the whole grows with the answer.
  void sample(int64_t latency_us, bool dropped);

  uint32_t limit() const { return settings_.on ? static_cast<uint32_t>(limit_) : 0; }
  uint32_t in_flight() const { return in_flight_; }

 private:
  const Concurrency settings_;
  void measure(int64_t latency_us);
  /// Places that are left to calls of higher priority.
  uint32_t kept_from(int32_t priority) const;

  double limit_;
  uint32_t in_flight_;
  int64_t least_us_ = 0;          // 0: not known
  uint64_t until_measure_ = 0;    // samples
  uint64_t left_to_measure_ = 0;  // samples; 0: not measuring
  uint64_t drain_ = 0;            // of those, the first ones, which began before the limit was halved
  double usual_limit_ = 0;        // while measuring
  int64_t measured_us_ = 0;
  uint32_t usual_come_ = 0;   // calls of the default priority came among the last ones: for so many more
  uint32_t higher_come_ = 0;  // of a higher one
};

}  // namespace switchyard::router
