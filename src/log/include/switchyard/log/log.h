#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "switchyard/base/result.h"
#include "switchyard/log/limits.h"
#include "switchyard/log/record.h"
#include "switchyard/types/ids.h"

namespace switchyard::log {

/// Called once for each accepted batch, in the order of append(), on the log's own thread (with a manual
/// log: inside step()). On success `end` is the offset after the batch: everything below is durable. An error
/// means that the batch may or may not be found after a restart, and that every later batch fails as well.
/// Must be quick and must not call append(), close() or the destructor of the same log.
using AppendCallback = std::function<void(const Status& status, LogOffset end)>;

/// Returns false to stop after this record.
using RecordVisitor = std::function<bool(const RecordView&)>;

/// `stalled` with the reason when the disk is full, and later not stalled with an ok status.
/// On the log's own thread.
using StallListener = std::function<void(bool stalled, const Status& reason)>;

/// Counters since the log was opened.
struct LogStats {
  uint64_t commits = 0;        ///< batches acknowledged
  uint64_t records = 0;        ///< records acknowledged
  uint64_t syncs = 0;          ///< of data; at most one for each group of batches
  uint64_t segment_syncs = 0;  ///< of new segments and directories; a few for each segment
  uint64_t bytes = 0;          ///< of log written, headers and padding included
  uint64_t stalls = 0;         ///< times the disk was found full
  uint64_t segment_waits = 0;  ///< times a write had to wait for the next segment to be prepared
  uint64_t queued_bytes = 0;   ///< accepted, not yet durable, now
  uint64_t largest_group = 0;  ///< most batches that shared one sync
  /// Syncs by duration: bucket i counts those shorter than kSyncBucketUs[i], the last all others.
  static constexpr std::array<uint32_t, 15> kSyncBucketUs = {
      50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000, 50000, 250000, 1000000};
  std::array<uint64_t, 16> sync_us_histogram{};
  uint64_t sync_us_total = 0;
  uint64_t sync_us_max = 0;
};

/// A partition's log, opened for writing by one owner under one epoch. Offsets are byte positions in the
/// logical log: dense, known before the write, valid for ever.
/// append() and next_offset() belong to the owner's thread (or are serialised by it); all else may be
/// called from any thread at any time before the destructor.
class Log {
 public:
  /// Stops without finishing: batches still queued may be lost and their callbacks get kCancelled
  /// "log.closed". Call close() first for an orderly end.
  virtual ~Log() = default;

  virtual PartitionId partition() const = 0;
  /// This owner's epoch, higher than that of every earlier owner.
  virtual Epoch epoch() const = 0;
  /// Where the next batch passed to append() will begin. Depends only on what was appended before.
  virtual LogOffset next_offset() const = 0;
  /// Everything below is durable and readable.
  virtual LogOffset durable_end() const = 0;
  /// Everything below was trimmed.
  virtual LogOffset first_offset() const = 0;

  /// Queues `batch` (not empty, no open record) to be made durable; `done` hears of it.
  /// An error means that nothing was taken: `batch` is untouched, `done` is never called, next_offset() is
  /// unchanged. kConflict "log.fenced" when another owner has the partition now; kNoSpace "log.stalled" when
  /// the queue is full because the disk is; kResourceExhausted "log.queue_full" when it is full otherwise
  /// (retry later); kTooLarge "log.batch_too_large" (never retry); the original error after a failure of the
  /// disk; kCancelled "log.closed".
  virtual Status append(RecordBatch&& batch, AppendCallback done) = 0;
  /// Bytes that append() would still queue; for back-pressure before work is begun.
  virtual size_t queue_room_bytes() const = 0;

  /// Visits durable records from `from` on, which is an offset of a record or one returned by read(),
  /// first_offset() or durable_end(). Goes on until about `max_bytes` of log were read (at least one record
  /// if there is one), the durable end is reached, or `visit` says stop. Returns where to go on: after the
  /// last visited record; durable_end() when all was read. A view's payload lives until `visit` returns. One
  /// record at a known offset costs one read of the file when it fits kReadAheadBytes. kNotFound
  /// "log.trimmed" below first_offset(), kInvalidArgument "log.bad_offset" beyond the end or where no record
  /// begins, kCorruption "log.corrupt_record" naming file and offset, kIo.
  virtual Result<LogOffset> read(LogOffset from, size_t max_bytes, const RecordVisitor& visit) const = 0;

  /// Gives up records below `upto` where that frees space; first_offset() tells how far it went.
  /// Records at or above `upto` stay.
  virtual Status trim(LogOffset upto) = 0;

  /// The disk is full: batches are kept and retried, nothing is lost; it ends by itself.
  virtual bool stalled() const = 0;
  /// Replaces the listener; nullptr for none. Set it before the first append.
  virtual void set_stall_listener(StallListener listener) = 0;

  virtual LogStats stats() const = 0;

  /// Makes everything queued durable, calls all callbacks, and marks the end, so that later damage
  /// anywhere is told from a crash. Idempotent. The error that kept it from doing so, if any. While the disk
  /// is full: kNoSpace, and the queued batches fail.
  virtual Status close() = 0;
};

/// The logs of a node, one per partition.
class Logs {
 public:
  virtual ~Logs() = default;
  /// Opens the partition's log for writing, creating it if need be, and recovers it after a crash. The
  /// epoch is raised durably before this returns; whoever held the log before is fenced.
  /// kCorruption "log.corrupt_record" names file, offset and mend.
  virtual Result<std::unique_ptr<Log>> acquire(PartitionId partition) = 0;
};

/// A read that begins at a record fetches this much at once.
inline constexpr size_t kReadAheadBytes = 4096;

}  // namespace switchyard::log
