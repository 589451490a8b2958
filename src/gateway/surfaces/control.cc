// What operators do to decisions under way: cancel, pause, resume, restart; one, or all that fit a filter.
#include <algorithm>

#include "surfaces/common.h"
#include "surfaces/operation_list.h"
#include "surfaces/runs.h"
#include "switchyard/base/hash.h"
#include "switchyard/provenance/replay.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/start.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

using Change = void (partition::Engine::*)(const RunId&, std::string, std::string,
                                           partition::Reply<partition::RunView>);

/// Cancel, pause, resume: who and why, and the decision afterwards.
template <Change change>
void change_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"why"}); !known.ok()) return call.fail(known.error());
  auto why = optional_text(body->root(), "why");
  if (!why.ok()) return call.fail(why.error());
  auto shared = std::make_shared<Call>(std::move(call));
  (services.engine->*change)(*id, shared->caller.name, std::move(*why),
                             [shared](Result<partition::RunView> view) {
                               if (!view.ok()) return shared->fail(view.error());
                               std::string json;
                               append_decision(*view, json);
                               shared->answer_json(200, std::move(json));
                             });
}

/// The start of a run that takes up what an ended one recorded before the step `from`.
Result<partition::StartRun> restart_of(const std::vector<partition::RecordedEvent>& events,
                                       const std::string& from, std::string why, const Call& call,
                                       const Services& services) {
  const auto catalog = services.governance->snapshot();
  SY_ASSIGN_OR_RETURN(const auto run, provenance::refold(events, *catalog));
  if (!workflow::is_final(run->status)) {
    return make_error(ErrorKind::kConflict, "run.not_ended",
                      "decision " + run->id.to_string() +
                          " is not over; cancel it before it is restarted, or wait for its end",
                      "id");
  }
  SY_ASSIGN_OR_RETURN(auto kept, workflow::kept_results(*run, from));
  partition::StartRun start;
  start.arena = std::make_shared<Arena>(4096);
  for (auto& result : kept) result.result = copy_value(result.result, *start.arena);
  start.pipeline = run->pipeline;
  start.pins = run->pins;
  start.input = copy_value(run->input, *start.arena);
  start.search = copy_value(run->search, *start.arena);
  start.key = run->key;
  workflow::StartFacts facts;
  SY_RETURN_IF_ERROR(workflow::start_turn(*start.pipeline, start.input, *start.arena, facts));
  start.group = std::move(facts.group);
  start.priority = priority_or(facts.priority, run_priority(call.priority));
  start.tenant = call.caller.tenant;
  start.principal = call.caller.name;
  start.request_hash = hash64(from, run->request_hash);
  if (const auto key = call.request.header("Idempotency-Key")) start.idempotency_key = *key;
  start.restart = partition::Restart{run->id, from, std::move(why), std::move(kept)};
  return start;
}

void restart_decision(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"from", "why", "wait"}); !known.ok())
    return call.fail(known.error());
  auto from = text_member(body->root(), "from");
  if (!from.ok()) return call.fail(from.error());
  auto why = optional_text(body->root(), "why");
  if (!why.ok()) return call.fail(why.error());
  const auto wait_us = wanted_wait(call, body->root(), services);
  if (!wait_us.ok()) return call.fail(wait_us.error());
  with_events(
      std::move(call), services,
      [&services, from = *from, why = *why, wait_us = *wait_us](
          Call& later, const partition::RunView& view, const std::vector<partition::RecordedEvent>& events) {
        if (view.compaction.has_value()) return later.fail(compacted_error(view));
        auto start = restart_of(events, from, why, later, services);
        if (!start.ok()) return later.fail(start.error());
        begin_decision(std::move(later), services, std::move(*start), wait_us);
      });
}

// --- many at once ---

constexpr size_t kMaxBulkFailures = 20;  // told in full

/// One change of many decisions, and how far it is.
struct BulkOperation : OperationState {
  std::string action, why;
  bool dry_run = false;
  uint64_t changed = 0, failed = 0;
  std::vector<std::pair<RunId, std::string>> failures;  ///< the first kMaxBulkFailures
};
using BulkOperations = OperationList<BulkOperation>;

void append_failures(const std::vector<std::pair<RunId, std::string>>& failures, std::string& list) {
  list += '[';
  for (const auto& [run, message] : failures) {
    if (list.back() != '[') list += ',';
    JsonObject failure(list);
    failure.text("id", run.to_string()).text("message", message).close();
  }
  list += ']';
}

std::string json_of(const BulkOperation& operation, Detail detail) {
  std::string json;
  JsonObject object(json);
  object.text("id", operation.id).text("who", operation.who).text("action", operation.action);
  object.text("status", operation.status);
  object.boolean("dry_run", operation.dry_run);
  object.number("matched", static_cast<int64_t>(operation.matched));
  object.number("changed", static_cast<int64_t>(operation.changed));
  object.number("failed", static_cast<int64_t>(operation.failed));
  if (detail == Detail::kWhole) append_failures(operation.failures, object.raw("failures"));
  if (!operation.error.empty()) object.text("error", operation.error);
  object.close();
  return json;
}

void take_told(const Value& told, BulkOperation& operation) {
  operation.action = text_of(told, "action");
  operation.changed = static_cast<uint64_t>(number_of(told, "changed"));
  operation.failed = static_cast<uint64_t>(number_of(told, "failed"));
  if (const Value* dry_run = told.find("dry_run"); dry_run != nullptr && dry_run->is(Kind::kBool))
    operation.dry_run = dry_run->as_bool();
  const Value* failures = told.find("failures");
  if (failures == nullptr || !failures->is(Kind::kList)) return;
  for (const Value& failure : failures->items())
    if (const auto run = RunId::parse(text_of(failure, "id")); run.ok())
      operation.failures.emplace_back(*run, text_of(failure, "message"));
}

struct BulkWork {
  BulkOperation operation;
  partition::RunFilter filter;
  int64_t limit = 0;
};

/// Whether a decision is as the operation leaves it.
bool is_changed(const BulkOperation& operation, workflow::RunStatus status) {
  if (operation.action == "cancel") return status == workflow::RunStatus::kCancelled;
  return !workflow::is_final(status) &&
         (status == workflow::RunStatus::kPaused) == (operation.action == "pause");
}

void run_bulk(BulkOperations& operations, BulkWork work, const Services& services) {
  BulkOperation& operation = work.operation;
  const Change change = operation.action == "cancel"  ? static_cast<Change>(&partition::Engine::cancel_run)
                        : operation.action == "pause" ? &partition::Engine::pause_run
                                                      : &partition::Engine::resume_run;
  const auto is_meant = [&](const workflow::RunSummary& run) {
    return !workflow::is_final(run.status) && !is_changed(operation, run.status);
  };
  const auto done_before = [&](const RunId& run) {
    const auto view =
        wait_for<partition::RunView>([&](auto reply) { services.engine->get_run(run, 0, std::move(reply)); });
    return view.ok() && is_changed(operation, view->summary.status);
  };
  run_operation(operations, operation, std::move(work.filter), work.limit, services, is_meant,
                [&](const PlannedRun& planned, bool again) {
                  ++operation.matched;
                  if (operation.dry_run) return;
                  if (again && done_before(planned.run)) {
                    ++operation.changed;
                    return;
                  }
                  const auto changed = wait_for<partition::RunView>([&](auto reply) {
                    (services.engine->*change)(planned.run, operation.who, operation.why, std::move(reply));
                  });
                  if (changed.ok()) {
                    ++operation.changed;
                  } else {
                    ++operation.failed;
                    if (operation.failures.size() < kMaxBulkFailures)
                      operation.failures.emplace_back(planned.run, changed.error().message);
                  }
                });
}

Result<partition::RunFilter> bulk_filter(const Value& body) {
  partition::RunFilter filter;
  filter.limit = partition::kMaxListLimit;
  const Value* wanted = body.find("filter");
  if (wanted == nullptr || !wanted->is(Kind::kMap) || wanted->members().empty()) {
    return make_error(
        ErrorKind::kInvalidArgument, "request.missing",
        "'filter' must be an object that says which decisions, as in {\"pipeline\": \"shop/refund\"}",
        "filter");
  }
  SY_RETURN_IF_ERROR(only_members(*wanted, {"pipeline", "version", "key", "status", "search"}));
  SY_ASSIGN_OR_RETURN(filter.pipeline, optional_text(*wanted, "pipeline"));
  SY_ASSIGN_OR_RETURN(filter.version, optional_text(*wanted, "version"));
  SY_RETURN_IF_ERROR(read_run_filter(*wanted, filter));
  return filter;
}

Result<BulkWork> read_bulk(const Value& body, const std::string& who, const Services&) {
  SY_RETURN_IF_ERROR(only_members(body, {"action", "filter", "why", "dry_run", "limit"}));
  BulkWork work;
  BulkOperation& operation = work.operation;
  operation.who = who;
  operation.request = to_json(body);
  SY_ASSIGN_OR_RETURN(operation.action, text_member(body, "action"));
  SY_ASSIGN_OR_RETURN(work.filter, bulk_filter(body));
  SY_ASSIGN_OR_RETURN(operation.why, optional_text(body, "why"));
  SY_ASSIGN_OR_RETURN(operation.dry_run, optional_bool(body, "dry_run", false));
  SY_ASSIGN_OR_RETURN(work.limit, optional_integer(body, "limit", kMaxBulkDecisions));
  if (operation.action != "cancel" && operation.action != "pause" && operation.action != "resume") {
    return make_error(ErrorKind::kInvalidArgument, "bulk.unknown_action",
                      "'" + operation.action + "' is no action; use cancel, pause or resume", "action");
  }
  SY_RETURN_IF_ERROR(check_operation_limit(work.limit));
  return work;
}

}  // namespace

void add_control(Gateway& gateway, const Services& services) {
  const auto on = [&](std::string_view route, const char* id, Permission permission,
                      void (*operation)(Call&&, const Services&)) {
    gateway.on(route, id, permission,
               [operation, &services](Call&& call) { operation(std::move(call), services); });
  };
  on("POST /api/v1/decisions/{id}/cancel", "cancel_decision", Permission::kDecisionsCancel,
     change_decision<&partition::Engine::cancel_run>);
  on("POST /api/v1/decisions/{id}/pause", "pause_decision", Permission::kDecisionsCancel,
     change_decision<&partition::Engine::pause_run>);
  on("POST /api/v1/decisions/{id}/resume", "resume_decision", Permission::kDecisionsCancel,
     change_decision<&partition::Engine::resume_run>);
  on("POST /api/v1/decisions/{id}/restart", "restart_decision", Permission::kDecisionsStart,
     restart_decision);
  const OperationKind<BulkOperation, BulkWork> kind{"bulk",    "bulk operation", "/api/v1/bulk-operations",
                                                    read_bulk, take_told,        run_bulk};
  const auto operations = take_up_operations(services, kind);
  gateway.on("POST /api/v1/bulk-operations", "start_bulk_operation", Permission::kDecisionsCancel,
             [&services, operations, kind](Call&& call) {
               start_operation(std::move(call), services, kind, operations);
             });
  gateway.on("GET /api/v1/bulk-operations", "list_bulk_operations", Permission::kDecisionsRead,
             [operations](Call&& call) { list_operations(std::move(call), *operations); });
  gateway.on("GET /api/v1/bulk-operations/{id}", "get_bulk_operation", Permission::kDecisionsRead,
             [operations, kind](Call&& call) { get_operation(std::move(call), kind, *operations); });
}

}  // namespace switchyard::gateway
