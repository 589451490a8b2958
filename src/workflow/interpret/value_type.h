#pragma once

#include <string>

#include "switchyard/expression/type.h"
#include "switchyard/types/value.h"

namespace switchyard::workflow {

/// Whether a recorded value may stand where the type is expected: no expression that was checked against the
/// type meets in it what it does not expect.
bool fits(const Value& value, const expression::Type& type);

/// The value's type, for messages: "{label: string, score: double}".
std::string shown_type(const Value& value);

}  // namespace switchyard::workflow
