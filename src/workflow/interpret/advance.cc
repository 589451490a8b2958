#include "switchyard/workflow/interpreter.h"

#include <algorithm>
#include <cmath>

#include "interpret/evaluate.h"
#include "switchyard/base/hash.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::workflow {
namespace {

// Time-outs of one attempt where the document gives none.
constexpr int64_t kModelTimeoutUs = 5'000'000;
constexpr int64_t kHttpTimeoutUs = 10'000'000;
// A retry that is due sooner keeps its run in memory.
constexpr int64_t kParkAfterUs = 1'000'000;
// Of an error's message and field, as recorded.
constexpr size_t kMaxErrorBytes = 4096;

/// At most kMaxErrorBytes, cut between characters of the UTF-8 text.
std::string_view clip(std::string_view text) {
  if (text.size() <= kMaxErrorBytes) return text;
  size_t end = kMaxErrorBytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

ErrorView view(const Error& error) {
  return {error.kind, clip(error.code), clip(error.message), clip(error.field)};
}

bool is_retryable(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kResourceExhausted:
    case ErrorKind::kUnavailable:
    case ErrorKind::kDeadlineExceeded:
    case ErrorKind::kIo:
    case ErrorKind::kNoSpace:
    case ErrorKind::kInternal: return true;
    default: return false;
  }
}

/// Runs the steps of one run; lives for one call of the interface.
class Stepper {
 public:
  Stepper(RunState& run, Host& host, int64_t now_us) : run_(run), host_(host), now_us_(now_us) {}

  void advance() {
    if (is_final(run_.status)) return;
    if (const Kill* kill =
            host_.killed(ArtefactKind::kPipeline, run_.pipeline->name, run_.pipeline->version)) {
      return fail_run(killed_error(*kill));
    }
    while (!run_.ready.empty() && !is_final(run_.status)) {
      const uint16_t index = run_.ready.front();
      run_.ready.pop_front();
      start(run_.pipeline->steps[index]);
    }
    if (!is_final(run_.status) && run_.settled == run_.steps.size()) finish();
  }

  void complete(const Step& step, const Value& result, const Value& meta) {
    StepCompleted body;
    body.attempt = state(step).attempt;
    body.started_us = state(step).attempt_started_us != 0 ? state(step).attempt_started_us : now_us_;
    body.result = result;
    body.meta = meta;
    if (fits(result) && try_emit(step, body)) return;
    StepFailed failed;
    failed.attempt = body.attempt;
    failed.started_us = body.started_us;
    fail_finally(step, too_large("the step's result"), failed);
  }

  /// One attempt failed: try again, stand in, skip, or fail the run.
  void fail_attempt(const Step& step, const Error& error, const Value& /*meta*/) {
    StepState& s = state(step);
    StepFailed body;
    body.attempt = s.attempt;
    body.started_us = s.attempt_started_us != 0 ? s.attempt_started_us : now_us_;
    body.error = view(error);
    if (step.effect != EffectClass::kPure || step.kind == StepKind::kModel) {
      if (s.attempt < step.retry.attempts && is_retryable(error.kind)) {
        body.retry_at_us = now_us_ + backoff_us(step, s.attempt);
        return emit(step, body);
      }
    }
    fail_finally(step, error, body);
  }

  void fail_run(const Error& error) {
    close_reviews("the run failed");
    RunFailed body;
    body.error = view(error);
    body.cost = run_.cost;
    SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, body}));
  }

  void close_reviews(std::string_view why) {
    for (size_t i = 0; i < run_.steps.size(); ++i) {
      const StepState& s = run_.steps[i];
      if (s.status != StepStatus::kWaiting || s.review.is_zero()) continue;
      ReviewClosed body;
      body.review = s.review;
      body.why = why;
      emit(run_.pipeline->steps[i], body);
    }
  }

  void breach(const Step& step) {
    const auto& spec = std::get<ReviewSpec>(step.spec);
    const StepState& s = state(step);
    const bool escalated = s.attempt > 1;
    if (spec.on_breach == ReviewSpec::Breach::kEscalate && !escalated) {
      ReviewEscalated body;
      body.review = s.review;
      body.queue = spec.escalate_to;
      body.why = "the review was due";
      body.due_us = now_us_ + spec.due_us;
      return emit(step, body);
    }
    ReviewClosed closed;
    closed.review = s.review;
    closed.why = "the review was due";
    if (spec.on_breach == ReviewSpec::Breach::kAnswer) {
      auto answer = evaluate(*spec.breach_answer, run_.slots, *run_.arena);
      emit(step, closed);
      if (answer.ok()) return complete(step, review_result(*answer, "deadline"), Value());
      StepFailed body;
      return fail_finally(step, answer.error(), body);
    }
    emit(step, closed);
    const Error error = make_error(ErrorKind::kDeadlineExceeded, "review.breached",
                                   "nobody answered the review in the queue '" + spec.queue +
                                       "' before it was due; give the step "
                                       "an on_breach answer or more time",
                                   "steps." + step.name);
    StepFailed body;
    body.attempt = s.attempt;
    body.started_us = now_us_;
    body.error = view(error);
    fail_finally(step, error, body);
  }

  /// The answer's fields, who gave it, and when.
  Value review_result(const Value& answer, std::string_view reviewer) {
    MapBuilder result(*run_.arena);
    for (const Member& member : answer.members()) result.add(member.key, member.value);
    result.add("reviewer", Value::string(run_.arena->copy(reviewer)));
    result.add("answered_at", timestamp_value(now_us_));
    return result.build();
  }

  Error killed_error(const Kill& kill) const {
    return make_error(ErrorKind::kUnavailable, "governance.killed",
                      std::string(artefact_kind_name(kill.kind)) + " " + kill.name +
                          (kill.version.empty() ? "" : "@" + kill.version) + " was switched off by " +
                          kill.who + ": " + kill.why + "; revive it to go on");
  }

  StepState& state(const Step& step) { return run_.steps[step.index.value]; }

 private:
  void start(const Step& step) {
    StepState& s = state(step);
    s.attempt_started_us = now_us_;
    if (s.status == StepStatus::kPending && step.when.has_value() && s.attempt == 1) {
      auto wanted = evaluate_condition(*step.when, run_.slots, *run_.arena);
      if (!wanted.ok()) return fail_attempt(step, wanted.error(), Value());
      if (!*wanted) return emit(step, StepSkipped{});
    }
    switch (step.kind) {
      case StepKind::kSet:
        return settle_pure(step, evaluate(std::get<SetSpec>(step.spec).value, run_.slots, *run_.arena));
      case StepKind::kFail: return start_fail(step);
      case StepKind::kRules: return start_rules(step);
      case StepKind::kTriage: return start_triage(step);
      case StepKind::kModel: return start_model(step);
      case StepKind::kHttp: return start_http(step);
      case StepKind::kReview: return start_review(step);
      case StepKind::kWait: return start_wait(step);
      default: SY_CHECK(false);  // compile() refuses every other kind
    }
  }

  void settle_pure(const Step& step, const Result<Value>& result) {
    if (result.ok())
      complete(step, *result, Value());
    else
      fail_attempt(step, result.error(), Value());
  }

  void start_fail(const Step& step) {
    const auto& spec = std::get<FailSpec>(step.spec);
    auto message = evaluate(spec.message, run_.slots, *run_.arena);
    const std::string text =
        message.ok() && message->is(Kind::kString) ? std::string(message->as_string()) : spec.code;
    fail_attempt(step, make_error(ErrorKind::kUnprocessable, spec.code, text, "steps." + step.name), Value());
  }

  void start_rules(const Step& step) {
    const auto& spec = std::get<RulesSpec>(step.spec);
    const Pin* pin = run_.pins->find(ArtefactKind::kRules, spec.table.name);
    SY_CHECK(pin != nullptr);
    if (const Kill* kill = host_.killed(ArtefactKind::kRules, pin->name, pin->version)) {
      return fail_attempt(step, killed_error(*kill), Value());
    }
    if (pin->table == nullptr) {
      return fail_attempt(step,
                          make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                                     "rule table " + pin->name + "@" + pin->version + " is not available"),
                          Value());
    }
    auto facts = evaluate(spec.facts, run_.slots, *run_.arena);
    if (!facts.ok()) return fail_attempt(step, facts.error(), Value());
    settle_pure(step, pin->table->evaluate(*facts, *run_.arena));
  }

  void start_triage(const Step& step) {
    auto outcome = evaluate_triage(run_, step, host_, now_us_);
    if (!outcome.ok()) return fail_attempt(step, outcome.error(), Value());
    if (outcome->uses_budget) {
      const std::string scope = budget_scope(run_, step);
      BudgetUsed body;
      body.scope = scope;
      body.day = day_of(now_us_);
      emit(step, body);
    }
    complete(step, outcome->result, Value());
  }

  void start_model(const Step& step) {
    const auto& spec = std::get<ModelSpec>(step.spec);
    const Pin* pin = run_.pins->find(ArtefactKind::kModel, spec.model.name);
    SY_CHECK(pin != nullptr);
    if (const Kill* kill = host_.killed(ArtefactKind::kModel, pin->name, pin->version)) {
      return fail_attempt(step, killed_error(*kill), Value());
    }
    auto input = evaluate(spec.input, run_.slots, *run_.arena);
    if (!input.ok()) return fail_attempt(step, input.error(), Value());
    request(step, ModelCall{pin->name, pin->version, Document(run_.arena, *input)}, kModelTimeoutUs);
  }

  void start_http(const Step& step) {
    auto call = prepare_http(run_, std::get<HttpSpec>(step.spec));
    if (!call.ok()) return fail_attempt(step, call.error(), Value());
    if (step.effect == EffectClass::kEffectful && state(step).status != StepStatus::kStarted) {
      StepStarted body;
      body.attempt = state(step).attempt;
      emit(step, body);
    }
    request(step, std::move(*call), kHttpTimeoutUs);
  }

  void start_review(const Step& step) {
    auto body = prepare_review(run_, step, host_.new_id(now_us_), now_us_);
    if (!body.ok()) return fail_attempt(step, body.error(), Value());
    if (!fits(body->show) || !try_emit(step, *body))
      fail_attempt(step, too_large("what the review shows"), Value());
  }

  void start_wait(const Step& step) {
    const auto& spec = std::get<WaitSpec>(step.spec);
    StepWaiting body;
    body.until_us = now_us_ + spec.for_us;
    const auto& program = spec.until.has_value() ? spec.until : spec.for_expression;
    if (program.has_value()) {
      auto value = program->evaluate(run_.slots, *run_.arena);
      if (!value.ok()) return fail_attempt(step, value.error(), Value());
      const Kind wanted = spec.until.has_value() ? Kind::kTimestamp : Kind::kDuration;
      if (!value->is(wanted)) {
        return fail_attempt(
            step,
            make_error(ErrorKind::kUnprocessable, "workflow.bad_wait",
                       "'" + program->text() + "' gave " + std::string(kind_name(value->kind())) +
                           "; until takes a timestamp, for takes a duration"),
            Value());
      }
      const int64_t us = value->seconds() * 1'000'000 + value->nanos() / 1000;
      body.until_us = spec.until.has_value() ? us : now_us_ + us;
    }
    body.until_us = std::max(body.until_us, now_us_);
    emit(step, body);
  }

  void request(const Step& step, std::variant<ModelCall, HttpCall> call, int64_t default_timeout_us) {
    StepState& s = state(step);
    s.in_flight = true;
    s.attempt_deadline_us = now_us_ + (step.timeout_us != 0 ? step.timeout_us : default_timeout_us);
    if (run_.pipeline->deadline_us != 0) {
      s.attempt_deadline_us =
          std::min(s.attempt_deadline_us, run_.stretch_started_us + run_.pipeline->deadline_us);
    }
    EffectRequest effect;
    effect.run = run_.id;
    effect.step = step.index;
    effect.attempt = s.attempt;
    effect.effect = step.effect;
    if (step.kind == StepKind::kHttp) effect.idempotency_key = run_.id.to_string() + "/" + step.name + "/1";
    effect.trace = run_.trace;
    effect.deadline_us = s.attempt_deadline_us;
    effect.call = std::move(call);
    effect.pipeline = run_.pipeline;
    host_.start_effect(run_, std::move(effect));
  }

  void fail_finally(const Step& step, const Error& error, StepFailed body) {
    const OnError& on_error = step.on_error;
    body.error = view(error);
    if (on_error.action == OnError::Action::kSkip) {
      body.skipped = true;
      return emit(step, body);
    }
    if (on_error.action == OnError::Action::kStep) {
      const StepState& other = run_.steps[on_error.step.value];
      if (other.status == StepStatus::kCompleted) {
        body.has_fallback = true;
        body.fallback = other.result;  // no larger than it was when it was recorded
        return emit(step, body);
      }
      if (other.status == StepStatus::kSkipped && step.may_be_absent) {
        body.skipped = true;
        return emit(step, body);
      }
    }
    if (on_error.action == OnError::Action::kValue) {
      auto value = evaluate(*on_error.value, run_.slots, *run_.arena);
      if (value.ok() && fits(*value)) {
        body.has_fallback = true;
        body.fallback = *value;
        if (try_emit(step, body)) return;
        body.has_fallback = false;
        body.fallback = Value();
      }
    }
    emit(step, body);
    Error cause = error;
    if (cause.field.empty()) cause.field = "steps." + step.name;
    fail_run(cause);
  }

  void finish() {
    auto output = evaluate(run_.pipeline->output, run_.slots, *run_.arena);
    if (!output.ok()) {
      Error error = std::move(output).error();
      error.field = error.field.empty() ? "output" : "output." + error.field;
      return fail_run(error);
    }
    RunCompleted body;
    body.output = *output;
    body.cost = run_.cost;
    if (!fits(*output) || !host_.emit(run_, Event{run_.id, kNoStep, now_us_, body}))
      fail_run(too_large("the output"));
  }

  int64_t backoff_us(const Step& step, uint16_t attempt) const {
    const RetryPolicy& policy = step.retry;
    const double grown =
        static_cast<double>(policy.backoff_first_us) * std::exp2(std::min<int>(attempt - 1, 40));
    const double base = std::min(grown, static_cast<double>(policy.backoff_max_us));
    const double spread = 1 + policy.jitter * (2 * seeded_uniform(run_, step.name, attempt) - 1);
    return std::max<int64_t>(1, static_cast<int64_t>(base * spread));
  }

  static Error too_large(const std::string& what) {
    return make_error(ErrorKind::kTooLarge, "workflow.result_too_large",
                      what +
                          " is larger, or nested deeper, than one record of the log may be; keep less, or "
                          "store it elsewhere and "
                          "keep a reference");
  }
  /// Steps may put values into values, again and again.
  static bool fits(const Value& value) { return depth(value) <= kMaxValueDepth; }

  template <typename Body>
  bool try_emit(const Step& step, Body body) {
    return host_.emit(run_, Event{run_.id, step.index.value, now_us_, std::move(body)});
  }
  /// For events that carry no values of the user's.
  template <typename Body>
  void emit(const Step& step, Body body) {
    SY_CHECK(try_emit(step, std::move(body)));
  }

  RunState& run_;
  Host& host_;
  const int64_t now_us_;
};

/// Automatic work is going on: the deadline counts.
bool is_working(const RunState& run) {
  if (!run.ready.empty()) return true;
  for (const StepState& step : run.steps) {
    if (step.in_flight || step.status == StepStatus::kStarted || step.status == StepStatus::kRetrying)
      return true;
  }
  return false;
}

int64_t deadline_us(const RunState& run) {
  return run.pipeline->deadline_us == 0 || !is_working(run)
             ? 0
             : run.stretch_started_us + run.pipeline->deadline_us;
}

}  // namespace

void advance(RunState& run, Host& host, int64_t now_us) { Stepper(run, host, now_us).advance(); }

bool complete_effect(RunState& run, StepIndex index, uint16_t attempt, EffectResult effect, Host& host,
                     int64_t now_us) {
  SY_CHECK(index.value < run.steps.size());
  StepState& state = run.steps[index.value];
  if (is_final(run.status) || !state.in_flight || state.attempt != attempt) return false;
  const Step& step = run.pipeline->steps[index.value];
  state.in_flight = false;
  Stepper stepper(run, host, now_us);
  const Value meta = copy_value(effect.meta.root(), *run.arena);
  if (effect.result.ok()) {
    stepper.complete(step, copy_value(effect.result->root(), *run.arena), meta);
  } else {
    stepper.fail_attempt(step, effect.result.error(), meta);
  }
  stepper.advance();
  return true;
}

void complete_review(RunState& run, StepIndex index, const Value& answer, std::string_view reviewer,
                     Host& host, int64_t now_us) {
  SY_CHECK(index.value < run.steps.size() && run.steps[index.value].status == StepStatus::kWaiting);
  Stepper stepper(run, host, now_us);
  const Value owned = copy_value(answer, *run.arena);
  stepper.complete(run.pipeline->steps[index.value], stepper.review_result(owned, reviewer), Value());
  stepper.advance();
}

void on_time(RunState& run, Host& host, int64_t now_us) {
  Stepper stepper(run, host, now_us);
  if (const int64_t deadline = deadline_us(run);
      deadline != 0 && now_us >= deadline && !is_final(run.status)) {
    return stepper.fail_run(make_error(ErrorKind::kDeadlineExceeded, "run.deadline_exceeded",
                                       "the pipeline's deadline passed before its automatic steps were done",
                                       "deadline"));
  }
  for (size_t i = 0; i < run.steps.size() && !is_final(run.status); ++i) {
    StepState& state = run.steps[i];
    const Step& step = run.pipeline->steps[i];
    if (state.in_flight && now_us >= state.attempt_deadline_us) {
      state.in_flight = false;
      stepper.fail_attempt(step,
                           make_error(ErrorKind::kDeadlineExceeded, "step.timeout",
                                      "the attempt gave no answer within its time-out", "steps." + step.name),
                           Value());
    } else if (state.due_us != 0 && now_us >= state.due_us) {
      if (state.status == StepStatus::kRetrying && !state.in_flight) {
        run.ready.push_back(static_cast<uint16_t>(i));
      } else if (state.status == StepStatus::kWaiting && step.kind == StepKind::kWait) {
        MapBuilder result(*run.arena);
        result.add("until", timestamp_value(state.due_us));
        stepper.complete(step, result.build(), Value());
      } else if (state.status == StepStatus::kWaiting) {
        stepper.breach(step);
      }
    }
  }
  stepper.advance();
}

int64_t next_due_us(const RunState& run) {
  if (is_final(run.status)) return 0;
  int64_t next = deadline_us(run);
  const auto consider = [&next](int64_t us) {
    if (us != 0 && (next == 0 || us < next)) next = us;
  };
  for (const StepState& step : run.steps) {
    if (step.in_flight)
      consider(step.attempt_deadline_us);
    else if (step.status == StepStatus::kWaiting || step.status == StepStatus::kRetrying)
      consider(step.due_us);
  }
  return next;
}

bool can_park(const RunState& run, int64_t now_us) {
  if (is_final(run.status) || !run.ready.empty()) return false;
  for (const StepState& step : run.steps) {
    if (step.in_flight || step.status == StepStatus::kStarted) return false;
    if (step.status == StepStatus::kRetrying && step.due_us < now_us + kParkAfterUs) return false;
  }
  return true;
}

void cancel(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us) {
  if (is_final(run.status)) return;
  Stepper stepper(run, host, now_us);
  stepper.close_reviews("the run was cancelled");
  RunCancelled body;
  body.who = who;
  body.why = why;
  SY_CHECK(host.emit(run, Event{run.id, kNoStep, now_us, body}));
}

}  // namespace switchyard::workflow
