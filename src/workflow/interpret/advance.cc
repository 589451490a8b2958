#include <algorithm>
#include <cmath>

#include "../limits.h"
#include "interpret/stepper.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::workflow {
namespace {

// Of an error's message and field, as recorded.
constexpr size_t kMaxErrorBytes = 4096;

/// At most kMaxErrorBytes, cut between characters of the UTF-8 text.
std::string_view clip(std::string_view text) {
  if (text.size() <= kMaxErrorBytes) return text;
  size_t end = kMaxErrorBytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
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

}  // namespace

ErrorView Stepper::view(const Error& error) {
  return {error.kind, clip(error.code), clip(error.message), clip(error.field)};
}

Error to_error(const RunError& error) {
  return make_error(error.kind, error.code, error.message, error.field);
}

Error Stepper::too_large(const std::string& what) {
  return make_error(
      ErrorKind::kTooLarge, "workflow.result_too_large",
      what +
          " is larger, or nested deeper, than one record of the log may be; keep less, or store "
          "it elsewhere and keep a reference");
}

bool Stepper::fits(const Value& value) {
  // Stored as an optional, a value is one level deeper.
  return depth(value) < kMaxValueDepth;
}

Error Stepper::killed_error(const Kill& kill) const {
  return make_error(ErrorKind::kUnavailable, "governance.killed",
                    std::string(artefact_kind_name(kill.kind)) + " " + kill.name +
                        (kill.version.empty() ? "" : "@" + kill.version) + " was switched off by " +
                        kill.who + ": " + kill.why + "; revive it to go on");
}

void Stepper::advance() {
  if (is_final(run_.status) || run_.paused || run_.queued) return;
  // A pipeline that is switched off may still undo what it did.
  if (!run_.unwinding.has_value()) {
    if (const Kill* kill = host_.killed(ArtefactKind::kPipeline, run_.pipeline->name, run_.pipeline->version,
                                        {0, StepIndex(kNoStep)})) {
      fail_run(killed_error(*kill));
      if (is_final(run_.status)) return;  // else what that opened begins in this turn, too
    }
  }
  if (run_.resumed) resume();
  size_t steps = 0;
  while (true) {
    for (; steps < kMaxStepsPerTurn && !run_.ready.empty() && !is_final(run_.status); ++steps) {
      const StepAddress at = *run_.ready.begin();
      run_.ready.erase(run_.ready.begin());
      start(at);
    }
    const bool settled = run_.root.settled == run_.root.steps.size();
    if (!settled || is_final(run_.status) || run_.unwinding.has_value()) break;
    finish();  // which may open `finally`: its steps begin in this turn, too
  }
  host_.began(steps);
}

void Stepper::complete(StepAddress at, const Value& result, const Value& meta) {
  const StepState& s = state(at);
  StepCompleted body;
  body.attempt = s.attempt;
  body.started_us = s.attempt_started_us != 0 ? s.attempt_started_us : now_us_;
  body.result = result;
  body.meta = meta;
  if (fits(result) && try_emit(at, body)) return after_settle(at.frame);
  StepFailed failed;
  failed.attempt = body.attempt;
  failed.started_us = body.started_us;
  failed.meta = meta;
  fail_finally(at, too_large("the step's result"), failed);
}

void Stepper::fail_attempt(StepAddress at, const Error& error, int64_t retry_after_us, const Value& meta) {
  const StepState& s = state(at);
  StepFailed body;
  body.attempt = s.attempt;
  body.started_us = s.attempt_started_us != 0 ? s.attempt_started_us : now_us_;
  body.error = view(error);
  body.meta = meta;
  if (s.attempt < step(at).retry.attempts && is_retryable(error.kind)) {
    body.retry_at_us = now_us_ + std::max(backoff_us(at), retry_after_us);
    return emit_failure(at, body);
  }
  fail_finally(at, error, body);
}

void Stepper::fail_finally(StepAddress at, const Error& error, StepFailed body) {
  const OnError& on_error = step(at).on_error;
  body.error = view(error);
  if (on_error.action == OnError::Action::kSkip) {
    body.skipped = true;
    emit_failure(at, body);
    return after_settle(at.frame);
  }
  if (on_error.action == OnError::Action::kStep) {
    const StepState& other = state({at.frame, on_error.step});
    const bool absent = other.status == StepStatus::kSkipped && step(at).may_be_absent;
    if (other.status == StepStatus::kCompleted || absent) {
      body.has_fallback = !absent;
      body.skipped = absent;
      if (!absent) body.fallback = other.result;  // no larger than it was when it was recorded
      emit_failure(at, body);
      return after_settle(at.frame);
    }
  }
  if (on_error.action == OnError::Action::kValue) {
    const Frame& own = frame(at.frame);
    auto value = evaluate(*on_error.value, own.slots, *own.arena);
    if (value.ok() && fits(*value)) {
      body.has_fallback = true;
      body.fallback = *value;
      if (try_emit(at, body)) return after_settle(at.frame);
      body.has_fallback = false;
      body.fallback = Value();
    }
  }
  Error cause = error;
  if (cause.field.empty()) cause.field = "steps." + step_path(run_, at);
  emit_failure(at, body);
  fail_frame(at.frame, cause);
}

void Stepper::emit_failure(StepAddress at, StepFailed body) {
  if (!body.meta.is_null()) {
    if (try_emit(at, body)) return;
    body.meta = Value();
  }
  emit(at, body);
}

int64_t Stepper::backoff_us(StepAddress at) const {
  const RetryPolicy& policy = step(at).retry;
  const uint16_t attempt = state(at).attempt;
  const double grown =
      static_cast<double>(policy.backoff_first_us) * std::exp2(std::min<int>(attempt - 1, 40));
  const double base = std::min(grown, static_cast<double>(policy.backoff_max_us));
  const double drawn = seeded_uniform(run_, frame(at.frame), step(at).name, attempt);
  return std::max<int64_t>(1, static_cast<int64_t>(base * (1 + policy.jitter * (2 * drawn - 1))));
}

void Stepper::after_settle(uint32_t frame_id) {
  if (frame_id == 0) return;
  const Frame& nested = frame(frame_id);
  if (nested.settled == nested.steps.size()) finish_frame(frame_id);
}

void Stepper::finish() {
  auto output = evaluate(run_.pipeline->output, run_.root.slots, *run_.arena);
  if (!output.ok()) {
    Error error = std::move(output).error();
    error.field = error.field.empty() ? "output" : "output." + error.field;
    return fail_run(error);
  }
  if (!fits(*output)) return fail_run(too_large("the output"));
  if (run_.pipeline->finally.has_value()) {
    RunUnwinding body;
    body.ending = Ending::kCompleted;
    body.output = *output;
    return begin_unwinding(body);
  }
  RunCompleted body;
  body.output = *output;
  body.cost = run_.cost;
  if (!host_.emit(run_, Event{run_.id, kNoStep, now_us_, body})) fail_run(too_large("the output"));
}

void Stepper::give_up_child(StepAddress at, const Error& error) {
  host_.cancel_child(run_, state(at).child, "the step that started it timed out");
  fail_attempt(at, error);
}

void Stepper::breach(StepAddress at) {
  const auto& spec = std::get<ReviewSpec>(step(at).spec);
  const StepState& s = state(at);
  if (spec.on_breach == ReviewSpec::Breach::kEscalate && s.attempt == 1 && !s.review.is_zero()) {
    ReviewEscalated body;
    body.review = s.review;
    body.queue = spec.escalate_to;
    body.why = "the review was due";
    body.due_us = now_us_ + spec.due_us;
    return emit(at, body);
  }
  ReviewClosed closed;
  closed.review = s.review;
  closed.why = "the review was due";
  StepFailed body;
  body.attempt = s.attempt;
  body.started_us = now_us_;
  // A crash may have come between this and what follows from it.
  if (!s.review.is_zero()) emit(at, closed);
  if (spec.on_breach == ReviewSpec::Breach::kAnswer) {
    const Frame& own = frame(at.frame);
    auto answer = evaluate(*spec.breach_answer, own.slots, *own.arena);
    if (answer.ok()) return complete(at, review_result(own, *answer, "deadline"), Value());
    return fail_finally(at, answer.error(), body);
  }
  fail_finally(at,
               make_error(ErrorKind::kDeadlineExceeded, "review.breached",
                          "nobody answered the review in the queue '" + spec.queue +
                              "' before it was due; give the step an on_breach answer or more time",
                          "steps." + step_path(run_, at)),
               body);
}

Value Stepper::review_result(const Frame& own, const Value& answer, std::string_view reviewer) {
  MapBuilder result(*own.arena);
  for (const Member& member : answer.members()) result.add(member.key, member.value);
  result.add("reviewer", Value::string(own.arena->copy(reviewer)));
  result.add("answered_at", timestamp_value(now_us_));
  return result.build();
}

namespace {

/// The result of an attempt as the step's type has it: the body of an HTTP answer, or what a worker gives,
/// fits the schema that the document gives it, with numbers as the schema wants them.
Result<Value> typed_result(const Step& step, const Value& result, Arena& arena) {
  if (const auto* task = std::get_if<TaskSpec>(&step.spec)) {
    if (task->result == nullptr) return result;
    auto normal = task->result->normalize(result, arena);
    if (normal.ok()) return normal;
    return make_error(ErrorKind::kUnprocessable, "task.unexpected_result",
                      "what the worker gave does not fit the step's `result`: " + normal.error().message,
                      "result" + normal.error().field);
  }
  const auto* http = std::get_if<HttpSpec>(&step.spec);
  const Value* body = http == nullptr || http->response == nullptr ? nullptr : result.find("body");
  if (body == nullptr) return result;
  auto normal = http->response->normalize(*body, arena);
  if (!normal.ok()) {
    return make_error(ErrorKind::kUnprocessable, "http.unexpected_body",
                      "the answer's body does not fit the step's `response`: " + normal.error().message,
                      "body" + normal.error().field);
  }
  if (is_same(*normal, *body)) return result;
  std::span<Member> members;
  const Value typed = copy_for_update(result, arena, &members);
  for (Member& member : members)
    if (member.key.as_string() == "body") member.value = *normal;
  return typed;
}

}  // namespace

// --- the interface ---

void advance(RunState& run, Host& host, int64_t now_us) { Stepper(run, host, now_us).advance(); }

void admit(RunState& run, Host& host, int64_t now_us) {
  SY_CHECK(run.queued);
  SY_CHECK(host.emit(run, Event{run.id, kNoStep, now_us, RunAdmitted{}}));
  Stepper(run, host, now_us).advance();
}

bool complete_effect(RunState& run, StepAddress at, uint16_t attempt, EffectResult effect, Host& host,
                     int64_t now_us) {
  if (is_final(run.status)) return false;
  StepState* state = find_step(run, at);
  if (state == nullptr || !state->in_flight || state->attempt != attempt) return false;
  state->in_flight = false;
  Stepper stepper(run, host, now_us);
  Arena& arena = *find_frame(run, at.frame)->arena;
  const Value meta = copy_value(effect.meta.root(), arena);
  if (effect.result.ok()) {
    auto result = typed_result(stepper.step(at), copy_value(effect.result->root(), arena), arena);
    if (result.ok())
      stepper.complete(at, *result, meta);
    else
      stepper.fail_attempt(at, result.error(), 0, meta);
  } else {
    stepper.fail_attempt(at, effect.result.error(), effect.retry_after_us, meta);
  }
  stepper.advance();
  return true;
}

void complete_review(RunState& run, StepAddress at, const Value& answer, std::string_view reviewer,
                     Host& host, int64_t now_us) {
  const StepState* state = find_step(run, at);
  SY_CHECK(state != nullptr && state->status == StepStatus::kWaiting);
  Stepper stepper(run, host, now_us);
  const Frame& frame = *find_frame(run, at.frame);
  const Value owned = copy_value(answer, *frame.arena);
  stepper.complete(at, stepper.review_result(frame, owned, reviewer), Value());
  stepper.advance();
}

bool complete_child(RunState& run, StepAddress at, const RunId& child, const EffectResult& result, Host& host,
                    int64_t now_us) {
  if (is_final(run.status)) return false;
  const StepState* state = find_step(run, at);
  if (state == nullptr || state->status != StepStatus::kWaiting || state->child != child) return false;
  Stepper stepper(run, host, now_us);
  Arena& arena = *find_frame(run, at.frame)->arena;
  const Value meta = copy_value(result.meta.root(), arena);
  if (result.result.ok())
    stepper.complete(at, copy_value(result.result->root(), arena), meta);
  else
    stepper.fail_attempt(at, result.result.error(), 0, meta);
  stepper.advance();
  return true;
}

Status pause(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us) {
  if (run.paused) {
    return make_error(ErrorKind::kConflict, "run.paused",
                      "decision " + run.id.to_string() + " is paused already", "id");
  }
  SY_CHECK(host.emit(run, Event{run.id, kNoStep, now_us, RunPaused{who, why}}));
  return {};
}

Status resume(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us) {
  if (!run.paused) {
    return make_error(ErrorKind::kConflict, "run.not_paused",
                      "decision " + run.id.to_string() + " is not paused", "id");
  }
  SY_CHECK(host.emit(run, Event{run.id, kNoStep, now_us, RunResumed{who, why}}));
  on_time(run, host, now_us);
  return {};
}

void restart_child(RunState& run, StepAddress at, bool begun, Host& host, int64_t now_us) {
  Stepper stepper(run, host, now_us);
  stepper.restart_child(at, begun);
  stepper.advance();
}

void cancel(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us) {
  if (is_final(run.status) || run.unwinding.has_value()) return;
  Stepper stepper(run, host, now_us);
  stepper.cancel_run(who, why);
  stepper.advance();
}

}  // namespace switchyard::workflow
