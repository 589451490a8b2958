#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "switchyard/gateway/limits.h"
#include "switchyard/gateway/policy.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::gateway {

struct AdmissionOptions {
  /// Work may wait so long for a thread or the disk without anything being done about it.
  int64_t target_delay_us = 20'000;
  /// How often is looked whether it waits longer, and decided what to let in.
  int64_t window_us = 100'000;
  /// How long work waits now, in microseconds; asked kAdmissionSamples times a window while requests come.
  /// Empty: nothing is ever turned away.
  std::function<int64_t()> queue_delay_us;
  /// Nothing is turned away while fewer are in flight. So few are no queue: where each of them is long (a
  /// large body that goes to the disk), to turn others away would only leave it idle.
  uint64_t always_in_flight = kAlwaysInFlight;
};

/// Decides what is let in when more comes than can be done, so that what is let in is still done in time.
/// The signal is the one of CoDel (Nichols and Jacobson, ACM Queue 10(5), 2012; RFC 8289): a queue in which
/// even the quickest wait longer than a target over a whole window is standing, not a burst. What to do then
/// is the idea of DAGOR (Zhou et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018): turn
/// away at the door, by priority, so much that about as much is let in as was just completed. Classes are let
/// in from the highest down, and of the class that fits in part an even share. As CoDel drops nothing while a
/// queue holds no more than one packet, nothing is turned away while only a few are in flight. Driven by the
/// requests themselves: it has no thread. Thread-safe, and takes no lock but once a window.
class Admission {
 public:
  Admission(AdmissionOptions options, const runtime::Clock& clock);

  /// Whether a request may come in beside `in_flight` others. Counts it.
  bool admit(Priority priority, uint64_t in_flight);
  /// A request that was let in has been answered.
  void completed() { completed_.fetch_add(1, std::memory_order_relaxed); }
  /// How long work that is let in now will wait, as far as is known.
  int64_t delay_us() const { return delay_us_.load(std::memory_order_relaxed); }
  bool is_shedding() const { return shedding_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Class {
    std::atomic<uint32_t> arrived{0};   // in this window
    std::atomic<uint32_t> admitted{0};  // in this window
    std::atomic<uint32_t> number{0};    // of requests, for even shares
    std::atomic<uint32_t> share{kAll};  // of kAll
    std::atomic<uint32_t> most{UINT32_MAX};
  };
  static constexpr uint32_t kAll = 1u << 16;

  void sample(int64_t now_us);
  void end_window(int64_t now_us);
  double latest_delay_us() const;
  void set_shares(double allowed);

  const AdmissionOptions options_;
  const runtime::Clock& clock_;
  const int64_t sample_every_us_;
  std::atomic<int64_t> next_sample_us_{0};
  std::array<Class, kPriorityCount> classes_;
  std::atomic<uint32_t> completed_{0};
  std::atomic<int64_t> delay_us_{0};
  std::atomic<bool> shedding_{false};

  std::mutex mutex_;
  std::vector<int64_t> samples_;                   // guarded by mutex_
  int64_t window_began_us_ = 0;                    // guarded by mutex_
  double capacity_ = 0;                            // guarded by mutex_; completed per window
  double allowed_ = 0;                             // guarded by mutex_; per window, while shedding
  std::array<double, kPriorityCount> arrivals_{};  // guarded by mutex_; per window
};

}  // namespace switchyard::gateway
