#include "segment_store.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "segment_scan.h"
#include "switchyard/base/check.h"

namespace switchyard::log {

using runtime::Disk;
using runtime::File;
using runtime::OpenMode;

namespace {

constexpr size_t kMendChunkBytes = 64 << 10;

Error damaged_file(const std::string& path, uint64_t position, LogOffset offset, std::string reason,
                   const std::string& directory) {
  return corruption_error({path, position, offset, std::move(reason), false}, directory);
}

}  // namespace

std::string segment_name(LogOffset base) {
  char name[32];
  std::snprintf(name, sizeof name, "%020llu.log", static_cast<unsigned long long>(base.value));
  return name;
}

bool parse_segment_name(const std::string& name, LogOffset& base) {
  if (name.size() != 24 || name.substr(20) != ".log") return false;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 20, base.value);
  return error == std::errc() && end == name.data() + 20;
}

Result<SegmentPtr> open_segment(Disk& disk, const std::string& directory, LogOffset base, OpenMode mode) {
  auto segment = std::make_shared<Segment>();
  segment->path = directory + "/" + segment_name(base);
  SY_ASSIGN_OR_RETURN(segment->file, disk.open(segment->path, mode));
  SY_ASSIGN_OR_RETURN(const uint64_t size, segment->file->size());
  std::string bytes(kSegmentHeaderBytes, '\0');
  SY_ASSIGN_OR_RETURN(const size_t got, segment->file->pread(0, bytes));
  if (got < bytes.size() || !decode_segment_header(bytes, segment->header)) {
    return damaged_file(segment->path, 0, base, "the header of the segment file is damaged", directory);
  }
  if (segment->header.base != base) {
    return damaged_file(segment->path, 0, base, "the file is the segment of another offset, renamed",
                        directory);
  }
  segment->capacity_bytes = (size - kSegmentHeaderBytes) / kFrameAlignment * kFrameAlignment;
  return SegmentPtr(std::move(segment));
}

Result<std::vector<SegmentPtr>> open_segments(Disk& disk, const std::string& directory, OpenMode mode) {
  SY_ASSIGN_OR_RETURN(const auto names, disk.list(directory));
  std::vector<SegmentPtr> segments;
  for (const auto& name : names) {
    LogOffset base;
    if (!parse_segment_name(name, base)) continue;
    SY_ASSIGN_OR_RETURN(auto segment, open_segment(disk, directory, base, mode));
    if (!segments.empty()) {
      const Segment& before = *segments.back();
      const uint64_t length = base.value - before.base().value;
      if (segment->header.log_id != before.header.log_id ||
          segment->header.partition != before.header.partition) {
        return damaged_file(segment->path, 0, base,
                            "the segment belongs to another log than the one before it", directory);
      }
      if (length > before.capacity_bytes) {
        return damaged_file(before.path, kSegmentHeaderBytes + before.capacity_bytes,
                            LogOffset{before.base().value + before.capacity_bytes},
                            "a segment is missing before " + segment->path, directory);
      }
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

Result<SegmentStore::Recovered> SegmentStore::open(uint64_t first_segment_bytes) {
  SY_RETURN_IF_ERROR(disk_.create_directories(directory_));
  SY_ASSIGN_OR_RETURN(const bool left_over, disk_.exists(prepared_path()));
  if (left_over) SY_RETURN_IF_ERROR(disk_.remove(prepared_path()));
  // What an earlier process made, it may have died before making durable: the names of the segments and of
  // their folder. Nothing may be acknowledged in a file that a loss of power could take away whole.
  SY_RETURN_IF_ERROR(disk_.sync_directory(directory_.substr(0, directory_.rfind('/'))));
  SY_RETURN_IF_ERROR(disk_.sync_directory(directory_));
  count_syncs(2);
  SY_ASSIGN_OR_RETURN(auto segments, open_segments(disk_, directory_, OpenMode::kReadWrite));
  if (segments.empty()) {
    log_id_ = random_.next_u64();
    SY_ASSIGN_OR_RETURN(auto prepared, prepare(first_segment_bytes));
    auto rolled = roll(prepared, LogOffset{}, Epoch{});
    if (!rolled.ok()) return std::move(rolled).error();
    return Recovered{};
  }
  if (segments.back()->header.partition != partition_) {
    return make_error(ErrorKind::kCorruption, "log.wrong_partition",
                      directory_ + " holds the log of partition " +
                          std::to_string(segments.back()->header.partition.value) + ", not of partition " +
                          std::to_string(partition_.value) + "; put the folders back under their own names");
  }
  log_id_ = segments.back()->header.log_id;
  {
    std::lock_guard lock(mutex_);
    segments_ = std::move(segments);
  }
  return recover_last();
}

// Earlier segments were durable before the last was begun; only the last can have a torn tail.
Result<SegmentStore::Recovered> SegmentStore::recover_last() {
  const SegmentPtr last = current();
  SY_ASSIGN_OR_RETURN(const auto scan, scan_segment(*last->file, last->path, last->header,
                                                    last->capacity_bytes, std::nullopt));
  if (scan.damage && !scan.damage->torn_tail) return corruption_error(*scan.damage, directory_);
  SY_RETURN_IF_ERROR(mend_tail(*last, scan.durable_end, scan.end, scan.dirty_tail));
  return Recovered{scan.end, scan.epoch};
}

// Zeros whatever a crash left after the end, so that remains can never be mistaken for batches. And
// writes again what nobody vouched for: after a failed sync of an earlier process the kernel may hold bytes
// that it believes clean although the disk never took them.
Status SegmentStore::mend_tail(const Segment& last, LogOffset durable, LogOffset end, bool dirty) {
  std::string chunk;
  for (uint64_t at = last.position(durable); at < last.position(end); at += chunk.size()) {
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(kMendChunkBytes, last.position(end) - at)));
    SY_ASSIGN_OR_RETURN(const size_t got, last.file->pread(at, chunk));
    SY_CHECK(got == chunk.size());
    SY_RETURN_IF_ERROR(last.file->pwrite(at, chunk));
  }
  const std::string zeros(kMendChunkBytes, '\0');
  const uint64_t limit = kSegmentHeaderBytes + last.capacity_bytes;
  for (uint64_t at = last.position(end); dirty && at < limit; at += chunk.size()) {
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(kMendChunkBytes, limit - at)));
    SY_ASSIGN_OR_RETURN(const size_t got, last.file->pread(at, chunk));
    if (all_zero(chunk.data(), got)) continue;
    SY_RETURN_IF_ERROR(last.file->pwrite(at, std::string_view(zeros).substr(0, chunk.size())));
  }
  count_syncs(1);
  return last.file->sync_data();
}

Result<SegmentStore::Prepared> SegmentStore::prepare(uint64_t capacity_bytes,
                                                     const std::function<void(uint64_t)>& between) {
  capacity_bytes = align_up(capacity_bytes, kSectorBytes);
  SY_ASSIGN_OR_RETURN(const bool left_over, disk_.exists(prepared_path()));
  if (left_over) SY_RETURN_IF_ERROR(disk_.remove(prepared_path()));
  Prepared prepared;
  prepared.capacity_bytes = capacity_bytes;
  SY_ASSIGN_OR_RETURN(prepared.file, disk_.open(prepared_path(), OpenMode::kCreateNew));
  auto allocated = prepared.file->allocate_zeroed(kSegmentHeaderBytes + capacity_bytes, between);
  count_syncs(1);
  if (!allocated.ok()) {
    discard(std::move(prepared));  // gives the space back: others may need it more than a half segment
    return std::move(allocated).error();
  }
  return prepared;
}

void SegmentStore::discard(Prepared prepared) {
  prepared.file.reset();
  // A file that cannot be removed now is removed by the next prepare() or open().
  if (!prepared.named) (void)disk_.remove(prepared_path()).ok();
}

Status SegmentStore::roll(Prepared& prepared, LogOffset base, Epoch epoch) {
  auto segment = std::make_shared<Segment>();
  segment->path = directory_ + "/" + segment_name(base);
  segment->header = SegmentHeader{partition_, log_id_, base, epoch, clock_.now_us()};
  segment->capacity_bytes = prepared.capacity_bytes;
  SY_CHECK(base.value % kFrameAlignment == 0);
  if (!prepared.named) {
    SY_RETURN_IF_ERROR(prepared.file->pwrite(0, segment->header.encode()));
    SY_RETURN_IF_ERROR(prepared.file->sync_data());
    SY_RETURN_IF_ERROR(disk_.rename(prepared_path(), segment->path));
    prepared.named = true;
  }
  SY_RETURN_IF_ERROR(disk_.sync_directory(directory_));
  count_syncs(2);
  segment->file = std::move(prepared.file);
  std::lock_guard lock(mutex_);
  SY_CHECK(segments_.empty() || segments_.back()->base() < base);
  segments_.push_back(std::move(segment));
  return {};
}

SegmentPtr SegmentStore::current() const {
  std::lock_guard lock(mutex_);
  return segments_.back();
}

LogOffset SegmentStore::first_offset() const {
  std::lock_guard lock(mutex_);
  return segments_.front()->base();
}

uint64_t SegmentStore::housekeeping_syncs() const {
  std::lock_guard lock(mutex_);
  return syncs_;
}

void SegmentStore::count_syncs(uint64_t n) {
  std::lock_guard lock(mutex_);
  syncs_ += n;
}

Status SegmentStore::trim(LogOffset upto) {
  while (true) {
    SegmentPtr first;
    {
      std::lock_guard lock(mutex_);
      if (segments_.size() < 2 || segments_[1]->base() > upto) return {};
      first = segments_.front();
      segments_.erase(segments_.begin());
    }
    // Oldest first, each made durable before the next: a crash never leaves a gap.
    SY_RETURN_IF_ERROR(disk_.remove(first->path));
    SY_RETURN_IF_ERROR(disk_.sync_directory(directory_));
    count_syncs(1);
  }
}

}  // namespace switchyard::log
