#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "fair_queue.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/mailbox.h"
#include "upkeep.h"

namespace switchyard::partition {

class PartitionHost;

struct StartCommand {
  StartRun run;
  int64_t wait_until_us = 0;
  Reply<StartReply> reply;
};
struct EffectDone {
  RunId run;
  StepAddress step;
  uint16_t attempt = 1;
  workflow::EffectResult result;
};
struct WebhookDone {
  WebhookRequest request;
  WebhookOutcome outcome;
};
struct Durable {
  Status status;
  LogOffset end;
};
struct StallChanged {
  bool stalled = false;
  Error reason;
};
/// Anything else, as a function of the host and the time. `refuse` tells its caller that it cannot be done
/// now.
struct Call {
  std::function<void(PartitionHost&, int64_t)> run;
  std::function<void(const Error&)> refuse;
};
struct Command {
  uint32_t partition = 0;
  std::variant<StartCommand, EffectDone, Durable, StallChanged, Call, Delivery, Acknowledgement, WebhookDone>
      body;
};
using CommandBox = runtime::Mailbox<Command>;

/// One partition: its log, store and state machine, and what waits for durability. Driven by one thread at a
/// time.
class PartitionHost : private EventWriter, private Outbox {
 public:
  /// `peers` may be nullptr where there is one partition.
  PartitionHost(PartitionId id, const EngineOptions& options, CommandBox& mailbox, Peers* peers);
  ~PartitionHost() override;

  /// `waker` is called when an effect's result was pushed while the partition's thread sleeps. Without one
  /// the thread is woken.
  void set_waker(std::function<void()> waker) { waker_ = std::move(waker); }
  /// Opens, replays, recovers. Before the thread starts.
  Status open();

  void handle(Command&& command, int64_t now_us);
  /// Ends a turn: time, the batch, effects, checkpoint.
  void finish_turn(int64_t now_us);
  /// When the next turn is wanted even without a command; 0: not.
  int64_t next_turn_us();
  /// Last appends, final checkpoint, closed log.
  void close();

  // For Call.
  StateMachine& machine() { return *machine_; }
  /// Runs `action` with ok once everything emitted so far is durable; with the error if that cannot be now.
  void reply_when_durable(std::function<void(const Status&)> action);
  void wait_for(const RunId& id, int64_t until_us, Reply<RunView> reply);

  /// Any thread.
  PartitionStats stats() const;
  Status health() const;
  const log::Log& log() const { return *log_; }
  /// Engine::read_events of this partition.
  Result<std::vector<RecordedEvent>> read_events(const RunId& run,
                                                 const std::vector<uint64_t>& offsets) const;
  /// nullptr without a history folder.
  Upkeep* upkeep() { return upkeep_.get(); }
  const archive::Archive* archive() const { return archive_.get(); }
  const blobs::PayloadStore* payloads() const { return payloads_.get(); }
  /// The thread that looks after the partition tells how it went.
  void upkeep_done(const UpkeepReport& report, const Status& status, int64_t now_us);

 private:
  struct Gate {
    LogOffset end;
    bool droppable = true;  ///< an answer; effects are kept through a stall
    std::function<void(const Status&)> action;
  };
  struct Waiter {
    int64_t until_us = 0;
    bool until_final = false;
    bool at_once = false;                       ///< told before it is durable
    std::function<void(const RunView&)> reply;  ///< called when the answer is durable
    std::function<void(const Error&)> refuse;
  };

  // EventWriter, Outbox
  Result<LogOffset> append(const Event& event) override;
  void start_effect(workflow::EffectRequest request, bool after_durable) override;
  void run_rests(const workflow::RunState& run) override;
  void deliver(Delivery delivery) override;
  void acknowledge(Acknowledgement acknowledgement) override;
  void send_webhook(WebhookRequest request) override;

  /// Runs `action` now; what it tells of becomes durable soon.
  void tell_at_once(const std::function<void(const Status&)>& action);
  /// Runs `action` once everything emitted so far is durable; it survives a full disk.
  void after_durable(std::function<void()> action);
  Status open_history();
  Status check_beginning(const std::optional<store::Checkpoint>& applied) const;
  Status replay(LogOffset at);
  /// Large values go to the disk before what refers to them; false: not now.
  bool sync_payloads();
  Status admit() const;
  void start(StartCommand&& command, int64_t now_us);
  /// Does what handle() has let in.
  void act(Command&& command, int64_t now_us);
  /// Starts and results over the turn's steps wait in the backlog, as does what comes after them.
  bool waits_its_turn(Command& command);
  void work_off_backlog(int64_t now_us, uint64_t until_steps);
  bool has_room() const;
  void release(LogOffset durable_end);
  void fail(const Error& error);
  void drop_answers(const Error& error);
  void flush_batch();
  void dispatch_effects();
  bool is_flush_due(int64_t now_us) const;
  void add_waiter(const RunId& id, Waiter waiter);
  void expire_waiters(int64_t now_us);
  void maybe_checkpoint(int64_t now_us);
  size_t freeze_bytes() const;
  LogOffset emitted_end() const;
  void publish_stats();

  const PartitionId id_;
  const EngineOptions& options_;
  CommandBox& mailbox_;
  std::function<void()> waker_;
  Peers* const peers_;

  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::StateStore> store_;
  std::unique_ptr<archive::Archive> archive_;
  std::unique_ptr<blobs::PayloadStore> payloads_;
  std::unique_ptr<blobs::LargeValues> large_values_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<StateMachine> machine_;
  log::RecordBatch batch_;
  std::deque<Gate> gates_;
  std::vector<workflow::EffectRequest> effects_;
  std::deque<Command> deferred_;        ///< wait for room in the log, or for a checkpoint
  FairQueue<Command> backlog_;          ///< over the steps of a turn
  uint64_t turn_ends_ = kStepsPerTurn;  ///< at how many steps of the machine
  std::unordered_map<RunId, std::vector<Waiter>> waiters_;
  int64_t next_waiter_us_ = 0;  ///< no waiter's time is over before; of those there are
  bool batch_wanted_ = false;   ///< somebody waits for what the batch holds
  int64_t received_us_ = 0;     ///< since when the batch holds what was answered already; 0: it does not
  bool checkpoint_wanted_ = false;
  bool writing_state_ = false;  ///< the store's background writes a checkpoint
  LogOffset checkpointed_;
  int64_t checkpoint_us_ = 0, flush_us_ = 0, checkpoint_retry_us_ = 0;
  uint64_t checkpoints_ = 0, turns_ = 0;
  int64_t busy_us_ = 0;
  bool starting_ = false;  ///< inside start_run(): remember if the run rests at once
  std::optional<RunView> rested_;
  bool stalled_ = false;
  int64_t payload_retry_us_ = 0;  ///< the disk had no room for large values: when to try again
  Error failure_;
  bool failed_ = false;

  mutable std::mutex stats_mutex_;
  PartitionStats published_;  // guarded by stats_mutex_
};

}  // namespace switchyard::partition
