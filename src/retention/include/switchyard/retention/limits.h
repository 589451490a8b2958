#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::retention {

inline constexpr size_t kMaxClasses = 100;
inline constexpr size_t kMaxPatterns = 200;  ///< of one class
inline constexpr int64_t kMaxPeriodUs = int64_t{100} * 365 * 86'400'000'000;

}  // namespace switchyard::retention
