#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attempt_budgets.h"
#include "door.h"
#include "egress.h"
#include "model_effects.h"
#include "routing.h"
#include "switchyard/gateway/keys.h"
#include "switchyard/gateway/live_calls.h"
#include "switchyard/http/client.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/thread_pool.h"
#include "switchyard/workers/worker_queues.h"
#include "worker_metrics.h"

namespace switchyard::server {

class Tracing;

/// Runs the engine's effects: calls of models, HTTP calls on the client, tasks in the queues of workers.
/// Thread-safe.
class Effects final : public partition::EffectExecutor {
 public:
  /// All of it outlives the effects.
  struct Parts {
    Routing& routing;
    gateway::LiveCalls& live_calls;
    const gateway::KeyStore& keys;
    const Door& door;
    http::Client& client;
    const Egress& egress;
    workers::WorkerQueues& workers;
    WorkerMetrics& worker_metrics;
    runtime::ThreadPool& pool;  ///< reads events
    const runtime::Clock& clock;
    const Tracing* tracing = nullptr;  ///< null: nothing is traced
  };
  explicit Effects(const Parts& parts) : parts_(parts), budgets_(parts.clock.now_us() / 1000) {}
  /// Before the engine is started, which outlives the effects.
  void follow(partition::Engine& engine) { engine_ = &engine; }
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;
  /// Called with every event, on a partition's thread: workers hear that their run ends, models that were
  /// asked for a run that failed or was cancelled are given up, and what it had to try again is forgotten.
  void observe(const Event& event);

 private:
  /// What whoever asked for a decision may spend, by key, token or certificate. Nothing: no limit.
  std::optional<router::SpendLimit> budget_of(const std::string& principal) const;
  /// Calls `then` when what the run has tried in an earlier process is known; on any thread.
  void recall(const RunId& run, std::function<void()> then);
  /// The one place at which models are asked.
  void call_models(const std::shared_ptr<const workflow::EffectRequest>& request, EffectDone done);
  void call_http(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);
  void call_task(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done);

  const Parts parts_;
  partition::Engine* engine_ = nullptr;
  AttemptBudgets budgets_;
};

}  // namespace switchyard::server
