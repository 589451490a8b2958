#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/partition/state_machine.h"
#include "switchyard/store/memory.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::partition::testing {

/// Pipelines compiled from text; one model, "m", that gives { score: double }.
class Pipelines final : public workflow::Catalog {
 public:
  /// `text` without the header: steps and output. The input needs `n` (integer) and `card` (the key); `n` can
  /// be searched for.
  void add(const std::string& name, const std::string& text);
  /// A whole document: a pipeline, or a webhook.
  void add_document(const std::string& text);
  void add_webhook(const std::string& text);
  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return subscriptions_.consumers(event);
  }
  std::shared_ptr<const events::Webhook> webhook(std::string_view name) const override {
    return webhook_ != nullptr && webhook_->name == name ? webhook_ : nullptr;
  }
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled() const override;

  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name,
                                                     std::string_view version) const override;
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override;
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override;
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind, std::string_view name, std::string_view) const override {
    return kill.has_value() && kill->name == name ? &*kill : nullptr;
  }

  std::optional<workflow::Kill> kill;

 private:
  std::vector<std::shared_ptr<const workflow::Pipeline>> pipelines_;
  std::shared_ptr<const events::Webhook> webhook_;
  workflow::Subscriptions subscriptions_;
};

/// A start command as the gateway makes it.
StartRun start_of(const Pipelines& pipelines, const std::string& pipeline, int64_t n, const std::string& card,
                  const std::string& idempotency_key = {});
workflow::EffectResult score(double value);

/// A state machine with a log in memory: what it emits is durable at once, and can be folded again.
class Rig final : public EventWriter, public Outbox {
 public:
  explicit Rig(std::shared_ptr<Pipelines> pipelines, uint32_t partition = 0, uint32_t partitions = 1);

  Result<LogOffset> append(const Event& event) override;
  void start_effect(workflow::EffectRequest request, bool after_durable) override;
  void run_rests(const workflow::RunState& run) override { rested.push_back(run.id); }
  void deliver(Delivery delivery) override { deliveries.push_back(std::move(delivery)); }
  void acknowledge(Acknowledgement acknowledgement) override { acknowledgements.push_back(acknowledgement); }
  void send_webhook(WebhookRequest request) override { messages.push_back(std::move(request)); }

  StateMachine& operator*() { return *machine; }
  StateMachine* operator->() { return machine.get(); }
  /// Loses the memory; the store keeps its last written checkpoint; then recovers.
  void restart(int64_t now_us);
  /// The digest of a fold of all events into an empty state.
  uint64_t folded_digest();
  size_t count(EventType type) const;
  size_t log_size() const { return log_.size(); }
  /// As if a crash had kept only the first `records`. Requires that no checkpoint is ahead.
  void cut_log(size_t records) { log_.resize(records); }
  /// The origins of the runs that were started, in their order, as JSON; without those of requests.
  std::vector<std::string> origins() const;

  std::unique_ptr<store::MemoryStateStore> store = store::memory_state_store(7);
  std::unique_ptr<StateMachine> machine;
  std::vector<workflow::EffectRequest> effects;
  std::vector<bool> effects_after_durable;
  std::vector<RunId> rested;
  std::vector<Delivery> deliveries;
  std::vector<Acknowledgement> acknowledgements;
  std::vector<WebhookRequest> messages;
  int64_t now_us = 1'767'225'600'000'000;
  std::shared_ptr<const retention::Policy> policy;  ///< in force; shared as the server's is

 private:
  struct Stored {
    EventType type;
    uint8_t version;
    RunId run;
    uint16_t step;
    int64_t time_us;
    std::string payload;
  };
  std::unique_ptr<StateMachine> make(store::StateStore* state);
  Status replay(StateMachine& to, size_t from);

  const std::shared_ptr<Pipelines> pipelines_;
  const uint32_t partition_, partitions_;
  switchyard::testing::SeededRandom random_{11};
  std::vector<Stored> log_;
};

}  // namespace switchyard::partition::testing
