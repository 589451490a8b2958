#include "interpret/frames.h"
#include "switchyard/workflow/run.h"

namespace switchyard::workflow {

std::string_view run_status_name(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning: return "running";
    case RunStatus::kWaiting: return "waiting";
    case RunStatus::kCompleted: return "completed";
    case RunStatus::kFailed: return "failed";
    case RunStatus::kCancelled: return "cancelled";
    case RunStatus::kPaused: return "paused";
    case RunStatus::kQueued: return "queued";
  }
  return "unknown";
}

Result<RunStatus> parse_run_status(std::string_view name) {
  for (const auto status :
       {RunStatus::kRunning, RunStatus::kWaiting, RunStatus::kCompleted, RunStatus::kFailed,
        RunStatus::kCancelled, RunStatus::kPaused, RunStatus::kQueued}) {
    if (run_status_name(status) == name) return status;
  }
  return make_error(
      ErrorKind::kInvalidArgument, "workflow.unknown_status",
      "'" + std::string(name) +
          "' is no status; use queued, running, waiting, paused, completed, failed or cancelled",
      "status");
}

void attach(Pin& pin, const Catalog& catalog) {
  if (pin.kind == ArtefactKind::kRules) pin.table = catalog.rules(pin.name, pin.version);
  if (pin.kind == ArtefactKind::kPrompt) pin.prompt = catalog.prompt(pin.name, pin.version);
}

const Pin* Pins::find(ArtefactKind kind, std::string_view name) const {
  for (const Pin& pin : pins)
    if (pin.kind == kind && pin.name == name) return &pin;
  return nullptr;
}

const Pin* Pins::find_model(std::string_view name) const {
  const Pin* route = find(ArtefactKind::kRoute, name);
  return route != nullptr ? route : find(ArtefactKind::kModel, name);
}

std::unique_ptr<RunState> make_run(RunId id, std::shared_ptr<const Pipeline> pipeline,
                                   std::shared_ptr<const Pins> pins, std::shared_ptr<Arena> arena) {
  auto run = std::make_unique<RunState>();
  run->id = id;
  run->pipeline = std::move(pipeline);
  run->pins = std::move(pins);
  run->arena = std::move(arena);
  run->root.arena = run->arena;
  run->root.steps.resize(run->pipeline->blocks[0].count);
  rebuild(*run);
  return run;
}

Frame* find_frame(RunState& run, uint32_t id) {
  if (id == 0) return &run.root;
  const auto found = run.frames.find(id);
  return found == run.frames.end() ? nullptr : &found->second;
}

StepState* find_step(RunState& run, StepAddress at) {
  Frame* frame = find_frame(run, at.frame);
  if (frame == nullptr) return nullptr;
  const Block& block = run.pipeline->blocks[frame->block.value];
  return block.holds(at.step) ? &frame->steps[at.step.value - block.first.value] : nullptr;
}

std::string step_path(const RunState& run, StepAddress at) {
  std::string path = run.pipeline->steps[at.step.value].name;
  const Frame* frame = find_frame(run, at.frame);
  while (frame != nullptr && frame->id != 0) {
    std::string part;
    if (frame->owner != kNoStep) part = run.pipeline->steps[frame->owner].name;
    switch (run.pipeline->blocks[frame->block.value].role) {
      case Block::Role::kItem:
      case Block::Role::kRound: part += '[' + std::to_string(frame->iteration) + ']'; break;
      case Block::Role::kCatch: part += ".catch"; break;
      case Block::Role::kFinally: part += part.empty() ? "finally" : ".finally"; break;
      case Block::Role::kCompensation: part += ".compensate"; break;
      default: break;
    }
    path = part + '.' + path;
    frame = find_frame(run, frame->parent);
  }
  return path;
}

namespace {

/// Keeps the arena of the parent's frame: values of a nested frame may point there.
struct NestedArena {
  std::shared_ptr<Arena> outer;
  Arena own{512};
};

/// An item of a list, a member of a map as { key, value }.
Value item_at(const Value& items, uint32_t iteration, Arena& arena) {
  if (items.is(Kind::kList)) return items.items()[iteration];
  const Member& member = items.members()[iteration];
  MapBuilder item(arena);
  item.add("key", member.key);
  item.add("value", member.value);
  return item.build();
}

/// What a block declares beside its steps.
void set_variables(RunState& run, Frame& frame, const Block& block) {
  const StepAddress owner{frame.parent, StepIndex(frame.owner)};
  const auto set = [&frame](uint32_t slot, const Value& value) {
    if (slot != Block::kNoSlot) frame.slots[slot] = value;
  };
  set(block.index_slot, Value::integer(frame.iteration));
  switch (block.role) {
    case Block::Role::kItem: {
      const Value* items = container_items(run, owner);
      SY_CHECK(items != nullptr && frame.iteration < item_count(*items));
      return set(block.value_slot, item_at(*items, frame.iteration, *frame.arena));
    }
    case Block::Role::kRound: return set(block.value_slot, find_step(run, owner)->container->carry);
    case Block::Role::kCatch: {
      const RunError& error = *find_step(run, owner)->container->error;
      return set(block.value_slot, error_value(error, *frame.arena));
    }
    case Block::Role::kFinally: {
      if (block.value_slot == Block::kNoSlot) return;
      return set(block.value_slot, frame.owner == kNoStep ? outcome_value(run, *frame.arena) : Value());
    }
    default: return;
  }
}

}  // namespace

Value run_facts(const RunState& run, Arena& arena) {
  MapBuilder facts(arena);
  facts.add("id", Value::string(arena.copy(run.id.to_string())));
  const int64_t us = run.started_us;
  facts.add("started_at", Value::timestamp(us / 1'000'000, static_cast<int32_t>(us % 1'000'000) * 1000));
  facts.add("seed", Value::integer(static_cast<int64_t>(run.seed >> 1)));
  facts.add("pipeline", Value::string(run.pipeline->name));
  facts.add("version", Value::string(run.pipeline->version));
  return facts.build();
}

uint32_t item_count(const Value& items) {
  return static_cast<uint32_t>(items.is(Kind::kList) ? items.items().size() : items.members().size());
}

const Value* container_items(RunState& run, StepAddress at) {
  StepState* state = find_step(run, at);
  SY_CHECK(state != nullptr && state->container != nullptr);
  Container& container = *state->container;
  if (!container.items.has_value()) {
    Frame& frame = *find_frame(run, at.frame);
    const auto& spec = std::get<ForEachSpec>(run.pipeline->steps[at.step.value].spec);
    auto items = spec.items.evaluate(frame.slots, *frame.arena);
    if (!items.ok() || !(items->is(Kind::kList) || items->is(Kind::kMap))) return nullptr;
    container.items = *items;
  }
  return &*container.items;
}

Value error_value(const RunError& error, Arena& arena) {
  MapBuilder map(arena);
  map.add("kind", Value::string(error_kind_name(error.kind)));
  map.add("code", Value::string(arena.copy(error.code)));
  map.add("message", Value::string(arena.copy(error.message)));
  map.add("field", Value::string(arena.copy(error.field)));
  return map.build();
}

Value outcome_value(const RunState& run, Arena& arena) {
  MapBuilder map(arena);
  const Ending ending = run.unwinding.value_or(Ending::kCompleted);
  map.add("status", Value::string(ending == Ending::kCompleted ? "completed"
                                  : ending == Ending::kFailed  ? "failed"
                                                               : "cancelled"));
  if (ending != Ending::kCompleted) map.add("error", error_value(run.error, arena));
  return map.build();
}

std::shared_ptr<Arena> nested_arena(std::shared_ptr<Arena> outer) {
  auto nested = std::make_shared<NestedArena>();
  nested->outer = std::move(outer);
  Arena* own = &nested->own;
  return std::shared_ptr<Arena>(std::move(nested), own);
}

void set_slot(RunState& run, Frame& frame, StepIndex index) {
  const Block& block = run.pipeline->blocks[frame.block.value];
  const Step& step = run.pipeline->steps[index.value];
  StepState& state = frame.steps[index.value - block.first.value];
  Value& slot = frame.slots[slot_of(index)];
  if (state.status == StepStatus::kCompleted) {
    slot = step.may_be_absent ? Value::optional(&state.result) : state.result;
  } else {
    slot = step.may_be_absent ? Value::none() : Value::null();
  }
}

Value pinned_state(const RunState& run) {
  const Value* state = run.origin.is(Kind::kMap) ? run.origin.find("state") : nullptr;
  return state != nullptr ? *state : run.pipeline->state->initial.root();
}

uint32_t hops_of(const RunState& run) {
  const Value* hops = run.origin.is(Kind::kMap) ? run.origin.find("hops") : nullptr;
  return hops != nullptr && hops->is(Kind::kInteger) ? static_cast<uint32_t>(hops->as_integer()) + 1 : 0;
}

void fill_slots(RunState& run, Frame& frame) {
  const Block& block = run.pipeline->blocks[frame.block.value];
  if (frame.id == 0) {
    frame.slots.assign(run.pipeline->slot_count, Value());
    frame.slots[kSlotInput] = run.input;
    if (run.pipeline->state.has_value()) frame.slots[run.pipeline->state->slot] = pinned_state(run);
    if (run.pipeline->uses_run && run.started_us != 0) frame.slots[kSlotRun] = run_facts(run, *run.arena);
  } else if (block.role == Block::Role::kCompensation) {
    frame.slots.assign(run.pipeline->slot_count, Value());
    frame.slots[kSlotInput] = run.input;
    frame.slots[kSlotRun] = run.root.slots[kSlotRun];
    if (run.pipeline->state.has_value())
      frame.slots[run.pipeline->state->slot] = run.root.slots[run.pipeline->state->slot];
    for (const auto& [slot, value] : run.compensations[frame.iteration].captured) frame.slots[slot] = value;
  } else {
    frame.slots = find_frame(run, frame.parent)->slots;
    set_variables(run, frame, block);
  }
  for (uint16_t i = 0; i < block.count; ++i) {
    const StepIndex index(static_cast<uint16_t>(block.first.value + i));
    set_slot(run, frame, index);
    StepState& state = frame.steps[i];
    state.in_flight = false;
    const auto& needs = run.pipeline->steps[index.value].needs;
    uint16_t open = 0;
    for (const StepIndex need : needs) {
      if (!is_settled(frame.steps[need.value - block.first.value].status)) ++open;
    }
    state.open_needs = open;
    const bool runnable = state.status == StepStatus::kStarted ||
                          (state.status == StepStatus::kPending && state.open_needs == 0);
    if (runnable && !is_final(run.status)) run.ready.insert({frame.id, index});
  }
}

void rebuild(RunState& run) {
  run.ready.clear();
  run.resumed = true;
  for_each_frame(run, [&run](Frame& frame) { fill_slots(run, frame); });
}

}  // namespace switchyard::workflow
