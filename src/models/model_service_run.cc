#include <utility>

#include "model_service_impl.h"
#include "switchyard/base/check.h"

// The way of a request: admitted, queued, taken by a worker, answered.
namespace switchyard::models {
namespace {

Error deadline_error(const ModelInfo& info, int64_t waited_us) {
  return make_error(ErrorKind::kDeadlineExceeded, "models.deadline",
                    "the deadline passed after " + std::to_string(waited_us / 1000) + " ms in the queue of " +
                        info.manifest.model.to_string() + ", before its run; allow more time or add workers");
}

template <size_t kBounds, typename T, size_t kCounts>
void count_in(const std::array<T, kBounds>& bounds, std::array<uint64_t, kCounts>& counts, T value) {
  size_t at = 0;
  while (at < kBounds && value > bounds[at]) ++at;
  if (at < kCounts) ++counts[at];
}

}  // namespace

Result<ModelService::Impl::VersionPtr> ModelService::Impl::admit(const ModelRequest& request,
                                                                 int64_t now_us) {
  if (stage_ == Stage::kStopped) return stopping_error();
  if (stage_ == Stage::kNew) {
    return make_error(ErrorKind::kUnavailable, "models.not_started",
                      "the model service has not been started; ask again later");
  }
  auto version = lookup(request.name, request.version);
  if (version == nullptr) return unknown(request.name, request.version);
  if (version->disabled) return disabled_error(version->info->manifest.model.to_string());
  if (request.deadline_us != 0 && request.deadline_us <= now_us) {
    ++version->stats.expired;
    return deadline_error(*version->info, 0);
  }
  if (version->queue.size() >= version->queue_limit) {
    ++version->stats.rejected;
    return make_error(ErrorKind::kResourceExhausted, "models.queue_full",
                      "already " + std::to_string(version->queue_limit) + " requests wait for " +
                          version->info->manifest.model.to_string() +
                          " (its queue limit); ask again later, or raise batch.queue in its manifest");
  }
  return version;
}

void ModelService::Impl::infer(ModelRequest request) {
  SY_CHECK(request.done != nullptr);
  const int64_t now_us = options_.clock->monotonic_us();
  std::unique_lock lock(mutex_);
  auto admitted = admit(request, now_us);
  if (!admitted.ok()) {
    lock.unlock();
    request.done(std::move(admitted).error());
    return;
  }
  const VersionPtr version = std::move(admitted).value();
  const int64_t deadline_us = request.deadline_us != 0 ? request.deadline_us : now_us + version->timeout_us;
  version->queue.push_back({std::move(request.input), std::move(request.done), now_us, deadline_us});
  if (version->scheduled) return;  // a worker will come to it
  version->scheduled = true;
  scheduled_.push_back(version);
  lock.unlock();
  work_.notify_one();
}

void ModelService::Impl::take_batch(const VersionPtr& version, int64_t now_us, std::vector<Pending>& taken,
                                    std::vector<Pending>& expired) {
  const uint32_t most = version->info->manifest.max_batch;
  while (!version->queue.empty() && taken.size() < most) {
    Pending& next = version->queue.front();
    auto& to = next.deadline_us <= now_us ? expired : taken;
    to.push_back(std::move(next));
    version->queue.pop_front();
  }
  for (const auto& pending : taken) {
    count_in(ModelStats::kTimeBoundsUs, version->stats.queue_time, now_us - pending.accepted_us);
    version->stats.queue_us += now_us - pending.accepted_us;
  }
  version->stats.expired += expired.size();
  version->running += static_cast<uint32_t>(taken.size() + expired.size());
}

void ModelService::Impl::work() {
  BatchMemory memory;
  std::vector<Pending> expired;
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stage_ == Stage::kStopped || !scheduled_.empty(); });
    if (stage_ == Stage::kStopped) return;
    VersionPtr version = std::move(scheduled_.front());
    scheduled_.pop_front();
    memory.taken.clear();
    expired.clear();
    take_batch(version, options_.clock->monotonic_us(), memory.taken, expired);
    version->scheduled = !version->queue.empty();
    const bool more = version->scheduled;
    if (more) scheduled_.push_back(version);  // behind the others, so that no model starves another
    ++busy_workers_;
    lock.unlock();
    if (more) work_.notify_one();
    run_one(version, memory, expired);
    version.reset();
    lock.lock();
  }
}

void ModelService::Impl::run_one(const VersionPtr& version, BatchMemory& memory,
                                 std::vector<Pending>& expired) {
  const int64_t begin_us = options_.clock->monotonic_us();
  for (auto& pending : expired) pending.done(deadline_error(*version->info, begin_us - pending.accepted_us));
  BatchOutcome outcome;
  if (!memory.taken.empty()) outcome = answer_batch(*version, memory, *options_.clock);
  const auto count = static_cast<uint32_t>(memory.taken.size() + expired.size());
  // Inputs are freed before the mutex is taken.
  memory.taken.clear();
  expired.clear();

  const std::lock_guard lock(mutex_);
  ModelStats& stats = version->stats;
  stats.answered += outcome.answered;
  stats.failed += outcome.failed;
  stats.batches += outcome.batches;
  stats.rows += outcome.rows;
  stats.padded_rows += outcome.padded_rows;
  stats.run_us += outcome.run_us;
  if (outcome.batches > 0) {
    count_in(ModelStats::kBatchBounds, stats.batch_size, outcome.first_batch_size);
    count_in(ModelStats::kTimeBoundsUs, stats.run_time, outcome.run_us);
  }
  --busy_workers_;
  busy_us_ += options_.clock->monotonic_us() - begin_us;
  SY_CHECK(version->running >= count);
  version->running -= count;
  forget_if_drained(version);
}

Result<ModelAnswer> ModelService::Impl::run_at(std::string_view name, std::string_view version,
                                               const Document& input, BatchPlace place) {
  VersionPtr found;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kStopped) return stopping_error();
    found = lookup(name, version);
    if (found == nullptr) return unknown(name, version);
    if (found->disabled) return disabled_error(found->info->manifest.model.to_string());
    ++found->running;
  }
  auto answer = answer_at(*found, input, place, *options_.clock);
  const std::lock_guard lock(mutex_);
  --found->running;
  forget_if_drained(found);
  return answer;
}

}  // namespace switchyard::models
