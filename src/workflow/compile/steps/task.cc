// task: send-letter, or task: { type, queue, effect, heartbeat, result }; input: work for a worker.
#include "../../limits.h"
#include "../names.h"
#include "../schemas.h"
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using expression::Type;
using expression::TypeKind;

constexpr const char* kDefaultQueue = "default";

std::optional<std::string> read_name(Context& context, const Place& place, const std::string& whose) {
  auto name = read_text(context, place, whose);
  if (!name.has_value() || (is_artefact_name(*name) && name->size() <= kMaxArtefactNameBytes)) return name;
  context.error(place, "pipeline.bad_name", "'" + *name + "' cannot be " + whose,
                "write small letters, digits, dashes, dots, underscores and slashes: send-letter");
  return std::nullopt;
}

bool read_heartbeat(Context& context, const Place& place, TaskSpec& spec) {
  const auto us = read_duration(context, place, "`heartbeat`");
  if (!us.has_value()) return false;
  if (*us < kMinHeartbeatUs || *us > kMaxHeartbeatUs) {
    context.error(place, "pipeline.out_of_range", "`heartbeat` is from 1s to 1h",
                  "write how long a worker may be silent before it counts as lost: heartbeat: 30s");
    return false;
  }
  spec.heartbeat_us = *us;
  return true;
}

/// The entries of the long form. False: something was reported.
bool read_entries(Context& context, Fields& fields, TaskSpec& spec, Type& result_type) {
  bool complete = fields.is_mapping();
  if (const auto place = fields.require("type", "say what a worker has to do: type: send-letter")) {
    auto type = read_name(context, *place, "a type of tasks");
    complete &= type.has_value();
    spec.type = std::move(type).value_or("");
  } else {
    complete = false;
  }
  if (const auto place = fields.find("queue")) {
    auto queue = read_name(context, *place, "a queue");
    complete &= queue.has_value();
    spec.queue = std::move(queue).value_or("");
  }
  if (const auto place = fields.find("effect")) {
    const auto effect = read_effect(context, *place);
    complete &= effect.has_value();
    spec.effect = effect.value_or(EffectClass::kEffectful);
  }
  if (const auto place = fields.find("heartbeat")) complete &= read_heartbeat(context, *place, spec);
  if (const auto place = fields.find("result")) {
    const auto schema = load_schema(context, *place, "the result of `task`");
    complete &= schema.has_value();
    if (schema.has_value()) {
      spec.result = schema->schema;
      result_type = schema->type;
    } else {
      result_type = Type::error();
    }
  }
  fields.finish();
  return complete;
}

}  // namespace

bool compile_task(StepInput& in) {
  Context& context = in.context;
  TaskSpec spec;
  spec.queue = kDefaultQueue;
  spec.heartbeat_us = kDefaultHeartbeatUs;
  Type result_type = Type::dyn();
  bool complete = true;
  if (in.place.node->is(document::Node::Kind::kString)) {
    auto type = read_name(context, in.place, "a type of tasks");
    complete = type.has_value();
    spec.type = std::move(type).value_or("");
  } else {
    Fields fields(context, in.place, "`task`");
    complete = read_entries(context, fields, spec, result_type);
  }
  if (const auto place = in.fields.find("input")) {
    spec.input = compile_template(context, *place, nullptr, "the input of `task`");
    if (spec.input.has_value() && spec.input->type.is(TypeKind::kOptional)) {
      report_type(context, *place, spec.input->type, spec.input->type.element(), "the input of `task`");
      spec.input.reset();
    }
    complete &= spec.input.has_value();
  }
  in.step.effect = spec.effect;
  in.step.result_type = result_type;
  if (!complete) return false;
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
