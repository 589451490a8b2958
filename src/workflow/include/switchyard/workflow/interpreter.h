#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "switchyard/types/events.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/run.h"

namespace switchyard::workflow {

/// With which prompt a chat model is asked; see prompts/exchange.h.
struct PromptUse {
  std::shared_ptr<const prompts::Prompt> prompt;  // shared with the catalog's snapshots
  uint64_t seed = 0;                              ///< follows from the decision; the same for each attempt
};
struct ModelCall {
  std::string name, version;
  Document input;  ///< with a prompt: its variables
  std::optional<PromptUse> prompt;
  bool routed = false;  ///< it is a route, which in its present form decides who answers
};
/// Several models that are asked for one step; see panel.h.
struct PanelCall {
  struct Member {
    std::string name;
    ModelCall call;
    int64_t timeout_us = 0;        ///< 0: as long as the step has
    double cost = 0;               ///< of asking it, as the document says
    std::optional<Error> refused;  ///< it must not be asked
  };
  std::vector<Member> members;  ///< in the order of the document
  double error_cost = 0;        ///< of a cascade
};
struct HttpCall {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  ///< JSON; empty: none
  std::vector<uint16_t> expect;
};
struct TaskCall {
  std::string queue, type;
  Document input;
  int64_t heartbeat_us = 0;
  std::string step;    ///< its path, for the worker's logs
  std::string tenant;  ///< of the run
};

/// Runs above a child run, at most.
inline constexpr uint16_t kMaxChildRunDepth = 16;

/// Work for the world outside the state machine. Complete in itself: it may outlive its run.
struct EffectRequest {
  RunId run;
  StepAddress step;
  uint16_t attempt = 1;
  EffectClass effect = EffectClass::kPure;
  /// "<run>/<step>/1", in a nested frame "<run>/<step>.<frame>/1": the same for every repetition of the step.
  std::string idempotency_key;
  std::string trace;                    ///< W3C traceparent of the run; may be empty
  std::string key;                      ///< of the run: what is sticky, sticks to it; may be empty
  std::string tenant;                   ///< whose run it is; empty: the default one
  std::string principal;                ///< who asked for the run; may be empty
  int32_t priority = kDefaultPriority;  ///< of the run: whose turn it is where calls wait
  int64_t deadline_us = 0;              ///< wall clock; 0: none
  std::variant<ModelCall, HttpCall, TaskCall, PanelCall> call;
  std::shared_ptr<const Pipeline> pipeline;  // keeps constants alive that the call's values point to
};

/// What came of it.
struct EffectResult {
  Result<Document> result;
  Document meta;               ///< how it came about; null when nothing to say
  int64_t retry_after_us = 0;  ///< of a failure: another attempt comes no sooner
};

/// A run that a step starts.
struct ChildRequest {
  RunId id;
  StepAddress step;  ///< of the parent
  ArtefactRef pipeline;
  Document input;
  std::string key;
  bool detached = false;
};

/// What the interpreter asks of its surroundings: live the state machine, in a replay the recorded events.
class Host {
 public:
  virtual ~Host() = default;
  /// Records the event, then applies it to `run`. False when the event is over the log's payload limit: then
  /// nothing happened. Events without values of the user's never are.
  virtual bool emit(RunState& run, Event event) = 0;
  /// Starts an effect; its result comes back through complete_effect(). An effectful one must wait until
  /// everything emitted before is durable.
  virtual void start_effect(RunState& run, EffectRequest request) = 0;
  /// Starts a child, once `parent` has recorded that it waits for it. How it ends comes through
  /// complete_child(), never within this call. When it cannot be started that is an end, too.
  virtual void start_child(RunState& parent, ChildRequest request) = 0;
  /// Cancels a child nobody waits for any more.
  virtual void cancel_child(RunState& parent, const RunId& child, std::string_view why) = 0;
  /// Publishes what a step emits: recorded, but for an event of that id that is there already. An error is
  /// the step's.
  virtual Status publish(RunState&, StepAddress, const Value& event, int64_t now_us) = 0;
  /// What has come for a listening step and nobody has taken, oldest first.
  virtual std::vector<std::pair<QueuePlace, Document>> heard(RunState&, StepAddress) = 0;
  virtual RunId new_id(int64_t now_us) = 0;
  /// So many steps have begun in this move.
  virtual void began(size_t) {}
  /// The switch that covers what `step` is about to use (for a pipeline: kNoStep), or nullptr.
  virtual const Kill* killed(ArtefactKind kind, std::string_view name, std::string_view version,
                             StepAddress step) = 0;
  /// How many reviews `scope` may still ask for on `day`, of `per_day` in all partitions.
  virtual uint32_t budget_left(std::string_view scope, int32_t day, uint32_t per_day) = 0;
};

/// Runs every step that can run, until the run is settled or waits for effects, timers or people, or
/// kMaxStepsPerTurn have run: then `run.ready` is not empty, and the caller comes back in a later turn.
/// Deterministic: the same state, host answers and `now_us` give the same events.
void advance(RunState& run, Host& host, int64_t now_us);

/// A queued run has its place: it begins. Requires: run.queued.
void admit(RunState& run, Host& host, int64_t now_us);

/// Takes an effect's result. Ignored when the attempt is no longer awaited (a late or second result): false.
bool complete_effect(RunState& run, StepAddress step, uint16_t attempt, EffectResult result, Host& host,
                     int64_t now_us);

/// Looks whether a listening step can take one of the events that have come for it. False: no instance of the
/// step waits, or none wants any of them.
bool offer_events(RunState& run, StepIndex step, Host& host, int64_t now_us);
/// A listening step takes this event; `meta` says its place. Requires: the step waits.
void complete_listen(RunState& run, StepAddress at, const Value& event, const Value& meta, Host& host,
                     int64_t now_us);

/// Takes the answer to a review. Requires: the step waits for `review`. `answer` is valid against the form.
void complete_review(RunState& run, StepAddress step, const Value& answer, std::string_view reviewer,
                     Host& host, int64_t now_us);

/// Takes the end of a child run: its output, or why it has none. Ignored when the step no longer waits for
/// it: false.
bool complete_child(RunState& run, StepAddress step, const RunId& child, const EffectResult& result,
                    Host& host, int64_t now_us);

/// Asks for a child again whose start a crash cut off; when it has `begun`, and is detached, its step ends.
/// Requires: the step waits for a child.
void restart_child(RunState& run, StepAddress step, bool begun, Host& host, int64_t now_us);

/// Acts on everything that is due: timers, retries, time-outs of attempts, the deadline, breached reviews.
void on_time(RunState& run, Host& host, int64_t now_us);

/// When on_time() is wanted next; 0: never.
int64_t next_due_us(const RunState& run);

/// Whether nothing is in flight or ready: the run may leave memory until its next event. A retry due within
/// kParkAfterUs keeps it hot.
bool can_park(const RunState& run, int64_t now_us);

/// From here on no step begins and no timer acts; results of what is under way are recorded. kConflict when
/// it is paused already. Requires: the run is not final.
Status pause(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us);
/// Goes on. What was due meanwhile is due now. kConflict when it is not paused.
Status resume(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us);

/// A result that another run of the pipeline recorded.
struct KeptResult {
  StepIndex step;  ///< of the root block
  bool skipped = false;
  Value result;
};
/// Of a run that ended: the results of all root steps but `from` and those that need it, directly or not, in
/// the order in which they can be recorded. kUnprocessable "run.unknown_step" when the pipeline has no such
/// step.
Result<std::vector<KeptResult>> kept_results(const RunState& run, std::string_view from);

/// Ends the run; open reviews are closed, completed steps undone, `finally` runs.
void cancel(RunState& run, std::string_view who, std::string_view why, Host& host, int64_t now_us);

}  // namespace switchyard::workflow
