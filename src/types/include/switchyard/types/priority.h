#pragma once

#include <compare>
#include <cstdint>

#include "switchyard/types/ids.h"

namespace switchyard {

/// `own`, unless that is the neutral kDefaultPriority: then that of whoever asks.
inline int32_t priority_or(int32_t own, int32_t askers) { return own != kDefaultPriority ? own : askers; }

/// Later ones that may overtake what waits, for each point of priority that they have more.
inline constexpr int64_t kOvertakesPerPoint = 20;

/// Where something stands in a queue that goes by priority: the least comes first. That is the highest
/// priority, and within one the first that came; but nothing is overtaken by more than kOvertakesPerPoint
/// later ones for each point of difference, so everybody's turn comes. Where the queue may hold no more, the
/// greatest gives way.
struct QueueOrder {
  QueueOrder() = default;
  /// `arrival`: its number among all that came.
  QueueOrder(uint64_t arrival, int32_t priority)
      : order(static_cast<int64_t>(arrival) - int64_t{priority} * kOvertakesPerPoint), place(arrival) {}
  int64_t order = 0;
  uint64_t place = 0;
  friend auto operator<=>(const QueueOrder&, const QueueOrder&) = default;
};

}  // namespace switchyard
