// Whether a run can go on under another version of its pipeline, and why not.
#include <algorithm>

#include "interpret/frames.h"
#include "interpret/migrate.h"
#include "interpret/value_type.h"
#include "switchyard/schema/compatibility.h"
#include "switchyard/workflow/limits.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::workflow {
namespace {

using expression::Type;

class Inspector {
 public:
  Inspector(const RunState& run, const Pipeline& to, const Value& input, Arena& arena)
      : run_(run),
        from_(*run.pipeline),
        to_(to),
        map_(map_versions(from_, to)),
        input_(input),
        arena_(arena),
        version_("version " + to.version) {}

  std::vector<std::string> obstacles() {
    check_whole();
    check_signals();
    for_each_frame(run_, [&](const Frame& frame) { check_frame(frame); });
    for (const Compensation& entry : run_.compensations) check_compensation(entry);
    // Only when all frames have their places do the loops' lists have something to be made of.
    if (reasons_.empty()) for_each_frame(run_, [&](const Frame& frame) { check_loops(frame); });
    return std::move(reasons_);
  }

 private:
  void why(std::string reason) {
    if (reasons_.size() < kMaxMigrationReasons) reasons_.push_back(std::move(reason));
  }
  void why_step(StepAddress at, const std::string& reason) {
    why("step `" + step_path(run_, at) + "` " + reason);
  }
  const Step* counterpart(StepIndex step) const {
    const uint16_t place = map_.steps[step.value];
    return place == kNoStep ? nullptr : &to_.steps[place];
  }

  void check_whole() {
    if (from_.state.has_value() != to_.state.has_value()) {
      why(to_.state.has_value() ? version_ + " keeps state under a key, and the run has none"
                                : "the run keeps state under a key, and " + version_ + " has none");
    } else if (to_.state.has_value()) {
      const Value state = pinned_state(run_);
      if (!fits(state, to_.state->type))
        why("the state is " + shown_type(state) + ", " + version_ + " expects " +
            to_.state->type.to_string());
    }
    const bool awaited = !run_.parent.is_zero() && !run_.detached;
    if (awaited && !expression::is_assignable(to_.output_type, from_.output_type)) {
      why("another decision waits for the output " + from_.output_type.to_string() + ", " + version_ +
          " gives " + to_.output_type.to_string());
    }
  }

  void check_signals() {
    for (const PendingSignal& signal : run_.signals) {
      auto payload = check_signal(to_, signal.name, signal.payload, arena_);
      if (!payload.ok())
        why("the signal `" + signal.name + "` waits to be taken, and " + payload.error().message);
      else if (!identical(*payload, signal.payload))
        why("the signal `" + signal.name + "` waits to be taken, and " + version_ +
            " would read its payload as another value");
    }
  }

  void check_frame(const Frame& frame) {
    const Block& block = from_.blocks[frame.block.value];
    if (map_.blocks[frame.block.value] == kNoStep) {
      const std::string owner =
          frame.owner == kNoStep ? std::string("finally") : from_.steps[frame.owner].name;
      return why("step `" + owner + "` is within a block that " + version_ + " does not have");
    }
    for (uint16_t i = 0; i < block.count; ++i)
      check_step({frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))}, frame.steps[i]);
  }

  static std::string_view begun_as(StepStatus status) {
    switch (status) {
      case StepStatus::kCompleted: return "has completed";
      case StepStatus::kSkipped: return "was skipped";
      case StepStatus::kFailed: return "has failed";
      case StepStatus::kRetrying: return "waits for its next attempt";
      case StepStatus::kOpen: return "is under way";
      default: return "waits";
    }
  }

  void check_step(StepAddress at, const StepState& state) {
    if (state.in_flight || state.status == StepStatus::kStarted)
      return why_step(at, "is at work; a run is migrated while it rests");
    if (state.status == StepStatus::kPending) return;
    const Step* after = counterpart(at.step);
    if (after == nullptr) {
      return why_step(
          at, std::string(begun_as(state.status)) + ", and " + version_ + " has no step of that name there");
    }
    const Step& before = from_.steps[at.step.value];
    if (state.status == StepStatus::kSkipped) {
      if (!after->may_be_absent) why_step(at, "was skipped, and " + version_ + " counts on its result");
      return;
    }
    if (state.status == StepStatus::kCompleted) return check_result(at, state, before, *after);
    if (state.status == StepStatus::kFailed) return;
    if (before.kind != after->kind) {
      return why_step(at, std::string(begun_as(state.status)) + " as `" +
                              std::string(step_kind_name(before.kind)) + "`, and is `" +
                              std::string(step_kind_name(after->kind)) + "` in " + version_);
    }
    if (state.status == StepStatus::kWaiting) check_waiting(at, before, *after);
    if (state.status == StepStatus::kOpen) check_container(at, *state.container, *after);
  }

  void check_result(StepAddress at, const StepState& state, const Step& before, const Step& after) {
    if (!fits(state.result, after.result_type)) {
      why_step(at, "gave " + shown_type(state.result) + ", " + version_ + " expects " +
                       after.result_type.to_string());
    }
    if (before.compensation.has_value() != after.compensation.has_value()) {
      why_step(at, std::string("has completed, and `compensate` ") +
                       (after.compensation.has_value() ? "is there only in " : "is gone in ") + version_);
    }
  }

  void check_waiting(StepAddress at, const Step& before, const Step& after) {
    const Type& given = before.result_type;
    if (!expression::is_assignable(given, after.result_type)) {
      return why_step(at, "waits for " + given.to_string() + ", " + version_ + " expects " +
                              after.result_type.to_string());
    }
    if (const auto* review = std::get_if<ReviewSpec>(&before.spec)) {
      const auto& next = std::get<ReviewSpec>(after.spec);
      if (review->form_json == next.form_json || next.form == nullptr) return;
      const auto answer = review->form == nullptr
                              ? schema::Compatibility::Answer::kNo
                              : schema::check_compatible(*review->form, *next.form).answer;
      if (answer != schema::Compatibility::Answer::kYes)
        why_step(at, "asks a person with a form whose answers the form of " + version_ + " may refuse");
    } else if (const auto* child = std::get_if<ChildSpec>(&before.spec)) {
      const auto& next = std::get<ChildSpec>(after.spec);
      if (child->pipeline.name != next.pipeline.name || child->detached != next.detached)
        why_step(at, "waits for a run of " + child->pipeline.name + ", and starts another in " + version_);
    } else if (std::holds_alternative<ListenSpec>(before.spec)) {
      check_listening(at, std::get<ListenSpec>(before.spec), std::get<ListenSpec>(after.spec));
    }
  }

  static const Listener* listener_of(const Pipeline& pipeline, StepIndex step) {
    for (const Listener& each : pipeline.listeners)
      if (each.step == step) return &each;
    return nullptr;
  }
  static std::string text_of(const std::optional<expression::Program>& program) {
    return program.has_value() ? program->text() : std::string();
  }

  void check_listening(StepAddress at, const ListenSpec& before, const ListenSpec& after) {
    if (before.signal != after.signal) {
      const auto named = [](const ListenSpec& spec) {
        return spec.signal.empty() ? std::string("events") : "the signal `" + spec.signal + "`";
      };
      return why_step(at, "listens to " + named(before) + ", in " + version_ + " to " + named(after));
    }
    const Listener* ear = listener_of(from_, at.step);
    const Listener* next = listener_of(to_, counterpart(at.step)->index);
    if (ear == nullptr || next == nullptr) return;
    if (ear->pattern != next->pattern) {
      return why_step(at,
                      "listens to events of " + ear->pattern + ", in " + version_ + " to " + next->pattern);
    }
    if (text_of(ear->key) != text_of(next->key) || text_of(ear->match) != text_of(next->match))
      why_step(at, "listens to events, which " + version_ + " chooses by another `key` or `match`");
  }

  /// A value that a block has given, under the block's type now.
  void check_given(StepAddress at, const Value& value, const Block& after) {
    const Type expected = after.output.has_value() ? after.output_type : Type::null();
    if (after.output.has_value() && !fits(value, expected)) {
      why_step(at, "has a result of its block, " + shown_type(value) + ", " + version_ + " expects " +
                       expected.to_string());
    }
  }

  void check_container(StepAddress at, const Container& container, const Step& after) {
    const Step& before = from_.steps[at.step.value];
    if (container.done > 0 && map_.blocks[container.last_block] == kNoStep)
      return why_step(at, "is past a block that " + version_ + " does not have");
    if (before.kind == StepKind::kForEach) {
      const Block& old_block = from_.blocks[before.blocks[0].value];
      const Block& block = to_.blocks[after.blocks[0].value];
      if (container.done > 0 && old_block.output.has_value() != block.output.has_value())
        return why_step(at, "has results of its items, and `output` is not the same in " + version_);
      for (const auto& output : container.outputs) check_given(at, output.value, block);
      return;
    }
    if (before.kind == StepKind::kRepeat)
      return check_given(at, container.carry, to_.blocks[after.blocks[0].value]);
    if (container.done > 0 && !container.error.has_value())
      check_given(at, container.carry, to_.blocks[map_.blocks[container.last_block]]);
  }

  void check_compensation(const Compensation& entry) {
    const Step* after = counterpart(entry.step);
    const std::string name = "step `" + from_.steps[entry.step.value].name + "` ";
    if (after == nullptr || !after->compensation.has_value())
      return why(name + "has completed, and " + version_ + " does not say how it is undone");
    const std::vector<uint32_t> slots = map_slots(from_, to_, map_);
    for (const uint32_t wanted : to_.blocks[after->compensation->value].captures) {
      const bool there = std::any_of(entry.captured.begin(), entry.captured.end(),
                                     [&](const auto& kept) { return slots[kept.first] == wanted; });
      if (!there)
        return why(name + "has completed, and what undoes it in " + version_ +
                   " reads what was not kept for it");
    }
  }

  // --- loops ---

  /// What expressions of the new version would see in this frame.
  std::vector<Value> slots_of(const Frame& frame) {
    std::vector<Value> slots;
    if (frame.id == 0) {
      slots.assign(to_.slot_count, Value());
      slots[kSlotInput] = input_;
      slots[kSlotRun] =
          run_.root.slots[kSlotRun].is_null() ? run_facts(run_, arena_) : run_.root.slots[kSlotRun];
      if (to_.state.has_value()) slots[to_.state->slot] = pinned_state(run_);
    } else {
      slots = slots_of(*find_frame(run_, frame.parent));
    }
    const Block& block = to_.blocks[map_.blocks[frame.block.value]];
    const Block& old_block = from_.blocks[frame.block.value];
    const auto keep = [&](uint32_t old_slot, uint32_t slot) {
      if (old_slot != Block::kNoSlot && slot != Block::kNoSlot) slots[slot] = frame.slots[old_slot];
    };
    keep(old_block.value_slot, block.value_slot);
    keep(old_block.index_slot, block.index_slot);
    for (uint16_t i = 0; i < block.count; ++i) {
      const Step& step = to_.steps[block.first.value + i];
      slots[slot_of(step.index)] = step.may_be_absent ? Value::none() : Value::null();
    }
    for (uint16_t i = 0; i < old_block.count; ++i) {
      const StepState& state = frame.steps[i];
      const Step* step = counterpart(StepIndex(static_cast<uint16_t>(old_block.first.value + i)));
      if (step == nullptr || state.status != StepStatus::kCompleted) continue;
      slots[slot_of(step->index)] = step->may_be_absent ? Value::optional(&state.result) : state.result;
    }
    return slots;
  }

  /// The list of a loop that is under way is made anew from its expression: it must be the same.
  void check_loops(const Frame& frame) {
    const Block& block = from_.blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      const StepAddress at{frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
      if (frame.steps[i].status != StepStatus::kOpen) continue;
      const Step& after = *counterpart(at.step);
      const auto* spec = std::get_if<ForEachSpec>(&after.spec);
      if (spec == nullptr) continue;
      const auto& old_spec = std::get<ForEachSpec>(from_.steps[at.step.value].spec);
      const auto before = old_spec.items.evaluate(frame.slots, arena_);
      const auto items = spec->items.evaluate(slots_of(frame), arena_);
      if (!items.ok() || !before.ok() || !identical(*items, *before))
        why_step(at, "goes through a list, and " + version_ + " would make another of it");
    }
  }

  const RunState& run_;
  const Pipeline& from_;
  const Pipeline& to_;
  const VersionMap map_;
  const Value& input_;
  Arena& arena_;
  const std::string version_;
  std::vector<std::string> reasons_;
};

}  // namespace

std::vector<std::string> migration_obstacles(const RunState& run, const Pipeline& to, Value& input,
                                             Arena& arena) {
  if (run.pipeline->name != to.name)
    return {"the decision is of " + run.pipeline->name + ", not of " + to.name};
  if (run.pipeline->hash == to.hash) return {"the decision is under version " + to.version + " already"};
  if (is_final(run.status)) return {"the decision is over"};
  if (run.queued) return {"the decision is queued and has not begun; it can go once it has its place"};
  if (run.unwinding.has_value())
    return {"the decision is about to end: what was done is being undone, or `finally` runs"};
  input = run.input;
  if (to.input != nullptr) {
    auto normal = to.input->normalize(run.input, arena);
    if (!normal.ok()) {
      return {"the input does not fit version " + to.version + ": " + normal.error().message +
              (normal.error().field.empty() ? "" : " (input" + normal.error().field + ")")};
    }
    input = *normal;
  }
  return Inspector(run, to, input, arena).obstacles();
}

}  // namespace switchyard::workflow
