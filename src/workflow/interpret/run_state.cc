#include <algorithm>

#include "switchyard/workflow/run.h"

namespace switchyard::workflow {

std::string_view run_status_name(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning: return "running";
    case RunStatus::kWaiting: return "waiting";
    case RunStatus::kCompleted: return "completed";
    case RunStatus::kFailed: return "failed";
    case RunStatus::kCancelled: return "cancelled";
  }
  return "unknown";
}

Result<RunStatus> parse_run_status(std::string_view name) {
  for (const auto status : {RunStatus::kRunning, RunStatus::kWaiting, RunStatus::kCompleted,
                            RunStatus::kFailed, RunStatus::kCancelled}) {
    if (run_status_name(status) == name) return status;
  }
  return make_error(
      ErrorKind::kInvalidArgument, "workflow.unknown_status",
      "'" + std::string(name) + "' is no status; use running, waiting, completed, failed or cancelled",
      "status");
}

const Pin* Pins::find(ArtefactKind kind, std::string_view name) const {
  for (const Pin& pin : pins)
    if (pin.kind == kind && pin.name == name) return &pin;
  return nullptr;
}

std::unique_ptr<RunState> make_run(RunId id, std::shared_ptr<const Pipeline> pipeline,
                                   std::shared_ptr<const Pins> pins, std::shared_ptr<Arena> arena) {
  auto run = std::make_unique<RunState>();
  run->id = id;
  run->pipeline = std::move(pipeline);
  run->pins = std::move(pins);
  run->arena = std::move(arena);
  run->steps.resize(run->pipeline->steps.size());
  rebuild(*run);
  return run;
}

namespace {

/// `run`: what expressions may know of the run itself. Built only for pipelines that read it.
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

void set_slot(RunState& run, size_t index) {
  const Step& step = run.pipeline->steps[index];
  StepState& state = run.steps[index];
  Value& slot = run.slots[kSlotSteps + index];
  if (state.status == StepStatus::kCompleted) {
    slot = step.may_be_absent ? Value::optional(&state.result) : state.result;
  } else {
    slot = step.may_be_absent ? Value::none() : Value::null();
  }
}

void settle(RunState& run, size_t index, StepStatus status) {
  StepState& state = run.steps[index];
  SY_CHECK(!is_settled(state.status));
  state.status = status;
  state.in_flight = false;
  state.due_us = 0;
  ++run.settled;
  set_slot(run, index);
  for (const StepIndex dependent : run.pipeline->steps[index].dependents) {
    StepState& other = run.steps[dependent.value];
    SY_CHECK(other.open_needs > 0);
    if (--other.open_needs == 0 && other.status == StepStatus::kPending) run.ready.push_back(dependent.value);
  }
}

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

  StepState& step() const {
    SY_CHECK(event.step < run.steps.size());
    return run.steps[event.step];
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
    run.started_us = run.stretch_started_us = event.time_us;
    run.slots[kSlotInput] = run.input;
    if (run.pipeline->uses_run) run.slots[kSlotRun] = run_facts(run, *run.arena);
  }
  void operator()(const StepStarted& e) const {
    step().status = StepStatus::kStarted;
    step().attempt = e.attempt;
    step().due_us = 0;
  }
  void operator()(const StepCompleted& e) const {
    step().attempt = e.attempt;
    step().result = e.result;
    run.cost += cost_of(e.meta);
    const StepKind kind = run.pipeline->steps[event.step].kind;
    if (kind == StepKind::kReview || kind == StepKind::kWait) run.stretch_started_us = event.time_us;
    settle(run, event.step, StepStatus::kCompleted);
  }
  void operator()(const StepFailed& e) const {
    StepState& state = step();
    state.attempt = e.attempt;
    // A breached review lets automatic work go on, too.
    if (e.retry_at_us == 0 && state.status == StepStatus::kWaiting) run.stretch_started_us = event.time_us;
    if (e.retry_at_us != 0) {
      state.status = StepStatus::kRetrying;
      state.attempt = static_cast<uint16_t>(e.attempt + 1);
      state.due_us = e.retry_at_us;
      state.in_flight = false;
    } else if (e.has_fallback) {
      state.result = e.fallback;
      settle(run, event.step, StepStatus::kCompleted);
    } else {
      settle(run, event.step, e.skipped ? StepStatus::kSkipped : StepStatus::kFailed);
    }
  }
  void operator()(const StepSkipped&) const { settle(run, event.step, StepStatus::kSkipped); }
  void operator()(const StepWaiting& e) const {
    step().status = StepStatus::kWaiting;
    step().attempt_started_us = event.time_us;
    step().due_us = e.until_us;
  }
  void operator()(const RunCompleted& e) const { end(RunStatus::kCompleted), run.output = e.output; }
  void operator()(const RunFailed& e) const { end(RunStatus::kFailed), run.error = own(e.error); }
  void operator()(const RunCancelled& e) const {
    end(RunStatus::kCancelled);
    run.error = {ErrorKind::kCancelled, "run.cancelled",
                 "cancelled by " + std::string(e.who) + ": " + std::string(e.why), ""};
  }
  void operator()(const ReviewRequested& e) const {
    const auto& spec = std::get<ReviewSpec>(run.pipeline->steps[event.step].spec);
    step().status = StepStatus::kWaiting;
    step().attempt_started_us = event.time_us;
    step().review = e.review;
    step().due_us = spec.on_breach == ReviewSpec::Breach::kNothing ? 0 : e.due_us;
  }
  void operator()(const ReviewEscalated& e) const {
    // A deadline escalates once; the attempt counts it.
    if (e.who.empty()) step().attempt = 2;
    const auto& spec = std::get<ReviewSpec>(run.pipeline->steps[event.step].spec);
    step().due_us = spec.on_breach == ReviewSpec::Breach::kNothing ? 0 : e.due_us;
  }
  void operator()(const ReviewClaimed&) const {}
  void operator()(const ReviewReleased&) const {}
  void operator()(const ReviewCommented&) const {}
  void operator()(const ReviewAnswered&) const {}
  void operator()(const ReviewReassigned&) const {}
  void operator()(const ReviewClosed&) const {}
  void operator()(const EpochStarted&) const { SY_CHECK(false); }
  void operator()(const BudgetUsed&) const {}

 private:
  void end(RunStatus status) const {
    SY_CHECK(!is_final(run.status));
    run.status = status;
    run.ended_us = event.time_us;
    run.ready.clear();
  }
};

}  // namespace

void apply(RunState& run, const Event& event, LogOffset offset) {
  SY_CHECK(event.run == run.id);
  run.offsets.push_back(offset.value);
  std::visit(Applier{run, event}, event.body);
}

void rebuild(RunState& run) {
  const auto& steps = run.pipeline->steps;
  run.slots.assign(kSlotSteps + steps.size(), Value());
  run.slots[kSlotInput] = run.input;
  if (run.pipeline->uses_run && run.started_us != 0) run.slots[kSlotRun] = run_facts(run, *run.arena);
  run.ready.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    set_slot(run, i);
    StepState& state = run.steps[i];
    state.in_flight = false;
    state.open_needs = static_cast<uint16_t>(
        std::count_if(steps[i].needs.begin(), steps[i].needs.end(),
                      [&](StepIndex need) { return !is_settled(run.steps[need.value].status); }));
    const bool runnable = state.status == StepStatus::kStarted ||
                          (state.status == StepStatus::kPending && state.open_needs == 0);
    if (runnable && !is_final(run.status)) run.ready.push_back(static_cast<uint16_t>(i));
  }
}

}  // namespace switchyard::workflow
