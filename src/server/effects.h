#pragma once

#include "egress.h"
#include "switchyard/http/client.h"
#include "switchyard/models/model_service.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/workers/worker_queues.h"
#include "worker_metrics.h"

namespace switchyard::server {

/// Runs the engine's effects: model calls on the model service, HTTP calls on the client, tasks in the queues
/// of workers. Thread-safe.
class Effects final : public partition::EffectExecutor {
 public:
  Effects(models::ModelService& models, http::Client& client, const Egress& egress,
          workers::WorkerQueues& workers, WorkerMetrics& worker_metrics, const runtime::Clock& clock)
      : models_(models),
        client_(client),
        egress_(egress),
        workers_(workers),
        worker_metrics_(worker_metrics),
        clock_(clock) {}
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;
  /// Called with every event, on a partition's thread: workers hear that their run ends.
  void observe(const Event& event);

 private:
  void call_model(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  void call_http(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  void call_task(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  models::ModelService& models_;
  http::Client& client_;
  const Egress& egress_;
  workers::WorkerQueues& workers_;
  WorkerMetrics& worker_metrics_;
  const runtime::Clock& clock_;
};

}  // namespace switchyard::server
