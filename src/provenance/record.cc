#include "switchyard/provenance/record.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "switchyard/base/hash.h"
#include "switchyard/retention/compact.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_value.h"

namespace switchyard::provenance {
namespace {

using partition::RecordedEvent;

/// What a recorded path such as "light.score" held, below the value of its first name; nullptr when it was
/// absent.
const Value* look_up(const std::string& path, const Value& root) {
  const Value* value = &root;
  size_t at = path.find('.');
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
  const Value* result = nullptr;
  const ChildStarted* child = nullptr;
  std::string_view version;  ///< of the pipeline, when it settled under an earlier one
  bool opened = false;
};

class Recorder {
 public:
  Recorder(const std::vector<RecordedEvent>& events, const workflow::Pipeline* pipeline, Arena& arena)
      : events_(events), pipeline_(pipeline), arena_(arena) {
    for (const auto& recorded : events) read(recorded.event);
    size_t steps = pipeline == nullptr ? 0 : pipeline->blocks[0].count;
    for (const auto& recorded : events)
      if (recorded.event.step != kNoStep && pipeline == nullptr)
        steps = std::max<size_t>(steps, recorded.event.step + 1u);
    for (size_t i = 0; i < steps; ++i) stories_[{0, StepIndex(static_cast<uint16_t>(i))}];
  }

  const RunStarted* started() const {
    return events_.empty() ? nullptr : std::get_if<RunStarted>(&events_.front().event.body);
  }
  const Value* output() const { return output_; }
  const RunLinked* parent() const { return parent_; }
  /// When a queued run began; 0: it was not queued, or waits still.
  int64_t admitted_us() const { return admitted_us_; }

  /// What the run was told, and from which version to which it went.
  Value signals() { return told<SignalReceived>(); }
  Value migrations() { return told<RunMigrated>(); }

  /// The pipeline's own steps in the order of the document, then those of the blocks that ran.
  Value steps() {
    ListBuilder list(arena_);
    for (const auto& [at, story] : stories_) {
      if (list.size() >= kMaxRecordedSteps) break;
      list.add(step(at, story));
    }
    return list.build();
  }
  size_t steps_left_out() const {
    return stories_.size() > kMaxRecordedSteps ? stories_.size() - kMaxRecordedSteps : 0;
  }

 private:
  // A for_each over many items has more than anybody reads in one piece; the history has all of them.
  static constexpr size_t kMaxRecordedSteps = 5000;

  struct FrameStory {
    uint16_t block = 0;
    uint32_t parent = 0;
    uint16_t owner = kNoStep;
    uint32_t iteration = 0;
  };

  template <typename Body>
  Value told() {
    ListBuilder list(arena_);
    for (const auto& recorded : events_)
      if (std::holds_alternative<Body>(recorded.event.body)) list.add(event_to_value(recorded.event, arena_));
    return list.build();
  }

  /// From here on events name the steps and blocks of another version.
  void migrate(const RunMigrated& migrated) {
    const auto moved = [](const std::vector<uint16_t>& places, uint16_t place) {
      return place < places.size() ? places[place] : kNoStep;
    };
    std::map<StepAddress, StepStory> stories;
    for (auto& [at, story] : stories_) {
      const uint16_t place = moved(migrated.steps, at.step.value);
      // Steps of frames that have ended may be gone.
      if (place == kNoStep) continue;
      if (story.settled != nullptr && story.version.empty()) story.version = migrated.from;
      stories[{at.frame, StepIndex(place)}] = std::move(story);
    }
    stories_ = std::move(stories);
    for (auto& [id, frame] : frames_) {
      frame.block = moved(migrated.blocks, frame.block);
      if (frame.owner != kNoStep) frame.owner = moved(migrated.steps, frame.owner);
    }
    std::erase_if(frames_, [](const auto& frame) { return frame.second.block == kNoStep; });
  }

  void read(const Event& event) {
    if (const auto* migrated = std::get_if<RunMigrated>(&event.body)) return migrate(*migrated);
    if (const auto* completed = std::get_if<RunCompleted>(&event.body)) output_ = &completed->output;
    if (const auto* linked = std::get_if<RunLinked>(&event.body)) parent_ = linked;
    if (event.type() == EventType::kRunAdmitted) admitted_us_ = event.time_us;
    if (const auto* block = std::get_if<BlockStarted>(&event.body)) {
      frames_[block->frame] = {block->block, event.frame, event.step, block->iteration};
      return;
    }
    if (event.step == kNoStep) return;
    StepStory& story = stories_[{event.frame, StepIndex(event.step)}];
    switch (event.type()) {
      case EventType::kStepCompleted:
        story.attempts.push_back(&event);
        story.settled = &event;
        story.result = &std::get<StepCompleted>(event.body).result;
        break;
      case EventType::kStepFailed: {
        const auto& failed = std::get<StepFailed>(event.body);
        story.attempts.push_back(&event);
        if (failed.retry_at_us == 0) story.settled = &event;
        if (failed.has_fallback) story.result = &failed.fallback;
        break;
      }
      case EventType::kStepSkipped: story.settled = &event; break;
      case EventType::kStepWaiting:
        story.waiting_until_us = std::get<StepWaiting>(event.body).until_us;
        break;
      case EventType::kChildStarted: story.child = &std::get<ChildStarted>(event.body); break;
      case EventType::kStepOpened: story.opened = true; break;
      case EventType::kBlockEnded:
      case EventType::kStepStarted:
      case EventType::kBudgetUsed: break;
      default: story.review.push_back(&event);
    }
  }

  /// "charge", "checks[3].score".
  std::string path_of(StepAddress at) const {
    std::string path = step_name(at.step.value);
    auto frame = frames_.find(at.frame);
    while (frame != frames_.end()) {
      const FrameStory& own = frame->second;
      std::string part = own.owner == kNoStep ? "" : step_name(own.owner);
      switch (pipeline_ == nullptr ? workflow::Block::Role::kBody : pipeline_->blocks[own.block].role) {
        case workflow::Block::Role::kItem:
        case workflow::Block::Role::kRound: part += '[' + std::to_string(own.iteration) + ']'; break;
        case workflow::Block::Role::kCatch: part += ".catch"; break;
        case workflow::Block::Role::kFinally: part += part.empty() ? "finally" : ".finally"; break;
        case workflow::Block::Role::kCompensation: part += ".compensate"; break;
        default: break;
      }
      path = part + '.' + path;
      frame = frames_.find(own.parent);
    }
    return path;
  }
  std::string step_name(uint16_t index) const {
    return pipeline_ == nullptr ? "step " + std::to_string(index) : pipeline_->steps[index].name;
  }

  /// What a step of `frame` sees under a name: its own block's step, or one of a block around it.
  /// Nothing: it is no step (a block's variable); nullptr: a step that gave nothing.
  std::optional<const Value*> result_of(uint32_t frame, std::string_view name) const {
    for (;;) {
      const auto own = frames_.find(frame);
      const workflow::Block& block = pipeline_->blocks[own == frames_.end() ? 0 : own->second.block];
      for (uint16_t i = 0; i < block.count; ++i) {
        const StepIndex index(static_cast<uint16_t>(block.first.value + i));
        if (pipeline_->steps[index.value].name != name) continue;
        const auto story = stories_.find({frame, index});
        return story == stories_.end() ? static_cast<const Value*>(nullptr) : story->second.result;
      }
      if (own == frames_.end()) return std::nullopt;
      frame = own->second.parent;
    }
  }

  std::string_view status_of(const StepStory& story) const {
    if (story.settled == nullptr && story.opened) return "running";
    if (story.settled == nullptr && story.child != nullptr) return "waiting";
    if (story.settled == nullptr)
      return story.review.empty() && story.waiting_until_us == 0 ? "pending" : "waiting";
    if (const auto* failed = std::get_if<StepFailed>(&story.settled->body)) {
      return failed->has_fallback ? "completed by fallback"
             : failed->skipped    ? "skipped after an error"
                                  : "failed";
    }
    return std::holds_alternative<StepSkipped>(story.settled->body) ? "skipped" : "completed";
  }

  Value step(StepAddress at, const StepStory& story) {
    MapBuilder map(arena_);
    const workflow::Step* step = pipeline_ == nullptr ? nullptr : &pipeline_->steps[at.step.value];
    map.add("name", Value::string(arena_.copy(path_of(at))));
    if (step != nullptr) {
      map.add("kind", Value::string(workflow::step_kind_name(step->kind)));
      map.add("effect", Value::string(workflow::effect_class_name(step->effect)));
    }
    map.add("status", Value::string(status_of(story)));
    // What a step of an earlier version read is known by that version's document.
    if (step != nullptr && story.version.empty()) map.add("read", reads(*step, at.frame));
    if (!story.version.empty()) map.add("version", Value::string(story.version));
    if (story.settled != nullptr && story.result != nullptr) map.add("gave", *story.result);
    if (story.child != nullptr) {
      map.add("child", Value::string(arena_.copy(story.child->child.to_string())));
      map.add("child_pipeline", Value::string(arena_.copy(std::string(story.child->pipeline) + "@" +
                                                          std::string(story.child->version))));
    }
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

  Value reads(const workflow::Step& step, uint32_t frame) {
    MapBuilder map(arena_);
    const Value input = started() == nullptr ? Value() : started()->input;
    const Value* state = started() == nullptr ? nullptr : started()->origin.find("state");
    std::set<std::string> paths;
    workflow::collect_reads(step, paths);
    for (const std::string& path : paths) {
      // The whole input stands in the record once.
      if (path == "input") continue;
      const std::string_view name = std::string_view(path).substr(0, path.find('.'));
      const auto root = name == "input"                       ? std::optional<const Value*>(&input)
                        : name == "state" && state != nullptr ? std::optional<const Value*>(state)
                                                              : result_of(frame, name);
      if (!root.has_value()) continue;
      const Value* value = *root == nullptr ? nullptr : look_up(path, **root);
      map.add(Value::string(arena_.copy(path)), value == nullptr ? Value() : *value);
    }
    return map.build();
  }

  const std::vector<RecordedEvent>& events_;
  const workflow::Pipeline* pipeline_;
  Arena& arena_;
  std::map<StepAddress, StepStory> stories_;
  std::map<uint32_t, FrameStory> frames_;
  const Value* output_ = nullptr;
  const RunLinked* parent_ = nullptr;
  int64_t admitted_us_ = 0;
};

/// Of the value as it was recorded, also when retention has taken it away since.
std::string hash_of(const Value& value, bool compacted) {
  const std::string left = compacted ? retention::removed_hash(value) : std::string();
  return left.empty() ? to_hex(sha256(to_canonical_json(value))) : left;
}

}  // namespace

Value make_record(const workflow::RunSummary& summary, const std::vector<RecordedEvent>& events,
                  const workflow::Pipeline* pipeline, Arena& arena, bool compacted) {
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
    for (const char* name : {"idempotency_key", "trace", "origin", "tenant", "priority", "concurrency",
                             "governance_offset", "seed", "pins"}) {
      if (const Value* value = first.find(name)) map.add(name, *value);
    }
    map.add("input", started->input);
    map.add("input_sha256", text(hash_of(started->input, compacted)));
  }
  if (recorder.admitted_us() != 0) map.add("admitted_at", time_value(recorder.admitted_us()));
  if (recorder.parent() != nullptr) map.add("parent", text(recorder.parent()->parent.to_string()));
  if (const Value signals = recorder.signals(); !signals.items().empty()) map.add("signals", signals);
  if (const Value migrations = recorder.migrations(); !migrations.items().empty())
    map.add("migrations", migrations);
  map.add("steps", recorder.steps());
  if (recorder.steps_left_out() > 0)
    map.add("steps_left_out", Value::integer(static_cast<int64_t>(recorder.steps_left_out())));
  if (recorder.output() != nullptr) {
    map.add("output", *recorder.output());
    map.add("output_sha256", text(hash_of(*recorder.output(), compacted)));
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
  if (compacted) map.add("compacted", Value::boolean(true));
  return map.build();
}

}  // namespace switchyard::provenance
