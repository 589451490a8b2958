#include "agents.h"

#include <algorithm>

#include "../limits.h"
#include "names.h"
#include "schemas.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/events/consumers.h"
#include "switchyard/events/limits.h"
#include "switchyard/schedule/schedule.h"
#include "switchyard/types/json.h"
#include "template.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;

/// A scope with one name and nothing else, while it lives.
class OnlyName {
 public:
  OnlyName(Context& context, std::string name, Type type) : context_(context) {
    expression::Environment environment;
    environment.declare(std::move(name), std::move(type));
    context_.push_environment(std::move(environment));
  }
  ~OnlyName() { context_.pop_scope(); }
  OnlyName(const OnlyName&) = delete;
  OnlyName& operator=(const OnlyName&) = delete;

 private:
  Context& context_;
};

}  // namespace

std::vector<std::string> read_patterns(Context& context, const Place& place) {
  std::vector<std::string> patterns;
  std::vector<Place> places;
  if (place.node->is(Node::Kind::kSequence))
    for (size_t i = 0; i < place.node->items.size(); ++i) places.push_back(place.item(i));
  else
    places.push_back(place);
  if (places.empty() || places.size() > events::kMaxPatterns) {
    context.error(place, "pipeline.bad_events",
                  "`event` names 1 to " + std::to_string(events::kMaxPatterns) + " types of events",
                  "write event: order.placed, or event: [order.placed, \"payment.*\"]");
  }
  for (const Place& each : places) {
    if (each.node->is(Node::Kind::kString) && events::is_pattern(each.node->text)) {
      patterns.push_back(each.node->text);
      continue;
    }
    context.error(each, "pipeline.bad_event_type", each.node->describe() + " is no type of events",
                  "write a type such as order.placed, all below one (\"order.*\"), or \"*\"");
  }
  return patterns;
}

Type event_type_of(Context& context, const std::vector<std::string>& patterns) {
  const events::EventTypes types = [&context](std::string_view type) {
    return context.resolver().event_type(std::string(type));
  };
  return events::type_of_events(patterns, types, nullptr);
}

std::optional<expression::Program> compile_over_event(Context& context, const Place& place, const Type& event,
                                                      const Type& expected, const std::string& whose) {
  const OnlyName scope(context, "event", event);
  return context.expression(place, expected, whose);
}

AgentCompiler::AgentCompiler(Context& context, Fields& fields, Pipeline& pipeline)
    : context_(context),
      pipeline_(pipeline),
      on_(fields.find("on")),
      state_(fields.find("state")),
      schedule_(fields.find("schedule")) {}

// --- state
// ---------------------------------------------------------------------------------------------------------

void AgentCompiler::compile_state() {
  if (!state_.has_value()) return;
  StateSpec state;
  Fields fields(context_, *state_, "`state`");
  const auto schema =
      fields.require("schema", "say what is kept: schema: { type: object, properties: { ... } }");
  const auto initial =
      fields.require("initial", "say what is there before the first write: initial: { count: 0 }");
  fields.finish();
  state.type = Type::error();
  if (schema.has_value()) {
    auto loaded = load_schema(context_, *schema, "the state's schema");
    if (loaded.has_value()) {
      state.schema = loaded->schema;
      state.type = loaded->type;
    }
  }
  if (initial.has_value()) {
    auto arena = std::make_shared<Arena>(512);
    Value value = document::to_value(*initial->node, *arena);
    if (state.schema != nullptr) {
      const auto normal = state.schema->normalize(value, *arena);
      if (normal.ok())
        value = *normal;
      else
        context_.error(*initial, "pipeline.bad_initial_state",
                       "the initial state does not fit the schema: " + normal.error().message,
                       "write a value that the schema accepts");
    }
    state.initial = Document(std::move(arena), value);
  }
  if (!on_.has_value() || !on_->node->is(Node::Kind::kMapping) || on_->node->find("key") == nullptr) {
    context_.error(*state_, "pipeline.state_without_key",
                   "a state is kept under the key of an agent, and this pipeline has no `on` with a `key`",
                   "add on: { event: order.placed, key: event.subject }");
  }
  pipeline_.state = std::move(state);
}

// --- on
// ------------------------------------------------------------------------------------------------------------

void AgentCompiler::compile_starts() {
  if (on_.has_value()) compile_on(*on_);
  if (schedule_.has_value()) compile_schedule(*schedule_);
}

void AgentCompiler::compile_on(const Place& place) {
  Trigger trigger;
  if (place.node->is(Node::Kind::kString)) {
    trigger.patterns = read_patterns(context_, place);
    check_data_as_input(place, event_type_of(context_, trigger.patterns));
    pipeline_.on = std::move(trigger);
    return;
  }
  Fields fields(context_, place, "`on`");
  const auto event = fields.require("event", "say which events: event: order.placed");
  const auto when = fields.find("when");
  const auto key = fields.find("key");
  const auto input = fields.find("input");
  fields.finish();
  if (!fields.is_mapping()) return;
  if (event.has_value()) trigger.patterns = read_patterns(context_, *event);
  const Type type = event_type_of(context_, trigger.patterns);
  {
    const OnlyName scope(context_, "event", type);
    if (when.has_value()) trigger.when = context_.expression(*when, Type::boolean(), "`when`");
    if (key.has_value()) trigger.key = context_.expression(*key, Type::string(), "`key`");
    if (input.has_value()) {
      const Type* expected = pipeline_.input != nullptr ? &pipeline_.input_type : nullptr;
      trigger.input = compile_template(context_, *input, expected, "the pipeline's input");
      if (trigger.input.has_value() && expected != nullptr)
        check_fits(context_, *input, *trigger.input, *expected, "the pipeline's input");
    }
  }
  if (!input.has_value()) check_data_as_input(place, type);
  pipeline_.on = std::move(trigger);
}

/// Without `input` the event's data are the input: where both are known they must fit.
void AgentCompiler::check_data_as_input(const Place& place, const Type& event) {
  const auto* data = event.find_field("data");
  if (data == nullptr || data->type.is_dyn() || pipeline_.input == nullptr || pipeline_.input_type.is_error())
    return;
  if (expression::is_assignable(data->type, pipeline_.input_type)) return;
  context_.error(place, "pipeline.event_does_not_fit",
                 "the event's data are " + data->type.to_string() + ", and the pipeline's input is " +
                     pipeline_.input_type.to_string(),
                 "say what the input is made of: on: { event: ..., input: { ... } }");
}

// --- schedule
// ------------------------------------------------------------------------------------------------------

bool AgentCompiler::read_rhythm(Fields& fields, const Place& place, ScheduleSpec& spec) {
  const auto every = fields.find("every");
  const auto cron = fields.find("cron");
  const auto zone = fields.find("zone");
  if (every.has_value() == cron.has_value()) {
    context_.error(
        place, "pipeline.bad_schedule",
        every.has_value() ? "a schedule has `every` or `cron`, not both" : "the schedule does not say when",
        "write every: 15m, or cron: \"0 3 * * *\" with zone: Europe/Berlin");
    return false;
  }
  const auto next = [](int64_t us) { return us == schedule::kNever ? 0 : us; };
  if (every.has_value()) {
    if (zone.has_value())
      context_.error(*zone, "pipeline.bad_schedule", "`every` counts from 1970 in UTC and has no zone",
                     "remove the zone, or write cron");
    auto period = schedule::parse_every(every->node->text);
    if (!period.ok()) {
      context_.error(*every, period.error().code, period.error().message,
                     "write a period such as 30s, 15m, 1h or 1d");
      return false;
    }
    spec.text = "every " + every->node->text;
    spec.next_after_us = [next, period = *period](int64_t us) { return next(period.next_after_us(us)); };
    return true;
  }
  const std::string zone_name = zone.has_value() ? zone->node->text : "UTC";
  auto parsed = schedule::parse_cron(cron->node->text, zone_name);
  if (!parsed.ok()) {
    const bool of_zone = zone.has_value() && parsed.error().field == "zone";
    context_.error(of_zone ? *zone : *cron, parsed.error().code, parsed.error().message,
                   of_zone ? "write a name of the IANA database: Europe/Berlin"
                           : "write minute, hour, day of month, month, day of week: 0 3 * * *");
    return false;
  }
  spec.text = "cron " + cron->node->text + " " + zone_name;
  spec.next_after_us = [next, parsed = *parsed](int64_t us) { return next(parsed.next_after_us(us)); };
  return true;
}

void AgentCompiler::compile_schedule(const Place& place) {
  ScheduleSpec spec;
  Fields fields(context_, place, "`schedule`");
  if (!fields.is_mapping()) return;
  const bool rhythm = read_rhythm(fields, place, spec);
  if (const auto missed = fields.find("missed")) {
    const std::string& word = missed->node->text;
    if (word == "skip")
      spec.missed = ScheduleSpec::Missed::kSkip;
    else if (word == "all")
      spec.missed = ScheduleSpec::Missed::kAll;
    else if (word != "one")
      context_.error(*missed, "pipeline.bad_schedule",
                     "`missed` says what happens to ticks of a time in which the "
                     "server was down, and " +
                         missed->node->describe() + " is no answer",
                     "write skip (none), one (one run for all of them, the default) or all (a run for each)");
  }
  const auto input = fields.find("input");
  fields.finish();
  {
    const OnlyName scope(context_, "schedule",
                         Type::object({{"at", Type::timestamp()}, {"missed", Type::integer()}}));
    const Type* expected = pipeline_.input != nullptr ? &pipeline_.input_type : nullptr;
    if (input.has_value()) {
      spec.input = compile_template(context_, *input, expected, "the pipeline's input");
      if (spec.input.has_value() && expected != nullptr)
        check_fits(context_, *input, *spec.input, *expected, "the pipeline's input");
    }
  }
  if (!input.has_value() && pipeline_.input != nullptr) {
    Arena arena;
    const auto empty = pipeline_.input->normalize(MapBuilder(arena).build(), arena);
    if (!empty.ok())
      context_.error(place, "pipeline.schedule_without_input",
                     "a scheduled run has the input {}, and that does not fit: " + empty.error().message,
                     "add input: { day: schedule.at }");
  }
  if (rhythm) pipeline_.schedule = std::move(spec);
}

}  // namespace switchyard::workflow::compiler
