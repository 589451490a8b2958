#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/log/limits.h"
#include "switchyard/types/ids.h"

namespace switchyard::log {

/// What the writer of a record says about it; the log adds offset, epoch and checksum.
struct RecordHeader {
  uint8_t version = 1;  ///< of the payload's encoding
  uint8_t type = 0;     ///< the event type; the log does not look at it
  uint16_t step = 0;    ///< the step the event is about, if any
  RunId run;            ///< zero when the event belongs to no run
  int64_t time_us = 0;  ///< since the epoch, by the partition's clock
};

/// A record as read. `payload` points into a buffer of the reader: see Log::read for how long it lives.
struct RecordView : RecordHeader {
  LogOffset offset;
  Epoch epoch;
  std::string_view payload;
};

/// Records that are appended, and become durable, together. Events are encoded straight into the one
/// buffer that is later written to disk: between begin() and end(), append the payload to payload().
///
///   RecordBatch batch;
///   uint32_t at = batch.begin(header);
///   encode(event, batch.payload());         // appends
///   SY_RETURN_IF_ERROR(batch.end());
///   LogOffset offset = record_offset(log.next_offset(), at);
///
/// Not thread-safe; movable; can be cleared and used again.
class RecordBatch {
 public:
  explicit RecordBatch(const Limits& limits = {});

  /// Starts a record. Returns its position: its offset will be the batch's base offset plus this.
  /// Requires: no record is open.
  uint32_t begin(const RecordHeader& header);
  /// Where to append the open record's payload. Only append: what is before belongs to other records.
  std::string& payload() { return buffer_; }
  /// Bytes of the open record's payload so far.
  size_t open_payload_bytes() const { return buffer_.size() - payload_start_; }
  /// Closes the open record. kTooLarge "log.payload_too_large" or "log.batch_too_large", naming the limit:
  /// the record is then taken back and the batch is as it was before begin(). Trying again cannot help.
  Status end();
  /// Takes back the open record.
  void abandon();
  /// begin, append, end. The record's position, or the errors of end().
  Result<uint32_t> add(const RecordHeader& header, std::string_view payload);

  bool empty() const { return record_count_ == 0; }
  uint32_t record_count() const { return record_count_; }
  /// Bytes of the log that the batch takes, headers and padding included.
  /// The next batch begins at this batch's base plus this.
  uint32_t log_bytes() const;
  void clear();

 private:
  friend struct BatchAccess;  // the log's own hand on the buffer
  std::string buffer_;        // frame header, then records; offsets, epoch and checksums still blank
  uint32_t record_count_ = 0;
  uint32_t record_start_ = 0;  // of the open record; 0 when none is open
  size_t payload_start_ = 0;
  size_t max_payload_bytes_;
  size_t max_batch_bytes_;
};

/// Where the record at `position` of a batch lands when the batch begins at `base`.
inline LogOffset record_offset(LogOffset base, uint32_t position) { return LogOffset{base.value + position}; }

}  // namespace switchyard::log
