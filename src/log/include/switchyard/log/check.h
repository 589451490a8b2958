#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/types/ids.h"

namespace switchyard::log {

struct SegmentReport {
  std::string file;  ///< path
  LogOffset base;    ///< of its first byte of log
  LogOffset end;     ///< after its last good batch
  Epoch first_epoch;
  Epoch last_epoch;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t capacity_bytes = 0;
};

/// The first place where a log is not what was written.
struct LogDamage {
  std::string file;
  uint64_t file_position = 0;  ///< byte in the file
  LogOffset offset;            ///< of the bad record or batch; pass it to repair()
  std::string reason;
  /// A torn tail: what a crash leaves of batches that nobody was told about. Opening the log removes it;
  /// no repair is needed.
  bool torn_tail = false;
};

struct LogReport {
  std::vector<SegmentReport> segments;
  uint64_t records = 0;
  LogOffset first;
  LogOffset end;  ///< after the last good batch
  Epoch epoch;
  std::optional<LogDamage> damage;
  bool healthy() const { return !damage || damage->torn_tail; }
};

/// Reads the whole log in `partition_directory` and verifies everything; changes nothing. On a log that
/// is being written at the same time the last batches may show as a torn tail.
/// kNotFound "log.no_log" when there is none; kIo.
Result<LogReport> check(runtime::Disk& disk, const std::string& partition_directory);

struct RepairReport {
  LogOffset end;                       ///< of the log now
  uint64_t records_kept_in_batch = 0;  ///< of the batch that was cut in two
  std::string backup_directory;        ///< holds a copy of every file that was changed or removed
};

/// Cuts the log at `truncate_at`, which is the offset of a record or batch; everything from there on is
/// gone from the log, and kept in a new folder beside the segments. The caller answers for the loss.
/// Locks the parent directory, so it refuses while a server runs. kInvalidArgument "log.bad_offset" when
/// no record begins there; kCorruption when there is earlier damage (cut there instead).
Result<RepairReport> repair(runtime::Disk& disk, const std::string& partition_directory,
                            LogOffset truncate_at);

}  // namespace switchyard::log
