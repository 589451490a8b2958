// repeat: { from, as, until, max, pause, on_max }, steps, output: the same steps until a condition holds.
#include "../../limits.h"
#include "../template.h"
#include "containers.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using expression::Type;
using expression::TypeKind;

bool read_on_max(StepInput& in, const std::optional<Place>& place, bool& fail) {
  if (!place.has_value()) return true;
  if (place->node->is(document::Node::Kind::kString)) {
    fail = place->node->text == "fail";
    if (fail || place->node->text == "stop") return true;
  }
  in.context.error(*place, "pipeline.bad_on_max", "`on_max` cannot be " + place->node->describe(),
                   "write fail (the step fails) or stop (the step ends with done: false)");
  return false;
}

}  // namespace

bool compile_repeat(StepInput& in) {
  Fields fields(in.context, in.place, "`repeat`");
  const auto from_place = fields.find("from");
  const auto until_place = fields.require("until", "say when it ends: until: <condition over its steps>");
  const auto max_place = fields.require("max", "bound it: max: <rounds at most>");
  const auto pause_place = fields.find("pause");
  const auto on_max_place = fields.find("on_max");
  StepInput named{in.context, fields, in.place, in.step, in.blocks};
  BlockRequest request;
  request.value_place = in.place;
  const std::string name = read_variable(named, "carry");
  fields.finish();

  std::optional<Template> from;
  bool complete = until_place.has_value() && max_place.has_value();
  if (from_place.has_value()) {
    from = compile_template(in.context, *from_place, nullptr, "`from`");
    if (from.has_value() && from->type.is(TypeKind::kOptional)) {
      report_type(in.context, *from_place, from->type, from->type.element(), "`from`");
      from.reset();
    }
    complete &= from.has_value();
    request.value_name = name;
    request.value_type = from.has_value() ? from->type : Type::error();
    request.has_index = true;
  } else {
    request.value_name = "";
  }
  uint32_t max = 1;
  if (max_place.has_value()) {
    const auto rounds = read_integer(in.context, *max_place, "`max`", 1, kMaxRounds);
    complete &= rounds.has_value();
    max = static_cast<uint32_t>(rounds.value_or(1));
  }
  int64_t pause_us = 0;
  if (pause_place.has_value()) {
    const auto pause = read_duration(in.context, *pause_place, "`pause`");
    complete &= pause.has_value();
    pause_us = pause.value_or(0);
  }
  bool fail_on_max = true;
  complete &= read_on_max(in, on_max_place, fail_on_max);

  std::optional<expression::Program> until;
  request.inside = [&] {
    if (until_place.has_value()) until = in.context.expression(*until_place, Type::boolean(), "`until`");
  };
  const Block* block = compile_only_block(in, request);
  if (block == nullptr || !until.has_value() || !complete) return false;
  if (from.has_value()) {
    const auto output_place = in.fields.find("output");
    if (!block->output.has_value()) {
      in.context.error(in.place, "pipeline.no_output",
                       "`repeat` with `from` needs an `output`: what the next round "
                       "begins with",
                       "add output: <template of the shape of `from`> to the step");
      return false;
    }
    if (!check_fits(in.context, *output_place, *block->output, from->type, "the next round")) return false;
  }
  std::vector<expression::Field> result;
  if (block->output.has_value()) result.push_back({"value", block->output_type});
  result.push_back({"iterations", Type::integer()});
  result.push_back({"done", Type::boolean()});
  in.step.result_type = Type::object(std::move(result));
  RepeatSpec spec{std::move(from), std::move(*until)};
  spec.max = max;
  spec.pause_us = pause_us;
  spec.fail_on_max = fail_on_max;
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
