#pragma once

#include <atomic>
#include <cstdint>

#include "switchyard/runtime/clock.h"

namespace switchyard::testing {

/// A clock that moves only when told to. Thread-safe.
class ManualClock final : public runtime::Clock {
 public:
  /// Begins on 2026-01-01T00:00:00Z unless told otherwise.
  explicit ManualClock(int64_t start_us = 1'767'225'600'000'000) : now_us_(start_us) {}

  int64_t now_us() const override { return now_us_.load(); }
  int64_t monotonic_us() const override { return monotonic_us_.load(); }
  /// Moves both clocks.
  void advance_us(int64_t by) {
    now_us_ += by;
    monotonic_us_ += by;
  }
  /// Sets the wall clock alone, as an operator or NTP would.
  void set_now_us(int64_t now) { now_us_ = now; }

 private:
  std::atomic<int64_t> now_us_;
  std::atomic<int64_t> monotonic_us_{0};
};

}  // namespace switchyard::testing
