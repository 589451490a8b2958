#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/type.h"
#include "switchyard/rules/rule_table.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/ids.h"
#include "switchyard/types/value.h"

// The intermediate form of the pipeline language: what compile() makes and the interpreter runs. It covers
// the whole language; a kind that is not built yet is refused by compile() with "pipeline.not_available".
namespace switchyard::workflow {

/// Bumped when the meaning of the form changes; part of a pipeline's hash, so that a stored run never changes
/// meaning.
inline constexpr uint32_t kFormVersion = 1;

enum class StepKind : uint8_t {
  kSet,
  kFail,
  kRules,
  kModel,
  kTriage,
  kReview,
  kHttp,
  kWait,
  kForEach,
  kRepeat,
  kSequence,
  kTry,
  kState,
  kPipeline,
  kTask,
  kEnsemble,
  kCascade,
  // The whole language; not built yet.
  kSearch,
  kFeatures,
  kListen,
  kEmit,
};
std::string_view step_kind_name(StepKind kind);

/// What a crash in the middle of an effect means (ARCHITECTURE, "Words").
enum class EffectClass : uint8_t { kPure, kIdempotent, kEffectful };
std::string_view effect_class_name(EffectClass effect);

/// An expression tree whose leaves are programs: what a free map (`input`, `set`, `output`, `body`) compiles
/// to. A map's field whose value is an optional is left out when there is none, else its inner value stands.
struct Template {
  struct Field;
  std::variant<Value, expression::Program, std::vector<Field>, std::vector<Template>>
      node;  ///< constant | expression | map | list
  expression::Type type;
};
struct Template::Field {
  std::string name;
  Template value;
};

/// `retry: { attempts: 3, backoff: 50ms..1s, jitter: 0.2 }`: attempt n waits min(max, first·2^(n-2)), spread
/// by jitter taken from the run's seed.
struct RetryPolicy {
  uint16_t attempts = 1;  ///< in all, the first included
  int64_t backoff_first_us = 50'000;
  int64_t backoff_max_us = 1'000'000;
  double jitter = 0.2;
};

/// What a failed step does to its run.
struct OnError {
  enum class Action : uint8_t { kFail, kSkip, kStep, kValue };
  Action action = Action::kFail;
  StepIndex step;                 ///< kStep: this step's result stands in
  std::optional<Template> value;  ///< kValue
};

/// A reference to a governed artefact as the document names it: "card-limits" or "card-limits@1.2.0".
struct ArtefactRef {
  std::string name;
  std::string version;  ///< empty: the active version when the run starts
};

struct SetSpec {
  Template value;
};
struct FailSpec {
  std::string code;
  Template message;
};
/// `rules: card-limits, facts: input`
struct RulesSpec {
  ArtefactRef table;
  Template facts;
};
/// `model: fraud-light, input: input`; result: the model's outputs. With `prompt` the input are that one's
/// variables; result: { text, finish_reason, value, usage }.
struct ModelSpec {
  ArtefactRef model;
  Template input;
  std::optional<ArtefactRef> prompt;
};

/// One of several models that a step asks.
struct PanelMember {
  std::string name;
  ModelSpec ask;
  int64_t timeout_us = 0;  ///< 0: as long as the step has
  double weight = 1;       ///< of an ensemble's member
  // Of a cascade's tier:
  std::optional<expression::Program> until;  ///< over `answer`, slot 0
  std::optional<expression::Program> cost;   ///< of asking it
  double accuracy = 1;                       ///< share of its answers that are right
};
/// Where the number or word stands that a panel works with, and how sure an answer is.
struct PanelReading {
  std::vector<std::string> of;  ///< path within an answer
  enum class Confidence : uint8_t {
    kNone,
    kField,       ///< the answer's `confidence`
    kProbability  ///< of the probability p at `of`: the larger of p and 1 - p
  } confidence = Confidence::kNone;
};
/// `ensemble: { members, combine, of, quorum }`: asks all at once. Result: { members, score or answer, best,
/// confidence, disagreement: { entropy, margin, spread }, answered, missing }.
struct EnsembleSpec {
  std::vector<PanelMember> members;
  enum class Combine : uint8_t { kVote, kMean, kWeights, kBest } combine = Combine::kMean;
  PanelReading reading;
  bool numbers = false;        ///< `of` is a number
  bool probabilities = false;  ///< ... from 0 to 1
  uint32_t quorum = 1;
};
/// `cascade: { tiers, of, error_cost }`: asks one after the other. Result: the answer's fields, and { tier,
/// sure, confidence, tiers }.
struct CascadeSpec {
  std::vector<PanelMember> tiers;
  PanelReading reading;
  std::optional<expression::Program> error_cost;  ///< of a wrong answer
};

/// One answer a triage may give, and what it costs when the truth is another: expressions over the pipeline's
/// scope.
struct TriageCosts {
  std::vector<std::string> answers;                      ///< binary: {"negative", "positive"}
  std::vector<std::vector<expression::Program>> matrix;  ///< [answer][truth], each a double ≥ 0
  std::optional<expression::Program> review_cost;        ///< money for one review
  std::optional<expression::Program> review_delay_cost;
  double reviewer_error_rate = 0;  ///< 0..1
  std::string source;              ///< "card-fraud-costs@1.0.0" or "inline"
};
/// `triage: "<score>"`: decides whether a person is needed, and why. The score is P(positive), or a map
/// answer → probability. Result: { to_person: bool, positive: bool, answer: string, confidence: double,
/// reason: string,
///           expected_cost: double, review_cost: double, rules: [ { rule, fired, value, limit, ... } ] }.
struct TriageSpec {
  expression::Program score;
  std::string queue;                       ///< may be empty
  std::optional<double> confidence_below;  ///< person when confidence is lower
  std::optional<TriageCosts> costs;        ///< person when min_a R(a|x) > R_review
  std::optional<uint32_t> budget_per_day;  ///< over all partitions; further reviews are not asked for
  double sample_probability = 0;           ///< random quality sample, recorded with its probability
};

/// `review: { queue, form, show, due, priority, on_breach }`; result: the answer's fields, and `reviewer`,
/// `answered_at`.
struct ReviewSpec {
  std::string queue;
  schema::SchemaPtr form;
  std::string form_json;                                          ///< canonical, shown to the page
  std::vector<std::pair<std::string, expression::Program>> show;  ///< name → value shown
  std::optional<expression::Program> title;
  int64_t due_us = 0;     ///< 0: none
  int32_t priority = 50;  ///< 0..100, higher first
  enum class Breach : uint8_t { kFail, kAnswer, kEscalate, kNothing } on_breach = Breach::kFail;
  std::optional<Template> breach_answer;  ///< kAnswer
  std::string escalate_to;                ///< kEscalate: another queue
};

/// `http: { method, url, headers, query, body, expect, effect }`; result: { status: int, headers: map, body:
/// dyn }.
struct HttpSpec {
  std::string method;
  expression::Program url;
  std::vector<std::pair<std::string, expression::Program>> headers;
  std::optional<Template> body;
  std::vector<uint16_t> expect;  ///< empty: any 2xx
  EffectClass effect = EffectClass::kEffectful;
  schema::SchemaPtr response;  ///< may be null; then body is dyn
  std::vector<std::pair<std::string, expression::Program>>
      query;  ///< each a string, number or bool; percent-encoded onto the url
};

/// `task: { type, queue, effect, heartbeat, result }, input`: work for a process that polls for it. Result:
/// what the worker gives, as `result` has it.
struct TaskSpec {
  std::string queue, type;
  std::optional<Template> input;  ///< none: null
  EffectClass effect = EffectClass::kEffectful;
  int64_t heartbeat_us = 0;
  schema::SchemaPtr result;  ///< may be null; then dyn
};

/// `wait: 30m` or `wait: { until: <timestamp expression> }` or `wait: { for: <duration expression> }`.
struct WaitSpec {
  int64_t for_us = 0;
  std::optional<expression::Program> until;
  std::optional<expression::Program> for_expression;
};

/// `for_each: input.items, as: item, concurrency: 10, on_item_error: skip, steps, output`; its one block
/// runs once for each item. Result: { results: list, failures: [ { index, code, message } ], count }, in the
/// order of the items; without `output` no `results`.
struct ForEachSpec {
  expression::Program items;
  uint32_t concurrency = 1;
  enum class ItemError : uint8_t { kFail, kSkip, kValue } on_item_error = ItemError::kFail;
  std::optional<Template> item_value;  ///< kValue; over the item's frame
};
/// `repeat: { from, as, until, max, pause, on_max }, steps, output`; its block runs until a condition holds.
/// Result: { value: the last output, iterations: int, done: bool }.
struct RepeatSpec {
  std::optional<Template> from;  ///< the carried value of the first round
  expression::Program until;     ///< over the round's frame, after its steps
  uint32_t max = 1;
  int64_t pause_us = 0;  ///< between rounds
  bool fail_on_max = true;
};
/// `sequence: [ { name: step }, ... ]`: each step needs the one before. Result: the block's output.
struct SequenceSpec {};
/// `try: { steps, output }, catch: [ ... ], finally: { steps }`. Result: that of the body or of the clause.
struct TrySpec {
  struct Catch {
    std::vector<std::string> codes;           ///< "http.*": a prefix; empty: every error
    std::optional<expression::Program> when;  ///< over the clause's scope, with its `error`
    BlockIndex block;
  };
  std::vector<Catch> clauses;
  std::optional<BlockIndex> finally;
};
/// `pipeline: risk/score, input, key, detached`: a run of another pipeline. Result: its output; detached:
/// { run: string }.
struct ChildSpec {
  ArtefactRef pipeline;
  Template input;
  std::optional<expression::Program> key;
  bool detached = false;
};

/// `emit: { event, data, subject, source, extensions }`; result: { id, source }. The event's id follows from
/// the run and the step, so that a repetition is the same event.
struct EmitSpec {
  std::string type;
  std::optional<expression::Program> subject, source;
  std::vector<std::pair<std::string, expression::Program>> extensions;
  std::optional<Template> data;
};
/// `listen: { event, key, match, when, timeout }`; result: the event. See Listener. Or `listen: { signal,
/// schema, when, timeout }`; result: { payload, who: string, at: timestamp }. See Signal.
struct ListenSpec {
  std::string signal;                       ///< empty: it listens to events
  std::optional<expression::Program> when;  ///< over the scope, and event or signal in `event_slot`
  uint32_t event_slot = 0;
  int64_t timeout_us = 0;  ///< 0: none
};
/// `state: <value>`: what the agent keeps from now on; result: that.
struct StateWriteSpec {
  Template value;
};

using StepSpec = std::variant<SetSpec, FailSpec, RulesSpec, ModelSpec, TriageSpec, ReviewSpec, HttpSpec,
                              WaitSpec, ForEachSpec, RepeatSpec, SequenceSpec, TrySpec, ChildSpec, EmitSpec,
                              ListenSpec, StateWriteSpec, TaskSpec, EnsembleSpec, CascadeSpec>;

struct Step {
  StepIndex index;
  std::string name;
  StepKind kind = StepKind::kSet;
  StepSpec spec;
  std::vector<StepIndex> needs;  ///< steps that must be settled first: references and `after`
  std::optional<expression::Program> when;
  int64_t timeout_us = 0;  ///< of one attempt; 0: the kind's default
  RetryPolicy retry;
  OnError on_error;
  EffectClass effect = EffectClass::kPure;
  std::vector<StepIndex> dependents;  ///< steps that need this one; filled by link()
  bool may_be_absent = false;         ///< skipped by `when`, or by on_error: skip
  expression::Type result_type;       ///< without the optional that may_be_absent adds
  BlockIndex block;                   ///< it belongs to
  std::vector<BlockIndex> blocks;     ///< of a container, its own: body first, then catch clauses, finally
  std::optional<BlockIndex> compensation;  ///< undoes the step when the run fails or is cancelled

  bool is_container() const { return !blocks.empty(); }
};

/// Steps that run together, as a graph. A run has a frame for each time a block runs.
struct Block {
  enum class Role : uint8_t { kRoot, kItem, kRound, kBody, kCatch, kFinally, kCompensation };
  static constexpr uint32_t kNoSlot = 0;
  BlockIndex index;
  Role role = Role::kRoot;
  BlockIndex parent;  ///< holds the owner; of the root: itself
  std::optional<StepIndex>
      owner;        ///< container or compensated step; none: root, and the pipeline's `finally`
  StepIndex first;  ///< its steps are first .. first+count-1
  uint16_t count = 0;
  /// What it declares beside its steps: `item` and `index`; the carried value and `index`; `error`.
  uint32_t value_slot = kNoSlot, index_slot = kNoSlot;
  std::string value_name;
  std::optional<Template> output;
  expression::Type output_type;    ///< null without `output`
  std::vector<uint32_t> captures;  ///< kCompensation: slots of outer scopes it reads; filled by link()

  bool holds(StepIndex step) const { return step.value >= first.value && step.value < first.value + count; }
};

/// Slots of the expression environment, the same for every expression of a pipeline.
inline constexpr uint32_t kSlotInput = 0;  ///< `input`
inline constexpr uint32_t kSlotRun =
    1;  ///< `run`: { id: string, started_at: timestamp, seed: int, pipeline: string, version: string }
inline constexpr uint32_t kSlotSteps = 2;  ///< step i is slot kSlotSteps + i; then the blocks' variables
constexpr uint32_t slot_of(StepIndex step) { return kSlotSteps + step.value; }

/// An artefact that a pipeline uses without naming a version: pinned when a run starts.
struct Dependency {
  enum class Kind : uint8_t { kRules, kModel, kPrompt, kCosts, kPipeline } kind;
  ArtefactRef ref;
  std::vector<StepIndex> used_by;
};

/// `on: { event, when, key, input }`: a run for each event that fits. Expressions over `event`, slot 0.
struct Trigger {
  std::vector<std::string> patterns;
  std::optional<expression::Program> when;
  std::optional<expression::Program> key;  ///< of the run, and of the state it keeps
  std::optional<Template> input;           ///< none: the event's data
};
/// `state: { schema, initial }`: what an agent keeps under its key between its runs.
struct StateSpec {
  schema::SchemaPtr schema;  ///< may be null
  expression::Type type;
  Document initial;
  uint32_t slot = 0;  ///< of `state` in expressions
};
/// What a step `listen` waits for, as far as it is known when the run starts.
struct Listener {
  StepIndex step;
  std::string pattern;
  std::optional<expression::Program> key;    ///< over input only: the correlation on the run's side
  std::optional<expression::Program> match;  ///< over `event`, slot 0: on the event's side; with `key` only
};
/// What may be told to a run: the steps that listen to it take it in the order in which it came.
struct Signal {
  std::string name;
  schema::SchemaPtr schema;  ///< of the payload; null: anything
  expression::Type type;     ///< of the payload
  std::string schema_json;   ///< canonical; empty: none
  std::vector<StepIndex> steps;
};
/// `queries: { progress: <template> }`: what may be asked of a run at any time. Over `input`, `run`, `state`
/// and the root block's steps, each of them as an optional.
struct Query {
  std::string name;
  Template value;
};
/// `schedule: { every | cron, zone, missed, input }`. The input over `schedule`: { at: timestamp, missed: int
/// }, slot 0.
struct ScheduleSpec {
  enum class Missed : uint8_t { kSkip, kOne, kAll };
  std::function<int64_t(int64_t)> next_after_us;  ///< the first tick after a moment; 0: never
  std::string text;                               ///< "every 15m", "cron 0 3 * * * Europe/Berlin"
  Missed missed = Missed::kOne;
  std::optional<Template> input;
};

/// `concurrency: { key, limit, on_limit, max_queued }`: how many runs of one key go at once, over the whole
/// server and all versions of the pipeline.
struct ConcurrencySpec {
  enum class OnLimit : uint8_t { kQueue, kLatestWins, kRefuse };
  std::optional<expression::Program> key;  ///< over input only; none: one group for the whole pipeline
  uint32_t limit = 1;
  OnLimit on_limit = OnLimit::kQueue;
  uint32_t max_queued = kDefaultQueued;  ///< of one key; kQueue only
  static constexpr uint32_t kDefaultQueued = 1000;
};

/// One compiled, immutable version. Shared by every run that is pinned to it.
struct Pipeline {
  std::string name;       ///< "risk/card-payment"
  std::string version;    ///< "1.3.0"
  Sha256 hash{};          ///< of canonical form + kFormVersion
  std::string canonical;  ///< canonical JSON of the document with its files inlined
  std::string description;
  std::optional<Trigger> on;
  std::optional<StateSpec> state;  ///< only with `on` and its key
  std::optional<ScheduleSpec> schedule;
  std::vector<Listener> listeners;
  std::vector<Signal> signals;     ///< that its steps listen to, by name
  std::vector<Query> queries;      ///< in the order of the document
  std::vector<std::string> emits;  ///< types of events that its steps publish; "*": a type is computed
  schema::SchemaPtr input;         ///< may be null: any input
  expression::Type input_type;
  std::optional<expression::Program> key;  ///< over input only
  std::vector<std::pair<std::string, expression::Program>>
      search;  ///< over input only; an optional or null: left out
  std::optional<ConcurrencySpec> concurrency;
  int32_t priority = kDefaultPriority;             ///< 0..100, higher first
  std::optional<expression::Program> priority_of;  ///< over input only, stands instead
  int64_t deadline_us = 0;                         ///< 0: none; bounds each stretch of automatic work
  std::vector<Step> steps;                         ///< of all blocks; a block's are neighbours
  std::vector<Block> blocks;                       ///< the first is the root
  std::optional<BlockIndex> finally;               ///< runs before every end
  uint32_t slot_count = kSlotSteps;
  Template output;
  expression::Type output_type;
  std::vector<Dependency> dependencies;
  bool uses_run = false;     ///< some expression reads `run`; filled by link()
  bool compensates = false;  ///< some step can be undone; filled by link()

  std::string full_name() const { return name + "@" + version; }
  /// Of the root block.
  const Step* find_step(std::string_view step_name) const;
  /// nullptr: nobody listens to it.
  const Signal* find_signal(std::string_view signal) const;
};

/// Fills what follows from the rest: `dependents`, `captures`, `uses_run`. compile() calls it last.
void link(Pipeline& pipeline);

/// Adds the paths that the step's expressions read: "input.amount", "light.score", or "light" as a whole.
void collect_reads(const Step& step, std::set<std::string>& paths);

/// Whether a step of this kind asks the world outside, and its result comes back as an effect's.
bool is_effect(StepKind kind);

}  // namespace switchyard::workflow
