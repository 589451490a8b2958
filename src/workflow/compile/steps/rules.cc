// rules: card-limits, facts: input: evaluates a decision table.
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {

bool compile_rules(StepInput& in) {
  in.step.effect = EffectClass::kPure;
  in.step.result_type = expression::Type::error();
  const auto ref = read_artefact(in.context, in.place, "a rule table");
  const rules::RuleTable* table = nullptr;
  if (ref.has_value()) {
    table = in.context.resolver().rules(*ref);
    if (table == nullptr) {
      const std::string near = did_you_mean(ref->name, in.context.resolver().names(Dependency::Kind::kRules));
      in.context.error(in.place, "pipeline.unknown_rules",
                       "there is no rule table '" + in.place.node->text + "'",
                       near.empty() ? "deploy it with this pipeline, or correct the name" : near);
    } else {
      in.step.result_type = table->output_type();
      in.context.depend(Dependency::Kind::kRules, *ref, in.place);
    }
  }

  const auto facts_place = in.fields.require("facts", "say what the table decides about: facts: input");
  if (!facts_place.has_value()) return false;
  const std::string whose = "the rule table '" + (ref.has_value() ? ref->name : in.place.node->text) + "'";
  auto facts =
      compile_template(in.context, *facts_place, table != nullptr ? &table->facts_type() : nullptr, whose);
  if (table == nullptr || !facts.has_value()) return false;
  if (!check_fits(in.context, *facts_place, *facts, table->facts_type(), whose)) return false;
  in.step.spec = RulesSpec{*ref, std::move(*facts)};
  return true;
}

}  // namespace switchyard::workflow::compiler
