#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::rehearsal {

inline constexpr size_t kMaxCases = 2000;          ///< of one file
inline constexpr size_t kMaxTestBytes = 8u << 20;  ///< of one file
inline constexpr size_t kMaxCaseEvents = 10'000;   ///< in one list of a case
/// Mistakes reported for one file.
inline constexpr size_t kMaxMistakes = 200;
/// Turns of one case: a run that goes in circles is stopped there.
inline constexpr size_t kMaxTurns = 200'000;
/// How far a case's clock goes at most: ten years.
inline constexpr int64_t kMaxPlayUs = int64_t{3653} * 24 * 3600 * 1'000'000;
/// Lines of one difference that are shown.
inline constexpr size_t kMaxDifferenceLines = 60;

}  // namespace switchyard::rehearsal
