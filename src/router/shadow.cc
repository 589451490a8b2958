#include "shadow.h"

#include "canary_watch.h"
#include "compare.h"
#include "estimate.h"

namespace switchyard::router {
namespace {

bool drawn(const Core& core, double share) {
  return share > 0 && spread(core.options.random->next_u64(), 0) < share;
}

void finish_shadow(const ShadowJob& job, SpendLedger::Reservation reservation, const Usage& worst,
                   int64_t began_us, const models::CallOutcome& outcome) {
  Core& core = *job.core;
  const int64_t now_us = core.now_us();
  ShadowResult result;
  result.route = job.state->route->name;
  result.decision = job.decision;
  result.model = job.candidate.model;
  result.answered_by = job.answered_by;
  result.ok = outcome.answer.ok();
  result.run_us = now_us - began_us;
  bool estimated = false;
  const Usage usage = actual_usage(outcome, worst, result.run_us, &estimated);
  result.cost = cost_of(job.candidate.prices, usage);
  if (reservation != 0) core.options.ledger->settle(reservation, result.cost, usage.tokens());
  if (result.ok) {
    const Comparison comparison = compare_outputs(*job.answer, *outcome.answer->output, job.compare);
    result.agrees = comparison.agrees;
    result.difference = comparison.difference;
    result.output = outcome.answer->output;
  } else {
    result.error = outcome.answer.error().code;
  }
  if (core.metrics != nullptr) core.metrics->shadow(result.route, result.ok, result.agrees.value_or(false));
  if (job.counts != nullptr) {
    job.counts->record(result, now_us);
  } else if (result.ok && job.state->canary != nullptr) {
    watch_canary(core, *job.state, [&] { job.state->canary->observe_comparison(*result.agrees); });
  }
  if (core.options.on_shadow) core.options.on_shadow(result);
}

void send(std::shared_ptr<ShadowJob> job, SpendLedger::Reservation reservation, const Usage& worst) {
  Core& core = *job->core;
  models::CallRequest request;
  request.model = job->candidate.model;
  request.input = job->input;
  request.deadline_us = core.now_us() + job->state->route->deadline_us;
  // Another key than the decision's: the server must not take it for a repetition.
  if (!job->idempotency_key.empty()) request.idempotency_key = job->idempotency_key + "/shadow";
  request.trace = job->trace;
  request.priority = 0;  // nobody waits for it
  const int64_t began_us = core.now_us();
  core.options.caller->call(
      std::move(request), [job = std::move(job), reservation, worst, began_us](models::CallOutcome outcome) {
        finish_shadow(*job, reservation, worst, began_us, outcome);
        job->core->end_shadow();
        job->core->end_work();
      });
}

}  // namespace

std::vector<ShadowJob> plan_shadows(const std::shared_ptr<Core>& core,
                                    const std::shared_ptr<const RouteState>& state, const RouteCall& call,
                                    const CallRecord& record, const models::ModelAnswer& answer) {
  std::vector<ShadowJob> jobs;
  const Route& route = *state->route;
  const auto add = [&](const Candidate& candidate, const Compare& compare,
                       std::shared_ptr<ShadowState> counts) {
    if (!core->killed(route, &candidate).empty() || core->cooling_until_us(candidate.model) != 0 ||
        !core->begin_shadow()) {
      if (counts != nullptr) counts->drop();
      return;
    }
    ShadowJob job;
    job.core = core;
    job.state = state;
    job.counts = std::move(counts);
    job.candidate = candidate;
    job.compare = compare;
    job.input = call.input;
    job.answer = answer.output;
    job.answered_by = route.candidates[*record.candidate].model;
    job.decision = call.decision;
    job.idempotency_key = call.idempotency_key;
    job.trace = call.trace;
    if (route.budget.route.any()) job.charges.push_back({Scope::kRoute, route.name, route.budget.route});
    core->begin_work();
    jobs.push_back(std::move(job));
  };
  for (size_t i = 0; i < route.shadows.size(); ++i)
    if (drawn(*core, route.shadows[i].share))
      add(route.shadows[i].candidate, route.shadows[i].compare, state->shadows[i]);
  const bool compared = state->canary != nullptr && route.canary->max_disagreement &&
                        record.why == "canary" &&
                        state->canary->state().phase == CanaryState::Phase::kRunning;
  if (compared && drawn(*core, route.canary->compare_share))
    add(route.candidates[route.canary->against], route.canary->compare, nullptr);
  return jobs;
}

void start_shadow(ShadowJob given) {
  auto job = std::make_shared<ShadowJob>(std::move(given));
  RouteCall call;
  call.input = job->input;
  const Usage worst = worst_usage(call, job->candidate, job->state->route->deadline_us);
  if (job->charges.empty()) return send(std::move(job), 0, worst);
  Core& core = *job->core;
  const auto drop = [](const ShadowJob& dropped) {
    if (dropped.counts != nullptr) dropped.counts->drop();
    dropped.core->end_shadow();
    dropped.core->end_work();
  };
  if (core.options.ledger == nullptr) return drop(*job);
  core.options.ledger->reserve(job->charges, job->state->route->budget.currency,
                               cost_of(job->candidate.prices, worst), worst.tokens(),
                               [job, worst, drop](Result<SpendLedger::Reservation> reservation) {
                                 if (!reservation.ok()) return drop(*job);  // money is for decisions first
                                 send(job, *reservation, worst);
                               });
}

}  // namespace switchyard::router
