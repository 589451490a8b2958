#include "concurrency_limit.h"

#include <algorithm>
#include <cmath>

namespace switchyard::router {
namespace {

constexpr double kDropFactor = 0.9;
constexpr uint32_t kKeptPart = 10;     // one in so many places is left to calls of higher priority
constexpr uint32_t kComeAmong = 1000;  // while one of them is among so many calls
constexpr double kMeasureEvery = 50;   // limits full of samples

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const Concurrency& settings, uint32_t in_flight)
    : settings_(settings), limit_(settings.initial), in_flight_(in_flight) {}

uint32_t ConcurrencyLimit::kept_from(int32_t priority) const {
  const uint32_t part = static_cast<uint32_t>(limit_) / kKeptPart;
  uint32_t kept = 0;
  if (priority <= kDefaultPriority && higher_come_ > 0) kept += part;
  if (priority < kDefaultPriority && usual_come_ > 0) kept += part;
  return kept;
}

bool ConcurrencyLimit::enter(int32_t priority) {
  if (usual_come_ > 0) --usual_come_;
  if (higher_come_ > 0) --higher_come_;
  if (priority == kDefaultPriority) usual_come_ = kComeAmong;
  if (priority > kDefaultPriority) higher_come_ = kComeAmong;
  if (settings_.on && in_flight_ + kept_from(priority) >= static_cast<uint32_t>(limit_)) return false;
  ++in_flight_;
  return true;
}

void ConcurrencyLimit::sample(int64_t latency_us, bool dropped) {
  if (!settings_.on) return;
  const auto bounded = [&](double limit) {
    return std::clamp(limit, static_cast<double>(settings_.least), static_cast<double>(settings_.most));
  };
  if (dropped) {
    limit_ = bounded(limit_ * kDropFactor);
    usual_limit_ = bounded(usual_limit_ * kDropFactor);
    return;
  }
  if (latency_us <= 0) return;
  if (left_to_measure_ > 0) return measure(latency_us);
  if (least_us_ == 0) until_measure_ = static_cast<uint64_t>(kMeasureEvery * limit_) + 1;
  if (--until_measure_ == 0) {
    usual_limit_ = limit_;
    drain_ = static_cast<uint64_t>(limit_) + 1;
    limit_ = bounded(limit_ / 2);
    left_to_measure_ = drain_ + static_cast<uint64_t>(limit_) + 1;
    measured_us_ = 0;
    return;
  }
  least_us_ = least_us_ == 0 ? latency_us : std::min(least_us_, latency_us);
  // A limit that is not used says nothing about what would happen at it.
  if (in_flight_ * 2 < static_cast<uint32_t>(limit_)) return;
  const double queue =
      limit_ * (1 - static_cast<double>(least_us_) / static_cast<double>(std::max<int64_t>(latency_us, 1)));
  const double unit = std::max(1.0, std::log10(limit_));
  if (queue < 3 * unit)
    limit_ = bounded(limit_ + unit / limit_);  // about one unit a round trip
  else if (queue > 6 * unit)
    limit_ = bounded(limit_ - unit / limit_);
}

void ConcurrencyLimit::measure(int64_t latency_us) {
  --left_to_measure_;
  if (drain_ > 0)
    --drain_;
  else
    measured_us_ = measured_us_ == 0 ? latency_us : std::min(measured_us_, latency_us);
  if (left_to_measure_ > 0) return;
  limit_ = usual_limit_;
  least_us_ = measured_us_;
  until_measure_ = static_cast<uint64_t>(kMeasureEvery * limit_) + 1;
}

}  // namespace switchyard::router
