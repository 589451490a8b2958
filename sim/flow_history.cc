#include "flow_history.h"

#include <algorithm>

#include "switchyard/types/json.h"

namespace switchyard::sim {
namespace {

std::string text_of(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}

}  // namespace

void FlowHistory::fail(const std::string& what) {
  if (breach_.empty()) breach_ = at_ + ": " + what;
}

void FlowHistory::queue(uint32_t partition, uint64_t offset, const std::vector<DeliveryView>& deliveries) {
  for (uint32_t i = 0; i < deliveries.size(); ++i) {
    const DeliveryView& delivery = deliveries[i];
    const Place place{partition, {offset, i}};
    if (delivery.partition != partition && delivery.partition != kEveryPartition) continue;
    if (!delivery.error.empty())
      letters_[place] = {delivery.kind, {std::string(delivery.name), std::string(delivery.key)}};
    else if (delivery.kind == ConsumerKind::kAgent)
      waiting_[place] = {std::string(delivery.name), std::string(delivery.key)};
    else if (delivery.kind == ConsumerKind::kWebhook)
      messages_[place] = {};
  }
}

void FlowHistory::published(uint32_t partition, uint64_t offset, const EventPublished& body) {
  const std::string source = text_of(body.event, "source"), id = text_of(body.event, "id");
  if (!known_.emplace(std::pair(source, id), Place{partition, {offset, 0}}).second)
    fail("the event " + id + " of " + source + " was published twice");
  // Events of runs are published where the run is.
  if (!source.starts_with("/pipelines/")) {
    const auto [home, first] = homes_.emplace(std::pair(source, text_of(body.event, "subject")), partition);
    if (!first && home->second != partition) fail("events of one source and subject have two homes");
  }
  queue(partition, offset, body.deliveries);
  std::set<uint32_t> away;
  for (const DeliveryView& delivery : body.deliveries) {
    if (!delivery.error.empty() || delivery.partition == partition) continue;
    if (delivery.partition != kEveryPartition) away.insert(delivery.partition);
    for (uint32_t p = 0; delivery.partition == kEveryPartition && p < partitions_; ++p)
      if (p != partition) away.insert(p);
  }
  for (const uint32_t to : away) sent_[{partition, to}].push_back(offset);
}

void FlowHistory::started(uint32_t partition, const Event& event, const RunStarted& body) {
  const auto pipeline = catalog_.pipeline_by_hash(body.pipeline_hash);
  pipelines_[event.run] = pipeline.get();
  if (!body.origin.is(Kind::kMap)) return;
  const std::string kind = text_of(body.origin, "kind");
  if (kind == "schedule") {
    const Value* at = body.origin.find("at");
    int64_t& last = ticks_[text_of(body.origin, "schedule")];
    const int64_t us = at->seconds() * 1'000'000 + at->nanos() / 1000;
    if (us <= last) fail("a tick fires twice, or backwards");
    last = us;
  }
  if (kind != "event") return;
  ++agent_runs_;
  const std::string agent = text_of(body.origin, "agent"), key = text_of(body.origin, "key");
  const QueuePlace place{static_cast<uint64_t>(body.origin.find("offset")->as_integer()),
                         static_cast<uint32_t>(body.origin.find("index")->as_integer())};
  const auto waiting = waiting_.find({partition, place});
  if (waiting == waiting_.end()) return fail("a run takes an event that does not wait");
  if (waiting->second.name != agent || waiting->second.key != key) fail("a run takes the event of another");
  waiting_.erase(waiting);
  Key& state = keys_[{partition, agent, key}];
  if (state.started && place <= state.last) fail("events of one key start their runs out of order");
  state.started = true;
  state.last = place;
  if (pipeline == nullptr || !pipeline->state.has_value()) return;
  if (!state.active.is_zero()) fail("two runs hold one key");
  state.active = event.run;
  holders_[event.run] = {partition, agent, key};
  const Value* pinned = body.origin.find("state");
  const std::string expected =
      state.state.empty() ? to_canonical_json(pipeline->state->initial.root()) : state.state;
  if (pinned == nullptr || to_canonical_json(*pinned) != expected)
    fail("a run sees the state " + (pinned == nullptr ? "" : to_json(*pinned)) + ", written was " + expected);
}

void FlowHistory::settle(uint32_t partition, const std::string& webhook, const QueuePlace& place,
                         uint16_t attempt, bool over) {
  const auto message = messages_.find({partition, place});
  if (message == messages_.end()) return fail("a message to " + webhook + " that nobody sent");
  if (message->second.settled) fail("a message to " + webhook + " is settled twice");
  if (message->second.attempt != attempt) fail("a message to " + webhook + " skips or repeats an attempt");
  ++message->second.attempt;
  message->second.settled = over;
  settled_messages_ += over ? 1 : 0;
}

void FlowHistory::add(PartitionId partition, const partition::RecordedEvent& recorded) {
  const Event& event = recorded.event;
  const uint32_t p = partition.value;
  const uint64_t offset = recorded.offset.value;
  at_ = "partition " + std::to_string(p) + ", offset " + std::to_string(offset) + ", " +
        std::string(event_type_name(event.type()));
  if (const auto* published_now = std::get_if<EventPublished>(&event.body)) {
    published(p, offset, *published_now);
  } else if (const auto* received = std::get_if<EventReceived>(&event.body)) {
    queue(p, offset, received->deliveries);
    taken_[{received->from, p}].push_back(received->offset);
  } else if (const auto* started_now = std::get_if<RunStarted>(&event.body)) {
    started(p, event, *started_now);
  } else if (const auto* undelivered = std::get_if<DeliveryFailed>(&event.body)) {
    if (waiting_.erase({p, undelivered->place}) == 0)
      fail("an event that does not wait could not be delivered");
    letters_[{p, undelivered->place}] = {undelivered->kind,
                                         {std::string(undelivered->name), std::string(undelivered->key)}};
  } else if (const auto* moved = std::get_if<DeliveryMoved>(&event.body)) {
    if (waiting_.erase({p, moved->place}) == 0) fail("an event that does not wait goes elsewhere");
    sent_[{p, moved->to}].push_back(offset);
  } else if (const auto* delivered = std::get_if<WebhookDelivered>(&event.body)) {
    for (const auto& place : delivered->places)
      settle(p, std::string(delivered->webhook), place, delivered->attempt, true);
  } else if (const auto* failed = std::get_if<WebhookFailed>(&event.body)) {
    for (const auto& place : failed->places) {
      settle(p, std::string(failed->webhook), place, failed->attempt, failed->retry_at_us == 0);
      if (failed->retry_at_us == 0)
        letters_[{p, place}] = {ConsumerKind::kWebhook, {std::string(failed->webhook), {}}};
    }
  } else if (const auto* settled = std::get_if<DeadLetterSettled>(&event.body)) {
    const auto letter = letters_.find({p, settled->letter});
    if (letter == letters_.end()) return fail("a dead letter is settled that is none");
    const Place again{p, {offset, 0}};
    if (settled->replay && letter->second.first == ConsumerKind::kAgent)
      waiting_[again] = letter->second.second;
    if (settled->replay && letter->second.first == ConsumerKind::kWebhook) messages_[again] = {};
    letters_.erase(letter);
  } else if (const auto* completed = std::get_if<StepCompleted>(&event.body)) {
    const auto pipeline = pipelines_.find(event.run);
    if (pipeline == pipelines_.end() || pipeline->second == nullptr) return;
    if (pipeline->second->steps[event.step].kind != workflow::StepKind::kState) return;
    const auto holder = holders_.find(event.run);
    if (holder == holders_.end()) return fail("a state is written by a run that holds no key");
    keys_[holder->second].state = to_canonical_json(completed->result);
  } else if (const auto* migrated = std::get_if<RunMigrated>(&event.body)) {
    pipelines_[event.run] = catalog_.pipeline_by_hash(migrated->pipeline_hash).get();
  } else if (event.type() == EventType::kRunCompleted || event.type() == EventType::kRunFailed ||
             event.type() == EventType::kRunCancelled) {
    if (const auto holder = holders_.find(event.run); holder != holders_.end()) {
      keys_[holder->second].active = RunId();
      holders_.erase(holder);
    }
  }
}

void FlowHistory::finish(bool at_rest) {
  at_ = "all partitions";
  for (const auto& [channel, taken] : taken_) {
    const auto& sent = sent_[channel];
    const std::string name = std::to_string(channel.first) + " to " + std::to_string(channel.second);
    // Each once, in order, none left out: what was taken over is the beginning of what was sent.
    if (taken.size() > sent.size() || !std::equal(taken.begin(), taken.end(), sent.begin()))
      fail("from " + name + ", events were lost, doubled or reordered");
  }
  if (!at_rest) return;
  for (const auto& [channel, sent] : sent_) {
    if (taken_[channel].size() != sent.size())
      fail("from " + std::to_string(channel.first) + " to " + std::to_string(channel.second) + " only " +
           std::to_string(taken_[channel].size()) + " of " + std::to_string(sent.size()) + " events arrived");
  }
  for (const auto& [place, entry] : waiting_) {
    const auto& holder = keys_[{place.first, entry.name, entry.key}];
    if (holder.active.is_zero())
      fail("an event waits for ever in the queue of " + entry.name + " under '" + entry.key + "'");
  }
  for (const auto& [place, message] : messages_)
    if (!message.settled) fail("a message to a webhook is never settled");
}

}  // namespace switchyard::sim
