// Whether a person is needed: confidence, expected cost, daily budget, random quality sample. Every rule's
// result is kept.
//
// Expected cost (Chow 1970; Elkan 2001; Franc et al., JMLR 24, 2023): R(a|x) = sum_y C(a,y) p(y|x); a review
// costs R_rev = c_h + c_delay + e_h * c_e, where c_e, the cost of a reviewer's error, is sum_y p(y|x) max_a
// C(a,y).
#include <algorithm>
#include <cmath>

#include "interpret/evaluate.h"

namespace switchyard::workflow {
namespace {

Error bad_score(const std::string& what) {
  return make_error(
      ErrorKind::kUnprocessable, "triage.bad_score",
      what + "; a score is the probability of the positive answer, or a map from answer to probability",
      "triage");
}

/// Probabilities in the order of `answers`.
Result<std::vector<double>> probabilities(const Value& score, const std::vector<std::string>& answers) {
  std::vector<double> p;
  if (score.is_number()) {
    const double positive = score.to_double();
    if (!(positive >= 0 && positive <= 1))
      return bad_score("the score is " + std::to_string(positive) + ", outside 0..1");
    if (answers.size() != 2)
      return bad_score("a single score cannot serve " + std::to_string(answers.size()) + " answers");
    return std::vector<double>{1 - positive, positive};
  }
  if (!score.is(Kind::kMap)) return bad_score("the score is " + std::string(kind_name(score.kind())));
  double sum = 0;
  for (const std::string& answer : answers) {
    const Value* value = score.find(answer);
    if (value == nullptr || !value->is_number())
      return bad_score("the score has no probability for '" + answer + "'");
    p.push_back(value->to_double());
    if (!(p.back() >= 0 && p.back() <= 1))
      return bad_score("the probability of '" + answer + "' is outside 0..1");
    sum += p.back();
  }
  if (std::abs(sum - 1) > 1e-3) return bad_score("the probabilities sum to " + std::to_string(sum));
  return p;
}

Result<double> evaluate_cost(const expression::Program& program, const Frame& frame, std::string_view what) {
  auto value = program.evaluate(frame.slots, *frame.arena);
  if (!value.ok()) return std::move(value).error();
  if (!value->is_number() || !(value->to_double() >= 0)) {
    return make_error(ErrorKind::kUnprocessable, "triage.bad_cost",
                      "the cost '" + program.text() + "' is not a number of at least 0", std::string(what));
  }
  return value->to_double();
}

struct Costs {
  double best = 0;  ///< least expected cost of an automatic answer
  size_t best_answer = 0;
  double review = 0;
};

Result<Costs> expected_costs(const TriageCosts& costs, const std::vector<double>& p, const Frame& frame) {
  Costs result;
  std::vector<double> worst(p.size(), 0);
  for (size_t a = 0; a < costs.matrix.size(); ++a) {
    double expected = 0;
    for (size_t y = 0; y < p.size(); ++y) {
      SY_ASSIGN_OR_RETURN(const double cost, evaluate_cost(costs.matrix[a][y], frame, "costs.matrix"));
      expected += cost * p[y];
      worst[y] = std::max(worst[y], cost);
    }
    if (a == 0 || expected < result.best) {
      result.best = expected;
      result.best_answer = a;
    }
  }
  double error_cost = 0;
  for (size_t y = 0; y < p.size(); ++y) error_cost += p[y] * worst[y];
  result.review = costs.reviewer_error_rate * error_cost;
  if (costs.review_cost.has_value()) {
    SY_ASSIGN_OR_RETURN(const double cost, evaluate_cost(*costs.review_cost, frame, "costs.review.cost"));
    result.review += cost;
  }
  if (costs.review_delay_cost.has_value()) {
    SY_ASSIGN_OR_RETURN(const double cost,
                        evaluate_cost(*costs.review_delay_cost, frame, "costs.review.delay"));
    result.review += cost;
  }
  return result;
}

/// Collects the record of each rule; the first that asks for a person gives the reason.
class Verdict {
 public:
  explicit Verdict(Arena& arena) : arena_(arena), rules_(arena) {}
  void rule(std::string_view name, bool fired,
            std::initializer_list<std::pair<std::string_view, double>> figures) {
    MapBuilder map(arena_);
    map.add("rule", Value::string(name));
    map.add("fired", Value::boolean(fired));
    for (const auto& [key, figure] : figures) map.add(key, Value::real(figure));
    rules_.add(map.build());
    if (fired && reason_.empty()) reason_ = name;
  }
  std::string_view reason() const { return reason_; }
  Value rules() { return rules_.build(); }

 private:
  Arena& arena_;
  ListBuilder rules_;
  std::string_view reason_;
};

const std::vector<std::string>& default_answers() {
  static const std::vector<std::string> kBinary{"negative", "positive"};
  return kBinary;
}

}  // namespace

std::string budget_scope(const RunState& run, const Step& step) {
  return run.pipeline->name + "/" + step.name;
}

Result<TriageOutcome> evaluate_triage(const RunState& run, const Frame& frame, const Step& step, Host& host,
                                      int64_t now_us) {
  const auto& spec = std::get<TriageSpec>(step.spec);
  Arena& arena = *frame.arena;
  SY_ASSIGN_OR_RETURN(const Value score, spec.score.evaluate(frame.slots, arena));
  const auto& answers = spec.costs.has_value() ? spec.costs->answers : default_answers();
  SY_ASSIGN_OR_RETURN(const std::vector<double> p, probabilities(score, answers));
  size_t answer = static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin());
  const double confidence = p[answer];

  Verdict verdict(arena);
  if (spec.confidence_below.has_value()) {
    verdict.rule("confidence", confidence < *spec.confidence_below,
                 {{"value", confidence}, {"limit", *spec.confidence_below}});
  }
  Costs costs;
  if (spec.costs.has_value()) {
    SY_ASSIGN_OR_RETURN(costs, expected_costs(*spec.costs, p, frame));
    answer = costs.best_answer;
    verdict.rule("cost", costs.best > costs.review, {{"automatic", costs.best}, {"review", costs.review}});
  }
  if (spec.sample_probability > 0) {
    const double drawn = seeded_uniform(run, frame, step.name, 0);
    verdict.rule("sample", drawn < spec.sample_probability,
                 {{"probability", spec.sample_probability}, {"drawn", drawn}});
  }
  bool to_person = !verdict.reason().empty();
  std::string_view reason = to_person ? verdict.reason() : std::string_view("automatic");
  TriageOutcome outcome;
  if (to_person && spec.budget_per_day.has_value()) {
    const uint32_t left = host.budget_left(budget_scope(run, step), day_of(now_us), *spec.budget_per_day);
    verdict.rule("budget", false, {{"per_day", *spec.budget_per_day}, {"left", left}});
    outcome.uses_budget = left > 0;
    if (left == 0) {
      to_person = false;
      reason = "budget_exhausted";
    }
  }

  MapBuilder result(arena);
  result.add("to_person", Value::boolean(to_person));
  result.add("positive", Value::boolean(answer + 1 == answers.size()));
  result.add("answer", Value::string(answers[answer]));
  result.add("confidence", Value::real(confidence));
  result.add("reason", Value::string(reason));
  result.add("expected_cost", Value::real(costs.best));
  result.add("review_cost", Value::real(costs.review));
  result.add("queue", Value::string(spec.queue));
  result.add("rules", verdict.rules());
  outcome.result = result.build();
  return outcome;
}

}  // namespace switchyard::workflow
