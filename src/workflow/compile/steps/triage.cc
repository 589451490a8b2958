// triage: <score>, costs: ..., confidence_below: 0.9, budget: { per_day: 100 }, sample: 0.01, queue:
// fraud-desk
#include <algorithm>

#include "../../limits.h"
#include "../names.h"
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

Type result_type() {
  const auto figure = [](const char* name) { return expression::Field{name, Type::real(), false}; };
  const Type rule = Type::object({{"rule", Type::string()},
                                  {"fired", Type::boolean()},
                                  figure("value"),
                                  figure("limit"),
                                  figure("automatic"),
                                  figure("review"),
                                  figure("probability"),
                                  figure("drawn"),
                                  figure("per_day"),
                                  figure("left")});
  return Type::object({{"to_person", Type::boolean()},
                       {"positive", Type::boolean()},
                       {"answer", Type::string()},
                       {"confidence", Type::real()},
                       {"reason", Type::string()},
                       {"expected_cost", Type::real()},
                       {"review_cost", Type::real()},
                       {"queue", Type::string()},
                       {"rules", Type::list(rule)}});
}

/// A single score serves two answers; a map must have a probability for each.
bool check_score(Context& context, const Place& place, const Type& score,
                 const std::vector<std::string>& answers) {
  if (score.is(TypeKind::kDouble) && answers.size() != 2) {
    context.error(place, "pipeline.bad_score",
                  "a single score cannot serve the " + std::to_string(answers.size()) + " answers " +
                      word_list(answers),
                  "give a map from answer to probability");
    return false;
  }
  if (!score.is(TypeKind::kObject) || score.open()) return true;
  bool fits = true;
  for (const auto& answer : answers) {
    const expression::Field* field = score.find_field(answer);
    if (field != nullptr && field->required) continue;
    context.error(place, "pipeline.bad_score",
                  "the score has no probability for the answer '" + answer + "'" +
                      (field != nullptr ? " for certain" : ""),
                  "give a map with a number from 0 to 1 for each of " + word_list(answers));
    fits = false;
  }
  return fits;
}

std::optional<expression::Program> compile_score(Context& context, const Place& place) {
  auto score = context.expression(place, std::nullopt, "`triage`");
  if (!score.has_value()) return std::nullopt;
  const Type& type = score->result_type();
  const Type by_answer = Type::map(Type::string(), Type::real());
  if (expression::is_assignable(type, Type::real()) || expression::is_assignable(type, by_answer))
    return score;
  report_type(context, place, type, Type::real(), "`triage`");
  return std::nullopt;
}

/// The costs that `costs:` names or holds.
std::optional<TriageCosts> read_costs(StepInput& in, const Place& place) {
  Context& context = in.context;
  if (place.node->is(Node::Kind::kMapping)) return compile_costs(context, place);
  const auto ref = read_artefact(context, place, "a costs document");
  if (!ref.has_value()) return std::nullopt;
  const Node* document = context.resolver().costs(*ref);
  if (document == nullptr) {
    const std::string near = did_you_mean(ref->name, context.resolver().names(Dependency::Kind::kCosts));
    context.error(place, "pipeline.unknown_costs", "there is no costs document '" + place.node->text + "'",
                  near.empty() ? "deploy it with this pipeline, or correct the name" : near);
    return std::nullopt;
  }
  context.inline_node(place.node, document);
  context.set_foreign_file("costs " + place.node->text);
  auto costs = compile_costs(context, Place{document, ""});
  context.set_foreign_file("");
  if (!costs.has_value()) return std::nullopt;
  const auto [name, version] = split_version(costs->source);
  if (name != ref->name || (!ref->version.empty() && version != ref->version)) {
    context.error(
        place, "pipeline.unknown_costs",
        "the costs document found for '" + place.node->text + "' calls itself '" + costs->source + "'",
        "correct the name in one of the two");
    return std::nullopt;
  }
  // Nothing is pinned at the start of a run: the costs are compiled into the pipeline and its hash.
  return costs;
}

std::optional<uint32_t> read_budget(Context& context, const Place& place) {
  Fields fields(context, place, "`budget`");
  const auto per_day = fields.require("per_day", "say how many reviews a day: budget: { per_day: 200 }");
  fields.finish();
  if (!per_day.has_value()) return std::nullopt;
  const auto count = read_integer(context, *per_day, "`per_day`", 0, 1'000'000'000);
  if (!count.has_value()) return std::nullopt;
  return static_cast<uint32_t>(*count);
}

}  // namespace

bool compile_triage(StepInput& in) {
  Context& context = in.context;
  in.step.effect = EffectClass::kPure;
  in.step.result_type = result_type();
  auto score = compile_score(context, in.place);
  bool complete = score.has_value();

  std::string queue;
  std::optional<double> confidence;
  std::optional<TriageCosts> costs;
  std::optional<uint32_t> budget;
  double sample = 0;
  const auto costs_place = in.fields.find("costs");
  if (costs_place.has_value()) {
    costs = read_costs(in, *costs_place);
    complete &= costs.has_value();
  }
  const auto confidence_place = in.fields.find("confidence_below");
  if (confidence_place.has_value()) {
    confidence = read_number(context, *confidence_place, "`confidence_below`", 0, 1);
    complete &= confidence.has_value();
  }
  if (const auto place = in.fields.find("budget")) {
    budget = read_budget(context, *place);
    complete &= budget.has_value();
  }
  const auto sample_place = in.fields.find("sample");
  if (sample_place.has_value()) {
    const auto read = read_number(context, *sample_place, "`sample`", 0, 1);
    complete &= read.has_value();
    sample = read.value_or(0);
  }
  if (const auto place = in.fields.find("queue")) {
    const auto read = read_queue(context, *place, "`queue`");
    complete &= read.has_value();
    queue = read.value_or("");
  }
  if (!costs_place.has_value() && !confidence_place.has_value() && !sample_place.has_value()) {
    context.error(in.place, "pipeline.triage_without_rule", "this triage would never ask a person",
                  "add at least one of: costs, confidence_below, sample");
    complete = false;
  }
  if (score.has_value() && (costs.has_value() || !costs_place.has_value())) {
    static const std::vector<std::string> kBinary{"negative", "positive"};
    complete &=
        check_score(context, in.place, score->result_type(), costs.has_value() ? costs->answers : kBinary);
  }
  if (!complete) return false;
  in.step.spec =
      TriageSpec{std::move(*score), std::move(queue), confidence, std::move(costs), budget, sample};
  return true;
}

}  // namespace switchyard::workflow::compiler
