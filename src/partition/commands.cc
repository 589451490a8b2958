// Commands on runs: start, results of effects, pause, resume, cancel.
#include <algorithm>

#include "admission.h"
#include "check_why.h"
#include "event_flow.h"
#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/workflow/agent.h"

namespace switchyard::partition {

namespace {

/// Who cancels what a newer run supersedes.
constexpr std::string_view kLatestWins = "concurrency: latest_wins";

}  // namespace

RunStarted StateMachine::started_body(const workflow::Pipeline& pipeline, const workflow::Pins& pins) {
  RunStarted body;
  body.pipeline = pipeline.name;
  body.version = pipeline.version;
  body.pipeline_hash = pipeline.hash;
  body.governance = pins.governance;
  for (const workflow::Pin& pin : pins.pins)
    body.pins.push_back({pin.kind, pin.name, pin.version, pin.sha256});
  return body;
}

namespace {

/// The origin of the run's record: with how far its answers are to be trusted, and with what the run will
/// listen for, so that events are kept for it from its start on.
Result<Value> full_origin(const workflow::Pipeline& pipeline, const StartRun& command) {
  if (pipeline.listeners.empty() && !command.ack_received) return command.origin;
  Arena& arena = *command.arena;
  MapBuilder origin(arena);
  if (command.origin.is(Kind::kMap)) {
    for (const Member& member : command.origin.members()) origin.add(member.key, member.value);
  } else {
    origin.add("kind", Value::string("request"));
  }
  if (command.ack_received) origin.add("ack", Value::string("received"));
  if (!pipeline.listeners.empty()) {
    SY_ASSIGN_OR_RETURN(const Value listens, workflow::listens_of(pipeline, command.input, arena));
    origin.add("listens", listens);
  }
  return origin.build();
}

}  // namespace

Result<Value> StateMachine::child_origin(const workflow::Pipeline& pipeline, const workflow::RunState& parent,
                                         const Value& input, Arena& arena) {
  const uint32_t hops = workflow::hops_of(parent);
  if (hops == 0 && pipeline.listeners.empty()) return Value();
  MapBuilder origin(arena);
  origin.add("kind", Value::string("child"));
  // As many as of the parent: it is no agent of its own.
  if (hops != 0) origin.add("hops", Value::integer(hops - 1));
  if (!pipeline.listeners.empty()) {
    SY_ASSIGN_OR_RETURN(const Value listens, workflow::listens_of(pipeline, input, arena));
    origin.add("listens", listens);
  }
  return origin.build();
}

Result<Started> StateMachine::start_run(StartRun command, int64_t now_us) {
  refresh_catalog();
  for (const auto* text : {&command.key, &command.idempotency_key, &command.principal, &command.group}) {
    if (text->size() > kMaxKeyBytes) {
      return make_error(ErrorKind::kTooLarge, "run.key_too_large",
                        "a key may have at most " + std::to_string(kMaxKeyBytes) + " bytes", "key");
    }
  }
  std::string idempotency;
  bool ran_out = false;
  if (!command.idempotency_key.empty()) {
    idempotency = keys::idempotency(command.principal, command.idempotency_key);
    SY_ASSIGN_OR_RETURN(const bool known, environment_.store->get(idempotency, scratch_));
    if (known) {
      ByteReader in(scratch_);
      const RunId earlier = RunId::from_bytes(in.raw(16));
      const auto policy = environment_.retention ? environment_.retention() : nullptr;
      ran_out = policy != nullptr && policy->idempotency_us != 0 &&
                now_us - earlier.unix_ms() * 1000 > policy->idempotency_us;
      if (!ran_out && in.u64() == command.request_hash) return Started{earlier, true};
      if (!ran_out)
        return make_error(ErrorKind::kUnprocessable, "run.idempotency_mismatch",
                          "the Idempotency-Key '" + command.idempotency_key +
                              "' was used before with another request (decision " + earlier.to_string() +
                              "); use a new key for a new request",
                          "Idempotency-Key");
    }
  }
  const workflow::Pipeline& pipeline = *command.pipeline;
  if (const auto* kill = catalog_->killed(ArtefactKind::kPipeline, pipeline.name, pipeline.version)) {
    return make_error(
        ErrorKind::kUnavailable, "governance.killed",
        "pipeline " + pipeline.full_name() + " was switched off by " + kill->who + ": " + kill->why);
  }
  const Value* kind = command.origin.is(Kind::kMap) ? command.origin.find("kind") : nullptr;
  if (pipeline.state.has_value() && (kind == nullptr || kind->as_string() != "event")) {
    return make_error(ErrorKind::kUnprocessable, "run.agent_only",
                      "pipeline " + pipeline.full_name() +
                          " keeps state under the keys of events: publish an event that starts it",
                      "pipeline");
  }
  if (hot_.size() >= kMaxHotRuns) {
    return make_error(
        ErrorKind::kResourceExhausted, "partition.too_many_runs",
        "this partition has " + std::to_string(kMaxHotRuns) + " decisions under way; try again shortly");
  }

  Admission::Verdict verdict;
  if (pipeline.concurrency.has_value()) {
    SY_CHECK(group_partition(pipeline.name, command.group, environment_.partitions) ==
             environment_.partition);
    SY_ASSIGN_OR_RETURN(verdict, admission_->ask(pipeline, command.group));
  }

  const RunId id = command.id.is_zero() ? new_id(now_us) : command.id;
  RunStarted body = started_body(pipeline, *command.pins);
  body.seed = environment_.random->next_u64();
  body.key = command.key;
  body.idempotency_key = command.idempotency_key;
  body.request_hash = command.request_hash;
  body.principal = command.principal;
  body.trace = command.trace;
  body.input = command.input;
  body.search = command.search;
  SY_ASSIGN_OR_RETURN(body.origin, full_origin(pipeline, command));
  body.tenant = command.tenant;
  body.priority = command.priority;
  body.grouped = pipeline.concurrency.has_value();
  body.queued = verdict.queued;
  body.group = command.group;
  body.place = verdict.place;

  now_us_ = now_us;
  HotRun& run = hot_[id];
  SY_CHECK(run.state == nullptr);
  run.state = workflow::make_run(id, command.pipeline, command.pins, command.arena);
  if (!emit(*run.state, Event{id, kNoStep, now_us, std::move(body)})) {
    hot_.erase(id);
    return make_error(ErrorKind::kTooLarge, "run.input_too_large",
                      "the input is larger than one record of the log may be; send less, or a reference");
  }
  if (!idempotency.empty()) {
    std::string value(id.view());
    ByteWriter(value).u64(command.request_hash);
    if (ran_out)
      environment_.store->put(idempotency, value);
    else
      environment_.store->insert(idempotency, value);
  }
  if (command.restart.has_value()) keep_results(*run.state, *command.restart, command.principal);
  if (verdict.queued) admission_->enforce_latest(pipeline.name, command.group, now_us);
  workflow::advance(*run.state, *this, now_us);
  rest(id, now_us);
  return Started{id, false};
}

Status StateMachine::admit(const RunId& id, int64_t now_us) {
  now_us_ = now_us;
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(id));
  workflow::admit(*run->state, *this, now_us);
  rest(id, now_us);
  return {};
}

void StateMachine::supersede(const RunId& id, const RunId& newest, int64_t now_us) {
  auto run = find_run(id);
  if (!run.ok()) return;
  ++stats_.runs_superseded;
  workflow::cancel(*(*run)->state, kLatestWins,
                   "decision " + newest.to_string() + " of the same key is newer", *this, now_us);
  to_rest_.push_back(id);
}

void StateMachine::keep_results(workflow::RunState& run, const Restart& restart, std::string_view who) {
  RunRestarted body;
  body.of = restart.of;
  body.step = restart.step;
  body.who = who;
  body.why = restart.why;
  body.kept = static_cast<uint32_t>(restart.kept.size());
  SY_CHECK(emit(run, Event{run.id, kNoStep, now_us_, body}));
  for (const workflow::KeptResult& kept : restart.kept) {
    EventBody result = StepSkipped{};
    if (!kept.skipped) result = StepCompleted{1, now_us_, kept.result, Value()};
    // They were records of the log before.
    SY_CHECK(emit(run, Event{run.id, kept.step.value, now_us_, std::move(result)}));
    run.ready.erase({0, kept.step});
  }
}

bool StateMachine::complete_effect(const RunId& id, StepAddress step, uint16_t attempt,
                                   workflow::EffectResult result, int64_t now_us) {
  refresh_catalog();
  now_us_ = now_us;
  const auto it = hot_.find(id);
  if (it == hot_.end() ||
      !workflow::complete_effect(*it->second.state, step, attempt, std::move(result), *this, now_us)) {
    ++stats_.late_results;
    return false;
  }
  rest(id, now_us);
  return true;
}

Status StateMachine::pause_run(const RunId& id, std::string_view who, std::string_view why, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_why(why));
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(id));
  now_us_ = now_us;
  Status paused = workflow::pause(*run->state, who, why, *this, now_us);
  rest(id, now_us);
  return paused;
}

Status StateMachine::resume_run(const RunId& id, std::string_view who, std::string_view why, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_why(why));
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(id));
  now_us_ = now_us;
  Status resumed = workflow::resume(*run->state, who, why, *this, now_us);
  // What was heard meanwhile was kept.
  if (resumed.ok()) {
    for (const workflow::Listener& listener : run->state->pipeline->listeners)
      workflow::offer_events(*run->state, listener.step, *this, now_us);
  }
  rest(id, now_us);
  return resumed;
}

Status StateMachine::cancel_run(const RunId& id, std::string_view who, std::string_view why, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_why(why));
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(id));
  now_us_ = now_us;
  workflow::cancel(*run->state, who, why, *this, now_us);
  rest(id, now_us);
  return {};
}

}  // namespace switchyard::partition
