#include "faulty_log.h"

namespace switchyard::sim {
namespace {

class SimulatedLog final : public log::Log {
 public:
  SimulatedLog(std::unique_ptr<log::LocalLog> real, bool lies) : real_(std::move(real)), lies_(lies) {}

  PartitionId partition() const override { return real_->partition(); }
  Epoch epoch() const override { return real_->epoch(); }
  LogOffset next_offset() const override { return real_->next_offset(); }
  LogOffset durable_end() const override { return real_->durable_end(); }
  LogOffset first_offset() const override { return real_->first_offset(); }
  Status append(log::RecordBatch&& batch, log::AppendCallback done) override {
    if (!lies_) return real_->append(std::move(batch), std::move(done));
    Status taken = real_->append(std::move(batch), [](const Status&, LogOffset) {});
    if (taken.ok()) done(Status(), real_->next_offset());
    return taken;
  }
  size_t queue_room_bytes() const override { return real_->queue_room_bytes(); }
  Result<LogOffset> read(LogOffset from, size_t max_bytes, const log::RecordVisitor& visit) const override {
    return real_->read(from, max_bytes, visit);
  }
  Status trim(LogOffset upto) override { return real_->trim(upto); }
  bool stalled() const override { return real_->stalled(); }
  void set_stall_listener(log::StallListener listener) override {
    real_->set_stall_listener(std::move(listener));
  }
  log::LogStats stats() const override { return real_->stats(); }
  Status close() override { return real_->close(); }

  log::LocalLog& real() { return *real_; }

 private:
  const std::unique_ptr<log::LocalLog> real_;
  const bool lies_;
};

}  // namespace

Result<std::unique_ptr<log::Log>> SimulatedLogs::acquire(PartitionId partition) {
  SY_ASSIGN_OR_RETURN(auto real, logs_.acquire_local(partition));
  auto log = std::make_unique<SimulatedLog>(std::move(real), plant_ == Plant::kEarlyAnswer);
  open_[partition.value] = &log->real();
  return std::unique_ptr<log::Log>(std::move(log));
}

log::LocalLog* SimulatedLogs::of(uint32_t partition) const {
  const auto found = open_.find(partition);
  return found == open_.end() ? nullptr : found->second;
}

}  // namespace switchyard::sim
