#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "switchyard/types/events.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// Numbers are on disk.
enum class RunStatus : uint8_t {
  kRunning = 0,
  kWaiting = 1,
  kCompleted = 2,
  kFailed = 3,
  kCancelled = 4,
  kPaused = 5,
  kQueued = 6,  ///< has not begun: its pipeline's `concurrency` has no place for it yet
};
std::string_view run_status_name(RunStatus status);
Result<RunStatus> parse_run_status(std::string_view name);
inline bool is_final(RunStatus status) {
  return status == RunStatus::kCompleted || status == RunStatus::kFailed || status == RunStatus::kCancelled;
}

enum class StepStatus : uint8_t {
  kPending = 0,
  kStarted = 1,   ///< an effectful attempt is recorded as begun
  kWaiting = 2,   ///< for a timer or a person
  kRetrying = 3,  ///< the next attempt begins at due_us
  kCompleted = 4,
  kSkipped = 5,
  kFailed = 6,
  kOpen = 7,  ///< a container whose blocks run
};
inline bool is_settled(StepStatus status) {
  return status == StepStatus::kCompleted || status == StepStatus::kSkipped || status == StepStatus::kFailed;
}

struct RunError {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code, message, field;
};

/// How far a container is.
struct Container {
  struct Output {
    uint32_t iteration = 0;
    Value value;
  };
  struct Failure {
    uint32_t iteration = 0;
    std::string code, message;
  };
  uint32_t next = 0;  ///< the iteration that begins next; of a try: how many of its blocks have begun
  uint32_t open = 0;  ///< frames that run
  uint32_t done = 0;  ///< frames that ended
  bool last = false;  ///< of a repeat: its condition was met
  std::vector<Output> outputs;    ///< of a for_each, by when they came
  std::vector<Failure> failures;  ///< likewise
  Value carry;                    ///< of a repeat, a sequence, a try: the newest output
  std::optional<RunError> error;  ///< of a try, a sequence, a repeat: what failed and was not caught
  uint16_t last_block = 0;        ///< that ended
  int64_t pause_until_us = 0;     ///< of a repeat: when the next round begins

  // Not folded: evaluated from the container's frame when wanted.
  std::optional<Value> items;
};

struct StepState {
  StepStatus status = StepStatus::kPending;
  uint16_t attempt = 1;  ///< the one that runs or runs next
  int64_t due_us = 0;    ///< kWaiting, kRetrying: when to act; 0: never by itself
  RunId review;          ///< kWaiting for a person
  RunId child;           ///< kWaiting for a run of another pipeline
  int64_t attempt_started_us =
      0;         ///< kWaiting, kOpen: since when; else known only to the process that runs the attempt
  Value result;  ///< kCompleted
  std::unique_ptr<Container> container;  ///< kOpen
  std::unique_ptr<RunError> error;       ///< kFailed: what its frame ends with

  // Not part of the folded state: known only to the process that runs the attempt.
  bool in_flight = false;
  uint16_t open_needs = 0;
  int64_t attempt_deadline_us = 0;
};

/// One instance of a block.
struct Frame {
  uint32_t id = 0;
  BlockIndex block;
  uint32_t parent = 0;           ///< the frame of the container
  uint16_t owner = kNoStep;      ///< the container or the compensated step; kNoStep: the pipeline's `finally`
  uint32_t iteration = 0;        ///< of a loop; of a compensation: which
  std::vector<StepState> steps;  ///< of the block, in its order
  uint16_t settled = 0;

  // Not folded.
  std::vector<Value> slots;      ///< of the expressions: what the parent sees, and the block's own
  std::shared_ptr<Arena> arena;  // shared: effects in flight read values that live in it; keeps the parent's
};

/// A completed step that can be undone, with what its compensation reads.
struct Compensation {
  StepIndex step;
  std::vector<std::pair<uint32_t, Value>> captured;  ///< slot, value
  bool begun = false;
};

/// Somebody told the run something, and no step has taken it yet.
struct PendingSignal {
  uint64_t number = 0;  ///< among the run's signals, from 1
  std::string name, who;
  int64_t at_us = 0;
  Value payload;
};

/// The state of one run: what its events fold to. Owned by its partition's thread. All values live in the
/// arena of a frame, in the pipeline, or in static storage.
struct RunState {
  RunId id;
  RunStatus status = RunStatus::kRunning;
  std::shared_ptr<const Pipeline> pipeline;
  std::shared_ptr<const Pins> pins;
  std::shared_ptr<Arena> arena;  // the root frame's
  std::string key, idempotency_key, principal, trace;
  uint64_t seed = 0;
  uint64_t request_hash = 0;
  Value input, search, output;
  Value origin;  ///< what started it when nobody asked (RunStarted::origin); null: a request
  int64_t started_us = 0, ended_us = 0;
  int64_t stretch_started_us = 0;  ///< when the present stretch of automatic work began, for the deadline
  double cost = 0;
  RunError error;  ///< kFailed, or unwinding to it; kCancelled: why
  Frame root;
  std::map<uint32_t, Frame> frames;  ///< nested ones, by id
  uint32_t next_frame = 1;
  std::vector<Compensation> compensations;  ///< in the order in which their steps completed
  std::optional<Ending> unwinding;          ///< how the run will end once everything is undone
  bool finally_begun = false;
  std::string cancelled_by, cancelled_why;  ///< while unwinding to kCancelled
  RunId parent;                             ///< of a child; zero: none
  StepAddress parent_step;
  bool paused = false;  ///< by an operator: no step begins, no timer acts
  std::string tenant;   ///< whose it is; empty: the default one
  int32_t priority = kDefaultPriority;
  std::optional<std::string> group;  ///< it counts against its pipeline's limit, under this key
  bool queued = false;               ///< it waits for a place, or ended waiting: no step begins
  uint64_t place = 0;                ///< in its group
  uint16_t depth = 0;                ///< of a child: how many runs are above it
  bool detached = false;             ///< of a child: its parent does not wait
  uint64_t signals_received = 0;
  std::vector<PendingSignal> signals;  ///< in the order in which they came
  /// Where its history is: the log offsets of its newest events, ascending, never empty once it began; and
  /// how many events came before those. Where these are, whoever hosts the run keeps (forget_offsets()).
  std::vector<uint64_t> offsets;
  uint64_t earlier = 0;

  // Not folded.
  /// Steps that can run now, the smallest address first, so that a restart changes no order.
  std::set<StepAddress> ready;
  bool resumed = false;  ///< after rebuild(): containers may wait to be carried on
  /// What the next RunMigrated leads to; whoever applies it sets them before (prepare_migration()).
  std::shared_ptr<const Pipeline> next_pipeline;
  std::shared_ptr<const Pins> next_pins;
  std::vector<std::shared_ptr<const Pipeline>> earlier_pipelines;  ///< values may point into them
};

/// How many agents lie between the run and its first cause, itself included; 0: no agent's run.
uint32_t hops_of(const RunState& run);

/// nullptr: the frame has ended.
Frame* find_frame(RunState& run, uint32_t id);
inline const Frame* find_frame(const RunState& run, uint32_t id) {
  return find_frame(const_cast<RunState&>(run), id);
}
/// The state of a step instance; nullptr when its frame has ended.
StepState* find_step(RunState& run, StepAddress at);
inline const StepState* find_step(const RunState& run, StepAddress at) {
  return find_step(const_cast<RunState&>(run), at);
}
/// For people: "charge", "checks[3].score".
std::string step_path(const RunState& run, StepAddress at);
/// Calls `visit(Frame&)` for the root and then for each nested frame, in order of their ids.
template <typename Run, typename Visit>
void for_each_frame(Run& run, Visit&& visit) {
  visit(run.root);
  for (auto& [id, frame] : run.frames) visit(frame);
}

/// Makes the empty state of a new run, ready for its RunStarted event.
std::unique_ptr<RunState> make_run(RunId id, std::shared_ptr<const Pipeline> pipeline,
                                   std::shared_ptr<const Pins> pins, std::shared_ptr<Arena> arena);

/// Folds one event into its run. Pure. Values of the event are kept as they are: they must live in the run's
/// arena (its frame's) or pipeline. `offset` is the event's place in the log. Events that do not fit the
/// state are a CHECK failure: they can only come from a defect, never from input.
void apply(RunState& run, const Event& event, LogOffset offset);

/// Takes the oldest `count` offsets out of the state; the newest stays. Requires count < offsets.size().
void forget_offsets(RunState& run, size_t count);

/// Recomputes what is not folded (slots, open needs, ready steps), after decoding or replay.
void rebuild(RunState& run);

/// How the run is now. Waiting: something waits for people, time or the world, and nothing could run. Follows
/// from the folded state alone.
RunStatus present_status(const RunState& run);

/// A summary that is kept for every run, and the front of its stored form.
struct RunSummary {
  RunId id;
  RunStatus status = RunStatus::kRunning;
  std::string pipeline, version;
  Sha256 pipeline_hash{};
  std::string key, principal;
  int64_t started_us = 0, ended_us = 0;
  uint64_t request_hash = 0;
  double cost = 0;
  RunError error;
  Document search;                ///< map or null
  std::vector<uint64_t> offsets;  ///< of its newest events
  uint64_t earlier = 0;           ///< events before those
  std::string tenant;             ///< empty: the default one
  int32_t priority = kDefaultPriority;
  std::optional<std::string> group;  ///< the key that it counts under against its pipeline's limit
  uint64_t place = 0;

  uint64_t events() const { return earlier + offsets.size(); }
};
RunSummary summarize(const RunState& run);

/// The stored form (docs/formats/state.md): the summary, and for a run that is not final the rest of its
/// state. The same state always gives the same bytes.
void encode_run(const RunState& run, std::string& out);
Result<RunSummary> decode_summary(const RunId& id, std::string_view bytes);
/// Requires a stored run that is not final. kUnprocessable "workflow.missing_artefact" when `catalog` lacks a
/// pin.
Result<std::unique_ptr<RunState>> decode_run(const RunId& id, std::string_view bytes, const Catalog& catalog);

}  // namespace switchyard::workflow
