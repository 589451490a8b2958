#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "switchyard/log/record.h"

// The bytes on disk; docs/formats/log.md is the same in words. All integers are little-endian.
namespace switchyard::log {

/// Segment file: one header block, then frames. File position = kSegmentHeaderBytes + offset - base.
inline constexpr uint64_t kSegmentHeaderBytes = 4096;
/// What a disk writes whole or not at all.
inline constexpr uint64_t kSectorBytes = 512;
/// Frames begin and end on multiples of this, so a frame header never crosses a sector.
inline constexpr uint32_t kFrameAlignment = 64;
inline constexpr uint32_t kFrameHeaderBytes = 64;
inline constexpr uint32_t kRecordAlignment = 8;
inline constexpr uint32_t kRecordHeaderBytes = 48;
/// Fills a frame from its last record to its end, at least 8 bytes of it. No byte of it is zero, so an
/// end that is zero was never written.
inline constexpr char kTrailerByte = '\xA5';
inline constexpr uint32_t kMinTrailerBytes = 8;

inline constexpr uint32_t kFrameMagic = 0x52465953;  // "SYFR"
inline constexpr uint32_t kFrameEndMagic = 0xC3B5A596;
inline constexpr uint64_t kSegmentMagic = 0x31474F4C44575953;  // "SYWDLOG1"
inline constexpr uint16_t kFormatVersion = 1;

static_assert(kSegmentHeaderBytes % kSectorBytes == 0 && kSectorBytes % kFrameAlignment == 0);
static_assert(kFrameHeaderBytes % kRecordAlignment == 0 && kRecordHeaderBytes % kRecordAlignment == 0);

enum class FrameKind : uint16_t {
  kBatch = 0,
  kEpoch = 1,  ///< no records: an owner took the log
  kClose = 2,  ///< no records: an owner ended in order
};

/// Precedes each batch.
struct FrameHeader {
  FrameKind kind = FrameKind::kBatch;
  LogOffset offset;          ///< its own
  uint32_t frame_bytes = 0;  ///< header, records and trailer
  uint32_t record_count = 0;
  LogOffset durable_end;  ///< everything below was durable when this was written
  Epoch epoch;
  uint32_t body_bytes = 0;    ///< of the records alone
  uint32_t zero_sectors = 0;  ///< sectors of the frame that hold only zeros although they were written
  uint64_t log_id = 0;

  void encode(char* out) const;  ///< kFrameHeaderBytes
};

enum class HeaderState : uint8_t {
  kGood,
  kUnwritten,  ///< all zeros
  kTorn,       ///< written from the front, but not to its end
  kBad,        ///< written whole, and not what was written
};
/// `bytes` is at least kFrameHeaderBytes. Checks magic, format version, checksum; not the offset.
HeaderState decode_frame_header(const char* bytes, FrameHeader& out);

struct SegmentHeader {
  PartitionId partition;
  uint64_t log_id = 0;
  LogOffset base;
  Epoch epoch;  ///< when the segment was begun
  int64_t created_us = 0;

  std::string encode() const;  ///< kSegmentHeaderBytes
};
/// False when the bytes are not an intact header of this format version.
bool decode_segment_header(std::string_view bytes, SegmentHeader& out);

inline uint64_t align_up(uint64_t value, uint64_t to) { return (value + to - 1) & ~(to - 1); }

/// Bytes of the whole frame when its records take `body_bytes`.
inline uint64_t frame_bytes_for(uint64_t body_bytes) {
  return align_up(kFrameHeaderBytes + body_bytes + kMinTrailerBytes, kFrameAlignment);
}

inline uint64_t record_bytes_for(uint64_t payload_bytes) {
  return align_up(kRecordHeaderBytes + payload_bytes, kRecordAlignment);
}

/// Payload length and own offset as they stand in a record header; not verified.
inline uint32_t peek_payload_bytes(const char* record) {
  uint32_t v;
  std::memcpy(&v, record + 4, sizeof v);
  return v;
}

enum class RecordState : uint8_t { kGood, kBadLength, kBadOffset, kBadChecksum };
/// Decodes the record at the front of `bytes`, which should be the one at `offset`.
RecordState decode_record(std::string_view bytes, LogOffset offset, RecordView& out);
std::string_view record_state_text(RecordState state);

/// True where `bytes` is the trailer of a frame, to be skipped to the next multiple of kFrameAlignment.
bool is_trailer(std::string_view bytes);

/// True when all bytes are zero.
bool all_zero(const char* bytes, size_t size);

/// Full sectors of a file that lie inside [at, at + frame.size()) and hold only zeros; the first part of a
/// sector, which holds the header, and the last, which holds the trailer, never do.
uint32_t count_zero_sectors(std::string_view frame, uint64_t file_position);

/// The log's hand on a batch's buffer.
struct BatchAccess {
  /// Appends the trailer: the buffer is then a whole frame of log_bytes() with blank offsets and checksums.
  static void close(RecordBatch& batch);
  static std::string& buffer(RecordBatch& batch) { return batch.buffer_; }
};

/// Where and under whom a closed frame is written.
struct FramePlace {
  LogOffset offset;
  uint64_t file_position = 0;
  Epoch epoch;
  LogOffset durable_end;
  uint64_t log_id = 0;
};
/// Fills in offsets, epoch and checksums of all records, and the frame header.
void seal_frame(std::string& frame, FrameKind kind, uint32_t record_count, const FramePlace& place);
/// A sealed frame without records.
std::string control_frame(FrameKind kind, const FramePlace& place);

}  // namespace switchyard::log
