#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/telemetry/metrics.h"
#include "switchyard/workers/worker_queues.h"

namespace switchyard::server {

/// The figures of workers' queues as metrics, by queue. Thread-safe.
class WorkerMetrics {
 public:
  WorkerMetrics(telemetry::Registry& registry, const workers::WorkerQueues& queues);
  /// The queue is told of from now on; beyond kMaxWatched queues it is not.
  void watch(const std::string& queue);
  void stop();

 private:
  static constexpr size_t kMaxWatched = 200;
  telemetry::Registry& registry_;
  const workers::WorkerQueues& queues_;
  std::mutex mutex_;
  std::map<std::string, std::vector<telemetry::CallbackHandle>> watched_;  // guarded by mutex_
  std::vector<telemetry::CallbackHandle> all_;                             // likewise
};

}  // namespace switchyard::server
