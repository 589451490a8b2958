#include "switchyard/workflow/agent.h"

#include <algorithm>
#include <tuple>

#include "interpret/evaluate.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/start.h"

namespace switchyard::workflow {
namespace {

Result<Value> template_value(const std::optional<Template>& text, const Value& slot, Arena& arena) {
  return evaluate(*text, std::span(&slot, 1), arena);
}

/// The key under which a run of this event is counted. One whose input does not fit fails when it starts.
std::optional<std::string> group_of(const Pipeline& pipeline, const Value& event) {
  if (!pipeline.concurrency.has_value()) return std::nullopt;
  Arena arena;
  const auto input = agent_input(pipeline, event, arena);
  if (!input.ok()) return std::nullopt;
  const auto facts = start_facts(pipeline, *input, arena);
  if (!facts.ok()) return std::nullopt;
  return facts->group;
}

}  // namespace

bool wants(const Trigger& trigger, const Value& event) {
  if (!events::matches_any(trigger.patterns, events::attribute(event, "type"))) return false;
  if (!trigger.when.has_value()) return true;
  Arena arena;
  const auto wanted = evaluate_condition(*trigger.when, std::span(&event, 1), arena);
  return wanted.ok() && *wanted;
}

Result<std::string> agent_key(const Trigger& trigger, const Value& event) {
  if (!trigger.key.has_value()) return std::string();
  Arena arena;
  SY_ASSIGN_OR_RETURN(const Value key, trigger.key->evaluate(std::span(&event, 1), arena));
  const std::string text = key.is(Kind::kString) ? std::string(key.as_string()) : to_json(key);
  if (!text.empty() && !key.is_null()) return text;
  return make_error(ErrorKind::kUnprocessable, "agent.no_key", "the event gives no key for the agent",
                    "on.key");
}

Result<Value> agent_input(const Pipeline& pipeline, const Value& event, Arena& arena) {
  Value input;
  if (pipeline.on.has_value() && pipeline.on->input.has_value()) {
    SY_ASSIGN_OR_RETURN(input, template_value(pipeline.on->input, event, arena));
  } else if (const Value* data = event.find("data")) {
    input = *data;
  }
  return input;
}

Result<Value> tick_input(const Pipeline& pipeline, int64_t at_us, uint32_t missed, Arena& arena) {
  MapBuilder tick(arena);
  tick.add("at", timestamp_value(at_us));
  tick.add("missed", Value::integer(missed));
  const Value schedule = tick.build();
  Value input = MapBuilder(arena).build();
  if (pipeline.schedule.has_value() && pipeline.schedule->input.has_value()) {
    SY_ASSIGN_OR_RETURN(input, template_value(pipeline.schedule->input, schedule, arena));
  }
  return input;
}

Result<Value> listens_of(const Pipeline& pipeline, const Value& input, Arena& arena) {
  if (pipeline.listeners.empty()) return Value();
  const Value slots[] = {input, Value()};
  ListBuilder all(arena);
  for (const Listener& listener : pipeline.listeners) {
    MapBuilder each(arena);
    each.add("step", Value::integer(listener.step.value));
    each.add("event", Value::string(listener.pattern));
    std::string_view correlation;
    if (listener.key.has_value()) {
      SY_ASSIGN_OR_RETURN(const Value key, listener.key->evaluate(slots, arena));
      correlation = key.is(Kind::kString) ? key.as_string() : arena.copy(to_json(key));
    }
    each.add("correlation", Value::string(correlation));
    all.add(each.build());
  }
  return all.build();
}

// --- subscriptions
// -------------------------------------------------------------------------------------------------

void Subscriptions::add(const std::vector<std::string>& patterns, Entry entry) {
  const size_t index = entries_.size();
  entries_.push_back(std::move(entry));
  for (const std::string& pattern : patterns) {
    auto& list = events::is_exact(pattern) ? exact_[pattern] : patterns_;
    if (list.empty() || list.back() != index) list.push_back(index);
  }
}

void Subscriptions::add_agent(std::shared_ptr<const Pipeline> pipeline) {
  if (!pipeline->on.has_value()) return;
  const std::vector<std::string>& patterns = pipeline->on->patterns;
  std::string name = pipeline->name;
  add(patterns, {ConsumerKind::kAgent, std::move(name), std::move(pipeline), nullptr, 0});
}

void Subscriptions::add_listeners(const std::shared_ptr<const Pipeline>& pipeline) {
  for (size_t i = 0; i < pipeline->listeners.size(); ++i) {
    const std::string& pattern = pipeline->listeners[i].pattern;
    add({pattern}, {ConsumerKind::kListeners, pattern, pipeline, nullptr, i});
  }
}

void Subscriptions::add_webhook(std::shared_ptr<const events::Webhook> webhook) {
  const std::vector<std::string>& patterns = webhook->patterns;
  std::string name = webhook->name;
  add(patterns, {ConsumerKind::kWebhook, std::move(name), nullptr, std::move(webhook), 0});
}

std::vector<Consumer> Subscriptions::consumers(const Value& event) const {
  const std::string type(events::attribute(event, "type"));
  std::vector<size_t> candidates = patterns_;
  if (const auto exact = exact_.find(type); exact != exact_.end())
    candidates.insert(candidates.end(), exact->second.begin(), exact->second.end());
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::vector<Consumer> consumers;
  for (const size_t index : candidates) {
    const Entry& entry = entries_[index];
    Consumer consumer{entry.kind, entry.name, {}, {}, {}};
    if (entry.kind == ConsumerKind::kWebhook) {
      if (!entry.webhook->wants(event)) continue;
    } else if (entry.kind == ConsumerKind::kAgent) {
      if (!wants(*entry.pipeline->on, event)) continue;
      auto key = agent_key(*entry.pipeline->on, event);
      if (key.ok())
        consumer.key = std::move(*key);
      else
        consumer.error = "its key cannot be found: " + key.error().message;
      consumer.group = group_of(*entry.pipeline, event);
    } else {
      const Listener& listener = entry.pipeline->listeners[entry.listener];
      if (!events::matches(listener.pattern, type)) continue;
      Arena arena;
      if (listener.match.has_value()) {
        const auto found = listener.match->evaluate(std::span(&event, 1), arena);
        // An event that lacks what it would be matched by is meant for nobody who matches so.
        if (!found.ok() || found->is_null()) continue;
        consumer.key = found->is(Kind::kString) ? std::string(found->as_string()) : to_json(*found);
      }
    }
    consumers.push_back(std::move(consumer));
  }
  const auto order = [](const Consumer& a, const Consumer& b) {
    return std::tie(a.kind, a.name, a.key) < std::tie(b.kind, b.name, b.key);
  };
  std::sort(consumers.begin(), consumers.end(), order);
  consumers.erase(
      std::unique(consumers.begin(), consumers.end(),
                  [&](const Consumer& a, const Consumer& b) { return !order(a, b) && !order(b, a); }),
      consumers.end());
  return consumers;
}

}  // namespace switchyard::workflow
