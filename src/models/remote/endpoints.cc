#include "endpoints.h"

#include <algorithm>

#include "switchyard/base/check.h"

namespace switchyard::models {
namespace {
constexpr uint32_t kLongestEjection = 10;  // times the first
}

Endpoints::Endpoints(const BackendSpec& spec)
    : eject_after_(spec.eject_after), eject_us_(int64_t{1000} * spec.eject_ms) {
  for (const std::string& url : spec.urls) replicas_.push_back({url});
  SY_CHECK(!replicas_.empty());
}

/// Marsaglia's xorshift64: which replica is asked needs no better randomness.
size_t Endpoints::random_below(size_t count) {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<size_t>(random_ % count);
}

Endpoints::Pick Endpoints::begin(int64_t now_us) {
  const std::lock_guard lock(mutex_);
  size_t best = 0;
  if (replicas_.size() > 1) {
    std::vector<size_t> usable;
    for (size_t i = 0; i < replicas_.size(); ++i)
      if (replicas_[i].out_until_us <= now_us) usable.push_back(i);
    if (usable.empty())
      for (size_t i = 0; i < replicas_.size(); ++i) usable.push_back(i);
    best = usable[random_below(usable.size())];
    const size_t other = usable[random_below(usable.size())];
    if (replicas_[other].under_way < replicas_[best].under_way) best = other;
  }
  ++replicas_[best].under_way;
  return {best, &replicas_[best].url};
}

void Endpoints::end(size_t index, bool healthy, int64_t now_us) {
  const std::lock_guard lock(mutex_);
  Replica& replica = replicas_[index];
  --replica.under_way;
  if (healthy) {
    replica.failures = replica.ejections = 0;
    return;
  }
  if (++replica.failures < eject_after_ || replica.out_until_us > now_us) return;
  const auto out = std::count_if(replicas_.begin(), replicas_.end(),
                                 [&](const Replica& one) { return one.out_until_us > now_us; });
  if (static_cast<size_t>(out + 1) * 2 > replicas_.size()) return;
  replica.ejections = std::min(replica.ejections + 1, kLongestEjection);
  replica.out_until_us = now_us + eject_us_ * replica.ejections;
  replica.failures = 0;
}

void Endpoints::abandon(size_t index) {
  const std::lock_guard lock(mutex_);
  --replicas_[index].under_way;
}

std::vector<Endpoints::State> Endpoints::states(int64_t now_us) const {
  const std::lock_guard lock(mutex_);
  std::vector<State> all;
  for (const Replica& replica : replicas_)
    all.push_back({replica.url, replica.under_way, replica.out_until_us > now_us});
  return all;
}

}  // namespace switchyard::models
