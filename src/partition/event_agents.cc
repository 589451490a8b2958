// Agents: their queues, their state, and the runs that listen.
#include <algorithm>

#include "event_flow.h"
#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/types/value_codec.h"
#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/start.h"

namespace switchyard::partition {
namespace {

std::string_view text_of(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}
uint64_t number_of(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kInteger) ? static_cast<uint64_t>(value->as_integer()) : 0;
}

struct StoredState {
  uint64_t version = 0;
  int64_t changed_us = 0;
  RunId run;
  std::string_view value;
};
StoredState decode_state(std::string_view row) {
  ByteReader in(row);
  StoredState state;
  state.version = in.varint();
  state.changed_us = in.svarint();
  if (const auto id = in.raw(16); id.size() == 16) state.run = RunId::from_bytes(id);
  state.value = row.substr(in.position());
  return state;
}

}  // namespace

bool EventFlow::keeps_state(const std::string& agent) const {
  const auto pipeline = machine_.catalog().pipeline(agent, {});
  return pipeline != nullptr && pipeline->state.has_value();
}

/// Goes over the queues for entries that can start; of an agent with state, one for each key that is free.
void EventFlow::find_ready(int64_t now_us) {
  more_ready_ = false;
  std::string from(1, keys::kAgentQueue);
  const std::string until = store::prefix_end(from);
  std::string last_prefix;
  bool keeps = false, held = false;
  (void)environment_.store->scan(
      store::Range::between(from, until), [&](std::string_view key, std::string_view) {
        const std::string_view prefix = key.substr(0, key.size() - 12);
        store::KeyReader reader(key);
        reader.tag();
        Entry entry;
        entry.agent = reader.text();
        entry.key = reader.text();
        entry.place.offset = reader.u64();
        entry.place.index = reader.u32();
        const bool first = prefix != last_prefix;
        if (first) {
          last_prefix = prefix;
          const auto pipeline = machine_.catalog().pipeline(entry.agent, {});
          keeps = pipeline != nullptr && pipeline->state.has_value();
          held = pipeline != nullptr && machine_.catalog().killed(ArtefactKind::kPipeline, pipeline->name,
                                                                  pipeline->version) != nullptr;
        }
        if (held && !more_held_) {
          if (held_.empty()) held_until_us_ = now_us + kHeldAgentsUs;
          more_held_ = true;
        }
        if (held || (keeps && !first)) return true;
        if (ready_.size() >= kMaxReadyAgents) {
          more_ready_ = true;
          return false;
        }
        ready_.push_back(std::move(entry));
        return true;
      });
  // The order over all keys is that of arrival.
  std::sort(ready_.begin(), ready_.end(), [](const Entry& a, const Entry& b) { return a.place < b.place; });
}

bool EventFlow::start_agents(int64_t now_us) {
  if (!held_.empty() && now_us >= held_until_us_) {
    for (auto& entry : held_) ready_.push_back(std::move(entry));
    held_.clear();
  }
  if (more_held_ && now_us >= held_until_us_) {
    more_ready_ = true;
    more_held_ = false;
  }
  if (ready_.empty() && more_ready_ && machine_.may_start()) find_ready(now_us);
  size_t started = 0, bytes = 0;
  while (!ready_.empty()) {
    if (!machine_.may_start()) return false;
    if (started++ >= kAgentStartsPerTurn || bytes > kAgentBytesPerTurn) return true;
    Entry entry = std::move(ready_.front());
    ready_.pop_front();
    const StartOutcome outcome = start_agent(entry, now_us, &bytes);
    if (outcome == StartOutcome::kFull) {
      ready_.push_front(std::move(entry));
      return false;
    }
    if (outcome == StartOutcome::kHeld) {
      if (held_.empty() && !more_held_) held_until_us_ = now_us + kHeldAgentsUs;
      if (held_.size() < kMaxReadyAgents)
        held_.push_back(std::move(entry));
      else
        more_held_ = true;
    }
  }
  return more_ready_;
}

EventFlow::StartOutcome EventFlow::start_agent(const Entry& entry, int64_t now_us, size_t* bytes) {
  bool queued = false;
  const std::string row = get(keys::agent_queued(entry.agent, entry.key, entry.place), &queued);
  if (!queued) return StartOutcome::kDone;
  *bytes += row.size();
  const auto fail = [&](const Error& error) {
    fail_delivery(entry, error, now_us);
    return StartOutcome::kDone;
  };
  const auto pipeline = machine_.catalog().pipeline(entry.agent, {});
  if (pipeline == nullptr || !pipeline->on.has_value()) {
    return fail(
        make_error(ErrorKind::kNotFound, "agent.unknown",
                   "the agent " + entry.agent + " takes no events any more; deploy a version that does"));
  }
  if (machine_.catalog().killed(ArtefactKind::kPipeline, pipeline->name, pipeline->version) != nullptr)
    return StartOutcome::kHeld;
  if (pipeline->state.has_value()) {
    bool busy = false;
    get(keys::agent(keys::kAgentRun, entry.agent, entry.key), &busy);
    // Whoever holds the key starts the next when it ends.
    if (busy) return StartOutcome::kDone;
  }
  StartRun start;
  start.arena = std::make_shared<Arena>(row.size() * 2 + 512);
  Arena& arena = *start.arena;
  auto item = decode_item(row, arena);
  if (!item.ok()) return fail(item.error());
  auto input = workflow::agent_input(*pipeline, item->event, arena);
  if (!input.ok()) return fail(input.error());
  const auto facts = workflow::start_facts(*pipeline, *input, arena);
  if (!facts.ok()) return fail(facts.error());
  start.input = facts->input;
  start.search = facts->search;
  start.group = facts->group;
  start.priority = facts->priority;
  auto pins = machine_.catalog().pins_for(*pipeline);
  if (!pins.ok()) return fail(pins.error());
  start.pins = *pins;
  start.pipeline = pipeline;
  start.key = entry.key;
  // Where it belongs was decided when the event was published, perhaps by another version of the agent.
  if (pipeline->concurrency.has_value()) {
    const PartitionId home = partition_for(start, 0, environment_.partitions);
    if (home != environment_.partition) return move_away(entry, home.value, now_us);
  }
  start.principal = "event";
  MapBuilder origin(arena);
  origin.add("kind", Value::string("event"));
  origin.add("agent", Value::string(arena.copy(entry.agent)));
  origin.add("key", Value::string(arena.copy(entry.key)));
  origin.add("offset", Value::integer(static_cast<int64_t>(entry.place.offset)));
  origin.add("index", Value::integer(entry.place.index));
  origin.add("hops", Value::integer(item->hops));
  origin.add("event", item->event);
  if (pipeline->state.has_value()) {
    bool known = false;
    const std::string stored = get(keys::agent(keys::kAgentState, entry.agent, entry.key), &known);
    Value state = pipeline->state->initial.root();
    if (known) {
      ByteReader in(decode_state(stored).value);
      state = decode_value(in, arena);
    }
    origin.add("state", state);
  }
  start.origin = origin.build();
  auto started = machine_.start(std::move(start), now_us);
  if (started.ok()) {
    ++stats_.agent_runs;
    return StartOutcome::kDone;
  }
  const bool refused = started.error().code == "run.queue_full";
  if (started.error().kind == ErrorKind::kResourceExhausted && !refused) return StartOutcome::kFull;
  if (started.error().kind == ErrorKind::kUnavailable) return StartOutcome::kHeld;
  return fail(started.error());
}

EventFlow::StartOutcome EventFlow::move_away(const Entry& entry, uint32_t to, int64_t now_us) {
  if (stats_.outbox >= kMaxOutboxEvents) return StartOutcome::kHeld;
  (void)machine_.record(
      Event{RunId{}, kNoStep, now_us, DeliveryMoved{entry.agent, entry.key, entry.place, to}});
  return StartOutcome::kDone;
}

void EventFlow::fold_moved_away(const DeliveryMoved& body, LogOffset offset) {
  const std::string key = keys::agent_queued(body.agent, body.key, body.place);
  bool found = false;
  const std::string row = get(key, &found);
  if (!found) return;
  environment_.store->erase(key);
  --stats_.queued;
  Arena arena(row.size() * 2 + 256);
  const auto item = decode_item(row, arena);
  if (!item.ok()) return;
  const DeliveryView delivery{ConsumerKind::kAgent, body.agent, body.key, body.to, {}};
  send_away(body.to, {environment_.partition.value, offset.value, {delivery}, item->hops, item->event});
}

void EventFlow::fail_delivery(const Entry& entry, const Error& error, int64_t now_us) {
  DeliveryFailed body;
  body.kind = ConsumerKind::kAgent;
  body.name = entry.agent;
  body.key = entry.key;
  body.place = entry.place;
  const std::string message = error.message.substr(0, kMaxWhyBytes);
  body.error = {error.kind, error.code, message, error.field};
  (void)machine_.record(Event{RunId{}, kNoStep, now_us, std::move(body)});
  if (keeps_state(entry.agent)) next_of_key(entry.agent, entry.key);
}

/// After a key has become free: its oldest entry is next, before whatever came later.
void EventFlow::next_of_key(const std::string& agent, const std::string& key) {
  const std::string prefix = keys::agent(keys::kAgentQueue, agent, key);
  (void)environment_.store->scan(store::Range::prefix(prefix), {.limit = 1},
                                 [&](std::string_view first, std::string_view) {
                                   store::KeyReader place(first.substr(first.size() - 12));
                                   const uint64_t offset = place.u64();
                                   ready_.push_front({agent, key, {offset, place.u32()}});
                                   return false;
                                 });
}

// --- folding
// -------------------------------------------------------------------------------------------------------

void EventFlow::fold_failed(const DeliveryFailed& body, int64_t time_us, LogOffset) {
  const std::string key = keys::agent_queued(body.name, body.key, body.place);
  bool found = false;
  const std::string item = get(key, &found);
  if (!found) return;
  environment_.store->erase(key);
  --stats_.queued;
  bury(body.place, body.kind, body.name, body.key, body.error, 1, time_us, item);
}

void EventFlow::fold_started(const RunId& run, const RunStarted& started, const workflow::Pipeline& pipeline,
                             int64_t) {
  const Value& origin = started.origin;
  if (!origin.is(Kind::kMap)) return;
  const std::string_view kind = text_of(origin, "kind");
  if (kind == "event") {
    const std::string_view agent = text_of(origin, "agent"), key = text_of(origin, "key");
    const QueuePlace place{number_of(origin, "offset"), static_cast<uint32_t>(number_of(origin, "index"))};
    environment_.store->erase(keys::agent_queued(agent, key, place));
    --stats_.queued;
    if (pipeline.state.has_value()) {
      environment_.store->put(keys::agent(keys::kAgentRun, agent, key), run.view());
      std::string value;
      ByteWriter out(value);
      out.bytes(agent);
      out.bytes(key);
      environment_.store->put(keys::of_id(keys::kAgentOfRun, run), value);
    }
  } else if (kind == "schedule") {
    const Value* next = origin.find("next");
    const std::string name(text_of(origin, "schedule"));
    Tick& tick = ticks_[name];
    tick.next_us = next != nullptr && next->is(Kind::kTimestamp)
                       ? next->seconds() * 1'000'000 + next->nanos() / 1000
                       : 0;
    std::string value;
    ByteWriter out(value);
    out.u64(tick.spec);
    out.svarint(tick.next_us);
    environment_.store->put(keys::named(keys::kSchedule, name), value);
  }
  if (const Value* listens = origin.find("listens"); listens != nullptr && listens->is(Kind::kList))
    add_listens(run, *listens);
}

void EventFlow::add_listens(const RunId& run, const Value& listens) {
  std::string all;
  ByteWriter out(all);
  out.varint(listens.items().size());
  for (const Value& each : listens.items()) {
    const auto step = static_cast<uint16_t>(number_of(each, "step"));
    std::string key = keys::listener_prefix(text_of(each, "event"), text_of(each, "correlation"));
    store::KeyWriter(key).id(run).u16(step);
    uint64_t heard = 0;
    (void)environment_.store->scan(store::Range::prefix(keys::heard_prefix(run, step)),
                                   [&](std::string_view, std::string_view) { return ++heard, true; });
    std::string count;
    ByteWriter(count).varint(heard);
    environment_.store->put(key, count);
    out.bytes(key);
    out.varint(step);
  }
  environment_.store->put(keys::of_id(keys::kListening, run), all);
}

void EventFlow::drop_listens(const RunId& run) {
  const std::string listening_key = keys::of_id(keys::kListening, run);
  const std::string listening = get(listening_key);
  if (listening.empty()) return;
  ByteReader in(listening);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    environment_.store->erase(in.bytes());
    in.varint();
  }
  environment_.store->erase(listening_key);
}

void EventFlow::fold_migrated(const RunId& run, const RunMigrated& body) {
  drop_listens(run);
  // All of it before any is put: places change among each other.
  auto heard = take_heard(run);
  if (!body.listens.is(Kind::kList)) return;
  for (const Value& each : body.listens.items()) {
    const auto step = static_cast<uint16_t>(number_of(each, "step"));
    if (each.find("was") == nullptr) continue;
    for (const auto& [place, row] : heard[static_cast<uint16_t>(number_of(each, "was"))])
      environment_.store->put(keys::placed(keys::heard_prefix(run, step), place), row);
  }
  if (!body.listens.items().empty()) add_listens(run, body.listens);
}

EventFlow::Heard EventFlow::take_heard(const RunId& run) {
  Heard heard;
  std::string prefix;
  store::KeyWriter(prefix).tag(keys::kHeard).id(run);
  std::vector<std::string> rows;
  (void)environment_.store->scan(store::Range::prefix(prefix),
                                 [&](std::string_view key, std::string_view row) {
                                   store::KeyReader reader(key.substr(prefix.size()));
                                   const uint16_t step = reader.u16();
                                   QueuePlace place{reader.u64(), 0};
                                   place.index = reader.u32();
                                   heard[step].emplace_back(place, row);
                                   rows.emplace_back(key);
                                   return true;
                                 });
  for (const std::string& row : rows) environment_.store->erase(row);
  return heard;
}

void EventFlow::fold_state(const RunId& run, const Value& state, int64_t time_us) {
  const std::string holder = get(keys::of_id(keys::kAgentOfRun, run));
  if (holder.empty()) return;
  ByteReader who(holder);
  const std::string_view agent = who.bytes();
  const std::string key = keys::agent(keys::kAgentState, agent, who.bytes());
  const std::string before = get(key);
  std::string row;
  ByteWriter out(row);
  out.varint(before.empty() ? 1 : decode_state(before).version + 1);
  out.svarint(time_us);
  out.raw(run.view());
  encode_value(state, out);
  environment_.store->put(key, row);
}

void EventFlow::fold_ended(const RunId& run, const workflow::Pipeline& pipeline) {
  if (pipeline.state.has_value()) {
    const std::string holder_key = keys::of_id(keys::kAgentOfRun, run);
    const std::string holder = get(holder_key);
    if (!holder.empty()) {
      ByteReader who(holder);
      const std::string agent(who.bytes()), key(who.bytes());
      environment_.store->erase(holder_key);
      environment_.store->erase(keys::agent(keys::kAgentRun, agent, key));
      next_of_key(agent, key);
    }
  }
  if (pipeline.listeners.empty()) return;
  drop_listens(run);
  take_heard(run);
}

// --- listening runs
// ------------------------------------------------------------------------------------------------

/// Gives the event to every run that listens for it, as far as it has room.
void EventFlow::listen(std::string_view pattern, std::string_view correlation, const QueuePlace& place,
                       std::string_view item, int64_t time_us) {
  struct Ear {
    std::string key;
    RunId run;
    uint16_t step = 0;
    uint64_t count = 0;
  };
  std::vector<Ear> ears;
  (void)environment_.store->scan(store::Range::prefix(keys::listener_prefix(pattern, correlation)),
                                 [&](std::string_view key, std::string_view value) {
                                   store::KeyReader reader(key.substr(key.size() - 18));
                                   Ear ear{std::string(key), reader.id(), 0, ByteReader(value).varint()};
                                   ear.step = reader.u16();
                                   ears.push_back(std::move(ear));
                                   return true;
                                 });
  for (const Ear& ear : ears) {
    if (ear.count >= kMaxListenedEvents) {
      const std::string message = "the run " + ear.run.to_string() + " has " +
                                  std::to_string(kMaxListenedEvents) + " events that it has not taken";
      bury(place, ConsumerKind::kListeners, pattern, correlation,
           {ErrorKind::kResourceExhausted, "event.listener_full", message, {}}, 1, time_us, item);
      continue;
    }
    environment_.store->put(keys::placed(keys::heard_prefix(ear.run, ear.step), place), item);
    std::string count;
    ByteWriter(count).varint(ear.count + 1);
    environment_.store->put(ear.key, count);
    heard_.emplace_back(ear.run, ear.step);
  }
}

void EventFlow::fold_taken(const RunId& run, uint16_t step, const QueuePlace& place) {
  environment_.store->erase(keys::placed(keys::heard_prefix(run, step), place));
  const std::string listening = get(keys::of_id(keys::kListening, run));
  ByteReader in(listening);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const std::string key(in.bytes());
    if (in.varint() != step) continue;
    const std::string row = get(key);
    const uint64_t before = ByteReader(row).varint();
    std::string count;
    ByteWriter(count).varint(before > 0 ? before - 1 : 0);
    environment_.store->put(key, count);
  }
}

Result<std::vector<std::pair<QueuePlace, Document>>> EventFlow::heard(const RunId& run, uint16_t step) {
  std::vector<std::pair<QueuePlace, Document>> events;
  SY_RETURN_IF_ERROR(environment_.store->scan(
      store::Range::prefix(keys::heard_prefix(run, step)), [&](std::string_view key, std::string_view row) {
        store::KeyReader reader(key.substr(key.size() - 12));
        QueuePlace place{reader.u64(), 0};
        place.index = reader.u32();
        auto arena = std::make_shared<Arena>(row.size() * 2 + 256);
        auto item = decode_item(row, *arena);
        if (item.ok()) events.emplace_back(place, Document(std::move(arena), item->event));
        return true;
      }));
  return events;
}

// --- queries
// -------------------------------------------------------------------------------------------------------

Result<AgentState> EventFlow::agent_state(std::string_view agent, std::string_view key) {
  AgentState state;
  state.agent = agent;
  state.key = key;
  const std::string row = get(keys::agent(keys::kAgentState, agent, key));
  if (!row.empty()) {
    const StoredState stored = decode_state(row);
    state.version = stored.version;
    state.changed_us = stored.changed_us;
    state.run = stored.run;
    auto arena = std::make_shared<Arena>(stored.value.size() * 2 + 64);
    ByteReader in(stored.value);
    const Value value = decode_value(in, *arena);
    state.state = Document(std::move(arena), value);
  }
  const std::string active = get(keys::agent(keys::kAgentRun, agent, key));
  if (active.size() == 16) state.active = RunId::from_bytes(active);
  SY_RETURN_IF_ERROR(
      environment_.store->scan(store::Range::prefix(keys::agent(keys::kAgentQueue, agent, key)),
                               {.limit = kMaxListScan}, [&](std::string_view, std::string_view) {
                                 ++state.queued;
                                 return true;
                               }));
  if (row.empty() && active.empty() && state.queued == 0) {
    return make_error(
        ErrorKind::kNotFound, "agent.no_state",
        "the agent " + std::string(agent) + " keeps nothing under the key '" + std::string(key) + "'", "key");
  }
  return state;
}

Result<std::vector<AgentState>> EventFlow::agent_states(std::string_view agent, std::string_view after,
                                                        size_t limit) {
  std::vector<std::string> found;
  const std::string prefix = keys::named(keys::kAgentState, agent);
  std::string from = prefix;
  if (!after.empty()) from = keys::agent(keys::kAgentState, agent, after) + '\0';
  SY_RETURN_IF_ERROR(environment_.store->scan(store::Range::between(from, store::prefix_end(prefix)),
                                              {.limit = std::clamp<size_t>(limit, 1, kMaxListLimit)},
                                              [&](std::string_view key, std::string_view) {
                                                store::KeyReader reader(key);
                                                reader.tag();
                                                reader.text();
                                                found.push_back(reader.text());
                                                return true;
                                              }));
  std::vector<AgentState> states;
  for (const std::string& key : found) {
    SY_ASSIGN_OR_RETURN(AgentState state, agent_state(agent, key));
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace switchyard::partition
