#include "switchyard/gateway/live_calls.h"

#include <utility>

namespace switchyard::gateway {

LiveCall::Wanted LiveCall::wanted() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

void LiveCall::failed(Refusal refusal) {
  const std::lock_guard lock(mutex_);
  refusal_ = refusal;
}

LiveCall::Refusal LiveCall::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void LiveCall::began(std::function<void()> cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (!abandoned_) return cancels_.push_back(std::move(cancel));
  }
  cancel();
}

void LiveCall::abandon() {
  std::vector<std::function<void()>> cancels;
  OnPart gone;  // destroyed after the mutex is released
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    cancels.swap(cancels_);
    gone = std::exchange(wanted_.on_part, nullptr);
  }
  for (const auto& cancel : cancels) cancel();
}

bool LiveCall::abandoned() const {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

/// With the shard's mutex held. Who lets go of it last takes it out of the shard.
std::shared_ptr<LiveCall> LiveCalls::make(Shard& shard, const RunId& run, LiveCall::Wanted wanted) {
  std::shared_ptr<LiveCall> call(new LiveCall(std::move(wanted)), [&shard, run](LiveCall* own) {
    delete own;
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.calls.find(run);
    // Another may have begun meanwhile.
    if (found != shard.calls.end() && found->second.expired()) shard.calls.erase(found);
  });
  shard.calls.insert_or_assign(run, call);
  return call;
}

std::shared_ptr<LiveCall> LiveCalls::watch(const RunId& run, LiveCall::Wanted wanted) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  return make(own, run, std::move(wanted));
}

std::shared_ptr<LiveCall> LiveCalls::join(const RunId& run) {
  Shard& own = shard(run);
  const std::lock_guard lock(own.mutex);
  if (const auto found = own.calls.find(run); found != own.calls.end())
    if (auto call = found->second.lock()) return call;
  return make(own, run, {});
}

void LiveCalls::abandon(const RunId& run) {
  std::shared_ptr<LiveCall> call;
  {
    Shard& own = shard(run);
    const std::lock_guard lock(own.mutex);
    const auto found = own.calls.find(run);
    if (found != own.calls.end()) call = found->second.lock();
  }
  if (call != nullptr) call->abandon();
}

}  // namespace switchyard::gateway
