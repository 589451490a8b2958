#include "coverage.h"

#include "places.h"

namespace switchyard::rehearsal {

using workflow::OnError;
using workflow::ReviewSpec;
using workflow::StepKind;

namespace {
constexpr char kTrue[] = "`when` true", kFalse[] = "`when` false", kFallback[] = "its on_error",
               kRetry[] = "another attempt", kAnswered[] = "an answer in time",
               kBreached[] = "no answer in time", kPerson[] = "a person is asked",
               kAutomatic[] = "nobody is asked", kUndone[] = "its compensation",
               kItemFails[] = "an item fails";

std::string clause_text(size_t number) { return "clause " + std::to_string(number) + " of catch"; }
}  // namespace

Coverage::Coverage(std::shared_ptr<const workflow::Pipeline> pipeline) : pipeline_(std::move(pipeline)) {
  for (const workflow::Step& step : pipeline_->steps) {
    const auto add = [&](const char* what) { branches_.push_back({step.index.value, what}); };
    if (step.when.has_value()) add(kTrue), add(kFalse);
    if (step.on_error.action != OnError::Action::kFail) add(kFallback);
    if (step.retry.attempts > 1) add(kRetry);
    if (step.kind == StepKind::kTriage) add(kPerson), add(kAutomatic);
    if (const auto* spec = std::get_if<workflow::TrySpec>(&step.spec))
      for (size_t i = 1; i <= spec->clauses.size(); ++i) add(clause_text(i).c_str());
    if (const auto* spec = std::get_if<workflow::ForEachSpec>(&step.spec);
        spec != nullptr && spec->on_item_error != workflow::ForEachSpec::ItemError::kFail)
      add(kItemFails);
    if (step.compensation.has_value()) add(kUndone);
    if (const auto* review = std::get_if<ReviewSpec>(&step.spec)) {
      add(kAnswered);
      if (review->due_us != 0 && review->on_breach != ReviewSpec::Breach::kNothing) add(kBreached);
    }
  }
}

void Coverage::add(const std::vector<Record>& history) {
  std::set<RunId> runs;
  Arena arena;
  for (const Record& record : history) {
    auto event =
        decode_event(static_cast<EventType>(record.header.type), record.header.version, record.header.run,
                     record.header.step, record.header.time_us, record.payload, arena);
    if (!event.ok()) continue;
    if (const auto* started = std::get_if<RunStarted>(&event->body);
        started != nullptr && started->pipeline_hash == pipeline_->hash)
      runs.insert(event->run);
    if (runs.contains(event->run) && event->step < pipeline_->steps.size()) see(*event);
  }
}

void Coverage::see(const Event& event) {
  const workflow::Step& step = pipeline_->steps[event.step];
  const auto reach = [&](const char* what) { reached_.insert({event.step, what}); };
  if (std::holds_alternative<StepSkipped>(event.body)) {
    reach(kFalse);
    return;
  }
  steps_reached_.insert(event.step);
  reach(kTrue);
  if (const auto* failed = std::get_if<StepFailed>(&event.body)) {
    if (failed->retry_at_us != 0)
      reach(kRetry);
    else if (failed->has_fallback || failed->skipped)
      reach(kFallback);
  }
  if (std::holds_alternative<ReviewAnswered>(event.body)) reach(kAnswered);
  if (const auto* closed = std::get_if<ReviewClosed>(&event.body);
      closed != nullptr && closed->why == "the review was due")
    reach(kBreached);
  if (const auto* escalated = std::get_if<ReviewEscalated>(&event.body);
      escalated != nullptr && escalated->who.empty())
    reach(kBreached);
  if (const auto* block = std::get_if<BlockStarted>(&event.body)) {
    const auto role = pipeline_->blocks[block->block].role;
    if (role == workflow::Block::Role::kCompensation) reach(kUndone);
    for (size_t i = 1; role == workflow::Block::Role::kCatch && i < step.blocks.size(); ++i)
      if (step.blocks[i].value == block->block) reach(clause_text(i).c_str());
  }
  if (const auto* ended = std::get_if<BlockEnded>(&event.body);
      ended != nullptr && !ended->error.code.empty())
    reach(kItemFails);
  const auto* completed = std::get_if<StepCompleted>(&event.body);
  if (completed != nullptr && step.kind == StepKind::kTriage) {
    const Value* person = completed->result.find("to_person");
    if (person != nullptr && person->is(Kind::kBool)) reach(person->as_bool() ? kPerson : kAutomatic);
  }
}

CoverageReport Coverage::report() const {
  CoverageReport report;
  report.pipeline = pipeline_->full_name();
  report.steps = pipeline_->steps.size();
  report.steps_reached = steps_reached_.size();
  report.branches = branches_.size();
  for (const workflow::Step& step : pipeline_->steps)
    if (!steps_reached_.contains(step.index.value)) report.missed.push_back(static_path(*pipeline_, step));
  for (const Branch& branch : branches_) {
    if (reached_.contains(branch)) {
      ++report.branches_reached;
      continue;
    }
    // Of a step that was never reached it is enough to name the step.
    if (steps_reached_.contains(branch.step) || branch.what == kFalse)
      report.missed.push_back(static_path(*pipeline_, pipeline_->steps[branch.step]) + ": " + branch.what);
  }
  return report;
}

}  // namespace switchyard::rehearsal
