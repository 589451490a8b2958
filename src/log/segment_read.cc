// Reading records of a log by offset: Log::read over segment files.

#include <algorithm>

#include "file_window.h"
#include "segment_scan.h"
#include "segment_store.h"

namespace switchyard::log {
namespace {

constexpr size_t kSequentialChunkBytes = 1 << 20;

Error bad_offset(LogOffset from, const char* why) {
  return make_error(ErrorKind::kInvalidArgument, "log.bad_offset",
                    "no record begins at log offset " + std::to_string(from.value) + ": " + why);
}

// Walks the records of one segment from `at` to `end`.
class SegmentReader {
 public:
  SegmentReader(const Segment& segment, LogOffset from, LogOffset end, size_t max_bytes,
                const std::string& directory)
      : segment_(segment),
        from_(from),
        end_(end),
        directory_(directory),
        epoch_(segment.header.epoch),
        window_(*segment.file, segment.position(end),
                std::clamp(max_bytes, kReadAheadBytes, kSequentialChunkBytes)) {}

  // Goes on until the end, the limit, or the visitor's word; `stopped` tells the last two from the first.
  Result<LogOffset> walk(size_t max_bytes, size_t& visited, bool& stopped, const RecordVisitor& visit) {
    LogOffset at = from_;
    while (at < end_) {
      if (visited > 0 && at.value - from_.value >= max_bytes) {
        stopped = true;
        return at;
      }
      SY_ASSIGN_OR_RETURN(const auto head, window_.at(segment_.position(at), kFrameHeaderBytes));
      if (is_trailer(head)) {
        at = LogOffset{align_up(at.value + kMinTrailerBytes, kFrameAlignment)};
        continue;
      }
      SY_ASSIGN_OR_RETURN(const bool framed, skip_frame_header(head, at));
      if (framed) continue;
      RecordView record;
      SY_ASSIGN_OR_RETURN(const uint64_t length, fetch(head, at, record));
      at = LogOffset{at.value + length};
      // The rule for every ordered log: what a fenced owner wrote after its successor began does not count.
      if (record.epoch < epoch_) continue;
      epoch_ = record.epoch;
      ++visited;
      if (!visit(record)) {
        stopped = true;
        return at;
      }
    }
    return at;
  }

 private:
  // A frame header and a record header cannot be confused: each is checked by its own checksum.
  Result<bool> skip_frame_header(std::string_view head, LogOffset& at) {
    if (at.value % kFrameAlignment != 0 || head.size() < kFrameHeaderBytes) return false;
    FrameHeader frame;
    if (decode_frame_header(head.data(), frame) != HeaderState::kGood || frame.offset != at) return false;
    epoch_ = std::max(epoch_, frame.epoch);
    at = LogOffset{at.value + kFrameHeaderBytes};
    return true;
  }

  Result<uint64_t> fetch(std::string_view head, LogOffset at, RecordView& record) {
    if (head.size() < kRecordHeaderBytes) return fault(at, "the log ends inside a record");
    const uint64_t length = kRecordHeaderBytes + peek_payload_bytes(head.data());
    if (length > kRecordHeaderBytes + kMaxPayloadBytes) return fault(at, "its length is beyond any limit");
    SY_ASSIGN_OR_RETURN(const auto bytes, window_.at(segment_.position(at), static_cast<size_t>(length)));
    const auto state = decode_record(bytes, at, record);
    if (state != RecordState::kGood) return fault(at, record_state_text(state));
    return align_up(length, kRecordAlignment);
  }

  Error fault(LogOffset at, std::string_view reason) const {
    // A caller's wrong offset and a damaged record look alike only for the first record read.
    if (at == from_) {
      return make_error(ErrorKind::kCorruption, "log.corrupt_record",
                        "no intact record stands at offset " + std::to_string(at.value) + ", byte " +
                            std::to_string(segment_.position(at)) + " of " + segment_.path + ": " +
                            std::string(reason) +
                            "; the offset is wrong or the record is damaged, `switchyard log check " +
                            directory_ + "` tells which");
    }
    return corruption_error({segment_.path, segment_.position(at), at, std::string(reason), false},
                            directory_);
  }

  const Segment& segment_;
  const LogOffset from_;
  const LogOffset end_;
  const std::string& directory_;
  Epoch epoch_;
  FileWindow window_;
};

}  // namespace

SegmentPtr SegmentStore::find(LogOffset offset, SegmentPtr& next) const {
  std::lock_guard lock(mutex_);
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), offset,
                       [](LogOffset at, const SegmentPtr& segment) { return at < segment->base(); });
  next = after == segments_.end() ? nullptr : *after;
  return after == segments_.begin() ? nullptr : *(after - 1);
}

Result<LogOffset> SegmentStore::read(LogOffset from, LogOffset end, size_t max_bytes,
                                     const RecordVisitor& visit) const {
  if (from > end) return bad_offset(from, "the log is durable only below that");
  if (from.value % kRecordAlignment != 0) return bad_offset(from, "offsets are multiples of 8");
  size_t visited = 0;
  bool stopped = false;
  LogOffset at = from;
  while (at < end && !stopped) {
    SegmentPtr next;
    const SegmentPtr segment = find(at, next);
    if (!segment) {
      return make_error(ErrorKind::kNotFound, "log.trimmed",
                        "log offset " + std::to_string(at.value) + " of partition " +
                            std::to_string(partition_.value) + " was trimmed; the log begins at " +
                            std::to_string(first_offset().value));
    }
    const LogOffset stop = next && next->base() < end ? next->base() : end;
    const uint64_t used = at.value - from.value;
    const size_t left = used < max_bytes ? max_bytes - static_cast<size_t>(used) : 0;
    SegmentReader reader(*segment, at, stop, left, directory_);
    SY_ASSIGN_OR_RETURN(at, reader.walk(left, visited, stopped, visit));
  }
  return at;
}

}  // namespace switchyard::log
