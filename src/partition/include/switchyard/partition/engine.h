#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/blobs/payload_store.h"
#include "switchyard/log/log.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/partition/upkeep.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/runtime/random.h"
#include "switchyard/store/state_store.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::partition {

/// While it lives, work that this thread gives to a partition whose thread sleeps is done here and now, and
/// what follows from it: no thread has to wake up. For threads that wait for events of many and for work that
/// is short: a call of one model.
class DriveHere {
 public:
  DriveHere();
  ~DriveHere();
  DriveHere(const DriveHere&) = delete;
  DriveHere& operator=(const DriveHere&) = delete;

 private:
  const bool before_;
};

/// Runs effects. execute() is called on a partition's thread and must not block; `done` may be called from
/// any thread, at once or much later, at most once.
class EffectExecutor {
 public:
  virtual ~EffectExecutor() = default;
  virtual void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) = 0;
};

/// Sends messages to webhooks. As execute() above.
class WebhookSender {
 public:
  virtual ~WebhookSender() = default;
  virtual void send(const WebhookRequest& request, std::function<void(WebhookOutcome)> done) = 0;
};

/// The way between partitions: in this process, or over a network. May lose, repeat and reorder; must not
/// block.
class Peers {
 public:
  virtual ~Peers() = default;
  virtual void deliver(Delivery delivery) = 0;
  virtual void acknowledge(Acknowledgement acknowledgement) = 0;
};

struct StartReply {
  RunView view;
  bool repeated = false;  ///< an Idempotency-Key named an earlier run
};

/// One event of a run with the memory it lives in.
struct RecordedEvent {
  Event event;
  LogOffset offset;
  std::shared_ptr<const Arena> arena;  // shared by the events of one read
  std::shared_ptr<const std::string> payload;
};

struct PartitionStats {
  PartitionId id;
  MachineStats machine;
  log::LogStats log;
  store::StoreStats store;
  blobs::PayloadStats payloads;
  UpkeepStats upkeep;
  uint64_t durable_end = 0;
  uint64_t waiters = 0;
  uint64_t turns = 0;
  uint64_t checkpoints = 0;
  int64_t busy_us = 0;  ///< time the partition's thread worked for it
  bool stalled = false;
  std::string failure;  ///< why the partition stopped; empty: it runs
};

/// Called with every recorded event, on the partition's thread, right after it was applied. Must be quick.
using EventObserver = std::function<void(PartitionId, const Event&)>;

struct EngineOptions {
  uint32_t partitions = 1;
  int threads = 1;            ///< of partitions
  log::Logs* logs = nullptr;  ///< outlives the engine
  std::function<Result<std::unique_ptr<store::StateStore>>(PartitionId)> open_store;
  const runtime::Clock* clock = nullptr;
  runtime::Random* random = nullptr;
  std::function<std::shared_ptr<const workflow::Catalog>()> catalog;
  EffectExecutor* executor = nullptr;
  WebhookSender* webhooks = nullptr;  ///< without one, messages to webhooks wait
  EventObserver observer;             ///< may be empty
  /// Holds archive/ and payloads/ with a folder per partition each. Empty: nothing leaves the log, and large
  /// values are refused.
  std::string history_directory;
  runtime::Disk* disk = nullptr;  ///< of that folder
  size_t payload_threshold_bytes = blobs::kPayloadThresholdBytes;
  size_t offsets_per_chunk = kOffsetsPerChunk;  ///< fixed once there is state; other values are for tests
  UpkeepOptions upkeep;
  /// The retention policy in force; may be empty, and may give nullptr.
  std::function<std::shared_ptr<const retention::Policy>()> retention;
  /// Made around each release of answers and destroyed after it; for batching wake-ups. May be empty.
  std::function<std::shared_ptr<void>()> release_scope;
  std::string node = "local";
};

template <typename T>
using Reply = std::function<void(Result<T>)>;

/// The partitions of one node on their threads. start() recovers all of them; afterwards every function may
/// be called from any thread. Replies come on a thread that drives a partition, once each, after everything
/// they tell is durable; they must not block. When the disk is full, replies come with kNoSpace and the
/// outcome is unknown to the caller: the same Idempotency-Key makes a repetition safe. After stop() nothing
/// is answered.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Opens logs and state, replays, starts the threads. Errors of log and store; nothing runs then.
  Status start();
  /// Finishes what is queued, makes a last durable checkpoint, closes the logs. Idempotent.
  void stop();

  uint32_t partitions() const;
  /// Ok while partition `id` takes commands: else why not (recovering, stalled, failed).
  Status health() const;

  /// The id that a start may be given: for whoever must know it before the run begins.
  RunId reserve_id(const StartRun& command) const;
  /// Starts a run and replies when it ended, when it waits for a person or a timer, or at `wait_until_us`
  /// with what is known then; with wait_until_us = 0 as soon as the start is durable.
  void start_run(StartRun command, int64_t wait_until_us, Reply<StartReply> reply);
  /// `wait_until_us`: as above, but a waiting run is waited for.
  void get_run(const RunId& id, int64_t wait_until_us, Reply<RunView> reply);
  /// Where all events of a run are, for read_events(), from the one with the number `first` on, at most
  /// `count`.
  void get_offsets(const RunId& id, uint64_t first, uint64_t count, Reply<std::vector<uint64_t>> reply);
  void list_runs(const RunFilter& filter, Reply<RunPage> reply);
  void pause_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply);
  void resume_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply);
  void cancel_run(const RunId& id, std::string who, std::string why, Reply<RunView> reply);

  /// The errors of StateMachine::signal_run().
  void signal_run(SignalRun command, Reply<Signalled> reply);
  void query_run(const RunId& id, std::string name, Reply<QueryReply> reply);
  void migrate_run(MigrateRun command, Reply<Migrated> reply);

  void list_reviews(const ReviewFilter& filter, Reply<std::vector<review::Item>> reply);
  void get_review(const RunId& id, Reply<review::Item> reply);
  void claim_review(ClaimReview command, Reply<review::Item> reply);
  void release_review(ReleaseReview command, Reply<review::Item> reply);
  void answer_review(AnswerReview command, Reply<review::Item> reply);
  void comment_review(CommentReview command, Reply<review::Item> reply);
  void escalate_review(EscalateReview command, Reply<review::Item> reply);
  void reassign_review(ReassignReview command, Reply<review::Item> reply);

  /// Publishes events, each in its home partition, and replies when all are durable, in the order of
  /// `events`. An error says which of them was refused first; the others may have been published: the same
  /// call again is safe.
  void publish(std::vector<PublishEvent> events, Reply<std::vector<Published>> reply);
  /// A page; kInvalidArgument "event.bad_letter" when `filter.after` is no id.
  void dead_letters(const DeadLetterFilter& filter, Reply<DeadLetterPage> reply);
  void settle_letter(const std::string& id, std::string who, bool replay, Reply<std::string> reply);
  void agent_state(std::string agent, std::string key, Reply<AgentState> reply);
  void agent_states(std::string agent, std::string after, size_t limit, Reply<std::vector<AgentState>> reply);
  /// The catalogue has changed: schedules and held agents look at it.
  void wake();

  /// Reads events from log and archive on the caller's thread. `offsets` come from a durable answer. Of a
  /// compacted run those are left out that are gone. kCorruption "blobs.missing" when a large value is lost.
  Result<std::vector<RecordedEvent>> read_events(const RunId& run,
                                                 const std::vector<uint64_t>& offsets) const;

  /// Reads the log of partition `id` on the caller's thread, as log::Log::read(); from its beginning where
  /// `from` was trimmed. Payloads may have large values beside the log: read_events() brings them.
  Result<LogOffset> read_log(PartitionId id, LogOffset from, size_t max_bytes,
                             const log::RecordVisitor& visit) const;
  /// Everything below is in the log of partition `id` for good.
  LogOffset durable_end(PartitionId id) const;

  /// Sets a hold in every partition that may have runs that fit, now or later; the errors of
  /// StateMachine::set_hold. After an error some may have it: the same call again completes it.
  void set_hold(Hold hold, Reply<Hold> reply);
  /// kNotFound "hold.unknown".
  void release_hold(std::string name, std::string who, std::string why, Reply<std::string> reply);
  /// By name.
  void list_holds(Reply<std::vector<Hold>> reply);
  /// Looks after all partitions now: retention, archive, payloads. Blocks, for minutes when there is much;
  /// not on a partition's thread. kConflict "retention.busy" while another pass runs; kUnavailable when the
  /// engine stops. `dry_run`: only counts what is due.
  Result<UpkeepReport> apply_retention(std::string who, bool dry_run);

  std::vector<PartitionStats> stats() const;
  uint64_t queue_depth() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::partition
