#include "switchyard/gateway/operation_log.h"

#include "switchyard/base/bytes.h"

namespace switchyard::gateway {
namespace {

constexpr uint8_t kRecordVersion = 1;
constexpr uint8_t kOperation = 1, kForgotten = 2;

log::KeptRecord record_of(std::string_view id, const KeptOperation& operation) {
  log::KeptRecord record{kOperation, {}};
  ByteWriter writer(record.payload);
  writer.bytes(id);
  writer.bytes(operation.kind);
  writer.bytes(operation.state);
  return record;
}

}  // namespace

OperationLog::OperationLog(std::unique_ptr<log::Log> log, const runtime::Clock& clock)
    : log_(std::move(log), clock, kRecordVersion) {}
OperationLog::~OperationLog() { (void)log_.close(); }

Result<std::unique_ptr<OperationLog>> OperationLog::open(std::unique_ptr<log::Log> log,
                                                         const runtime::Clock& clock) {
  std::unique_ptr<OperationLog> operations(new OperationLog(std::move(log), clock));
  SY_RETURN_IF_ERROR(operations->recover());
  return operations;
}

Status OperationLog::recover() {
  const auto take = [this](uint8_t type, std::string_view payload) {
    ByteReader reader(payload);
    const std::string id(reader.bytes());
    if (type == kForgotten) {
      kept_.erase(id);
    } else {
      KeptOperation& operation = kept_[id];
      operation.kind = reader.bytes();
      operation.state = reader.bytes();
    }
    return (type == kOperation || type == kForgotten) && reader.ok() && reader.at_end();
  };
  SY_RETURN_IF_ERROR(log_.read(take, "operations.bad_log", "the log of operations over many decisions"));
  return rewrite();
}

std::map<std::string, KeptOperation> OperationLog::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

Status OperationLog::keep(const std::string& id, KeptOperation operation) {
  const std::lock_guard lock(mutex_);
  log::KeptRecord record = record_of(id, operation);
  kept_[id] = std::move(operation);
  return append(std::move(record));
}

Status OperationLog::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (kept_.erase(id) == 0) return {};
  log::KeptRecord record{kForgotten, {}};
  ByteWriter(record.payload).bytes(id);
  return append(std::move(record));
}

Status OperationLog::append(log::KeptRecord record) {
  SY_RETURN_IF_ERROR(log_.append({std::move(record)}));
  return log_.large() ? rewrite() : Status{};
}

Status OperationLog::rewrite() {
  std::vector<log::KeptRecord> records;
  for (const auto& [id, operation] : kept_) records.push_back(record_of(id, operation));
  return log_.rewrite(records);
}

}  // namespace switchyard::gateway
