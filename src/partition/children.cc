// Runs that are steps of other runs. A child lives in its parent's partition, so that both change in one
// turn.
#include "keys.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/start.h"

namespace switchyard::partition {
namespace {

Document text_map(std::string_view key, const std::string& value) {
  auto arena = std::make_shared<Arena>(128);
  MapBuilder map(*arena);
  map.add(key, Value::string(arena->copy(value)));
  const Value root = map.build();
  return Document(std::move(arena), root);
}

/// What a parent hears of it.
workflow::EffectResult end_of(const workflow::RunState& run) {
  workflow::EffectResult end{Error{}, text_map("run", run.id.to_string())};
  if (run.status == workflow::RunStatus::kCompleted)
    end.result = make_document(run.output);
  else
    end.result = make_error(run.error.kind, run.error.code, run.error.message, run.error.field);
  return end;
}

}  // namespace

void StateMachine::start_child(workflow::RunState& parent, workflow::ChildRequest request) {
  const Status begun = begin_child(parent, request);
  if (begun.ok()) {
    to_rest_.push_back(request.id);
  } else if (!request.detached) {
    ended_.push_back({request.id, parent.id, request.step, {begun.error(), {}}});
  }
}

Status StateMachine::begin_child(workflow::RunState& parent, const workflow::ChildRequest& request) {
  const std::string full_name = request.pipeline.name + "@" + request.pipeline.version;
  auto pipeline = catalog_->pipeline(request.pipeline.name, request.pipeline.version);
  if (pipeline == nullptr) {
    return make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                      "pipeline " + full_name + " is not available");
  }
  if (const auto* kill = catalog_->killed(ArtefactKind::kPipeline, pipeline->name, pipeline->version)) {
    return make_error(ErrorKind::kUnavailable, "governance.killed",
                      "pipeline " + full_name + " was switched off by " + kill->who + ": " + kill->why);
  }
  if (pipeline->state.has_value()) {
    return make_error(
        ErrorKind::kUnprocessable, "run.agent_only",
        "pipeline " + full_name + " keeps state under the keys of events: emit an event that starts it");
  }
  if (pipeline->concurrency.has_value()) {
    return make_error(ErrorKind::kUnprocessable, "run.limited_child",
                      "pipeline " + full_name +
                          " has `concurrency`, a limit over the whole server, and a child lives with its "
                          "parent: emit an event that starts it");
  }
  if (parent.depth >= workflow::kMaxChildRunDepth) {
    return make_error(ErrorKind::kResourceExhausted, "run.too_deep",
                      "a run may stand under at most " + std::to_string(workflow::kMaxChildRunDepth) +
                          " others; end the recursion earlier");
  }
  StartRun command;
  command.arena = std::make_shared<Arena>(1024);
  SY_ASSIGN_OR_RETURN(command.pins, catalog_->pins_for(*pipeline));
  auto facts =
      workflow::start_facts(*pipeline, copy_value(request.input.root(), *command.arena), *command.arena);
  if (!facts.ok()) return facts.error();
  RunStarted body = started_body(*pipeline, *command.pins);
  body.seed = environment_.random->next_u64();
  body.key = request.key.empty() ? std::string_view(facts->key) : std::string_view(request.key);
  body.principal = parent.principal;
  body.trace = parent.trace;
  body.input = facts->input;
  body.search = facts->search;
  body.tenant = parent.tenant;
  body.priority = priority_or(facts->priority, parent.priority);
  SY_ASSIGN_OR_RETURN(body.origin, child_origin(*pipeline, parent, facts->input, *command.arena));
  if (body.key.size() > kMaxKeyBytes) {
    return make_error(ErrorKind::kTooLarge, "run.key_too_large",
                      "a key may have at most " + std::to_string(kMaxKeyBytes) + " bytes", "key");
  }
  HotRun& child = hot_[request.id];
  SY_CHECK(child.state == nullptr);
  child.state = workflow::make_run(request.id, pipeline, command.pins, command.arena);
  if (!emit(*child.state, Event{request.id, kNoStep, now_us_, body})) {
    hot_.erase(request.id);
    return make_error(ErrorKind::kTooLarge, "run.input_too_large",
                      "the input is larger than one record of the log may be; send less, or a reference");
  }
  link_child(*child.state, parent, request.step, request.detached);
  workflow::advance(*child.state, *this, now_us_);
  return {};
}

void StateMachine::link_child(workflow::RunState& child, const workflow::RunState& parent, StepAddress at,
                              bool detached) {
  RunLinked link;
  link.parent = parent.id;
  link.parent_frame = at.frame;
  link.parent_step = at.step.value;
  link.depth = static_cast<uint16_t>(parent.depth + 1);
  link.detached = detached;
  SY_CHECK(emit(child, Event{child.id, kNoStep, now_us_, link}));
}

void StateMachine::cancel_child(workflow::RunState&, const RunId& child, std::string_view why) {
  auto run = find_run(child);
  if (!run.ok()) return;  // it has ended
  workflow::cancel(*(*run)->state, "the run that started it", why, *this, now_us_);
  to_rest_.push_back(child);
}

void StateMachine::note_end(const workflow::RunState& run) {
  if (run.parent.is_zero() || run.detached) return;
  ended_.push_back({run.id, run.parent, run.parent_step, end_of(run)});
}

void StateMachine::note_replayed(const Event& event, const workflow::RunState& run) {
  if (const auto* started = std::get_if<ChildStarted>(&event.body))
    waiting_children_[started->child] = run.id;
  if (workflow::is_final(run.status) && !run.parent.is_zero() && !run.detached)
    replayed_ends_.insert_or_assign(run.id, end_of(run));
}

void StateMachine::forget_replayed(const Event& event, const workflow::RunState& run) {
  const bool settles =
      std::holds_alternative<StepCompleted>(event.body) || std::holds_alternative<StepFailed>(event.body);
  if (!settles || event.step >= run.pipeline->steps.size()) return;
  const auto* state = workflow::find_step(run, {event.frame, StepIndex(event.step)});
  if (state == nullptr || state->child.is_zero()) return;
  waiting_children_.erase(state->child);
  replayed_ends_.erase(state->child);
}

std::optional<StepAddress> StateMachine::step_of_child(const workflow::RunState& parent, const RunId& child) {
  std::optional<StepAddress> at;
  workflow::for_each_frame(parent, [&](const workflow::Frame& frame) {
    const workflow::Block& block = parent.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      if (frame.steps[i].status == workflow::StepStatus::kWaiting && frame.steps[i].child == child)
        at = StepAddress{frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))};
    }
  });
  return at;
}

void StateMachine::link_children(int64_t now_us) {
  now_us_ = now_us;
  for (const auto& [child, parent_id] : waiting_children_) {
    const auto hot = hot_.find(child);
    if (hot == hot_.end() || !hot->second.state->parent.is_zero()) continue;
    auto parent = find_run(parent_id);
    if (!parent.ok()) continue;
    const auto at = step_of_child(*(*parent)->state, child);
    if (!at.has_value()) continue;
    const auto& spec = std::get<workflow::ChildSpec>((*parent)->state->pipeline->steps[at->step.value].spec);
    link_child(*hot_.at(child).state, *(*parent)->state, *at, spec.detached);
  }
}

void StateMachine::recover_children(int64_t now_us) {
  // A crash may have cut a turn between the two runs' events.
  now_us_ = now_us;
  for (const auto& [child, parent_id] : waiting_children_) {
    auto parent = find_run(parent_id);
    if (!parent.ok()) continue;
    workflow::RunState& state = *(*parent)->state;
    const auto at = step_of_child(state, child);
    if (at.has_value()) {
      const auto& spec = std::get<workflow::ChildSpec>(state.pipeline->steps[at->step.value].spec);
      std::string bytes;
      const auto stored = environment_.store->get(keys::of_id(keys::kRun, child), bytes);
      const bool begun = hot_.contains(child) || !stored.ok() || *stored;
      if (const auto end = replayed_ends_.find(child); end != replayed_ends_.end() && !spec.detached)
        ended_.push_back({child, parent_id, *at, std::move(end->second)});
      else if (!begun || spec.detached)
        workflow::restart_child(state, *at, begun, *this, now_us);
    }
    rest(parent_id, now_us);
  }
  waiting_children_.clear();
  replayed_ends_.clear();
}

}  // namespace switchyard::partition
