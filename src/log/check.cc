#include "switchyard/log/check.h"

#include <algorithm>

#include "segment_scan.h"
#include "segment_store.h"

namespace switchyard::log {

using runtime::Disk;
using runtime::File;
using runtime::OpenMode;

namespace {

constexpr size_t kCopyChunkBytes = 1 << 20;

Error no_log(const std::string& directory) {
  return make_error(ErrorKind::kNotFound, "log.no_log",
                    directory + " holds no log segments; name a partition's folder inside the log directory");
}

Status copy_file(Disk& disk, const std::string& from, const std::string& to) {
  SY_ASSIGN_OR_RETURN(auto source, disk.open(from, OpenMode::kReadOnly));
  SY_ASSIGN_OR_RETURN(auto target, disk.open(to, OpenMode::kCreateNew));
  SY_ASSIGN_OR_RETURN(const uint64_t size, source->size());
  std::string chunk;
  for (uint64_t at = 0; at < size; at += chunk.size()) {
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(kCopyChunkBytes, size - at)));
    SY_ASSIGN_OR_RETURN(const size_t got, source->pread(at, chunk));
    if (got == 0) break;
    chunk.resize(got);
    SY_RETURN_IF_ERROR(target->pwrite(at, chunk));
  }
  return target->sync_data();
}

// A folder name that is not yet taken, so that a second repair keeps the first one's copies.
Result<std::string> make_backup_directory(Disk& disk, const std::string& directory, LogOffset at) {
  for (int n = 1;; ++n) {
    std::string path = directory + "/cut-" + std::to_string(at.value) + "-" + std::to_string(n);
    SY_ASSIGN_OR_RETURN(const bool taken, disk.exists(path));
    if (taken) continue;
    SY_RETURN_IF_ERROR(disk.create_directories(path));
    SY_RETURN_IF_ERROR(disk.sync_directory(directory));
    return path;
  }
}

// The frame of `segment` that holds the cut, as far as it is to be kept.
struct KeptPart {
  LogOffset frame;    // where the frame begins; the cut itself when nothing of a frame is kept
  std::string bytes;  // records before the cut, with room for the frame header; empty when none
  uint32_t records = 0;
  FrameHeader header;
};

// Walks good frames up to the cut, then good records of the frame that contains it.
Result<KeptPart> find_cut(const Segment& segment, LogOffset cut, const std::string& directory) {
  LogOffset at = segment.base();
  std::string frame(kFrameHeaderBytes, '\0');
  const auto bad_offset = [&](const std::string& why) {
    return make_error(ErrorKind::kInvalidArgument, "log.bad_offset",
                      "no record or batch begins at log offset " + std::to_string(cut.value) + " (" + why +
                          "); `switchyard log check " + directory + "` names the offset of the damage");
  };
  while (at < cut) {
    frame.resize(kFrameHeaderBytes);
    SY_ASSIGN_OR_RETURN(const size_t got, segment.file->pread(segment.position(at), frame));
    KeptPart part{at, {}, 0, {}};
    if (got < kFrameHeaderBytes || decode_frame_header(frame.data(), part.header) != HeaderState::kGood) {
      return bad_offset("the log is not intact up to there");
    }
    const LogOffset end{at.value + part.header.frame_bytes};
    if (end <= cut) {
      at = end;
      continue;
    }
    frame.resize(part.header.frame_bytes);
    SY_ASSIGN_OR_RETURN(const size_t all, segment.file->pread(segment.position(at), frame));
    frame.resize(all);
    uint64_t position = kFrameHeaderBytes;
    while (at.value + position < cut.value && part.records < part.header.record_count) {
      RecordView record;
      const std::string_view rest =
          std::string_view(frame).substr(std::min<uint64_t>(position, frame.size()));
      if (decode_record(rest, LogOffset{at.value + position}, record) != RecordState::kGood) {
        return bad_offset("an earlier record is damaged");
      }
      position += record_bytes_for(record.payload.size());
      ++part.records;
    }
    // The end mark may be named, too: damage there is reported at its place.
    if (at.value + position != cut.value) return bad_offset("it lies inside a record");
    part.bytes = frame.substr(0, position);
    return part;
  }
  if (at != cut) return bad_offset("it lies inside a batch");
  return KeptPart{cut, {}, 0, {}};
}

// Rewrites the frame with the kept records and leaves zeros behind it.
Result<LogOffset> cut_segment(const Segment& segment, KeptPart part) {
  LogOffset end = part.frame;
  std::string tail;
  if (part.records > 0) {
    const uint64_t body_bytes = part.bytes.size() - kFrameHeaderBytes;
    part.bytes.resize(frame_bytes_for(body_bytes), kTrailerByte);
    const FramePlace place{part.frame, segment.position(part.frame), part.header.epoch,
                           part.header.durable_end, part.header.log_id};
    seal_frame(part.bytes, part.header.kind, part.records, place);
    end = LogOffset{part.frame.value + part.bytes.size()};
  }
  const std::string zeros(kCopyChunkBytes, '\0');
  const uint64_t limit = kSegmentHeaderBytes + segment.capacity_bytes;
  for (uint64_t at = segment.position(end); at < limit; at += zeros.size()) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(zeros.size(), limit - at));
    SY_RETURN_IF_ERROR(segment.file->pwrite(at, std::string_view(zeros).substr(0, size)));
  }
  SY_RETURN_IF_ERROR(segment.file->sync_data());
  if (part.records > 0) {
    SY_RETURN_IF_ERROR(segment.file->pwrite(segment.position(part.frame), part.bytes));
    SY_RETURN_IF_ERROR(segment.file->sync_data());
  }
  return end;
}

// The segment files by name: a damaged one must not keep others from being looked at.
Result<std::vector<LogOffset>> segment_bases(Disk& disk, const std::string& directory) {
  SY_ASSIGN_OR_RETURN(const auto names, disk.list(directory));
  std::vector<LogOffset> bases;
  for (const auto& name : names) {
    LogOffset base;
    if (parse_segment_name(name, base)) bases.push_back(base);
  }
  if (bases.empty()) return no_log(directory);
  return bases;
}

}  // namespace

Result<LogReport> check(Disk& disk, const std::string& partition_directory) {
  SY_ASSIGN_OR_RETURN(const auto bases, segment_bases(disk, partition_directory));
  LogReport report;
  report.first = bases.front();
  report.end = bases.front();
  uint64_t log_id = 0;
  for (size_t i = 0; i < bases.size(); ++i) {
    const std::string path = partition_directory + "/" + segment_name(bases[i]);
    const auto damaged = [&](const std::string& reason) {
      report.damage = LogDamage{path, 0, bases[i], reason, false};
      return report;
    };
    auto segment = open_segment(disk, partition_directory, bases[i], OpenMode::kReadOnly);
    if (!segment.ok()) {
      if (segment.error().kind != ErrorKind::kCorruption) return std::move(segment).error();
      return damaged("the header of the segment file is damaged or belongs to another file");
    }
    const Segment& opened = **segment;
    if (i > 0 && opened.header.log_id != log_id)
      return damaged("the segment belongs to another log than the one before it");
    log_id = opened.header.log_id;
    std::optional<LogOffset> known_end;
    if (i + 1 < bases.size()) known_end = bases[i + 1];
    SY_ASSIGN_OR_RETURN(auto scan,
                        scan_segment(*opened.file, path, opened.header, opened.capacity_bytes, known_end));
    report.segments.push_back({path, opened.base(), scan.end, opened.header.epoch, scan.epoch, scan.batches,
                               scan.records, opened.capacity_bytes});
    report.records += scan.records;
    report.end = scan.end;
    report.epoch = std::max(report.epoch, scan.epoch);
    if (scan.damage) {
      report.damage = std::move(scan.damage);
      return report;
    }
  }
  return report;
}

Result<RepairReport> repair(Disk& disk, const std::string& partition_directory, LogOffset truncate_at) {
  const size_t slash = partition_directory.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : partition_directory.substr(0, slash);
  SY_ASSIGN_OR_RETURN(const auto lock, disk.lock_directory(parent));
  SY_ASSIGN_OR_RETURN(const auto bases, segment_bases(disk, partition_directory));
  if (truncate_at < bases.front()) {
    return make_error(ErrorKind::kInvalidArgument, "log.bad_offset",
                      "the log begins at " + std::to_string(bases.front().value) + ", it cannot be cut at " +
                          std::to_string(truncate_at.value));
  }
  const auto after = std::upper_bound(bases.begin(), bases.end(), truncate_at);
  const LogOffset base = *(after - 1);
  const std::string path = partition_directory + "/" + segment_name(base);
  // A segment whose own header is damaged can be given up whole, when there is one before it.
  const bool whole = truncate_at == base && after - bases.begin() > 1;
  KeptPart part;
  SegmentPtr segment;
  if (!whole) {
    SY_ASSIGN_OR_RETURN(segment, open_segment(disk, partition_directory, base, OpenMode::kReadWrite));
    SY_ASSIGN_OR_RETURN(part, find_cut(*segment, truncate_at, partition_directory));
  }

  RepairReport report;
  SY_ASSIGN_OR_RETURN(report.backup_directory, make_backup_directory(disk, partition_directory, truncate_at));
  if (!whole) SY_RETURN_IF_ERROR(copy_file(disk, path, report.backup_directory + "/" + segment_name(base)));
  SY_RETURN_IF_ERROR(disk.sync_directory(report.backup_directory));
  // Newest first: a crash in between leaves a log that ends later than wanted, never one with a gap.
  const auto keep_until = whole ? after - 1 : after;
  for (auto last = bases.end(); last != keep_until; --last) {
    const std::string name = segment_name(*(last - 1));
    SY_RETURN_IF_ERROR(disk.rename(partition_directory + "/" + name, report.backup_directory + "/" + name));
    SY_RETURN_IF_ERROR(disk.sync_directory(report.backup_directory));
    SY_RETURN_IF_ERROR(disk.sync_directory(partition_directory));
  }
  report.end = truncate_at;
  if (!whole) {
    report.records_kept_in_batch = part.records;
    SY_ASSIGN_OR_RETURN(report.end, cut_segment(*segment, std::move(part)));
  }
  return report;
}

}  // namespace switchyard::log
