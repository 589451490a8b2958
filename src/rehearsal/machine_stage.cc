#include <algorithm>
#include <utility>

#include "switchyard/base/bytes.h"
#include "switchyard/rehearsal/stage.h"
#include "switchyard/runtime/random.h"
#include "switchyard/store/memory.h"

namespace switchyard::rehearsal {
namespace {

/// The first number is the seed itself: it becomes the run's. Then SplitMix64 goes on from there.
class Numbers final : public runtime::Random {
 public:
  explicit Numbers(uint64_t seed) : seed_(seed), state_(seed) {}
  uint64_t next_u64() override {
    if (!given_) {
      given_ = true;
      return seed_;
    }
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(next_u64());
  }

 private:
  const uint64_t seed_;
  uint64_t state_;
  bool given_ = false;
};

class MachineStage final : public Stage, private partition::EventWriter, private partition::Outbox {
 public:
  MachineStage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed, Restarts restarts)
      : catalog_(std::move(catalog)), random_(seed), restarts_(restarts) {
    open();
  }

  Result<RunId> start(partition::StartRun command, int64_t now_us) override {
    SY_ASSIGN_OR_RETURN(const partition::Started started, machine_->start_run(std::move(command), now_us));
    survive(now_us);
    return started.id;
  }
  void turn(int64_t now_us) override {
    // Each call does a bounded amount.
    while (machine_->on_time(now_us)) {
    }
    for (const auto& request : std::exchange(messages_, {})) machine_->webhook_done(request, {}, now_us);
    survive(now_us);
  }
  int64_t next_due_us() override { return messages_.empty() ? machine_->next_due_us() : 1; }

  std::vector<workflow::EffectRequest> take_effects() override { return std::exchange(effects_, {}); }
  void complete(const workflow::EffectRequest& request, workflow::EffectResult result,
                int64_t now_us) override {
    machine_->complete_effect(request.run, request.step, request.attempt, std::move(result), now_us);
    survive(now_us);
  }

  Result<std::vector<review::Item>> reviews(int64_t now_us) override {
    partition::ReviewFilter filter;
    filter.limit = 1000;
    return machine_->reviews(filter, now_us);
  }
  Status answer(const RunId& review, const std::string& who, const Document& answer,
                int64_t now_us) override {
    auto claimed = machine_->claim({review, who}, now_us);
    if (!claimed.ok()) return std::move(claimed).error();
    survive(now_us);
    auto answered = machine_->answer({review, who, answer}, now_us);
    if (!answered.ok()) return std::move(answered).error();
    survive(now_us);
    return {};
  }
  Status cancel(const RunId& run, const std::string& who, const std::string& why, int64_t now_us) override {
    SY_RETURN_IF_ERROR(machine_->cancel_run(run, who, why, now_us));
    // What a cancelled run says at once is one frame of the log: all of it is kept, or nobody was told.
    if (!records_.empty()) kept_ = std::max(kept_, records_.size() - 1);
    survive(now_us);
    return {};
  }
  Status signal(const partition::SignalRun& signal, int64_t now_us) override {
    auto told = machine_->signal_run(signal, now_us);
    if (!told.ok()) return std::move(told).error();
    survive(now_us);
    return {};
  }
  Result<partition::RunView> run(const RunId& id) override { return machine_->run(id); }
  Status publish(partition::PublishEvent event, int64_t now_us) override {
    const auto published = machine_->publish(event, now_us);
    if (!published.ok()) return published.error();
    survive(now_us);
    return {};
  }
  Result<partition::AgentState> agent_state(const std::string& agent, const std::string& key) override {
    return machine_->agent_state(agent, key);
  }
  Result<std::vector<partition::DeadLetter>> dead_letters() override {
    partition::DeadLetterFilter filter;
    filter.limit = partition::kMaxListLimit;
    SY_ASSIGN_OR_RETURN(partition::DeadLetterPage page, machine_->dead_letters(filter));
    return std::move(page.letters);
  }
  const std::vector<Record>& history() const override { return records_; }
  uint64_t restarts() const override { return lives_; }
  std::string failure() const override { return failure_; }

 private:
  // --- what the state machine asks
  Result<LogOffset> append(const Event& event) override {
    Record record;
    record.header.version = event.version();
    record.header.type = static_cast<uint8_t>(event.type());
    record.header.step = event.step;
    record.header.run = event.run;
    record.header.time_us = event.time_us;
    ByteWriter writer(record.payload);
    encode_event_body(event, writer);
    if (record.payload.size() > log::Limits{}.payload_bytes) {
      return make_error(ErrorKind::kTooLarge, "log.payload_too_large",
                        "the record is larger than the log takes");
    }
    records_.push_back(std::move(record));
    return LogOffset(records_.size());
  }
  void start_effect(workflow::EffectRequest request, bool) override {
    effects_.push_back(std::move(request));
  }
  // One partition delivers nothing to others, and nothing leaves a rehearsal.
  void deliver(partition::Delivery) override { SY_CHECK(false); }
  void acknowledge(partition::Acknowledgement) override { SY_CHECK(false); }
  void send_webhook(partition::WebhookRequest request) override { messages_.push_back(std::move(request)); }
  void run_rests(const workflow::RunState&) override {}

  // --- dying and coming back
  void open() {
    partition::StateMachine::Environment environment;
    if (store_ == nullptr) store_ = store::memory_state_store();
    environment.store = store_.get();
    environment.random = &random_;
    environment.writer = this;
    environment.outbox = this;
    environment.catalog = [this] { return catalog_; };
    machine_ = std::make_unique<partition::StateMachine>(std::move(environment));
  }

  void survive(int64_t now_us) {
    // An engine that has just come back looks at everything once: where that changes nothing it is there.
    if (restarts_ == Restarts::kSnapshot && failure_.empty() && records_.size() != read_back_) {
      const Status status = read_back(now_us);
      if (!status.ok()) failure_ = status.error().to_string();
    }
    if (restarts_ != Restarts::kFold) return;
    // The log keeps one record more than before; what came after it is lost, as is everything in memory.
    while (records_.size() > kept_ && failure_.empty()) {
      // What a budget loses and why stand in one frame of the log.
      const bool uses_budget = static_cast<EventType>(records_[kept_].header.type) == EventType::kBudgetUsed;
      kept_ = std::min(records_.size(), kept_ + (uses_budget ? 2 : 1));
      records_.resize(kept_);
      ++lives_;
      const Status status = come_back(now_us);
      if (!status.ok())
        failure_ = "after record " + std::to_string(kept_) + ": " + status.error().to_string();
    }
  }

  /// As a host does between two turns, when everything is durable.
  Status read_back(int64_t now_us) {
    for (size_t before = records_.size() + 1; before != records_.size();) {
      before = records_.size();
      const store::Checkpoint at{LogOffset(records_.size() + 1), Epoch(1)};
      SY_CHECK(machine_->checkpoint(at, store::Durability::kWritten));
      store_->settle();
      machine_.reset();
      effects_.clear();
      messages_.clear();
      open();
      SY_RETURN_IF_ERROR(machine_->load());
      machine_->recover(now_us);
    }
    read_back_ = records_.size();
    return {};
  }

  Status come_back(int64_t now_us) {
    machine_.reset();
    store_.reset();
    effects_.clear();
    messages_.clear();
    open();
    SY_RETURN_IF_ERROR(machine_->load());
    for (size_t i = 0; i < records_.size(); ++i) {
      log::RecordView view;
      static_cast<log::RecordHeader&>(view) = records_[i].header;
      view.offset = LogOffset(i + 1);
      view.epoch = Epoch(1);
      view.payload = records_[i].payload;
      SY_RETURN_IF_ERROR(machine_->replay(view));
    }
    machine_->recover(now_us);
    return {};
  }

  const std::shared_ptr<const workflow::Catalog> catalog_;
  Numbers random_;
  const Restarts restarts_;
  std::unique_ptr<store::MemoryStateStore> store_;
  std::unique_ptr<partition::StateMachine> machine_;
  std::vector<Record> records_;
  std::vector<workflow::EffectRequest> effects_;
  std::vector<partition::WebhookRequest> messages_;  ///< sent, and not answered yet
  size_t kept_ = 0, read_back_ = 0;
  uint64_t lives_ = 0;
  std::string failure_;
};

}  // namespace

std::unique_ptr<Stage> machine_stage(std::shared_ptr<const workflow::Catalog> catalog, uint64_t seed,
                                     Restarts restarts) {
  return std::make_unique<MachineStage>(std::move(catalog), seed, restarts);
}

}  // namespace switchyard::rehearsal
