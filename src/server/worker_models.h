#pragma once

#include "switchyard/models/worker_model.h"
#include "switchyard/workers/worker_queues.h"
#include "worker_metrics.h"

namespace switchyard::server {

/// Puts calls of models that workers serve into the workers' queues. Thread-safe.
class WorkerModels final : public models::ModelTasks {
 public:
  WorkerModels(workers::WorkerQueues& queues, WorkerMetrics& metrics) : queues_(queues), metrics_(metrics) {}
  std::function<void()> offer(models::ModelTask task, std::function<void(Outcome)> done) override;

 private:
  workers::WorkerQueues& queues_;
  WorkerMetrics& metrics_;
};

}  // namespace switchyard::server
