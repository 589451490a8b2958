// model: fraud-light, input: input: asks a model.
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_model(StepInput& in) {
  // Asking twice gives no harm; the first recorded answer counts.
  in.step.effect = EffectClass::kPure;
  in.step.result_type = expression::Type::error();
  const auto ref = read_artefact(in.context, in.place, "a model");
  const ModelInterface* model = nullptr;
  if (ref.has_value()) {
    model = in.context.resolver().model(*ref);
    if (model == nullptr) {
      const std::string near = did_you_mean(ref->name, in.context.resolver().names(Dependency::Kind::kModel));
      in.context.error(in.place, "pipeline.unknown_model", "there is no model '" + in.place.node->text + "'",
                       near.empty() ? "deploy it with this pipeline, or correct the name" : near);
    } else {
      in.step.result_type = model->output_type;
      in.context.depend(Dependency::Kind::kModel, *ref, in.place);
    }
  }

  const auto input_place =
      in.fields.require("input", "say what the model sees: input: input, or a mapping of expressions");
  if (!input_place.has_value()) return false;
  const std::string whose = "the model '" + (ref.has_value() ? ref->name : in.place.node->text) + "'";
  auto input =
      compile_template(in.context, *input_place, model != nullptr ? &model->input_type : nullptr, whose);
  if (model == nullptr || !input.has_value()) return false;
  if (!check_fits(in.context, *input_place, *input, model->input_type, whose)) return false;
  in.step.spec = ModelSpec{*ref, std::move(*input)};
  return true;
}

}  // namespace switchyard::workflow::compiler
