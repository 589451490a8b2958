// /healthz, /readyz, /metrics, /openapi.json, /api/v1/status.
#include "surfaces/common.h"
#include "switchyard/http/problem.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

void status(Call&& call, const Services& services) {
  std::string json;
  JsonObject object(json);
  const Status ready = services.ready();
  object.text("version", services.version).boolean("ready", ready.ok());
  if (!ready.ok()) object.text("reason", ready.error().message);
  object.number("governance_offset", static_cast<int64_t>(services.governance->snapshot()->offset().value));
  object.number("queue_depth", static_cast<int64_t>(services.engine->queue_depth()));
  std::string& partitions = object.raw("partitions");
  partitions += '[';
  for (const auto& each : services.engine->stats()) {
    if (partitions.back() != '[') partitions += ',';
    JsonObject item(partitions);
    item.number("id", each.id.value)
        .number("durable_end", static_cast<int64_t>(each.durable_end))
        .boolean("stalled", each.stalled);
    if (!each.failure.empty()) item.text("failure", each.failure);
    item.number("hot_runs", static_cast<int64_t>(each.machine.hot_runs))
        .number("events", static_cast<int64_t>(each.machine.events));
    item.number("commits", static_cast<int64_t>(each.log.commits))
        .number("syncs", static_cast<int64_t>(each.log.syncs));
    item.number("checkpoints", static_cast<int64_t>(each.checkpoints)).close();
  }
  partitions += ']';
  object.close();
  call.answer_json(200, std::move(json));
}

}  // namespace

void add_operations(Gateway& gateway, const Services& services) {
  constexpr Gateway::OperationOptions kAlways{.always_admitted = true};
  gateway.on(
      "GET /healthz", "get_health", Permission::kNone,
      [](Call&& call) { call.answer(http::Response::text(200, "ok\n")); }, kAlways);
  gateway.on(
      "GET /readyz", "get_readiness", Permission::kNone,
      [&services](Call&& call) {
        const Status ready = services.ready();
        if (ready.ok()) return call.answer(http::Response::text(200, "ready\n"));
        call.answer(http::problem(ready.error(), 503, call.request.path(), 1));
      },
      kAlways);
  gateway.on(
      "GET /metrics", "get_metrics", Permission::kMetricsRead,
      [&services](Call&& call) {
        http::Response response;
        response.content_type = telemetry::kExpositionContentType;
        response.body = services.metrics->expose();
        call.answer(std::move(response));
      },
      kAlways);
  gateway.on("GET /openapi.json", "get_openapi", Permission::kNone,
             [&services](Call&& call) { call.answer_json(200, services.openapi); });
  gateway.on("GET /api/v1/status", "get_status", Permission::kMetricsRead,
             [&services](Call&& call) { status(std::move(call), services); });
}

}  // namespace switchyard::gateway
