#include <algorithm>
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

Error queue_full(const Version& version) {
  return make_error(ErrorKind::kResourceExhausted, "models.queue_full",
                    "already " + std::to_string(version.queue_limit) +
                        " requests of the same or a higher priority wait for " +
                        version.info->manifest.model.to_string() +
                        " (its queue limit); ask again later, or raise batch.queue in its manifest");
}

/// Lets the last in the queue give way until there are so many places; false, and nothing done, when too few
/// of them come after a new one of that priority.
bool make_room(Version& version, size_t places, int32_t priority, std::vector<Pending>& gave_way) {
  const QueueOrder mine(version.arrivals, priority);
  auto& queue = version.queue;
  auto keep = queue.end();
  size_t kept = queue.size(), requests = 0;
  for (; kept + places > version.queue_limit; ++requests) {
    const auto first = queue.lower_bound(std::prev(keep)->first);  // all parts of a request go
    if (first->first < mine) return false;
    kept -= static_cast<size_t>(std::distance(first, keep));
    keep = first;
  }
  for (auto at = keep; at != queue.end(); ++at) gave_way.push_back(std::move(at->second));
  queue.erase(keep, queue.end());
  version.stats.rejected += requests;
  return true;
}

template <size_t kBounds, typename T, size_t kCounts>
void count_in(const std::array<T, kBounds>& bounds, std::array<uint64_t, kCounts>& counts, T value) {
  size_t at = 0;
  while (at < kBounds && value > bounds[at]) ++at;
  if (at < kCounts) ++counts[at];
}

}  // namespace

Result<ModelService::Impl::VersionPtr> ModelService::Impl::admit(const ModelRequest& request, uint32_t rows,
                                                                 int64_t now_us,
                                                                 std::vector<Pending>& gave_way) {
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
  const uint32_t most = version->info->manifest.max_batch;
  const size_t parts = (rows + most - 1) / most;
  if (parts > version->queue_limit) {
    ++version->stats.rejected;
    return make_error(ErrorKind::kTooLarge, "models.too_many_rows",
                      "the request's " + std::to_string(rows) + " rows are " + std::to_string(parts) +
                          " runs, and " + std::to_string(version->queue_limit) + " may wait for " +
                          version->info->manifest.model.to_string() +
                          "; send fewer rows at once, or raise batch.max or batch.queue in its manifest");
  }
  if (!make_room(*version, parts, request.priority, gave_way)) {
    ++version->stats.rejected;
    return queue_full(*version);
  }
  return version;
}

void ModelService::Impl::infer(ModelRequest request) {
  SY_CHECK(request.done != nullptr);
  std::shared_ptr<const TensorRows> tensors;
  if (has_tensors(*request.input)) {
    auto read = TensorRows::read(std::move(request.input));
    if (!read.ok()) return request.done(std::move(read).error());
    tensors = std::move(read).value();
    request.input = {};
  }
  const int64_t now_us = options_.clock->monotonic_us();
  std::vector<Pending> gave_way;
  std::unique_lock lock(mutex_);
  auto admitted = admit(request, tensors == nullptr ? 1 : tensors->rows, now_us, gave_way);
  if (!admitted.ok()) {
    lock.unlock();
    request.done(std::move(admitted).error());
    return;
  }
  const VersionPtr version = std::move(admitted).value();
  const int64_t deadline_us = request.deadline_us != 0 ? request.deadline_us : now_us + version->timeout_us;
  const QueueOrder order(version->arrivals++, request.priority);
  if (tensors == nullptr) {
    version->queue.emplace(order,
                           Pending{std::move(request.input), std::move(request.done), now_us, deadline_us});
  } else {
    enqueue(*version, order, std::move(tensors), std::move(request.done), now_us, deadline_us);
  }
  const bool wake = schedule(version);
  lock.unlock();
  if (wake) work_.notify_one();
  for (auto& pending : gave_way) pending.done(queue_full(*version));
}

bool ModelService::Impl::schedule(const VersionPtr& version) {
  // In line already; or the instance that becomes idle next will be told.
  if (version->scheduled || version->queue.empty() || version->idle.empty()) return false;
  version->scheduled = true;
  scheduled_.push_back(version);  // behind the others, so that no model starves another
  return true;
}

void ModelService::Impl::enqueue(Version& version, QueueOrder order,
                                 std::shared_ptr<const TensorRows> tensors, ModelCallback done,
                                 int64_t now_us, int64_t deadline_us) {
  const uint32_t rows = tensors->rows;
  const uint32_t most = version.info->manifest.max_batch;
  if (rows <= most) {
    version.queue.emplace(
        order, Pending{{}, std::move(done), now_us, deadline_us, std::move(tensors), 0, rows, false});
    return;
  }
  const auto join = std::make_shared<TensorJoin>((rows + most - 1) / most, std::move(done));
  for (uint32_t first = 0; first < rows; first += most) {
    ModelCallback part = [join, at = first / most](Result<ModelAnswer> answer) {
      join->add(at, std::move(answer));
    };
    version.queue.emplace(
        order,
        Pending{
            {}, std::move(part), now_us, deadline_us, tensors, first, std::min(most, rows - first), true});
  }
}

void ModelService::Impl::take_batch(const VersionPtr& version, int64_t now_us, std::vector<Pending>& taken,
                                    std::vector<Pending>& expired) {
  const uint32_t most = version->info->manifest.max_batch;
  uint32_t rows = 0;
  while (!version->queue.empty() && rows < most) {
    Pending& next = version->queue.begin()->second;
    if (next.deadline_us <= now_us) {
      expired.push_back(std::move(next));
    } else {
      if (rows > 0 && (next.alone || rows + next.rows > most)) break;
      rows = next.alone ? most : rows + next.rows;
      taken.push_back(std::move(next));
    }
    version->queue.erase(version->queue.begin());
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
    SY_CHECK(!version->idle.empty());
    const uint32_t instance = version->idle.back();
    version->idle.pop_back();
    memory.session = version->session_of(instance);
    version->scheduled = false;
    const bool more = schedule(version);
    ++busy_workers_;
    lock.unlock();
    if (more) work_.notify_one();
    run_one(version, instance, memory, expired);
    version.reset();
    lock.lock();
  }
}

void ModelService::Impl::run_one(const VersionPtr& version, uint32_t instance, BatchMemory& memory,
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
  version->idle.push_back(instance);
  schedule(version);  // nobody need be woken: this worker looks next
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
