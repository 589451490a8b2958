#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/log/log.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::log {

/// So much is appended before a kept log is written anew.
inline constexpr size_t kRewriteKeptBytes = size_t{8} << 20;

/// A record of a log of which the last ones count.
struct KeptRecord {
  uint8_t type = 0;
  std::string payload;
};

/// A log that is read whole at the start and written anew when it has grown. Blocks for the disk; used by one
/// thread at a time.
class KeptLog {
 public:
  /// `clock` outlives it. `version` is that of its records.
  KeptLog(std::unique_ptr<Log> log, const runtime::Clock& clock, uint8_t version)
      : log_(std::move(log)), clock_(clock), version_(version) {}

  /// Every record in its order. kCorruption `code` when one has another version, or `take` does not know it.
  Status read(const std::function<bool(uint8_t type, std::string_view payload)>& take, std::string_view code,
              std::string_view what);
  /// Returns when the disk has them.
  Status append(const std::vector<KeptRecord>& records);
  /// Writes what counts and gives up all that was before.
  Status rewrite(const std::vector<KeptRecord>& all);
  /// It has grown enough to be written anew.
  bool large() const;
  Status close() { return log_->close(); }

 private:
  Status append_batch(RecordBatch batch);

  const std::unique_ptr<Log> log_;
  const runtime::Clock& clock_;
  const uint8_t version_;
  size_t appended_bytes_ = 0;  // since it was written anew
};

}  // namespace switchyard::log
