#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "switchyard/base/check.h"
#include "switchyard/partition/limits.h"
#include "switchyard/types/priority.h"

namespace switchyard::partition {

/// What waits for its turn, fair between tenants. A tenant takes items until those have used up its share of
/// steps, then the next one's turn comes; what an item used over the share is taken from the tenant's next.
/// So an item of one tenant waits for a bounded number of steps, however much the others have
/// (kFairShareSteps). Within a tenant they go in QueueOrder. The same calls give the same order.
template <typename Item>
class FairQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void push(std::string_view tenant, int32_t priority, Item item) {
    auto found = tenants_.find(tenant);
    if (found == tenants_.end()) found = tenants_.emplace(std::string(tenant), Tenant()).first;
    if (!found->second.listed) turns_.push_back(found->first);
    found->second.listed = true;
    found->second.items.emplace(QueueOrder(next_++, priority), std::move(item));
    ++size_;
  }

  /// Requires: not empty. What it gives is charged before the next.
  Item pop() {
    SY_CHECK(size_ > 0);
    Tenant* tenant = &tenants_.find(turns_.front())->second;
    while (tenant->left <= 0) {
      tenant->left += kFairShareSteps;
      if (tenant->left > 0) break;
      turn_over();
      tenant = &tenants_.find(turns_.front())->second;
    }
    last_ = turns_.front();
    Item item = std::move(tenant->items.begin()->second);
    tenant->items.erase(tenant->items.begin());
    --size_;
    return item;
  }

  /// What the item that pop() gave last has used; at least one step is counted.
  void charge(uint64_t steps) {
    const auto found = tenants_.find(last_);
    if (found == tenants_.end()) return;
    Tenant& tenant = found->second;
    tenant.left -= static_cast<int64_t>(steps == 0 ? 1 : steps);
    if (tenant.items.empty()) {
      turns_.pop_front();
      tenant.listed = false;
      // A debt is not forgotten because nothing waits just now.
      if (tenant.left >= 0) tenants_.erase(found);
      if (size_ == 0) tenants_.clear();
    } else if (tenant.left <= 0) {
      turn_over();
    }
  }

 private:
  struct Tenant {
    std::map<QueueOrder, Item> items;
    int64_t left = kFairShareSteps;  ///< steps of its share; negative: of its next
    bool listed = false;             ///< in turns_
  };
  void turn_over() {
    turns_.push_back(std::move(turns_.front()));
    turns_.pop_front();
  }

  std::map<std::string, Tenant, std::less<>> tenants_;
  std::deque<std::string> turns_;  ///< tenants that have items, the next first
  std::string last_;
  uint64_t next_ = 0;
  size_t size_ = 0;
};

}  // namespace switchyard::partition
