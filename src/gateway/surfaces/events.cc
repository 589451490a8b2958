// /api/v1/events: publish, the graph of who sends to whom, dead letters; /api/v1/agents: what they keep.
#include <algorithm>

#include "surfaces/common.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/events/consumers.h"
#include "switchyard/governance/event_graph.h"
#include "switchyard/http/problem.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

constexpr size_t kMaxPublishBytes = 8u << 20;

void add_strings(JsonObject& object, std::string_view name, const std::vector<std::string>& texts) {
  std::string& out = object.raw(name);
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    append_json_string(text, out);
  }
  out += ']';
}

// --- publishing
// ----------------------------------------------------------------------------------------------------

/// Every mistake, each with its place; the status is that of a malformed request.
http::Response mistakes_answer(const std::vector<Error>& mistakes, const Call& call) {
  Diagnostics diagnostics;
  for (const Error& mistake : mistakes) {
    Diagnostic diagnostic;
    diagnostic.code = mistake.code;
    diagnostic.path = mistake.field;
    diagnostic.message = mistake.message;
    diagnostics.push_back(std::move(diagnostic));
  }
  Error error = mistakes.front();
  if (mistakes.size() > 1)
    error.message +=
        " (and " + std::to_string(mistakes.size() - 1) + " more mistakes; nothing was published)";
  return http::problem(error, diagnostics, call.request.path());
}

/// What a registered type says of its events' data.
void check_types(const events::Incoming& incoming, const governance::Snapshot& snapshot,
                 std::vector<Error>& mistakes) {
  for (size_t i = 0; i < incoming.events.size(); ++i) {
    const Value& event = incoming.events[i].root();
    const auto type = snapshot.event_type(events::attribute(event, "type"));
    if (type == nullptr) continue;
    const Status fits =
        events::check_data(event, *type, incoming.batch ? "/" + std::to_string(i) : std::string());
    if (!fits.ok() && mistakes.size() < 100) mistakes.push_back(fits.error());
  }
}

void publish_events(Call&& call, const Services& services) {
  if (call.request.body().size() > kMaxPublishBytes)
    return call.fail(
        make_error(ErrorKind::kTooLarge, "request.too_large", "a request may have at most 8 MiB"));
  std::vector<events::HeaderView> headers;
  for (size_t i = 0; i < call.request.header_count(); ++i) headers.push_back(call.request.header_at(i));
  auto incoming =
      events::read_http(call.request.header("Content-Type").value_or(""), headers, call.request.body());
  if (incoming.mistakes.empty()) check_types(incoming, *services.governance->snapshot(), incoming.mistakes);
  if (!incoming.mistakes.empty()) return call.answer(mistakes_answer(incoming.mistakes, call));
  std::vector<partition::PublishEvent> events;
  for (const Document& event : incoming.events) events.push_back({event, call.caller.name});
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->publish(std::move(events), [shared, published_events = incoming.events](
                                                  Result<std::vector<partition::Published>> published) {
    if (!published.ok()) return shared->fail(published.error());
    std::string json = "{\"events\":[";
    for (size_t i = 0; i < published->size(); ++i) {
      if (json.back() != '[') json += ',';
      JsonObject(json)
          .text("id", events::attribute(published_events[i].root(), "id"))
          .text("source", events::attribute(published_events[i].root(), "source"))
          .boolean("repeated", (*published)[i].repeated)
          .close();
    }
    shared->answer_json(202, json + "]}");
  });
}

// --- dead letters
// --------------------------------------------------------------------------------------------------

Result<partition::DeadLetterFilter> read_filter(const http::Request& request, int64_t now_us) {
  SY_RETURN_IF_ERROR(
      only_parameters(request, {"consumer", "name", "key", "code", "since", "until", "limit", "cursor"}));
  partition::DeadLetterFilter filter;
  if (const auto consumer = request.query_value("consumer"); consumer.has_value()) {
    for (const auto kind : {ConsumerKind::kAgent, ConsumerKind::kWebhook, ConsumerKind::kListeners})
      if (consumer_kind_name(kind) == *consumer) filter.kind = kind;
    if (!filter.kind.has_value())
      return make_error(ErrorKind::kInvalidArgument, "request.bad_consumer",
                        "'consumer' is one of agent, webhook and listener", "consumer");
  }
  filter.name = request.query_value("name").value_or("");
  filter.key = request.query_value("key").value_or("");
  filter.code = request.query_value("code").value_or("");
  SY_ASSIGN_OR_RETURN(filter.since_us, query_time(request, "since", now_us));
  SY_ASSIGN_OR_RETURN(filter.until_us, query_time(request, "until", now_us));
  filter.after = request.query_value("cursor").value_or("");
  if (!filter.after.empty() && !partition::parse_letter_id(filter.after).ok()) return bad_cursor();
  SY_ASSIGN_OR_RETURN(const int64_t limit, query_integer(request, "limit", 50, 1, partition::kMaxListLimit));
  filter.limit = static_cast<size_t>(limit);
  return filter;
}

void list_dead_letters(Call&& call, const Services& services) {
  const auto filter = read_filter(call.request, services.clock->now_us());
  if (!filter.ok()) return call.fail(filter.error());
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->dead_letters(*filter, [shared](Result<partition::DeadLetterPage> page) {
    if (!page.ok()) return shared->fail(page.error());
    std::string json;
    JsonObject answer(json);
    std::string& list = answer.raw("dead_letters");
    list += '[';
    for (const auto& letter : page->letters) {
      if (list.back() != '[') list += ',';
      JsonObject object(list);
      object.text("id", letter.id)
          .text("consumer", consumer_kind_name(letter.kind))
          .text("name", letter.name);
      if (!letter.key.empty()) object.text("key", letter.key);
      object.text("code", letter.code).text("message", letter.message).number("attempts", letter.attempts);
      object.time("died_at", letter.died_us);
      if (letter.event.root().is(Kind::kMap))
        events::append_structured(letter.event.root(), object.raw("event"));
      object.close();
    }
    list += ']';
    if (!page->next.empty()) answer.text("next_cursor", page->next);
    answer.close();
    shared->answer_json(200, std::move(json));
  });
}

void settle_dead_letter(Call&& call, const Services& services, bool replay) {
  const std::string id(call.request.path_parameter("id"));
  auto shared = std::make_shared<Call>(std::move(call));
  const std::string who = shared->caller.name;
  services.engine->settle_letter(id, who, replay, [shared, replay](Result<std::string> settled) {
    if (!settled.ok()) return shared->fail(settled.error());
    std::string json;
    JsonObject(json).text("id", *settled).text("outcome", replay ? "replayed" : "discarded").close();
    shared->answer_json(200, std::move(json));
  });
}

// --- the graph
// -----------------------------------------------------------------------------------------------------

void get_graph(Call&& call, const Services& services) {
  const governance::EventGraph graph = governance::event_graph(*services.governance->snapshot());
  std::string json;
  JsonObject object(json);
  std::string& producers = object.raw("producers");
  producers += '[';
  for (const auto& producer : graph.producers) {
    if (producers.back() != '[') producers += ',';
    JsonObject one(producers);
    one.text("pipeline", producer.pipeline).text("version", producer.version);
    add_strings(one, "types", producer.types);
    one.close();
  }
  producers += ']';
  std::string& consumers = object.raw("consumers");
  consumers += '[';
  for (const auto& consumer : graph.consumers) {
    if (consumers.back() != '[') consumers += ',';
    JsonObject one(consumers);
    one.text("kind", consumer_kind_name(consumer.kind))
        .text("name", consumer.name)
        .text("version", consumer.version);
    add_strings(one, "types", consumer.patterns);
    add_strings(one, "from", consumer.from);
    one.close();
  }
  consumers += ']';
  add_strings(object, "registered", graph.registered);
  std::string& cycles = object.raw("cycles");
  cycles += '[';
  for (const auto& cycle : graph.cycles) {
    if (cycles.back() != '[') cycles += ',';
    cycles += '[';
    for (const std::string& name : cycle) {
      if (cycles.back() != '[') cycles += ',';
      append_json_string(name, cycles);
    }
    cycles += ']';
  }
  cycles += ']';
  object.close();
  call.answer_json(200, std::move(json));
}

// --- agents
// --------------------------------------------------------------------------------------------------------

void list_agents(Call&& call, const Services& services) {
  const auto snapshot = services.governance->snapshot();
  const governance::EventGraph graph = governance::event_graph(*snapshot);
  std::string json = "{\"agents\":[";
  for (const auto& consumer : graph.consumers) {
    if (consumer.kind != ConsumerKind::kAgent) continue;
    const auto pipeline = snapshot->pipeline(consumer.name, {});
    if (json.back() != '[') json += ',';
    JsonObject one(json);
    one.text("name", consumer.name).text("version", consumer.version);
    add_strings(one, "events", consumer.patterns);
    one.boolean("keyed", pipeline->on->key.has_value()).boolean("keeps_state", pipeline->state.has_value());
    one.boolean("switched_off",
                snapshot->killed(ArtefactKind::kPipeline, consumer.name, consumer.version) != nullptr);
    one.close();
  }
  call.answer_json(200, json + "]}");
}

void append_state(const partition::AgentState& state, std::string& out) {
  JsonObject object(out);
  object.text("agent", state.agent).text("key", state.key);
  if (state.version != 0) object.value("state", state.state.root());
  object.number("version", static_cast<int64_t>(state.version)).time("changed_at", state.changed_us);
  if (!state.run.is_zero()) object.text("changed_by", state.run.to_string());
  if (!state.active.is_zero()) object.text("active", state.active.to_string());
  object.number("queued", static_cast<int64_t>(state.queued)).close();
}

/// With `key`, what is kept under it; else the keys, a page at a time.
void get_agent_state(Call&& call, const Services& services) {
  std::string agent(call.request.query_value("agent").value_or(""));
  if (agent.empty())
    return call.fail(make_error(ErrorKind::kInvalidArgument, "request.missing",
                                "the parameter 'agent' is missing: the name of the agent", "agent"));
  if (const auto key = call.request.query_value("key"); key.has_value()) {
    auto shared = std::make_shared<Call>(std::move(call));
    return services.engine->agent_state(std::move(agent), std::string(*shared->request.query_value("key")),
                                        [shared](Result<partition::AgentState> state) {
                                          if (!state.ok()) return shared->fail(state.error());
                                          std::string json = "{\"states\":[";
                                          append_state(*state, json);
                                          shared->answer_json(200, json + "]}");
                                        });
  }
  const auto limit = query_integer(call.request, "limit", 50, 1, partition::kMaxListLimit);
  if (!limit.ok()) return call.fail(limit.error());
  std::string after(call.request.query_value("after").value_or(""));
  auto shared = std::make_shared<Call>(std::move(call));
  services.engine->agent_states(std::move(agent), std::move(after), static_cast<size_t>(*limit),
                                [shared](Result<std::vector<partition::AgentState>> states) {
                                  if (!states.ok()) return shared->fail(states.error());
                                  std::string json = "{\"states\":[";
                                  for (const auto& state : *states) {
                                    if (json.back() != '[') json += ',';
                                    append_state(state, json);
                                  }
                                  shared->answer_json(200, json + "]}");
                                });
}

}  // namespace

void add_events(Gateway& gateway, const Services& services) {
  const auto on = [&](std::string_view route, const char* id, Permission permission,
                      void (*operation)(Call&&, const Services&)) {
    gateway.on(route, id, permission,
               [operation, &services](Call&& call) { operation(std::move(call), services); });
  };
  on("POST /api/v1/events", "publish_events", Permission::kEventsPublish, publish_events);
  on("GET /api/v1/events/dead-letters", "list_dead_letters", Permission::kEventsRead, list_dead_letters);
  on("POST /api/v1/events/dead-letters/{id}/replay", "replay_dead_letter", Permission::kEventsManage,
     [](Call&& call, const Services& s) { settle_dead_letter(std::move(call), s, true); });
  on("POST /api/v1/events/dead-letters/{id}/discard", "discard_dead_letter", Permission::kEventsManage,
     [](Call&& call, const Services& s) { settle_dead_letter(std::move(call), s, false); });
  on("GET /api/v1/events/graph", "get_event_graph", Permission::kEventsRead, get_graph);
  on("GET /api/v1/agents", "list_agents", Permission::kEventsRead, list_agents);
  on("GET /api/v1/agents/state", "get_agent_state", Permission::kEventsRead, get_agent_state);
}

}  // namespace switchyard::gateway
