#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "circuit_breaker.h"
#include "concurrency_limit.h"
#include "quantiles.h"
#include "switchyard/router/router.h"

namespace switchyard::router {

/// What was learnt of a candidate: breaker, latencies, limit, counts. Lives on from route to route while name
/// and model version are the same. Thread-safe.
class CandidateState {
 public:
  enum class Admission : uint8_t { kYes, kOpen, kSaturated };
  /// How a call that was admitted ended.
  enum class End : uint8_t {
    kAnswered,
    kFailed,   ///< counts against the model
    kDropped,  ///< refused for load
    kNeutral,  ///< cancelled, never sent, or the caller's mistake
  };

  CandidateState(const Breaker& breaker, const Concurrency& concurrency);
  /// Settings that differ begin anew with what they concern.
  void configure(const Breaker& breaker, const Concurrency& concurrency);

  /// Admitted: the caller owes one leave() with the ticket.
  Admission enter(int64_t now_us, int32_t priority, CircuitBreaker::Ticket* ticket);
  void leave(int64_t now_us, CircuitBreaker::Ticket ticket, End end, int64_t took_us, int64_t sample_us);
  enum class Extra : uint8_t { kRetry, kHedge, kFallback };
  void count(Extra extra);

  /// The latency quantile once there are enough answers to know it; else 0.
  int64_t quantile(double q) const;
  /// All but name, model, cooling and share.
  CandidateStatus status(int64_t now_us) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Breaker breaker_settings_;
  Concurrency limit_settings_;
  std::unique_ptr<CircuitBreaker> breaker_;
  std::unique_ptr<ConcurrencyLimit> limit_;
  uint32_t in_flight_ = 0;
  SlidingQuantiles latency_;
  CandidateStatus counts_;
};

}  // namespace switchyard::router
