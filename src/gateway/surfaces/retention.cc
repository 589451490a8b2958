// /api/v1/retention, /api/v1/holds: what is kept for how long, and what is held against it.
#include <algorithm>

#include "surfaces/common.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

void append_hold(const partition::Hold& hold, std::string& out) {
  JsonObject object(out);
  object.text("name", hold.name);
  if (hold.run.has_value()) object.text("decision", hold.run->to_string());
  if (!hold.pipeline.empty()) object.text("pipeline", hold.pipeline);
  if (!hold.key.empty()) object.text("key", hold.key);
  object.time("since", hold.since_us).time("until", hold.until_us);
  if (!hold.search.empty()) {
    JsonObject search(object.raw("search"));
    for (const auto& [name, value] : hold.search) search.text(name, value);
    search.close();
  }
  object.text("who", hold.who).text("why", hold.why).time("at", hold.set_us).close();
}

void append_class(const retention::RetentionClass& each, std::string& out) {
  JsonObject object(out);
  object.text("class", each.name);
  std::string& pipelines = object.raw("pipelines");
  pipelines += '[';
  for (const std::string& pattern : each.pipelines) {
    if (pipelines.back() != '[') pipelines += ',';
    append_json_string(pattern, pipelines);
  }
  pipelines += ']';
  const auto part = [&](retention::Part p) {
    return (each.drop & static_cast<uint32_t>(p)) != 0 ? "hash" : "keep";
  };
  object.text("full", retention::period_text(each.full_us));
  if (each.full_us != 0) {
    JsonObject(object.raw("record"))
        .text("input", part(retention::Part::kInput))
        .text("results", part(retention::Part::kResults))
        .text("output", part(retention::Part::kOutput))
        .close();
  }
  object.text("delete", each.delete_us == 0 ? "never" : retention::period_text(each.delete_us)).close();
}

void get_retention(Call&& call, const Services& services) {
  std::string json;
  JsonObject object(json);
  if (const auto policy = services.governance->snapshot()->retention()) {
    object.text("policy", policy->full_name());
    if (policy->idempotency_us != 0)
      object.text("idempotency_keys", retention::period_text(policy->idempotency_us));
    std::string& classes = object.raw("classes");
    classes += '[';
    for (const auto& each : policy->classes) {
      if (classes.back() != '[') classes += ',';
      append_class(each, classes);
    }
    classes += ']';
  }
  std::string& partitions = object.raw("partitions");
  partitions += '[';
  for (const auto& each : services.engine->stats()) {
    if (partitions.back() != '[') partitions += ',';
    const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
    JsonObject item(partitions);
    item.number("id", each.id.value)
        .number("log_bytes", number(each.durable_end - std::min(each.durable_end, each.upkeep.log_begins)))
        .number("archive_bytes", number(each.upkeep.archive.bytes))
        .number("archive_bundles", number(each.upkeep.archive.bundles))
        .number("archive_segments", number(each.upkeep.archive.segments))
        .number("compacted", number(each.machine.runs_compacted))
        .number("deleted", number(each.machine.runs_deleted))
        .time("last_pass", each.upkeep.last_pass_us);
    if (!each.upkeep.last_error.empty()) item.text("last_error", each.upkeep.last_error);
    item.close();
  }
  partitions += ']';
  object.close();
  call.answer_json(200, std::move(json));
}

void apply_retention(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"dry_run"}); !known.ok())
    return call.fail(known.error());
  const auto dry_run = optional_bool(body->root(), "dry_run", false);
  if (!dry_run.ok()) return call.fail(dry_run.error());
  on_pool(services, std::move(call), [&services, dry_run = *dry_run](Call& later) {
    const auto report = services.engine->apply_retention(later.caller.name, dry_run);
    if (!report.ok()) return later.fail(report.error());
    const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
    std::string json;
    JsonObject object(json);
    object.boolean("dry_run", report->dry_run)
        .number("compacted", number(report->compacted))
        .number("deleted", number(report->deleted))
        .number("held", number(report->held));
    std::string& classes = object.raw("classes");
    classes += '[';
    for (const auto& each : report->classes) {
      if (classes.back() != '[') classes += ',';
      JsonObject(classes)
          .text("class", each.name)
          .number("compacted", number(each.compacted))
          .number("deleted", number(each.deleted))
          .close();
    }
    classes += ']';
    object.number("archived_events", number(report->archived_records))
        .number("trimmed_bytes", number(report->trimmed_bytes))
        .number("removed_payloads", number(report->removed_payloads))
        .close();
    later.answer_json(200, std::move(json));
  });
}

void list_holds(Call&& call, const Services& services) {
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->list_holds([shared](Result<std::vector<partition::Hold>> holds) {
    if (!holds.ok()) return shared->fail(holds.error());
    std::string json = "{\"holds\":[";
    for (const auto& hold : *holds) {
      if (json.back() != '[') json += ',';
      append_hold(hold, json);
    }
    shared->answer_json(200, json + "]}");
  });
}

/// A time in a body, written as in the query parameters of lists.
Result<int64_t> body_time(const Value& body, const std::string& name, int64_t now_us) {
  SY_ASSIGN_OR_RETURN(const std::string text, optional_text(body, name));
  if (text.empty()) return 0;
  SY_ASSIGN_OR_RETURN(const auto request, http::Request::make(http::Method::kGet, "/?" + name + "=" + text));
  return query_time(request, name, now_us);
}

Result<partition::Hold> read_hold(const Value& body, const Services& services) {
  SY_RETURN_IF_ERROR(
      only_members(body, {"name", "why", "decision", "pipeline", "key", "since", "until", "search"}));
  partition::Hold hold;
  SY_ASSIGN_OR_RETURN(hold.name, text_member(body, "name"));
  SY_ASSIGN_OR_RETURN(hold.why, text_member(body, "why"));
  SY_ASSIGN_OR_RETURN(const std::string decision, optional_text(body, "decision"));
  if (!decision.empty()) {
    auto id = RunId::parse(decision);
    if (!id.ok()) {
      Error error = id.error();
      error.field = "decision";
      return error;
    }
    hold.run = *id;
  }
  SY_ASSIGN_OR_RETURN(hold.pipeline, optional_text(body, "pipeline"));
  SY_ASSIGN_OR_RETURN(hold.key, optional_text(body, "key"));
  const int64_t now_us = services.clock->now_us();
  SY_ASSIGN_OR_RETURN(hold.since_us, body_time(body, "since", now_us));
  SY_ASSIGN_OR_RETURN(hold.until_us, body_time(body, "until", now_us));
  const Value* search = body.find("search");
  if (search == nullptr || search->is_null()) return hold;
  if (!search->is(Kind::kMap))
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                      "'search' is an object of texts, attribute by attribute", "search");
  for (const Member& member : search->members()) {
    if (!member.value.is(Kind::kString))
      return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                        "the value of an attribute is a text, as in the list's parameters",
                        "search." + std::string(member.key.as_string()));
    hold.search.emplace_back(member.key.as_string(), member.value.as_string());
  }
  return hold;
}

void set_hold(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  auto hold = read_hold(body->root(), services);
  if (!hold.ok()) return call.fail(hold.error());
  hold->who = call.caller.name;
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->set_hold(std::move(*hold), [shared](Result<partition::Hold> set) {
    if (!set.ok()) return shared->fail(set.error());
    std::string json;
    append_hold(*set, json);
    shared->answer_json(200, std::move(json));
  });
}

void release_hold(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"why"}); !known.ok()) return call.fail(known.error());
  auto why = text_member(body->root(), "why");
  if (!why.ok()) return call.fail(why.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->release_hold(std::string(shared->request.path_parameter("name")), shared->caller.name,
                                std::move(*why), [shared](Result<std::string> released) {
                                  if (!released.ok()) return shared->fail(released.error());
                                  std::string json;
                                  JsonObject(json).text("released", *released).close();
                                  shared->answer_json(200, std::move(json));
                                });
}

}  // namespace

void add_retention(Gateway& gateway, const Services& services) {
  const auto on = [&](std::string_view route, const char* id, Permission permission,
                      void (*operation)(Call&&, const Services&)) {
    gateway.on(route, id, permission,
               [operation, &services](Call&& call) { operation(std::move(call), services); });
  };
  on("GET /api/v1/retention", "get_retention", Permission::kMetricsRead, get_retention);
  on("POST /api/v1/retention/apply", "apply_retention", Permission::kRetentionWrite, apply_retention);
  on("GET /api/v1/holds", "list_holds", Permission::kProvenanceRead, list_holds);
  on("POST /api/v1/holds", "set_hold", Permission::kRetentionWrite, set_hold);
  on("POST /api/v1/holds/{name}/release", "release_hold", Permission::kRetentionWrite, release_hold);
}

}  // namespace switchyard::gateway
