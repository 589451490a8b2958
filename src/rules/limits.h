#pragma once

#include <cstddef>
#include <cstdint>

#include "switchyard/expression/limits.h"

namespace switchyard::rules {

inline constexpr size_t kMaxRules = 2000;
inline constexpr size_t kMaxOutputs = 100;
/// Facts that the short form of conditions may name.
inline constexpr size_t kMaxFacts = 1000;
/// Values of one list in a condition.
inline constexpr size_t kMaxListedValues = 1000;
inline constexpr size_t kMaxRuleIdBytes = 64;
inline constexpr size_t kMaxDescriptionBytes = 4096;
/// Mistakes reported for one document.
inline constexpr size_t kMaxMistakes = 200;
/// What one condition or output may cost, in the expression module's units: a table of kMaxRules dear rules
/// still ends within a second.
inline constexpr uint64_t kExpressionCostLimit = 10'000;

// --- analysis ---
/// Alternatives (`||`) of one condition; what has more is not analysed.
inline constexpr size_t kMaxAlternatives = 32;
/// Facts that the analysis tells apart; conditions on further ones are not analysed.
inline constexpr size_t kMaxAxes = 64;
/// Comparisons of two regions; past it the analysis ends and says so.
inline constexpr uint64_t kMaxAnalysisWork = 4'000'000;
/// What one rule may take of it when others together might shadow it.
inline constexpr uint64_t kMaxSearchWork = 20'000;
/// Pieces of the space of facts that are kept at once, and that are tried as an example.
inline constexpr size_t kMaxPieces = 10'000;
inline constexpr size_t kMaxExamplesTried = 100;
/// Members of one example, and their nesting.
inline constexpr size_t kMaxExampleParts = 10'000;
inline constexpr uint32_t kMaxExampleDepth = 32;
/// Findings of one sort that are reported for one table.
inline constexpr size_t kMaxFindings = 20;

static_assert(kExpressionCostLimit <= expression::kDefaultCostLimit);

}  // namespace switchyard::rules
