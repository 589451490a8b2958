#pragma once

#include <map>
#include <memory>

#include "plant.h"
#include "switchyard/log/local_log.h"

namespace switchyard::sim {

/// Hands out manual logs and remembers them, so that the world can do their next write or sync.
class SimulatedLogs final : public log::Logs {
 public:
  SimulatedLogs(log::LocalLogs& logs, Plant plant) : logs_(logs), plant_(plant) {}
  Result<std::unique_ptr<log::Log>> acquire(PartitionId partition) override;
  /// The real log below, which never lies; nullptr when the partition is not open.
  log::LocalLog* of(uint32_t partition) const;

 private:
  log::LocalLogs& logs_;
  const Plant plant_;
  std::map<uint32_t, log::LocalLog*> open_;
};

}  // namespace switchyard::sim
