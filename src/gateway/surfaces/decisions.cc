// /api/v1/decisions: start, wait, get, list, history, record, cancel, replay.
#include <algorithm>
#include <future>

#include "surfaces/common.h"
#include "surfaces/runs.h"
#include "switchyard/base/hash.h"
#include "switchyard/provenance/record.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/start.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

struct StartRequest {
  partition::StartRun run;
  int64_t wait_us = 0;
};

Result<StartRequest> read_start(const Call& call, const Services& services) {
  if (call.request.body().size() > kMaxRequestBytes) {
    return make_error(ErrorKind::kTooLarge, "request.too_large", "the request may have at most 1 MiB");
  }
  StartRequest start;
  auto arena = std::make_shared<Arena>(call.request.body().size() * 3 + 1024);
  SY_ASSIGN_OR_RETURN(const Value body, object_body(call, *arena, {.max_bytes = kMaxRequestBytes}));
  SY_RETURN_IF_ERROR(only_members(body, {"pipeline", "input", "wait"}));
  SY_ASSIGN_OR_RETURN(const std::string reference, text_member(body, "pipeline"));
  const Value* input = body.find("input");
  if (input == nullptr)
    return make_error(ErrorKind::kInvalidArgument, "request.missing", "the member 'input' is missing",
                      "input");

  const auto catalog = services.governance->snapshot();
  const auto [name, version] = split_reference(reference);
  start.run.pipeline = catalog->pipeline(name, version);
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
  start.run.group = facts.group;
  start.run.priority = priority_or(facts.priority, run_priority(call.priority));
  start.run.tenant = call.caller.tenant;
  start.run.idempotency_key = call.request.header("Idempotency-Key").value_or("");
  if (!start.run.idempotency_key.empty())
    start.run.request_hash = hash64(to_canonical_json(start.run.input), hash64(reference));
  start.run.principal = call.caller.name;
  start.run.trace = call.trace.traceparent;
  SY_ASSIGN_OR_RETURN(start.wait_us, wanted_wait(call, body, services));
  start.run.arena = std::move(arena);
  return start;
}

void start_decision(Call&& call, const Services& services) {
  auto start = read_start(call, services);
  if (!start.ok()) return call.fail(start.error());
  begin_decision(std::move(call), services, std::move(start->run), start->wait_us);
}

void get_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  int64_t until_us = 0;
  if (const auto wait = call.request.query_value("wait")) {
    const auto wait_us = parse_wait(*wait, "wait");
    if (!wait_us.ok()) return call.fail(wait_us.error());
    until_us =
        services.clock->now_us() + within_deadline(call, services, std::min(*wait_us, services.max_wait_us));
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

void decision_history(Call&& call, const Services& services) {
  const auto first = query_integer(call.request, "after", 0, 0, INT64_MAX);
  if (!first.ok()) return call.fail(first.error());
  const auto limit =
      query_integer(call.request, "limit", partition::kMaxHistoryEvents, 1, partition::kMaxHistoryEvents);
  if (!limit.ok()) return call.fail(limit.error());
  const auto from = static_cast<uint64_t>(*first), count = static_cast<uint64_t>(*limit);
  with_some_events(std::move(call), services, from, count,
                   [from, count](Call& later, const partition::RunView& view,
                                 const std::vector<partition::RecordedEvent>& events) {
                     std::string json;
                     JsonObject object(json);
                     std::string& list = object.raw("events");
                     list += '[';
                     Arena arena;
                     for (const auto& recorded : events) {
                       if (list.back() != '[') list += ',';
                       append_json(event_to_value(recorded.event, arena), list);
                     }
                     list += ']';
                     const uint64_t all = view.summary.events();
                     if (count < all && from < all - count)
                       object.number("next_after", static_cast<int64_t>(from + count));
                     object.close();
                     later.answer_json(200, std::move(json));
                   });
}

void decision_record(Call&& call, const Services& services) {
  with_events(std::move(call), services,
              [&services](Call& later, const partition::RunView& view,
                          const std::vector<partition::RecordedEvent>& events) {
                const auto pipeline =
                    services.governance->snapshot()->pipeline_by_hash(view.summary.pipeline_hash);
                Arena arena(8192);
                const Value record = provenance::make_record(view.summary, events, pipeline.get(), arena,
                                                             view.compaction.has_value());
                later.answer_json(200, to_json(record));
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
  if (const Status known = only_members(body->root(), {"with", "asked"}); !known.ok())
    return call.fail(known.error());
  auto options = read_replay(body->root());
  if (!options.ok()) return call.fail(options.error());
  if (const Value* asked = body->root().find("asked"); asked != nullptr) {
    if (!asked->is(Kind::kBool) || (asked->as_bool() && !options->with.empty()))
      return call.fail(make_error(
          ErrorKind::kInvalidArgument, "request.bad_type",
          "'asked' is true or false, and what was asked is told by a replay without 'with'", "asked"));
    options->asked = asked->as_bool();
  }
  with_events(
      std::move(call), services,
      [&services, options = std::move(*options)](Call& later, const partition::RunView& view,
                                                 const std::vector<partition::RecordedEvent>& events) {
        if (view.compaction.has_value()) return later.fail(compacted_error(view));
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
      if (page->compacted.contains(run.id)) continue;
      partition::RunView view;
      view.summary = run;
      const auto offsets = offsets_of(services, view, 0, UINT64_MAX);
      if (!offsets.ok() && offsets.error().kind == ErrorKind::kNotFound) continue;
      if (!offsets.ok()) return call.fail(offsets.error());
      const auto events = services.engine->read_events(run.id, *offsets);
      // Deleted since the page was made.
      if (!events.ok() && events.error().code == "archive.no_event") continue;
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
  const Operations on(gateway, services);
  on("POST /api/v1/decisions", "start_decision", Permission::kDecisionsStart, start_decision);
  on("GET /api/v1/decisions", "list_decisions", Permission::kDecisionsRead, list_decisions);
  on("GET /api/v1/decisions/{id}", "get_decision", Permission::kDecisionsRead, get_decision);
  on("GET /api/v1/decisions/{id}/history", "get_decision_history", Permission::kProvenanceRead,
     decision_history);
  on("GET /api/v1/decisions/{id}/record", "get_decision_record", Permission::kProvenanceRead,
     decision_record);
  on("POST /api/v1/decisions/{id}/replay", "replay_decision", Permission::kProvenanceReplay, replay_decision);
  on("POST /api/v1/replays", "replay_decisions", Permission::kProvenanceReplay, replay_all);
}

}  // namespace switchyard::gateway
