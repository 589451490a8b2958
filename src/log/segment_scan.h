#pragma once

#include <optional>
#include <string>

#include "format.h"
#include "switchyard/log/check.h"
#include "switchyard/runtime/disk.h"

namespace switchyard::log {

/// What is in a segment file, frame by frame, up to the first place that is not a good frame.
struct SegmentScan {
  LogOffset end;          ///< after the last good frame
  LogOffset durable_end;  ///< the highest that a good frame vouches for
  LogOffset last_frame;   ///< offset of the last good frame; the base when there is none
  Epoch epoch;            ///< highest seen
  uint64_t batches = 0;
  uint64_t records = 0;
  bool dirty_tail = false;  ///< bytes other than zero stand after `end`
  std::optional<LogDamage> damage;
};

/// Reads and verifies the whole segment. `known_end`: where the next segment begins, which proves that
/// everything below was durable; nullopt for the last segment. Only then can damage be a torn tail.
/// Fails only when reading fails.
Result<SegmentScan> scan_segment(const runtime::File& file, const std::string& path,
                                 const SegmentHeader& header, uint64_t capacity_bytes,
                                 std::optional<LogOffset> known_end);

/// The error that a damage becomes when the log is opened or read.
Error corruption_error(const LogDamage& damage, const std::string& partition_directory);

}  // namespace switchyard::log
