#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "call_record.h"
#include "core.h"
#include "embedding.h"
#include "failure.h"
#include "route_state.h"

namespace switchyard::router {

/// One call of a route, from choice to answer. Events come from any thread (outcomes, parts, timers, the
/// ledger, the caller's cancel); each takes the mutex, decides, lets go, and acts. Calls of others are never
/// made with the mutex held. Kept alive by the core's table until it is answered, and by each attempt under
/// way.
class Flight : public std::enable_shared_from_this<Flight> {
 public:
  Flight(std::shared_ptr<Core> core, std::shared_ptr<const RouteState> state, RouteCall call,
         Router::Done done);

  void start();
  /// Ends the call early with this error.
  void cancel(Error error);

 private:
  /// An attempt that was let through; its record is at the same index of record_.attempts.
  struct Attempt {
    CircuitBreaker::Ticket ticket = CircuitBreaker::Ticket::kCall;
    int64_t began_us = 0;
    SpendLedger::Reservation reservation = 0;
    Usage worst;
    bool timed_out = false;  ///< given up on at the deadline: that is the model's fault
    std::function<void()> cancel;
  };
  struct Finish {
    Result<models::ModelAnswer> answer;
    int64_t retry_after_us = 0;
  };

  // flight.cc: the frame.
  bool choose();
  bool answered_from_cache();
  void note_hit(const AnswerCache::Hit& hit);
  void finish(Finish finish);
  void deliver(Finish& finish);
  void on_deadline();
  std::vector<std::function<void()>> abandon_others(size_t except, bool timed_out);
  void observe(uint32_t candidate, bool failed, int64_t latency_us, Money cost);
  bool take_decision_attempt();
  bool was_impatient(const models::CallOutcome& outcome, int64_t now_us) const;

  // flight_similar.cc: the look for what was asked in other words.
  bool seek_similar();
  void embedded(Likeness likeness, EmbeddingEnd end);

  // flight_attempts.cc: attempts.
  void try_next(Why why);
  std::string admit(uint32_t candidate, CircuitBreaker::Ticket* ticket);
  Finish nobody(const std::string& reason) const;
  void launch(uint32_t candidate, Why why, CircuitBreaker::Ticket ticket);
  std::vector<Charge> charges() const;
  void reserved(size_t index, Result<SpendLedger::Reservation> reservation);
  void refused_by_budget(size_t index, Error error);
  void send(size_t index);
  bool part(size_t index, const Document& part);
  void ended(size_t index, models::CallOutcome outcome);
  void settle(size_t index, const models::CallOutcome& outcome);
  void leave(size_t index, const models::CallOutcome& outcome, int64_t now_us);

  // flight_next.cc: what follows them.
  void after_failure(size_t index, models::CallOutcome outcome);
  void schedule_hedge(uint32_t candidate);
  void hedge(uint32_t candidate);
  void at(int64_t at_us, void (Flight::*action)());
  void retry_now();

  const std::shared_ptr<Core> core_;
  const std::shared_ptr<const RouteState> state_;
  RouteCall call_;  // on_part is let go at the end; else constant
  const int64_t began_us_;
  int64_t deadline_us_ = 0;

  std::mutex mutex_;
  // Guarded by mutex_.
  Router::Done done_;
  bool finished_ = false;
  std::optional<Finish> deferred_;  // the end came while a part was being handed out
  bool in_part_ = false;
  std::optional<size_t> streaming_;  // the attempt whose parts are handed out
  Choice choice_;
  std::vector<uint32_t> plan_;  // candidates, in order
  size_t position_ = 0;
  uint32_t tries_ = 0;    // of the candidate at position_, hedges not counted
  uint32_t running_ = 0;  // attempts that have not ended
  bool limits_lifted_ = false;
  bool observed_ = false;  // what became of the chosen candidate was told
  std::vector<Attempt> attempts_;
  std::vector<uint64_t> timers_;
  std::optional<Finish> last_failure_;
  CallRecord record_;
  std::optional<Sha256> cache_key_;
  std::optional<Likeness> likeness_;  // with a vector
  std::function<void()> cancel_embedding_;
};

}  // namespace switchyard::router
