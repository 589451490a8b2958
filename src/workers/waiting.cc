#include "waiting.h"

#include "switchyard/base/check.h"

namespace switchyard::workers {

std::map<std::string, std::map<QueueOrder, Entry*>>::iterator Waiting::Lane::next() {
  const auto after = tenants.upper_bound(last);
  return after == tenants.end() ? tenants.begin() : after;
}

void Waiting::add(const std::string& type, const std::string& tenant, QueueOrder order, Entry* entry) {
  lanes_[type].tenants[tenant].emplace(order, entry);
  by_age_.emplace(order.place, entry);
}

void Waiting::remove(const std::string& type, const std::string& tenant, QueueOrder order) {
  const auto lane = lanes_.find(type);
  SY_CHECK(lane != lanes_.end());
  const auto own = lane->second.tenants.find(tenant);
  SY_CHECK(own != lane->second.tenants.end() && own->second.erase(order) == 1);
  by_age_.erase(order.place);
  if (own->second.empty()) lane->second.tenants.erase(own);
  if (lane->second.tenants.empty()) lanes_.erase(lane);
}

Entry* Waiting::take(const std::vector<std::string>& types) {
  auto best = lanes_.end();
  QueueOrder best_order;
  const auto consider = [&](std::map<std::string, Lane>::iterator lane) {
    const QueueOrder order = lane->second.next()->second.begin()->first;
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

Entry* Waiting::last() const {
  const std::pair<const QueueOrder, Entry*>* last = nullptr;
  for (const auto& [type, lane] : lanes_)
    for (const auto& [tenant, tasks] : lane.tenants)
      if (last == nullptr || last->first < tasks.rbegin()->first) last = &*tasks.rbegin();
  return last == nullptr ? nullptr : last->second;
}

}  // namespace switchyard::workers
