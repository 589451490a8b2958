#include "format.h"

#include <algorithm>

#include "switchyard/base/check.h"
#include "switchyard/base/hash.h"

namespace switchyard::log {
namespace {

template <typename T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <typename T>
T get(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

constexpr size_t kFrameChecksumAt = 56;
constexpr size_t kSegmentChecksumAt = 52;

}  // namespace

void FrameHeader::encode(char* out) const {
  put<uint32_t>(out, kFrameMagic);
  put<uint16_t>(out + 4, kFormatVersion);
  put<uint16_t>(out + 6, static_cast<uint16_t>(kind));
  put<uint64_t>(out + 8, offset.value);
  put<uint32_t>(out + 16, frame_bytes);
  put<uint32_t>(out + 20, record_count);
  put<uint64_t>(out + 24, durable_end.value);
  put<uint32_t>(out + 32, epoch.value);
  put<uint32_t>(out + 36, body_bytes);
  put<uint32_t>(out + 40, zero_sectors);
  put<uint32_t>(out + 44, 0);
  put<uint64_t>(out + 48, log_id);
  put<uint32_t>(out + kFrameChecksumAt, crc32c({out, kFrameChecksumAt}));
  put<uint32_t>(out + 60, kFrameEndMagic);
}

HeaderState decode_frame_header(const char* bytes, FrameHeader& out) {
  if (bytes[kFrameHeaderBytes - 1] == 0) {
    return all_zero(bytes, kFrameHeaderBytes) ? HeaderState::kUnwritten : HeaderState::kTorn;
  }
  const bool good = get<uint32_t>(bytes) == kFrameMagic && get<uint32_t>(bytes + 60) == kFrameEndMagic &&
                    get<uint32_t>(bytes + kFrameChecksumAt) == crc32c({bytes, kFrameChecksumAt}) &&
                    get<uint16_t>(bytes + 4) == kFormatVersion;
  if (!good) return HeaderState::kBad;
  out.kind = static_cast<FrameKind>(get<uint16_t>(bytes + 6));
  out.offset = LogOffset{get<uint64_t>(bytes + 8)};
  out.frame_bytes = get<uint32_t>(bytes + 16);
  out.record_count = get<uint32_t>(bytes + 20);
  out.durable_end = LogOffset{get<uint64_t>(bytes + 24)};
  out.epoch = Epoch{get<uint32_t>(bytes + 32)};
  out.body_bytes = get<uint32_t>(bytes + 36);
  out.zero_sectors = get<uint32_t>(bytes + 40);
  out.log_id = get<uint64_t>(bytes + 48);
  // A checksum that holds over lengths that do not fit each other is a forgery or a defect: nothing of it is
  // used.
  if (out.body_bytes > kMaxBatchBytes || frame_bytes_for(out.body_bytes) != out.frame_bytes ||
      out.frame_bytes % kFrameAlignment != 0 || out.offset.value % kFrameAlignment != 0) {
    return HeaderState::kBad;
  }
  return HeaderState::kGood;
}

std::string SegmentHeader::encode() const {
  std::string out(kSegmentHeaderBytes, '\0');
  put<uint64_t>(out.data(), kSegmentMagic);
  put<uint16_t>(out.data() + 8, kFormatVersion);
  put<uint32_t>(out.data() + 12, partition.value);
  put<uint64_t>(out.data() + 16, log_id);
  put<uint64_t>(out.data() + 24, base.value);
  put<uint32_t>(out.data() + 32, epoch.value);
  put<int64_t>(out.data() + 40, created_us);
  put<uint32_t>(out.data() + kSegmentChecksumAt, crc32c({out.data(), kSegmentChecksumAt}));
  return out;
}

bool decode_segment_header(std::string_view bytes, SegmentHeader& out) {
  if (bytes.size() < kSegmentHeaderBytes) return false;
  const char* in = bytes.data();
  if (get<uint64_t>(in) != kSegmentMagic || get<uint16_t>(in + 8) != kFormatVersion) return false;
  if (get<uint32_t>(in + kSegmentChecksumAt) != crc32c({in, kSegmentChecksumAt})) return false;
  out.partition = PartitionId{get<uint32_t>(in + 12)};
  out.log_id = get<uint64_t>(in + 16);
  out.base = LogOffset{get<uint64_t>(in + 24)};
  out.epoch = Epoch{get<uint32_t>(in + 32)};
  out.created_us = get<int64_t>(in + 40);
  return out.base.value % kFrameAlignment == 0;
}

RecordState decode_record(std::string_view bytes, LogOffset offset, RecordView& out) {
  if (bytes.size() < kRecordHeaderBytes) return RecordState::kBadLength;
  const char* in = bytes.data();
  const uint32_t payload_bytes = get<uint32_t>(in + 4);
  if (payload_bytes > bytes.size() - kRecordHeaderBytes) return RecordState::kBadLength;
  if (get<uint32_t>(in) != crc32c({in + 4, kRecordHeaderBytes - 4 + payload_bytes}))
    return RecordState::kBadChecksum;
  if (get<uint64_t>(in + 8) != offset.value) return RecordState::kBadOffset;
  out.offset = offset;
  out.epoch = Epoch{get<uint32_t>(in + 16)};
  out.version = static_cast<uint8_t>(in[20]);
  out.type = static_cast<uint8_t>(in[21]);
  out.step = get<uint16_t>(in + 22);
  out.time_us = get<int64_t>(in + 24);
  std::memcpy(out.run.bytes.data(), in + 32, out.run.bytes.size());
  out.payload = bytes.substr(kRecordHeaderBytes, payload_bytes);
  return RecordState::kGood;
}

std::string_view record_state_text(RecordState state) {
  switch (state) {
    case RecordState::kGood: return "it is intact";
    case RecordState::kBadLength: return "its length does not fit";
    case RecordState::kBadOffset: return "it belongs to another offset";
    case RecordState::kBadChecksum: return "its checksum does not match its bytes";
  }
  return "it is damaged";
}

bool is_trailer(std::string_view bytes) {
  if (bytes.size() < kMinTrailerBytes) return false;
  return std::all_of(bytes.begin(), bytes.begin() + kMinTrailerBytes,
                     [](char c) { return c == kTrailerByte; });
}

bool all_zero(const char* bytes, size_t size) {
  // Comparing a range with itself one byte on is as fast as memcmp.
  return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

uint32_t count_zero_sectors(std::string_view frame, uint64_t file_position) {
  uint32_t count = 0;
  uint64_t at = align_up(file_position, kSectorBytes) - file_position;
  for (; at + kSectorBytes <= frame.size(); at += kSectorBytes)
    count += all_zero(frame.data() + at, kSectorBytes);
  return count;
}

void seal_frame(std::string& frame, FrameKind kind, uint32_t record_count, const FramePlace& place) {
  uint64_t at = kFrameHeaderBytes;
  for (uint32_t i = 0; i < record_count; ++i) {
    char* record = frame.data() + at;
    const uint32_t payload_bytes = get<uint32_t>(record + 4);
    put<uint64_t>(record + 8, place.offset.value + at);
    put<uint32_t>(record + 16, place.epoch.value);
    put<uint32_t>(record, crc32c({record + 4, kRecordHeaderBytes - 4 + payload_bytes}));
    at += record_bytes_for(payload_bytes);
  }
  FrameHeader header;
  header.kind = kind;
  header.offset = place.offset;
  header.frame_bytes = static_cast<uint32_t>(frame.size());
  header.record_count = record_count;
  header.durable_end = place.durable_end;
  header.epoch = place.epoch;
  header.body_bytes = static_cast<uint32_t>(at - kFrameHeaderBytes);
  header.zero_sectors = count_zero_sectors(frame, place.file_position);
  header.log_id = place.log_id;
  SY_CHECK(header.frame_bytes == frame_bytes_for(header.body_bytes));
  header.encode(frame.data());
}

std::string control_frame(FrameKind kind, const FramePlace& place) {
  std::string frame(kFrameHeaderBytes, '\0');
  frame.append(frame_bytes_for(0) - frame.size(), kTrailerByte);
  seal_frame(frame, kind, 0, place);
  return frame;
}

}  // namespace switchyard::log
