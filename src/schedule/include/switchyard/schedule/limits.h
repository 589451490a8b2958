#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::schedule {

/// Bytes of a cron expression.
inline constexpr size_t kMaxCronBytes = 256;
/// An even period: from a second, for shorter ones are a load and not a schedule, to 366 days.
inline constexpr int64_t kMinPeriodUs = 1'000'000;
inline constexpr int64_t kMaxPeriodUs = int64_t{366} * 24 * 3600 * 1'000'000;

}  // namespace switchyard::schedule
