#include "call_limit.h"

#include <iterator>
#include <utility>

namespace switchyard::models {

QueueOrder CallLimit::enter(int32_t priority, Begin begin, std::function<void()> refuse) {
  QueueOrder order;
  {
    const std::lock_guard lock(mutex_);
    order = QueueOrder(arrivals_++, priority);
    if (under_way_ >= most_) {
      waiting_.emplace(order, Waiting{std::move(begin), std::move(refuse)});
      if (waiting_.size() <= most_waiting_) return order;
      refuse = std::move(waiting_.extract(std::prev(waiting_.end())).mapped().refuse);
      begin = nullptr;
    } else {
      ++under_way_;
    }
  }
  if (begin == nullptr)
    refuse();
  else if (!begin())
    leave();
  return order;
}

bool CallLimit::withdraw(QueueOrder order) {
  std::map<QueueOrder, Waiting>::node_type withdrawn;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  withdrawn = waiting_.extract(order);
  return !withdrawn.empty();
}

void CallLimit::leave() {
  std::unique_lock lock(mutex_);
  ++left_;
  // A call that ends within its begin() leaves its place to the loop below, not to a deeper one.
  if (giving_) return;
  giving_ = true;
  while (left_ > 0 && !waiting_.empty()) {
    --left_;
    const Begin begin = std::move(waiting_.extract(waiting_.begin()).mapped().begin);
    lock.unlock();
    const bool begun = begin();
    lock.lock();
    if (!begun) ++left_;
  }
  under_way_ -= std::exchange(left_, 0);
  giving_ = false;
}

}  // namespace switchyard::models
