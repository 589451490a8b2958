#include <algorithm>

#include "compile.h"
#include "switchyard/router/limits.h"

// The parts of a route that compare candidates: canary and experiment.
namespace switchyard::router {

using document::child_path;

Compare RouteReader::read_compare(const Node& parent, const std::string& path) {
  Compare compare;
  const Node* node = parent.find("compare");
  if (node == nullptr) return compare;
  const std::string here = child_path(path, "compare");
  if (!in_.mapping(*node, here, {"at", "tolerance"}, "{ at: /score, tolerance: 0.05 }")) return compare;
  read_pointer(*node, here, compare.pointer);
  in_.number(*node, here, "tolerance", 0, 1e300, compare.tolerance);
  return compare;
}

void RouteReader::read_pointer(const Node& parent, const std::string& path, std::string& pointer) {
  in_.text(parent, path, "at", pointer);
  if (!pointer.empty() && pointer[0] != '/')
    in_.error(*parent.find("at"), child_path(path, "at"), "bad_pointer",
              "'" + pointer + "' is no JSON Pointer", "write /" + pointer);
}

void RouteReader::read_steps(const Node& node) {
  Canary& canary = *route_->canary;
  const Node* steps = node.find("steps");
  if (steps == nullptr) {
    canary.steps = {0.01, 0.05, 0.25, 0.5, 1};
  } else if (!steps->is(Node::Kind::kSequence) || steps->items.empty() ||
             steps->items.size() > kMaxCanarySteps) {
    in_.error(*steps, "canary.steps", "bad_steps",
              "`steps` is a list of 1 to " + std::to_string(kMaxCanarySteps) + " shares",
              "write steps: [1%, 5%, 25%, 50%, 100%]");
  } else {
    for (size_t i = 0; i < steps->items.size(); ++i) {
      const std::string path = child_path("canary.steps", i);
      const auto share = in_.share_of(steps->items[i], path);
      if (!share) continue;
      if (*share <= (canary.steps.empty() ? 0 : canary.steps.back()))
        in_.error(steps->items[i], path, "bad_steps", "each step's share must be above that before it",
                  "write steps: [1%, 5%, 25%, 50%, 100%]");
      canary.steps.push_back(*share);
    }
  }
  const Node* hold = node.find("hold");
  if (hold == nullptr) {
    canary.hold_us.assign(canary.steps.size(), 600'000'000);
  } else if (hold->is(Node::Kind::kSequence)) {
    for (size_t i = 0; i < hold->items.size(); ++i)
      if (const auto us = in_.duration_of(hold->items[i], child_path("canary.hold", i), kMaxHoldUs))
        canary.hold_us.push_back(*us);
    if (canary.hold_us.size() != canary.steps.size())
      in_.error(*hold, "canary.hold", "bad_hold",
                "there are " + std::to_string(hold->items.size()) + " times for " +
                    std::to_string(canary.steps.size()) + " steps",
                "write one time for all, or one a step");
  } else if (const auto us = in_.duration_of(*hold, "canary.hold", kMaxHoldUs)) {
    canary.hold_us.assign(canary.steps.size(), *us);
  }
}

void RouteReader::read_guards(const Node& node) {
  Canary& canary = *route_->canary;
  const Node* guards = node.find("guards");
  if (guards == nullptr) {
    canary.error_increase = 0.01;
    return;
  }
  const std::string path = "canary.guards";
  if (!in_.mapping(*guards, path, {"error_rate", "latency", "cost", "disagreement", "override_rate"},
                   "{ error_rate: 1%, latency: { quantile: p95, max_ratio: 1.5 } }"))
    return;
  const auto rate = [&](std::string_view key, std::optional<double>& into) {
    if (guards->find(key) == nullptr) return;
    into.emplace(0.01);
    in_.share(*guards, path, key, *into);
  };
  rate("error_rate", canary.error_increase);
  rate("disagreement", canary.max_disagreement);
  rate("override_rate", canary.override_increase);
  if (guards->find("cost") != nullptr) {
    canary.cost_ratio.emplace(1);
    in_.number(*guards, path, "cost", 0, 1000, *canary.cost_ratio);
  }
  const Node* latency = guards->find("latency");
  if (latency == nullptr) return;
  canary.latency.emplace();
  const std::string here = child_path(path, "latency");
  if (!in_.mapping(*latency, here, {"quantile", "max_ratio"}, "{ quantile: p95, max_ratio: 1.5 }")) return;
  in_.number(*latency, here, "max_ratio", 1, 1000, canary.latency->max_ratio);
  const Node* quantile = latency->find("quantile");
  if (quantile == nullptr) return;
  const auto percentile =
      quantile->is(Node::Kind::kString) && quantile->text.size() > 1 && quantile->text[0] == 'p'
          ? parse_percent(quantile->text.substr(1) + "%")
          : std::nullopt;
  if (percentile && *percentile >= 0.5 && *percentile <= 0.999)
    canary.latency->quantile = *percentile;
  else
    in_.error(*quantile, child_path(here, "quantile"), "bad_quantile",
              quantile->describe() + " is no quantile", "write one from p50 to p99.9");
}

void RouteReader::read_canary(const Node& root) {
  const Node* node = root.find("canary");
  if (node == nullptr) return;
  if (!in_.mapping(*node, "canary",
                   {"candidate", "against", "steps", "hold", "min_calls", "horizon", "guards", "alpha",
                    "compare_share", "compare"},
                   "{ candidate: next, against: main }"))
    return;
  route_->canary.emplace();
  Canary& canary = *route_->canary;
  const auto candidate = candidate_at(*node, "canary", "candidate", true);
  const auto against = candidate_at(*node, "canary", "against", true);
  canary.candidate = candidate.value_or(0);
  canary.against = against.value_or(0);
  if (candidate && against) {
    if (*candidate == *against)
      in_.error(*node, "canary.against", "same_candidate", "a canary is compared with another candidate",
                "name the candidate whose calls it takes over");
    else if (route_->candidates[*against].weight == 0)
      in_.error(
          *node, "canary.against", "no_weight",
          "'" + route_->candidates[*against].name + "' has weight 0, so there are no calls to take over",
          "give it a weight");
  }
  read_steps(*node);
  in_.whole(*node, "canary", "min_calls", 1, 1'000'000'000, canary.min_calls);
  int64_t held = 0;
  for (const int64_t us : canary.hold_us) held += us;
  canary.horizon_us = std::min(kMaxHoldUs, 10 * held);
  in_.duration(*node, "canary", "horizon", kMaxHoldUs, canary.horizon_us);
  if (canary.horizon_us < held)
    in_.error(*node, "canary.horizon", "bad_horizon", "the horizon is shorter than all steps together",
              "let it be at least the sum of the hold times");
  in_.number(*node, "canary", "alpha", 0, 0.5, canary.alpha);
  in_.share(*node, "canary", "compare_share", canary.compare_share);
  canary.compare = read_compare(*node, "canary");
  read_guards(*node);
}

void RouteReader::read_experiment(const Node& root) {
  const Node* node = root.find("experiment");
  if (node == nullptr) return;
  if (!in_.mapping(*node, "experiment", {"name", "control", "arms", "metric", "alpha", "min_calls", "effect"},
                   "{ control: main, arms: [next], metric: reward }"))
    return;
  Experiment experiment;
  experiment.name = route_->name;
  in_.text(*node, "experiment", "name", experiment.name);
  experiment.control = candidate_at(*node, "experiment", "control", true).value_or(0);
  const Node* arms = node->find("arms");
  if (arms == nullptr || !arms->is(Node::Kind::kSequence) || arms->items.empty()) {
    in_.error(arms == nullptr ? *node : *arms, "experiment.arms", "no_arms",
              "an experiment needs the candidates that are compared with control", "write arms: [next]");
  } else {
    for (size_t i = 0; i < arms->items.size(); ++i) {
      const std::string path = child_path("experiment.arms", i);
      const auto arm = candidate_of(arms->items[i], path);
      if (!arm) continue;
      if (*arm == experiment.control)
        in_.error(arms->items[i], path, "same_candidate", "control cannot be compared with itself",
                  "name the other candidates");
      experiment.arms.push_back(*arm);
    }
  }
  if (const auto metric =
          in_.word(*node, "experiment", "metric", {"failure", "latency", "cost", "reward", "override"}))
    experiment.metric = static_cast<Experiment::Metric>(*metric);
  in_.number(*node, "experiment", "alpha", 0, 0.5, experiment.alpha);
  in_.whole(*node, "experiment", "min_calls", 10, 1'000'000'000, experiment.min_calls);
  in_.number(*node, "experiment", "effect", 0, 10, experiment.effect);
  if (route_->canary)
    in_.error(*node, "experiment", "canary_and_experiment",
              "a canary changes the shares that an experiment relies on", "run one after the other");
  route_->experiment = std::move(experiment);
}

void RouteReader::read_overruled(const Node& root) {
  const Node* node = root.find("overruled");
  if (node == nullptr) return;
  const std::string path = "overruled";
  if (!in_.mapping(*node, path, {"by", "when", "on_breach"},
                   "{ by: opinion, when: answer.fraud != output.fraud }"))
    return;
  Overruled overruled;
  in_.text(*node, path, "by", overruled.review);
  if (overruled.review.empty())
    in_.error(*node, child_path(path, "by"), "missing", "`by` names the review step that judges",
              "write by: opinion");
  in_.flag(*node, path, "on_breach", overruled.on_breach);
  const Node* when = node->find("when");
  if (when == nullptr || !when->is(Node::Kind::kString)) {
    in_.error(when == nullptr ? *node : *when, child_path(path, "when"), "missing",
              "`when` is an expression over `answer` and `output`",
              "write when: answer.fraud != output.fraud");
    return;
  }
  // What the reviewer's form asks is known when the answer has come.
  expression::Environment environment;
  environment.declare("answer", expression::Type::dyn());
  environment.declare("output", output_type_.value_or(expression::Type::dyn()));
  expression::CompileOptions options;
  options.expected = expression::Type::boolean();
  options.prove_members = false;
  const auto compiled = expression::compile(when->text, environment, options);
  for (const auto& mistake : compiled.mistakes)
    in_.error(*when, child_path(path, "when"), "bad_expression", mistake.to_string(),
              "write when: answer.fraud != output.fraud");
  if (compiled.ok()) overruled.when = std::make_shared<const expression::Program>(*compiled.program);
  const bool learns = (route_->canary && route_->canary->override_increase) ||
                      (route_->experiment && route_->experiment->metric == Experiment::Metric::kOverride);
  if (!learns)
    in_.error(*node, path, "nobody_learns", "nothing of the route counts how often people overrule it",
              "add the canary's guard override_rate, or an experiment with metric: override");
  route_->overruled = std::move(overruled);
}

}  // namespace switchyard::router
