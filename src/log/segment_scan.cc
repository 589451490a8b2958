#include "segment_scan.h"

#include "file_window.h"
#include "switchyard/base/hash.h"

namespace switchyard::log {
namespace {

constexpr size_t kScanChunkBytes = 1 << 20;

// What is wrong with a frame whose header is intact.
struct FrameFault {
  uint64_t at = 0;  // position in the frame of the first bad record, or of the trailer
  std::string reason;
  bool in_record = false;
  size_t bad_records = 0;
  size_t bad_bytes = 0;  // of the bad record, when its length can be believed
};

bool all_trailer(std::string_view bytes) {
  for (const char c : bytes) {
    if (c != kTrailerByte) return false;
  }
  return true;
}

// Verifies every byte of the frame; nullopt when all is well.
std::optional<FrameFault> verify_frame(std::string_view frame, const FrameHeader& header) {
  std::optional<FrameFault> fault;
  const uint64_t body_end = kFrameHeaderBytes + header.body_bytes;
  uint64_t at = kFrameHeaderBytes;
  for (uint32_t i = 0; i < header.record_count; ++i) {
    RecordView record;
    const std::string_view rest = frame.substr(at, at <= body_end ? body_end - at : 0);
    auto state = decode_record(rest, LogOffset{header.offset.value + at}, record);
    if (state == RecordState::kBadLength) {
      return FrameFault{at, "its length does not fit the batch", true, 2,
                        0};  // nothing after it can be found
    }
    const uint64_t length = record_bytes_for(peek_payload_bytes(rest.data()));
    const uint64_t used = kRecordHeaderBytes + peek_payload_bytes(rest.data());
    std::string reason(record_state_text(state));
    if (state == RecordState::kGood && record.epoch != header.epoch) {
      state = RecordState::kBadOffset;
      reason = "it carries another epoch than its batch";
    }
    if (state == RecordState::kGood && !all_zero(rest.data() + used, std::min(length, rest.size()) - used)) {
      state = RecordState::kBadChecksum;
      reason = "the padding after it is not zero";
    }
    if (state != RecordState::kGood) {
      if (!fault) fault = FrameFault{at, reason, true, 0, static_cast<size_t>(used)};
      ++fault->bad_records;
    }
    at += length;
  }
  if (fault) return fault;
  if (at != body_end) return FrameFault{at, "its records do not fill it", false, 0, 0};
  if (!all_trailer(frame.substr(body_end)))
    return FrameFault{body_end, "its end mark is damaged", false, 0, 0};
  return fault;
}

// True when one flipped bit, in a sector that now holds only zeros, would make the record good again. It
// tells a sector whose only bit was lost from a sector that was never written; both read as zeros.
// The difference of two checksums depends only on where the bits differ, so one walk from the record's
// last bit to its first finds the place.
bool one_bit_from_good(std::string_view record, uint64_t file_position) {
  constexpr uint32_t kPolynomial = 0x82F63B78;  // CRC-32C, reflected
  uint32_t stored;
  std::memcpy(&stored, record.data(), sizeof stored);
  const uint32_t difference = stored ^ crc32c(record.substr(4));
  uint32_t syndrome = kPolynomial;
  for (size_t byte = record.size(); byte-- > 4;) {
    for (int bit = 7; bit >= 0; --bit) {
      if (syndrome == difference && record[byte] == 0) {
        const uint64_t sector = (file_position + byte) / kSectorBytes * kSectorBytes;
        const uint64_t from = std::max(sector, file_position) - file_position;
        const uint64_t to = std::min<uint64_t>(sector + kSectorBytes - file_position, record.size());
        if (all_zero(record.data() + from, to - from)) return true;
      }
      syndrome = (syndrome >> 1) ^ ((syndrome & 1) ? kPolynomial : 0);
    }
  }
  return false;
}

// True when the faulty frame can be what a crash left of a write that nobody was told about: its end was
// never written, or a sector is missing. Everything else was written whole and changed afterwards.
bool looks_torn(std::string_view frame, const FrameHeader& header, const FrameFault& fault,
                uint64_t file_position) {
  if (frame.size() < header.frame_bytes || frame.back() == 0) return true;
  const uint32_t zero_sectors = count_zero_sectors(frame, file_position);
  if (zero_sectors <= header.zero_sectors) return false;
  if (zero_sectors == header.zero_sectors + 1 && fault.bad_records == 1 && fault.bad_bytes > 0) {
    return !one_bit_from_good(frame.substr(fault.at, fault.bad_bytes), file_position + fault.at);
  }
  return true;
}

class Scanner {
 public:
  Scanner(const runtime::File& file, const std::string& path, const SegmentHeader& header,
          uint64_t capacity_bytes, std::optional<LogOffset> known_end)
      : path_(path),
        header_(header),
        known_end_(known_end),
        limit_(kSegmentHeaderBytes + (known_end ? known_end->value - header.base.value : capacity_bytes)),
        window_(file, limit_, kScanChunkBytes) {
    scan_.end = scan_.durable_end = scan_.last_frame = header.base;
    scan_.epoch = header.epoch;
  }

  Result<SegmentScan> run() {
    while (true) {
      SY_ASSIGN_OR_RETURN(const bool more, next_frame());
      if (!more) break;
    }
    if (known_end_) return std::move(scan_);
    SY_RETURN_IF_ERROR(look_at_tail());
    return std::move(scan_);
  }

 private:
  uint64_t position(LogOffset offset) const {
    return kSegmentHeaderBytes + offset.value - header_.base.value;
  }
  uint64_t here() const { return position(scan_.end); }

  void damage(uint64_t at_in_frame, std::string reason, bool torn) {
    scan_.damage = LogDamage{path_, here() + at_in_frame, LogOffset{scan_.end.value + at_in_frame},
                             std::move(reason), torn};
  }

  // Takes one good frame; false at the end or at a damage.
  Result<bool> next_frame() {
    SY_ASSIGN_OR_RETURN(const auto head, window_.at(here(), kFrameHeaderBytes));
    if (head.size() < kFrameHeaderBytes) {
      if (known_end_ && scan_.end != *known_end_)
        damage(0, "the file ends before the next segment begins", false);
      return false;
    }
    FrameHeader frame;
    switch (decode_frame_header(head.data(), frame)) {
      case HeaderState::kUnwritten:
        if (known_end_) damage(0, "a batch is missing: the next segment begins later", false);
        return false;
      case HeaderState::kTorn: damage(0, "the header of a batch is incomplete", !known_end_); return false;
      case HeaderState::kBad: damage(0, "the header of a batch is damaged", false); return false;
      case HeaderState::kGood: break;
    }
    if (frame.offset != scan_.end || frame.log_id != header_.log_id) {
      damage(0, "a batch of another place or another log stands here", false);
      return false;
    }
    if (here() + frame.frame_bytes > limit_) {
      damage(0, "a batch reaches beyond the end of its segment", false);
      return false;
    }
    SY_ASSIGN_OR_RETURN(const auto bytes, window_.at(here(), frame.frame_bytes));
    if (const auto fault = verify_frame(bytes, frame)) {
      const bool torn = !known_end_ && looks_torn(bytes, frame, *fault, here());
      const char* what = fault->in_record ? "a record is damaged: " : "a batch is damaged: ";
      damage(fault->at, what + fault->reason, torn);
      return false;
    }
    ++scan_.batches;
    scan_.records += frame.record_count;
    scan_.epoch = std::max(scan_.epoch, frame.epoch);
    scan_.durable_end = std::max(scan_.durable_end, frame.durable_end);
    scan_.last_frame = frame.offset;
    scan_.end = LogOffset{scan_.end.value + frame.frame_bytes};
    return true;
  }

  // What stands after the end: nothing, remains of unsynced batches, or proof that something is missing.
  Status look_at_tail() {
    uint64_t at = here();
    const uint64_t expected_end = scan_.end.value;
    const uint64_t durable = scan_.durable_end.value;
    if (durable > expected_end) prove_missing(scan_.durable_end);
    while (true) {
      SY_ASSIGN_OR_RETURN(const auto head, window_.at(at, kFrameHeaderBytes));
      if (head.size() < kFrameHeaderBytes) break;
      if (!all_zero(head.data(), head.size())) {
        scan_.dirty_tail = true;
        FrameHeader frame;
        const LogOffset offset{header_.base.value + at - kSegmentHeaderBytes};
        if (decode_frame_header(head.data(), frame) == HeaderState::kGood && frame.offset == offset &&
            frame.log_id == header_.log_id && frame.durable_end > scan_.end) {
          prove_missing(frame.durable_end);
          break;
        }
      }
      at += kFrameAlignment;
    }
    if (scan_.dirty_tail && !scan_.damage)
      damage(0, "a batch is missing before others that were not yet durable", true);
    return {};
  }

  void prove_missing(LogOffset durable) {
    if (!scan_.damage) damage(0, "a batch is missing", false);
    scan_.damage->torn_tail = false;
    scan_.damage->reason +=
        "; a later batch shows that everything below " + std::to_string(durable.value) + " was durable";
  }

  const std::string& path_;
  const SegmentHeader& header_;
  const std::optional<LogOffset> known_end_;
  const uint64_t limit_;
  FileWindow window_;
  SegmentScan scan_;
};

}  // namespace

Result<SegmentScan> scan_segment(const runtime::File& file, const std::string& path,
                                 const SegmentHeader& header, uint64_t capacity_bytes,
                                 std::optional<LogOffset> known_end) {
  return Scanner(file, path, header, capacity_bytes, known_end).run();
}

Error corruption_error(const LogDamage& damage, const std::string& partition_directory) {
  const std::string offset = std::to_string(damage.offset.value);
  return make_error(ErrorKind::kCorruption, "log.corrupt_record",
                    "the log is damaged at offset " + offset + ", byte " +
                        std::to_string(damage.file_position) + " of " + damage.file + ": " + damage.reason +
                        "; restore the file from a copy, or see what is there with "
                        "`switchyard log check " +
                        partition_directory +
                        "` and give up everything from there on with "
                        "`switchyard log repair --truncate-at " +
                        offset + " " + partition_directory + "`");
}

}  // namespace switchyard::log
