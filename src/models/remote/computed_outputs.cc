#include "computed_outputs.h"

#include <cmath>

#include "protocol.h"
#include "switchyard/models/limits.h"

namespace switchyard::models {

expression::CompileOptions over_an_answer() {
  expression::CompileOptions options;
  options.cost_limit = kOutputExpressionCost;
  options.prove_members = false;
  return options;
}

void note_mistakes(const std::string& where, const expression::Compiled& compiled, std::string& mistakes) {
  for (const auto& mistake : compiled.mistakes)
    mistakes += (mistakes.empty() ? "" : "; ") + where + ": " + mistake.to_string();
}

Result<ComputedOutputs> ComputedOutputs::compile(const ModelManifest& manifest,
                                                 const expression::Environment& environment,
                                                 std::string mistakes) {
  ComputedOutputs outputs;
  outputs.schema_ = manifest.output_schema;
  std::vector<expression::Field> fields;
  for (const OutputField& output : manifest.outputs) {
    auto compiled = expression::compile(output.expression, environment, over_an_answer());
    note_mistakes("output." + output.name, compiled, mistakes);
    if (!compiled.ok()) continue;
    fields.push_back({output.name, compiled.program->result_type(), true});
    outputs.programs_.emplace_back(output.name, *std::move(compiled.program));
  }
  if (!mistakes.empty())
    return make_error(ErrorKind::kUnprocessable, "models.bad_output_expression", std::move(mistakes),
                      "output");
  outputs.type_ = expression::Type::object(std::move(fields));
  return outputs;
}

Result<Document> ComputedOutputs::evaluate(std::span<const Value> slots, Arena& scratch) const {
  auto arena = std::make_shared<Arena>(512);
  MapBuilder results(*arena);
  for (const auto& [name, program] : programs_) {
    auto value = program.evaluate(slots, scratch);
    if (!value.ok())
      return bad_answer("output '" + name + "' cannot be computed from it: " + value.error().message);
    if (value->is(Kind::kDouble) && !std::isfinite(value->as_double()))
      return bad_answer("output '" + name + "' is no finite number");
    results.add(Value::string(arena->copy(name)), copy_value(*value, *arena));
  }
  Value root = results.build();
  if (schema_ != nullptr) {
    auto normal = schema_->normalize(root, *arena);
    if (!normal.ok()) return bad_answer("it does not fit output.schema: " + normal.error().message);
    root = *normal;
  }
  return Document(std::move(arena), root);
}

}  // namespace switchyard::models
