#include "local_core.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "switchyard/base/check.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::log {
namespace {

Error closed_error(PartitionId partition) {
  return make_error(
      ErrorKind::kCancelled, "log.closed",
      "the log of partition " + std::to_string(partition.value) + " is closed; acquire it again");
}

Error copy(const Error& error) { return error; }

}  // namespace

LocalCore::LocalCore(const LocalLogOptions& options, PartitionId partition)
    : options_(options),
      partition_(partition),
      clock_(*options.clock),
      store_(*options.disk, partition_directory(options.directory, partition), partition, *options.random,
             *options.clock) {}

LocalCore::~LocalCore() { (void)stop(false).ok(); }

Status LocalCore::open() {
  SY_ASSIGN_OR_RETURN(const auto recovered, store_.open(options_.first_segment_bytes));
  epoch_ = recovered.epoch;
  segment_ = store_.current();
  write_end_ = recovered.end;
  next_offset_ = recovered.end.value;
  durable_end_ = recovered.end.value;
  if (!options_.manual) {
    const std::string suffix = "-" + std::to_string(partition_.value);
    preparer_ = runtime::start_thread("log-prep" + suffix, [this] { run_preparer(); });
    writer_ = runtime::start_thread("log" + suffix, [this] { run_writer(); });
  }
  return {};
}

Result<Epoch> LocalCore::take_over() {
  auto settled = std::make_shared<std::promise<std::optional<Error>>>();  // shared with the callback
  auto outcome = settled->get_future();
  Epoch mine;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) return closed_error(partition_);
    if (failure_) return copy(*failure_);
    mine = epoch_ = Epoch{epoch_.value + 1};
    RecordBatch nothing;
    BatchAccess::close(nothing);
    Pending pending{std::move(BatchAccess::buffer(nothing)), 0, FrameKind::kEpoch, mine, {}, {}};
    pending.done = [settled](const Status& status, LogOffset) {
      settled->set_value(status.ok() ? std::nullopt : std::optional<Error>(status.error()));
    };
    enqueue(lock, std::move(pending));
  }
  while (outcome.wait_for(std::chrono::milliseconds(options_.manual ? 0 : 20)) != std::future_status::ready) {
    if (options_.manual) step();
    std::lock_guard lock(mutex_);
    if (stall_) return copy(*stall_);
  }
  if (auto error = outcome.get()) return std::move(*error);
  return mine;
}

bool LocalCore::usable() const {
  std::lock_guard lock(mutex_);
  return !stopping_ && !failure_;
}

Epoch LocalCore::epoch() const {
  std::lock_guard lock(mutex_);
  return epoch_;
}

size_t LocalCore::queue_room_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_ < options_.limits.queued_bytes ? options_.limits.queued_bytes - queued_bytes_ : 0;
}

bool LocalCore::stalled() const {
  std::lock_guard lock(mutex_);
  return stall_.has_value();
}

void LocalCore::set_stall_listener(StallListener listener) {
  std::lock_guard lock(mutex_);
  stall_listener_ = std::move(listener);
}

LogStats LocalCore::stats() const {
  std::lock_guard lock(mutex_);
  LogStats stats = stats_;
  stats.queued_bytes = queued_bytes_;
  stats.segment_syncs = store_.housekeeping_syncs();
  return stats;
}

Status LocalCore::append(Epoch owner, RecordBatch&& batch, AppendCallback done) {
  SY_CHECK(!batch.empty());
  const size_t bytes = batch.log_bytes();
  std::unique_lock lock(mutex_);
  if (stopping_) return closed_error(partition_);
  if (failure_) return copy(*failure_);
  if (owner != epoch_) {
    return make_error(ErrorKind::kConflict, "log.fenced",
                      "partition " + std::to_string(partition_.value) + " has a newer owner (epoch " +
                          std::to_string(epoch_.value) + ", this one is " + std::to_string(owner.value) +
                          "); stop, and let the newer owner serve it");
  }
  if (bytes > options_.limits.batch_bytes) {
    return make_error(ErrorKind::kTooLarge, "log.batch_too_large",
                      "a batch of " + std::to_string(bytes) + " bytes is over the limit log.batch_bytes of " +
                          std::to_string(options_.limits.batch_bytes) + "; append it in parts");
  }
  if (queued_bytes_ + bytes > options_.limits.queued_bytes) {
    const std::string held = std::to_string(queued_bytes_) + " bytes wait, the limit log.queued_bytes is " +
                             std::to_string(options_.limits.queued_bytes);
    if (stall_) {
      return make_error(
          ErrorKind::kNoSpace, "log.stalled",
          "the log waits for disk space (" + stall_->message + ") and " + held + "; free space and retry");
    }
    return make_error(ErrorKind::kResourceExhausted, "log.queue_full",
                      "the log's queue is full: " + held + "; retry later");
  }
  BatchAccess::close(batch);
  enqueue(lock, Pending{std::move(BatchAccess::buffer(batch)),
                        batch.record_count(),
                        FrameKind::kBatch,
                        owner,
                        {},
                        std::move(done)});
  batch.clear();
  return {};
}

// The offset is given here, under the lock: it depends on nothing but the order of the calls.
void LocalCore::enqueue(std::unique_lock<std::mutex>& lock, Pending pending) {
  const size_t bytes = pending.frame.size();
  pending.offset = LogOffset{next_offset_.load(std::memory_order_relaxed)};
  next_offset_.store(pending.offset.value + bytes, std::memory_order_relaxed);
  queued_bytes_ += bytes;
  inbox_.push_back(std::move(pending));
  const bool wake = std::exchange(writer_sleeps_, false);
  lock.unlock();
  if (wake) writer_wake_.notify_one();
}

Status LocalCore::stop(bool orderly) {
  std::lock_guard stop_lock(stop_mutex_);
  if (!stopped_) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      orderly_ = orderly;
      writer_sleeps_ = false;
    }
    writer_wake_.notify_all();
    if (options_.manual) finish_writer();
    if (writer_.joinable()) writer_.join();
    {
      std::lock_guard lock(mutex_);
      writer_gone_ = true;
    }
    preparer_wake_.notify_all();
    if (preparer_.joinable()) preparer_.join();
    if (prepared_.file) store_.discard(std::move(prepared_));
    if (taken_.file) store_.discard(std::move(taken_));
    stopped_ = true;
    std::lock_guard lock(mutex_);
    if (orderly && failure_) stop_error_ = failure_;
  }
  if (stop_error_) return copy(*stop_error_);
  return {};
}

void LocalCore::run_writer() {
  while (true) {
    const StepResult result = step();
    std::unique_lock lock(mutex_);
    if (stopping_ && (!orderly_ || result == StepResult::kIdle || result == StepResult::kStalled ||
                      result == StepResult::kFailed)) {
      break;
    }
    if (result == StepResult::kStalled) {
      writer_wake_.wait_for(lock, std::chrono::microseconds(kStallRetryUs), [this] { return stopping_; });
    } else if (result == StepResult::kIdle || result == StepResult::kFailed) {
      writer_sleeps_ = inbox_.empty() && !stopping_;
      writer_wake_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
      writer_sleeps_ = false;
    }
  }
  finish_writer();
}

// The end of the writer: in order with a closing frame, or with nothing more than telling who waits.
void LocalCore::finish_writer() {
  bool orderly;
  {
    std::lock_guard lock(mutex_);
    orderly = orderly_ && !failure_;
  }
  StepResult result = StepResult::kWrote;
  if (orderly) {
    while (result == StepResult::kWrote || result == StepResult::kSynced || result == StepResult::kPrepared)
      result = step();
  }
  if (orderly && result == StepResult::kIdle) {
    RecordBatch nothing;
    BatchAccess::close(nothing);
    {
      std::unique_lock lock(mutex_);
      enqueue(lock, Pending{std::move(BatchAccess::buffer(nothing)), 0, FrameKind::kClose, epoch_, {}, {}});
    }
    do {
      result = step();
    } while (result == StepResult::kWrote || result == StepResult::kSynced ||
             result == StepResult::kPrepared);
  }
  std::optional<Error> stall;
  {
    std::lock_guard lock(mutex_);
    stall = stall_;
    if (orderly && stall && !failure_) failure_ = stall;
  }
  fail_queued(stall && orderly ? *stall : closed_error(partition_));
}

}  // namespace switchyard::log
