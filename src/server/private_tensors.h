#pragma once

#include "switchyard/privacy/reduce.h"

namespace switchyard::server {

/// As privacy::apply(), for a call with a model's own tensors (models/tensors.h): to the policy each tensor
/// is a field of its name that holds its elements. Texts are reduced; numbers and bools cannot be, so what
/// would not leave as it is refuses the call: kUnprocessable "privacy.tensor_stays". kInvalidArgument
/// "models.bad_input" where there are no proper tensors.
Result<privacy::Reduced> apply_to_tensors(const privacy::Policy& policy, const Value& input,
                                          const telemetry::Secret* key);

/// The input of a model as the policy lets it leave, tensors or a document. Errors as those of both.
Result<privacy::Reduced> apply_to_input(const privacy::Policy& policy, const Value& input,
                                        const telemetry::Secret* key);

}  // namespace switchyard::server
