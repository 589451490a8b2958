#include "history.h"

#include <algorithm>

#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::sim {

void History::fail(const std::string& what) {
  if (breach_.empty()) breach_ = at_ + ": " + what;
}

void History::add(PartitionId partition, partition::RecordedEvent recorded) {
  const Event event = recorded.event;
  at_ = "partition " + std::to_string(partition.value) + ", offset " + std::to_string(recorded.offset.value) +
        ", run " + event.run.to_string() + ", " + std::string(event_type_name(event.type()));
  if (event.run.is_zero()) return add_retention(partition, event);
  Run& run = runs_[event.run];
  if (const auto* started = std::get_if<RunStarted>(&event.body)) {
    if (!run.events.empty()) fail("the run was started twice");
    run.pipeline = catalog_.pipeline_by_hash(started->pipeline_hash).get();
    if (run.pipeline == nullptr) fail("unknown pipeline");
    run.pipeline_name = started->pipeline;
    run.key = started->key;
    run.principal = started->principal;
    run.idempotency_key = started->idempotency_key;
    if (!run.idempotency_key.empty()) {
      const std::string key = run.principal + "\n" + run.idempotency_key;
      const auto before = keys_.find(key);
      const bool ran_out = before != keys_.end() && event.time_us - before->second.unix_ms() * 1000 >
                                                        simulated_policy()->idempotency_us;
      if (ran_out) keys_.erase(before);
      const auto [known, is_new] = keys_.emplace(key, event.run);
      if (!is_new)
        fail("the idempotency key '" + run.idempotency_key + "' already started " +
             known->second.to_string());
    }
  } else if (run.events.empty()) {
    fail("the run was never started");
  }
  if (run.ended) fail("an event after the end");
  run.events.push_back(std::move(recorded));
  if (run.pipeline == nullptr) return;
  add_signal(run, event);
  if (const auto* migrated = std::get_if<RunMigrated>(&event.body)) return migrate(run, *migrated);
  add_step(run, event);
  add_review(run, event);
  end(run, event);
}

/// Retention touches only what is over, old enough, and not held.
void History::forget(PartitionId partition, const RunId& id, int64_t now_us, bool remove) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return fail("retention touches a run that never was");
  Run& run = found->second;
  const auto* rule = simulated_policy()->class_of(run.pipeline_name);
  if (!run.ended) return fail("retention touches a run that is not over");
  if (run.deleted) return fail("retention touches a deleted run");
  if (!remove && run.compacted) return fail("a run is compacted twice");
  const int64_t after_us = remove ? rule->delete_us : rule->full_us;
  if (after_us == 0 || now_us - run.ended_us < after_us) fail("retention comes too early");
  for (const auto& [name, hold] : holds_) {
    if (name.first != partition.value) continue;
    const bool fits = (!hold.run.has_value() || *hold.run == id) &&
                      (hold.key.empty() || hold.key == run.key) &&
                      (hold.pipeline.empty() ||
                       run.pipeline_name.starts_with(hold.pipeline.substr(0, hold.pipeline.size() - 1)));
    if (fits) fail("retention touches a run that " + name.second + " holds");
  }
  (remove ? run.deleted : run.compacted) = true;
}

void History::add_retention(PartitionId partition, const Event& event) {
  if (const auto* set = std::get_if<HoldSet>(&event.body)) {
    holds_[{partition.value, std::string(set->name)}] = partition::hold_from_value(set->name, set->filter);
  } else if (const auto* released = std::get_if<HoldReleased>(&event.body)) {
    holds_.erase({partition.value, std::string(released->name)});
  } else if (const auto* compacted = std::get_if<RunsCompacted>(&event.body)) {
    for (const RunId& id : compacted->runs) forget(partition, id, event.time_us, false);
  } else if (const auto* deleted = std::get_if<RunsDeleted>(&event.body)) {
    for (const DeletedRun& each : deleted->runs) forget(partition, each.run, event.time_us, true);
  }
}

/// Steps and blocks have other places from here on.
void History::migrate(Run& run, const RunMigrated& migrated) {
  const workflow::Pipeline& before = *run.pipeline;
  if (migrated.from != before.version) fail("the run was under another version");
  run.pipeline = catalog_.pipeline_by_hash(migrated.pipeline_hash).get();
  if (run.pipeline == nullptr) return fail("unknown version");
  if (migrated.steps.size() != before.steps.size()) return fail("not every step has a place");
  const auto move = [&](auto& table) {
    std::decay_t<decltype(table)> moved;
    for (const auto& [at, value] : table) {
      const uint16_t place = migrated.steps[at.step.value];
      if (place == kNoStep) continue;
      if (run.pipeline->steps[place].name != before.steps[at.step.value].name)
        fail("a step took another's place");
      moved[{at.frame, StepIndex(place)}] = value;
    }
    table = std::move(moved);
  };
  move(run.started);
  move(run.attempts);
  move(run.waits_for);
  std::set<StepAddress> settled;
  for (const StepAddress at : run.settled) {
    const uint16_t place = migrated.steps[at.step.value];
    if (place != kNoStep)
      settled.insert({at.frame, StepIndex(place)});
    else if (at.frame == 0)
      fail("a result of step " + before.steps[at.step.value].name + " was lost");
  }
  run.settled = std::move(settled);
  for (const auto& [at, review] : run.waits_for) reviews_[review].step = at;
  ++run.migrations;
}

/// What a run was told, and who took it: each at most once.
void History::add_signal(Run& run, const Event& event) {
  if (const auto* signal = std::get_if<SignalReceived>(&event.body)) {
    const std::string payload = to_canonical_json(signal->payload);
    run.signals.push_back({payload, false});
    if (!signal->idempotency_key.empty() &&
        !run.signal_keys.insert(std::string(signal->idempotency_key)).second)
      fail("the signal of key " + std::string(signal->idempotency_key) + " was recorded twice");
    return;
  }
  const auto* completed = std::get_if<StepCompleted>(&event.body);
  const Value* number = completed == nullptr ? nullptr : completed->meta.find("signal");
  if (number == nullptr) return;
  const auto at = static_cast<size_t>(number->as_integer());
  if (at == 0 || at > run.signals.size()) return fail("a step took a signal that never came");
  auto& [payload, taken] = run.signals[at - 1];
  if (taken) fail("the signal " + std::to_string(at) + " was taken twice");
  taken = true;
  const Value* got = completed->result.find("payload");
  if (got == nullptr || to_canonical_json(*got) != payload) fail("a step took another payload");
}

void History::settle(Run& run, StepAddress step) {
  if (!run.settled.insert(step).second)
    fail("step " + std::to_string(step.step.value) + " has a result already: the first wins");
}

/// Of an ensemble enough answered, and each member did or is missing; a cascade asks in order, and the last
/// that answered stands. Of all that were asked the record says how it went.
void History::add_panel(const workflow::Step& step, const StepCompleted& completed) {
  const Value* members = completed.meta.find("members");
  if (const auto* ensemble = std::get_if<workflow::EnsembleSpec>(&step.spec)) {
    const Value* given = completed.result.find("members");
    const Value* missing = completed.result.find("missing");
    if (given == nullptr || missing == nullptr || members == nullptr)
      return fail("an ensemble says too little");
    if (given->size() < ensemble->quorum) fail("an ensemble has a result without its quorum");
    if (given->size() + missing->size() != ensemble->members.size()) fail("an ensemble lost a member");
    if (members->size() != ensemble->members.size()) fail("an ensemble's record lost a member");
  } else if (const auto* cascade = std::get_if<workflow::CascadeSpec>(&step.spec)) {
    const Value* asked = completed.result.find("tiers");
    const Value* stands = completed.result.find("tier");
    if (asked == nullptr || stands == nullptr || members == nullptr) return fail("a cascade says too little");
    if (members->size() != asked->size()) return fail("a cascade's record lost a tier");
    std::string last;
    auto next = cascade->tiers.begin();
    for (const Value& tier : asked->items()) {
      const std::string_view name = tier.find("tier")->as_string();
      next = std::find_if(next, cascade->tiers.end(), [name](const auto& each) { return each.name == name; });
      if (next == cascade->tiers.end()) return fail("a cascade asked a tier out of order");
      if (tier.find("answer") != nullptr) last = name;
    }
    if (stands->as_string() != last) fail("a cascade's result is not its last answer");
  }
}

void History::add_step(Run& run, const Event& event) {
  if (event.step == kNoStep) return;
  if (event.step >= run.pipeline->steps.size()) return fail("no such step");
  const workflow::Step& step = run.pipeline->steps[event.step];
  const StepAddress at{event.frame, StepIndex(event.step)};
  const bool is_block =
      std::holds_alternative<BlockStarted>(event.body) || std::holds_alternative<BlockEnded>(event.body);
  if (is_block) return;
  if (const Value* meta = step_meta(event)) {
    const Value* cost = meta->find("cost");
    if (cost != nullptr) run.cost += cost->to_double();
  }
  for (const StepIndex need : step.needs)
    if (!run.settled.contains({event.frame, need})) fail("step " + step.name + " ran before what it needs");
  if (const auto* started = std::get_if<StepStarted>(&event.body)) {
    if (run.settled.contains(at)) fail("a settled step begins");
    if (started->attempt > step.retry.attempts) fail("more attempts than allowed");
    if (run.started[at] >= started->attempt) fail("the attempt was recorded as begun before");
    run.started[at] = started->attempt;
  } else if (const auto* completed = std::get_if<StepCompleted>(&event.body)) {
    settle(run, at);
    add_panel(step, *completed);
    const bool leaves = step.kind == workflow::StepKind::kHttp || step.kind == workflow::StepKind::kTask;
    if (leaves && step.effect == workflow::EffectClass::kEffectful && run.started[at] != completed->attempt) {
      fail("an effectful result without a recorded beginning");
    }
    if (step.kind == workflow::StepKind::kReview) {
      const auto waited = run.waits_for.find(at);
      if (waited == run.waits_for.end()) return fail("a review's result without a review");
      const Review& review = reviews_[waited->second];
      if (review.open) fail("the review is still open");
      const Value* who = completed->result.find("reviewer");
      if (review.answered && (who == nullptr || who->as_string() != review.answered_by))
        fail("the result names another reviewer");
    }
  } else if (const auto* failed = std::get_if<StepFailed>(&event.body)) {
    if (failed->retry_at_us == 0) return settle(run, at);
    if (run.settled.contains(at)) fail("a settled step fails");
    if (failed->attempt >= step.retry.attempts) fail("a retry beyond the attempts allowed");
    if (run.attempts[at] >= failed->attempt) fail("the attempt failed before");
    run.attempts[at] = failed->attempt;
  } else if (std::holds_alternative<StepSkipped>(event.body)) {
    settle(run, at);
  }
}

History::Review* History::open_review(const RunId& id, const Event& event) {
  const auto found = reviews_.find(id);
  if (found == reviews_.end() || found->second.run != event.run ||
      found->second.step != StepAddress{event.frame, StepIndex(event.step)}) {
    fail("no such review");
    return nullptr;
  }
  if (!found->second.open) fail("the review is over");
  return &found->second;
}

void History::add_review(Run& run, const Event& event) {
  if (const auto* used = std::get_if<BudgetUsed>(&event.body)) {
    ++budgets_[std::string(used->scope) + "@" + std::to_string(used->day)];
  } else if (const auto* asked = std::get_if<ReviewRequested>(&event.body)) {
    if (!reviews_
             .emplace(asked->review, Review{event.run, StepAddress{event.frame, StepIndex(event.step)}, true,
                                            false, std::string(asked->queue), "", "", "", 0})
             .second) {
      fail("the review exists already");
    }
    run.waits_for[{event.frame, StepIndex(event.step)}] = asked->review;
  } else if (const auto* claimed = std::get_if<ReviewClaimed>(&event.body)) {
    Review* const review = open_review(claimed->review, event);
    if (review == nullptr) return;
    if (!review->holder.empty() && review->holder != claimed->who && event.time_us < review->held_until_us) {
      fail(std::string(claimed->who) + " claims what " + review->holder + " holds");
    }
    review->holder = claimed->who;
    review->held_until_us = claimed->until_us;
  } else if (const auto* released = std::get_if<ReviewReleased>(&event.body)) {
    if (Review* const review = open_review(released->review, event)) review->holder.clear();
  } else if (const auto* escalated = std::get_if<ReviewEscalated>(&event.body)) {
    Review* const review = open_review(escalated->review, event);
    if (review == nullptr) return;
    review->holder.clear();
    review->queue = escalated->queue;
  } else if (const auto* reassigned = std::get_if<ReviewReassigned>(&event.body)) {
    if (Review* const review = open_review(reassigned->review, event)) review->holder.clear();
  } else if (const auto* closed = std::get_if<ReviewClosed>(&event.body)) {
    if (Review* const review = open_review(closed->review, event)) review->open = false;
  } else if (const auto* answered = std::get_if<ReviewAnswered>(&event.body)) {
    Review* const review = open_review(answered->review, event);
    if (review == nullptr) return;
    if (review->holder != answered->who)
      fail(std::string(answered->who) + " answers what '" + review->holder + "' holds");
    review->open = false;
    review->answered = true;
    review->answered_by = answered->who;
    review->answer = to_canonical_json(answered->answer);
  }
}

void History::end(Run& run, const Event& event) {
  const EventType type = event.type();
  if (type != EventType::kRunCompleted && type != EventType::kRunFailed && type != EventType::kRunCancelled)
    return;
  run.ended = true;
  run.ended_us = event.time_us;
  run.end = type;
  for (const auto& [step, review] : run.waits_for)
    if (reviews_[review].open) fail("the run ends with an open review");
  if (const auto* completed = std::get_if<RunCompleted>(&event.body)) {
    const auto own = std::count_if(run.settled.begin(), run.settled.end(),
                                   [](const StepAddress& step) { return step.frame == 0; });
    if (own != run.pipeline->blocks[0].count) fail("the run completes before all its steps");
    run.output = to_canonical_json(completed->output);
    if (completed->cost != run.cost) fail("the run's cost is not the sum of its attempts'");
  } else if (const auto* failed = std::get_if<RunFailed>(&event.body)) {
    if (failed->cost != run.cost) fail("the failed run's cost is not the sum of its attempts'");
  }
}

}  // namespace switchyard::sim
