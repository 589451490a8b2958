#pragma once

#include <cstdint>
#include <string_view>

#include "sliding_window.h"
#include "switchyard/router/route.h"

namespace switchyard::router {

/// Keeps calls away from a model version that fails or is slow: the pattern of Nygard, "Release It!", 2007,
/// with rates over a sliding window of time. Closed: counts. Open: refuses for a while, longer each time it
/// opens again (up to eightfold). Half-open: lets a few probes through; all of them must succeed. A pure
/// function of its calls and times; not thread-safe.
class CircuitBreaker {
 public:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };
  /// What allow() said; goes back in record() or release().
  enum class Ticket : uint8_t { kRefused, kCall, kProbe };

  explicit CircuitBreaker(const Breaker& settings);

  Ticket allow(int64_t now_us);
  /// Whether allow() would refuse now.
  bool refuses(int64_t now_us) const;
  void record(int64_t now_us, Ticket ticket, bool failed, int64_t took_us);
  /// The call says nothing about the model: it was cancelled, or the caller's mistake.
  void release(Ticket ticket);

  State state(int64_t now_us) const;
  /// When an open breaker lets probes through; 0 when it is not open.
  int64_t reopens_at_us() const { return open_ ? opened_us_ + open_for_us_ : 0; }

 private:
  struct Counts {
    int64_t calls = 0, failures = 0, slow = 0;
    Counts& operator+=(const Counts& b) {
      calls += b.calls, failures += b.failures, slow += b.slow;
      return *this;
    }
    Counts& operator-=(const Counts& b) {
      calls -= b.calls, failures -= b.failures, slow -= b.slow;
      return *this;
    }
  };
  void open(int64_t now_us);

  const Breaker settings_;
  SlidingWindow<Counts> window_;
  bool open_ = false;  // or half-open, by time
  int64_t opened_us_ = 0;
  int64_t open_for_us_ = 0;
  uint32_t openings_ = 0;  // without a recovery between
  uint32_t probes_out_ = 0;
  uint32_t probes_good_ = 0;
};

/// "closed", "open", "half_open".
std::string_view breaker_state_name(CircuitBreaker::State state);

}  // namespace switchyard::router
