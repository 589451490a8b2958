#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "../context.h"
#include "../place.h"
#include "switchyard/workflow/pipeline.h"

// One function per step kind, in the file of its name. Each reads the entries of its step, reports what is
// wrong, and fills spec, effect and result_type. It must look at every expression whatever else is wrong,
// because the same code collects what a step reads. False: the step is not complete (something was reported,
// or names are being collected).
namespace switchyard::workflow::compiler {

struct StepInput {
  Context& context;
  Fields& fields;  ///< of the step
  Place place;     ///< the value of the kind's own entry: what stands after `model:`
  Step& step;
};

bool compile_set(StepInput& in);
bool compile_fail(StepInput& in);
bool compile_rules(StepInput& in);
bool compile_model(StepInput& in);
bool compile_triage(StepInput& in);
bool compile_review(StepInput& in);
bool compile_http(StepInput& in);
bool compile_wait(StepInput& in);

/// What the language knows of a step kind.
struct KindInfo {
  std::string_view word;
  StepKind kind;
  bool (*compile)(StepInput&) = nullptr;  ///< nullptr: not built yet
  std::string_view part;                  ///< of the language, for kinds not built yet
  bool may_retry = false;                 ///< `timeout` and `retry` have a meaning
  bool may_fail = true;                   ///< `on_error` has a meaning
};
std::span<const KindInfo> step_kinds();
const KindInfo* find_kind(std::string_view word);

/// A costs document, an artefact or inline. `place` is its root. Expressions are over the pipeline's scope.
std::optional<TriageCosts> compile_costs(Context& context, const Place& place);

}  // namespace switchyard::workflow::compiler
