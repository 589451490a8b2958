#include "switchyard/log/record.h"

#include "format.h"
#include "switchyard/base/check.h"

namespace switchyard::log {

RecordBatch::RecordBatch(const Limits& limits)
    : buffer_(kFrameHeaderBytes, '\0'),
      max_payload_bytes_(std::min(limits.payload_bytes, kMaxPayloadBytes)),
      max_batch_bytes_(std::min(limits.batch_bytes, kMaxBatchBytes)) {}

uint32_t RecordBatch::begin(const RecordHeader& header) {
  SY_CHECK(record_start_ == 0);
  record_start_ = static_cast<uint32_t>(buffer_.size());
  char bytes[kRecordHeaderBytes] = {};
  bytes[20] = static_cast<char>(header.version);
  bytes[21] = static_cast<char>(header.type);
  std::memcpy(bytes + 22, &header.step, sizeof header.step);
  std::memcpy(bytes + 24, &header.time_us, sizeof header.time_us);
  std::memcpy(bytes + 32, header.run.bytes.data(), header.run.bytes.size());
  buffer_.append(bytes, sizeof bytes);
  payload_start_ = buffer_.size();
  return record_start_;
}

Status RecordBatch::end() {
  SY_CHECK(record_start_ != 0 && buffer_.size() >= payload_start_);
  const size_t payload_bytes = buffer_.size() - payload_start_;
  if (payload_bytes > max_payload_bytes_) {
    abandon();
    return make_error(ErrorKind::kTooLarge, "log.payload_too_large",
                      "a record of " + std::to_string(payload_bytes) +
                          " bytes is over the limit log.payload_bytes of " +
                          std::to_string(max_payload_bytes_) + "; keep large data outside the record");
  }
  const uint64_t body_end = align_up(buffer_.size(), kRecordAlignment);
  const uint64_t batch_bytes = frame_bytes_for(body_end - kFrameHeaderBytes);
  if (batch_bytes > max_batch_bytes_) {
    abandon();
    return make_error(ErrorKind::kTooLarge, "log.batch_too_large",
                      "a batch of " + std::to_string(batch_bytes) +
                          " bytes is over the limit log.batch_bytes of " + std::to_string(max_batch_bytes_) +
                          "; append what is there first");
  }
  const auto length = static_cast<uint32_t>(payload_bytes);
  std::memcpy(buffer_.data() + record_start_ + 4, &length, sizeof length);
  buffer_.append(body_end - buffer_.size(), '\0');
  ++record_count_;
  record_start_ = 0;
  return {};
}

void RecordBatch::abandon() {
  SY_CHECK(record_start_ != 0);
  buffer_.resize(record_start_);
  record_start_ = 0;
}

Result<uint32_t> RecordBatch::add(const RecordHeader& header, std::string_view payload) {
  const uint32_t position = begin(header);
  buffer_.append(payload);
  SY_RETURN_IF_ERROR(end());
  return position;
}

uint32_t RecordBatch::log_bytes() const {
  SY_CHECK(record_start_ == 0);
  return static_cast<uint32_t>(frame_bytes_for(buffer_.size() - kFrameHeaderBytes));
}

void RecordBatch::clear() {
  buffer_.assign(kFrameHeaderBytes, '\0');
  record_count_ = 0;
  record_start_ = 0;
}

void BatchAccess::close(RecordBatch& batch) {
  const uint32_t total = batch.log_bytes();
  batch.buffer_.append(total - batch.buffer_.size(), kTrailerByte);
}

}  // namespace switchyard::log
