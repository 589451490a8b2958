#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/partition/events.h"
#include "switchyard/partition/state_machine.h"

namespace switchyard::partition {

/// The events of one partition: who gets them, the queues in which they wait, the way to other partitions,
/// schedules, messages to webhooks, dead letters. A part of the state machine: its tables change by folding
/// alone; what it remembers beside them can be found again by load() and recover().
class EventFlow {
 public:
  /// What it needs of the state machine around it.
  class Machine {
   public:
    virtual ~Machine() = default;
    /// Records and folds an event of the partition. kTooLarge: nothing happened.
    virtual Result<LogOffset> record(Event event) = 0;
    virtual Result<Started> start(StartRun command, int64_t now_us) = 0;
    virtual bool may_start() const = 0;
    virtual const workflow::Catalog& catalog() const = 0;
    /// Offers what a listening step may take.
    virtual void heard(const RunId& run, uint16_t step, int64_t now_us) = 0;
  };
  EventFlow(StateMachine::Environment& environment, Machine& machine)
      : environment_(environment), machine_(machine) {}

  // Commands.
  Result<Published> publish(const PublishEvent& command, int64_t now_us);
  void receive(const Delivery& delivery, int64_t now_us);
  void acknowledged(const Acknowledgement& acknowledgement, int64_t now_us);
  void webhook_done(const WebhookRequest& request, const WebhookOutcome& outcome, int64_t now_us);
  Status settle(const QueuePlace& letter, std::string_view who, bool replay, int64_t now_us);

  // Folding. The offset is that of the event's record.
  void fold(const Event& event, LogOffset offset);
  void fold_started(const RunId& run, const RunStarted& started, const workflow::Pipeline& pipeline,
                    int64_t time_us);
  void fold_state(const RunId& run, const Value& state, int64_t time_us);
  /// A step took an event it had heard.
  void fold_taken(const RunId& run, uint16_t step, const QueuePlace& place);
  /// The run listens for what the new version's steps listen for; what they have heard moves with them.
  void fold_migrated(const RunId& run, const RunMigrated& body);
  void fold_ended(const RunId& run, const workflow::Pipeline& pipeline);

  // Time.
  /// One turn: schedules, agents, channels, webhooks. True when more could be done at once.
  bool turn(int64_t now_us);
  int64_t next_due_us() const;

  // Recovery.
  Status load();
  void recover();

  // Queries.
  Result<DeadLetterPage> dead_letters(const DeadLetterFilter& filter);
  Result<AgentState> agent_state(std::string_view agent, std::string_view key);
  Result<std::vector<AgentState>> agent_states(std::string_view agent, std::string_view after, size_t limit);
  /// What a listening step may take, oldest first.
  Result<std::vector<std::pair<QueuePlace, Document>>> heard(const RunId& run, uint16_t step);
  const EventStats& stats() const { return stats_; }

 private:
  struct Entry {
    std::string agent, key;
    QueuePlace place;
  };
  struct Channel {
    uint64_t acked = 0, sent = 0, last = 0;  ///< one past an offset
    uint32_t in_flight = 0;
    int64_t resend_us = 0;
  };
  struct Outgoing {
    std::set<QueuePlace> in_flight;
    uint32_t requests = 0;
    int64_t wake_us = 0;  ///< when to look again; 0: now
  };
  struct Tick {
    uint64_t spec = 0;
    int64_t next_us = 0;
  };

  // event_flow.cc
  std::vector<DeliveryView> route(const std::vector<workflow::Consumer>& consumers) const;
  void fold_published(const EventPublished& body, int64_t time_us, LogOffset offset);
  void fold_deliveries(const std::vector<DeliveryView>& deliveries, const Value& event, uint32_t hops,
                       int64_t time_us, LogOffset offset);
  void send_away(uint32_t to, EventReceived body);
  void remember(const Value& event);
  void enqueue(std::string_view agent, std::string_view key, const QueuePlace& place, std::string_view item);
  void bury(const QueuePlace& place, ConsumerKind kind, std::string_view name, std::string_view key,
            const ErrorView& error, uint16_t attempts, int64_t time_us, std::string_view item);
  std::string get(const std::string& key, bool* found = nullptr);
  size_t count_rows(char table);

  // event_agents.cc
  bool start_agents(int64_t now_us);
  enum class StartOutcome : uint8_t { kDone, kHeld, kFull };
  StartOutcome start_agent(const Entry& entry, int64_t now_us, size_t* bytes);
  StartOutcome move_away(const Entry& entry, uint32_t to, int64_t now_us);
  void fail_delivery(const Entry& entry, const Error& error, int64_t now_us);
  void find_ready(int64_t now_us);
  void next_of_key(const std::string& agent, const std::string& key);
  bool keeps_state(const std::string& agent) const;
  void fold_failed(const DeliveryFailed& body, int64_t time_us, LogOffset offset);
  void fold_moved_away(const DeliveryMoved& body, LogOffset offset);
  /// Registers what a run listens for: a list of { step, event, correlation }.
  void add_listens(const RunId& run, const Value& listens);
  /// The run listens no more; what it has heard stays.
  void drop_listens(const RunId& run);
  using Heard = std::map<uint16_t, std::vector<std::pair<QueuePlace, std::string>>>;  ///< by step
  /// What the run has heard and not taken, out of the store.
  Heard take_heard(const RunId& run);
  void listen(std::string_view pattern, std::string_view correlation, const QueuePlace& place,
              std::string_view item, int64_t time_us);

  // event_channels.cc
  void pump_channels(int64_t now_us);
  void pump(uint32_t to, Channel& channel, int64_t now_us);
  void acknowledge_all();
  void fold_received(const EventReceived& body, int64_t time_us, LogOffset offset);
  void fold_delivered(const EventsDelivered& body);

  // event_webhooks.cc
  void send_messages(int64_t now_us);
  bool send_some(const std::string& name, Outgoing& outgoing, int64_t now_us);
  void put_message(std::string_view webhook, int64_t due_us, const QueuePlace& place, uint16_t attempt,
                   std::string_view item);
  std::string take_message(std::string_view webhook, const QueuePlace& place);
  void fold_webhook(const WebhookDelivered& body);
  void fold_webhook(const WebhookFailed& body, int64_t time_us);
  void fold_settled(const DeadLetterSettled& body, int64_t time_us, LogOffset offset);

  // event_schedules.cc
  bool tick_schedules(int64_t now_us);
  void reconcile_schedules(int64_t now_us);
  bool fire(const std::string& name, const std::shared_ptr<const workflow::Pipeline>& pipeline, Tick tick,
            int64_t now_us);
  bool owns(std::string_view schedule) const;
  void fold_moved(const ScheduleMoved& body);

  StateMachine::Environment& environment_;
  Machine& machine_;
  EventStats stats_;
  std::deque<Entry> ready_;
  bool more_ready_ = false;
  int64_t held_until_us_ = 0;
  std::deque<Entry> held_;  ///< of agents that are switched off
  bool more_held_ = false;
  std::map<uint32_t, Channel> channels_;
  std::map<uint32_t, uint64_t> acknowledge_;
  std::map<std::string, Outgoing, std::less<>> outgoing_;
  std::map<std::string, Tick, std::less<>> ticks_;
  std::optional<GovernanceOffset> reconciled_;
  std::vector<std::pair<RunId, uint16_t>> heard_;
  uint64_t published_ = 0;  ///< number of the next published event
};

/// The form of an event in queues: when it was published, hops, event.
std::string encode_item(const Value& event, uint32_t hops, int64_t time_us);
struct Item {
  int64_t time_us = 0;
  uint32_t hops = 0;
  Value event;
};
Result<Item> decode_item(std::string_view bytes, Arena& arena);

}  // namespace switchyard::partition
