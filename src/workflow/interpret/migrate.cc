// How a run comes under another version of its pipeline. What stands in the way is in obstacles.cc.
#include "switchyard/workflow/migrate.h"

#include <algorithm>
#include <utility>

#include "interpret/frames.h"
#include "interpret/migrate.h"
#include "interpret/stepper.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/agent.h"

namespace switchyard::workflow {
namespace {

/// Blocks of a step that have the same role are found by their order.
void map_blocks(const Pipeline& from, const Pipeline& to, BlockIndex of, BlockIndex at, VersionMap& map);

void map_nested(const Pipeline& from, const Pipeline& to, const std::vector<BlockIndex>& of,
                const std::vector<BlockIndex>& at, VersionMap& map) {
  for (size_t i = 0; i < of.size(); ++i) {
    const Block::Role role = from.blocks[of[i].value].role;
    const auto nth = std::count_if(of.begin(), of.begin() + static_cast<ptrdiff_t>(i),
                                   [&](BlockIndex b) { return from.blocks[b.value].role == role; });
    ptrdiff_t seen = 0;
    for (const BlockIndex candidate : at) {
      if (to.blocks[candidate.value].role != role || seen++ != nth) continue;
      map_blocks(from, to, of[i], candidate, map);
    }
  }
}

void map_blocks(const Pipeline& from, const Pipeline& to, BlockIndex of, BlockIndex at, VersionMap& map) {
  map.blocks[of.value] = at.value;
  const Block& old_block = from.blocks[of.value];
  const Block& new_block = to.blocks[at.value];
  for (uint16_t i = 0; i < old_block.count; ++i) {
    const Step& old_step = from.steps[old_block.first.value + i];
    for (uint16_t j = 0; j < new_block.count; ++j) {
      const Step& new_step = to.steps[new_block.first.value + j];
      if (new_step.name != old_step.name) continue;
      map.steps[old_step.index.value] = new_step.index.value;
      if (old_step.kind == new_step.kind) map_nested(from, to, old_step.blocks, new_step.blocks, map);
      if (old_step.compensation.has_value() && new_step.compensation.has_value())
        map_blocks(from, to, *old_step.compensation, *new_step.compensation, map);
    }
  }
}

void move_container(Container& container, const VersionMap& map) {
  container.items.reset();
  if (container.last_block < map.blocks.size() && map.blocks[container.last_block] != kNoStep)
    container.last_block = map.blocks[container.last_block];
}

/// The steps of a frame, in their new places. What has no place had not begun.
void move_frame(Frame& frame, const Pipeline& from, const Pipeline& to, const VersionMap& map) {
  const Block& old_block = from.blocks[frame.block.value];
  SY_CHECK(map.blocks[frame.block.value] != kNoStep);
  frame.block = BlockIndex(map.blocks[frame.block.value]);
  const Block& new_block = to.blocks[frame.block.value];
  std::vector<StepState> steps(new_block.count);
  frame.settled = 0;
  for (uint16_t i = 0; i < old_block.count; ++i) {
    StepState& state = frame.steps[i];
    const uint16_t place = map.steps[old_block.first.value + i];
    if (place == kNoStep) {
      SY_CHECK(state.status == StepStatus::kPending);
      continue;
    }
    if (state.container != nullptr) move_container(*state.container, map);
    if (is_settled(state.status)) ++frame.settled;
    steps[place - new_block.first.value] = std::move(state);
  }
  frame.steps = std::move(steps);
  if (frame.owner != kNoStep) frame.owner = map.steps[frame.owner];
}

std::shared_ptr<Pins> pins_of(GovernanceOffset governance, const std::vector<PinView>& views,
                              const Catalog& catalog) {
  auto pins = std::make_shared<Pins>();
  pins->governance = governance;
  for (const PinView& view : views) {
    Pin pin{view.kind, std::string(view.name), std::string(view.version), view.sha256, nullptr, nullptr};
    attach(pin, catalog);
    pins->pins.push_back(std::move(pin));
  }
  return pins;
}

/// What the run listens for from now on, and which step's events each listener takes over.
Result<Value> listens_after(const RunState& run, const Pipeline& to, const VersionMap& map,
                            const Value& input, Arena& arena) {
  SY_ASSIGN_OR_RETURN(const Value now, listens_of(to, input, arena));
  if (now.is_null()) return now;
  SY_ASSIGN_OR_RETURN(const Value before, listens_of(*run.pipeline, run.input, arena));
  ListBuilder all(arena);
  for (const Value& each : now.items()) {
    MapBuilder entry(arena);
    for (const Member& member : each.members()) entry.add(member.key, member.value);
    if (before.is(Kind::kList)) {
      for (const Value& old : before.items()) {
        const int64_t was = old.find("step")->as_integer();
        const bool same = identical(*old.find("event"), *each.find("event")) &&
                          identical(*old.find("correlation"), *each.find("correlation"));
        if (same && map.steps[static_cast<size_t>(was)] == each.find("step")->as_integer())
          entry.add("was", Value::integer(was));
      }
    }
    all.add(entry.build());
  }
  return all.build();
}

}  // namespace

VersionMap map_versions(const Pipeline& from, const Pipeline& to) {
  VersionMap map;
  map.steps.assign(from.steps.size(), kNoStep);
  map.blocks.assign(from.blocks.size(), kNoStep);
  map_blocks(from, to, BlockIndex(0), BlockIndex(0), map);
  if (from.finally.has_value() && to.finally.has_value())
    map_blocks(from, to, *from.finally, *to.finally, map);
  return map;
}

std::vector<uint32_t> map_slots(const Pipeline& from, const Pipeline& to, const VersionMap& map) {
  std::vector<uint32_t> slots(from.slot_count, kNoSlot);
  slots[kSlotInput] = kSlotInput;
  slots[kSlotRun] = kSlotRun;
  for (size_t i = 0; i < map.steps.size(); ++i)
    if (map.steps[i] != kNoStep) slots[kSlotSteps + i] = slot_of(StepIndex(map.steps[i]));
  for (size_t i = 0; i < map.blocks.size(); ++i) {
    if (map.blocks[i] == kNoStep) continue;
    const Block& old_block = from.blocks[i];
    const Block& new_block = to.blocks[map.blocks[i]];
    const auto same = [&](uint32_t old_slot, uint32_t new_slot) {
      if (old_slot != Block::kNoSlot && new_slot != Block::kNoSlot) slots[old_slot] = new_slot;
    };
    same(old_block.value_slot, new_block.value_slot);
    same(old_block.index_slot, new_block.index_slot);
  }
  if (from.state.has_value() && to.state.has_value()) slots[from.state->slot] = to.state->slot;
  return slots;
}

Status migrate(RunState& run, const Migration& migration, Host& host, int64_t now_us) {
  const Pipeline& to = *migration.to;
  VersionMap map = map_versions(*run.pipeline, to);
  RunMigrated body;
  const std::string from = run.pipeline->version;
  body.from = from;
  body.version = to.version;
  body.pipeline_hash = to.hash;
  body.governance = migration.pins->governance;
  for (const Pin& pin : migration.pins->pins)
    body.pins.push_back({pin.kind, pin.name, pin.version, pin.sha256});
  const bool same_input = identical(migration.input, run.input);
  if (!same_input) body.input = copy_value(migration.input, *run.arena);
  SY_ASSIGN_OR_RETURN(body.listens, listens_after(run, to, map, migration.input, *run.arena));
  body.steps = std::move(map.steps);
  body.blocks = std::move(map.blocks);
  body.who = migration.who;
  body.why = migration.why;
  prepare_migration(run, migration.to, migration.pins);
  if (!host.emit(run, Event{run.id, kNoStep, now_us, std::move(body)})) {
    prepare_migration(run, nullptr, nullptr);
    return make_error(ErrorKind::kTooLarge, "run.too_large",
                      "the migration is larger than one record of the log may be");
  }
  Stepper(run, host, now_us).advance();
  return {};
}

void prepare_migration(RunState& run, std::shared_ptr<const Pipeline> to, std::shared_ptr<const Pins> pins) {
  run.next_pipeline = std::move(to);
  run.next_pins = std::move(pins);
}

Status prepare_migration(RunState& run, const RunMigrated& event, const Catalog& catalog) {
  auto to = catalog.pipeline_by_hash(event.pipeline_hash);
  if (to == nullptr) {
    return make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                      "run " + run.id.to_string() + " was migrated to " + run.pipeline->name + "@" +
                          std::string(event.version) +
                          ", which this binary could not compile from the governance log");
  }
  prepare_migration(run, std::move(to), pins_of(event.governance, event.pins, catalog));
  return {};
}

void apply_migration(RunState& run, const Event& event, const RunMigrated& body) {
  SY_CHECK(run.next_pipeline != nullptr && run.next_pipeline->hash == body.pipeline_hash);
  SY_CHECK(body.steps.size() == run.pipeline->steps.size());
  SY_CHECK(body.blocks.size() == run.pipeline->blocks.size());
  const std::shared_ptr<const Pipeline> from = run.pipeline;
  const VersionMap map{body.steps, body.blocks};
  const std::vector<uint32_t> slots = map_slots(*from, *run.next_pipeline, map);
  run.earlier_pipelines.push_back(from);
  run.pipeline = std::move(run.next_pipeline);
  run.pins = std::move(run.next_pins);
  if (!body.input.is_null()) run.input = body.input;
  for_each_frame(run, [&](Frame& frame) { move_frame(frame, *from, *run.pipeline, map); });
  for (Compensation& entry : run.compensations) {
    entry.step = StepIndex(map.steps[entry.step.value]);
    std::vector<std::pair<uint32_t, Value>> captured;
    for (const auto& [slot, value] : entry.captured)
      if (slots[slot] != kNoSlot) captured.emplace_back(slots[slot], value);
    entry.captured = std::move(captured);
  }
  // What begins now is bounded by the new version's deadline, from now on.
  run.stretch_started_us = event.time_us;
  rebuild(run);
}

}  // namespace switchyard::workflow
