#pragma once

#include <cstdint>

#include "switchyard/types/value.h"

namespace switchyard {

/// Microseconds since 1970 (as events and the clock have them) as CEL's timestamp.
inline Value timestamp_value(int64_t us) {
  int64_t seconds = us / 1'000'000, rest = us % 1'000'000;
  if (rest < 0) --seconds, rest += 1'000'000;
  return Value::timestamp(seconds, static_cast<int32_t>(rest * 1000));
}

/// The same where 0 stands for "none": null.
inline Value time_value(int64_t us) { return us == 0 ? Value() : timestamp_value(us); }

}  // namespace switchyard
