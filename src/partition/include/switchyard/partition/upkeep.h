#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/archive/archive.h"
#include "switchyard/partition/limits.h"
#include "switchyard/types/ids.h"

namespace switchyard::partition {

/// When records leave the log for the archive, and how often log, archive and retention are looked after.
struct UpkeepOptions {
  int64_t interval_us = kUpkeepIntervalUs;  ///< 0: only when asked
  uint64_t log_keep_bytes = kLogKeepBytes;
  int64_t archive_after_us = kArchiveAfterUs;
  uint64_t segment_bytes = archive::kSegmentBytes;
};

/// What one pass did, or, of a dry run, would do.
struct UpkeepReport {
  struct Class {
    std::string name;
    uint64_t compacted = 0, deleted = 0;
  };
  std::vector<Class> classes;  ///< of the policy, in its order; those with nothing due are left out
  uint64_t compacted = 0, deleted = 0, held = 0;
  uint64_t archived_records = 0, archived_bytes = 0, trimmed_bytes = 0;
  uint64_t rewritten_segments = 0, removed_payloads = 0;
  bool dry_run = false;

  Class& of(const std::string& name);
  void add(const UpkeepReport& other);
};

/// Figures of one partition since the start.
struct UpkeepStats {
  archive::ArchiveStats archive;
  uint64_t log_begins = 0;  ///< offset
  uint64_t passes = 0, archived_records = 0, archived_bytes = 0, trimmed_bytes = 0, removed_payloads = 0;
  int64_t last_pass_us = 0;  ///< wall clock; 0: none yet
  std::string last_error;    ///< of the last pass; empty: it went well
};

}  // namespace switchyard::partition
