// costs: card-fraud-costs@1.0.0
// answers: [negative, positive]
// matrix: { negative: { negative: 0, positive: "input.amount + 10.0" }, positive: { negative: 5.0, positive:
// 0 } } review: { cost: 2.5, delay: 0.2, error_rate: 0.02 }
#include <algorithm>

#include "../../limits.h"
#include "../names.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;

std::optional<std::vector<std::string>> read_answers(Context& context, const Place& place) {
  if (!place.node->is(Node::Kind::kSequence) || place.node->items.size() < 2 ||
      place.node->items.size() > kMaxAnswers) {
    context.error(place, "pipeline.bad_answers",
                  "`answers` must be a list of 2 to " + std::to_string(kMaxAnswers) + " words, and this is " +
                      place.node->describe(),
                  "write answers: [negative, positive]");
    return std::nullopt;
  }
  std::vector<std::string> answers;
  bool complete = true;
  for (size_t i = 0; i < place.node->items.size(); ++i) {
    const auto text = read_text(context, place.item(i), "an answer");
    if (!text.has_value()) {
      complete = false;
    } else if (std::find(answers.begin(), answers.end(), *text) != answers.end()) {
      context.error(place.item(i), "pipeline.bad_answers", "the answer '" + *text + "' stands here twice",
                    "remove one of the two");
      complete = false;
    } else {
      answers.push_back(*text);
    }
  }
  if (!complete) return std::nullopt;
  return answers;
}

std::optional<expression::Program> read_cost(Context& context, const Place& place, const std::string& what) {
  const Node& node = *place.node;
  const double number = node.is(Node::Kind::kInteger) ? static_cast<double>(node.integer)
                        : node.is_number()            ? node.real
                                                      : 0;
  if (!(number >= 0)) {
    context.error(place, "pipeline.bad_cost", what + " is negative", "write a cost of at least 0");
    return std::nullopt;
  }
  return context.expression(place, Type::real(), what);
}

using Matrix = std::vector<std::vector<expression::Program>>;

/// Every pair of answer and truth must be there, and nothing else.
std::optional<Matrix> read_matrix(Context& context, const Place& place,
                                  const std::vector<std::string>& answers) {
  Fields rows(context, place, "`matrix`");
  Matrix matrix;
  bool complete = rows.is_mapping();
  for (const auto& answer : answers) {
    matrix.emplace_back();
    const auto row_place =
        rows.require(answer, "add a row: " + answer + ": { ... }, what this answer costs for each truth");
    complete &= row_place.has_value();
    if (!row_place.has_value()) continue;
    Fields row(context, *row_place, "the row '" + answer + "'");
    for (const auto& truth : answers) {
      const auto cell = row.require(
          truth, "add " + truth + ": what the answer '" + answer + "' costs when '" + truth + "' is true");
      std::optional<expression::Program> cost;
      if (cell.has_value())
        cost = read_cost(context, *cell, "the cost of '" + answer + "' when '" + truth + "' is true");
      complete &= cost.has_value();
      if (cost.has_value()) matrix.back().push_back(std::move(*cost));
    }
    row.finish();
    complete &= row.is_mapping();
  }
  rows.finish();
  if (!complete) return std::nullopt;
  return matrix;
}

bool read_review(Context& context, const Place& place, TriageCosts& costs) {
  Fields fields(context, place, "the costs of a `review`");
  const auto cost = fields.require("cost", "say what one review costs: review: { cost: 2.5 }");
  const auto delay = fields.find("delay");
  const auto error_rate = fields.find("error_rate");
  fields.finish();
  bool complete = cost.has_value();
  if (cost.has_value()) {
    costs.review_cost = read_cost(context, *cost, "the cost of a review");
    complete &= costs.review_cost.has_value();
  }
  if (delay.has_value()) {
    costs.review_delay_cost = read_cost(context, *delay, "the cost of a review's delay");
    complete &= costs.review_delay_cost.has_value();
  }
  if (error_rate.has_value()) {
    const auto rate = read_number(context, *error_rate, "`error_rate`", 0, 1);
    complete &= rate.has_value();
    costs.reviewer_error_rate = rate.value_or(0);
  }
  return complete;
}

}  // namespace

std::optional<TriageCosts> compile_costs(Context& context, const Place& place) {
  TriageCosts costs;
  costs.source = "inline";
  Fields fields(context, place, "a costs document");
  bool complete = fields.is_mapping();
  if (const auto name = fields.find("costs")) {
    const auto ref = read_artefact(context, *name, "a costs document");
    if (ref.has_value() && ref->version.empty()) {
      context.error(*name, "pipeline.bad_name", "'" + ref->name + "' lacks its version",
                    "write costs: " + ref->name + "@1.0.0");
      complete = false;
    }
    complete &= ref.has_value();
    costs.source = name->node->text;
  }
  const auto answers_place =
      fields.require("answers", "list what may be answered: answers: [negative, positive]");
  const auto matrix_place = fields.require(
      "matrix",
      "say what each answer costs for each truth: matrix: { negative: { ... }, positive: { ... } }");
  const auto review_place = fields.require("review", "say what a review costs: review: { cost: 2.5 }");
  fields.find("description");
  fields.finish();

  std::optional<std::vector<std::string>> answers;
  if (answers_place.has_value()) answers = read_answers(context, *answers_place);
  std::optional<Matrix> matrix;
  if (answers.has_value() && matrix_place.has_value()) matrix = read_matrix(context, *matrix_place, *answers);
  if (review_place.has_value()) complete &= read_review(context, *review_place, costs);
  if (!complete || !answers.has_value() || !matrix.has_value() || !review_place.has_value())
    return std::nullopt;
  costs.answers = std::move(*answers);
  costs.matrix = std::move(*matrix);
  return costs;
}

}  // namespace switchyard::workflow::compiler
