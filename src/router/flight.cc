#include "flight.h"

#include <algorithm>

#include "canary_watch.h"
#include "shadow.h"

namespace switchyard::router {

Flight::Flight(std::shared_ptr<Core> core, std::shared_ptr<const RouteState> state, RouteCall call,
               Router::Done done)
    : core_(std::move(core)),
      state_(std::move(state)),
      call_(std::move(call)),
      began_us_(core_->now_us()),
      done_(std::move(done)) {
  if (call_.attempts == nullptr) call_.attempts = std::make_shared<AttemptBudget>();
  record_.route = state_->route.get();
  deadline_us_ = began_us_ + state_->route->deadline_us;
  if (call_.deadline_us != 0) deadline_us_ = std::min(deadline_us_, call_.deadline_us);
}

void Flight::start() {
  if (deadline_us_ <= began_us_)
    return finish({make_error(ErrorKind::kDeadlineExceeded, "router.deadline",
                              "the deadline had passed before a model was asked")});
  if (const std::string reason = core_->killed(*state_->route, nullptr); !reason.empty())
    return finish({make_error(ErrorKind::kUnavailable, "router.killed",
                              "route '" + state_->route->name + "' is switched off: " + reason)});
  if (state_->canary != nullptr) begin_canary(*core_, *state_);
  if (!choose() || answered_from_cache()) return;
  state_->retries->deposit(began_us_);
  if (state_->hedges != nullptr) state_->hedges->deposit(began_us_);
  at(deadline_us_, &Flight::on_deadline);
  if (!seek_similar()) try_next(Why::kFirst);
}

bool Flight::choose() {
  const uint64_t chance = core_->options.random->next_u64();
  std::lock_guard lock(mutex_);
  const Route& route = *state_->route;
  choice_ = state_->choose(call_, chance);
  record_.why = choice_.why;
  if (choice_.why == "reroute") record_.rerouted_from = route.candidates[choice_.chosen].name;
  if (choice_.why == "canary") record_.canary_share = choice_.canary_share;
  record_.candidate = choice_.candidate;
  if (route.experiment) {
    const auto& arms = route.experiment->arms;
    record_.in_experiment = choice_.candidate == route.experiment->control ||
                            std::find(arms.begin(), arms.end(), choice_.candidate) != arms.end();
  }
  plan_.push_back(choice_.candidate);
  for (const uint32_t fallback : route.fallbacks) {
    const uint32_t to = state_->rerouted(fallback);
    if (std::find(plan_.begin(), plan_.end(), to) == plan_.end()) plan_.push_back(to);
  }
  return !finished_;
}

bool Flight::answered_from_cache() {
  if (state_->cache == nullptr || !call_.use_cache) return false;
  const Candidate& candidate = state_->route->candidates[choice_.candidate];
  // What is switched off answers nothing, from memory neither.
  if (!core_->killed(*state_->route, &candidate).empty()) return false;
  const Sha256 key = state_->cache->key(candidate.model, *call_.input, call_.tenant);
  auto hit = state_->cache->find(key, began_us_);
  {
    std::lock_guard lock(mutex_);
    cache_key_ = key;
    record_.cache_asked = true;
    if (!hit) return false;
    note_hit(*hit);
  }
  finish({std::move(hit->answer)});
  return true;
}

/// With the mutex held.
void Flight::note_hit(const AnswerCache::Hit& hit) {
  record_.cache_hit = true;
  record_.cache_decision = hit.decision;
  record_.cache_age_us = hit.age_us;
}

bool Flight::take_decision_attempt() {
  if (call_.attempts->take()) return true;
  record_.budget_spent = true;
  return false;
}

/// Whether the attempt ended because the client would not wait.
bool Flight::was_impatient(const models::CallOutcome& outcome, int64_t now_us) const {
  return call_.clients_deadline && now_us >= deadline_us_ && !outcome.answer.ok() &&
         verdict_of(outcome) == Verdict::kTimeout;
}

void Flight::cancel(Error error) { finish({std::move(error)}); }

void Flight::on_deadline() {
  finish({make_error(ErrorKind::kDeadlineExceeded, "router.deadline",
                     "no model of route '" + state_->route->name + "' answered within " +
                         std::to_string((deadline_us_ - began_us_) / 1000) + " ms")});
}

/// With the mutex held. The cancel functions are to be called without.
std::vector<std::function<void()>> Flight::abandon_others(size_t except, bool timed_out) {
  std::vector<std::function<void()>> cancels;
  for (size_t i = 0; i < attempts_.size(); ++i) {
    if (i == except || record_.attempts[i].ended) continue;
    record_.attempts[i].abandoned = true;
    attempts_[i].timed_out = timed_out;
    if (attempts_[i].cancel) cancels.push_back(attempts_[i].cancel);
  }
  if (cancel_embedding_) cancels.push_back(std::exchange(cancel_embedding_, nullptr));
  return cancels;
}

void Flight::finish(Finish end) {
  std::vector<std::function<void()>> cancels;
  std::vector<uint64_t> timers;
  bool timed_out = false;
  {
    std::lock_guard lock(mutex_);
    if (finished_ || deferred_) return;
    if (in_part_) {
      deferred_ = std::move(end);
      return;
    }
    finished_ = true;
    const bool deadline =
        !end.answer.ok() && end.answer.error().code == "router.deadline" && !call_.clients_deadline;
    timed_out = deadline && running_ > 0 && position_ == 0;
    cancels = abandon_others(SIZE_MAX, deadline);
    timers.swap(timers_);
  }
  for (const uint64_t timer : timers) core_->timers->cancel(timer);
  for (const auto& cancel : cancels) cancel();
  if (timed_out) observe(choice_.candidate, true, 0, {});
  deliver(end);
}

void Flight::deliver(Finish& end) {
  std::vector<ShadowJob> shadows;
  if (end.answer.ok() && !record_.cache_hit)
    shadows = plan_shadows(core_, state_, call_, record_, *end.answer);
  RouteAnswer answer{std::move(end.answer)};
  Router::Done done;
  {
    std::lock_guard lock(mutex_);
    const int64_t now_us = core_->now_us();
    record_.took_us = now_us - began_us_;
    if (!answer.answer.ok()) record_.error = answer.answer.error().code;
    for (size_t i = 0; i < attempts_.size(); ++i) {
      AttemptRecord& attempt = record_.attempts[i];
      if (attempt.ended) continue;
      // Cancelled, and nobody has said yet what it used.
      attempt.took_us = now_us - began_us_ - attempt.began_us;
      attempt.cost = cost_of(state_->route->candidates[attempt.candidate].prices, attempts_[i].worst);
      attempt.estimated = true;
    }
    if (record_.embedding && record_.embedding->asked && !record_.embedding->attempt.ended) {
      AttemptRecord& attempt = record_.embedding->attempt;
      attempt.abandoned = true;
      attempt.took_us = now_us - began_us_ - attempt.began_us;
    }
    for (const ShadowJob& job : shadows) record_.shadows.push_back(job.candidate.model.to_string());
    answer.provenance = provenance_of(record_);
    if (core_->metrics != nullptr) core_->metrics->ended(record_);
    answer.cost = record_.total_cost();
    answer.currency = record_.currency();
    answer.retry_after_us = end.retry_after_us;
    answer.cached = record_.cache_hit;
    answer.streamed = streaming_.has_value();
    answer.budget_spent = record_.budget_spent;
    done = std::move(done_);
    done_ = nullptr;
  }
  done(std::move(answer));
  done = nullptr;
  for (ShadowJob& job : shadows) start_shadow(std::move(job));
  core_->remove(this);
}

/// Tells the monitors what became of the chosen candidate, once.
void Flight::observe(uint32_t candidate, bool failed, int64_t latency_us, Money cost) {
  {
    std::lock_guard lock(mutex_);
    // What an operator rerouted was not dealt out by chance.
    if (observed_ || candidate != choice_.candidate || choice_.chosen != choice_.candidate) return;
    observed_ = true;
  }
  const Route& route = *state_->route;
  if (state_->canary != nullptr) {
    const bool canary = choice_.why == "canary";
    if (canary || candidate == route.canary->against)
      watch_canary(*core_, *state_, [&] {
        state_->canary->observe({canary, choice_.key, failed, latency_us, cost}, core_->now_us());
      });
  }
  if (state_->experiment == nullptr) return;
  using Metric = Experiment::Metric;
  state_->experiment->observe(candidate, Metric::kFailure, failed ? 1 : 0);
  if (failed) return;
  state_->experiment->observe(candidate, Metric::kLatency, static_cast<double>(latency_us));
  state_->experiment->observe(candidate, Metric::kCost, cost.units());
}

}  // namespace switchyard::router
