#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "metrics.h"
#include "switchyard/router/router.h"

namespace switchyard::router {

class Flight;

/// What all calls of a router share. Thread-safe.
class Core {
 public:
  explicit Core(Router::Options options);

  int64_t now_us() const { return options.clock->monotonic_us(); }
  /// Why nobody may use the route, or (where given) this candidate of it; empty: it may be used.
  std::string killed(const Route& route, const Candidate* candidate) const;

  /// Nobody calls this version until then.
  void cool(const models::ModelName& model, int64_t until_us);
  /// Until when the version is left alone; 0 when it is not.
  int64_t cooling_until_us(const models::ModelName& model);

  // Calls under way, so that stop() finds them; work under way, so that the destructor can wait for it.
  bool add(std::shared_ptr<Flight> flight);
  void remove(Flight* flight);
  void begin_work() { work_.fetch_add(1, std::memory_order_relaxed); }
  void end_work();
  /// Refuses new flights; those under way.
  std::unordered_map<Flight*, std::shared_ptr<Flight>> stop();
  void wait_for_work();
  /// After wait_for_work(): no timer runs any more.
  void stop_timers() { own_timers_.reset(); }

  /// Whether another shadow call may begin; then end_shadow() is owed.
  bool begin_shadow();
  void end_shadow() { shadows_.fetch_sub(1, std::memory_order_relaxed); }

  const Router::Options options;
  Timers* timers;
  const std::unique_ptr<Metrics> metrics;  ///< null: nobody wants them

 private:
  std::unique_ptr<Timers> own_timers_;

  std::mutex cooling_mutex_;
  std::unordered_map<std::string, int64_t> cooling_;  // guarded by cooling_mutex_
  std::atomic<size_t> cooling_count_{0};

  std::mutex flights_mutex_;
  std::condition_variable idle_;
  // Guarded by flights_mutex_. Holds the flights: a call lives until it is answered.
  std::unordered_map<Flight*, std::shared_ptr<Flight>> flights_;
  bool stopping_ = false;
  std::atomic<uint64_t> work_{0};
  std::atomic<size_t> shadows_{0};
};

}  // namespace switchyard::router
