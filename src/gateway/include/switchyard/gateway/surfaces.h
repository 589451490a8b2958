#pragma once

#include <functional>
#include <string>

#include "switchyard/gateway/gateway.h"
#include "switchyard/gateway/live_calls.h"
#include "switchyard/gateway/operation_log.h"
#include "switchyard/governance/governance.h"
#include "switchyard/models/model_service.h"
#include "switchyard/partition/engine.h"
#include "switchyard/provenance/replay.h"
#include "switchyard/router/router.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/thread_pool.h"
#include "switchyard/workers/worker_queues.h"

namespace switchyard::models {
class Models;
}

namespace switchyard::gateway {

/// What the operations work on. All of it outlives the gateway.
struct Services {
  partition::Engine* engine = nullptr;
  governance::Governance* governance = nullptr;
  models::ModelService* models = nullptr;
  const models::Models* remote_models = nullptr;  ///< those on other machines
  KeyStore* keys = nullptr;
  provenance::Replayer* replayer = nullptr;
  LiveCalls* live_calls = nullptr;
  router::Router* router = nullptr;
  router::SpendLedger* ledger = nullptr;
  workers::WorkerQueues* workers = nullptr;
  OperationLog* operations = nullptr;
  runtime::ThreadPool* pool = nullptr;  ///< for what blocks: deployments, replays, reading histories
  const runtime::Clock* clock = nullptr;
  telemetry::Registry* metrics = nullptr;
  std::function<Status()> ready;         ///< what /readyz says
  std::string version;                   ///< of the server
  std::string openapi;                   ///< the document served at /openapi.json
  int64_t default_wait_us = 10'000'000;  ///< of a start that says `wait` without a time
  int64_t max_wait_us = 60'000'000;
};

/// Each adds the operations of one surface; docs/api.md describes them.
void add_decisions(Gateway& gateway, const Services& services);
void add_control(Gateway& gateway, const Services& services);
void add_signals(Gateway& gateway, const Services& services);
void add_migrations(Gateway& gateway, const Services& services);
void add_reviews(Gateway& gateway, const Services& services);
void add_governance(Gateway& gateway, const Services& services);
void add_models(Gateway& gateway, const Services& services);
void add_events(Gateway& gateway, const Services& services);
void add_retention(Gateway& gateway, const Services& services);
void add_routes(Gateway& gateway, const Services& services);
void add_openai(Gateway& gateway, const Services& services);
void add_workers(Gateway& gateway, const Services& services);
void add_keys(Gateway& gateway, const Services& services);
void add_inference(Gateway& gateway, const Services& services);
void add_inference_grpc(Gateway& gateway, const Services& services);
void add_operations(Gateway& gateway, const Services& services);

}  // namespace switchyard::gateway
