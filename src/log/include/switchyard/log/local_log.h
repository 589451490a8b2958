#pragma once

#include <memory>
#include <string>

#include "switchyard/log/log.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/runtime/random.h"

namespace switchyard::log {

struct LocalLogOptions {
  std::string directory;  ///< holds a folder per partition; created if missing; locked for this process
  Limits limits;
  /// Size of a segment file's data. Larger ones are rolled less often; a whole one is zeroed in the
  /// background.
  uint64_t segment_bytes = 32u << 20;
  /// Of the very first segment of a new log, which a start has to wait for.
  uint64_t first_segment_bytes = 2u << 20;
  /// No threads: nothing is written until LocalLog::step() is called. For the simulator.
  bool manual = false;
  runtime::Disk* disk = nullptr;          ///< nullptr: runtime::posix_disk()
  runtime::Random* random = nullptr;      ///< nullptr: runtime::system_random()
  const runtime::Clock* clock = nullptr;  ///< nullptr: runtime::system_clock()
};

/// What step() did.
enum class StepResult : uint8_t {
  kIdle,      ///< nothing to do
  kPrepared,  ///< prepared or rolled a segment
  kWrote,     ///< wrote a group of batches; the next step syncs it
  kSynced,    ///< synced the group and called its callbacks
  kStalled,   ///< the disk is full; try again later
  kFailed,    ///< the log has failed for good; callbacks were called with the error
};

/// A log of preallocated segment files on the local disk; docs/formats/log.md is its grammar.
class LocalLog : public Log {
 public:
  /// Manual logs only: does the next single write or sync.
  virtual StepResult step() = 0;
};

/// All local logs below one directory. Thread-safe. Must outlive the logs it gave out.
class LocalLogs : public Logs {
 public:
  /// Locks the directory. kConflict "runtime.directory_locked" names the process that holds it;
  /// kInvalidArgument "log.bad_options".
  static Result<std::unique_ptr<LocalLogs>> open(LocalLogOptions options);

  Result<std::unique_ptr<Log>> acquire(PartitionId partition) final;
  /// The same as acquire(), for callers that use step().
  virtual Result<std::unique_ptr<LocalLog>> acquire_local(PartitionId partition) = 0;
};

/// The folder of a partition's log below the log directory: "partition-00007".
std::string partition_directory(const std::string& directory, PartitionId partition);

}  // namespace switchyard::log
