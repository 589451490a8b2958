#include "core.h"

#include <algorithm>

#include "timer_thread.h"

namespace switchyard::router {

Core::Core(Router::Options given)
    : options(std::move(given)),
      timers(options.timers),
      metrics(options.metrics == nullptr ? nullptr : std::make_unique<Metrics>(*options.metrics)) {
  SY_CHECK(options.caller != nullptr);
  if (timers != nullptr) return;
  own_timers_ = std::make_unique<TimerThread>(*options.clock);
  timers = own_timers_.get();
}

std::string Core::killed(const Route& route, const Candidate* candidate) const {
  if (!options.killed) return {};
  KillQuery query;
  query.route = route.name;
  if (candidate != nullptr) {
    query.model = &candidate->model;
    query.backend = candidate->backend;
    query.vendor = candidate->vendor;
  }
  return options.killed(query);
}

void Core::cool(const models::ModelName& model, int64_t until_us) {
  std::lock_guard lock(cooling_mutex_);
  if (cooling_.size() >= kMaxCoolingModels)
    std::erase_if(cooling_, [now = now_us()](const auto& each) { return each.second <= now; });
  if (cooling_.size() >= kMaxCoolingModels) return;
  int64_t& until = cooling_[model.to_string()];
  until = std::max(until, until_us);
  cooling_count_.store(cooling_.size(), std::memory_order_relaxed);
}

int64_t Core::cooling_until_us(const models::ModelName& model) {
  if (cooling_count_.load(std::memory_order_relaxed) == 0) return 0;
  std::lock_guard lock(cooling_mutex_);
  const auto found = cooling_.find(model.to_string());
  if (found == cooling_.end()) return 0;
  if (found->second > now_us()) return found->second;
  cooling_.erase(found);
  cooling_count_.store(cooling_.size(), std::memory_order_relaxed);
  return 0;
}

bool Core::add(std::shared_ptr<Flight> flight) {
  std::lock_guard lock(flights_mutex_);
  if (stopping_) return false;
  Flight* const key = flight.get();
  flights_.emplace(key, std::move(flight));
  return true;
}

void Core::remove(Flight* flight) {
  std::shared_ptr<Flight> last;  // let go outside the lock
  std::lock_guard lock(flights_mutex_);
  const auto found = flights_.find(flight);
  if (found == flights_.end()) return;
  last = std::move(found->second);
  flights_.erase(found);
  if (flights_.empty()) idle_.notify_all();
}

void Core::end_work() {
  if (work_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::lock_guard lock(flights_mutex_);
  idle_.notify_all();
}

std::unordered_map<Flight*, std::shared_ptr<Flight>> Core::stop() {
  std::lock_guard lock(flights_mutex_);
  stopping_ = true;
  return flights_;
}

void Core::wait_for_work() {
  std::unique_lock lock(flights_mutex_);
  idle_.wait(lock, [this] { return flights_.empty() && work_.load(std::memory_order_acquire) == 0; });
}

bool Core::begin_shadow() {
  if (shadows_.fetch_add(1, std::memory_order_relaxed) < kMaxShadowsInFlight) return true;
  end_shadow();
  return false;
}

}  // namespace switchyard::router
