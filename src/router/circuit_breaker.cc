#include "circuit_breaker.h"

#include <algorithm>

namespace switchyard::router {

CircuitBreaker::CircuitBreaker(const Breaker& settings) : settings_(settings), window_(settings.window_us) {}

CircuitBreaker::State CircuitBreaker::state(int64_t now_us) const {
  if (!open_) return State::kClosed;
  return now_us < opened_us_ + open_for_us_ ? State::kOpen : State::kHalfOpen;
}

bool CircuitBreaker::refuses(int64_t now_us) const {
  switch (state(now_us)) {
    case State::kClosed: return false;
    case State::kOpen: return true;
    case State::kHalfOpen: return probes_out_ + probes_good_ >= settings_.probes;
  }
  return false;
}

CircuitBreaker::Ticket CircuitBreaker::allow(int64_t now_us) {
  if (!settings_.on) return Ticket::kCall;
  if (refuses(now_us)) return Ticket::kRefused;
  if (!open_) return Ticket::kCall;
  ++probes_out_;
  return Ticket::kProbe;
}

void CircuitBreaker::open(int64_t now_us) {
  open_ = true;
  opened_us_ = now_us;
  open_for_us_ = settings_.open_us * (int64_t{1} << std::min<uint32_t>(openings_, 3));
  ++openings_;
  probes_good_ = 0;
  window_.clear();
}

void CircuitBreaker::record(int64_t now_us, Ticket ticket, bool failed, int64_t took_us) {
  if (!settings_.on || ticket == Ticket::kRefused) return;
  const bool slow = settings_.slow_us > 0 && took_us > settings_.slow_us;
  if (ticket == Ticket::kProbe) {
    if (probes_out_ > 0) --probes_out_;
    if (state(now_us) != State::kHalfOpen) return;  // a probe of an earlier opening
    if (failed || slow) return open(now_us);
    if (++probes_good_ < settings_.probes) return;
    open_ = false;
    openings_ = 0;
    probes_good_ = 0;
    return;
  }
  if (open_) return;  // it began before the breaker opened, which knows enough
  window_.add(now_us, {1, failed ? 1 : 0, slow ? 1 : 0});
  const Counts& sum = window_.sum(now_us);
  if (sum.calls < settings_.min_calls) return;
  const auto calls = static_cast<double>(sum.calls);
  if (static_cast<double>(sum.failures) >= settings_.failure_rate * calls ||
      (settings_.slow_us > 0 && static_cast<double>(sum.slow) >= settings_.slow_rate * calls))
    open(now_us);
}

void CircuitBreaker::release(Ticket ticket) {
  if (ticket == Ticket::kProbe && probes_out_ > 0) --probes_out_;
}

std::string_view breaker_state_name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed: return "closed";
    case CircuitBreaker::State::kOpen: return "open";
    case CircuitBreaker::State::kHalfOpen: return "half_open";
  }
  return "closed";
}

}  // namespace switchyard::router
