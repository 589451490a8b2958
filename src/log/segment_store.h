#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "format.h"
#include "switchyard/log/log.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/runtime/random.h"

namespace switchyard::log {

/// One segment file. Immutable but for the file's bytes beyond the durable end.
struct Segment {
  std::string path;
  SegmentHeader header;
  uint64_t capacity_bytes = 0;  ///< of frames
  std::unique_ptr<runtime::File> file;

  LogOffset base() const { return header.base; }
  uint64_t position(LogOffset offset) const { return kSegmentHeaderBytes + offset.value - base().value; }
};
/// Shared, because a reader may still hold a segment that was trimmed away.
using SegmentPtr = std::shared_ptr<const Segment>;

/// "00000000000000000000.log" for a base offset, and back.
std::string segment_name(LogOffset base);
bool parse_segment_name(const std::string& name, LogOffset& base);

/// Opens `path` and verifies its header against its name.
Result<SegmentPtr> open_segment(runtime::Disk& disk, const std::string& directory, LogOffset base,
                                runtime::OpenMode mode);
/// All segments of a log in order, each checked to reach the next. Empty when there are none.
Result<std::vector<SegmentPtr>> open_segments(runtime::Disk& disk, const std::string& directory,
                                              runtime::OpenMode mode);

/// The files of one partition's log. open() first; then roll() and prepare() belong to the writer (or are
/// serialised by it), the rest may be called from any thread.
class SegmentStore {
 public:
  SegmentStore(runtime::Disk& disk, std::string directory, PartitionId partition, runtime::Random& random,
               const runtime::Clock& clock)
      : disk_(disk),
        directory_(std::move(directory)),
        partition_(partition),
        random_(random),
        clock_(clock) {}

  struct Recovered {
    LogOffset end;  ///< everything below is durable
    Epoch epoch;    ///< highest in the log; 0 for a new one
  };
  /// Finds or creates the log, removes a torn tail, and makes what remains durable.
  Result<Recovered> open(uint64_t first_segment_bytes);

  /// A zeroed file of that capacity, to be handed to roll().
  struct Prepared {
    std::unique_ptr<runtime::File> file;
    uint64_t capacity_bytes = 0;
    bool named = false;  // roll() got as far as the rename
  };
  /// On failure nothing is left behind. `between` as in File::allocate_zeroed.
  Result<Prepared> prepare(uint64_t capacity_bytes, const std::function<void(uint64_t)>& between = {});
  void discard(Prepared prepared);
  /// Makes `prepared` the segment that begins at `base`. Everything below `base` must be durable. May be
  /// called again with the same arguments after kNoSpace.
  Status roll(Prepared& prepared, LogOffset base, Epoch epoch);

  SegmentPtr current() const;
  LogOffset first_offset() const;
  Status trim(LogOffset upto);
  /// Log::read below `end`.
  Result<LogOffset> read(LogOffset from, LogOffset end, size_t max_bytes, const RecordVisitor& visit) const;

  const std::string& directory() const { return directory_; }
  uint64_t log_id() const { return log_id_; }
  uint64_t housekeeping_syncs() const;

 private:
  Result<Recovered> recover_last();
  Status mend_tail(const Segment& last, LogOffset durable, LogOffset end, bool dirty);
  SegmentPtr find(LogOffset offset, SegmentPtr& next) const;
  std::string prepared_path() const { return directory_ + "/prepared.tmp"; }
  void count_syncs(uint64_t n);

  runtime::Disk& disk_;
  const std::string directory_;
  const PartitionId partition_;
  runtime::Random& random_;
  const runtime::Clock& clock_;
  uint64_t log_id_ = 0;  // constant after open()

  mutable std::mutex mutex_;
  std::vector<SegmentPtr> segments_;  // guarded by mutex_; by base, contiguous, never empty after open()
  uint64_t syncs_ = 0;                // guarded by mutex_
};

}  // namespace switchyard::log
