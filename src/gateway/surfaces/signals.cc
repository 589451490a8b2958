// What is told to one decision, and asked of it: signals and queries.
#include "surfaces/common.h"
#include "surfaces/runs.h"
#include "switchyard/provenance/replay.h"
#include "switchyard/workflow/query.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

void signal_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"name", "payload", "why"}); !known.ok())
    return call.fail(known.error());
  auto name = text_member(body->root(), "name");
  if (!name.ok()) return call.fail(name.error());
  auto why = optional_text(body->root(), "why");
  if (!why.ok()) return call.fail(why.error());
  partition::SignalRun signal;
  signal.run = *id;
  signal.name = std::move(*name);
  signal.who = call.caller.name;
  signal.why = std::move(*why);
  signal.idempotency_key = call.request.header("Idempotency-Key").value_or("");
  const Value* payload = body->root().find("payload");
  signal.payload = make_document(payload == nullptr ? Value() : *payload);
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->signal_run(std::move(signal), [shared](Result<partition::Signalled> signalled) {
    if (!signalled.ok()) return shared->fail(signalled.error());
    std::string json;
    append_decision(signalled->view, json);
    http::Response response = http::Response::json(200, std::move(json));
    if (signalled->repeated) response.headers.push_back({"Idempotency-Replayed", "true"});
    shared->answer(std::move(response));
  });
}

/// What the queries of one decision gave.
struct Answers {
  Document values;  ///< map: query → value
  std::vector<std::pair<std::string, Error>> errors;
};

void answer_queries(Call& call, const RunId& id, const std::string& name, const Answers& answers) {
  if (!name.empty() && !answers.errors.empty()) {
    const Error& error = answers.errors.front().second;
    return call.fail(make_error(ErrorKind::kUnprocessable, "query.failed",
                                "the query '" + name + "' has no value now: " + error.message,
                                "queries." + name));
  }
  std::string json;
  JsonObject object(json);
  object.text("decision", id.to_string());
  if (!name.empty()) {
    const Value* value = answers.values.root().find(name);
    object.text("name", name).value("value", value == nullptr ? Value() : *value);
  } else {
    object.value("queries", answers.values.root());
    if (!answers.errors.empty()) {
      JsonObject errors(object.raw("errors"));
      for (const auto& [query, error] : answers.errors) errors.text(query, error.message);
      errors.close();
    }
  }
  object.close();
  call.answer_json(200, std::move(json));
}

/// A decision that ended is folded again from its events: its steps have the results that they had at its
/// end.
void query_ended(Call&& call, const Services& services, const std::string& name) {
  with_events(std::move(call), services,
              [&services, name](Call& later, const partition::RunView& view,
                                const std::vector<partition::RecordedEvent>& events) {
                if (view.compaction.has_value()) return later.fail(compacted_error(view));
                const auto run = provenance::refold(events, *services.governance->snapshot());
                if (!run.ok()) return later.fail(run.error());
                Arena arena;
                auto asked = workflow::query(**run, name, arena);
                if (!asked.ok()) return later.fail(asked.error());
                Answers answers;
                MapBuilder values(arena);
                for (auto& answer : *asked) {
                  if (answer.value.ok())
                    values.add(answer.name, *answer.value);
                  else
                    answers.errors.emplace_back(answer.name, answer.value.error());
                }
                answers.values = make_document(values.build());
                answer_queries(later, view.summary.id, name, answers);
              });
}

void query_decision(Call&& call, const Services& services) {
  const auto id = path_id(call.request);
  if (!id.ok()) return call.fail(id.error());
  const std::string name(call.request.path_parameter("name"));
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->query_run(
      *id, name, [shared, &services, id = *id, name](Result<partition::QueryReply> reply) {
        if (!reply.ok()) return shared->fail(reply.error());
        if (workflow::is_final(reply->view.summary.status))
          return query_ended(std::move(*shared), services, name);
        answer_queries(*shared, id, name, {std::move(reply->values), std::move(reply->errors)});
      });
}

}  // namespace

void add_signals(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("POST /api/v1/decisions/{id}/signal", "signal_decision", Permission::kDecisionsStart, signal_decision);
  on("GET /api/v1/decisions/{id}/queries", "query_decision_all", Permission::kDecisionsRead, query_decision);
  on("GET /api/v1/decisions/{id}/queries/{name}", "query_decision", Permission::kDecisionsRead,
     query_decision);
}

}  // namespace switchyard::gateway
