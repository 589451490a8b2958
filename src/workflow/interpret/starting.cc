// How a step begins, by kind.
#include <algorithm>

#include "interpret/stepper.h"

namespace switchyard::workflow {
namespace {

// Time-outs of one attempt where the document gives none.
constexpr int64_t kModelTimeoutUs = 5'000'000;
constexpr int64_t kChatTimeoutUs = 60'000'000;
constexpr int64_t kHttpTimeoutUs = 10'000'000;
constexpr int64_t kTaskTimeoutUs = 3'600'000'000;  // a worker that falls silent is noticed much earlier

}  // namespace

void Stepper::start(StepAddress at) {
  StepState* found = find_step(run_, at);
  if (found == nullptr) return;
  StepState& s = *found;
  const Step& what = step(at);
  s.attempt_started_us = now_us_;
  if (s.status == StepStatus::kPending && what.when.has_value() && s.attempt == 1) {
    const Frame& own = frame(at.frame);
    auto wanted = evaluate_condition(*what.when, own.slots, *own.arena);
    if (!wanted.ok()) return fail_attempt(at, wanted.error());
    if (!*wanted) {
      emit(at, StepSkipped{});
      return after_settle(at.frame);
    }
  }
  switch (what.kind) {
    case StepKind::kSet: {
      const Frame& own = frame(at.frame);
      return settle_pure(at, evaluate(std::get<SetSpec>(what.spec).value, own.slots, *own.arena));
    }
    case StepKind::kFail: return start_fail(at);
    case StepKind::kRules: return start_rules(at);
    case StepKind::kTriage: return start_triage(at);
    case StepKind::kModel: return start_model(at);
    case StepKind::kHttp: return start_http(at);
    case StepKind::kTask: return start_task(at);
    case StepKind::kEnsemble:
    case StepKind::kCascade: return start_panel(at);
    case StepKind::kReview: return start_review(at);
    case StepKind::kWait: return start_wait(at);
    case StepKind::kForEach:
    case StepKind::kRepeat:
    case StepKind::kSequence:
    case StepKind::kTry: return open_container(at);
    case StepKind::kPipeline: return start_child(at);
    case StepKind::kEmit: return start_emit(at);
    case StepKind::kListen: return start_listen(at);
    case StepKind::kState: return start_state(at);
    default: SY_CHECK(false);  // compile() refuses every other kind
  }
}

void Stepper::settle_pure(StepAddress at, const Result<Value>& result) {
  if (result.ok())
    complete(at, *result, Value());
  else
    fail_attempt(at, result.error());
}

void Stepper::start_fail(StepAddress at) {
  const auto& spec = std::get<FailSpec>(step(at).spec);
  const Frame& own = frame(at.frame);
  auto message = evaluate(spec.message, own.slots, *own.arena);
  const std::string text =
      message.ok() && message->is(Kind::kString) ? std::string(message->as_string()) : spec.code;
  fail_attempt(at, make_error(ErrorKind::kUnprocessable, spec.code, text, "steps." + step_path(run_, at)));
}

void Stepper::start_rules(StepAddress at) {
  const auto& spec = std::get<RulesSpec>(step(at).spec);
  const Pin* pin = run_.pins->find(ArtefactKind::kRules, spec.table.name);
  SY_CHECK(pin != nullptr);
  if (const Kill* kill = host_.killed(ArtefactKind::kRules, pin->name, pin->version, at)) {
    return fail_attempt(at, killed_error(*kill));
  }
  if (pin->table == nullptr) {
    return fail_attempt(at, make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                                       "rule table " + pin->name + "@" + pin->version + " is not available"));
  }
  const Frame& own = frame(at.frame);
  auto facts = evaluate(spec.facts, own.slots, *own.arena);
  if (!facts.ok()) return fail_attempt(at, facts.error());
  settle_pure(at, pin->table->evaluate(*facts, *own.arena));
}

void Stepper::start_triage(StepAddress at) {
  auto outcome = evaluate_triage(run_, frame(at.frame), step(at), host_, now_us_);
  if (!outcome.ok()) return fail_attempt(at, outcome.error());
  if (outcome->uses_budget) {
    const std::string scope = budget_scope(run_, step(at));
    BudgetUsed body;
    body.scope = scope;
    body.day = day_of(now_us_);
    emit(at, body);
  }
  complete(at, outcome->result, Value());
}

Status Stepper::may_ask(StepAddress at, const ModelSpec& spec) {
  const auto check = [&](const Pin* pin) -> Status {
    SY_CHECK(pin != nullptr);
    const Kill* kill = host_.killed(pin->kind, pin->name, pin->version, at);
    return kill == nullptr ? Status() : Status(killed_error(*kill));
  };
  SY_RETURN_IF_ERROR(check(run_.pins->find_model(spec.model.name)));
  return spec.prompt.has_value() ? check(run_.pins->find(ArtefactKind::kPrompt, spec.prompt->name))
                                 : Status();
}

Result<ModelCall> Stepper::prepare_model(StepAddress at, const ModelSpec& spec, std::string_view member) {
  const Frame& own = frame(at.frame);
  const Pin* pin = run_.pins->find_model(spec.model.name);
  SY_CHECK(pin != nullptr);
  ModelCall call{pin->name, pin->version, {}, {}, pin->kind == ArtefactKind::kRoute};
  if (spec.prompt.has_value()) {
    const Pin* prompt = run_.pins->find(ArtefactKind::kPrompt, spec.prompt->name);
    SY_CHECK(prompt != nullptr);
    if (prompt->prompt == nullptr) {
      return make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                        "prompt " + prompt->name + "@" + prompt->version + " is not available");
    }
    call.prompt = PromptUse{prompt->prompt, seed_of(run_, own, step(at).name + "/" + std::string(member))};
  }
  SY_ASSIGN_OR_RETURN(const Value input, evaluate(spec.input, own.slots, *own.arena));
  call.input = Document(own.arena, input);
  return call;
}

void Stepper::start_model(StepAddress at) {
  const auto& spec = std::get<ModelSpec>(step(at).spec);
  if (Status allowed = may_ask(at, spec); !allowed.ok()) return fail_attempt(at, allowed.error());
  auto call = prepare_model(at, spec, "");
  if (!call.ok()) return fail_attempt(at, call.error());
  const bool chats = call->prompt.has_value();
  request(at, std::move(*call), chats ? kChatTimeoutUs : kModelTimeoutUs);
}

Result<PanelCall> Stepper::prepare_panel(StepAddress at) {
  const auto* cascade = std::get_if<CascadeSpec>(&step(at).spec);
  const auto& members = cascade != nullptr ? cascade->tiers : std::get<EnsembleSpec>(step(at).spec).members;
  const Frame& own = frame(at.frame);
  PanelCall panel;
  for (const PanelMember& member : members) {
    PanelCall::Member each;
    each.name = member.name;
    each.timeout_us = member.timeout_us;
    SY_ASSIGN_OR_RETURN(each.call, prepare_model(at, member.ask, member.name));
    // The others may do without it: whether they can comes back with the step's result. So nothing that is
    // recorded here depends on a switch.
    if (Status allowed = may_ask(at, member.ask); !allowed.ok()) each.refused = allowed.error();
    if (member.cost.has_value()) {
      SY_ASSIGN_OR_RETURN(each.cost, evaluate_amount(*member.cost, own.slots, *own.arena));
    }
    panel.members.push_back(std::move(each));
  }
  if (cascade != nullptr && cascade->error_cost.has_value()) {
    SY_ASSIGN_OR_RETURN(panel.error_cost, evaluate_amount(*cascade->error_cost, own.slots, *own.arena));
  }
  return panel;
}

void Stepper::start_panel(StepAddress at) {
  auto panel = prepare_panel(at);
  if (!panel.ok()) return fail_attempt(at, panel.error());
  const bool chats = std::any_of(panel->members.begin(), panel->members.end(),
                                 [](const auto& member) { return member.call.prompt.has_value(); });
  request(at, std::move(*panel), chats ? kChatTimeoutUs : kModelTimeoutUs);
}

void Stepper::start_http(StepAddress at) {
  auto call = prepare_http(frame(at.frame), std::get<HttpSpec>(step(at).spec));
  if (!call.ok()) return fail_attempt(at, call.error());
  record_start(at);
  request(at, std::move(*call), kHttpTimeoutUs);
}

void Stepper::start_task(StepAddress at) {
  const auto& spec = std::get<TaskSpec>(step(at).spec);
  TaskCall call;
  if (spec.input.has_value()) {
    const Frame& own = frame(at.frame);
    auto input = evaluate(*spec.input, own.slots, *own.arena);
    if (!input.ok()) return fail_attempt(at, input.error());
    if (!fits(*input)) return fail_attempt(at, too_large("the task's input"));
    call.input = Document(own.arena, *input);
  }
  call.queue = spec.queue;
  call.type = spec.type;
  call.heartbeat_us = spec.heartbeat_us;
  call.step = step_path(run_, at);
  call.tenant = run_.tenant;
  record_start(at);
  request(at, std::move(call), kTaskTimeoutUs);
}

/// That an effectful step begins is known before it does.
void Stepper::record_start(StepAddress at) {
  if (step(at).effect != EffectClass::kEffectful || state(at).status == StepStatus::kStarted) return;
  StepStarted body;
  body.attempt = state(at).attempt;
  emit(at, body);
}

void Stepper::start_review(StepAddress at) {
  auto body = prepare_review(run_, frame(at.frame), step(at), host_.new_id(now_us_), now_us_);
  if (!body.ok()) return fail_attempt(at, body.error());
  if (!fits(body->show) || !try_emit(at, *body)) fail_attempt(at, too_large("what the review shows"));
}

void Stepper::start_wait(StepAddress at) {
  const auto& spec = std::get<WaitSpec>(step(at).spec);
  StepWaiting body;
  body.until_us = now_us_ + spec.for_us;
  const auto& program = spec.until.has_value() ? spec.until : spec.for_expression;
  if (program.has_value()) {
    const Frame& own = frame(at.frame);
    auto value = program->evaluate(own.slots, *own.arena);
    if (!value.ok()) return fail_attempt(at, value.error());
    const Kind wanted = spec.until.has_value() ? Kind::kTimestamp : Kind::kDuration;
    if (!value->is(wanted)) {
      return fail_attempt(
          at, make_error(ErrorKind::kUnprocessable, "workflow.bad_wait",
                         "'" + program->text() + "' gave " + std::string(kind_name(value->kind())) +
                             "; until takes a timestamp, for takes a duration"));
    }
    const int64_t us = value->seconds() * 1'000'000 + value->nanos() / 1000;
    body.until_us = spec.until.has_value() ? us : now_us_ + us;
  }
  body.until_us = std::max(body.until_us, now_us_);
  emit(at, body);
}

Result<ChildRequest> Stepper::prepare_child(StepAddress at) {
  const auto& spec = std::get<ChildSpec>(step(at).spec);
  const Pin* pin = run_.pins->find(ArtefactKind::kPipeline, spec.pipeline.name);
  SY_CHECK(pin != nullptr);
  const Frame& own = frame(at.frame);
  ChildRequest request;
  request.step = at;
  request.pipeline = {pin->name, pin->version};
  request.detached = spec.detached;
  SY_ASSIGN_OR_RETURN(const Value input, evaluate(spec.input, own.slots, *own.arena));
  if (!fits(input)) return too_large("the child's input");
  request.input = Document(own.arena, input);
  if (spec.key.has_value()) {
    SY_ASSIGN_OR_RETURN(request.key, evaluate_text(*spec.key, own.slots, *own.arena));
  }
  return request;
}

void Stepper::start_child(StepAddress at) {
  auto request = prepare_child(at);
  if (!request.ok()) return fail_attempt(at, request.error());
  request->id = host_.new_id(now_us_);
  ChildStarted body;
  body.child = request->id;
  body.pipeline = request->pipeline.name;
  body.version = request->pipeline.version;
  body.detached = request->detached;
  emit(at, body);
  host_.start_child(run_, *request);
  if (request->detached) complete_detached(at, request->id);
}

void Stepper::restart_child(StepAddress at, bool begun) {
  const RunId child = state(at).child;
  if (!begun) {
    auto request = prepare_child(at);
    SY_CHECK(request.ok());  // it was asked for before
    request->id = child;
    host_.start_child(run_, *request);
  }
  if (std::get<ChildSpec>(step(at).spec).detached) complete_detached(at, child);
}

void Stepper::complete_detached(StepAddress at, const RunId& child) {
  Arena& arena = *frame(at.frame).arena;
  MapBuilder result(arena);
  result.add("run", Value::string(arena.copy(child.to_string())));
  complete(at, result.build(), Value());
}

void Stepper::request(StepAddress at, decltype(EffectRequest::call) call, int64_t default_timeout_us) {
  StepState& s = state(at);
  const Step& what = step(at);
  s.in_flight = true;
  s.attempt_deadline_us = now_us_ + (what.timeout_us != 0 ? what.timeout_us : default_timeout_us);
  if (run_.pipeline->deadline_us != 0 && !run_.unwinding.has_value()) {
    s.attempt_deadline_us =
        std::min(s.attempt_deadline_us, run_.stretch_started_us + run_.pipeline->deadline_us);
  }
  EffectRequest effect;
  effect.run = run_.id;
  effect.step = at;
  effect.attempt = s.attempt;
  effect.effect = what.effect;
  if (what.kind == StepKind::kHttp || what.kind == StepKind::kTask) {
    effect.idempotency_key =
        run_.id.to_string() + "/" + what.name + (at.frame == 0 ? "" : "." + std::to_string(at.frame)) + "/1";
  }
  effect.trace = run_.trace;
  effect.key = run_.key;
  effect.tenant = run_.tenant;
  effect.principal = run_.principal;
  effect.priority = run_.priority;
  effect.deadline_us = s.attempt_deadline_us;
  effect.call = std::move(call);
  effect.pipeline = run_.pipeline;
  host_.start_effect(run_, std::move(effect));
}

}  // namespace switchyard::workflow
