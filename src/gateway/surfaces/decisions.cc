// /api/v1/decisions: start, wait, get, list, history, record, cancel, replay.
#include <algorithm>
#include <future>

#include "surfaces/common.h"
#include "switchyard/base/hash.h"
#include "switchyard/provenance/record.h"
#include "switchyard/workflow/start.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

struct StartRequest {
  partition::StartRun run;
  int64_t wait_us = 0;
};

/// How long the caller will wait: the body's `wait`, the query's, or RFC 7240's Prefer.
Result<int64_t> wanted_wait(const Call& call, const Value& body, const Services& services) {
  int64_t wait_us = 0;
  if (const Value* wait = body.find("wait")) {
    if (wait->is(Kind::kBool)) {
      wait_us = wait->as_bool() ? services.default_wait_us : 0;
    } else if (wait->is(Kind::kString)) {
      SY_ASSIGN_OR_RETURN(wait_us, parse_wait(wait->as_string(), "wait"));
    } else {
      return make_error(ErrorKind::kInvalidArgument, "request.bad_wait",
                        "'wait' is true, false, or a time like 5s", "wait");
    }
  } else if (const auto query = call.request.query_value("wait")) {
    SY_ASSIGN_OR_RETURN(wait_us, parse_wait(*query, "wait"));
  } else if (const auto prefer = call.request.header("Prefer")) {
    if (const size_t at = prefer->find("wait="); at != std::string_view::npos) {
      const std::string_view rest = prefer->substr(at + 5);
      SY_ASSIGN_OR_RETURN(wait_us, parse_wait(rest.substr(0, rest.find_first_of(",; ")), "Prefer"));
    }
  }
  return std::min(wait_us, services.max_wait_us);
}

Result<StartRequest> read_start(const Call& call, const Services& services) {
  if (call.request.body().size() > kMaxRequestBytes) {
    return make_error(ErrorKind::kTooLarge, "request.too_large", "the request may have at most 1 MiB");
  }
  StartRequest start;
  auto arena = std::make_shared<Arena>(call.request.body().size() * 3 + 1024);
  const auto parsed = parse_json(call.request.body(), *arena, {.max_bytes = kMaxRequestBytes});
  if (!parsed.ok()) {
    // Told as all operations tell it: the same text fails there as well.
    const auto told = call.json_body({.max_bytes = kMaxRequestBytes});
    return told.ok() ? parsed.error() : told.error();
  }
  const Value body = *parsed;
  if (!body.is(Kind::kMap))
    return make_error(ErrorKind::kInvalidArgument, "request.not_an_object", "the body must be a JSON object");
  SY_RETURN_IF_ERROR(only_members(body, {"pipeline", "input", "wait"}));
  SY_ASSIGN_OR_RETURN(const std::string reference, text_member(body, "pipeline"));
  const Value* input = body.find("input");
  if (input == nullptr)
    return make_error(ErrorKind::kInvalidArgument, "request.missing", "the member 'input' is missing",
                      "input");

  const auto catalog = services.governance->snapshot();
  const size_t at = reference.rfind('@');
  const std::string name = reference.substr(0, at);
  start.run.pipeline =
      catalog->pipeline(name, at == std::string::npos ? std::string() : reference.substr(at + 1));
  if (start.run.pipeline == nullptr) {
    return make_error(ErrorKind::kNotFound, "pipeline.unknown", "no pipeline '" + reference + "' is deployed",
                      "pipeline");
  }
  const workflow::Pipeline& pipeline = *start.run.pipeline;
  SY_ASSIGN_OR_RETURN(start.run.pins, catalog->pins_for(pipeline));
  SY_ASSIGN_OR_RETURN(const workflow::StartFacts facts, workflow::start_facts(pipeline, *input, *arena));
  start.run.input = facts.input;
  start.run.key = facts.key;
  start.run.search = facts.search;
  start.run.idempotency_key = call.request.header("Idempotency-Key").value_or("");
  if (!start.run.idempotency_key.empty())
    start.run.request_hash = hash64(to_canonical_json(start.run.input), hash64(reference));
  start.run.principal = call.caller.name;
  start.run.trace = call.request.header("traceparent").value_or("");
  if (start.run.trace.size() > 64) start.run.trace.clear();
  SY_ASSIGN_OR_RETURN(start.wait_us, wanted_wait(call, body, services));
  start.run.arena = std::move(arena);
  return start;
}

http::Response decision_answer(const partition::RunView& view, bool repeated) {
  std::string json;
  json.reserve(512);
  append_decision(view, json);
  const bool final = workflow::is_final(view.summary.status);
  http::Response response = http::Response::json(final ? 200 : 202, std::move(json));
  if (!final) response.headers.push_back({"Location", "/api/v1/decisions/" + view.summary.id.to_string()});
  if (repeated) response.headers.push_back({"Idempotency-Replayed", "true"});
  return response;
}

void start_decision(Call&& call, const Services& services) {
  auto start = read_start(call, services);
  if (!start.ok()) return call.fail(start.error());
  const int64_t until_us = start->wait_us == 0 ? 0 : services.clock->now_us() + start->wait_us;
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->start_run(
      std::move(start->run), until_us, [shared, &services](Result<partition::StartReply> reply) {
        if (!reply.ok()) return shared->fail(reply.error());
        const bool needs_log =
            reply->view.summary.status == workflow::RunStatus::kCompleted && !reply->view.has_output;
        if (!needs_log) return shared->answer(decision_answer(reply->view, reply->repeated));
        on_pool(services, std::move(*shared), [reply = std::move(*reply), &services](Call& later) mutable {
          if (const Status filled = fill_output(*services.engine, reply.view); !filled.ok())
            return later.fail(filled.error());
          later.answer(decision_answer(reply.view, reply.repeated));
        });
      });
}

void get_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  int64_t until_us = 0;
  if (const auto wait = call.request.query_value("wait")) {
    const auto wait_us = parse_wait(*wait, "wait");
    if (!wait_us.ok()) return call.fail(wait_us.error());
    until_us = services.clock->now_us() + std::min(*wait_us, services.max_wait_us);
  }
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->get_run(*id, until_us, [shared, &services](Result<partition::RunView> view) {
    if (!view.ok()) return shared->fail(view.error());
    on_pool(services, std::move(*shared), [view = std::move(*view), &services](Call& later) mutable {
      if (const Status filled = fill_output(*services.engine, view); !filled.ok())
        return later.fail(filled.error());
      std::string json;
      append_decision(view, json);
      later.answer_json(200, std::move(json));
    });
  });
}

Result<partition::RunFilter> read_filter(const http::Request& request, int64_t now_us) {
  partition::RunFilter filter;
  filter.pipeline = request.query_value("pipeline").value_or("");
  filter.version = request.query_value("version").value_or("");
  filter.key = request.query_value("key").value_or("");
  if (const auto status = request.query_value("status")) {
    SY_ASSIGN_OR_RETURN(filter.status, workflow::parse_run_status(*status));
  }
  SY_ASSIGN_OR_RETURN(filter.since_us, query_time(request, "since", now_us));
  SY_ASSIGN_OR_RETURN(filter.until_us, query_time(request, "until", now_us));
  SY_ASSIGN_OR_RETURN(const int64_t limit, query_integer(request, "limit", 50, 1, partition::kMaxListLimit));
  filter.limit = static_cast<size_t>(limit);
  if (const auto cursor = request.query_value("cursor")) {
    auto before = RunId::parse(*cursor);
    if (!before.ok())
      return make_error(ErrorKind::kInvalidArgument, "request.bad_cursor",
                        "'cursor' must be the next_cursor of an earlier page", "cursor");
    filter.before = *before;
  }
  static constexpr std::string_view kKnown[] = {"pipeline", "version", "key",   "status",
                                                "since",    "until",   "limit", "cursor"};
  for (const auto& parameter : request.query()) {
    if (parameter.name.starts_with("search.")) {
      filter.search.emplace_back(parameter.name.substr(7), parameter.value);
    } else if (std::find(std::begin(kKnown), std::end(kKnown), parameter.name) == std::end(kKnown)) {
      return make_error(ErrorKind::kInvalidArgument, "request.unknown_parameter",
                        "'" + parameter.name +
                            "' is no filter; use pipeline, version, key, status, since, until, "
                            "search.<attribute>, limit, cursor",
                        parameter.name);
    }
  }
  return filter;
}

void list_decisions(Call&& call, const Services& services) {
  auto filter = read_filter(call.request, services.clock->now_us());
  if (!filter.ok()) return call.fail(filter.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->list_runs(*filter, [shared](Result<partition::RunPage> page) {
    if (!page.ok()) return shared->fail(page.error());
    std::string json;
    JsonObject object(json);
    std::string& list = object.raw("decisions");
    list += '[';
    for (auto& summary : page->runs) {
      if (list.back() != '[') list += ',';
      partition::RunView view;
      view.summary = std::move(summary);
      append_decision(view, list);
      summary.id = view.summary.id;
    }
    list += ']';
    if (page->more) {
      const auto next = page->scanned_to.has_value() ? *page->scanned_to : page->runs.back().id;
      object.text("next_cursor", next.to_string());
    }
    object.close();
    shared->answer_json(200, std::move(json));
  });
}

/// Fetches the run, then its events, and gives both to `work` on the pool.
void with_events(
    Call&& call, const Services& services,
    std::function<void(Call&, const partition::RunView&, const std::vector<partition::RecordedEvent>&)>
        work) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->get_run(
      *id, 0, [shared, &services, work = std::move(work)](Result<partition::RunView> view) {
        if (!view.ok()) return shared->fail(view.error());
        on_pool(services, std::move(*shared), [view = std::move(*view), &services, work](Call& later) {
          const auto events = services.engine->read_events(view.summary.id, view.summary.offsets);
          if (!events.ok()) return later.fail(events.error());
          work(later, view, *events);
        });
      });
}

void decision_history(Call&& call, const Services& services) {
  with_events(
      std::move(call), services,
      [](Call& later, const partition::RunView&, const std::vector<partition::RecordedEvent>& events) {
        std::string json = "{\"events\":[";
        Arena arena;
        for (const auto& recorded : events) {
          if (json.back() != '[') json += ',';
          append_json(event_to_value(recorded.event, arena), json);
        }
        later.answer_json(200, json + "]}");
      });
}

void decision_record(Call&& call, const Services& services) {
  with_events(std::move(call), services,
              [&services](Call& later, const partition::RunView& view,
                          const std::vector<partition::RecordedEvent>& events) {
                const auto pipeline =
                    services.governance->snapshot()->pipeline_by_hash(view.summary.pipeline_hash);
                Arena arena(8192);
                const Value record = provenance::make_record(view.summary, events, pipeline.get(), arena);
                later.answer_json(200, to_json(record));
              });
}

void cancel_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"why"}); !known.ok()) return call.fail(known.error());
  auto why = optional_text(body->root(), "why");
  if (!why.ok()) return call.fail(why.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->cancel_run(*id, shared->caller.name, std::move(*why),
                              [shared](Result<partition::RunView> view) {
                                if (!view.ok()) return shared->fail(view.error());
                                std::string json;
                                append_decision(*view, json);
                                shared->answer_json(200, std::move(json));
                              });
}

Result<provenance::ReplayOptions> read_replay(const Value& body) {
  provenance::ReplayOptions options;
  const Value* with = body.find("with");
  if (with == nullptr || with->is_null()) return options;
  if (!with->is(Kind::kList))
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                      "'with' is a list like [\"model=fraud-light@1.1.0\"]", "with");
  for (const Value& item : with->items()) {
    if (!item.is(Kind::kString))
      return make_error(ErrorKind::kInvalidArgument, "request.bad_type", "'with' is a list of texts", "with");
    SY_ASSIGN_OR_RETURN(auto change, provenance::parse_change(item.as_string()));
    options.with.push_back(std::move(change));
  }
  return options;
}

void replay_decision(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"with"}); !known.ok()) return call.fail(known.error());
  auto options = read_replay(body->root());
  if (!options.ok()) return call.fail(options.error());
  with_events(
      std::move(call), services,
      [&services, options = std::move(*options)](Call& later, const partition::RunView& view,
                                                 const std::vector<partition::RecordedEvent>& events) {
        const auto report = services.replayer->replay(view.summary, events, options);
        if (!report.ok()) return later.fail(report.error());
        Arena arena;
        later.answer_json(200, to_json(provenance::report_to_value(*report, arena)));
      });
}

/// Replays page after page of finished runs on the pool's thread.
void replay_many(Call& call, const Services& services, partition::RunFilter filter,
                 const provenance::ReplayOptions& options, int64_t limit) {
  provenance::ReplaySummary summary;
  while (summary.replayed < static_cast<uint64_t>(limit)) {
    auto done = std::make_shared<std::promise<Result<partition::RunPage>>>();
    auto future = done->get_future();
    services.engine->list_runs(filter,
                               [done](Result<partition::RunPage> page) { done->set_value(std::move(page)); });
    auto page = future.get();
    if (!page.ok()) return call.fail(page.error());
    for (const auto& run : page->runs) {
      if (summary.replayed >= static_cast<uint64_t>(limit)) break;
      if (!workflow::is_final(run.status)) continue;
      const auto events = services.engine->read_events(run.id, run.offsets);
      if (!events.ok()) return call.fail(events.error());
      summary.add(run, services.replayer->replay(run, *events, options));
    }
    if (!page->more || page->runs.empty()) break;
    filter.before = page->scanned_to.has_value() ? *page->scanned_to : page->runs.back().id;
  }
  Arena arena;
  call.answer_json(200, to_json(provenance::summary_to_value(summary, arena)));
}

void replay_all(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  const Value& root = body->root();
  if (const Status known = only_members(root, {"pipeline", "since", "until", "with", "limit"}); !known.ok())
    return call.fail(known.error());
  auto options = read_replay(root);
  if (!options.ok()) return call.fail(options.error());
  partition::RunFilter filter;
  auto pipeline = text_member(root, "pipeline");
  if (!pipeline.ok()) return call.fail(pipeline.error());
  filter.pipeline = *pipeline;
  filter.limit = 200;
  const auto limit = optional_integer(root, "limit", 100'000);
  if (!limit.ok()) return call.fail(limit.error());
  // Times are written as in the list's query parameters.
  std::string target = "/?";
  for (const char* name : {"since", "until"}) {
    const auto text = optional_text(root, name);
    if (!text.ok()) return call.fail(text.error());
    if (!text->empty()) target += std::string(name) + "=" + *text + "&";
  }
  const auto times = http::Request::make(http::Method::kGet, target);
  if (!times.ok()) return call.fail(times.error());
  const int64_t now_us = services.clock->now_us();
  const auto since = query_time(*times, "since", now_us);
  if (!since.ok()) return call.fail(since.error());
  const auto until = query_time(*times, "until", now_us);
  if (!until.ok()) return call.fail(until.error());
  filter.since_us = *since;
  filter.until_us = *until;
  on_pool(services, std::move(call),
          [&services, filter, options = std::move(*options), limit = *limit](Call& later) {
            replay_many(later, services, filter, options, limit);
          });
}

}  // namespace

void add_decisions(Gateway& gateway, const Services& services) {
  const auto on = [&](std::string_view route, const char* id, Permission permission,
                      void (*operation)(Call&&, const Services&)) {
    gateway.on(route, id, permission,
               [operation, &services](Call&& call) { operation(std::move(call), services); });
  };
  on("POST /api/v1/decisions", "start_decision", Permission::kDecisionsStart, start_decision);
  on("GET /api/v1/decisions", "list_decisions", Permission::kDecisionsRead, list_decisions);
  on("GET /api/v1/decisions/{id}", "get_decision", Permission::kDecisionsRead, get_decision);
  on("GET /api/v1/decisions/{id}/history", "get_decision_history", Permission::kProvenanceRead,
     decision_history);
  on("GET /api/v1/decisions/{id}/record", "get_decision_record", Permission::kProvenanceRead,
     decision_record);
  on("POST /api/v1/decisions/{id}/cancel", "cancel_decision", Permission::kDecisionsCancel, cancel_decision);
  on("POST /api/v1/decisions/{id}/replay", "replay_decision", Permission::kProvenanceReplay, replay_decision);
  on("POST /api/v1/replays", "replay_decisions", Permission::kProvenanceReplay, replay_all);
}

}  // namespace switchyard::gateway
