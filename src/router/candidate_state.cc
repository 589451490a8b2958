#include "candidate_state.h"

namespace switchyard::router {
namespace {

constexpr uint64_t kQuantileEnough = 20;

}  // namespace

CandidateState::CandidateState(const Breaker& breaker, const Concurrency& concurrency)
    : breaker_settings_(breaker),
      limit_settings_(concurrency),
      breaker_(std::make_unique<CircuitBreaker>(breaker)),
      limit_(std::make_unique<ConcurrencyLimit>(concurrency)) {}

void CandidateState::configure(const Breaker& breaker, const Concurrency& concurrency) {
  std::lock_guard lock(mutex_);
  if (!(breaker == breaker_settings_)) {
    breaker_settings_ = breaker;
    breaker_ = std::make_unique<CircuitBreaker>(breaker);
  }
  if (!(concurrency == limit_settings_)) {
    limit_settings_ = concurrency;
    limit_ = std::make_unique<ConcurrencyLimit>(concurrency, in_flight_);
  }
}

CandidateState::Admission CandidateState::enter(int64_t now_us, int32_t priority,
                                                CircuitBreaker::Ticket* ticket) {
  std::lock_guard lock(mutex_);
  if (breaker_->refuses(now_us)) {
    ++counts_.refused;
    return Admission::kOpen;
  }
  if (!limit_->enter(priority)) {
    ++counts_.refused;
    return Admission::kSaturated;
  }
  *ticket = breaker_->allow(now_us);
  ++in_flight_;
  return Admission::kYes;
}

void CandidateState::leave(int64_t now_us, CircuitBreaker::Ticket ticket, End end, int64_t took_us,
                           int64_t sample_us) {
  std::lock_guard lock(mutex_);
  limit_->sample(end == End::kAnswered ? sample_us : 0, end == End::kDropped);
  limit_->leave();
  --in_flight_;
  if (end == End::kNeutral) return breaker_->release(ticket);
  ++counts_.calls;
  counts_.failures += end == End::kFailed ? 1 : 0;
  if (end == End::kAnswered) latency_.record(now_us, took_us);
  if (end == End::kDropped)
    breaker_->release(ticket);
  else
    breaker_->record(now_us, ticket, end == End::kFailed, took_us);
}

void CandidateState::count(Extra extra) {
  std::lock_guard lock(mutex_);
  counts_.retries += extra == Extra::kRetry ? 1 : 0;
  counts_.hedges += extra == Extra::kHedge ? 1 : 0;
  counts_.fallbacks += extra == Extra::kFallback ? 1 : 0;
}

int64_t CandidateState::quantile(double q) const {
  std::lock_guard lock(mutex_);
  return latency_.count() < kQuantileEnough ? 0 : latency_.quantile(q);
}

CandidateStatus CandidateState::status(int64_t now_us) const {
  std::lock_guard lock(mutex_);
  CandidateStatus status = counts_;
  status.breaker = breaker_state_name(breaker_->state(now_us));
  status.in_flight = in_flight_;
  status.limit = limit_->limit();
  status.p50_us = latency_.quantile(0.5);
  status.p95_us = latency_.quantile(0.95);
  status.p99_us = latency_.quantile(0.99);
  return status;
}

}  // namespace switchyard::router
