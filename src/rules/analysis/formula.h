#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "../facts.h"
#include "../predicate.h"
#include "../table.h"

namespace switchyard::rules {

/// Predicates of facts that hold together; one fact may have several.
using Clause = std::vector<std::pair<uint16_t, Predicate>>;

/// A condition as alternatives of which one must hold. When not exact, the condition implies it, and not the
/// other way round.
struct Formula {
  std::vector<Clause> alternatives;
  bool exact = true;
};

/// What is understood of the condition of `rule`: comparisons of facts with literals, `in [literals]`, has(),
/// null, and `&&`, `||`, `!` of these. The facts that expressions compare are added to `facts`.
Formula formula_of(const Rule& rule, Facts& facts);

}  // namespace switchyard::rules
