#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cut_disk.h"
#include "executor.h"
#include "faulty_log.h"
#include "flow_history.h"
#include "history.h"
#include "host.h"
#include "plant.h"
#include "scenery.h"
#include "switches.h"
#include "switchyard/store/memory.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/testing/simulated_disk.h"

namespace switchyard::sim {

struct WorldOptions {
  uint64_t seed = 1;
  Plant plant = Plant::kNone;
  bool verbose = false;  ///< prints what happens
};

struct WorldOutcome {
  std::string failure;  ///< empty: everything held
  uint64_t trace = 0;   ///< a hash over all that happened, the same for the same seed
  uint64_t runs = 0, events = 0, crashes = 0, replays = 0, answered_reviews = 0;
  uint64_t early_crashes = 0;          ///< before the process had opened its partitions
  uint64_t switches = 0, stopped = 0;  ///< thrown; attempts and runs that failed for one
  uint64_t archived = 0, compacted = 0, deleted = 0;
  uint64_t signals = 0, migrations = 0;   ///< taken by a step; of runs
  uint64_t agent_runs = 0, messages = 0;  ///< that events started; settled, to webhooks
  uint64_t admitted = 0, superseded = 0;  ///< runs that had waited for a place; cancelled for a newer one
};

/// Minutes instead of years; for half of the worlds.
std::shared_ptr<const retention::Policy> simulated_policy();

/// One simulated world: partitions on a disk that crashes, clients, reviewers, effects, time; all from the
/// seed, all on the caller's thread.
class World final : public partition::Peers, private partition::WebhookSender {
 public:
  explicit World(const WorldOptions& options);
  ~World() override;
  WorldOutcome run();

 private:
  struct Key {
    std::string pipeline, input, principal;
    uint64_t hash = 0;
  };
  /// What a client was told of a run.
  struct Told {
    workflow::RunStatus status{};
    std::string output;
    bool has_output = false;
  };
  struct Answer {
    std::string who, answer;
  };

  // Faults and time.
  void act();
  void crash(bool power);
  void restart_in_order();
  void drop_process();
  bool open();
  bool try_open(Status& status);
  void turn();
  bool step_logs();
  void disk_full(bool full);
  void advance_time();
  void flip_switch();
  void set_catalog(std::shared_ptr<const Switched> catalog);
  void see_event(PartitionId partition, const Event& event);
  void see_effect(const workflow::EffectRequest& request);
  int64_t next_turn_us();

  // Clients (clients.cc).
  void client();
  void start_run();
  void post_start(const Key& key, const std::string& idempotency_key, int64_t wait_us);
  void read_run();
  void cancel_run();
  void pause_run();
  void resume_runs();
  void find_paused();
  void list_runs();
  void review_work();
  void review_command(const RunId& review, const std::string& who);
  void told(const partition::RunView& view);
  void told(const review::Item& item);
  void refused(const Error& error, std::initializer_list<ErrorKind> allowed);
  /// Sends `work` to a partition; `done` gets its result when it is durable.
  template <typename T>
  void call(uint32_t partition, std::string what,
            std::function<Result<T>(partition::StateMachine&, int64_t)> work,
            std::function<void(Result<T>)> done);
  uint64_t ask(std::string what);
  bool answered(uint64_t request);

  // Events (events.cc).
  struct Published {
    std::string source, id, json;
  };
  struct Hook {
    int64_t due_us = 0;
    std::function<void(partition::WebhookOutcome)> done;
  };
  void deliver(partition::Delivery delivery) override;
  void acknowledge(partition::Acknowledgement acknowledgement) override;
  void on_line(partition::Command command);
  void deliver_late();
  void send(const partition::WebhookRequest& request,
            std::function<void(partition::WebhookOutcome)> done) override;
  bool answer_hook();
  int64_t next_hook_us() const;
  void publish_event();
  void settle_letter();
  void check_events(bool at_rest);

  // Signals, queries, migrations (signals.cc).
  struct Signal {
    RunId run;
    std::string key, payload;
  };
  void parcel_work();
  void signal_run();
  void post_signal(const Signal& signal);
  void query_run();
  void migrate_run();
  void check_signals(const History& history);

  // Retention (retention.cc).
  Status on_partition(uint32_t partition, std::function<Status(partition::StateMachine&, int64_t)> work);
  void look_after(uint32_t partition, bool may_be_cut);
  void lose_archive();
  void hold_work();
  void check_archive(const History& history, bool last);
  void check_erased(const History& history);

  // Checks (checks.cc).
  void see_durable();
  bool settle();
  void check_all(bool last);
  void check_fold(uint32_t partition);
  void check_told(const History& history);
  std::vector<uint64_t> all_offsets(const RunId& id);
  void check_lists(const History& history);
  void check_queues(const History& history);
  void check_replays(const History& history, bool last);
  void check_ends();
  void finish();
  /// All that was ever durable, after a look whether the log still says the same.
  const History& read_history();

  void trace(const std::string& text);
  void fail(const std::string& what);
  bool failed() const { return !outcome_.failure.empty(); }
  log::LocalLog& real_log(uint32_t partition) { return *logs_->of(partition); }
  partition::StateMachine& machine(uint32_t partition) { return hosts_[partition]->machine(); }

  const WorldOptions options_;
  std::vector<RunId> paused_;  ///< to be resumed
  const std::shared_ptr<const Scenery> scenery_;
  std::shared_ptr<const Switched> catalog_;
  testing::SeededRandom random_;          ///< decides what happens
  testing::SeededRandom process_random_;  ///< the engine's own
  testing::ManualClock clock_;
  int64_t now_us_ = 0;
  testing::SimulatedDisk disk_;
  CutDisk cut_disk_{disk_};  ///< of archives and payloads
  std::vector<std::unique_ptr<store::MemoryStateStore>> stores_;
  Effects effects_;
  partition::EngineOptions engine_;
  uint32_t partitions_ = 1;

  // The process: gone after a crash.
  std::unique_ptr<log::LocalLogs> local_logs_;
  std::unique_ptr<SimulatedLogs> logs_;
  std::unique_ptr<partition::CommandBox> mailbox_;
  std::vector<std::unique_ptr<partition::PartitionHost>> hosts_;
  std::map<uint64_t, std::string> asked_;  ///< requests that wait for their answer
  std::map<RunId, int32_t> priorities_;    ///< of runs, as their starts say
  std::set<std::string> begun_;            ///< effectful attempts of this process
  uint64_t requests_ = 0;
  bool full_ = false;
  bool calm_ = false;                        ///< no more faults
  std::vector<partition::Command> delayed_;  ///< on the line between partitions
  std::vector<Hook> hooks_;

  // What clients know, whatever happens to the process.
  std::map<RunId, Told> told_;
  std::map<std::string, RunId> told_keys_;    ///< idempotency key → run
  std::map<std::string, Key> keys_;           ///< idempotency key → what was asked with it last
  std::map<std::string, Key> told_requests_;  ///< idempotency key → the request that was accepted
  std::map<RunId, Answer> told_answers_;
  std::vector<Published> sent_events_;
  std::set<std::pair<std::string, std::string>> told_events_;  ///< source, id
  std::vector<RunId> known_runs_, known_reviews_;
  std::vector<RunId> parcels_;  ///< known runs of sim/parcel
  std::vector<Signal> asked_signals_, told_signals_;

  /// A record that was durable once. The world keeps its own copy: the log may be trimmed, a large value may
  /// be collected after its run was deleted.
  struct Kept {
    uint64_t offset = 0, hash = 0;  ///< hash: of the record as the log had it
    log::RecordHeader header;
    std::string payload;  ///< with all its values
    log::RecordView view() const;
  };
  bool keep(uint32_t partition, const log::RecordView& record);

  // All that was ever durable, per partition.
  std::vector<std::vector<Kept>> durable_;
  std::vector<uint64_t> durable_cursor_;
  History history_;
  std::vector<size_t> history_read_;     ///< how many of durable_ are in history_
  std::set<std::string> durable_begun_;  ///< run, step, attempt of StepStarted

  WorldOutcome outcome_;
};

template <typename T>
void World::call(uint32_t partition, std::string what,
                 std::function<Result<T>(partition::StateMachine&, int64_t)> work,
                 std::function<void(Result<T>)> done) {
  const uint64_t request = ask(std::move(what));
  const auto reply = [this, request, done = std::move(done)](Result<T> result) {
    if (options_.plant == Plant::kLostReply && request % 50 == 0) return;
    if (answered(request)) done(std::move(result));
  };
  partition::Command message{
      partition,
      partition::Call{[work = std::move(work), reply](partition::PartitionHost& host, int64_t now_us) {
                        auto result = std::make_shared<Result<T>>(work(host.machine(), now_us));
                        host.reply_when_durable([result, reply](const Status& status) {
                          if (status.ok())
                            reply(std::move(*result));
                          else
                            reply(status.error());
                        });
                      },
                      [reply](const Error& error) { reply(error); }}};
  if (!mailbox_->push(std::move(message))) fail("the mailbox is full");
}

}  // namespace switchyard::sim
