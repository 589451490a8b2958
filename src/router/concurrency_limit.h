#pragma once

#include <cstdint>

#include "switchyard/router/route.h"

namespace switchyard::router {

/// How many calls a model version may have under way, found from its latency: TCP Vegas (Brakmo and Peterson,
/// 1995) as Netflix's concurrency-limits uses it. The queue at the server is estimated as
/// limit * (1 - least latency / latency): while it is short the limit grows, when it is long it shrinks; a
/// refusal or a time-out shrinks it at once. The least latency is measured anew now and then, so that a
/// server that has become slower for good is not taken for a queue. Not thread-safe.
class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(const Concurrency& settings, uint32_t in_flight = 0);

  /// Takes a place; false when all are taken. Always true when the limit is off.
  bool enter();
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
  double limit_;
  uint32_t in_flight_;
  int64_t least_us_ = 0;        // 0: not known
  uint64_t until_measure_ = 0;  // samples
};

}  // namespace switchyard::router
