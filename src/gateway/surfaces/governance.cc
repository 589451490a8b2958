// /api/v1/deployments, artefacts, activations, switches, governance/history.
#include "surfaces/common.h"
#include "switchyard/base/base64.h"
#include "switchyard/base/hash.h"
#include "switchyard/http/problem.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

// Names the whole body of a deployment; single documents have limits of their own.
constexpr size_t kMaxDeploymentBytes = 96u << 20;

Result<governance::DeployRequest> read_deployment(const Value& body, const Caller& caller) {
  SY_RETURN_IF_ERROR(only_members(body, {"files", "message", "dry_run"}));
  governance::DeployRequest request;
  request.who = caller.name;
  SY_ASSIGN_OR_RETURN(request.message, optional_text(body, "message"));
  SY_ASSIGN_OR_RETURN(request.dry_run, optional_bool(body, "dry_run", false));
  const Value* files = body.find("files");
  if (files == nullptr || !files->is(Kind::kList)) {
    return make_error(ErrorKind::kInvalidArgument, "request.missing",
                      "'files' must be a list of { path, content } or { path, content_base64 }", "files");
  }
  for (const Value& file : files->items()) {
    if (!file.is(Kind::kMap))
      return make_error(ErrorKind::kInvalidArgument, "request.bad_type", "each of 'files' is an object",
                        "files");
    governance::SourceFile source;
    SY_ASSIGN_OR_RETURN(source.path, text_member(file, "path"));
    if (const Value* encoded = file.find("content_base64");
        encoded != nullptr && encoded->is(Kind::kString)) {
      if (!base64_decode(encoded->as_string(), source.content)) {
        return make_error(ErrorKind::kInvalidArgument, "request.bad_base64",
                          "the content of " + source.path + " is no valid base64", "files");
      }
    } else {
      SY_ASSIGN_OR_RETURN(source.content, text_member(file, "content"));
    }
    request.files.push_back(std::move(source));
  }
  return request;
}

std::string report_json(const governance::DeployReport& report) {
  std::string json;
  JsonObject object(json);
  object.boolean("deployed", report.deployed)
      .number("governance_offset", static_cast<int64_t>(report.offset.value));
  std::string& changes = object.raw("changes");
  changes += '[';
  for (const auto& change : report.changes) {
    if (changes.back() != '[') changes += ',';
    JsonObject item(changes);
    item.text("change", change.what == governance::Change::What::kAdded ? "added" : "unchanged")
        .text("kind", artefact_kind_name(change.kind));
    item.text("name", change.name)
        .text("version", change.version)
        .text("path", change.path)
        .text("sha256", to_hex(change.sha256));
    if (!change.replaces.empty()) item.text("replaces", change.replaces);
    if (!change.diff.empty()) item.text("diff", change.diff);
    item.close();
  }
  changes += ']';
  append_diagnostics(report.diagnostics, object.raw("diagnostics"));
  object.close();
  return json;
}

void deploy(Call&& call, const Services& services) {
  on_pool(services, std::move(call), [&services](Call& later) {
    const auto body = later.json_body({.max_bytes = kMaxDeploymentBytes});
    if (!body.ok()) return later.fail(body.error());
    if (!body->root().is(Kind::kMap))
      return later.fail(
          make_error(ErrorKind::kInvalidArgument, "request.not_an_object", "the body must be a JSON object"));
    const auto request = read_deployment(body->root(), later.caller);
    if (!request.ok()) return later.fail(request.error());
    const auto report = services.governance->deploy(*request);
    if (!report.ok()) return later.fail(report.error());
    if (has_errors(report->diagnostics)) {
      size_t errors = 0;
      for (const auto& diagnostic : report->diagnostics)
        errors += diagnostic.severity == Diagnostic::Severity::kError;
      const Error error = make_error(
          ErrorKind::kUnprocessable, "deployment.mistakes",
          std::to_string(errors) + (errors == 1 ? " mistake" : " mistakes") + "; nothing was deployed");
      return later.answer(http::problem(error, report->diagnostics, later.request.path()));
    }
    later.answer_json(200, report_json(*report));
  });
}

void append_artefact(const governance::Artefact& artefact, const governance::Snapshot& snapshot, bool whole,
                     std::string& out) {
  JsonObject object(out);
  object.text("kind", artefact_kind_name(artefact.kind))
      .text("name", artefact.name)
      .text("version", artefact.version);
  object.boolean("active", snapshot.active_version(artefact.kind, artefact.name) == artefact.version);
  object.boolean("killed", snapshot.killed(artefact.kind, artefact.name, artefact.version) != nullptr);
  object.text("sha256", to_hex(artefact.sha256)).text("path", artefact.path);
  object.text("deployed_by", artefact.who)
      .time("deployed_at", artefact.deployed_us)
      .text("message", artefact.message);
  object.number("governance_offset", static_cast<int64_t>(artefact.offset));
  if (whole) {
    object.text("source", artefact.source);
    std::string& files = object.raw("files");
    JsonObject map(files);
    for (const auto& [path, text] : artefact.files) map.text(path, text);
    map.close();
  }
  object.close();
}

void list_artefacts(Call&& call, const Services& services) {
  std::optional<ArtefactKind> kind;
  if (const auto text = call.request.query_value("kind")) {
    const auto parsed = parse_artefact_kind(*text);
    if (!parsed.ok()) return call.fail(parsed.error());
    kind = *parsed;
  }
  const auto name = call.request.query_value("name");
  const auto snapshot = services.governance->snapshot();
  std::string json = "{\"artefacts\":[";
  for (const auto& artefact : snapshot->artefacts()) {
    if ((kind.has_value() && artefact->kind != *kind) || (name.has_value() && artefact->name != *name))
      continue;
    if (json.back() != '[') json += ',';
    append_artefact(*artefact, *snapshot, false, json);
  }
  call.answer_json(200, json + "]}");
}

void get_artefact(Call&& call, const Services& services) {
  const auto kind = parse_artefact_kind(call.request.path_parameter("kind"));
  if (!kind.ok()) return call.fail(kind.error());
  const auto name = call.request.path_parameter("name");
  const auto snapshot = services.governance->snapshot();
  const auto artefact = snapshot->artefact(*kind, name, call.request.query_value("version").value_or(""));
  if (artefact == nullptr) {
    return call.fail(make_error(
        ErrorKind::kNotFound, "governance.unknown_version",
        "there is no " + std::string(artefact_kind_name(*kind)) + " " + std::string(name), "name"));
  }
  std::string json;
  append_artefact(*artefact, *snapshot, true, json);
  call.answer_json(200, std::move(json));
}

Result<governance::ArtefactKey> read_key(const Value& body) {
  SY_ASSIGN_OR_RETURN(const std::string kind, text_member(body, "kind"));
  governance::ArtefactKey key;
  SY_ASSIGN_OR_RETURN(key.kind, parse_artefact_kind(kind));
  SY_ASSIGN_OR_RETURN(key.name, text_member(body, "name"));
  SY_ASSIGN_OR_RETURN(key.version, optional_text(body, "version"));
  return key;
}

void append_switches(const governance::Snapshot& snapshot, std::string& json) {
  json += '[';
  for (const auto& kill : snapshot.kills()) {
    if (json.back() != '[') json += ',';
    JsonObject object(json);
    object.text("kind", artefact_kind_name(kill.kind)).text("name", kill.name);
    if (!kill.version.empty()) object.text("version", kill.version);
    object.text("who", kill.who).text("why", kill.why).time("at", kill.at_us).close();
  }
  json += ']';
}

void list_switches(Call&& call, const Services& services) {
  std::string json = "{\"killed\":";
  append_switches(*services.governance->snapshot(), json);
  call.answer_json(200, json + "}");
}

/// Waits for the disk, so it runs on the pool.
void governance_change(Call&& call, const Services& services, std::initializer_list<std::string_view> members,
                       std::function<Status(const Value& body, const governance::ArtefactKey&,
                                            const std::string& who, const std::string& why)>
                           change) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), members); !known.ok()) return call.fail(known.error());
  on_pool(services, std::move(call), [&services, document = *body, change = std::move(change)](Call& later) {
    const auto key = read_key(document.root());
    if (!key.ok()) return later.fail(key.error());
    const auto why = optional_text(document.root(), "why");
    if (!why.ok()) return later.fail(why.error());
    const Status changed = change(document.root(), *key, later.caller.name, *why);
    if (!changed.ok()) return later.fail(changed.error());
    std::string json =
        "{\"governance_offset\":" + std::to_string(services.governance->snapshot()->offset().value) +
        ",\"killed\":";
    append_switches(*services.governance->snapshot(), json);
    later.answer_json(200, json + "}");
  });
}

void throw_switch(Call&& call, const Services& services) {
  governance_change(std::move(call), services, {"action", "kind", "name", "version", "why"},
                    [&services](const Value& body, const governance::ArtefactKey& key, const std::string& who,
                                const std::string& why) -> Status {
                      SY_ASSIGN_OR_RETURN(const std::string action, text_member(body, "action"));
                      if (action == "kill") return services.governance->kill(key, who, why);
                      if (action == "revive") return services.governance->revive(key, who, why);
                      return make_error(ErrorKind::kInvalidArgument, "request.bad_action",
                                        "'action' is kill or revive", "action");
                    });
}

void activate(Call&& call, const Services& services) {
  governance_change(
      std::move(call), services, {"kind", "name", "version", "why"},
      [&services](const Value&, const governance::ArtefactKey& key, const std::string& who,
                  const std::string& why) { return services.governance->activate(key, who, why); });
}

void history(Call&& call, const Services& services) {
  const auto limit = query_integer(call.request, "limit", 100, 1, 1000);
  if (!limit.ok()) return call.fail(limit.error());
  std::string json = "{\"events\":[";
  for (const auto& record : services.governance->history(static_cast<size_t>(*limit))) {
    if (json.back() != '[') json += ',';
    JsonObject object(json);
    object.number("offset", static_cast<int64_t>(record.offset))
        .time("time", record.time_us)
        .text("type", record.type);
    object.text("kind", artefact_kind_name(record.kind)).text("name", record.name);
    if (!record.version.empty()) object.text("version", record.version);
    object.text("who", record.who).text("why", record.why).close();
  }
  call.answer_json(200, json + "]}");
}

}  // namespace

void add_governance(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("POST /api/v1/deployments", "deploy", Permission::kDeploymentsWrite, deploy);
  on("GET /api/v1/artefacts", "list_artefacts", Permission::kDeploymentsRead, list_artefacts);
  on("GET /api/v1/artefacts/{kind}/{name*}", "get_artefact", Permission::kDeploymentsRead, get_artefact);
  on("POST /api/v1/activations", "activate", Permission::kDeploymentsWrite, activate);
  on("GET /api/v1/switches", "list_switches", Permission::kDeploymentsRead, list_switches);
  on("POST /api/v1/switches", "throw_switch", Permission::kSwitchesWrite, throw_switch);
  on("GET /api/v1/governance/history", "get_governance_history", Permission::kDeploymentsRead, history);
}

}  // namespace switchyard::gateway
