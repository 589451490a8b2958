#pragma once

#include <optional>

#include "../facts.h"
#include "../predicate.h"
#include "context.h"

namespace switchyard::rules {

/// Reads what a condition in the short form says of `fact`: `-`, a literal, a list, a comparison, `a..b`, or
/// `{ is: ..., absent: true }`. Reports what is wrong and gives nothing then.
std::optional<Predicate> read_unary_test(Context& context, const Place& place, const Fact& fact);

}  // namespace switchyard::rules
