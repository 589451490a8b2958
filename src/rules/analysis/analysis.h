#pragma once

#include "../compile/context.h"
#include "../table.h"

namespace switchyard::rules {

/// Reports what can be decided of a table before it is used: rules of a `unique` table that hit together
/// (error), of an `any` table that do and contradict each other (error), rules that can never decide
/// (warning), and facts that no rule covers (warning). Every claim about facts has been tried on an example,
/// so none is wrong; conditions that are not understood lead to no claim. `rows` is the list of rules in the
/// document.
void analyse(const Table& table, const Place& rows, Context& context);

}  // namespace switchyard::rules
