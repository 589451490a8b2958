#include "canary_monitor.h"

#include <algorithm>
#include <cmath>

#include "switchyard/router/limits.h"

namespace switchyard::router {
namespace {

constexpr uint32_t kEvaluateEvery = 16;
/// A mismatch means that something is broken, not that the candidate is bad: it must be beyond doubt.
constexpr double kMismatchAlpha = 0.001;
constexpr uint64_t kLatencyEnough = 50;
constexpr uint64_t kCostEnough = 50;

std::string percent(double share) {
  std::string text = std::to_string(share * 100);
  text.resize(text.find('.') + 3);
  return text + "%";
}

}  // namespace

std::string_view canary_phase_name(CanaryState::Phase phase) {
  switch (phase) {
    case CanaryState::Phase::kRunning: return "running";
    case CanaryState::Phase::kFinished: return "finished";
    case CanaryState::Phase::kRolledBack: return "rolled_back";
  }
  return "running";
}

std::string_view canary_decision_name(CanaryDecision::Kind kind) {
  switch (kind) {
    case CanaryDecision::Kind::kBegun: return "begun";
    case CanaryDecision::Kind::kPromoted: return "promoted";
    case CanaryDecision::Kind::kFinished: return "finished";
    case CanaryDecision::Kind::kRolledBack: return "rolled_back";
  }
  return "promoted";
}

CanaryMonitor::CanaryMonitor(std::shared_ptr<const Route> route, CanaryState state)
    : route_(std::move(route)), state_(state) {
  if (state_.step >= route_->canary->steps.size()) state_.step = 0;
}

bool CanaryMonitor::fits(const Route& route) const {
  std::lock_guard lock(mutex_);
  if (!route.canary) return false;
  const Canary &mine = *route_->canary, &theirs = *route.canary;
  const auto same = [&](uint32_t a, uint32_t b) {
    return route_->candidates[a].name == route.candidates[b].name &&
           route_->candidates[a].model.to_string() == route.candidates[b].model.to_string();
  };
  return same(mine.candidate, theirs.candidate) && same(mine.against, theirs.against) &&
         mine.steps == theirs.steps;
}

void CanaryMonitor::configure(std::shared_ptr<const Route> route) {
  std::lock_guard lock(mutex_);
  route_ = std::move(route);
}

void CanaryMonitor::force(const CanaryState& state) {
  std::lock_guard lock(mutex_);
  state_ = state;
  if (state_.step >= route_->canary->steps.size()) state_.step = 0;
  clear_evidence();
}

void CanaryMonitor::clear_evidence() {
  for (int side = 0; side < 2; ++side) {
    errors_[side] = overruled_[side] = {};
    costs_[side] = {};
  }
  slow_ = disagreements_ = ratio_ = {};
  cost_tau2_ = ratio_evidence_ = 0;
  calls_in_step_ = 0;
  slow_above_us_ = 0;
  latency_ = {};
  keys_.clear();
  ++changes_;
}

CanaryState CanaryMonitor::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

double CanaryMonitor::share() const {
  std::lock_guard lock(mutex_);
  switch (state_.phase) {
    case CanaryState::Phase::kRunning: return route_->canary->steps[state_.step];
    case CanaryState::Phase::kFinished: return 1;
    case CanaryState::Phase::kRolledBack: return 0;
  }
  return 0;
}

std::optional<CanaryDecision> CanaryMonitor::begin(int64_t wall_us) {
  std::lock_guard lock(mutex_);
  if (state_.phase != CanaryState::Phase::kRunning || state_.started_us != 0) return std::nullopt;
  state_.started_us = state_.step_began_us = wall_us;
  ++changes_;
  return decide(CanaryDecision::Kind::kBegun,
                "the canary begins with " + percent(route_->canary->steps[state_.step]));
}

void CanaryMonitor::observe(const CanaryCall& call, int64_t mono_us) {
  std::lock_guard lock(mutex_);
  if (state_.phase != CanaryState::Phase::kRunning) return;
  const Canary& canary = *route_->canary;
  const int side = call.on_candidate ? 1 : 0;
  errors_[side].add(call.failed);
  ++since_evaluation_, ++changes_;
  if (call.on_candidate) ++calls_in_step_;
  // Keys, not calls: a busy key would look like a mismatch.
  if (keys_.size() < kMaxCanaryKeys && keys_.insert(call.key).second) ratio_.add(call.on_candidate);
  if (call.failed) return;
  costs_[side].add(call.cost.units());
  if (!canary.latency) return;
  if (!call.on_candidate) {
    latency_.record(mono_us, call.latency_us);
    return;
  }
  // The threshold comes from what was known before this call: the test stays one.
  if (latency_.count() >= kLatencyEnough)
    slow_above_us_ = static_cast<int64_t>(canary.latency->max_ratio *
                                          static_cast<double>(latency_.quantile(canary.latency->quantile)));
  if (slow_above_us_ > 0) slow_.add(call.latency_us > slow_above_us_);
}

void CanaryMonitor::observe_comparison(bool agrees) {
  std::lock_guard lock(mutex_);
  disagreements_.add(!agrees);
  ++since_evaluation_, ++changes_;
}

void CanaryMonitor::observe_verdict(bool on_candidate, bool overruled) {
  std::lock_guard lock(mutex_);
  overruled_[on_candidate ? 1 : 0].add(overruled);
  ++since_evaluation_, ++changes_;
}

bool CanaryMonitor::due() const {
  std::lock_guard lock(mutex_);
  return since_evaluation_ >= kEvaluateEvery;
}

double CanaryMonitor::mismatch() const {
  return ratio_evidence_ + evidence_of_mismatch(ratio_, route_->canary->steps[state_.step]);
}

std::vector<CanaryMonitor::Guard> CanaryMonitor::guards() const {
  const Canary& canary = *route_->canary;
  std::vector<Guard> all;
  const auto rates = [&](const char* name, const Tally* sides, double margin, const char* what) {
    all.push_back({name, evidence_increase(sides[1], sides[0], margin), 0,
                   std::string(what) + " " + percent(sides[1].rate()) + " against " +
                       percent(sides[0].rate()) + ", and " + percent(margin) + " more are allowed",
                   sides[1], sides[0], sides[1].rate(), sides[0].rate()});
  };
  const auto above = [&](const char* name, const Tally& tally, double limit, std::string sentence) {
    all.push_back(
        {name, evidence_above(tally, limit), 0, std::move(sentence), tally, {}, tally.rate(), limit});
  };
  if (canary.error_increase) rates("error_rate", errors_, *canary.error_increase, "its calls fail in");
  if (canary.override_increase)
    rates("override_rate", overruled_, *canary.override_increase, "people overrule");
  if (canary.latency) {
    // The incumbent's quantile is an estimate: two standard errors of it are allowed for.
    const double q = canary.latency->quantile;
    const auto known = static_cast<double>(std::max<uint64_t>(latency_.count(), 1));
    const double limit = std::min(1.0, 1 - q + 2 * std::sqrt(q * (1 - q) / known));
    above("latency", slow_, limit,
          percent(slow_.rate()) + " of its answers take more than " + std::to_string(slow_above_us_ / 1000) +
              " ms, and " + percent(limit) + " may");
  }
  if (canary.max_disagreement)
    above("disagreement", disagreements_, *canary.max_disagreement,
          "it disagrees with the incumbent in " + percent(disagreements_.rate()) + ", and " +
              percent(*canary.max_disagreement) + " are allowed");
  if (canary.cost_ratio) {
    const double factor = *canary.cost_ratio;
    const bool more = costs_[1].mean > factor * costs_[0].mean;
    Guard guard{"cost",
                more ? evidence_difference(costs_[1], costs_[0], factor, cost_tau2_) : 0,
                0,
                "a call costs " + Money::from_double(costs_[1].mean).to_string() + " against " +
                    Money::from_double(costs_[0].mean).to_string(),
                {},
                {},
                costs_[1].mean,
                costs_[0].mean};
    const bool enough = costs_[0].n >= kCostEnough && costs_[1].n >= kCostEnough;
    // Prices that do not vary leave nothing to test.
    if (enough && more && costs_[0].variance() <= 0 && costs_[1].variance() <= 0) guard.evidence = 1e9;
    all.push_back(std::move(guard));
  }
  const double limit = std::log(static_cast<double>(std::max<size_t>(all.size(), 1)) / canary.alpha);
  for (Guard& guard : all) guard.limit = limit;
  return all;
}

CanaryDecision CanaryMonitor::decide(CanaryDecision::Kind kind, std::string reason) const {
  return {kind,   route_->name,      route_->version,  route_->candidates[route_->canary->candidate].name,
          state_, std::move(reason), evidence_locked()};
}

bool CanaryMonitor::steps_on(int64_t wall_us, CanaryDecision::Kind& kind) {
  const Canary& canary = *route_->canary;
  if (wall_us - state_.step_began_us < canary.hold_us[state_.step] || calls_in_step_ < canary.min_calls)
    return false;
  ratio_evidence_ += evidence_of_mismatch(ratio_, canary.steps[state_.step]);
  ratio_ = {};
  keys_.clear();
  calls_in_step_ = 0;
  state_.step_began_us = wall_us;
  ++changes_;
  if (state_.step + 1 < canary.steps.size()) {
    ++state_.step;
    kind = CanaryDecision::Kind::kPromoted;
  } else {
    state_.phase = CanaryState::Phase::kFinished;
    kind = CanaryDecision::Kind::kFinished;
  }
  return true;
}

std::optional<CanaryDecision> CanaryMonitor::evaluate(int64_t wall_us) {
  std::lock_guard lock(mutex_);
  since_evaluation_ = 0;
  if (state_.phase != CanaryState::Phase::kRunning || state_.started_us == 0) return std::nullopt;
  const Canary& canary = *route_->canary;
  // The spread of the mixture is fixed once, from the first values of both sides.
  if (cost_tau2_ == 0 && costs_[0].n >= kCostEnough && costs_[1].n >= kCostEnough)
    cost_tau2_ = 0.1 * 0.1 * (costs_[0].variance() + costs_[1].variance()) / 2;
  const auto roll_back = [&](std::string reason) {
    state_.phase = CanaryState::Phase::kRolledBack;
    ++changes_;
    return decide(CanaryDecision::Kind::kRolledBack, std::move(reason));
  };
  for (const Guard& guard : guards())
    if (guard.evidence >= guard.limit) return roll_back(guard.name + ": " + guard.sentence);
  if (mismatch() >= std::log(1 / kMismatchAlpha))
    return roll_back("sample ratio mismatch: " + percent(ratio_.rate()) + " of the keys reached it, and " +
                     percent(canary.steps[state_.step]) + " were sent");
  CanaryDecision::Kind kind{};
  if (steps_on(wall_us, kind))
    return decide(kind, kind == CanaryDecision::Kind::kFinished
                            ? "all steps were held and no guard objected"
                            : "step " + std::to_string(state_.step + 1) + " of " +
                                  std::to_string(canary.steps.size()) + ": " +
                                  percent(canary.steps[state_.step]));
  if (wall_us - state_.started_us >= canary.horizon_us)
    return roll_back("the horizon passed before all steps were held: too few calls came");
  return std::nullopt;
}

Document CanaryMonitor::evidence() const {
  std::lock_guard lock(mutex_);
  return evidence_locked();
}

Document CanaryMonitor::evidence_locked() const {
  auto arena = std::make_shared<Arena>();
  const auto count = [](uint64_t n) { return Value::integer(static_cast<int64_t>(n)); };
  MapBuilder all(*arena);
  for (const Guard& guard : guards()) {
    MapBuilder one(*arena);
    one.add("candidate", Value::real(guard.tested_value));
    one.add("incumbent", Value::real(guard.base_value));
    if (guard.tested.calls != 0 || guard.base.calls != 0) {
      one.add("candidate_calls", count(guard.tested.calls));
      one.add("incumbent_calls", count(guard.base.calls));
    }
    one.add("log_evidence", Value::real(guard.evidence));
    one.add("limit", Value::real(guard.limit));
    all.add(arena->copy(guard.name), one.build());
  }
  MapBuilder ratio(*arena);
  ratio.add("keys", count(ratio_.calls));
  ratio.add("on_candidate", count(ratio_.yes));
  ratio.add("share", Value::real(route_->canary->steps[state_.step]));
  ratio.add("log_evidence", Value::real(mismatch()));
  ratio.add("limit", Value::real(std::log(1 / kMismatchAlpha)));
  all.add("sample_ratio", ratio.build());
  all.add("calls", count(errors_[1].calls));
  all.add("calls_in_step", count(calls_in_step_));
  const Value root = all.build();
  return Document(std::move(arena), root);
}

}  // namespace switchyard::router
