// The writer's steps: form a group, write it, sync it, roll to the next segment, survive a full disk.

#include <algorithm>
#include <chrono>

#include "local_core.h"
#include "switchyard/base/check.h"
#include "switchyard/log/limits.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::log {

StepResult LocalCore::step() {
  {
    std::unique_lock lock(mutex_);
    if (failure_) {
      const Error error = *failure_;
      lock.unlock();
      fail_queued(error);
      return StepResult::kFailed;
    }
  }
  if (group_written_) return sync_group();
  if (!group_.empty()) return write_group();
  if (!refill()) return prepare_when_idle() ? StepResult::kPrepared : StepResult::kIdle;
  return form_group();
}

// Takes over everything that waits; false when nothing does.
bool LocalCore::refill() {
  std::lock_guard lock(mutex_);
  for (auto& pending : inbox_) backlog_.push_back(std::move(pending));
  inbox_.clear();
  return !backlog_.empty();
}

// As many frames as fit the group and the segment. A frame never spans segments, a group neither.
StepResult LocalCore::form_group() {
  const auto fits = [this](const Pending& pending) {
    return pending.offset.value + pending.frame.size() - segment_->base().value <= segment_->capacity_bytes;
  };
  SY_CHECK(backlog_.front().offset == write_end_);
  if (!fits(backlog_.front())) {
    auto rolled = roll_segment(backlog_.front().offset, backlog_.front().frame.size());
    if (!rolled.ok()) {
      if (rolled.error().kind == ErrorKind::kNoSpace) return enter_stall(std::move(rolled).error());
      return fail(std::move(rolled).error());
    }
    leave_stall();
    return StepResult::kPrepared;
  }
  size_t bytes = 0;
  while (!backlog_.empty() && fits(backlog_.front()) &&
         (group_.empty() || bytes + backlog_.front().frame.size() <= options_.limits.group_bytes)) {
    bytes += backlog_.front().frame.size();
    group_.push_back(std::move(backlog_.front()));
    backlog_.pop_front();
  }
  const LogOffset durable = durable_end();
  parts_.clear();
  for (auto& pending : group_) {
    const FramePlace place{pending.offset, segment_->position(pending.offset), pending.epoch, durable,
                           store_.log_id()};
    seal_frame(pending.frame, pending.kind, pending.record_count, place);
    parts_.push_back(pending.frame);
  }
  return write_group();
}

// May be repeated after kNoSpace: the same bytes go to the same place.
StepResult LocalCore::write_group() {
  auto written = segment_->file->pwritev(segment_->position(group_.front().offset), parts_);
  if (!written.ok()) {
    if (written.error().kind == ErrorKind::kNoSpace) return enter_stall(std::move(written).error());
    return fail(std::move(written).error());
  }
  leave_stall();
  group_written_ = true;
  write_end_ = LogOffset{group_.back().offset.value + group_.back().frame.size()};
  want_segment_early();
  return StepResult::kWrote;
}

StepResult LocalCore::sync_group() {
  const int64_t before_us = clock_.monotonic_us();
  auto synced = segment_->file->sync_data();
  if (!synced.ok()) {
    // After a failed sync nobody knows what the disk holds, and a second sync would report success for
    // pages the kernel has dropped. The only safe end is to stop and recover from what is really there.
    Error error = std::move(synced).error();
    error.kind = ErrorKind::kIo;
    error.message += "; the log of partition " + std::to_string(partition_.value) +
                     " has stopped, check the disk and restart the server";
    return fail(std::move(error));
  }
  durable_end_.store(write_end_.value, std::memory_order_release);
  account(clock_.monotonic_us() - before_us);
  const Status ok;
  for (auto& pending : group_) {
    if (pending.done) pending.done(ok, LogOffset{pending.offset.value + pending.frame.size()});
  }
  group_.clear();
  parts_.clear();
  group_written_ = false;
  return StepResult::kSynced;
}

void LocalCore::account(int64_t sync_us) {
  uint64_t batches = 0, records = 0, bytes = 0;
  for (const auto& pending : group_) {
    batches += pending.kind == FrameKind::kBatch;
    records += pending.record_count;
    bytes += pending.frame.size();
  }
  const auto& limits = LogStats::kSyncBucketUs;
  const auto bucket =
      std::upper_bound(limits.begin(), limits.end(), static_cast<uint64_t>(std::max<int64_t>(sync_us, 0)));
  std::lock_guard lock(mutex_);
  queued_bytes_ -= bytes;
  stats_.commits += batches;
  stats_.records += records;
  stats_.bytes += bytes;
  ++stats_.syncs;
  stats_.largest_group = std::max(stats_.largest_group, batches);
  ++stats_.sync_us_histogram[static_cast<size_t>(bucket - limits.begin())];
  stats_.sync_us_total += static_cast<uint64_t>(sync_us);
  stats_.sync_us_max = std::max(stats_.sync_us_max, static_cast<uint64_t>(sync_us));
}

StepResult LocalCore::fail(Error error) {
  {
    std::lock_guard lock(mutex_);
    failure_ = error;
  }
  fail_queued(error);
  return StepResult::kFailed;
}

void LocalCore::fail_queued(const Error& error) {
  std::vector<Pending> doomed = std::move(group_);
  group_.clear();
  parts_.clear();
  group_written_ = false;
  refill();
  for (auto& pending : backlog_) doomed.push_back(std::move(pending));
  backlog_.clear();
  size_t bytes = 0;
  for (const auto& pending : doomed) bytes += pending.frame.size();
  {
    std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
  }
  for (auto& pending : doomed) {
    if (pending.done) pending.done(Status(Error(error)), durable_end());
  }
}

StepResult LocalCore::enter_stall(Error reason) {
  StallListener listener;
  {
    std::lock_guard lock(mutex_);
    if (!stall_) {
      ++stats_.stalls;
      listener = stall_listener_;
    }
    stall_ = reason;
  }
  if (listener) listener(true, Status(std::move(reason)));
  return StepResult::kStalled;
}

void LocalCore::leave_stall() {
  StallListener listener;
  {
    std::lock_guard lock(mutex_);
    if (!stall_) return;
    stall_.reset();
    listener = stall_listener_;
  }
  if (listener) listener(false, Status());
}

// Everything before `base` is synced: groups never span segments, and the last one was acknowledged.
Status LocalCore::roll_segment(LogOffset base, uint64_t frame_bytes) {
  SY_CHECK(base == durable_end() && base > segment_->base());
  const uint64_t capacity = std::max<uint64_t>(options_.segment_bytes, frame_bytes);
  if (taken_.file && taken_.capacity_bytes < frame_bytes) store_.discard(std::exchange(taken_, {}));
  if (!taken_.file) SY_RETURN_IF_ERROR(take_prepared(capacity));
  SY_RETURN_IF_ERROR(store_.roll(taken_, base, epoch()));
  taken_ = {};
  segment_ = store_.current();
  return {};
}

// Moves a prepared segment of at least that capacity into taken_, waiting for it if it must. What keeps a
// new file from being made can pass (space, quotas, file handles) and has harmed nothing: all of it is a
// stall.
Status LocalCore::take_prepared(uint64_t capacity_bytes) {
  const auto as_stall = [](Error error) {
    error.kind = ErrorKind::kNoSpace;
    return error;
  };
  std::unique_lock lock(mutex_);
  if (preparation_ == Preparation::kReady && prepared_.capacity_bytes < capacity_bytes) {
    store_.discard(std::exchange(prepared_, {}));
    preparation_ = Preparation::kNone;
  }
  if (options_.manual && preparation_ != Preparation::kReady) {
    lock.unlock();
    auto made = store_.prepare(capacity_bytes);
    if (!made.ok()) return as_stall(std::move(made).error());
    taken_ = std::move(made).value();
    return {};
  }
  if (preparation_ != Preparation::kReady) {
    ++stats_.segment_waits;
    // One that is under way may be too small; then the next try orders the right one.
    if (preparation_ != Preparation::kRunning) {
      preparation_ = Preparation::kWanted;
      preparation_bytes_ = capacity_bytes;
      preparer_wake_.notify_one();
    }
    writer_waits_ = true;
    preparer_wake_.notify_one();
    prepared_wake_.wait(
        lock, [this] { return preparation_ == Preparation::kReady || preparation_ == Preparation::kFailed; });
    writer_waits_ = false;
    if (preparation_ == Preparation::kFailed) {
      preparation_ = Preparation::kNone;
      return as_stall(std::move(*preparation_error_));
    }
    if (prepared_.capacity_bytes < capacity_bytes) {
      lock.unlock();
      return take_prepared(capacity_bytes);
    }
  }
  taken_ = std::exchange(prepared_, {});
  preparation_ = Preparation::kNone;
  return {};
}

// Asks for the next segment when half of this one is used, so that it is there when it is needed.
void LocalCore::want_segment_early() {
  segment_used_.store(write_end_.value - segment_->base().value, std::memory_order_relaxed);
  segment_capacity_.store(segment_->capacity_bytes, std::memory_order_relaxed);
  if (options_.manual || write_end_.value - segment_->base().value < segment_->capacity_bytes / 2) return;
  std::lock_guard lock(mutex_);
  if (preparation_ != Preparation::kNone) return;
  preparation_ = Preparation::kWanted;
  preparation_bytes_ = options_.segment_bytes;
  preparer_wake_.notify_one();
}

// The same without a thread: an idle step does it.
bool LocalCore::prepare_when_idle() {
  if (!options_.manual || write_end_.value - segment_->base().value < segment_->capacity_bytes / 2)
    return false;
  {
    std::lock_guard lock(mutex_);
    if (preparation_ == Preparation::kReady || stopping_) return false;
  }
  auto made = store_.prepare(options_.segment_bytes);
  if (!made.ok()) return false;  // tried again when it is needed
  std::lock_guard lock(mutex_);
  prepared_ = std::move(made).value();
  preparation_ = Preparation::kReady;
  return true;
}

// Zeroing a segment at once takes the disk's bandwidth, and the processor, from the commits of that moment.
// So it goes on only as fast as the current segment fills: begun at half of it, done at three quarters. A log
// that hardly grows gets its segment in some seconds nevertheless, and a writer that waits for it gets it at
// once.
void LocalCore::pace_preparation(uint64_t done, uint64_t bytes) {
  const uint64_t used = segment_used_.load(std::memory_order_relaxed);
  const uint64_t capacity = segment_capacity_.load(std::memory_order_relaxed);
  const double wanted = 4.0 * static_cast<double>(used) / static_cast<double>(capacity) - 2.0;
  std::unique_lock lock(mutex_);
  if (static_cast<double>(done) < wanted * static_cast<double>(bytes)) return;
  preparer_wake_.wait_for(lock, std::chrono::milliseconds(kPreparePauseMs),
                          [this] { return writer_waits_ || writer_gone_ || stopping_; });
}

void LocalCore::run_preparer() {
  runtime::yield_to_foreground();
  std::unique_lock lock(mutex_);
  while (true) {
    preparer_wake_.wait(lock, [this] { return preparation_ == Preparation::kWanted || writer_gone_; });
    if (writer_gone_) return;
    preparation_ = Preparation::kRunning;
    const uint64_t bytes = preparation_bytes_;
    lock.unlock();
    auto made = store_.prepare(bytes, [this, bytes](uint64_t done) { pace_preparation(done, bytes); });
    lock.lock();
    if (made.ok()) {
      prepared_ = std::move(made).value();
      preparation_ = Preparation::kReady;
    } else {
      preparation_error_ = std::move(made).error();
      preparation_ = Preparation::kFailed;
    }
    prepared_wake_.notify_all();
  }
}

}  // namespace switchyard::log
