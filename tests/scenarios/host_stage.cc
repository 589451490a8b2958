#include "host_stage.h"

#include <algorithm>

#include "switchyard/base/bytes.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/store/memory.h"
#include "switchyard/testing/seeded_random.h"

namespace switchyard::scenarios {
namespace {

using rehearsal::Record;

/// The first number is the seed of the run.
class Numbers final : public runtime::Random {
 public:
  explicit Numbers(uint64_t seed) : seed_(seed), rest_(seed) {}
  uint64_t next_u64() override { return std::exchange(given_, true) ? rest_.next_u64() : seed_; }
  void fill(std::span<uint8_t> out) override { rest_.fill(out); }

 private:
  const uint64_t seed_;
  testing::SeededRandom rest_;
  bool given_ = false;
};

class HostStage final : public rehearsal::Stage,
                        private partition::EffectExecutor,
                        private partition::WebhookSender,
                        private partition::Peers {
 public:
  HostStage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed, uint32_t partitions, Kills kills)
      : random_(seed), kills_(kills), logs_(log::MemoryLogs::create()) {
    engine_.partitions = partitions;
    engine_.logs = logs_.get();
    engine_.clock = &clock_;
    engine_.random = &random_;
    engine_.catalog = [catalog = std::move(catalog)] { return catalog; };
    engine_.executor = this;
    engine_.webhooks = this;
    engine_.observer = [this](PartitionId, const Event& event) {
      Record record;
      record.header = {event.version(), static_cast<uint8_t>(event.type()), event.step, event.run,
                       event.time_us};
      ByteWriter writer(record.payload);
      encode_event_body(event, writer);
      records_.push_back(std::move(record));
    };
    engine_.open_store = [](PartitionId) -> Result<std::unique_ptr<store::StateStore>> {
      return std::unique_ptr<store::StateStore>(store::memory_state_store());
    };
    open();
  }
  ~HostStage() override { hosts_.clear(); }

  Result<RunId> start(partition::StartRun command, int64_t now_us) override {
    clock_.set_now_us(now_us);
    const uint32_t partition =
        partition::partition_for(command, hash64("a run without a key"), engine_.partitions).value;
    const uint64_t placed = (partition & 0x0f) | (static_cast<uint64_t>(partition >> 4) << 8);
    const RunId id = command.id = RunId::make(now_us / 1000, placed, 1);
    Status refused;
    hosts_[partition]->handle({partition, partition::StartCommand{std::move(command), 0,
                                                                  [&](auto reply) {
                                                                    if (!reply.ok()) refused = reply.error();
                                                                  }}},
                              now_us);
    settle(now_us);
    SY_RETURN_IF_ERROR(std::move(refused));
    return id;
  }
  void turn(int64_t now_us) override { settle(now_us); }
  int64_t next_due_us() override {
    int64_t next = 0;
    for (const auto& host : hosts_) {
      const int64_t due = host->machine().next_due_us();
      if (due != 0 && (next == 0 || due < next)) next = due;
    }
    return next;
  }

  std::vector<workflow::EffectRequest> take_effects() override { return std::exchange(begun_, {}); }
  void complete(const workflow::EffectRequest& request, workflow::EffectResult result,
                int64_t now_us) override {
    const auto found = done_.find(key_of(request));
    if (found == done_.end()) return;
    const auto done = std::move(found->second);
    done_.erase(found);
    done(std::move(result));
    settle(now_us);
  }

  Result<std::vector<review::Item>> reviews(int64_t now_us) override {
    std::vector<review::Item> all;
    for (const auto& host : hosts_) {
      partition::ReviewFilter filter;
      filter.limit = 1000;
      SY_ASSIGN_OR_RETURN(auto items, host->machine().reviews(filter, now_us));
      std::move(items.begin(), items.end(), std::back_inserter(all));
    }
    return all;
  }
  Status answer(const RunId& review, const std::string& who, const Document& answer,
                int64_t now_us) override {
    Status status;
    call(review, now_us, [&](partition::StateMachine& machine) {
      auto claimed = machine.claim({review, who}, now_us);
      if (!claimed.ok()) status = claimed.error();
    });
    SY_RETURN_IF_ERROR(std::move(status));
    call(review, now_us, [&](partition::StateMachine& machine) {
      auto answered = machine.answer({review, who, answer}, now_us);
      if (!answered.ok()) status = answered.error();
    });
    return status;
  }
  Status cancel(const RunId& run, const std::string& who, const std::string& why, int64_t now_us) override {
    Status status;
    call(run, now_us,
         [&](partition::StateMachine& machine) { status = machine.cancel_run(run, who, why, now_us); });
    return status;
  }
  Status signal(const partition::SignalRun& signal, int64_t now_us) override {
    Status status;
    call(signal.run, now_us, [&](partition::StateMachine& machine) {
      auto told = machine.signal_run(signal, now_us);
      if (!told.ok()) status = std::move(told).error();
    });
    return status;
  }
  Result<partition::RunView> run(const RunId& id) override {
    return hosts_[partition::partition_of(id).value]->machine().run(id);
  }

  Status publish(partition::PublishEvent event, int64_t now_us) override {
    const auto key = events::ordering_key(event.event.root());
    Status status;
    call_partition(partition::choose_partition("", key, 0, engine_.partitions).value, now_us,
                   [&](partition::StateMachine& machine) {
                     const auto published = machine.publish(event, now_us);
                     if (!published.ok()) status = published.error();
                   });
    return status;
  }
  Result<partition::AgentState> agent_state(const std::string& agent, const std::string& key) override {
    const auto partition = partition::choose_partition("", key, 0, engine_.partitions);
    return hosts_[partition.value]->machine().agent_state(agent, key);
  }
  Result<std::vector<partition::DeadLetter>> dead_letters() override {
    std::vector<partition::DeadLetter> all;
    for (const auto& host : hosts_) {
      partition::DeadLetterFilter filter;
      filter.limit = partition::kMaxListLimit;
      SY_ASSIGN_OR_RETURN(auto page, host->machine().dead_letters(filter));
      std::move(page.letters.begin(), page.letters.end(), std::back_inserter(all));
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.died_us < b.died_us; });
    return all;
  }

  const std::vector<Record>& history() const override { return records_; }
  uint64_t restarts() const override { return 0; }  // nothing recorded is ever lost
  std::string failure() const override { return failure_; }

 private:
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override {
    done_[key_of(request)] = std::move(done);
    begun_.push_back(std::move(request));
  }
  void send(const partition::WebhookRequest&, std::function<void(partition::WebhookOutcome)> done) override {
    done({});
  }
  static std::string key_of(const workflow::EffectRequest& request) {
    return request.run.to_string() + "/" + std::to_string(request.step.frame) + "/" +
           std::to_string(request.step.step.value) + "/" + std::to_string(request.attempt);
  }

  void call(const RunId& id, int64_t now_us, const std::function<void(partition::StateMachine&)>& work) {
    call_partition(partition::partition_of(id).value, now_us, work);
  }
  void call_partition(uint32_t partition, int64_t now_us,
                      const std::function<void(partition::StateMachine&)>& work) {
    hosts_[partition]->handle(
        {partition, partition::Call{[&](partition::PartitionHost& host, int64_t) {
                                      work(host.machine());
                                      host.reply_when_durable([](const Status&) {});
                                    },
                                    [this](const Error& error) { failure_ = error.to_string(); }}},
        now_us);
    settle(now_us);
  }

  // partition::Peers
  void deliver(partition::Delivery delivery) override {
    const uint32_t to = delivery.to.value;
    mailbox_->push_unbounded({to, std::move(delivery)});
  }
  void acknowledge(partition::Acknowledgement acknowledgement) override {
    mailbox_->push_unbounded({acknowledgement.to.value, acknowledgement});
  }

  void open() {
    mailbox_ = std::make_unique<partition::CommandBox>(partition::kMailboxCapacity);
    partition::Peers* const peers = this;
    for (uint32_t p = 0; p < engine_.partitions; ++p) {
      hosts_.push_back(std::make_unique<partition::PartitionHost>(PartitionId(p), engine_, *mailbox_, peers));
      const Status status = hosts_.back()->open();
      if (!status.ok()) failure_ = status.error().to_string();
    }
  }

  /// Turns until nothing is left to do now.
  void settle(int64_t now_us) {
    clock_.set_now_us(now_us);
    run_turns(now_us);
    if (kills_ == Kills::kNone) return;
    done_.clear();
    begun_.clear();
    hosts_.clear();
    open();
    run_turns(now_us);
  }
  void run_turns(int64_t now_us) {
    work(now_us);
    // The host makes things durable when somebody waits for them.
    for (const auto& host : hosts_) host->reply_when_durable([](const Status&) {});
    work(now_us);
  }
  void work(int64_t now_us) {
    for (bool busy = true; busy;) {
      for (const auto& host : hosts_) host->finish_turn(now_us);
      std::vector<partition::Command> commands;
      mailbox_->try_drain(commands);
      busy = !commands.empty();
      for (partition::Command& command : commands) {
        const uint32_t partition = command.partition;
        hosts_[partition]->handle(std::move(command), now_us);
      }
    }
  }

  testing::ManualClock clock_;
  Numbers random_;
  const Kills kills_;
  std::unique_ptr<log::MemoryLogs> logs_;
  partition::EngineOptions engine_;
  std::unique_ptr<partition::CommandBox> mailbox_;
  std::vector<std::unique_ptr<partition::PartitionHost>> hosts_;
  std::map<std::string, std::function<void(workflow::EffectResult)>> done_;
  std::vector<workflow::EffectRequest> begun_;
  std::vector<Record> records_;
  std::string failure_;
};

}  // namespace

std::unique_ptr<rehearsal::Stage> host_stage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed,
                                             uint32_t partitions, Kills kills) {
  return std::make_unique<HostStage>(std::move(catalog), seed, partitions, kills);
}

}  // namespace switchyard::scenarios
