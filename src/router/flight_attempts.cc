#include <algorithm>

#include "asking.h"
#include "estimate.h"
#include "flight.h"

namespace switchyard::router {
namespace {

constexpr int64_t kAskAgainUs = 1'000'000;

Error cancelled_before_sent() {
  return make_error(ErrorKind::kCancelled, "models.cancelled", "the call ended before the model was asked");
}

}  // namespace

std::string Flight::admit(uint32_t index, CircuitBreaker::Ticket* ticket) {
  return router::admit(*core_, *state_->route, state_->route->candidates[index], *state_->candidates[index],
                       call_.priority, ticket);
}

/// The error when nobody could be asked at all. With the mutex held.
Flight::Finish Flight::nobody(const std::string& reason) const {
  std::string all;
  int64_t retry_after_us = kAskAgainUs;
  for (const SkippedRecord& each : record_.skipped) {
    const Candidate& candidate = state_->route->candidates[each.candidate];
    all +=
        (all.empty() ? "" : ", ") + candidate.name + " (" + candidate.model.to_string() + "): " + each.reason;
    if (const int64_t until = core_->cooling_until_us(candidate.model))
      retry_after_us = std::max(retry_after_us, until - core_->now_us());
  }
  const bool saturated = reason == "saturated";
  return {make_error(saturated ? ErrorKind::kResourceExhausted : ErrorKind::kUnavailable,
                     saturated ? "router.saturated" : "router.no_candidate",
                     "route '" + state_->route->name + "' has no model to ask now: " + all +
                         "; add fallbacks, or come back later"),
          retry_after_us};
}

void Flight::try_next(Why why) {
  std::string reason;
  while (true) {
    uint32_t candidate;
    {
      std::unique_lock lock(mutex_);
      if (finished_) return;
      if (position_ >= plan_.size()) {
        Finish end = last_failure_ ? std::move(*last_failure_) : nobody(reason);
        lock.unlock();
        return finish(std::move(end));
      }
      candidate = plan_[position_];
    }
    auto ticket = CircuitBreaker::Ticket::kCall;
    reason = admit(candidate, &ticket);
    if (reason.empty()) return launch(candidate, why, ticket);
    std::lock_guard lock(mutex_);
    record_.skipped.push_back({candidate, reason});
    ++position_;
    tries_ = 0;
    if (why != Why::kBudget) why = Why::kFallback;
  }
}

void Flight::launch(uint32_t candidate, Why why, CircuitBreaker::Ticket ticket) {
  std::vector<Charge> accounts;
  size_t index = 0;
  Usage worst;
  {
    std::unique_lock lock(mutex_);
    if (finished_ || record_.attempts.size() >= kMaxRecordedAttempts) {
      const bool full = !finished_;
      Finish end = last_failure_ ? *last_failure_ : nobody("");
      lock.unlock();
      state_->candidates[candidate]->leave(core_->now_us(), ticket, CandidateState::End::kNeutral, 0, 0);
      if (full && why != Why::kHedge) finish(std::move(end));
      return;
    }
    index = attempts_.size();
    attempts_.emplace_back();
    attempts_[index].ticket = ticket;
    attempts_[index].began_us = core_->now_us();
    attempts_[index].worst =
        worst_usage(call_, state_->route->candidates[candidate], deadline_us_ - core_->now_us());
    worst = attempts_[index].worst;
    AttemptRecord record;
    record.candidate = candidate;
    record.why = why;
    record.began_us = attempts_[index].began_us - began_us_;
    record_.attempts.push_back(std::move(record));
    record_.candidate = candidate;
    if (why == Why::kFallback || why == Why::kBudget) record_.why = why_name(why);
    ++running_;
    if (why != Why::kHedge) ++tries_;
    accounts = charges();
  }
  core_->begin_work();
  using Extra = CandidateState::Extra;
  if (why == Why::kRetry) state_->candidates[candidate]->count(Extra::kRetry);
  if (why == Why::kHedge) state_->candidates[candidate]->count(Extra::kHedge);
  if (why == Why::kFallback) state_->candidates[candidate]->count(Extra::kFallback);
  if (accounts.empty()) return send(index);
  if (core_->options.ledger == nullptr)
    return reserved(index, make_error(ErrorKind::kUnavailable, "router.ledger_failed",
                                      "the call has a budget, and there is no ledger to count it"));
  core_->options.ledger->reserve(
      accounts, record_.currency(), cost_of(state_->route->candidates[candidate].prices, worst),
      worst.tokens(), [self = shared_from_this(), index](Result<SpendLedger::Reservation> reservation) {
        self->reserved(index, std::move(reservation));
      });
}

/// With the mutex held.
std::vector<Charge> Flight::charges() const {
  std::vector<Charge> all;
  const Route& route = *state_->route;
  const auto add = [&](Scope scope, std::string id, const SpendLimit& limit) {
    // At the limit the cheaper model is counted, and not held back.
    if (limit.any()) all.push_back({scope, std::move(id), limits_lifted_ ? SpendLimit{} : limit});
  };
  add(Scope::kRoute, route.name, route.budget.route);
  add(Scope::kTenant, route.name + "/" + call_.tenant, route.budget.tenant);
  add(Scope::kKey, route.name + "/" + call_.api_key, route.budget.key);
  for (const ExtraBudget& budget : call_.budgets) all.push_back({budget.scope, budget.id, budget.limit});
  return all;
}

void Flight::reserved(size_t index, Result<SpendLedger::Reservation> reservation) {
  if (!reservation.ok()) return refused_by_budget(index, std::move(reservation).error());
  bool gone;
  {
    std::lock_guard lock(mutex_);
    attempts_[index].reservation = *reservation;
    gone = finished_;
  }
  if (!gone) return send(index);
  ended(index, models::never_asked(cancelled_before_sent()));
}

void Flight::refused_by_budget(size_t index, Error error) {
  std::optional<Finish> end;
  bool cheaper = false;
  uint32_t candidate;
  CircuitBreaker::Ticket ticket;
  {
    std::lock_guard lock(mutex_);
    AttemptRecord& record = record_.attempts[index];
    record.ended = true;
    record.error = error.code;
    candidate = record.candidate;
    ticket = attempts_[index].ticket;
    --running_;
    if (!finished_ && running_ == 0) {
      const auto& use = state_->route->budget.use;
      cheaper = error.code == "router.budget" && use && !limits_lifted_;
      if (cheaper) {
        limits_lifted_ = true;
        plan_ = {state_->rerouted(*use)};
        position_ = 0;
        tries_ = 0;
      } else if (last_failure_) {
        end = std::move(last_failure_);
      } else {
        const bool month = error.field == "month";
        const int64_t retry_after_us =
            error.code == "router.budget" ? core_->options.ledger->until_next_window_us(month) : kAskAgainUs;
        end = Finish{std::move(error), retry_after_us};
      }
    }
  }
  state_->candidates[candidate]->leave(core_->now_us(), ticket, CandidateState::End::kNeutral, 0, 0);
  if (cheaper) try_next(Why::kBudget);
  if (end) finish(std::move(*end));
  core_->end_work();
}

void Flight::send(size_t index) {
  models::CallRequest request;
  uint32_t candidate;
  bool first_try;
  {
    std::lock_guard lock(mutex_);
    candidate = record_.attempts[index].candidate;
    first_try = record_.attempts[index].why != Why::kHedge && tries_ == 1;
    attempts_[index].began_us = core_->now_us();
    record_.attempts[index].began_us = attempts_[index].began_us - began_us_;
  }
  request.model = state_->route->candidates[candidate].model;
  request.input = call_.input;
  request.deadline_us = deadline_us_;
  request.idempotency_key = call_.idempotency_key;
  request.trace = call_.trace;
  request.priority = call_.priority;
  if (call_.on_part)
    request.on_part = [self = shared_from_this(), index](const Document& part) {
      return self->part(index, part);
    };
  auto cancel = core_->options.caller->call(std::move(request),
                                            [self = shared_from_this(), index](models::CallOutcome outcome) {
                                              self->ended(index, std::move(outcome));
                                            });
  bool running, abandoned;
  {
    std::lock_guard lock(mutex_);
    running = !record_.attempts[index].ended;
    abandoned = running && record_.attempts[index].abandoned;
    if (running) attempts_[index].cancel = cancel;
  }
  if (abandoned) return cancel();
  if (running && first_try) schedule_hedge(candidate);
}

bool Flight::part(size_t index, const Document& part) {
  std::vector<std::function<void()>> cancels;
  {
    std::lock_guard lock(mutex_);
    if (finished_ || deferred_ || record_.attempts[index].abandoned) return false;
    if (!streaming_) {
      streaming_ = index;
      cancels = abandon_others(index, false);
    }
    if (*streaming_ != index) return false;
    in_part_ = true;
    ++record_.attempts[index].parts;
  }
  for (const auto& cancel : cancels) cancel();
  const bool more = call_.on_part(part);
  std::optional<Finish> end;
  {
    std::lock_guard lock(mutex_);
    in_part_ = false;
    end.swap(deferred_);
  }
  if (!end) return more;
  finish(std::move(*end));
  return false;
}

void Flight::settle(size_t index, const models::CallOutcome& outcome) {
  SpendLedger::Reservation reservation;
  Money cost;
  int64_t tokens;
  {
    std::lock_guard lock(mutex_);
    AttemptRecord& record = record_.attempts[index];
    record.usage = actual_usage(outcome, attempts_[index].worst, record.took_us, &record.estimated);
    record.cost = cost_of(state_->route->candidates[record.candidate].prices, record.usage);
    reservation = attempts_[index].reservation;
    cost = record.cost;
    tokens = record.usage.tokens();
    if (record.estimated) record.usage = {};  // told as a cost, not as something that was counted
  }
  if (reservation != 0) core_->options.ledger->settle(reservation, cost, tokens);
}

void Flight::leave(size_t index, const models::CallOutcome& outcome, int64_t now_us) {
  using End = CandidateState::End;
  End end = end_of(outcome);
  int64_t took_us, sample_us;
  uint32_t candidate;
  CircuitBreaker::Ticket ticket;
  {
    std::lock_guard lock(mutex_);
    const AttemptRecord& record = record_.attempts[index];
    candidate = record.candidate;
    ticket = attempts_[index].ticket;
    took_us = sample_us = record.took_us;
    if (!outcome.answer.ok() && record.abandoned)
      end = attempts_[index].timed_out ? End::kFailed : End::kNeutral;
    if (was_impatient(outcome, now_us)) end = End::kNeutral;
  }
  if (outcome.answer.ok()) {
    if (outcome.answer->first_part_us > 0)
      sample_us = outcome.answer->first_part_us;
    else if (outcome.answer->usage.output_tokens > 0)
      sample_us = std::max<int64_t>(1, took_us / outcome.answer->usage.output_tokens);
  }
  heed(*core_, state_->route->candidates[candidate].model, outcome, now_us);
  state_->candidates[candidate]->leave(now_us, ticket, end, took_us, sample_us);
}

void Flight::ended(size_t index, models::CallOutcome outcome) {
  const int64_t now_us = core_->now_us();
  std::function<void()> cancel;  // let go without the mutex
  bool over, abandoned;
  uint32_t candidate;
  {
    std::lock_guard lock(mutex_);
    AttemptRecord& record = record_.attempts[index];
    cancel.swap(attempts_[index].cancel);
    record.ended = true;
    record.ok = outcome.answer.ok();
    record.took_us = now_us - attempts_[index].began_us;
    record.status = outcome.status;
    record.retry_after_us = std::clamp<int64_t>(outcome.retry_after_us, 0, kMaxRetryAfterUs);
    if (record.ok) {
      record.endpoint = outcome.answer->endpoint;
      record.served_by = outcome.answer->served_by;
      record.upstream_id = outcome.answer->upstream_id;
    } else {
      record.error = outcome.answer.error().code;
    }
    --running_;
    over = finished_ || deferred_.has_value();
    abandoned = record.abandoned;
    candidate = record.candidate;
  }
  settle(index, outcome);
  leave(index, outcome, now_us);
  if (!over && !abandoned) {
    if (outcome.answer.ok()) {
      Money cost;
      {
        std::lock_guard lock(mutex_);
        if (!finished_) record_.candidate = candidate;
        cost = record_.attempts[index].cost;
      }
      observe(candidate, false, now_us - began_us_, cost);
      if (cache_key_ && candidate == choice_.candidate)
        state_->cache->put(*cache_key_, *outcome.answer, call_.decision, now_us, likeness_);
      finish({std::move(outcome.answer)});
    } else {
      after_failure(index, std::move(outcome));
    }
  }
  core_->end_work();
}

}  // namespace switchyard::router
