#pragma once

#include <string>
#include <string_view>

#include "switchyard/base/hash.h"
#include "switchyard/review/item.h"
#include "switchyard/store/keys.h"
#include "switchyard/workflow/run.h"

// The tables of a partition's state; docs/formats/state.md describes them.
namespace switchyard::partition::keys {

inline constexpr char kRun = 'R';          ///< run → summary, and state while it is not final
inline constexpr char kHot = 'H';          ///< runs that were in memory at the checkpoint
inline constexpr char kIdempotency = 'I';  ///< principal and key → run, request hash
inline constexpr char kTimer = 'T';        ///< due, run: of parked runs
inline constexpr char kReview = 'V';       ///< review → item
inline constexpr char kQueue = 'Q';        ///< queue, urgency: open reviews
inline constexpr char kAttribute = 'A';    ///< attribute, value, run
inline constexpr char kStatus = 'S';       ///< status, run: of parked, failed and cancelled runs
inline constexpr char kBudget = 'B';       ///< scope, day → reviews used
inline constexpr char kOffsets = 'O';      ///< run, chunk → where its earlier events are
inline constexpr char kSignalKey = 's';    ///< run, principal and key → the request of a signal
inline constexpr char kSignalOrder = 'i';  ///< run, number of the signal → its key
inline constexpr char kHold = 'L';         ///< name → legal hold
inline constexpr char kCompacted = 'C';    ///< run → when and by what it was compacted
inline constexpr char kDeleted = 'X';      ///< run → when and by what it was deleted

// Concurrency.
inline constexpr char kGroup = 'P';        ///< pipeline, key → how many runs go and wait
inline constexpr char kMember = 'p';       ///< pipeline, key, place → run, whether it waits
inline constexpr char kQueuedStart = 'q';  ///< pipeline, key, tenant, order, place → run, limit

// Events.
inline constexpr char kKnownEvent = 'D';  ///< source and id → number among the published
inline constexpr char kPublished = 'd';   ///< number among the published → known event
inline constexpr char kOutbox = 'U';      ///< partition, offset: events it has not taken over
inline constexpr char kChannel = 'u';     ///< partition → the last offset sent there
inline constexpr char kInbox = 'Y';       ///< partition → how far its events were taken over
inline constexpr char kAgentQueue = 'E';  ///< agent, key, place: events that wait for their run
inline constexpr char kAgentRun = 'G';    ///< agent, key → the run that keeps others waiting
inline constexpr char kAgentOfRun = 'g';  ///< run → agent, key
inline constexpr char kAgentState = 'K';  ///< agent, key → state
inline constexpr char kSchedule = 'J';    ///< schedule → spec, next tick
inline constexpr char kMessage = 'M';     ///< webhook, due, place: messages that wait
inline constexpr char kMessageDue = 'm';  ///< webhook, place → due
inline constexpr char kDeadLetter = 'Z';  ///< place → dead letter
inline constexpr char kListener = 'N';    ///< pattern, correlation, run, step
inline constexpr char kListening = 'n';   ///< run → what it listens for
inline constexpr char kHeard = 'W';       ///< run, step, place: events a run may still take

inline std::string known_event(std::string_view source, std::string_view id) {
  std::string text;
  store::KeyWriter(text).text(source).raw(id);
  const Sha256 digest = sha256(text);
  std::string key;
  store::KeyWriter(key).tag(kKnownEvent).raw({reinterpret_cast<const char*>(digest.data()), 16});
  return key;
}
inline std::string published(uint64_t number) {
  std::string key;
  store::KeyWriter(key).tag(kPublished).u64(number);
  return key;
}
inline std::string of_partition(char table, uint32_t partition) {
  std::string key;
  store::KeyWriter(key).tag(table).u32(partition);
  return key;
}
inline std::string outbox(uint32_t to, uint64_t offset) {
  std::string key;
  store::KeyWriter(key).tag(kOutbox).u32(to).u64(offset);
  return key;
}
inline std::string agent(char table, std::string_view name, std::string_view agent_key) {
  std::string key;
  store::KeyWriter(key).tag(table).text(name).text(agent_key);
  return key;
}
inline std::string agent_queued(std::string_view name, std::string_view agent_key, const QueuePlace& place) {
  std::string key = agent(kAgentQueue, name, agent_key);
  store::KeyWriter(key).u64(place.offset).u32(place.index);
  return key;
}
inline std::string member(std::string_view pipeline, std::string_view group, uint64_t place) {
  std::string key = agent(kMember, pipeline, group);
  store::KeyWriter(key).u64(place);
  return key;
}
inline std::string queued_start(std::string_view pipeline, std::string_view group, std::string_view tenant,
                                int64_t order, uint64_t place) {
  std::string key = agent(kQueuedStart, pipeline, group);
  store::KeyWriter(key).text(tenant).i64(order).u64(place);
  return key;
}
inline std::string named(char table, std::string_view name) {
  std::string key;
  store::KeyWriter(key).tag(table).text(name);
  return key;
}
inline std::string message(std::string_view webhook, int64_t due_us, const QueuePlace& place) {
  std::string key = named(kMessage, webhook);
  store::KeyWriter(key).i64(due_us).u64(place.offset).u32(place.index);
  return key;
}
inline std::string placed(std::string key, const QueuePlace& place) {
  store::KeyWriter(key).u64(place.offset).u32(place.index);
  return key;
}
inline std::string message_due(std::string_view webhook, const QueuePlace& place) {
  return placed(named(kMessageDue, webhook), place);
}
inline std::string dead_letter(const QueuePlace& place) { return placed(std::string(1, kDeadLetter), place); }
inline std::string listener_prefix(std::string_view pattern, std::string_view correlation) {
  std::string key;
  store::KeyWriter(key).tag(kListener).text(pattern).text(correlation);
  return key;
}
inline std::string heard_prefix(const RunId& run, uint16_t step) {
  std::string key;
  store::KeyWriter(key).tag(kHeard).id(run).u16(step);
  return key;
}

inline std::string of_id(char table, const RunId& id) {
  std::string key;
  store::KeyWriter(key).tag(table).id(id);
  return key;
}
inline std::string idempotency(std::string_view principal, std::string_view idempotency_key) {
  std::string text;
  store::KeyWriter(text).text(principal).raw(idempotency_key);
  const Sha256 digest = sha256(text);
  std::string key;
  store::KeyWriter(key).tag(kIdempotency).raw({reinterpret_cast<const char*>(digest.data()), 16});
  return key;
}
inline std::string signal_key(const RunId& run, std::string_view who, std::string_view idempotency_key) {
  std::string key;
  store::KeyWriter(key).tag(kSignalKey).id(run).raw(idempotency(who, idempotency_key).substr(1));
  return key;
}
inline std::string signal_order(const RunId& run, uint64_t number) {
  std::string key;
  store::KeyWriter(key).tag(kSignalOrder).id(run).u64(number);
  return key;
}
/// A row of the idempotency table, as retention events name it.
inline std::string idempotency_row(std::string_view sixteen) {
  std::string key;
  store::KeyWriter(key).tag(kIdempotency).raw(sixteen);
  return key;
}
inline std::string offsets(const RunId& run, uint64_t chunk) {
  std::string key;
  store::KeyWriter(key).tag(kOffsets).id(run).u64(chunk);
  return key;
}
inline std::string hold(std::string_view name) {
  std::string key;
  store::KeyWriter(key).tag(kHold).text(name);
  return key;
}
inline std::string timer(int64_t due_us, const RunId& run) {
  std::string key;
  store::KeyWriter(key).tag(kTimer).i64(due_us).id(run);
  return key;
}
inline std::string queue_prefix(std::string_view queue) {
  std::string key;
  store::KeyWriter(key).tag(kQueue).text(queue);
  return key;
}
inline std::string queued(const review::Item& item) {
  return queue_prefix(item.queue) + review::urgency_key(item);
}
inline std::string attribute_prefix(std::string_view name, std::string_view value) {
  std::string key;
  store::KeyWriter(key).tag(kAttribute).text(name).text(value);
  return key;
}
inline std::string status_prefix(workflow::RunStatus status) {
  std::string key;
  store::KeyWriter(key).tag(kStatus).u8(static_cast<uint8_t>(status));
  return key;
}
inline std::string budget(std::string_view scope, int32_t day) {
  std::string key;
  store::KeyWriter(key).tag(kBudget).text(scope).i64(day);
  return key;
}

// Attribute names: what users declare cannot collide with ours.
inline constexpr std::string_view kPipelineAttribute = "pipeline";
inline constexpr std::string_view kKeyAttribute = "key";
inline std::string search_attribute(std::string_view name) { return "search." + std::string(name); }

}  // namespace switchyard::partition::keys
