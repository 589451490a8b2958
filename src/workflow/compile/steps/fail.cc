// fail: { code: payment.too_large, message: <expression> }: ends the run with an error.
#include "../names.h"
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_fail(StepInput& in) {
  using expression::Type;
  in.step.effect = EffectClass::kPure;
  // Nobody reads the result of a step that ends the run.
  in.step.result_type = Type::null();
  Fields fields(in.context, in.place, "`fail`");
  const auto code_place = fields.require("code", "add a stable word for programs: code: payment.too_large");
  const auto message_place =
      fields.require("message", "add an expression for people: message: \"'The amount is too large'\"");
  fields.finish();

  std::optional<std::string> code;
  if (code_place.has_value()) code = read_text(in.context, *code_place, "the code of `fail`");
  if (code.has_value() && !is_code(*code)) {
    in.context.error(*code_place, "pipeline.bad_name", "'" + *code + "' is no error code",
                     "write small letters, digits, dots, dashes and underscores: payment.too_large");
    code.reset();
  }
  std::optional<Template> message;
  if (message_place.has_value()) {
    message = compile_template(in.context, *message_place, nullptr, "the message of `fail`");
    if (message.has_value() &&
        !check_fits(in.context, *message_place, *message, Type::string(), "the message of `fail`"))
      message.reset();
  }
  if (!code.has_value() || !message.has_value()) return false;
  in.step.spec = FailSpec{std::move(*code), std::move(*message)};
  return true;
}

}  // namespace switchyard::workflow::compiler
