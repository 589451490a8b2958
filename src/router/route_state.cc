#include "route_state.h"

#include <algorithm>
#include <numeric>

namespace switchyard::router {
namespace {

/// Retries that a route may make a second, however quiet it is; hedges less, for they are a luxury.
constexpr double kRetryReserve = 10;
constexpr double kHedgeReserve = 0.1;

std::shared_ptr<CandidateState> carried(const RouteState* before, const Candidate& candidate) {
  if (before == nullptr) return nullptr;
  const auto index = before->route->find(candidate.name);
  if (!index || before->route->candidates[*index].model.to_string() != candidate.model.to_string())
    return nullptr;
  return before->candidates[*index];
}

}  // namespace

void ShadowState::record(const ShadowResult& result, int64_t now_us) {
  std::lock_guard lock(mutex_);
  ++counts_.calls;
  counts_.cost += result.cost;
  if (!result.ok) {
    ++counts_.failures;
    return;
  }
  latency_.record(now_us, result.run_us);
  if (!result.agrees) return;
  ++(*result.agrees ? counts_.agreed : counts_.disagreed);
  difference_sum_ += result.difference;
  ++differences_;
}

void ShadowState::drop() {
  std::lock_guard lock(mutex_);
  ++counts_.dropped;
}

ShadowStatus ShadowState::status() const {
  std::lock_guard lock(mutex_);
  ShadowStatus status = counts_;
  status.mean_difference = differences_ == 0 ? 0 : difference_sum_ / static_cast<double>(differences_);
  status.p50_us = latency_.quantile(0.5);
  status.p95_us = latency_.quantile(0.95);
  return status;
}

std::shared_ptr<const RouteState> RouteState::make(const RouteSetting& setting, const RouteState* before) {
  auto state = std::make_shared<RouteState>();
  const Route& route = *setting.route;
  state->route = setting.route;
  state->seed_ = hash64(route.name);
  for (const Candidate& candidate : route.candidates) {
    auto learnt = carried(before, candidate);
    if (learnt != nullptr)
      learnt->configure(route.breaker, route.concurrency);
    else
      learnt = std::make_shared<CandidateState>(route.breaker, route.concurrency);
    state->candidates.push_back(std::move(learnt));
    state->weights_.push_back({hash64(candidate.name), static_cast<double>(candidate.weight)});
    state->choosable_ += candidate.weight > 0 ? 1 : 0;
  }
  for (const Shadow& shadow : route.shadows) {
    std::shared_ptr<ShadowState> learnt;
    for (size_t i = 0; before != nullptr && i < before->route->shadows.size(); ++i)
      if (before->route->shadows[i].candidate.name == shadow.candidate.name) learnt = before->shadows[i];
    state->shadows.push_back(learnt != nullptr ? learnt : std::make_shared<ShadowState>());
  }
  const bool same_retry = before != nullptr && before->route->retry.budget == route.retry.budget;
  state->retries =
      same_retry ? before->retries : std::make_shared<SharedExtraCalls>(route.retry.budget, kRetryReserve);
  if (route.hedge) {
    const bool same = before != nullptr && before->route->hedge &&
                      before->route->hedge->max_extra == route.hedge->max_extra;
    state->hedges =
        same ? before->hedges : std::make_shared<SharedExtraCalls>(route.hedge->max_extra, kHedgeReserve);
  }
  if (route.canary) {
    if (before != nullptr && before->canary != nullptr && before->canary->fits(route)) {
      state->canary = before->canary;
      state->canary->configure(setting.route);
      if (setting.force_canary && setting.canary) state->canary->force(*setting.canary);
    } else {
      state->canary = std::make_shared<CanaryMonitor>(setting.route, setting.canary.value_or(CanaryState{}));
    }
  }
  if (route.experiment) {
    const bool same = before != nullptr && before->experiment != nullptr && before->experiment->fits(route);
    state->experiment = same ? before->experiment : std::make_shared<ExperimentMonitor>(route);
  }
  if (route.cache.ttl_us > 0) {
    const bool knows = before != nullptr && before->judged != nullptr;
    state->judged = knows ? before->judged : std::make_shared<JudgedAnswers>();
    if (before != nullptr && before->cache != nullptr) {
      state->cache = before->cache;
      state->cache->configure(route.cache);
    } else {
      state->cache = std::make_shared<AnswerCache>(route.cache);
    }
    if (route.cache.semantic) {
      const bool same = before != nullptr && before->embedder != nullptr &&
                        before->route->cache.semantic->embedder.model.to_string() ==
                            route.cache.semantic->embedder.model.to_string();
      state->embedder = same ? before->embedder : std::make_shared<CandidateState>(Breaker{}, Concurrency{});
    }
  }
  state->reroutes_.resize(route.candidates.size());
  std::iota(state->reroutes_.begin(), state->reroutes_.end(), 0u);
  for (const auto& [from, to] : setting.reroutes) {
    const auto a = route.find(from), b = route.find(to);
    if (a && b) state->reroutes_[*a] = *b;
  }
  return state;
}

Choice RouteState::choose(const RouteCall& call, uint64_t chance) const {
  std::string_view sticky;
  switch (route->sticky) {
    case Sticky::kNone: break;
    case Sticky::kKey: sticky = call.sticky_key; break;
    case Sticky::kTenant: sticky = call.tenant; break;
    case Sticky::kApiKey: sticky = call.api_key; break;
  }
  Choice choice;
  choice.key = sticky.empty() ? chance : hash64(sticky, seed_);
  choice.candidate = static_cast<uint32_t>(router::choose(choice.key, weights_));
  choice.why = choosable_ == 1 ? "only" : sticky.empty() ? "weight" : "sticky";
  if (canary != nullptr && choice.candidate == route->canary->against) {
    choice.canary_share = canary->share();
    // Another seed than the weights', so that the canary takes a fair part of the incumbent's keys.
    if (spread(choice.key, weights_[route->canary->candidate].seed ^ 0xCA9A47) < choice.canary_share) {
      choice.candidate = route->canary->candidate;
      choice.why = "canary";
    }
  }
  choice.chosen = choice.candidate;
  if (reroutes_[choice.candidate] != choice.candidate) {
    choice.candidate = reroutes_[choice.candidate];
    choice.why = "reroute";
  }
  return choice;
}

std::vector<double> RouteState::shares() const {
  double sum = 0;
  for (const Weighted& each : weights_) sum += each.weight;
  std::vector<double> shares;
  for (const Weighted& each : weights_) shares.push_back(each.weight / sum);
  if (canary != nullptr) {
    const double part = shares[route->canary->against] * canary->share();
    shares[route->canary->against] -= part;
    shares[route->canary->candidate] += part;
  }
  std::vector<double> moved(shares.size(), 0);
  for (size_t i = 0; i < shares.size(); ++i) moved[reroutes_[i]] += shares[i];
  return moved;
}

}  // namespace switchyard::router
