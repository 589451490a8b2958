// What time does to a run, and when.
#include <algorithm>

#include "interpret/stepper.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::workflow {
namespace {

// A retry that is due sooner keeps its run in memory.
constexpr int64_t kParkAfterUs = 1'000'000;

template <typename Visit>
void for_each_step(const RunState& run, Visit&& visit) {
  for_each_frame(run, [&visit](const Frame& frame) {
    for (const StepState& step : frame.steps) visit(step);
  });
}

/// Stops at the first that passes: a loop may have a thousand frames open, and asks after each item.
template <typename Test>
bool any_step(const RunState& run, Test&& test) {
  const auto any_of = [&test](const Frame& frame) {
    return std::any_of(frame.steps.begin(), frame.steps.end(), test);
  };
  return any_of(run.root) || std::any_of(run.frames.begin(), run.frames.end(),
                                         [&any_of](const auto& nested) { return any_of(nested.second); });
}

/// Automatic work is going on: the deadline counts.
bool is_working(const RunState& run) {
  if (!run.ready.empty() || run.queued) return true;
  return any_step(run, [](const StepState& step) {
    return step.in_flight || step.status == StepStatus::kStarted || step.status == StepStatus::kRetrying;
  });
}

int64_t deadline_us(const RunState& run) {
  return run.pipeline->deadline_us == 0 || run.unwinding.has_value() || !is_working(run)
             ? 0
             : run.stretch_started_us + run.pipeline->deadline_us;
}

/// What is due of one step, if anything.
void act(RunState& run, StepAddress at, Stepper& stepper, int64_t now_us) {
  StepState* found = find_step(run, at);
  if (found == nullptr) return;
  StepState& state = *found;
  const Step& step = stepper.step(at);
  const auto timed_out = [&] {
    return make_error(ErrorKind::kDeadlineExceeded, "step.timeout",
                      "the attempt gave no answer within its time-out", "steps." + step_path(run, at));
  };
  if (state.in_flight && now_us >= state.attempt_deadline_us) {
    state.in_flight = false;
    return stepper.fail_attempt(at, timed_out());
  }
  if (state.container != nullptr && state.container->pause_until_us != 0 &&
      now_us >= state.container->pause_until_us) {
    return stepper.continue_container(at);
  }
  if (state.due_us == 0 || now_us < state.due_us) return;
  if (state.status == StepStatus::kRetrying && !state.in_flight) {
    run.ready.insert(at);
  } else if (state.status == StepStatus::kOpen) {
    stepper.fail_container(at, timed_out());
  } else if (state.status == StepStatus::kWaiting && step.kind == StepKind::kWait) {
    MapBuilder result(*find_frame(run, at.frame)->arena);
    result.add("until", timestamp_value(state.due_us));
    stepper.complete(at, result.build(), Value());
  } else if (state.status == StepStatus::kWaiting && step.kind == StepKind::kListen) {
    const bool signal = !std::get<ListenSpec>(step.spec).signal.empty();
    stepper.fail_attempt(at, make_error(ErrorKind::kDeadlineExceeded, "listen.timeout",
                                        std::string("no ") + (signal ? "signal" : "event") +
                                            " that the step wants came within its time-out",
                                        "steps." + step_path(run, at)));
  } else if (state.status == StepStatus::kWaiting && step.kind == StepKind::kPipeline) {
    stepper.give_up_child(at, timed_out());
  } else if (state.status == StepStatus::kWaiting) {
    stepper.breach(at);
  }
}

}  // namespace

void on_time(RunState& run, Host& host, int64_t now_us) {
  if (run.paused) return;
  // What came in time counts, also when a pause or a crash kept its step from taking it.
  offer_signals(run, host, now_us);
  Stepper stepper(run, host, now_us);
  if (const int64_t deadline = deadline_us(run);
      deadline != 0 && now_us >= deadline && !is_final(run.status)) {
    stepper.fail_run(make_error(ErrorKind::kDeadlineExceeded, "run.deadline_exceeded",
                                "the pipeline's deadline passed before its automatic steps were done",
                                "deadline"));
    return stepper.advance();
  }
  std::vector<StepAddress> open;
  for_each_frame(run, [&](const Frame& frame) {
    const Block& block = run.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      if (!is_settled(frame.steps[i].status))
        open.push_back({frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))});
    }
  });
  for (const StepAddress at : open) {
    if (is_final(run.status)) break;
    act(run, at, stepper, now_us);
  }
  stepper.advance();
}

int64_t next_due_us(const RunState& run) {
  if (is_final(run.status)) return 0;
  if (run.paused) return 0;
  int64_t next = deadline_us(run);
  const auto consider = [&next](int64_t us) {
    if (us != 0 && (next == 0 || us < next)) next = us;
  };
  for_each_step(run, [&](const StepState& step) {
    if (step.in_flight) return consider(step.attempt_deadline_us);
    if (step.container != nullptr) consider(step.container->pause_until_us);
    if (!is_settled(step.status)) consider(step.due_us);
  });
  return next;
}

bool can_park(const RunState& run, int64_t now_us) {
  if (is_final(run.status) || (!run.ready.empty() && !run.paused && !run.queued)) return false;
  return !any_step(run, [&](const StepState& step) {
    if (step.in_flight || (step.status == StepStatus::kStarted && !run.paused)) return true;
    return !run.paused && step.status == StepStatus::kRetrying && step.due_us < now_us + kParkAfterUs;
  });
}

}  // namespace switchyard::workflow
