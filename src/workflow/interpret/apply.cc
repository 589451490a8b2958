// The fold: how each event changes its run.
#include <algorithm>

#include "interpret/evaluate.h"
#include "interpret/frames.h"
#include "switchyard/workflow/migrate.h"
#include "switchyard/workflow/run.h"

namespace switchyard::workflow {
namespace {

double cost_of(const Value& meta) {
  const Value* cost = meta.find("cost");
  return cost != nullptr && cost->is_number() ? cost->to_double() : 0;
}

RunError own(const ErrorView& error) {
  return {error.kind, std::string(error.code), std::string(error.message), std::string(error.field)};
}

struct Applier {
  RunState& run;
  const Event& event;

  Frame& frame() const {
    Frame* found = find_frame(run, event.frame);
    SY_CHECK(found != nullptr);
    return *found;
  }
  StepAddress address() const { return {event.frame, StepIndex(event.step)}; }
  const Step& spec() const { return run.pipeline->steps[event.step]; }
  StepState& step() const {
    SY_CHECK(event.step < run.pipeline->steps.size());
    StepState* state = find_step(run, address());
    SY_CHECK(state != nullptr);
    return *state;
  }

  void operator()(const RunStarted& e) const {
    run.key = e.key;
    run.idempotency_key = e.idempotency_key;
    run.principal = e.principal;
    run.trace = e.trace;
    run.seed = e.seed;
    run.request_hash = e.request_hash;
    run.input = e.input;
    run.search = e.search;
    run.origin = e.origin;
    run.tenant = e.tenant;
    run.priority = e.priority;
    if (e.grouped) run.group = std::string(e.group);
    run.queued = e.queued;
    run.place = e.place;
    if (run.pipeline->state.has_value()) run.root.slots[run.pipeline->state->slot] = pinned_state(run);
    run.started_us = run.stretch_started_us = event.time_us;
    run.root.slots[kSlotInput] = run.input;
    if (run.pipeline->uses_run) run.root.slots[kSlotRun] = run_facts(run, *run.arena);
    run.resumed = false;
  }
  void operator()(const RunPaused&) const { run.paused = true; }
  void operator()(const RunResumed&) const {
    run.paused = false;
    run.stretch_started_us = event.time_us;
  }
  void operator()(const RunRestarted&) const {}
  void operator()(const SignalReceived& e) const {
    run.signals.push_back(
        {++run.signals_received, std::string(e.name), std::string(e.who), event.time_us, e.payload});
  }
  void operator()(const RunMigrated& e) const { apply_migration(run, event, e); }
  void operator()(const RunAdmitted&) const { run.queued = false; }
  void operator()(const RunLinked& e) const {
    run.parent = e.parent;
    run.parent_step = {e.parent_frame, StepIndex(e.parent_step)};
    run.depth = e.depth;
    run.detached = e.detached;
  }
  void operator()(const StepStarted& e) const {
    StepState& state = step();
    state.status = StepStatus::kStarted;
    state.attempt = e.attempt;
    state.due_us = 0;
  }
  void operator()(const StepCompleted& e) const {
    StepState& state = step();
    state.attempt = e.attempt;
    state.result = e.result;
    run.cost += cost_of(e.meta);
    const StepKind kind = spec().kind;
    const bool waited = kind == StepKind::kReview || kind == StepKind::kWait || kind == StepKind::kPipeline ||
                        kind == StepKind::kListen;
    if (waited) run.stretch_started_us = event.time_us;
    if (kind == StepKind::kListen) take_signal(e.meta);
    settle(StepStatus::kCompleted);
    if (spec().compensation.has_value() && !run.unwinding.has_value()) note_compensation();
  }
  void operator()(const StepFailed& e) const {
    StepState& state = step();
    state.attempt = e.attempt;
    run.cost += cost_of(e.meta);
    // A breached review lets automatic work go on, too.
    if (e.retry_at_us == 0 && state.status == StepStatus::kWaiting) run.stretch_started_us = event.time_us;
    if (e.retry_at_us != 0) {
      state.status = StepStatus::kRetrying;
      state.attempt = static_cast<uint16_t>(e.attempt + 1);
      state.due_us = e.retry_at_us;
      state.in_flight = false;
      state.child = RunId();
      drop_container(state);
    } else if (e.has_fallback) {
      state.result = e.fallback;
      settle(StepStatus::kCompleted);
    } else {
      if (!e.skipped) state.error = std::make_unique<RunError>(own(e.error));
      settle(e.skipped ? StepStatus::kSkipped : StepStatus::kFailed);
    }
  }
  void operator()(const StepSkipped&) const { settle(StepStatus::kSkipped); }
  void operator()(const StepWaiting& e) const {
    StepState& state = step();
    if (state.container != nullptr) {
      state.container->pause_until_us = e.until_us;
      return;
    }
    state.status = StepStatus::kWaiting;
    state.attempt_started_us = event.time_us;
    state.due_us = e.until_us;
  }
  void operator()(const ChildStarted& e) const {
    StepState& state = step();
    state.status = StepStatus::kWaiting;
    state.attempt_started_us = event.time_us;
    state.child = e.child;
    state.due_us = spec().timeout_us == 0 ? 0 : event.time_us + spec().timeout_us;
  }
  void operator()(const StepOpened& e) const {
    StepState& state = step();
    state.status = StepStatus::kOpen;
    state.attempt = e.attempt;
    state.due_us = e.due_us;
    state.attempt_started_us = event.time_us;
    state.container = std::make_unique<Container>();
    if (const auto* repeat = std::get_if<RepeatSpec>(&spec().spec); repeat != nullptr && repeat->from) {
      state.container->carry = first_carry(*repeat);
    }
  }
  void operator()(const BlockStarted& e) const {
    SY_CHECK(e.block < run.pipeline->blocks.size() && !run.frames.contains(e.frame));
    const Block& block = run.pipeline->blocks[e.block];
    Frame& outer = frame();
    run.next_frame = e.frame + 1;
    if (block.role == Block::Role::kCompensation) {
      run.compensations[e.iteration].begun = true;
    } else if (event.step == kNoStep) {
      run.finally_begun = true;
    } else {
      Container& container = *step().container;
      ++container.open;
      ++container.next;
      if (container.pause_until_us != 0) run.stretch_started_us = event.time_us;
      container.pause_until_us = 0;
    }
    Frame& nested = run.frames[e.frame];
    nested.id = e.frame;
    nested.block = block.index;
    nested.parent = outer.id;
    nested.owner = event.step;
    nested.iteration = e.iteration;
    nested.steps.resize(block.count);
    nested.arena = nested_arena(outer.arena);
    fill_slots(run, nested);
  }
  void operator()(const BlockEnded& e) const {
    const auto found = run.frames.find(e.frame);
    SY_CHECK(found != run.frames.end());
    const Block& block = run.pipeline->blocks[found->second.block.value];
    const uint32_t iteration = found->second.iteration;
    // The frame's values die with it.
    const Value output = e.failed ? Value() : copy_value(e.output, *frame().arena);
    drop_frame(e.frame);
    if (block.role == Block::Role::kCompensation || event.step == kNoStep) {
      if (e.failed && event.step == kNoStep && run.unwinding == Ending::kCompleted) {
        run.unwinding = Ending::kFailed;
        run.error = own(e.error);
      }
      return;
    }
    Container& container = *step().container;
    --container.open;
    ++container.done;
    container.last = e.last;
    container.last_block = block.index.value;
    if (block.role == Block::Role::kItem) {
      if (e.failed) container.error = own(e.error);
      if (!e.error.code.empty())
        container.failures.push_back({iteration, std::string(e.error.code), std::string(e.error.message)});
      if (!e.failed && block.output.has_value()) container.outputs.push_back({iteration, output});
    } else if (block.role == Block::Role::kFinally) {
      if (e.failed) container.error = own(e.error);
    } else if (e.failed) {
      container.error = own(e.error);
    } else {
      container.error.reset();
      container.carry = output;
    }
  }
  void operator()(const RunUnwinding& e) const {
    // What is under way counts no more.
    run.frames.clear();
    run.ready.clear();
    for (StepState& state : run.root.steps) {
      state.in_flight = false;
      if (!is_settled(state.status)) {
        state = StepState();
        state.status = StepStatus::kSkipped;
        ++run.root.settled;
      }
    }
    run.unwinding = e.ending;
    run.stretch_started_us = event.time_us;
    if (e.ending == Ending::kCompleted) run.output = e.output;
    if (e.ending == Ending::kFailed) run.error = own(e.error);
    if (e.ending == Ending::kCancelled) {
      run.error = cancelled_error(e.who, e.why);
      run.cancelled_by = e.who;
      run.cancelled_why = e.why;
    }
  }
  void operator()(const RunCompleted& e) const { end(RunStatus::kCompleted), run.output = e.output; }
  void operator()(const RunFailed& e) const { end(RunStatus::kFailed), run.error = own(e.error); }
  void operator()(const RunCancelled& e) const {
    end(RunStatus::kCancelled);
    run.error = cancelled_error(e.who, e.why);
  }
  void operator()(const ReviewRequested& e) const {
    StepState& state = step();
    state.status = StepStatus::kWaiting;
    state.attempt_started_us = event.time_us;
    state.review = e.review;
    state.due_us = review_due(e.due_us);
  }
  void operator()(const ReviewEscalated& e) const {
    // A deadline escalates once; the attempt counts it.
    if (e.who.empty()) step().attempt = 2;
    step().due_us = review_due(e.due_us);
  }
  void operator()(const ReviewClaimed&) const {}
  void operator()(const ReviewReleased&) const {}
  void operator()(const ReviewCommented&) const {}
  void operator()(const ReviewAnswered&) const {}
  void operator()(const ReviewReassigned&) const {}
  void operator()(const ReviewClosed&) const {
    // Its step is told right after; should a crash come between, nobody is asked any more.
    StepState* state = find_step(run, address());
    if (state != nullptr) state->review = RunId();
  }
  void operator()(const EpochStarted&) const { SY_CHECK(false); }
  void operator()(const BudgetUsed&) const {}
  /// Events of the partition itself.
  template <typename Other>
  void operator()(const Other&) const {}
  void operator()(const HoldSet&) const { SY_CHECK(false); }
  void operator()(const HoldReleased&) const { SY_CHECK(false); }
  void operator()(const RunsCompacted&) const { SY_CHECK(false); }
  void operator()(const RunsDeleted&) const { SY_CHECK(false); }

 private:
  static RunError cancelled_error(std::string_view who, std::string_view why) {
    return {ErrorKind::kCancelled, "run.cancelled",
            "cancelled by " + std::string(who) + ": " + std::string(why), ""};
  }

  /// The step took the signal with this number.
  void take_signal(const Value& meta) const {
    const Value* number = meta.find("signal");
    if (number == nullptr) return;
    std::erase_if(run.signals, [&](const PendingSignal& signal) {
      return signal.number == static_cast<uint64_t>(number->as_integer());
    });
  }

  int64_t review_due(int64_t due_us) const {
    return std::get<ReviewSpec>(spec().spec).on_breach == ReviewSpec::Breach::kNothing ? 0 : due_us;
  }

  void settle(StepStatus status) const {
    Frame& at = frame();
    const Block& block = run.pipeline->blocks[at.block.value];
    StepState& state = step();
    SY_CHECK(!is_settled(state.status));
    state.status = status;
    state.in_flight = false;
    state.due_us = 0;
    drop_container(state);
    ++at.settled;
    set_slot(run, at, StepIndex(event.step));
    for (const StepIndex dependent : spec().dependents) {
      StepState& other = at.steps[dependent.value - block.first.value];
      SY_CHECK(other.open_needs > 0);
      if (--other.open_needs == 0 && other.status == StepStatus::kPending)
        run.ready.insert({at.id, dependent});
    }
  }

  void note_compensation() const {
    const Frame& at = frame();
    Compensation entry;
    entry.step = StepIndex(event.step);
    for (const uint32_t slot : run.pipeline->blocks[spec().compensation->value].captures)
      entry.captured.emplace_back(slot, copy_value(at.slots[slot], *run.arena));
    run.compensations.push_back(std::move(entry));
  }

  Value first_carry(const RepeatSpec& spec) const;

  /// The container ended, whatever still runs in it.
  void drop_container(StepState& state) const {
    if (state.container == nullptr) return;
    std::vector<uint32_t> open;
    if (state.container->open > 0) {
      for (const auto& [id, nested] : run.frames)
        if (nested.parent == event.frame && nested.owner == event.step) open.push_back(id);
    }
    for (const uint32_t id : open) drop_frame(id);
    state.container.reset();
  }

  /// The frame and those within it: only open containers hold some, and those are younger. A loop ends one
  /// frame an item, so that this must not look at all the others.
  void drop_frame(uint32_t id) const {
    const auto found = run.frames.find(id);
    SY_CHECK(found != run.frames.end());
    const auto holds = [](const StepState& state) {
      return state.container != nullptr && state.container->open > 0;
    };
    std::vector<uint32_t> nested;
    if (std::any_of(found->second.steps.begin(), found->second.steps.end(), holds)) {
      for (auto other = std::next(found); other != run.frames.end(); ++other)
        if (other->second.parent == id) nested.push_back(other->first);
    }
    for (const uint32_t other : nested) drop_frame(other);
    run.ready.erase(run.ready.lower_bound({id, StepIndex(0)}),
                    run.ready.upper_bound({id, StepIndex(0xffff)}));
    run.frames.erase(id);
  }

  void end(RunStatus status) const {
    SY_CHECK(!is_final(run.status));
    run.status = status;
    run.ended_us = event.time_us;
    run.ready.clear();
    run.frames.clear();
    run.signals.clear();
  }
};

Value Applier::first_carry(const RepeatSpec& spec) const {
  Frame& at = frame();
  // The interpreter evaluated it before it opened the step, so it does not fail here.
  auto value = evaluate(*spec.from, at.slots, *at.arena);
  SY_CHECK(value.ok());
  return *value;
}

}  // namespace

void forget_offsets(RunState& run, size_t count) {
  SY_CHECK(count < run.offsets.size());
  run.offsets.erase(run.offsets.begin(), run.offsets.begin() + static_cast<ptrdiff_t>(count));
  run.earlier += count;
}

void apply(RunState& run, const Event& event, LogOffset offset) {
  SY_CHECK(event.run == run.id);
  run.offsets.push_back(offset.value);
  std::visit(Applier{run, event}, event.body);
}

}  // namespace switchyard::workflow
