#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "switchyard/archive/archive.h"
#include "switchyard/blobs/payload_store.h"
#include "switchyard/log/log.h"
#include "switchyard/partition/retention.h"
#include "switchyard/partition/upkeep.h"
#include "switchyard/store/state_store.h"

namespace switchyard::partition {

/// Looks after what a partition leaves behind: moves old records from the log to the archive, trims, takes
/// out of the archive what retention has decided, and collects payloads. All of it on a thread that is not
/// the partition's; one call at a time. A crash at any point loses nothing and leaves nothing that the next
/// call does not finish.
class Upkeep {
 public:
  struct Parts {
    log::Log* log = nullptr;
    const store::StateStore* store = nullptr;
    archive::Archive* archive = nullptr;
    blobs::PayloadStore* payloads = nullptr;
    UpkeepOptions options;
  };
  explicit Upkeep(Parts parts) : parts_(std::move(parts)) {}

  /// Copies what is old enough, or behind the part of the log that is kept, into the archive; then trims.
  Status archive_log(int64_t now_us, UpkeepReport& report);
  /// Rewrites the segments that hold bundles of runs which were compacted or deleted. `fates` asks the
  /// partition; what it answers must be durable. `everything`: not only the segments that are new since the
  /// last call.
  using Fates = std::function<Result<std::vector<RunFate>>(const std::vector<RunId>&)>;
  Status purge(bool everything, const Fates& fates, int64_t now_us, UpkeepReport& report);
  /// Merges small segments.
  Status merge(int64_t now_us);
  /// Removes payloads that nothing refers to. `settle` returns when all that the partition had emitted
  /// before it was called is durable.
  Status collect(const std::function<Status()>& settle, UpkeepReport& report);

 private:
  /// Log offset below which everything may leave the log.
  Result<LogOffset> reach() const;
  Result<bool> segment_changes(uint64_t sequence, const Fates& fates);
  Result<archive::Fate> transform(archive::Bundle& bundle, const Fates& fates);
  Result<archive::Fate> compact(archive::Bundle& bundle, uint32_t dropped);
  Status mark_archive(std::set<Sha256>& needed) const;
  Status mark_log(std::set<Sha256>& needed) const;

  const Parts parts_;
  uint64_t purged_upto_ = 0;  ///< the newest segment that was looked at
};

class PartitionHost;
class StateMachine;

/// Runs work on a partition's thread; returns when all that it emitted is durable. The work's error, or why
/// it could not be done.
using OnPartition = std::function<Status(std::function<Status(StateMachine&, int64_t now_us)>)>;

struct PassRequest {
  const retention::Policy* policy = nullptr;  ///< nullptr: only log and archive
  std::string who;
  bool dry_run = false;
  bool everything = false;  ///< look at the whole archive for what was decided before
  int64_t now_us = 0;
};
/// One whole pass over a partition: decides what is due, then archives, purges, merges and collects.
Status look_after(PartitionHost& host, const OnPartition& on_partition, const PassRequest& request,
                  UpkeepReport& report);

}  // namespace switchyard::partition
