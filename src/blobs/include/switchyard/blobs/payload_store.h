#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "switchyard/base/hash.h"
#include "switchyard/base/result.h"
#include "switchyard/blobs/limits.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/types/events.h"

namespace switchyard::blobs {

struct PayloadStats {
  uint64_t written = 0;  ///< files since the start; a value that was there already is none
  uint64_t written_bytes = 0;
  uint64_t shared = 0;        ///< values that found their file
  uint64_t removed = 0;       ///< by sweeps
  uint64_t staged_bytes = 0;  ///< in memory now
};

/// The large values of one partition's events: files named by the SHA-256 of their content, below
/// `directory`. Any thread; stage() and sync() come from one.
class PayloadStore final : public PayloadSource {
 public:
  /// Creates the folder; removes what an interrupted write left.
  static Result<std::unique_ptr<PayloadStore>> open(runtime::Disk& disk, std::string directory);

  /// Takes `content` into memory; it can be loaded at once, and is durable after sync().
  Sha256 stage(std::string_view content);
  bool has_staged() const;
  /// Makes all that is staged durable. On an error (kNoSpace, kIo) what is not durable stays staged: call
  /// again.
  Status sync();

  /// kCorruption "blobs.missing", "blobs.damaged"; both name the file.
  Result<std::string> load(const Sha256& sha256, uint64_t bytes) const override;

  /// Begins a collection: from now on what is staged is remembered.
  void begin_mark();
  /// Removes every file that is neither in `needed` nor was staged since begin_mark() or waits for sync().
  /// The number removed. Requires begin_mark().
  Result<uint64_t> sweep(const std::set<Sha256>& needed);
  /// Whether there is any file.
  Result<bool> empty() const;

  PayloadStats stats() const;
  /// Where the value with this hash lies.
  std::string path_of(const Sha256& sha256) const;

 private:
  PayloadStore(runtime::Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

  runtime::Disk& disk_;
  const std::string directory_;
  mutable std::mutex mutex_;                                     // guards what follows
  std::map<Sha256, std::shared_ptr<const std::string>> staged_;  // shared with a sync() that writes
  std::set<Sha256> since_mark_;
  bool marking_ = false;
  PayloadStats stats_;
};

/// Replaces large values by references while an event is encoded.
class LargeValues final : public ValueWriter {
 public:
  LargeValues(PayloadStore& store, size_t threshold_bytes)
      : store_(store), threshold_bytes_(threshold_bytes) {}
  void written(const Value& value, std::string& text, size_t at) override;

 private:
  PayloadStore& store_;
  const size_t threshold_bytes_;
};

}  // namespace switchyard::blobs
