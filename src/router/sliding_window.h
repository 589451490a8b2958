#pragma once

#include <array>
#include <cstdint>

namespace switchyard::router {

/// Sums over the last `window_us`, kept in ten slices: what is older than the window and one slice is gone.
/// `Counts` has operator+= and -=, and is zero by default. Not thread-safe; time must not matter when it goes
/// back a little.
template <typename Counts>
class SlidingWindow {
 public:
  static constexpr int64_t kSlices = 10;
  explicit SlidingWindow(int64_t window_us) : slice_us_(window_us / kSlices > 0 ? window_us / kSlices : 1) {}

  void add(int64_t now_us, const Counts& counts) {
    advance(now_us);
    slices_[static_cast<size_t>(at_ % kSlices)] += counts;
    sum_ += counts;
  }
  const Counts& sum(int64_t now_us) {
    advance(now_us);
    return sum_;
  }
  void clear() {
    slices_.fill({});
    sum_ = {};
  }

 private:
  void advance(int64_t now_us) {
    const int64_t to = now_us / slice_us_;
    if (to <= at_) return;
    if (to - at_ >= kSlices) {
      clear();
    } else {
      for (int64_t i = at_ + 1; i <= to; ++i) {
        Counts& old = slices_[static_cast<size_t>(i % kSlices)];
        sum_ -= old;
        old = {};
      }
    }
    at_ = to;
  }

  const int64_t slice_us_;
  int64_t at_ = 0;
  std::array<Counts, kSlices> slices_{};
  Counts sum_{};
};

}  // namespace switchyard::router
