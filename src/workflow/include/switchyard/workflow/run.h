#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/types/events.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// Numbers are on disk.
enum class RunStatus : uint8_t { kRunning = 0, kWaiting = 1, kCompleted = 2, kFailed = 3, kCancelled = 4 };
std::string_view run_status_name(RunStatus status);
Result<RunStatus> parse_run_status(std::string_view name);
inline bool is_final(RunStatus status) { return status >= RunStatus::kCompleted; }

enum class StepStatus : uint8_t {
  kPending = 0,
  kStarted = 1,   ///< an effectful attempt is recorded as begun
  kWaiting = 2,   ///< for a timer or a person
  kRetrying = 3,  ///< the next attempt begins at due_us
  kCompleted = 4,
  kSkipped = 5,
  kFailed = 6,
};
inline bool is_settled(StepStatus status) { return status >= StepStatus::kCompleted; }

struct StepState {
  StepStatus status = StepStatus::kPending;
  uint16_t attempt = 1;  ///< the one that runs or runs next
  int64_t due_us = 0;    ///< kWaiting, kRetrying: when to act; 0: never by itself
  RunId review;          ///< kWaiting for a person
  int64_t attempt_started_us =
      0;         ///< kWaiting: since when; else known only to the process that runs the attempt
  Value result;  ///< kCompleted

  // Not part of the folded state: known only to the process that runs the attempt.
  bool in_flight = false;
  uint16_t open_needs = 0;
  int64_t attempt_deadline_us = 0;
};

struct RunError {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code, message, field;
};

/// The state of one run: what its events fold to. Owned by its partition's thread. All values live in
/// `arena`, in the pipeline, or in static storage.
struct RunState {
  RunId id;
  RunStatus status = RunStatus::kRunning;
  std::shared_ptr<const Pipeline> pipeline;
  std::shared_ptr<const Pins> pins;
  std::shared_ptr<Arena> arena;  // shared: effects in flight read inputs that live in it
  std::string key, idempotency_key, principal, trace;
  uint64_t seed = 0;
  uint64_t request_hash = 0;
  Value input, search, output;
  int64_t started_us = 0, ended_us = 0;
  int64_t stretch_started_us = 0;  ///< when the present stretch of automatic work began, for the deadline
  double cost = 0;
  uint16_t settled = 0;  ///< steps
  RunError error;        ///< kFailed; kCancelled: why
  std::vector<StepState> steps;
  std::vector<uint64_t> offsets;  ///< of the run's events, ascending: where its history is in the log

  // Not folded.
  std::vector<Value> slots;    ///< of the expressions: input, run, steps
  std::deque<uint16_t> ready;  ///< steps whose needs are settled and that were not started yet
};

/// Makes the empty state of a new run, ready for its RunStarted event.
std::unique_ptr<RunState> make_run(RunId id, std::shared_ptr<const Pipeline> pipeline,
                                   std::shared_ptr<const Pins> pins, std::shared_ptr<Arena> arena);

/// Folds one event into its run. Pure. Values of the event are kept as they are: they must live in the run's
/// arena or pipeline. `offset` is the event's place in the log. Events that do not fit the state are a CHECK
/// failure: they can only come from a defect, never from input.
void apply(RunState& run, const Event& event, LogOffset offset);

/// Recomputes what is not folded (slots, open needs, ready steps), after decoding or replay.
void rebuild(RunState& run);

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
  Document search;  ///< map or null
  std::vector<uint64_t> offsets;
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
