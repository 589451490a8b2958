// model: fraud-light, input: input: asks a model; with a prompt: a chat model.
#include "asking.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_model(StepInput& in) {
  // Asking twice gives no harm; the first recorded answer counts.
  in.step.effect = EffectClass::kPure;
  Question question;
  question.model = in.place;
  question.prompt = in.fields.find("prompt");
  question.input =
      in.fields.require("input", question.prompt.has_value()
                                     ? "give the prompt its variables: input: { name: <expression> }"
                                     : "say what the model sees: input: input, or a mapping of expressions");
  Asked asked = compile_question(in.context, question);
  in.step.result_type = asked.type;
  if (!asked.spec.has_value()) return false;
  in.step.spec = std::move(*asked.spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
