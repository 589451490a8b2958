#include "replay_host.h"

#include "switchyard/types/json.h"
#include "switchyard/workflow/migrate.h"

namespace switchyard::provenance {
namespace {

const ErrorView* error_of(const Event& event) {
  if (const auto* failed = std::get_if<StepFailed>(&event.body)) return &failed->error;
  if (const auto* failed = std::get_if<RunFailed>(&event.body)) return &failed->error;
  if (const auto* unwinding = std::get_if<RunUnwinding>(&event.body)) return &unwinding->error;
  return nullptr;
}

std::string bytes_of(const Event& event) {
  std::string bytes;
  ByteWriter writer(bytes);
  encode_event_body(event, writer);
  return bytes;
}

/// The switch that an error tells of: "model light@1.0.0 was switched off by ann: too slow; revive it to go
/// on".
workflow::Kill kill_of(std::string_view message, ArtefactKind kind, std::string_view name, int64_t at_us) {
  constexpr std::string_view kBy = " was switched off by ", kEnd = "; revive it to go on";
  workflow::Kill kill{kind, std::string(name), "", "", "", at_us};
  const size_t by = message.find(kBy);
  if (by == std::string_view::npos || !message.ends_with(kEnd)) return kill;
  const std::string_view thing = message.substr(0, by);
  if (const size_t version = thing.rfind('@'); version != std::string_view::npos)
    kill.version = thing.substr(version + 1);
  std::string_view rest = message.substr(by + kBy.size());
  rest.remove_suffix(kEnd.size());
  const size_t colon = rest.find(": ");
  kill.who = rest.substr(0, colon);
  if (colon != std::string_view::npos) kill.why = rest.substr(colon + 2);
  return kill;
}

bool tells_of(std::string_view message, ArtefactKind kind, std::string_view name) {
  const std::string thing = std::string(artefact_kind_name(kind)) + " " + std::string(name);
  if (!message.starts_with(thing)) return false;
  message.remove_prefix(thing.size());
  return message.starts_with('@') || message.starts_with(" was switched off");
}

std::string describe(const Event& event, const workflow::RunState& run) {
  std::string text(event_type_name(event.type()));
  if (event.step != kNoStep && event.step < run.pipeline->steps.size())
    text += " of step " + workflow::step_path(run, {event.frame, StepIndex(event.step)});
  return text;
}

}  // namespace

bool ReplayHost::emit(workflow::RunState& run, Event event) {
  const uint64_t at = cursor < recorded_.size() ? recorded_[cursor].offset.value : 0;
  if (exact_ && difference.empty()) {
    const Event* expected = next();
    if (expected == nullptr) {
      difference = "the replay gives a further event: " + describe(event, run);
    } else if (expected->type() != event.type() || expected->step != event.step ||
               expected->frame != event.frame) {
      difference = "recorded was " + describe(*expected, run) + ", the replay gives " + describe(event, run);
    } else if (expected->time_us != event.time_us || bytes_of(*expected) != bytes_of(event)) {
      Arena arena;
      difference = describe(event, run) + " differs: recorded " + to_json(event_to_value(*expected, arena)) +
                   ", replayed " + to_json(event_to_value(event, arena));
    }
  }
  ++cursor;
  workflow::apply(run, event, LogOffset(at));
  return true;
}

void ReplayHost::take(workflow::RunState& run) {
  SY_CHECK(cursor < recorded_.size());
  const auto& recorded = recorded_[cursor];
  if (const auto* migrated = std::get_if<RunMigrated>(&recorded.event.body)) {
    const Status prepared = workflow::prepare_migration(run, *migrated, *catalog_);
    if (!prepared.ok()) {
      difference = prepared.error().message;
      return;
    }
  }
  ++cursor;
  workflow::apply(run, recorded.event, recorded.offset);
}

Status ReplayHost::publish(workflow::RunState&, StepAddress at, const Value&, int64_t) {
  // Whether it could be published is taken as recorded.
  const Event* expected = next();
  const auto* failed = expected == nullptr ? nullptr : std::get_if<StepFailed>(&expected->body);
  if (!exact_ || failed == nullptr || expected->step != at.step.value || expected->frame != at.frame)
    return {};
  const ErrorView& error = failed->error;
  // What the step cannot evaluate fails before it comes here, in the replay as well.
  return make_error(error.kind, std::string(error.code), std::string(error.message),
                    std::string(error.field));
}

std::vector<std::pair<QueuePlace, Document>> ReplayHost::heard(workflow::RunState&, StepAddress at) {
  for (size_t i = cursor; i < recorded_.size(); ++i) {
    const Event& event = recorded_[i].event;
    if (event.step != at.step.value || event.frame != at.frame) {
      if (exact_) break;
      continue;
    }
    const auto* completed = std::get_if<StepCompleted>(&event.body);
    if (completed == nullptr) break;
    const Value* offset = completed->meta.find("offset");
    const Value* index = completed->meta.find("index");
    if (offset == nullptr || index == nullptr || !offset->is(Kind::kInteger) || !index->is(Kind::kInteger))
      break;
    return {
        {QueuePlace{static_cast<uint64_t>(offset->as_integer()), static_cast<uint32_t>(index->as_integer())},
         Document(completed->result)}};
  }
  return {};
}

RunId ReplayHost::new_id(int64_t) {
  for (size_t i = cursor; i < recorded_.size(); ++i) {
    if (const auto* request = std::get_if<ReviewRequested>(&recorded_[i].event.body)) return request->review;
    if (const auto* started = std::get_if<ChildStarted>(&recorded_[i].event.body)) return started->child;
  }
  return RunId::make(0, 0, cursor + 1);
}

const workflow::Kill* ReplayHost::killed(ArtefactKind kind, std::string_view name, std::string_view,
                                         StepAddress step) {
  size_t at = cursor;
  const bool is_run = kind == ArtefactKind::kPipeline;
  // A run that a switch stops closes its reviews first.
  while (is_run && at < recorded_.size() && std::holds_alternative<ReviewClosed>(recorded_[at].event.body))
    ++at;
  // A switch that stopped a later move (a restart's, a retry's) had not been thrown yet.
  if (!exact_ || at >= recorded_.size() || recorded_[at].event.time_us != now_us) return nullptr;
  const Event* expected = &recorded_[at].event;
  const ErrorView* error = error_of(*expected);
  if (error == nullptr || error->code != kKilled) return nullptr;
  const bool ends = std::holds_alternative<RunFailed>(expected->body) ||
                    std::holds_alternative<RunUnwinding>(expected->body);
  if (is_run != ends) return nullptr;
  // Of steps that begin together another one may be meant.
  if (!is_run && (expected->step != step.step.value || expected->frame != step.frame)) return nullptr;
  // A step may use several things of which one was switched off.
  if (!tells_of(error->message, kind, name)) return nullptr;
  kill_ = kill_of(error->message, kind, name, expected->time_us);
  return &*kill_;
}

uint32_t ReplayHost::budget_left(std::string_view, int32_t, uint32_t per_day) {
  for (size_t i = cursor; i < recorded_.size(); ++i) {
    const auto* completed = std::get_if<StepCompleted>(&recorded_[i].event.body);
    const Value* rules = completed == nullptr ? nullptr : completed->result.find("rules");
    if (rules == nullptr || !rules->is(Kind::kList)) continue;
    for (const Value& rule : rules->items()) {
      const Value* name = rule.find("rule");
      const Value* left = rule.find("left");
      if (name != nullptr && name->is(Kind::kString) && name->as_string() == "budget" && left != nullptr &&
          left->is_number()) {
        return static_cast<uint32_t>(left->to_double());
      }
    }
  }
  return per_day;
}

}  // namespace switchyard::provenance
