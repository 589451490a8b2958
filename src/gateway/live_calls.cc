#include "switchyard/gateway/live_calls.h"

#include <utility>

namespace switchyard::gateway {

void LiveCalls::watch(const RunId& run, Wanted wanted) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  own.watches[run].wanted = std::move(wanted);
}

LiveCalls::Refusal LiveCalls::forget(const RunId& run) {
  Shard& own = shard(run);
  Watch gone;  // destroyed after the mutex is released
  const std::lock_guard lock(own.mutex);
  const auto found = own.watches.find(run);
  if (found == own.watches.end()) return {};
  gone = std::move(found->second);
  own.watches.erase(found);
  return gone.refusal;
}

void LiveCalls::abandon(const RunId& run) {
  std::function<void()> cancel;
  {
    Shard& own = shard(run);
    const std::lock_guard lock(own.mutex);
    const auto found = own.watches.find(run);
    if (found == own.watches.end()) return;
    found->second.abandoned = true;
    found->second.wanted.on_part = nullptr;
    cancel = std::exchange(found->second.cancel, nullptr);
  }
  if (cancel) cancel();
}

LiveCalls::Wanted LiveCalls::wanted(const RunId& run) const {
  const Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.watches.find(run);
  return found == own.watches.end() ? Wanted{} : found->second.wanted;
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

void LiveCalls::failed(const RunId& run, Refusal refusal) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.watches.find(run);
  if (found != own.watches.end()) found->second.refusal = refusal;
}

}  // namespace switchyard::gateway
