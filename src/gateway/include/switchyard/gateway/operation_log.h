#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/log/kept_log.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::gateway {

/// An operation over many decisions, as it stands.
struct KeptOperation {
  std::string kind;   ///< "bulk", "migration"
  std::string state;  ///< JSON, the kind's own: docs/formats/operations.md
};

/// Keeps operations over many decisions over a restart: the last state of each counts. Thread-safe.
class OperationLog {
 public:
  /// Reads what was kept. `clock` outlives it. kCorruption "operations.bad_log"; the log's errors.
  static Result<std::unique_ptr<OperationLog>> open(std::unique_ptr<log::Log> log,
                                                    const runtime::Clock& clock);
  ~OperationLog();

  /// By id.
  std::map<std::string, KeptOperation> kept() const;
  /// Replaces what was kept of that id. Returns when the disk has it.
  Status keep(const std::string& id, KeptOperation operation);
  /// Nothing is kept of that id any more.
  Status forget(const std::string& id);

  /// Operations are to stop where they are; they go on after the next start.
  void stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

 private:
  OperationLog(std::unique_ptr<log::Log> log, const runtime::Clock& clock);
  Status recover();
  Status append(log::KeptRecord record);
  Status rewrite();

  mutable std::mutex mutex_;  // guards all below but stopping_
  log::KeptLog log_;
  std::map<std::string, KeptOperation> kept_;
  std::atomic<bool> stopping_{false};
};

}  // namespace switchyard::gateway
