#pragma once

#include <functional>
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

/// One block of a container step, as its kind wants it compiled.
struct BlockRequest {
  size_t nth = 0;          ///< of the step's blocks
  std::string value_name;  ///< the variable it declares; empty: none
  expression::Type value_type;
  Place value_place;             ///< where the name stands, for mistakes
  bool has_index = false;        ///< declares `<value_name>_index`, too
  bool default_output = false;   ///< without `output`, the results of its steps by name
  std::function<void()> inside;  ///< called with the block's steps in scope; may be empty
};

/// The blocks of the step that is being compiled.
class BlockCompiler {
 public:
  virtual ~BlockCompiler() = default;
  /// nullptr: not complete (something was reported, or names are being collected). `inside` is called either
  /// way.
  virtual const Block* compile(const BlockRequest& request) = 0;
  /// How many blocks the document gives the step.
  virtual size_t count() const = 0;
  /// Whether the block has a `fail` without a condition: then it never has a result.
  virtual bool always_fails(const Block& block) const = 0;
};

struct StepInput {
  Context& context;
  Fields& fields;  ///< of the step
  Place place;     ///< the value of the kind's own entry: what stands after `model:`
  Step& step;
  BlockCompiler& blocks;
};

bool compile_set(StepInput& in);
bool compile_fail(StepInput& in);
bool compile_rules(StepInput& in);
bool compile_model(StepInput& in);
bool compile_ensemble(StepInput& in);
bool compile_cascade(StepInput& in);
bool compile_triage(StepInput& in);
bool compile_review(StepInput& in);
bool compile_http(StepInput& in);
bool compile_task(StepInput& in);
bool compile_wait(StepInput& in);
bool compile_for_each(StepInput& in);
bool compile_repeat(StepInput& in);
bool compile_sequence(StepInput& in);
bool compile_try(StepInput& in);
bool compile_pipeline(StepInput& in);
bool compile_emit(StepInput& in);
bool compile_listen(StepInput& in);
bool compile_state(StepInput& in);

/// `effect: pure | idempotent | effectful`.
std::optional<EffectClass> read_effect(Context& context, const Place& place);

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
