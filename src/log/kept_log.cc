#include "switchyard/log/kept_log.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace switchyard::log {
namespace {

constexpr size_t kBatchBytes = size_t{4} << 20;

}  // namespace

Status KeptLog::read(const std::function<bool(uint8_t type, std::string_view payload)>& take,
                     std::string_view code, std::string_view what) {
  bool good = true;
  LogOffset at = log_->first_offset();
  while (good && at < log_->durable_end()) {
    SY_ASSIGN_OR_RETURN(at, log_->read(at, 1 << 20, [&](const RecordView& record) {
      good = record.version == version_ && take(record.type, record.payload);
      return good;
    }));
  }
  if (good) return {};
  return make_error(ErrorKind::kCorruption, std::string(code),
                    std::string(what) + " has a record that is none of its own, near offset " +
                        std::to_string(at.value) + "; restore it from a copy");
}

Status KeptLog::append(const std::vector<KeptRecord>& records) {
  RecordBatch batch;
  for (const KeptRecord& record : records) {
    if (!batch.empty() && batch.log_bytes() + record.payload.size() > kBatchBytes) {
      SY_RETURN_IF_ERROR(append_batch(std::move(batch)));
      batch = RecordBatch();
    }
    RecordHeader header;
    header.version = version_;
    header.type = record.type;
    header.time_us = clock_.now_us();
    if (const auto added = batch.add(header, record.payload); !added.ok()) return added.error();
  }
  return batch.empty() ? Status{} : append_batch(std::move(batch));
}

Status KeptLog::append_batch(RecordBatch batch) {
  appended_bytes_ += batch.log_bytes();
  struct Wait {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Status> status;
  };
  auto wait = std::make_shared<Wait>();  // shared: the log may answer after an append that failed
  SY_RETURN_IF_ERROR(log_->append(std::move(batch), [wait](const Status& status, LogOffset) {
    std::lock_guard lock(wait->mutex);
    wait->status = status.ok() ? Status{} : Status{Error(status.error())};
    wait->done.notify_one();
  }));
  std::unique_lock lock(wait->mutex);
  wait->done.wait(lock, [&] { return wait->status.has_value(); });
  return std::move(*wait->status);
}

Status KeptLog::rewrite(const std::vector<KeptRecord>& all) {
  const LogOffset from = log_->next_offset();
  SY_RETURN_IF_ERROR(append(all));
  appended_bytes_ = 0;
  return log_->trim(from);
}

bool KeptLog::large() const { return appended_bytes_ > kRewriteKeptBytes; }

}  // namespace switchyard::log
