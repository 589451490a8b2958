#include "switchyard/provenance/record.h"

#include <algorithm>
#include <set>
#include <string>

#include "switchyard/base/hash.h"
#include "switchyard/types/json.h"

namespace switchyard::provenance {
namespace {

using partition::RecordedEvent;

Value time_value(int64_t us) {
  return us == 0 ? Value() : Value::timestamp(us / 1'000'000, static_cast<int32_t>(us % 1'000'000) * 1000);
}

/// What a recorded path such as "input.amount" or "light.score" held; nullptr when it was absent.
const Value* look_up(const std::string& path, const Value& input, const std::vector<const Value*>& results,
                     const workflow::Pipeline& pipeline) {
  const size_t dot = path.find('.');
  const std::string head = path.substr(0, dot);
  const Value* value = nullptr;
  if (head == "input")
    value = &input;
  else if (const workflow::Step* step = pipeline.find_step(head))
    value = results[step->index.value];
  size_t at = dot;
  while (value != nullptr && at != std::string::npos) {
    const size_t end = path.find('.', at + 1);
    value = value->find(std::string_view(path).substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
  return value;
}

/// Everything told about one step.
struct StepStory {
  std::vector<const Event*> attempts;
  std::vector<const Event*> review;
  const Event* settled = nullptr;
  int64_t waiting_until_us = 0;
};

class Recorder {
 public:
  Recorder(const std::vector<RecordedEvent>& events, const workflow::Pipeline* pipeline, Arena& arena)
      : events_(events), pipeline_(pipeline), arena_(arena) {
    size_t steps = pipeline == nullptr ? 0 : pipeline->steps.size();
    for (const auto& recorded : events)
      if (recorded.event.step != kNoStep) steps = std::max<size_t>(steps, recorded.event.step + 1u);
    stories_.resize(steps);
    results_.resize(steps, nullptr);
    for (const auto& recorded : events) read(recorded.event);
  }

  const RunStarted* started() const {
    return events_.empty() ? nullptr : std::get_if<RunStarted>(&events_.front().event.body);
  }
  const Value* output() const { return output_; }

  Value steps() {
    ListBuilder list(arena_);
    for (size_t i = 0; i < stories_.size(); ++i) list.add(step(i));
    return list.build();
  }

 private:
  void read(const Event& event) {
    if (const auto* completed = std::get_if<RunCompleted>(&event.body)) output_ = &completed->output;
    if (event.step == kNoStep) return;
    StepStory& story = stories_[event.step];
    switch (event.type()) {
      case EventType::kStepCompleted:
        story.attempts.push_back(&event);
        story.settled = &event;
        results_[event.step] = &std::get<StepCompleted>(event.body).result;
        break;
      case EventType::kStepFailed: {
        const auto& failed = std::get<StepFailed>(event.body);
        story.attempts.push_back(&event);
        if (failed.retry_at_us == 0) story.settled = &event;
        if (failed.has_fallback) results_[event.step] = &failed.fallback;
        break;
      }
      case EventType::kStepSkipped: story.settled = &event; break;
      case EventType::kStepWaiting:
        story.waiting_until_us = std::get<StepWaiting>(event.body).until_us;
        break;
      case EventType::kStepStarted:
      case EventType::kBudgetUsed: break;
      default: story.review.push_back(&event);
    }
  }

  std::string_view status_of(const StepStory& story) const {
    if (story.settled == nullptr)
      return story.review.empty() && story.waiting_until_us == 0 ? "pending" : "waiting";
    if (const auto* failed = std::get_if<StepFailed>(&story.settled->body)) {
      return failed->has_fallback ? "completed by fallback"
             : failed->skipped    ? "skipped after an error"
                                  : "failed";
    }
    return std::holds_alternative<StepSkipped>(story.settled->body) ? "skipped" : "completed";
  }

  Value step(size_t index) {
    const StepStory& story = stories_[index];
    MapBuilder map(arena_);
    const workflow::Step* step = pipeline_ == nullptr ? nullptr : &pipeline_->steps[index];
    map.add("name", Value::string(step != nullptr ? std::string_view(step->name)
                                                  : arena_.copy("step " + std::to_string(index))));
    if (step != nullptr) {
      map.add("kind", Value::string(workflow::step_kind_name(step->kind)));
      map.add("effect", Value::string(workflow::effect_class_name(step->effect)));
    }
    map.add("status", Value::string(status_of(story)));
    if (step != nullptr) map.add("read", reads(*step));
    if (story.settled != nullptr && results_[index] != nullptr) map.add("gave", *results_[index]);
    if (story.waiting_until_us != 0) map.add("waiting_until", time_value(story.waiting_until_us));
    attempts(story, map);
    if (!story.review.empty()) {
      ListBuilder reviews(arena_);
      for (const Event* event : story.review) reviews.add(event_to_value(*event, arena_));
      map.add("review", reviews.build());
    }
    return map.build();
  }

  /// When, how often, how long, and what the far side told of itself.
  void attempts(const StepStory& story, MapBuilder& map) {
    if (story.attempts.empty()) return;
    ListBuilder errors(arena_);
    int64_t first_us = 0;
    for (const Event* event : story.attempts) {
      if (const auto* failed = std::get_if<StepFailed>(&event->body)) {
        if (first_us == 0) first_us = failed->started_us;
        errors.add(event_to_value(*event, arena_));
      } else if (const auto& done = std::get<StepCompleted>(event->body); true) {
        if (first_us == 0) first_us = done.started_us;
        if (!done.meta.is_null()) map.add("by", done.meta);
      }
    }
    const int64_t last_us = story.attempts.back()->time_us;
    map.add("started_at", time_value(first_us));
    map.add("ended_at", time_value(last_us));
    map.add("duration_us", Value::integer(last_us - first_us));
    map.add("attempts", Value::integer(static_cast<int64_t>(story.attempts.size())));
    if (errors.size() > 0) map.add("errors", errors.build());
  }

  Value reads(const workflow::Step& step) {
    MapBuilder map(arena_);
    const Value input = started() == nullptr ? Value() : started()->input;
    std::set<std::string> paths;
    workflow::collect_reads(step, paths);
    for (const std::string& path : paths) {
      const Value* value = look_up(path, input, results_, *pipeline_);
      // The whole input stands in the record once.
      if (path == "input") continue;
      map.add(Value::string(arena_.copy(path)), value == nullptr ? Value() : *value);
    }
    return map.build();
  }

  const std::vector<RecordedEvent>& events_;
  const workflow::Pipeline* pipeline_;
  Arena& arena_;
  std::vector<StepStory> stories_;
  std::vector<const Value*> results_;
  const Value* output_ = nullptr;
};

}  // namespace

Value make_record(const workflow::RunSummary& summary, const std::vector<RecordedEvent>& events,
                  const workflow::Pipeline* pipeline, Arena& arena) {
  Recorder recorder(events, pipeline, arena);
  const auto text = [&arena](std::string value) { return Value::string(arena.copy(value)); };
  MapBuilder map(arena);
  map.add("id", text(summary.id.to_string()));
  map.add("pipeline", text(summary.pipeline));
  map.add("version", text(summary.version));
  map.add("pipeline_hash", text(to_hex(summary.pipeline_hash)));
  map.add("status", Value::string(workflow::run_status_name(summary.status)));
  map.add("started_at", time_value(summary.started_us));
  if (summary.ended_us != 0) {
    map.add("ended_at", time_value(summary.ended_us));
    map.add("duration_us", Value::integer(summary.ended_us - summary.started_us));
  }
  map.add("principal", text(summary.principal));
  if (!summary.key.empty()) map.add("key", text(summary.key));
  map.add("cost", Value::real(summary.cost));
  if (const RunStarted* started = recorder.started()) {
    const Value first = event_to_value(events.front().event, arena);
    for (const char* name : {"idempotency_key", "trace", "governance_offset", "seed", "pins"}) {
      if (const Value* value = first.find(name)) map.add(name, *value);
    }
    map.add("input", started->input);
    map.add("input_sha256", text(to_hex(sha256(to_canonical_json(started->input)))));
  }
  map.add("steps", recorder.steps());
  if (recorder.output() != nullptr) {
    map.add("output", *recorder.output());
    map.add("output_sha256", text(to_hex(sha256(to_canonical_json(*recorder.output())))));
  }
  if (!summary.error.code.empty()) {
    MapBuilder error(arena);
    error.add("kind", Value::string(error_kind_name(summary.error.kind)));
    error.add("code", text(summary.error.code));
    error.add("message", text(summary.error.message));
    if (!summary.error.field.empty()) error.add("field", text(summary.error.field));
    map.add("error", error.build());
  }
  ListBuilder offsets(arena);
  for (const uint64_t offset : summary.offsets) offsets.add(Value::unsigned_integer(offset));
  map.add("log_offsets", offsets.build());
  return map.build();
}

}  // namespace switchyard::provenance
