#pragma once

#include <string>
#include <vector>

#include "context.h"
#include "place.h"
#include "steps/steps.h"
#include "switchyard/workflow/pipeline.h"

// The entries that every step may have: when, after, timeout, retry, on_error. Each function returns false
// when something was reported or names are being collected.
namespace switchyard::workflow::compiler {

/// Whether a value of one type can stand in for one of the other at all.
bool may_stand_in(const expression::Type& own, const expression::Type& other);

/// `when`, `after`, `timeout` and `retry`.
bool read_common_fields(Context& context, Fields& fields, const KindInfo& kind, Step& step);

/// `on_error`, after the kind's own entries: a fallback is checked against step.result_type, which becomes
/// the common type of both. `steps` are those compiled so far, in document order. Sets may_be_absent.
bool read_on_error(Context& context, Fields& fields, const KindInfo& kind, Step& step,
                   const std::vector<Step>& steps);

}  // namespace switchyard::workflow::compiler
