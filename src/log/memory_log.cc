#include "switchyard/log/memory_log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "format.h"
#include "switchyard/base/check.h"

namespace switchyard::log {
namespace {

struct Waiting {
  std::string frame;
  uint32_t record_count = 0;
  FrameKind kind = FrameKind::kBatch;
  Epoch epoch;
  LogOffset offset;
  AppendCallback done;
};

/// What a disk would hold of one partition.
struct Store {
  std::mutex mutex;
  // All guarded by mutex.
  std::map<uint64_t, std::string> frames;  // durable, by offset
  LogOffset first;
  LogOffset durable_end;
  LogOffset next;
  Epoch epoch;
  std::deque<Waiting> queue;
  size_t queued_bytes = 0;
  LogStats stats;
};

// Seals and keeps the oldest `count` waiting frames as one group; what is to be called afterwards.
std::vector<std::pair<AppendCallback, LogOffset>> make_durable(Store& store, size_t count) {
  std::vector<std::pair<AppendCallback, LogOffset>> called;
  const LogOffset durable = store.durable_end;
  uint64_t batches = 0;
  while (count-- > 0 && !store.queue.empty()) {
    Waiting waiting = std::move(store.queue.front());
    store.queue.pop_front();
    // The file position only matters for sectors, which memory has not.
    const FramePlace place{waiting.offset, waiting.offset.value, waiting.epoch, durable, 0};
    seal_frame(waiting.frame, waiting.kind, waiting.record_count, place);
    const LogOffset end{waiting.offset.value + waiting.frame.size()};
    store.queued_bytes -= waiting.frame.size();
    store.stats.bytes += waiting.frame.size();
    store.stats.records += waiting.record_count;
    batches += waiting.kind == FrameKind::kBatch;
    store.durable_end = end;
    store.frames.emplace_hint(store.frames.end(), waiting.offset.value, std::move(waiting.frame));
    if (waiting.done) called.emplace_back(std::move(waiting.done), end);
  }
  if (batches > 0) {
    store.stats.commits += batches;
    ++store.stats.syncs;
    store.stats.largest_group = std::max(store.stats.largest_group, batches);
  }
  return called;
}

void enqueue(Store& store, std::string frame, uint32_t record_count, FrameKind kind, Epoch epoch,
             AppendCallback done) {
  const size_t bytes = frame.size();
  store.queue.push_back({std::move(frame), record_count, kind, epoch, store.next, std::move(done)});
  store.next = LogOffset{store.next.value + bytes};
  store.queued_bytes += bytes;
}

class MemoryLog final : public Log {
 public:
  MemoryLog(std::shared_ptr<Store> store, PartitionId partition, Epoch epoch, const MemoryLogOptions& options)
      : store_(std::move(store)), partition_(partition), epoch_(epoch), options_(options) {}

  ~MemoryLog() override {
    std::vector<AppendCallback> cancelled;
    {
      std::lock_guard lock(store_->mutex);
      if (store_->epoch != epoch_) return;
      for (auto& waiting : store_->queue) cancelled.push_back(std::move(waiting.done));
      store_->queue.clear();
      store_->queued_bytes = 0;
      store_->next = store_->durable_end;
    }
    const Status status = closed_error();
    for (auto& done : cancelled) {
      if (done) done(status, LogOffset{});
    }
  }

  PartitionId partition() const override { return partition_; }
  Epoch epoch() const override { return epoch_; }
  LogOffset next_offset() const override { return locked(&Store::next); }
  LogOffset durable_end() const override { return locked(&Store::durable_end); }
  LogOffset first_offset() const override { return locked(&Store::first); }

  Status append(RecordBatch&& batch, AppendCallback done) override {
    SY_CHECK(!batch.empty());
    const size_t bytes = batch.log_bytes();
    std::vector<std::pair<AppendCallback, LogOffset>> called;
    {
      std::lock_guard lock(store_->mutex);
      if (closed_) return closed_error();
      if (store_->epoch != epoch_) {
        return make_error(ErrorKind::kConflict, "log.fenced",
                          "partition " + std::to_string(partition_.value) + " has a newer owner; stop");
      }
      if (bytes > options_.limits.batch_bytes) {
        return make_error(ErrorKind::kTooLarge, "log.batch_too_large",
                          "a batch of " + std::to_string(bytes) +
                              " bytes is over the limit log.batch_bytes of " +
                              std::to_string(options_.limits.batch_bytes));
      }
      if (store_->queued_bytes + bytes > options_.limits.queued_bytes) {
        return make_error(ErrorKind::kResourceExhausted, "log.queue_full",
                          "the log's queue is full, the limit log.queued_bytes is " +
                              std::to_string(options_.limits.queued_bytes) + "; retry later");
      }
      BatchAccess::close(batch);
      enqueue(*store_, std::move(BatchAccess::buffer(batch)), batch.record_count(), FrameKind::kBatch, epoch_,
              std::move(done));
      batch.clear();
      if (!options_.manual) called = make_durable(*store_, SIZE_MAX);
    }
    const Status ok;
    for (auto& [callback, end] : called) callback(ok, end);
    return {};
  }

  size_t queue_room_bytes() const override {
    std::lock_guard lock(store_->mutex);
    return options_.limits.queued_bytes - std::min(store_->queued_bytes, options_.limits.queued_bytes);
  }

  Result<LogOffset> read(LogOffset from, size_t max_bytes, const RecordVisitor& visit) const override {
    LogOffset at = from;
    bool visited = false, stopped = false;
    Epoch highest;
    while (!stopped) {
      std::string frame;  // a copy: the visitor runs without the lock, and a trim may come
      LogOffset base;
      {
        std::lock_guard lock(store_->mutex);
        if (at > store_->durable_end || at.value % kRecordAlignment != 0) return bad_offset(at);
        if (at == store_->durable_end) return at;
        if (at < store_->first) {
          return make_error(ErrorKind::kNotFound, "log.trimmed",
                            "log offset " + std::to_string(at.value) + " was trimmed; the log begins at " +
                                std::to_string(store_->first.value));
        }
        const auto found = std::prev(store_->frames.upper_bound(at.value));
        base = LogOffset{found->first};
        frame = found->second;
      }
      FrameHeader header;
      SY_CHECK(decode_frame_header(frame.data(), header) == HeaderState::kGood);
      if (at == base) at = LogOffset{at.value + kFrameHeaderBytes};
      while (at.value - base.value < kFrameHeaderBytes + header.body_bytes && !stopped) {
        if (visited && at.value - from.value >= max_bytes) return at;
        RecordView record;
        if (decode_record(std::string_view(frame).substr(at.value - base.value), at, record) !=
            RecordState::kGood) {
          return bad_offset(at);
        }
        at = LogOffset{at.value + record_bytes_for(record.payload.size())};
        if (record.epoch < highest) continue;
        highest = record.epoch;
        visited = true;
        stopped = !visit(record);
      }
      if (!stopped) at = LogOffset{base.value + frame.size()};
    }
    return at;
  }

  Status trim(LogOffset upto) override {
    std::lock_guard lock(store_->mutex);
    while (!store_->frames.empty()) {
      const auto first = store_->frames.begin();
      const LogOffset end{first->first + first->second.size()};
      if (end > upto) break;
      store_->first = end;
      store_->frames.erase(first);
    }
    return {};
  }

  bool stalled() const override { return false; }
  void set_stall_listener(StallListener) override {}
  LogStats stats() const override {
    std::lock_guard lock(store_->mutex);
    LogStats stats = store_->stats;
    stats.queued_bytes = store_->queued_bytes;
    return stats;
  }

  Status close() override {
    std::vector<std::pair<AppendCallback, LogOffset>> called;
    {
      std::lock_guard lock(store_->mutex);
      if (closed_ || store_->epoch != epoch_) return {};
      closed_ = true;
      called = make_durable(*store_, SIZE_MAX);
    }
    const Status ok;
    for (auto& [callback, end] : called) callback(ok, end);
    return {};
  }

 private:
  LogOffset locked(LogOffset Store::*member) const {
    std::lock_guard lock(store_->mutex);
    return (*store_).*member;
  }
  Error closed_error() const {
    return make_error(
        ErrorKind::kCancelled, "log.closed",
        "the log of partition " + std::to_string(partition_.value) + " is closed; acquire it again");
  }
  static Error bad_offset(LogOffset at) {
    return make_error(ErrorKind::kInvalidArgument, "log.bad_offset",
                      "no durable record begins at log offset " + std::to_string(at.value));
  }

  const std::shared_ptr<Store> store_;  // shared with the other owners of the partition
  const PartitionId partition_;
  const Epoch epoch_;
  const MemoryLogOptions options_;
  bool closed_ = false;  // guarded by store_->mutex
};

class MemoryLogsImpl final : public MemoryLogs {
 public:
  explicit MemoryLogsImpl(MemoryLogOptions options) : options_(options) {}

  Result<std::unique_ptr<Log>> acquire(PartitionId partition) override {
    auto store = find(partition);
    Epoch epoch;
    std::vector<std::pair<AppendCallback, LogOffset>> called;
    {
      std::lock_guard lock(store->mutex);
      epoch = store->epoch = Epoch{store->epoch.value + 1};
      RecordBatch nothing;
      BatchAccess::close(nothing);
      enqueue(*store, std::move(BatchAccess::buffer(nothing)), 0, FrameKind::kEpoch, epoch, {});
      called = make_durable(*store, SIZE_MAX);
    }
    const Status ok;
    for (auto& [callback, end] : called) callback(ok, end);
    return std::unique_ptr<Log>(std::make_unique<MemoryLog>(std::move(store), partition, epoch, options_));
  }

  size_t step(PartitionId partition, size_t batches) override {
    auto store = find(partition);
    std::vector<std::pair<AppendCallback, LogOffset>> called;
    size_t before, after;
    {
      std::lock_guard lock(store->mutex);
      before = store->queue.size();
      called = make_durable(*store, batches);
      after = store->queue.size();
    }
    const Status ok;
    for (auto& [callback, end] : called) callback(ok, end);
    return before - after;
  }

  void drop_unsynced(PartitionId partition) override {
    auto store = find(partition);
    std::deque<Waiting> dropped;  // destroyed outside the lock
    std::lock_guard lock(store->mutex);
    dropped.swap(store->queue);
    store->queued_bytes = 0;
    store->next = store->durable_end;
  }

 private:
  std::shared_ptr<Store> find(PartitionId partition) {
    std::lock_guard lock(mutex_);
    auto& store = stores_[partition.value];
    if (!store) store = std::make_shared<Store>();
    return store;
  }

  const MemoryLogOptions options_;
  std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<Store>> stores_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<MemoryLogs> MemoryLogs::create(MemoryLogOptions options) {
  return std::make_unique<MemoryLogsImpl>(options);
}

}  // namespace switchyard::log
