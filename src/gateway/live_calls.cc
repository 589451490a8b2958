#include "switchyard/gateway/live_calls.h"

#include <utility>

namespace switchyard::gateway {

void LiveCalls::watch(const RunId& run, OnPart on_part) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  own.watches[run].on_part = std::move(on_part);
}

void LiveCalls::forget(const RunId& run) {
  Shard& own = shard(run);
  Watch gone;  // destroyed after the mutex is released
  const std::lock_guard lock(own.mutex);
  const auto found = own.watches.find(run);
  if (found == own.watches.end()) return;
  gone = std::move(found->second);
  own.watches.erase(found);
}

void LiveCalls::abandon(const RunId& run) {
  std::function<void()> cancel;
  {
    Shard& own = shard(run);
    const std::lock_guard lock(own.mutex);
    const auto found = own.watches.find(run);
    if (found == own.watches.end()) return;
    found->second.abandoned = true;
    found->second.on_part = nullptr;
    cancel = std::exchange(found->second.cancel, nullptr);
  }
  if (cancel) cancel();
}

LiveCalls::OnPart LiveCalls::parts(const RunId& run) const {
  const Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.watches.find(run);
  return found == own.watches.end() ? nullptr : found->second.on_part;
}

void LiveCalls::began(const RunId& run, std::function<void()> cancel) {
  bool left = false;
  {
    Shard& own = shard(run);
    const std::lock_guard lock(own.mutex);
    const auto found = own.watches.find(run);
    if (found == own.watches.end()) return;
    left = found->second.abandoned;
    if (!left) found->second.cancel = std::move(cancel);
  }
  if (left) cancel();
}

}  // namespace switchyard::gateway
