#pragma once

#include <cstdint>

#include "sliding_window.h"

namespace switchyard::router {

/// A budget of extra calls (retries, hedges) in proportion to the calls that came: each call deposits
/// `ratio`, each extra call takes 1, deposits expire after ten seconds, and a small reserve per second keeps
/// quiet routes able to retry. As Finagle's RetryBudget (Twitter, 2016). So a failing upstream gets at most
/// 1 + ratio times the load, however many attempts a route allows. Not thread-safe.
class ExtraCalls {
 public:
  static constexpr int64_t kExpiryUs = 10'000'000;
  ExtraCalls(double ratio, double reserve_per_second)
      : ratio_milli_(static_cast<int64_t>(ratio * 1000 + 0.5)),
        reserve_milli_(static_cast<int64_t>(reserve_per_second * 10'000)),
        window_(kExpiryUs) {}

  void deposit(int64_t now_us) { window_.add(now_us, ratio_milli_); }
  /// Takes one; false when there is none.
  bool take(int64_t now_us) {
    if (window_.sum(now_us) + reserve_milli_ < 1000) return false;
    window_.add(now_us, -1000);
    return true;
  }

 private:
  const int64_t ratio_milli_, reserve_milli_;
  SlidingWindow<int64_t> window_;
};

}  // namespace switchyard::router
