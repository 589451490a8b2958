// wait: 30m, or wait: { until: <timestamp> }, or wait: { for: <duration> }: a timer that survives restarts.
#include "../context.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_wait(StepInput& in) {
  using expression::Type;
  in.step.effect = EffectClass::kPure;
  in.step.result_type = Type::object({{"until", Type::timestamp()}});
  WaitSpec spec;
  if (in.place.node->is_scalar()) {
    const auto us = read_duration(in.context, in.place, "`wait`");
    if (!us.has_value()) return false;
    spec.for_us = *us;
    in.step.spec = std::move(spec);
    return true;
  }
  Fields fields(in.context, in.place, "`wait`");
  const auto until = fields.find("until");
  const auto duration = fields.find("for");
  fields.finish();
  if (!fields.is_mapping()) return false;
  if (until.has_value()) spec.until = in.context.expression(*until, Type::timestamp(), "`until`");
  if (duration.has_value()) spec.for_expression = in.context.expression(*duration, Type::duration(), "`for`");
  if (until.has_value() == duration.has_value()) {
    in.context.error(in.place, "pipeline.bad_wait",
                     until.has_value() ? "`wait` has both `until` and `for`"
                                       : "`wait` says neither how long nor until when",
                     "write wait: 30m, or wait: { until: <timestamp> }, or wait: { for: <duration> }");
    return false;
  }
  if (!spec.until.has_value() && !spec.for_expression.has_value()) return false;
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
