// /api/v1/migrations: decisions under way that go on under another version of their pipeline.
#include <algorithm>

#include "surfaces/common.h"
#include "surfaces/operation_list.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

constexpr size_t kMaxReportedRuns = 1000;         // of one migration, told one by one
constexpr size_t kMaxReportedBytes = 512u << 10;  // of those
constexpr size_t kMaxMigrationSources = 64;       // versions in `from`

/// How it went with one decision.
struct Fate {
  RunId run;
  std::string from, outcome;  ///< "migrated" (or would be), "stays", "failed"
  std::vector<std::string> reasons;
  /// As it is told, about.
  size_t bytes() const {
    size_t all = 100 + from.size();
    for (const std::string& reason : reasons) all += reason.size();
    return all;
  }
};

/// One migration of many decisions, and how far it is.
struct MigrationOperation : OperationState {
  std::string pipeline, to, why;
  std::vector<std::string> from;  ///< empty: all other versions
  bool dry_run = false;
  uint64_t migrated = 0, stays = 0, failed = 0;
  std::vector<Fate> runs;  ///< the first kMaxReportedRuns, those that stay before others
  size_t runs_bytes = 0;
};
using MigrationOperations = OperationList<MigrationOperation>;

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    append_json_string(text, out);
  }
  out += ']';
}

void append_fates(const std::vector<Fate>& fates, std::string& list) {
  list += '[';
  for (const Fate& fate : fates) {
    if (list.back() != '[') list += ',';
    JsonObject each(list);
    each.text("id", fate.run.to_string()).text("from", fate.from).text("outcome", fate.outcome);
    append_texts(each.raw("reasons"), fate.reasons);
    each.close();
  }
  list += ']';
}

std::string json_of(const MigrationOperation& operation, Detail detail) {
  std::string json;
  JsonObject object(json);
  object.text("id", operation.id).text("who", operation.who).text("pipeline", operation.pipeline);
  append_texts(object.raw("from"), operation.from);
  object.text("to", operation.to).text("status", operation.status).boolean("dry_run", operation.dry_run);
  object.number("matched", static_cast<int64_t>(operation.matched));
  object.number("migrated", static_cast<int64_t>(operation.migrated));
  object.number("stays", static_cast<int64_t>(operation.stays));
  object.number("failed", static_cast<int64_t>(operation.failed));
  if (detail == Detail::kWhole) {
    append_fates(operation.runs, object.raw("decisions"));
    const uint64_t told = operation.runs.size();
    if (operation.matched > told) object.number("left_out", static_cast<int64_t>(operation.matched - told));
  }
  if (!operation.error.empty()) object.text("error", operation.error);
  object.close();
  return json;
}

/// Those that stay are what somebody must look at: they take the place of those that went.
void tell(MigrationOperation& operation, Fate fate) {
  if (operation.runs.size() >= kMaxReportedRuns) {
    if (fate.outcome == "migrated") return;
    const auto gone = std::find_if(operation.runs.rbegin(), operation.runs.rend(),
                                   [](const Fate& other) { return other.outcome == "migrated"; });
    if (gone == operation.runs.rend()) return;
    operation.runs_bytes -= gone->bytes();
    operation.runs.erase(std::next(gone).base());
  }
  if (operation.runs_bytes + fate.bytes() > kMaxReportedBytes) return;
  operation.runs_bytes += fate.bytes();
  operation.runs.push_back(std::move(fate));
}

std::vector<std::string> texts_of(const Value& object, std::string_view name) {
  std::vector<std::string> texts;
  if (const Value* list = object.find(name); list != nullptr && list->is(Kind::kList))
    for (const Value& text : list->items())
      if (text.is(Kind::kString)) texts.emplace_back(text.as_string());
  return texts;
}

void take_told(const Value& told, MigrationOperation& operation) {
  operation.pipeline = text_of(told, "pipeline");
  operation.to = text_of(told, "to");
  operation.from = texts_of(told, "from");
  if (const Value* dry_run = told.find("dry_run"); dry_run != nullptr && dry_run->is(Kind::kBool))
    operation.dry_run = dry_run->as_bool();
  operation.migrated = static_cast<uint64_t>(number_of(told, "migrated"));
  operation.stays = static_cast<uint64_t>(number_of(told, "stays"));
  operation.failed = static_cast<uint64_t>(number_of(told, "failed"));
  const Value* decisions = told.find("decisions");
  if (decisions == nullptr || !decisions->is(Kind::kList)) return;
  for (const Value& each : decisions->items())
    if (const auto run = RunId::parse(text_of(each, "id")); run.ok())
      tell(operation, {*run, text_of(each, "from"), text_of(each, "outcome"), texts_of(each, "reasons")});
}

struct MigrationWork {
  MigrationOperation operation;
  partition::RunFilter filter;
  int64_t limit = 0;
  std::shared_ptr<const workflow::Pipeline> to;
  std::shared_ptr<const workflow::Pins> pins;
};

void migrate_one(MigrationWork& work, const PlannedRun& planned, bool again, const Services& services) {
  MigrationOperation& operation = work.operation;
  if (again && !operation.dry_run) {
    const auto view = wait_for<partition::RunView>(
        [&](auto reply) { services.engine->get_run(planned.run, 0, std::move(reply)); });
    if (view.ok() && view->summary.version == operation.to) {
      ++operation.matched;
      ++operation.migrated;
      return tell(operation, {planned.run, planned.version, "migrated", {}});
    }
  }
  const auto done = wait_for<partition::Migrated>([&](auto reply) {
    services.engine->migrate_run(
        {planned.run, work.to, work.pins, operation.who, operation.why, operation.dry_run}, std::move(reply));
  });
  // Between the list and the question it may have ended: then it is none of those that are meant.
  if (!done.ok() && done.error().code == "run.ended") return;
  ++operation.matched;
  Fate fate{planned.run, planned.version, "migrated", {}};
  if (!done.ok()) {
    ++operation.failed;
    fate.outcome = "failed";
    fate.reasons.push_back(done.error().message);
  } else if (!done->obstacles.empty()) {
    ++operation.stays;
    fate.outcome = "stays";
    fate.reasons = done->obstacles;
  } else {
    ++operation.migrated;
  }
  tell(operation, std::move(fate));
}

void run_migration(MigrationOperations& operations, MigrationWork work, const Services& services) {
  MigrationOperation& operation = work.operation;
  const auto is_meant = [&](const workflow::RunSummary& run) {
    if (workflow::is_final(run.status) || run.version == operation.to) return false;
    return operation.from.empty() ||
           std::find(operation.from.begin(), operation.from.end(), run.version) != operation.from.end();
  };
  run_operation(operations, operation, work.filter, work.limit, services, is_meant,
                [&](const PlannedRun& planned, bool again) { migrate_one(work, planned, again, services); });
}

/// `from`: "all", one version, or a list of versions.
Result<std::vector<std::string>> read_sources(const Value& body) {
  const Value* from = body.find("from");
  const Error bad = make_error(
      ErrorKind::kInvalidArgument, "request.bad_type",
      "'from' is a version, a list of 1 to " + std::to_string(kMaxMigrationSources) + " versions, or \"all\"",
      "from");
  std::vector<std::string> versions;
  if (from == nullptr) return bad;
  if (from->is(Kind::kString)) {
    if (from->as_string() != "all") versions.emplace_back(from->as_string());
    return versions;
  }
  if (!from->is(Kind::kList) || from->items().empty() || from->items().size() > kMaxMigrationSources)
    return bad;
  for (const Value& version : from->items()) {
    if (!version.is(Kind::kString)) return bad;
    versions.emplace_back(version.as_string());
  }
  return versions;
}

Status read_migration_filter(const Value& body, partition::RunFilter& filter) {
  filter.limit = partition::kMaxListLimit;
  const Value* wanted = body.find("filter");
  if (wanted == nullptr) return {};
  if (!wanted->is(Kind::kMap)) {
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                      "'filter' must be an object, as in {\"key\": \"customer-17\"}", "filter");
  }
  SY_RETURN_IF_ERROR(only_members(*wanted, {"key", "status", "search"}));
  return read_run_filter(*wanted, filter);
}

Result<MigrationWork> read_migration(const Value& root, const std::string& who, const Services& services) {
  SY_RETURN_IF_ERROR(only_members(root, {"pipeline", "from", "to", "filter", "dry_run", "limit", "why"}));
  MigrationWork work;
  MigrationOperation& operation = work.operation;
  SY_ASSIGN_OR_RETURN(operation.pipeline, text_member(root, "pipeline"));
  SY_ASSIGN_OR_RETURN(operation.from, read_sources(root));
  SY_ASSIGN_OR_RETURN(operation.to, text_member(root, "to"));
  SY_ASSIGN_OR_RETURN(operation.dry_run, optional_bool(root, "dry_run", false));
  SY_ASSIGN_OR_RETURN(operation.why, text_member(root, "why"));
  SY_ASSIGN_OR_RETURN(work.limit, optional_integer(root, "limit", kMaxBulkDecisions));
  SY_RETURN_IF_ERROR(check_operation_limit(work.limit));
  SY_RETURN_IF_ERROR(read_migration_filter(root, work.filter));
  work.filter.pipeline = operation.pipeline;
  operation.who = who;
  operation.request = to_json(root);
  const auto catalog = services.governance->snapshot();
  work.to = operation.to.empty() ? nullptr : catalog->pipeline(operation.pipeline, operation.to);
  if (work.to == nullptr) {
    return make_error(ErrorKind::kNotFound, "pipeline.unknown",
                      "no pipeline '" + operation.pipeline + "@" + operation.to +
                          "' is deployed; deploy it first, or name one that is",
                      "to");
  }
  SY_ASSIGN_OR_RETURN(work.pins, catalog->pins_for(*work.to));
  return work;
}

}  // namespace

void add_migrations(Gateway& gateway, const Services& services) {
  const OperationKind<MigrationOperation, MigrationWork> kind{
      "migration", "migration", "/api/v1/migrations", read_migration, take_told, run_migration};
  const auto operations = take_up_operations(services, kind);
  gateway.on("POST /api/v1/migrations", "start_migration", Permission::kDecisionsCancel,
             [&services, operations, kind](Call&& call) {
               start_operation(std::move(call), services, kind, operations);
             });
  gateway.on("GET /api/v1/migrations", "list_migrations", Permission::kDecisionsRead,
             [operations](Call&& call) { list_operations(std::move(call), *operations); });
  gateway.on("GET /api/v1/migrations/{id}", "get_migration", Permission::kDecisionsRead,
             [operations, kind](Call&& call) { get_operation(std::move(call), kind, *operations); });
}

}  // namespace switchyard::gateway
