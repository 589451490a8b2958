#include "timer_thread.h"

#include <chrono>
#include <limits>

#include "switchyard/runtime/thread.h"

namespace switchyard::router {

TimerThread::TimerThread(const runtime::Clock& clock) : clock_(clock) {
  thread_ = runtime::start_thread("router-timer", [this] { run(); });
}

TimerThread::~TimerThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

uint64_t TimerThread::at(int64_t at_us, std::function<void()> action) {
  bool wake;
  uint64_t id;
  {
    std::lock_guard lock(mutex_);
    id = next_id_++;
    due_.emplace(std::pair(at_us, id), std::move(action));
    times_[id] = at_us;
    // Most timers are cancelled, so it often sleeps for one that is gone: that is soon enough for a later
    // one.
    wake = at_us < sleeps_until_us_;
    if (wake) sleeps_until_us_ = at_us;
  }
  if (wake) wake_.notify_one();
  return id;
}

void TimerThread::cancel(uint64_t id) {
  std::function<void()> dropped;  // outside the lock: it may hold the last hand on a call
  std::lock_guard lock(mutex_);
  const auto time = times_.find(id);
  if (time == times_.end()) return;
  const auto entry = due_.find({time->second, id});
  dropped = std::move(entry->second);
  due_.erase(entry);
  times_.erase(time);
}

void TimerThread::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (due_.empty()) {
      sleeps_until_us_ = std::numeric_limits<int64_t>::max();
      wake_.wait(lock);
      continue;
    }
    sleeps_until_us_ = due_.begin()->first.first;
    const int64_t wait_us = sleeps_until_us_ - clock_.monotonic_us();
    if (wait_us > 0) {
      wake_.wait_for(lock, std::chrono::microseconds(wait_us));
      continue;
    }
    sleeps_until_us_ = 0;
    auto action = std::move(due_.begin()->second);
    times_.erase(due_.begin()->first.second);
    due_.erase(due_.begin());
    lock.unlock();
    action();
    action = nullptr;
    lock.lock();
  }
}

}  // namespace switchyard::router
