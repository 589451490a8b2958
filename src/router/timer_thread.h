#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "switchyard/router/router.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::router {

/// Timers on a thread of their own. The destructor forgets what has not begun.
class TimerThread final : public Timers {
 public:
  explicit TimerThread(const runtime::Clock& clock);
  ~TimerThread() override;
  uint64_t at(int64_t at_us, std::function<void()> action) override;
  void cancel(uint64_t id) override;

 private:
  void run();

  const runtime::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> due_;
  std::map<uint64_t, int64_t> times_;
  uint64_t next_id_ = 1;
  int64_t sleeps_until_us_ = 0;  ///< 0 while it works
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace switchyard::router
