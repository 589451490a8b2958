#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "segment_store.h"
#include "switchyard/log/local_log.h"

namespace switchyard::log {

/// One partition's log on disk while it is open: the queue, the writer that empties it, and the segments.
/// Shared by the handles of successive owners in this process, of which only the newest may append.
///
/// The writer is a machine of single steps (write a group, sync it, roll a segment), run by a thread of its
/// own or, in manual mode, by whoever calls step(). A crash at any moment leaves a log that recovers to the
/// last synced group or later.
class LocalCore {
 public:
  LocalCore(const LocalLogOptions& options, PartitionId partition);
  ~LocalCore();

  /// Recovers the log and starts the threads. Once, before anything else.
  Status open();
  /// Begins a new ownership and waits until that is durable.
  Result<Epoch> take_over();
  /// Ends in order (`orderly`) or at once. Idempotent; waits for the threads.
  Status stop(bool orderly);
  bool usable() const;

  Status append(Epoch owner, RecordBatch&& batch, AppendCallback done);
  StepResult step();

  PartitionId partition() const { return partition_; }
  Epoch epoch() const;
  LogOffset next_offset() const { return LogOffset{next_offset_.load(std::memory_order_relaxed)}; }
  LogOffset durable_end() const { return LogOffset{durable_end_.load(std::memory_order_acquire)}; }
  size_t queue_room_bytes() const;
  bool stalled() const;
  void set_stall_listener(StallListener listener);
  LogStats stats() const;
  const SegmentStore& store() const { return store_; }
  SegmentStore& store() { return store_; }

 private:
  /// A frame on its way to disk.
  struct Pending {
    std::string frame;  // closed; sealed by the writer
    uint32_t record_count = 0;
    FrameKind kind = FrameKind::kBatch;
    Epoch epoch;
    LogOffset offset;
    AppendCallback done;
  };
  enum class Preparation : uint8_t { kNone, kWanted, kRunning, kReady, kFailed };

  void run_writer();
  void run_preparer();
  void pace_preparation(uint64_t done, uint64_t bytes);
  void finish_writer();

  void enqueue(std::unique_lock<std::mutex>& lock, Pending pending);
  bool refill();
  StepResult form_group();
  StepResult write_group();
  StepResult sync_group();
  void account(int64_t sync_us);
  StepResult fail(Error error);
  void fail_queued(const Error& error);
  StepResult enter_stall(Error reason);
  void leave_stall();

  Status roll_segment(LogOffset base, uint64_t frame_bytes);
  Status take_prepared(uint64_t capacity_bytes);
  void want_segment_early();
  bool prepare_when_idle();

  // Constant after construction.
  const LocalLogOptions options_;
  const PartitionId partition_;
  const runtime::Clock& clock_;

  SegmentStore store_;

  // Owned by the writer.
  std::deque<Pending> backlog_;
  std::vector<Pending> group_;
  std::vector<std::string_view> parts_;
  bool group_written_ = false;
  SegmentPtr segment_;
  LogOffset write_end_;           // after the last frame written
  SegmentStore::Prepared taken_;  // for a roll that the full disk interrupted

  std::atomic<uint64_t> next_offset_{0};
  std::atomic<uint64_t> segment_used_{0}, segment_capacity_{1};  // for the preparer
  std::atomic<uint64_t> durable_end_{0};

  mutable std::mutex mutex_;
  std::condition_variable writer_wake_;
  std::condition_variable preparer_wake_;
  std::condition_variable prepared_wake_;
  // Guarded by mutex_.
  std::vector<Pending> inbox_;
  size_t queued_bytes_ = 0;
  Epoch epoch_;
  std::optional<Error> failure_;
  std::optional<Error> stall_;
  StallListener stall_listener_;
  bool stopping_ = false;
  bool orderly_ = false;
  bool writer_gone_ = false;   // nobody needs another segment
  bool writer_waits_ = false;  // for a segment that is being prepared
  bool writer_sleeps_ = false;
  Preparation preparation_ = Preparation::kNone;
  uint64_t preparation_bytes_ = 0;
  SegmentStore::Prepared prepared_;
  std::optional<Error> preparation_error_;
  LogStats stats_;

  // Held while stopping, so that a second caller waits for the first.
  std::mutex stop_mutex_;
  bool stopped_ = false;             // guarded by stop_mutex_
  std::optional<Error> stop_error_;  // guarded by stop_mutex_
  std::thread writer_;
  std::thread preparer_;
};

}  // namespace switchyard::log
