#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "switchyard/log/log.h"
#include "switchyard/partition/events.h"
#include "switchyard/partition/limits.h"
#include "switchyard/partition/retention.h"
#include "switchyard/review/item.h"
#include "switchyard/runtime/random.h"
#include "switchyard/store/state_store.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::partition {

/// A run to be started, complete and checked: the input is valid against the pipeline's schema.
/// What a start takes up of another run.
struct Restart {
  RunId of;
  std::string step, why;
  std::vector<workflow::KeptResult> kept;  ///< values in the start's arena
};

struct StartRun {
  RunId id;  ///< zero: the state machine makes one
  std::shared_ptr<const workflow::Pipeline> pipeline;
  std::shared_ptr<const workflow::Pins> pins;
  std::shared_ptr<Arena> arena;  // input and search live in it; the run takes it over
  Value input;
  Value search;  ///< map or null
  std::string key, idempotency_key, principal, trace;
  std::string group;   ///< the key of the pipeline's `concurrency` (workflow::StartFacts)
  std::string tenant;  ///< empty: the default one
  int32_t priority = kDefaultPriority;
  uint64_t request_hash = 0;  ///< of pipeline name and canonical input
  Value origin;               ///< what started it when nobody asked; lives in the arena
  /// Its end is told before it is durable, and its record says so: a crash within kReceivedFlushUs may lose a
  /// run whose answer was given.
  bool ack_received = false;
  std::optional<Restart> restart;
};

struct Started {
  RunId id;
  bool repeated = false;  ///< the idempotency key was known: this is the earlier run
};

/// A run as a reader sees it. `output` only when the run just ended in memory; else the last of
/// summary.offsets says where in the log it is.
struct RunView {
  workflow::RunSummary summary;
  Document output;
  bool has_output = false;
  std::optional<Compaction> compaction;  ///< only its record remains
};

/// Which runs a list wants. Empty members do not filter.
struct RunFilter {
  std::string pipeline, version, key;
  std::optional<workflow::RunStatus> status;
  int64_t since_us = 0, until_us = 0;                       ///< by start time; until exclusive, 0: none
  std::vector<std::pair<std::string, std::string>> search;  ///< attribute → value as text
  std::optional<RunId> before;                              ///< cursor: only runs with a smaller id
  size_t limit = 50;
};
struct RunPage {
  std::vector<workflow::RunSummary> runs;  ///< newest first
  std::set<RunId> compacted;               ///< those of which only the record remains
  bool more = false;                       ///< go on before the last id, or before `scanned_to`
  std::optional<RunId> scanned_to;         ///< set when the page ended for its scan limit
};

struct ReviewFilter {
  std::string queue;  ///< empty: all
  std::string assigned_to;
  bool unclaimed_only = false;
  size_t limit = 50;
};

struct ClaimReview {
  RunId review;
  std::string who;
  int64_t lease_us = review::kDefaultLeaseUs;
};
struct ReleaseReview {
  RunId review;
  std::string who;
  bool is_operator = false;
};
struct AnswerReview {
  RunId review;
  std::string who;
  Document answer;
};
struct CommentReview {
  RunId review;
  std::string who, text;
};
struct EscalateReview {
  RunId review;
  std::string who, queue, why;
};
struct ReassignReview {
  RunId review;
  std::string who, to;
};

/// What somebody tells one run.
struct SignalRun {
  RunId run;
  std::string name, who, why;
  std::string idempotency_key;  ///< may be empty: then each is a signal of its own
  Document payload;
};
struct Signalled {
  RunView view;           ///< of the run, afterwards
  bool repeated = false;  ///< the same request was taken before
};

/// What the queries of a run answer. Of a run that ended only the view: its answers are found from its
/// events.
struct QueryReply {
  RunView view;
  Document values;  ///< map: query → value
  std::vector<std::pair<std::string, Error>> errors;
};

/// Takes one run to another version of its pipeline.
struct MigrateRun {
  RunId run;
  std::shared_ptr<const workflow::Pipeline> to;
  std::shared_ptr<const workflow::Pins> pins;
  std::string who, why;
  bool dry_run = false;
};
struct Migrated {
  std::string from;                    ///< the version the run was under
  std::vector<std::string> obstacles;  ///< why it stays there; empty: it goes (or would) on under the new one
};

/// Where emitted events go. Returns the record's offset, or an error (kTooLarge) and then nothing was
/// recorded.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  virtual Result<LogOffset> append(const Event& event) = 0;
};

/// What the state machine wants done. Calls come in the order of the events that caused them.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// `after_durable`: not before everything emitted so far is durable.
  virtual void start_effect(workflow::EffectRequest request, bool after_durable) = 0;
  /// The run ended or waits for a person or a timer. The state goes away after the call.
  virtual void run_rests(const workflow::RunState& run) = 0;

  // Each not before everything emitted so far is durable. What is lost on the way is asked for again.
  virtual void deliver(Delivery delivery) = 0;
  virtual void acknowledge(Acknowledgement acknowledgement) = 0;
  /// Its outcome comes back through webhook_done().
  virtual void send_webhook(WebhookRequest request) = 0;
};

/// Counted since the start.
struct MachineStats {
  uint64_t events = 0, runs_started = 0, runs_completed = 0, runs_failed = 0, runs_cancelled = 0, steps = 0;
  uint64_t reviews_requested = 0, reviews_answered = 0, late_results = 0;
  uint64_t hot_runs = 0, open_reviews = 0;
  uint64_t timers = 0;  ///< in memory
  uint64_t runs_compacted = 0, runs_deleted = 0;
  uint64_t steps_begun = 0;
  uint64_t runs_superseded = 0;                                   ///< cancelled by `latest_wins`
  std::shared_ptr<const std::map<std::string, uint64_t>> queued;  ///< pipeline → runs that wait for a place
  EventStats flow;
};

class EventFlow;
class Admission;
template <typename Item>
class FairQueue;

/// Whose a run is, for taking turns.
struct Lane {
  std::string tenant;
  int32_t priority = kDefaultPriority;
};

/// The state machine of one partition: commands become events, events change the state. Plain synchronous
/// code without clock, I/O or threads: time comes with each call, randomness and state through the
/// environment. Owned by the partition's thread. After a crash: load(), replay() of every record from
/// applied().offset on, recover().
class StateMachine : private workflow::Host {
 public:
  struct Environment {
    PartitionId partition;
    uint32_t partitions = 1;
    store::StateStore* store = nullptr;
    runtime::Random* random = nullptr;
    EventWriter* writer = nullptr;
    Outbox* outbox = nullptr;
    /// The newest governance views; asked once a command.
    std::function<std::shared_ptr<const workflow::Catalog>()> catalog;
    /// The policy in force; may be empty, and may give nullptr.
    std::function<std::shared_ptr<const retention::Policy>()> retention;
    const PayloadSource* payloads = nullptr;  ///< large values of events
    size_t offsets_per_chunk = kOffsetsPerChunk;
  };
  explicit StateMachine(Environment environment);
  ~StateMachine() override;

  // Recovery, in this order.
  /// Takes the runs that were in memory at the checkpoint back into memory.
  Status load();
  /// Folds one record. kCorruption or kUnprocessable when it cannot be.
  Status replay(const log::RecordView& record);
  /// Between replayed records: runs that only wait leave memory for the store.
  void relieve(int64_t now_us);
  /// Parks what can park, and starts again the effects that were in flight.
  void recover(int64_t now_us);

  // Commands. Each may emit events; what it returns may be told to the caller once those are durable.
  /// kUnprocessable "run.idempotency_mismatch", kResourceExhausted "partition.too_many_runs", kUnavailable
  /// "governance.killed", kTooLarge; of a pipeline with `concurrency` the errors of Admission::ask().
  Result<Started> start_run(StartRun command, int64_t now_us);
  /// False: nobody awaits this attempt any more.
  bool complete_effect(const RunId& run, StepAddress step, uint16_t attempt, workflow::EffectResult result,
                       int64_t now_us);
  /// kNotFound "run.unknown", kConflict "run.ended".
  /// The same; kConflict "run.paused", "run.not_paused".
  Status pause_run(const RunId& run, std::string_view who, std::string_view why, int64_t now_us);
  Status resume_run(const RunId& run, std::string_view who, std::string_view why, int64_t now_us);
  Status cancel_run(const RunId& run, std::string_view who, std::string_view why, int64_t now_us);
  /// Tells a run something (signals.cc). The same key with the same request again is answered as before, also
  /// when the run has ended. kNotFound "run.unknown"; kConflict "run.ended"; kUnprocessable "signal.unknown",
  /// "signal.bad_payload", "signal.idempotency_mismatch"; kResourceExhausted "signal.too_many"; kTooLarge.
  Result<Signalled> signal_run(const SignalRun& command, int64_t now_us);
  /// Whether and how a run goes on under another version (migration.cc). kNotFound "run.unknown", kConflict
  /// "run.ended"; that it cannot is no error.
  Result<Migrated> migrate_run(const MigrateRun& command, int64_t now_us);
  Result<review::Item> claim(const ClaimReview& command, int64_t now_us);
  Result<review::Item> release(const ReleaseReview& command, int64_t now_us);
  /// kUnprocessable "review.bad_answer" names the field that does not fit the form.
  Result<review::Item> answer(const AnswerReview& command, int64_t now_us);
  Result<review::Item> comment(const CommentReview& command, int64_t now_us);
  Result<review::Item> escalate(const EscalateReview& command, int64_t now_us);
  Result<review::Item> reassign(const ReassignReview& command, int64_t now_us);

  /// Records an event with who gets it. kUnprocessable "event.too_many_hops", kResourceExhausted
  /// "event.backlog_full", kTooLarge.
  Result<Published> publish(const PublishEvent& command, int64_t now_us);
  /// Takes over an event of another partition: in order, each once.
  void receive(const Delivery& delivery, int64_t now_us);
  /// Another partition has taken over events of this one.
  void acknowledged(const Acknowledgement& acknowledgement, int64_t now_us);
  void webhook_done(const WebhookRequest& request, const WebhookOutcome& outcome, int64_t now_us);
  /// Sends a dead letter on its way again, or discards it. kNotFound "event.no_letter".
  Status settle_letter(const QueuePlace& letter, std::string_view who, bool replay, int64_t now_us);

  /// Of a run in memory; else the default one.
  Lane lane(const RunId& run) const;
  /// Steps that runs have begun, counted since the start.
  uint64_t steps_begun() const { return stats_.steps_begun; }
  /// Acts on all that is due. At most `limit` runs a call; true when more is due.
  bool on_time(int64_t now_us, size_t limit = 256);
  /// When on_time() is wanted next; 0: never.
  int64_t next_due_us();

  // Retention (retention.cc).
  /// The same name with the same filter again changes nothing. kInvalidArgument "hold.bad_name",
  /// "hold.no_filter", "hold.no_reason"; kConflict "hold.exists"; kResourceExhausted "hold.too_many".
  Result<Hold> set_hold(Hold hold, int64_t now_us);
  /// False: there was none of that name.
  Result<bool> release_hold(std::string_view name, std::string_view who, std::string_view why,
                            int64_t now_us);
  Result<std::vector<Hold>> holds();
  /// Looks for runs that are due, from `after` on (empty: from the beginning), a bounded number at once.
  Result<RetentionPlan> plan_retention(const retention::Policy& policy, int64_t now_us,
                                       const std::string& after);
  /// Records that these runs were compacted or deleted, but for those that are held, not over, or not there
  /// any more. The number recorded.
  Result<uint64_t> compact_runs(const CompactRuns& command, int64_t now_us);
  Result<uint64_t> delete_runs(const DeleteRuns& command, int64_t now_us);
  Result<std::vector<RunFate>> fates(const std::vector<RunId>& runs);

  // Queries.
  /// Where the run's events are in log or archive, from the one with the number `first` (from 0) on: some of
  /// them; none when there are no more.
  Result<std::vector<uint64_t>> offsets(const RunId& id, uint64_t first);
  Result<RunView> run(const RunId& id);
  /// What the run's queries answer as it is, or the one called `name`. kNotFound "run.unknown",
  /// "query.unknown".
  Result<QueryReply> query(const RunId& id, std::string_view name);
  Result<RunPage> list(const RunFilter& filter);
  Result<review::Item> review(const RunId& id);
  Result<std::vector<review::Item>> reviews(const ReviewFilter& filter, int64_t now_us);

  /// Those of this partition.
  Result<DeadLetterPage> dead_letters(const DeadLetterFilter& filter);
  /// kNotFound "agent.no_state".
  Result<AgentState> agent_state(std::string_view agent, std::string_view key);
  /// By key, after `after`; at most kMaxListLimit.
  Result<std::vector<AgentState>> agent_states(std::string_view agent, std::string_view after, size_t limit);

  /// Writes the runs in memory into the state and begins a checkpoint that reflects `at`. False: not now.
  bool checkpoint(store::Checkpoint at, store::Durability durability);

  MachineStats stats() const;
  /// A digest over the folded state of all runs and reviews: equal states give equal digests (checks and
  /// tests only).
  Result<uint64_t> digest();

 private:
  struct HotRun {
    std::unique_ptr<workflow::RunState> state;
    bool indexed = false;   ///< its list entries are in the store
    bool queued = false;    ///< in unfinished_
    bool answered = false;  ///< while replaying: an answer or a signal came last, its step is not told yet
    bool marked = false;    ///< the store says that it was in memory at a checkpoint
    int64_t timer_us = 0;   ///< the earliest entry for it in timers_
  };
  struct Timer {
    int64_t due_us;
    RunId run;
    bool operator>(const Timer& other) const {
      return due_us != other.due_us ? due_us > other.due_us : run > other.run;
    }
  };

  // workflow::Host
  bool emit(workflow::RunState& run, Event event) override;
  void start_effect(workflow::RunState& run, workflow::EffectRequest request) override;
  void start_child(workflow::RunState& parent, workflow::ChildRequest request) override;
  void cancel_child(workflow::RunState& parent, const RunId& child, std::string_view why) override;
  Status publish(workflow::RunState& run, StepAddress at, const Value& event, int64_t now_us) override;
  std::vector<std::pair<QueuePlace, Document>> heard(workflow::RunState& run, StepAddress at) override;
  RunId new_id(int64_t now_us) override;
  void began(size_t steps) override { stats_.steps_begun += steps; }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name, std::string_view version,
                               StepAddress step) override;
  uint32_t budget_left(std::string_view scope, int32_t day, uint32_t per_day) override;

  void continue_runs(int64_t now_us);
  // Of runs that wait for a place (commands.cc).
  Status admit(const RunId& run, int64_t now_us);
  void supersede(const RunId& run, const RunId& newest, int64_t now_us);

  void refresh_catalog() { catalog_ = environment_.catalog(); }
  /// Applies to the run (nullptr: an event without one) and to the views beside it.
  void fold(HotRun* run, const Event& event, LogOffset offset);
  void fold_review(const Event& event);
  void fold_signal(const HotRun& run, const SignalReceived& body);
  void fold_migrated(const HotRun& run, const RunMigrated& body);
  void fold_completed(const HotRun& run, const Event& event, const StepCompleted& body);
  void offer(const RunId& run, uint16_t step, int64_t now_us);
  void fold_retention(const Event& event);
  void fold_deleted(const DeletedRun& deleted, const RunsDeleted& event, int64_t time_us);
  void expire_tombstones(int64_t now_us);
  Status record(EventBody body, int64_t now_us);  ///< an event of the partition itself
  Result<const std::vector<Hold>*> known_holds();
  Result<bool> is_held(const workflow::RunSummary& run);
  /// The summary of a run that retention may touch; empty: it may not.
  Result<std::optional<workflow::RunSummary>> touchable(const RunId& id);
  Error unknown_run(const RunId& id);
  Result<std::optional<Compaction>> compaction_of(const RunId& id);
  void count(const Event& event);
  void spill_offsets(workflow::RunState& run);
  Result<HotRun*> find_run(const RunId& id);  ///< in memory, or brought there; nullptr when there is none
  /// After a command: the run is filed, parked, gets its timer, or its next turn; then the children and
  /// parents that it concerns, until all of them rest.
  void rest(const RunId& id, int64_t now_us);
  void rest_one(const RunId& id, int64_t now_us);
  void keep_results(workflow::RunState& run, const Restart& restart, std::string_view who);
  /// What every start says of pipeline and pins.
  static RunStarted started_body(const workflow::Pipeline& pipeline, const workflow::Pins& pins);
  /// What a child passes on of its parent's origin, and what it listens for; null: nothing.
  static Result<Value> child_origin(const workflow::Pipeline& pipeline, const workflow::RunState& parent,
                                    const Value& input, Arena& arena);
  Status begin_child(workflow::RunState& parent, const workflow::ChildRequest& request);
  /// Remembers how a child ended, for its parent.
  void note_end(const workflow::RunState& run);
  void link_child(workflow::RunState& child, const workflow::RunState& parent, StepAddress at, bool detached);
  // Replaying: who waits for whom, as far as the records tell.
  void note_replayed(const Event& event, const workflow::RunState& run);    ///< after its fold
  void forget_replayed(const Event& event, const workflow::RunState& run);  ///< before its fold
  void recover_children(int64_t now_us);
  /// Before anything runs: a child whose record ends before its link would end without telling its parent.
  void link_children(int64_t now_us);
  /// Which step of `parent` waits for `child`, if one does.
  static std::optional<StepAddress> step_of_child(const workflow::RunState& parent, const RunId& child);
  void finish_answers(workflow::RunState& run, int64_t now_us);
  void file(HotRun& run);  ///< a final run
  void park(HotRun& run);
  void store_record(HotRun& run);
  void index(const workflow::RunState& run);
  void set_timer(HotRun& run);
  Result<std::optional<review::Item>> find_review(const RunId& id);
  Result<review::Item> change_review(const RunId& id,
                                     const std::function<Status(const review::Item&)>& allowed,
                                     const std::function<EventBody(const review::Item&)>& make,
                                     int64_t now_us);
  void put_review(const review::Item& item, const review::Item* before);
  int64_t first_parked_due_us();

  Environment environment_;
  std::shared_ptr<const workflow::Catalog> catalog_;
  /// How a child ended, for its parent.
  struct ChildEnd {
    RunId child, parent;
    StepAddress step;
    workflow::EffectResult result;
  };
  std::unordered_map<RunId, HotRun> hot_;
  std::deque<RunId> to_rest_;                     ///< children that were touched within the present command
  std::deque<ChildEnd> ended_;                    ///< parents do not know yet
  std::unique_ptr<FairQueue<RunId>> unfinished_;  ///< used up their steps of their turn
  std::map<RunId, RunId> waiting_children_;       ///< child → parent, as replay() met them
  std::map<RunId, workflow::EffectResult> replayed_ends_;
  int64_t now_us_ = 0;  ///< of the present command
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::optional<int64_t> parked_due_us_;    ///< cached first key of the timer table; 0: none
  std::optional<std::vector<Hold>> holds_;  ///< cached table
  MachineStats stats_;
  std::string scratch_;
  class FlowMachine;
  std::unique_ptr<FlowMachine> flow_machine_;
  std::unique_ptr<EventFlow> flow_;
  class Places;
  std::unique_ptr<Places> places_;
  std::unique_ptr<Admission> admission_;
};

/// The partition a run or review id says it lives in.
PartitionId partition_of(const RunId& id);
/// A new id of that partition.
RunId make_run_id(PartitionId partition, int64_t now_us, uint64_t random);

/// Where the runs of a pipeline with `concurrency` live that have this key; that without a key is also where
/// the pipeline's schedule is kept.
PartitionId group_partition(std::string_view pipeline, std::string_view group, uint32_t partitions);
/// Where a start belongs, whoever asks for it.
PartitionId partition_for(const StartRun& command, uint64_t random, uint32_t partitions);

/// An idempotency key decides the partition first, so that a repetition with another body meets the first;
/// then the pipeline's key; empty both: `random`.
PartitionId choose_partition(std::string_view idempotency_key, std::string_view key, uint64_t random,
                             uint32_t partitions);

}  // namespace switchyard::partition
