#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/archive/limits.h"
#include "switchyard/log/record.h"
#include "switchyard/runtime/disk.h"

namespace switchyard::archive {

inline constexpr uint32_t kCompacted = 1;    ///< some records are gone, some values are hashes
inline constexpr uint32_t kHasPayloads = 2;  ///< some values lie in the payload store

/// The records of one run from one stretch of the log.
struct Bundle {
  RunId run;              ///< zero: of the partition itself
  LogOffset first, last;  ///< of the records it had when it was archived
  uint32_t flags = 0;
  uint32_t records = 0;
  std::string bytes;  ///< the records; see add_record and for_each_record
};
/// Appends a record. Records come in the order of their offsets, the first bundle.first.
void add_record(Bundle& bundle, const log::RecordView& record);
/// Visits the records in order; false stops. kCorruption "archive.corrupt" when the bytes are no records.
Status for_each_record(const Bundle& bundle, const std::function<bool(const log::RecordView&)>& visit);

/// Collects records in the order of the log.
class Builder {
 public:
  void add(const log::RecordView& record, uint32_t flags);
  uint64_t bytes() const { return bytes_; }
  bool empty() const { return bundles_.empty(); }

 private:
  friend class Archive;
  std::map<RunId, Bundle> bundles_;
  uint64_t bytes_ = 0;
};

struct SegmentInfo {
  uint64_t sequence = 0;
  LogOffset from, upto;  ///< the stretch of the log whose records it has
  uint64_t bundles = 0, bytes = 0;
};
struct ArchiveStats {
  uint64_t segments = 0, bundles = 0, bytes = 0;
};

enum class Fate : uint8_t { kKeep, kReplace, kDrop };
/// What becomes of a bundle; may change it when it says kReplace.
using Transform = std::function<Result<Fate>(Bundle& bundle)>;

struct Segment;

/// The archive of one partition. read() and the like: any thread, also beside the others; add() and
/// rewrite(): one thread at a time.
class Archive {
 public:
  struct Options {
    runtime::Disk* disk = nullptr;
    std::string directory;  ///< created when absent
    PartitionId partition;
  };
  /// Removes what an interrupted add() or rewrite() left. kCorruption "archive.corrupt" names the file;
  /// "archive.gap" when a segment is missing.
  static Result<std::unique_ptr<Archive>> open(Options options);
  ~Archive();

  /// Every record of the log below is here. Nothing: the archive is empty.
  std::optional<LogOffset> covered() const;

  /// The bundle of `run` whose stretch holds `offset`. kNotFound "archive.no_event".
  Result<Bundle> read(const RunId& run, LogOffset offset) const;
  /// All bundles of a segment, in the order of runs; false stops. The visitor may call read().
  Status scan(uint64_t sequence, const std::function<bool(const Bundle&)>& visit) const;
  /// The runs of a segment, each once, in order; `flags` of all its bundles together.
  Status runs(uint64_t sequence, const std::function<void(const RunId&, uint32_t flags)>& visit) const;

  /// Makes the records of the log from covered() up to `upto` durable here. `from` is where they begin.
  Status add(Builder&& builder, LogOffset from, LogOffset upto, int64_t now_us);
  /// Replaces neighbouring segments by one. When the transform keeps everything of a single segment,
  /// nothing is written. On an error all is as it was.
  Status rewrite(const std::vector<uint64_t>& sequences, const Transform& transform, int64_t now_us);
  /// Groups of small neighbours that are worth a rewrite, none over `segment_bytes` together.
  std::vector<std::vector<uint64_t>> mergeable(uint64_t segment_bytes) const;

  std::vector<SegmentInfo> segments() const;
  ArchiveStats stats() const;

 private:
  using Segments = std::vector<std::shared_ptr<const Segment>>;  // by stretch; shared with readers
  explicit Archive(Options options) : options_(std::move(options)) {}
  Status load();
  std::shared_ptr<const Segments> now() const;
  Result<std::shared_ptr<const Segment>> find(uint64_t sequence) const;

  const Options options_;
  uint64_t next_sequence_ = 1;
  mutable std::mutex mutex_;
  std::shared_ptr<const Segments> segments_;  // guarded by mutex_; the vector itself never changes
};

}  // namespace switchyard::archive
