// emit: publishes an event. listen: waits for one. state: what an agent keeps under its key.
#include <algorithm>

#include "../agents.h"
#include "../names.h"
#include "../schemas.h"
#include "../template.h"
#include "steps.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/events/consumers.h"

namespace switchyard::workflow::compiler {

using expression::Type;

namespace {

/// The names CloudEvents give a meaning, and those that are ours.
bool is_free_extension(const std::string& name) {
  static constexpr std::string_view kTaken[] = {"id",   "source", "type", "specversion",     "subject",
                                                "time", "data",   "hops", "datacontenttype", "dataschema"};
  return events::is_attribute_name(name) &&
         std::find(std::begin(kTaken), std::end(kTaken), name) == std::end(kTaken);
}

void read_extensions(StepInput& in, const Place& place, EmitSpec& spec) {
  Context& context = in.context;
  if (!place.node->is(document::Node::Kind::kMapping)) {
    context.error(place, "pipeline.not_a_mapping",
                  "`extensions` must be a mapping, and this is " + place.node->describe(),
                  "write extensions: { partitionkey: input.customer }");
    return;
  }
  for (const auto& entry : place.node->entries) {
    const Place at = place.entry(entry);
    if (!is_free_extension(entry.key)) {
      context.error_at(entry.position, at.path, "pipeline.bad_name",
                       "'" + entry.key + "' is no name of an extension attribute",
                       "write small letters and digits only; id, hops and the like are the server's");
    }
    auto program = context.expression(at, Type::string(), "`" + entry.key + "`");
    if (program.has_value()) spec.extensions.emplace_back(entry.key, std::move(*program));
  }
}

}  // namespace

bool compile_emit(StepInput& in) {
  Context& context = in.context;
  in.step.effect = EffectClass::kPure;
  in.step.result_type = Type::object({{"id", Type::string()}, {"source", Type::string()}});
  EmitSpec spec;
  Fields fields(context, in.place, "`emit`");
  const auto event = fields.require("event", "say what happened: event: order.approved");
  const auto data = fields.find("data");
  const auto subject = fields.find("subject");
  const auto source = fields.find("source");
  const auto extensions = fields.find("extensions");
  fields.finish();
  if (!fields.is_mapping()) return false;
  if (event.has_value()) {
    if (event->node->is(document::Node::Kind::kString) && events::is_pattern(event->node->text) &&
        events::is_exact(event->node->text))
      spec.type = event->node->text;
    else
      context.error(*event, "pipeline.bad_event_type", event->node->describe() + " is no type of an event",
                    "write one type, such as order.approved");
  }
  if (subject.has_value()) spec.subject = context.expression(*subject, Type::string(), "`subject`");
  if (source.has_value()) spec.source = context.expression(*source, Type::string(), "`source`");
  if (extensions.has_value()) read_extensions(in, *extensions, spec);
  const auto registered = spec.type.empty() ? nullptr : context.resolver().event_type(spec.type);
  const Type* expected = registered == nullptr ? nullptr : &registered->data_type;
  if (data.has_value()) {
    const std::string whose = "the event type '" + spec.type + "'";
    spec.data = compile_template(context, *data, expected, whose);
    if (spec.data.has_value() && expected != nullptr)
      check_fits(context, *data, *spec.data, *expected, whose);
  } else if (registered != nullptr && !registered->schema->accepts(Value())) {
    context.error(in.place, "pipeline.missing",
                  "events of '" + spec.type + "' have data, and this one has none", "add data: { ... }");
  }
  if (context.collecting()) return false;
  context.agent().emits.push_back(spec.type);
  const bool complete = !spec.type.empty() && data.has_value() == spec.data.has_value() &&
                        subject.has_value() == spec.subject.has_value() &&
                        source.has_value() == spec.source.has_value();
  in.step.spec = std::move(spec);
  return complete;
}

namespace {

/// Reads `when` over the scope and one more name: what has come.
bool read_when(StepInput& in, const std::optional<Place>& when, const char* name, const Type& type,
               ListenSpec& spec) {
  Context& context = in.context;
  spec.event_slot = context.agent().event_slot;
  if (!when.has_value()) return true;
  const std::string quoted = "'" + std::string(name) + "'";
  if (context.is_visible(name)) {
    context.error(
        *when, "pipeline.hidden_name",
        "`when` reads the " + std::string(name) + " as " + quoted + ", and a step has that name already",
        "give the step another name");
    return false;
  }
  context.push_scope({{name, spec.event_slot, type, std::nullopt}});
  spec.when = context.expression(*when, Type::boolean(), "`when`");
  context.pop_scope();
  return spec.when.has_value();
}

/// Notes who listens to the signal; all who listen to one name must mean the same.
bool note_signal(StepInput& in, const Place& place, Signal signal) {
  Context& context = in.context;
  auto& known = context.agent().signals;
  const auto other =
      std::find_if(known.begin(), known.end(), [&](const Signal& each) { return each.name == signal.name; });
  if (other == known.end()) {
    known.push_back(std::move(signal));
    return true;
  }
  if (other->schema_json != signal.schema_json) {
    context.error(place, "pipeline.bad_listen",
                  "another step listens to the signal '" + signal.name + "' with another schema",
                  "give both the same schema, or the signals different names");
    return false;
  }
  other->steps.push_back(in.step.index);
  return true;
}

bool compile_listen_to_signal(StepInput& in, Fields& fields, const Place& name) {
  Context& context = in.context;
  ListenSpec spec;
  Signal signal;
  signal.steps.push_back(in.step.index);
  const auto schema = fields.find("schema");
  const auto when = fields.find("when");
  const auto timeout = fields.find("timeout");
  for (const char* of_events : {"event", "key", "match"}) {
    const auto place = fields.find(of_events);
    if (!place.has_value()) continue;
    context.error(
        *place, "pipeline.bad_listen",
        "a step listens to a signal or to events, and `" + std::string(of_events) + "` is of events",
        "remove it: a signal is sent to one run, by its id");
  }
  fields.finish();
  if (name.node->is(document::Node::Kind::kString) && is_step_name(name.node->text))
    signal.name = name.node->text;
  else
    context.error(name, "pipeline.bad_signal", name.node->describe() + " is no name of a signal",
                  "write small letters, digits and underscores: signal: documents");
  bool complete = !signal.name.empty();
  if (schema.has_value()) {
    auto loaded = load_schema(context, *schema, "the schema of the signal");
    signal.type = loaded.has_value() ? loaded->type : Type::error();
    if (loaded.has_value()) {
      signal.schema = loaded->schema;
      signal.schema_json = loaded->json;
    }
    complete &= loaded.has_value();
  }
  const Type type =
      Type::object({{"payload", signal.type}, {"who", Type::string()}, {"at", Type::timestamp()}});
  in.step.result_type = type;
  spec.signal = signal.name;
  complete &= read_when(in, when, "signal", type, spec);
  if (timeout.has_value()) {
    spec.timeout_us = read_duration(context, *timeout, "`timeout`").value_or(0);
    complete &= spec.timeout_us != 0;
  }
  if (context.collecting()) return false;
  if (complete) complete = note_signal(in, name, std::move(signal));
  in.step.spec = std::move(spec);
  return complete;
}

}  // namespace

bool compile_listen(StepInput& in) {
  Context& context = in.context;
  in.step.effect = EffectClass::kPure;
  ListenSpec spec;
  Fields fields(context, in.place, "`listen`");
  if (const auto signal = fields.find("signal")) return compile_listen_to_signal(in, fields, *signal);
  const auto event =
      fields.require("event",
                     "say what it waits for: event: order.paid, or signal: documents for what is "
                     "sent to this run alone");
  const auto key = fields.find("key");
  const auto match = fields.find("match");
  const auto when = fields.find("when");
  const auto timeout = fields.find("timeout");
  fields.finish();
  if (!fields.is_mapping()) return false;
  Listener listener;
  listener.step = in.step.index;
  if (event.has_value()) {
    if (event->node->is(document::Node::Kind::kString) && events::is_pattern(event->node->text))
      listener.pattern = event->node->text;
    else
      context.error(*event, "pipeline.bad_event_type", event->node->describe() + " is no type of events",
                    "write a type such as order.paid, all below one (\"order.*\"), or \"*\"");
  }
  const Type type = event_type_of(context, {listener.pattern});
  in.step.result_type = type;
  if (key.has_value() != match.has_value()) {
    context.error(
        in.place, "pipeline.bad_listen",
        key.has_value() ? "`key` is there and `match` is missing" : "`match` is there and `key` is missing",
        "an event is for this run when `match`, read from the event, equals `key`, read from the input: "
        "key: input.order, match: event.data.order");
  }
  if (key.has_value())
    listener.key = context.expression(*key, Type::string(), "`key`", Context::Scope::kInputOnly);
  if (match.has_value())
    listener.match = compile_over_event(context, *match, type, Type::string(), "`match`");
  read_when(in, when, "event", type, spec);
  if (timeout.has_value()) spec.timeout_us = read_duration(context, *timeout, "`timeout`").value_or(0);
  if (context.collecting()) return false;
  const bool complete = !listener.pattern.empty() && when.has_value() == spec.when.has_value() &&
                        key.has_value() == match.has_value() && key.has_value() == listener.key.has_value() &&
                        match.has_value() == listener.match.has_value() &&
                        (!timeout.has_value() || spec.timeout_us != 0);
  context.agent().listeners.push_back(std::move(listener));
  in.step.spec = std::move(spec);
  return complete;
}

bool compile_state(StepInput& in) {
  Context& context = in.context;
  in.step.effect = EffectClass::kPure;
  const auto& state = context.agent().state;
  if (!state.has_value()) {
    context.error(in.place, "pipeline.no_state", "this pipeline keeps no state",
                  "add state: { schema: ..., initial: ... } at the top of the document, and on: with a key");
  }
  const Type* expected = state.has_value() && !state->is_error() ? &*state : nullptr;
  auto value = compile_template(context, in.place, expected, "the state");
  in.step.result_type = expected != nullptr ? *expected : Type::error();
  if (!value.has_value() || expected == nullptr) return false;
  if (!check_fits(context, in.place, *value, *expected, "the state")) return false;
  in.step.spec = StateWriteSpec{std::move(*value)};
  return true;
}

}  // namespace switchyard::workflow::compiler
