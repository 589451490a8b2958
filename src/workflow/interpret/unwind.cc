// How a run ends: what is under way is given up, what was done is undone, `finally` runs, then the end is
// told.
#include <algorithm>

#include "interpret/stepper.h"

namespace switchyard::workflow {

void Stepper::abandon_frame(uint32_t id, std::string_view why) {
  const Block& block = run_.pipeline->blocks[frame(id).block.value];
  for (uint16_t i = 0; i < block.count; ++i) {
    const StepAddress at{id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
    const StepState& s = state(at);
    if (s.status == StepStatus::kOpen) abandon_container(at, why);
    if (s.status != StepStatus::kWaiting) continue;
    if (!s.review.is_zero()) {
      ReviewClosed body;
      body.review = s.review;
      body.why = why;
      emit(at, body);
    }
    if (!s.child.is_zero()) host_.cancel_child(run_, s.child, why);
  }
}

void Stepper::abandon_container(StepAddress at, std::string_view why) {
  std::vector<uint32_t> nested;
  for (const auto& [id, inner] : run_.frames)
    if (inner.parent == at.frame && inner.owner == at.step.value) nested.push_back(id);
  for (const uint32_t id : nested) abandon_frame(id, why);
}

void Stepper::abandon_all(std::string_view why) { abandon_frame(0, why); }

void Stepper::fail_run(const Error& error) {
  if (run_.unwinding.has_value()) return;  // the reason for the end is known already
  RunUnwinding body;
  body.ending = Ending::kFailed;
  body.error = view(error);
  begin_unwinding(body);
}

void Stepper::cancel_run(std::string_view who, std::string_view why) {
  RunUnwinding body;
  body.ending = Ending::kCancelled;
  body.who = who;
  body.why = why;
  begin_unwinding(body);
}

void Stepper::begin_unwinding(RunUnwinding body) {
  if (body.ending == Ending::kFailed) abandon_all("the run failed");
  if (body.ending == Ending::kCancelled) abandon_all("the run was cancelled");
  const bool undoes = body.ending != Ending::kCompleted && !run_.compensations.empty();
  // One that never began has nothing to undo or to end, and no place in which to do it.
  if (!run_.queued && (undoes || run_.pipeline->finally.has_value())) {
    if (!host_.emit(run_, Event{run_.id, kNoStep, now_us_, body})) return fail_run(too_large("the output"));
    return continue_unwinding();
  }
  if (body.ending == Ending::kCancelled) {
    SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, RunCancelled{body.who, body.why}}));
    return;
  }
  RunFailed failed;
  failed.error = body.error;
  failed.cost = run_.cost;
  SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, failed}));
}

void Stepper::continue_unwinding() {
  if (!run_.unwinding.has_value() || !run_.frames.empty() || is_final(run_.status)) return;
  if (*run_.unwinding != Ending::kCompleted && !run_.finally_begun) {
    for (size_t i = run_.compensations.size(); i-- > 0;) {
      const Compensation& entry = run_.compensations[i];
      if (entry.begun) continue;
      return open_block({0, entry.step}, *step({0, entry.step}).compensation, static_cast<uint32_t>(i));
    }
  }
  if (run_.pipeline->finally.has_value() && !run_.finally_begun) {
    return open_block({0, StepIndex(kNoStep)}, *run_.pipeline->finally, 0);
  }
  end_run();
}

void Stepper::end_run() {
  if (*run_.unwinding == Ending::kCompleted) {
    RunCompleted body;
    body.output = run_.output;
    body.cost = run_.cost;
    SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, body}));  // it was recorded before
  } else if (*run_.unwinding == Ending::kFailed) {
    const Error error = to_error(run_.error);
    RunFailed body;
    body.error = view(error);
    body.cost = run_.cost;
    SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, body}));
  } else {
    const std::string who = run_.cancelled_by, why = run_.cancelled_why;
    SY_CHECK(host_.emit(run_, Event{run_.id, kNoStep, now_us_, RunCancelled{who, why}}));
  }
}

/// Where the log broke off between an event and those that follow from it at once.
void Stepper::resume_cut() {
  std::vector<StepAddress> failed, unasked;
  for_each_frame(run_, [&](const Frame& own) {
    const Block& block = run_.pipeline->blocks[own.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      const StepState& s = own.steps[i];
      const StepAddress at{own.id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
      if (s.status == StepStatus::kFailed) failed.push_back(at);
      const bool review = run_.pipeline->steps[at.step.value].kind == StepKind::kReview;
      if (review && s.status == StepStatus::kWaiting && s.review.is_zero()) unasked.push_back(at);
    }
  });
  // The innermost first: how a frame ends may concern the one around it.
  for (auto at = failed.rbegin(); at != failed.rend(); ++at) {
    const StepState* s = find_step(run_, *at);
    if (s == nullptr || s->error == nullptr || is_final(run_.status)) continue;
    Error cause = to_error(*s->error);
    if (cause.field.empty()) cause.field = "steps." + step_path(run_, *at);
    fail_frame(at->frame, cause);
  }
  // The question was closed, and why is not recorded: it is put again.
  for (const StepAddress at : unasked) {
    const StepState* s = find_step(run_, at);
    if (s != nullptr && s->status == StepStatus::kWaiting && !is_final(run_.status)) start_review(at);
  }
}

void Stepper::resume() {
  run_.resumed = false;
  resume_cut();
  std::vector<uint32_t> full;
  std::vector<StepAddress> open;
  for_each_frame(run_, [&](const Frame& own) {
    if (own.id != 0 && own.settled == own.steps.size()) full.push_back(own.id);
    const Block& block = run_.pipeline->blocks[own.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      if (own.steps[i].status == StepStatus::kOpen)
        open.push_back({own.id, StepIndex(static_cast<uint16_t>(block.first.value + i))});
    }
  });
  for (const uint32_t id : full)
    if (find_frame(run_, id) != nullptr) finish_frame(id);
  for (const StepAddress at : open) continue_container(at);
  continue_unwinding();
}

}  // namespace switchyard::workflow
