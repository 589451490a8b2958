// set: { name: expression, ... }: gives names to values.
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_set(StepInput& in) {
  in.step.effect = EffectClass::kPure;
  if (!in.place.node->is(document::Node::Kind::kMapping)) {
    in.context.error(in.place, "pipeline.not_a_mapping",
                     "`set` must be a mapping, and this is " + in.place.node->describe(),
                     "write set: { name: <expression> }");
    return false;
  }
  auto value = compile_template(in.context, in.place, nullptr, "`set`");
  if (!value.has_value()) return false;
  in.step.result_type = value->type;
  in.step.spec = SetSpec{std::move(*value)};
  return true;
}

}  // namespace switchyard::workflow::compiler
