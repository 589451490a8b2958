#pragma once

#include <memory>
#include <string>
#include <vector>

#include "switchyard/archive/archive.h"

// One file of the archive; docs/formats/archive.md is its grammar.
namespace switchyard::archive {

struct IndexEntry {
  RunId run;
  LogOffset first, last;
  uint64_t position = 0;  ///< of the bundle in the file
  uint32_t bytes = 0;     ///< of it, header included
  uint32_t flags = 0;
};

/// An open segment. Immutable; lives as long as a reader has it, also when its file is gone.
struct Segment {
  std::string path;
  SegmentInfo info;
  std::vector<uint64_t> replaces;  ///< sequences
  struct Fence {
    RunId run;
    LogOffset first;
  };
  std::vector<Fence> fences;  ///< the first entry of each block of the index
  uint64_t index_position = 0;
  std::unique_ptr<runtime::File> file;

  Result<std::vector<IndexEntry>> block(size_t index) const;
  Result<Bundle> read(const IndexEntry& entry) const;
};

std::string segment_name(uint64_t sequence);
bool parse_segment_name(const std::string& name, uint64_t& sequence);
Result<std::shared_ptr<const Segment>> open_segment(runtime::Disk& disk, const std::string& path,
                                                    uint64_t sequence, PartitionId partition);

/// Writes a segment under a temporary name, bundle by bundle in the order of (run, first), and names it.
class SegmentWriter {
 public:
  SegmentWriter(runtime::Disk& disk, std::string directory, PartitionId partition, uint64_t sequence)
      : disk_(disk), directory_(std::move(directory)), partition_(partition), sequence_(sequence) {}

  Status begin(LogOffset from, LogOffset upto, int64_t now_us);
  Status add(const Bundle& bundle);
  /// Durable and named when it returns.
  Status finish(const std::vector<uint64_t>& replaces);
  /// Removes the temporary file after a failure.
  void discard();

 private:
  Status flush(size_t at_least);
  std::string temporary() const { return directory_ + "/segment.new"; }

  runtime::Disk& disk_;
  const std::string directory_;
  const PartitionId partition_;
  const uint64_t sequence_;
  LogOffset from_, upto_;
  std::unique_ptr<runtime::File> file_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::vector<IndexEntry> index_;
};

Error corrupt_segment(const std::string& path, const std::string& what);

}  // namespace switchyard::archive
