#include "surfaces/runs.h"

#include <algorithm>
#include <future>

namespace switchyard::gateway::surfaces {

namespace {

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

}  // namespace

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

int64_t within_deadline(const Call& call, const Services& services, int64_t wait_us) {
  if (call.deadline_us == 0) return wait_us;
  const int64_t left_us = std::max<int64_t>(0, call.deadline_us - services.clock->monotonic_us());
  // The answer has a way to go.
  return std::min(wait_us, left_us - std::min<int64_t>(left_us / 10, 100'000));
}

void begin_decision(Call&& call, const Services& services, partition::StartRun start, int64_t wait_us) {
  const int64_t until_us =
      wait_us == 0 ? 0 : services.clock->now_us() + within_deadline(call, services, wait_us);
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->start_run(
      std::move(start), until_us, [shared, &services](Result<partition::StartReply> reply) {
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

Result<partition::RunFilter> read_filter(const http::Request& request, int64_t now_us) {
  SY_RETURN_IF_ERROR(only_parameters(request, {"pipeline", "version", "key", "status", "since", "until",
                                               "search.<attribute>", "limit", "cursor"}));
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
    if (!before.ok()) return bad_cursor();
    filter.before = *before;
  }
  for (const auto& parameter : request.query())
    if (parameter.name.starts_with("search."))
      filter.search.emplace_back(parameter.name.substr(7), parameter.value);
  return filter;
}

Result<std::vector<uint64_t>> offsets_of(const Services& services, const partition::RunView& view,
                                         uint64_t first, uint64_t count) {
  const auto& run = view.summary;
  if (first >= run.earlier) {
    const uint64_t skip = std::min<uint64_t>(first - run.earlier, run.offsets.size());
    const auto from = run.offsets.begin() + static_cast<ptrdiff_t>(skip);
    return std::vector<uint64_t>(
        from, from + static_cast<ptrdiff_t>(std::min<uint64_t>(count, run.offsets.size() - skip)));
  }
  auto done = std::make_shared<std::promise<Result<std::vector<uint64_t>>>>();
  auto future = done->get_future();
  services.engine->get_offsets(run.id, first, count, [done](Result<std::vector<uint64_t>> offsets) {
    done->set_value(std::move(offsets));
  });
  return future.get();
}

void with_some_events(Call&& call, const Services& services, uint64_t first, uint64_t count,
                      WithEvents work) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->get_run(
      *id, 0, [shared, &services, first, count, work = std::move(work)](Result<partition::RunView> view) {
        if (!view.ok()) return shared->fail(view.error());
        on_pool(services, std::move(*shared),
                [view = std::move(*view), &services, first, count, work](Call& later) mutable {
                  auto offsets = offsets_of(services, view, first, count);
                  if (!offsets.ok()) return later.fail(offsets.error());
                  const auto events = services.engine->read_events(view.summary.id, *offsets);
                  if (!events.ok()) return later.fail(events.error());
                  work(later, view, *events);
                });
      });
}

void with_events(Call&& call, const Services& services, WithEvents work) {
  with_some_events(std::move(call), services, 0, UINT64_MAX,
                   [work = std::move(work)](Call& later, const partition::RunView& view,
                                            const std::vector<partition::RecordedEvent>& events) {
                     if (view.summary.earlier == 0) return work(later, view, events);
                     partition::RunView whole = view;
                     whole.summary.earlier = 0;
                     whole.summary.offsets.clear();
                     for (const auto& recorded : events)
                       whole.summary.offsets.push_back(recorded.offset.value);
                     work(later, whole, events);
                   });
}

Error compacted_error(const partition::RunView& view) {
  return make_error(ErrorKind::kConflict, "run.compacted",
                    "decision " + view.summary.id.to_string() + " was compacted by the retention policy " +
                        view.compaction->policy + " on " + time_text(view.compaction->at_us) +
                        "; its record remains, its history does not",
                    "id");
}

}  // namespace switchyard::gateway::surfaces
