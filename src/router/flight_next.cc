#include <algorithm>

#include "flight.h"

// What follows when an attempt has failed, or takes long: a retry, a hedge, another candidate, the end.
namespace switchyard::router {

void Flight::at(int64_t at_us, void (Flight::*action)()) {
  // Between two attempts nobody else holds the flight; finish() takes its timers back.
  const uint64_t id =
      core_->timers->at(at_us, [self = shared_from_this(), action] { (self.get()->*action)(); });
  std::lock_guard lock(mutex_);
  timers_.push_back(id);
}

void Flight::after_failure(size_t index, models::CallOutcome outcome) {
  enum class Next : uint8_t { kWait, kRetry, kFallBack, kFinish } next = Next::kFinish;
  const Verdict verdict = verdict_of(outcome);
  const bool counts = verdict != Verdict::kCallersFault && verdict != Verdict::kCancelled &&
                      !was_impatient(outcome, core_->now_us());
  const Route& route = *state_->route;
  const int64_t now_us = core_->now_us();
  const double chance = spread(core_->options.random->next_u64(), 0);
  int64_t pause_us = 0;
  uint32_t candidate;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    AttemptRecord& record = record_.attempts[index];
    candidate = record.candidate;
    last_failure_ = Finish{std::move(outcome.answer).error(), record.retry_after_us};
    pause_us = std::max(backoff_us(route.retry, tries_, chance), record.retry_after_us);
    const bool others = position_ + 1 < plan_.size();
    if (running_ > 0) {
      next = Next::kWait;  // a hedge goes on
    } else if (record.parts > 0 || outcome.parts > 0 || !may_fall_back(verdict)) {
      next = Next::kFinish;  // what was said cannot be unsaid
    } else if (may_retry(route.retry, verdict) && tries_ < route.retry.attempts &&
               now_us + pause_us < deadline_us_ && !(record.retry_after_us > 0 && others) &&
               take_decision_attempt()) {
      if (state_->retries->take(now_us)) {
        next = Next::kRetry;
      } else {
        call_.attempts->give_back();
        record_.budget_spent = true;
      }
    }
    if (next == Next::kFinish && record.parts == 0 && outcome.parts == 0 && may_fall_back(verdict) &&
        others && take_decision_attempt()) {
      ++position_;
      tries_ = 0;
      next = Next::kFallBack;
    }
  }
  if (next == Next::kWait) return;
  if (next == Next::kRetry) return at(now_us + pause_us, &Flight::retry_now);
  if (counts) observe(candidate, true, 0, {});
  if (next == Next::kFallBack) return try_next(Why::kFallback);
  std::unique_lock lock(mutex_);
  Finish end = *last_failure_;
  lock.unlock();
  finish(std::move(end));
}

void Flight::retry_now() {
  uint32_t candidate;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    candidate = plan_[position_];
  }
  auto ticket = CircuitBreaker::Ticket::kCall;
  const std::string reason = admit(candidate, &ticket);
  if (reason.empty()) return launch(candidate, Why::kRetry, ticket);
  observe(candidate, true, 0, {});
  {
    std::lock_guard lock(mutex_);
    record_.skipped.push_back({candidate, reason});
    ++position_;
    tries_ = 0;
  }
  try_next(Why::kFallback);
}

void Flight::schedule_hedge(uint32_t candidate) {
  const auto& hedge = state_->route->hedge;
  if (!hedge) return;
  const int64_t after_us =
      hedge->quantile > 0 ? state_->candidates[candidate]->quantile(hedge->quantile) : hedge->after_us;
  const int64_t at_us = core_->now_us() + after_us;
  if (after_us <= 0 || at_us >= deadline_us_) return;
  const uint64_t id = core_->timers->at(at_us, [weak = weak_from_this(), candidate] {
    if (const auto self = weak.lock()) self->hedge(candidate);
  });
  std::lock_guard lock(mutex_);
  timers_.push_back(id);
}

void Flight::hedge(uint32_t candidate) {
  {
    std::lock_guard lock(mutex_);
    if (finished_ || deferred_ || streaming_ || running_ != 1 || plan_[position_] != candidate) return;
  }
  if (!state_->hedges->take(core_->now_us()) || !call_.attempts->take()) return;
  auto ticket = CircuitBreaker::Ticket::kCall;
  if (admit(candidate, &ticket).empty()) launch(candidate, Why::kHedge, ticket);
}

}  // namespace switchyard::router
