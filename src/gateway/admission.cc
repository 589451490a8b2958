#include "switchyard/gateway/admission.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace switchyard::gateway {
namespace {

/// Of the newest window in an average.
constexpr double kNewest = 0.4;
/// In how many windows the queue shall come to half of its target.
constexpr double kSettleWindows = 3;
/// At least so much of what can be done is let in while the queue drains: a delay that does not yield when
/// less is let in has another cause (a slow disk, a starved machine), and turning away more would not help.
constexpr double kLeast = 0.5;
/// What was once done is forgotten so slowly, per window without overload.
constexpr double kForget = 0.995;
/// What is done may fall to so much of it at once, when the queue first stands.
constexpr double kFirstDrop = 0.7;
/// More was let in than done, beyond what chance makes of equal numbers.
constexpr double kClearly = 1.05;
/// What is tried beyond what was done, in a window without a queue to tell what can be done.
constexpr double kProbe = 1.03;
/// Of what can be done this is let in at once when no queue is left.
constexpr double kResume = 0.9;
/// A window's allowance may be overdrawn so far when more comes than came before.
constexpr double kSlack = 1.25;
/// A window ends early when work waits so many times the target: the first rush is the worst.
constexpr int64_t kUrgent = 3;

/// What can be done in a window, after one in which `admitted` came in and `done` were completed. What was
/// completed while more waited is what can be. What was completed because no more was let in says only that
/// it is at least so much: taken for the whole, it would shrink with each window.
double capacity_after(double capacity, double done, double admitted, bool standing, bool shedding) {
  const bool speaks = done >= admitted / 8;  // requests that wait for people say nothing of the kind
  if (!speaks) return standing ? std::min(capacity, admitted) * kFirstDrop : capacity;
  if (standing && !shedding) return std::max(done, capacity * kFirstDrop);
  if (done > capacity || (standing && admitted > done * kClearly))
    return capacity + kNewest * (done - capacity);
  return shedding ? capacity : capacity * kForget;
}

}  // namespace

Admission::Admission(AdmissionOptions options, const runtime::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      sample_every_us_(std::max<int64_t>(1, options_.window_us / kAdmissionSamples)) {}

bool Admission::admit(Priority priority, uint64_t in_flight) {
  Class& own = classes_[static_cast<size_t>(priority)];
  own.arrived.fetch_add(1, std::memory_order_relaxed);
  if (options_.queue_delay_us) {
    const int64_t now_us = clock_.monotonic_us();
    int64_t due_us = next_sample_us_.load(std::memory_order_relaxed);
    if (now_us >= due_us &&
        next_sample_us_.compare_exchange_strong(due_us, now_us + sample_every_us_, std::memory_order_relaxed))
      sample(now_us);
  }
  if (in_flight < options_.always_in_flight) {
    own.admitted.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  const uint32_t share = own.share.load(std::memory_order_relaxed);
  if (share < kAll) {
    // Evenly: the n-th is let in when it begins another whole of n shares.
    const uint64_t n = own.number.fetch_add(1, std::memory_order_relaxed);
    if ((n + 1) * share / kAll == n * share / kAll) return false;
  }
  return own.admitted.fetch_add(1, std::memory_order_relaxed) < own.most.load(std::memory_order_relaxed);
}

void Admission::sample(int64_t now_us) {
  const int64_t delay_us = options_.queue_delay_us();
  std::lock_guard lock(mutex_);
  if (now_us - window_began_us_ > 3 * options_.window_us) {
    // Nothing came for a while: what was known is old, this figure, measured before, included.
    samples_.clear();
    arrivals_ = {};
    allowed_ = 0;
    shedding_ = false;
    delay_us_ = 0;
    for (Class& each : classes_) {
      each.share = kAll;
      each.most = UINT32_MAX;
      each.arrived = each.admitted = 0;
    }
    completed_ = 0;
    window_began_us_ = now_us;
    return;
  }
  samples_.push_back(delay_us);
  const bool urgent = !shedding_ && samples_.size() >= kAdmissionSamples / 3 &&
                      *std::min_element(samples_.begin(), samples_.end()) > options_.target_delay_us &&
                      delay_us > kUrgent * options_.target_delay_us;
  if (urgent || now_us - window_began_us_ >= options_.window_us) end_window(now_us);
}

/// The mean of the newest samples.
double Admission::latest_delay_us() const {
  const size_t count = std::min<size_t>(3, samples_.size());
  if (count == 0) return 0;
  return std::accumulate(samples_.end() - static_cast<std::ptrdiff_t>(count), samples_.end(), 0.0) /
         static_cast<double>(count);
}

void Admission::end_window(int64_t now_us) {
  // As if the window had had its exact length.
  const double scale =
      static_cast<double>(options_.window_us) / static_cast<double>(now_us - window_began_us_);
  window_began_us_ = now_us;
  const double done = completed_.exchange(0, std::memory_order_relaxed) * scale;
  double all = 0, admitted = 0;
  for (size_t i = 0; i < kPriorityCount; ++i) {
    const double arrived = classes_[i].arrived.exchange(0, std::memory_order_relaxed) * scale;
    admitted += classes_[i].admitted.exchange(0, std::memory_order_relaxed) * scale;
    arrivals_[i] = shedding_ ? kNewest * arrived + (1 - kNewest) * arrivals_[i] : arrived;
    all += arrived;
  }
  const double latest_us = latest_delay_us();
  // Not the very least: one partition of many may be idle while the others are behind.
  std::sort(samples_.begin(), samples_.end());
  const bool known = samples_.size() >= kAdmissionSamples / 3;
  const int64_t delay_us = known ? samples_[samples_.size() / 4] : 0;
  samples_.clear();
  delay_us_ = delay_us;
  const bool standing = delay_us > options_.target_delay_us;
  capacity_ = capacity_after(capacity_, done, admitted, standing, shedding_);
  if (!standing && !shedding_) return;
  const auto target_us = static_cast<double>(options_.target_delay_us);
  if (standing || latest_us > target_us / 4) {
    // A queue holds what came beyond that: so much less, and it is as long as it shall be.
    const double surplus = (latest_us - target_us / 2) / static_cast<double>(options_.window_us);
    allowed_ = capacity_ * std::max(kLeast, 1 - surplus / kSettleWindows);
  } else {
    allowed_ = std::max({allowed_ * kProbe, allowed_ + 1, capacity_ * kResume});
  }
  allowed_ = std::max(allowed_, 1.0);
  shedding_ = standing || all > allowed_;
  set_shares(allowed_);
}

void Admission::set_shares(double allowed) {
  for (size_t i = kPriorityCount; i-- > 0;) {
    Class& each = classes_[i];
    if (!shedding_) {
      each.share = kAll;
      each.most = UINT32_MAX;
      continue;
    }
    const double fits = std::min(1.0, arrivals_[i] > 0 ? allowed / arrivals_[i] : 1.0);
    each.share = static_cast<uint32_t>(std::lround(fits * kAll));
    each.most = static_cast<uint32_t>(std::ceil(std::max(0.0, allowed) * kSlack));
    allowed = std::max(0.0, allowed - arrivals_[i] * fits);
  }
}

}  // namespace switchyard::gateway
