#include "switchyard/log/local_log.h"

#include <cstdio>
#include <map>
#include <mutex>

#include "local_core.h"

namespace switchyard::log {
namespace {

/// An owner's hand on the shared core.
class OwnedLog final : public LocalLog {
 public:
  OwnedLog(std::shared_ptr<LocalCore> core, Epoch epoch) : core_(std::move(core)), epoch_(epoch) {}
  ~OwnedLog() override {
    if (core_->epoch() == epoch_) (void)core_->stop(false).ok();
  }

  PartitionId partition() const override { return core_->partition(); }
  Epoch epoch() const override { return epoch_; }
  LogOffset next_offset() const override { return core_->next_offset(); }
  LogOffset durable_end() const override { return core_->durable_end(); }
  LogOffset first_offset() const override { return core_->store().first_offset(); }
  Status append(RecordBatch&& batch, AppendCallback done) override {
    return core_->append(epoch_, std::move(batch), std::move(done));
  }
  size_t queue_room_bytes() const override { return core_->queue_room_bytes(); }
  Result<LogOffset> read(LogOffset from, size_t max_bytes, const RecordVisitor& visit) const override {
    return core_->store().read(from, core_->durable_end(), max_bytes, visit);
  }
  Status trim(LogOffset upto) override { return core_->store().trim(std::min(upto, core_->durable_end())); }
  bool stalled() const override { return core_->stalled(); }
  void set_stall_listener(StallListener listener) override { core_->set_stall_listener(std::move(listener)); }
  LogStats stats() const override { return core_->stats(); }
  Status close() override {
    // A fenced owner has nothing left to end.
    if (core_->epoch() != epoch_) return {};
    return core_->stop(true);
  }
  StepResult step() override { return core_->step(); }

 private:
  const std::shared_ptr<LocalCore> core_;  // shared with owners that came before or after
  const Epoch epoch_;
};

class LocalLogsImpl final : public LocalLogs {
 public:
  LocalLogsImpl(LocalLogOptions options, std::unique_ptr<runtime::DirectoryLock> lock)
      : options_(std::move(options)), lock_(std::move(lock)) {}

  Result<std::unique_ptr<LocalLog>> acquire_local(PartitionId partition) override {
    std::lock_guard lock(mutex_);
    std::shared_ptr<LocalCore> core = cores_[partition.value].lock();
    if (core && !core->usable()) {
      (void)core->stop(false).ok();  // its threads must be gone before another writes the same files
      core.reset();
    }
    if (!core) {
      core = std::make_shared<LocalCore>(options_, partition);
      SY_RETURN_IF_ERROR(core->open());
      cores_[partition.value] = core;
    }
    SY_ASSIGN_OR_RETURN(const Epoch epoch, core->take_over());
    return std::unique_ptr<LocalLog>(std::make_unique<OwnedLog>(std::move(core), epoch));
  }

 private:
  const LocalLogOptions options_;
  const std::unique_ptr<runtime::DirectoryLock> lock_;
  std::mutex mutex_;
  std::map<uint32_t, std::weak_ptr<LocalCore>> cores_;  // guarded by mutex_
};

Status check_options(const LocalLogOptions& options) {
  const auto bad = [](std::string message, const char* field) {
    return make_error(ErrorKind::kInvalidArgument, "log.bad_options", std::move(message), field);
  };
  if (options.directory.empty()) return bad("the log needs a directory", "log.directory");
  if (options.segment_bytes < kMinSegmentBytes || options.first_segment_bytes < kMinSegmentBytes) {
    return bad("a segment needs at least " + std::to_string(kMinSegmentBytes) + " bytes",
               "log.segment_bytes");
  }
  const Limits& limits = options.limits;
  if (limits.payload_bytes > kMaxPayloadBytes) {
    return bad("log.payload_bytes can be at most " + std::to_string(kMaxPayloadBytes), "log.payload_bytes");
  }
  if (limits.batch_bytes > kMaxBatchBytes ||
      limits.batch_bytes < frame_bytes_for(record_bytes_for(limits.payload_bytes))) {
    return bad("log.batch_bytes must hold one record of log.payload_bytes and be at most " +
                   std::to_string(kMaxBatchBytes),
               "log.batch_bytes");
  }
  if (limits.queued_bytes < limits.batch_bytes) {
    return bad("log.queued_bytes must hold at least one batch of log.batch_bytes", "log.queued_bytes");
  }
  return {};
}

}  // namespace

std::string partition_directory(const std::string& directory, PartitionId partition) {
  char name[32];
  std::snprintf(name, sizeof name, "/partition-%05u", partition.value);
  return directory + name;
}

Result<std::unique_ptr<LocalLogs>> LocalLogs::open(LocalLogOptions options) {
  SY_RETURN_IF_ERROR(check_options(options));
  if (options.disk == nullptr) options.disk = &runtime::posix_disk();
  if (options.random == nullptr) options.random = &runtime::system_random();
  if (options.clock == nullptr) options.clock = &runtime::system_clock();
  SY_RETURN_IF_ERROR(options.disk->create_directories(options.directory));
  SY_ASSIGN_OR_RETURN(auto lock, options.disk->lock_directory(options.directory));
  return std::unique_ptr<LocalLogs>(std::make_unique<LocalLogsImpl>(std::move(options), std::move(lock)));
}

Result<std::unique_ptr<Log>> LocalLogs::acquire(PartitionId partition) {
  SY_ASSIGN_OR_RETURN(auto log, acquire_local(partition));
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace switchyard::log
