#pragma once

#include <memory>

#include "switchyard/log/log.h"

namespace switchyard::log {

struct MemoryLogOptions {
  Limits limits;
  /// false: append() makes the batch durable and calls `done` before it returns.
  /// true: batches wait for MemoryLogs::step().
  bool manual = false;
};

/// Logs in memory with the same records, offsets and fencing as local ones: for tests and for measuring
/// the engine alone. What they hold lives as long as this object and survives the destruction of a Log, as a
/// disk survives its process. Thread-safe; must outlive the logs it gave out.
class MemoryLogs : public Logs {
 public:
  static std::unique_ptr<MemoryLogs> create(MemoryLogOptions options = {});

  /// Manual mode: makes the oldest `batches` waiting batches of the partition durable, as one group, and
  /// calls their callbacks. The number of batches acknowledged.
  virtual size_t step(PartitionId partition, size_t batches = SIZE_MAX) = 0;
  /// Manual mode: forgets the batches that still wait, as a crash would. Their callbacks are never called.
  virtual void drop_unsynced(PartitionId partition) = 0;
};

}  // namespace switchyard::log
