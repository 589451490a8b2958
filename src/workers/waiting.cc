#include "waiting.h"

#include "switchyard/base/check.h"

namespace switchyard::workers {

std::map<std::string, std::map<uint64_t, Entry*>>::iterator Waiting::Lane::next() {
  const auto after = tenants.upper_bound(last);
  return after == tenants.end() ? tenants.begin() : after;
}

void Waiting::add(const std::string& type, const std::string& tenant, uint64_t order, Entry* entry) {
  lanes_[type].tenants[tenant].emplace(order, entry);
  ++size_;
}

void Waiting::remove(const std::string& type, const std::string& tenant, uint64_t order) {
  const auto lane = lanes_.find(type);
  SY_CHECK(lane != lanes_.end());
  const auto own = lane->second.tenants.find(tenant);
  SY_CHECK(own != lane->second.tenants.end() && own->second.erase(order) == 1);
  --size_;
  if (own->second.empty()) lane->second.tenants.erase(own);
  if (lane->second.tenants.empty()) lanes_.erase(lane);
}

Entry* Waiting::take(const std::vector<std::string>& types) {
  auto best = lanes_.end();
  uint64_t best_order = 0;
  const auto consider = [&](std::map<std::string, Lane>::iterator lane) {
    const uint64_t order = lane->second.next()->second.begin()->first;
    if (best == lanes_.end() || order < best_order) best = lane, best_order = order;
  };
  if (types.empty()) {
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) consider(lane);
  } else {
    for (const std::string& type : types)
      if (const auto lane = lanes_.find(type); lane != lanes_.end()) consider(lane);
  }
  if (best == lanes_.end()) return nullptr;
  Lane& lane = best->second;
  const auto tenant = lane.next();
  lane.last = tenant->first;
  Entry* entry = tenant->second.begin()->second;
  // By copy: the names go with their maps.
  remove(std::string(best->first), std::string(tenant->first), best_order);
  return entry;
}

const Entry* Waiting::oldest() const {
  const Entry* oldest = nullptr;
  uint64_t order = 0;
  for (const auto& [type, lane] : lanes_) {
    for (const auto& [tenant, tasks] : lane.tenants) {
      if (oldest != nullptr && tasks.begin()->first >= order) continue;
      order = tasks.begin()->first;
      oldest = tasks.begin()->second;
    }
  }
  return oldest;
}

}  // namespace switchyard::workers
