// Steps that publish events, wait for them, and write what an agent keeps.
#include "interpret/stepper.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::workflow {

/// The event a step publishes. Its id names the step's instance, so that a repetition after a crash is the
/// same event.
Result<Value> Stepper::make_event(StepAddress at) {
  const auto& spec = std::get<EmitSpec>(step(at).spec);
  const Frame& own = frame(at.frame);
  Arena& arena = *own.arena;
  MapBuilder event(arena);
  const std::string id =
      run_.id.to_string() + "/" + step(at).name + (at.frame == 0 ? "" : "." + std::to_string(at.frame));
  event.add("id", Value::string(arena.copy(id)));
  std::string_view source;
  if (spec.source.has_value()) {
    SY_ASSIGN_OR_RETURN(source, evaluate_text(*spec.source, own.slots, arena));
  } else {
    source = arena.copy("/pipelines/" + run_.pipeline->name);
  }
  event.add("source", Value::string(source));
  event.add("type", Value::string(spec.type));
  if (spec.subject.has_value()) {
    SY_ASSIGN_OR_RETURN(const std::string_view subject, evaluate_text(*spec.subject, own.slots, arena));
    event.add("subject", Value::string(subject));
  }
  event.add("time", timestamp_value(now_us_));
  for (const auto& [name, program] : spec.extensions) {
    SY_ASSIGN_OR_RETURN(const std::string_view text, evaluate_text(program, own.slots, arena));
    event.add(name, Value::string(text));
  }
  if (const uint32_t hops = hops_of(run_); hops != 0) event.add("hops", Value::integer(hops));
  if (spec.data.has_value()) {
    SY_ASSIGN_OR_RETURN(const Value data, evaluate(*spec.data, own.slots, arena));
    if (!fits(data)) return too_large("the event's data");
    event.add("data", data);
  }
  return event.build();
}

void Stepper::start_emit(StepAddress at) {
  auto event = make_event(at);
  if (!event.ok()) return fail_attempt(at, event.error());
  const Status published = host_.publish(run_, at, *event, now_us_);
  if (!published.ok()) return fail_attempt(at, published.error());
  MapBuilder result(*frame(at.frame).arena);
  result.add("id", *event->find("id"));
  result.add("source", *event->find("source"));
  complete(at, result.build(), Value());
}

void Stepper::start_listen(StepAddress at) {
  const auto& spec = std::get<ListenSpec>(step(at).spec);
  if (spec.signal.empty() ? take_event(at) : take_signal(at)) return;
  StepWaiting body;
  body.until_us = spec.timeout_us == 0 ? 0 : now_us_ + spec.timeout_us;
  emit(at, body);
}

bool Stepper::take_event(StepAddress at) {
  const auto& spec = std::get<ListenSpec>(step(at).spec);
  for (const auto& [place, document] : host_.heard(run_, at)) {
    const Frame& own = frame(at.frame);
    if (spec.when.has_value()) {
      Arena scratch;
      std::vector<Value> slots = own.slots;
      slots[spec.event_slot] = document.root();
      const auto wanted = evaluate_condition(*spec.when, slots, scratch);
      // An event on which the condition fails is none that is waited for.
      if (!wanted.ok() || !*wanted) continue;
    }
    MapBuilder meta(*own.arena);
    meta.add("offset", Value::integer(static_cast<int64_t>(place.offset)));
    meta.add("index", Value::integer(place.index));
    complete(at, copy_value(document.root(), *own.arena), meta.build());
    return true;
  }
  return false;
}

bool Stepper::take_signal(StepAddress at) {
  const auto& spec = std::get<ListenSpec>(step(at).spec);
  const Frame& own = frame(at.frame);
  for (const PendingSignal& signal : run_.signals) {
    if (signal.name != spec.signal) continue;
    const Value told = signal_value(signal, *own.arena);
    if (spec.when.has_value()) {
      Arena scratch;
      std::vector<Value> slots = own.slots;
      slots[spec.event_slot] = told;
      const auto wanted = evaluate_condition(*spec.when, slots, scratch);
      // A signal on which the condition fails is none that is waited for.
      if (!wanted.ok() || !*wanted) continue;
    }
    MapBuilder meta(*own.arena);
    meta.add("signal", Value::integer(static_cast<int64_t>(signal.number)));
    complete(at, told, meta.build());
    return true;
  }
  return false;
}

void Stepper::start_state(StepAddress at) {
  const Frame& own = frame(at.frame);
  auto value = evaluate(std::get<StateWriteSpec>(step(at).spec).value, own.slots, *own.arena);
  if (!value.ok()) return fail_attempt(at, value.error());
  const auto& schema = run_.pipeline->state->schema;
  if (schema != nullptr) {
    auto normal = schema->normalize(*value, *own.arena);
    if (!normal.ok()) {
      return fail_attempt(at, make_error(ErrorKind::kUnprocessable, "state.bad_value",
                                         "the state does not fit its schema: " + normal.error().message,
                                         "steps." + step_path(run_, at)));
    }
    value = *normal;
  }
  complete(at, *value, Value());
}

Value signal_value(const PendingSignal& signal, Arena& arena) {
  MapBuilder told(arena);
  told.add("payload", copy_value(signal.payload, arena));
  told.add("who", Value::string(arena.copy(signal.who)));
  told.add("at", timestamp_value(signal.at_us));
  return told.build();
}

bool offer_signals(RunState& run, Host& host, int64_t now_us) {
  if (is_final(run.status) || run.paused || run.signals.empty()) return false;
  std::vector<StepAddress> waiting;
  for_each_frame(run, [&](const Frame& frame) {
    const Block& block = run.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      const StepIndex index(static_cast<uint16_t>(block.first.value + i));
      const auto* spec = std::get_if<ListenSpec>(&run.pipeline->steps[index.value].spec);
      if (spec != nullptr && !spec->signal.empty() && frame.steps[i].status == StepStatus::kWaiting)
        waiting.push_back({frame.id, index});
    }
  });
  Stepper stepper(run, host, now_us);
  bool taken = false;
  for (const StepAddress at : waiting) {
    const StepState* state = find_step(run, at);
    if (state != nullptr && state->status == StepStatus::kWaiting) taken |= stepper.take_signal(at);
  }
  if (taken) stepper.advance();
  return taken;
}

bool receive_signal(RunState& run, const SignalReceived& signal, Host& host, int64_t now_us) {
  SY_CHECK(!is_final(run.status));
  if (!host.emit(run, Event{run.id, kNoStep, now_us, signal})) return false;
  offer_signals(run, host, now_us);
  return true;
}

bool offer_events(RunState& run, StepIndex step, Host& host, int64_t now_us) {
  if (is_final(run.status) || run.paused) return false;
  std::vector<StepAddress> waiting;
  for_each_frame(run, [&](const Frame& frame) {
    const Block& block = run.pipeline->blocks[frame.block.value];
    if (block.holds(step) && frame.steps[step.value - block.first.value].status == StepStatus::kWaiting)
      waiting.push_back({frame.id, step});
  });
  Stepper stepper(run, host, now_us);
  bool taken = false;
  for (const StepAddress at : waiting) {
    const StepState* state = find_step(run, at);
    if (state != nullptr && state->status == StepStatus::kWaiting) taken |= stepper.take_event(at);
  }
  if (taken) stepper.advance();
  return taken;
}

void complete_listen(RunState& run, StepAddress at, const Value& event, const Value& meta, Host& host,
                     int64_t now_us) {
  const StepState* state = find_step(run, at);
  SY_CHECK(state != nullptr && state->status == StepStatus::kWaiting);
  Stepper stepper(run, host, now_us);
  Arena& arena = *find_frame(run, at.frame)->arena;
  stepper.complete(at, copy_value(event, arena), copy_value(meta, arena));
  stepper.advance();
}

}  // namespace switchyard::workflow
