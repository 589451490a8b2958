#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "interpret/evaluate.h"
#include "interpret/frames.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::workflow {

/// Runs the steps of one run; lives for one call of the interface. Steps are named by address, never by
/// reference, across anything that emits: an event may end the frame that holds them.
class Stepper {
 public:
  Stepper(RunState& run, Host& host, int64_t now_us) : run_(run), host_(host), now_us_(now_us) {}

  void advance();

  // --- a step's end (advance.cc) ---
  void complete(StepAddress at, const Value& result, const Value& meta);
  /// One attempt failed: try again, stand in, skip, or fail the frame.
  /// `retry_after_us`: another attempt comes no sooner. `meta`: how the attempt went.
  void fail_attempt(StepAddress at, const Error& error, int64_t retry_after_us = 0, const Value& meta = {});
  /// A child that a crash kept from starting, or whose step it kept from hearing that it began.
  void restart_child(StepAddress at, bool begun);
  /// A child that took too long.
  void give_up_child(StepAddress at, const Error& error);
  /// A review nobody answered in time.
  void breach(StepAddress at);
  /// The answer's fields, who gave it, and when.
  Value review_result(const Frame& frame, const Value& answer, std::string_view reviewer);

  /// Takes the first of the events that have come for the step and that it wants; false: none.
  bool take_event(StepAddress at);
  /// The same of the signals that the run keeps.
  bool take_signal(StepAddress at);

  // --- containers (containers.cc) ---
  /// Opens what the container's state says comes next, or ends it. Safe to call again.
  void continue_container(StepAddress at);
  void fail_container(StepAddress at, const Error& error);

  // --- the run's end (unwind.cc) ---
  void fail_run(const Error& error);
  void cancel_run(std::string_view who, std::string_view why);

  const Step& step(StepAddress at) const { return run_.pipeline->steps[at.step.value]; }
  StepState& state(StepAddress at) const {
    StepState* found = find_step(run_, at);
    SY_CHECK(found != nullptr);
    return *found;
  }
  Frame& frame(uint32_t id) const {
    Frame* found = find_frame(run_, id);
    SY_CHECK(found != nullptr);
    return *found;
  }

 private:
  // starting.cc
  void start(StepAddress at);
  void settle_pure(StepAddress at, const Result<Value>& result);
  void start_fail(StepAddress at);
  void start_rules(StepAddress at);
  void start_triage(StepAddress at);
  void start_model(StepAddress at);
  void start_panel(StepAddress at);
  /// An error when a switch forbids it.
  Status may_ask(StepAddress at, const ModelSpec& spec);
  Result<ModelCall> prepare_model(StepAddress at, const ModelSpec& spec, std::string_view member);
  Result<PanelCall> prepare_panel(StepAddress at);
  void start_http(StepAddress at);
  void start_task(StepAddress at);
  void record_start(StepAddress at);
  void start_review(StepAddress at);
  void start_wait(StepAddress at);
  void start_child(StepAddress at);
  void start_emit(StepAddress at);
  Result<Value> make_event(StepAddress at);
  void start_listen(StepAddress at);
  void start_state(StepAddress at);
  void complete_detached(StepAddress at, const RunId& child);
  Result<ChildRequest> prepare_child(StepAddress at);
  void request(StepAddress at, decltype(EffectRequest::call) call, int64_t default_timeout_us);

  void fail_finally(StepAddress at, const Error& error, StepFailed body);
  /// Records a failure in any case: without how the attempt went where that is too large.
  void emit_failure(StepAddress at, StepFailed body);
  int64_t backoff_us(StepAddress at) const;
  /// A nested frame whose steps are all settled ends.
  void after_settle(uint32_t frame_id);
  void finish();

  // containers.cc
  void open_container(StepAddress at);
  void open_block(StepAddress at, BlockIndex block, uint32_t iteration);
  void continue_for_each(StepAddress at);
  void continue_repeat(StepAddress at);
  void continue_try(StepAddress at);
  Result<const TrySpec::Catch*> matching_clause(StepAddress at, const TrySpec& spec, const RunError& error);
  void finish_frame(uint32_t id);
  void fail_frame(uint32_t id, const Error& error);
  /// Who held the frame goes on.
  void after_frame(StepAddress owner);

  // unwind.cc
  /// Closes reviews and cancels children of the frame, or of one container in it, and of all frames within.
  void abandon_frame(uint32_t id, std::string_view why);
  void abandon_container(StepAddress at, std::string_view why);
  void abandon_all(std::string_view why);
  void begin_unwinding(RunUnwinding body);
  void continue_unwinding();
  void end_run();
  void resume();
  void resume_cut();

  Error killed_error(const Kill& kill) const;
  static Error too_large(const std::string& what);
  static ErrorView view(const Error& error);
  /// Steps may put values into values, again and again.
  static bool fits(const Value& value);

  template <typename Body>
  bool try_emit(StepAddress at, Body body) {
    return host_.emit(run_, Event{run_.id, at.step.value, now_us_, std::move(body), at.frame});
  }
  /// For events that carry no values of the user's.
  template <typename Body>
  void emit(StepAddress at, Body body) {
    SY_CHECK(try_emit(at, std::move(body)));
  }

  RunState& run_;
  Host& host_;
  const int64_t now_us_;
};

/// A signal as a step that takes it gives it.
Value signal_value(const PendingSignal& signal, Arena& arena);

/// An error as a RunError tells it.
Error to_error(const RunError& error);

}  // namespace switchyard::workflow
