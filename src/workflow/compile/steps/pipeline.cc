// pipeline: risk/score, input, key, detached: starts a run of another pipeline.
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_pipeline(StepInput& in) {
  using expression::Type;
  in.step.effect = EffectClass::kIdempotent;
  const auto ref = read_artefact(in.context, in.place, "a pipeline");
  const PipelineInterface* child = nullptr;
  if (ref.has_value()) {
    child = in.context.resolver().pipeline(*ref);
    if (child == nullptr) {
      const std::string near =
          did_you_mean(ref->name, in.context.resolver().names(Dependency::Kind::kPipeline));
      in.context.error(in.place, "pipeline.unknown_pipeline",
                       "there is no pipeline '" + in.place.node->text + "'",
                       near.empty() ? "deploy it before this one or with it, or correct the name" : near);
    } else if (child->limited) {
      in.context.error(
          in.place, "pipeline.limited_child",
          "the pipeline '" + ref->name +
              "' has `concurrency`, a limit over the whole server, and a child lives with its parent",
          "emit an event that starts it (on: ...), or remove its concurrency");
    } else {
      in.context.depend(Dependency::Kind::kPipeline, *ref, in.place);
    }
  }
  ChildSpec spec;
  bool complete = child != nullptr;
  if (const auto detached = in.fields.find("detached")) {
    if (detached->node->is(document::Node::Kind::kBool)) {
      spec.detached = detached->node->boolean;
    } else {
      in.context.error(*detached, "pipeline.bad_flag",
                       "`detached` must be true or false, and this is " + detached->node->describe(),
                       "write detached: true when the step must not wait for the run");
      complete = false;
    }
  }
  if (const auto key = in.fields.find("key")) {
    spec.key = in.context.expression(*key, Type::string(), "`key`");
    complete &= spec.key.has_value();
  }
  const auto input_place = in.fields.require("input", "say what the pipeline gets: input: input");
  if (!input_place.has_value()) return false;
  const std::string whose = "the pipeline '" + (ref.has_value() ? ref->name : in.place.node->text) + "'";
  auto input =
      compile_template(in.context, *input_place, child != nullptr ? &child->input_type : nullptr, whose);
  if (!complete || !input.has_value()) return false;
  if (!check_fits(in.context, *input_place, *input, child->input_type, whose)) return false;
  in.step.result_type = spec.detached ? Type::object({{"run", Type::string()}}) : child->output_type;
  spec.pipeline = *ref;
  spec.input = std::move(*input);
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
