// Messages to webhooks: they wait until they are due, are sent, tried again, and die.
#include <algorithm>

#include "event_flow.h"
#include "keys.h"
#include "switchyard/base/bytes.h"

namespace switchyard::partition {
namespace {

/// The same for the same events, whoever asks and whenever.
std::string message_id(PartitionId partition, const std::vector<QueuePlace>& places) {
  std::string text = "msg_" + std::to_string(partition.value);
  if (places.size() == 1)
    return text + "_" + std::to_string(places[0].offset) + "_" + std::to_string(places[0].index);
  std::string all;
  ByteWriter out(all);
  for (const QueuePlace& place : places) out.u64(place.offset), out.u32(place.index);
  return text + "_" + to_hex(sha256(all)).substr(0, 32);
}

double spread_of(const QueuePlace& place, uint16_t attempt) {
  return static_cast<double>(hash64({reinterpret_cast<const char*>(&place.offset), sizeof place.offset},
                                    place.index * 64 + attempt) >>
                             11) *
         0x1.0p-53;
}

}  // namespace

void EventFlow::put_message(std::string_view webhook, int64_t due_us, const QueuePlace& place,
                            uint16_t attempt, std::string_view item) {
  std::string row;
  ByteWriter out(row);
  out.varint(attempt);
  out.raw(item);
  environment_.store->put(keys::message(webhook, due_us, place), row);
  std::string due;
  ByteWriter(due).svarint(due_us);
  environment_.store->put(keys::message_due(webhook, place), due);
  ++stats_.messages;
  auto found = outgoing_.find(webhook);
  if (found == outgoing_.end()) found = outgoing_.emplace(std::string(webhook), Outgoing{}).first;
  found->second.wake_us = std::min(found->second.wake_us, due_us);
}

/// Removes the message from both tables; its row, or nothing.
std::string EventFlow::take_message(std::string_view webhook, const QueuePlace& place) {
  const std::string due_key = keys::message_due(webhook, place);
  bool found = false;
  const std::string due = get(due_key, &found);
  if (!found) return {};
  const std::string key = keys::message(webhook, ByteReader(due).svarint(), place);
  std::string row = get(key);
  environment_.store->erase(due_key);
  environment_.store->erase(key);
  --stats_.messages;
  return row;
}

void EventFlow::send_messages(int64_t now_us) {
  for (auto& [name, outgoing] : outgoing_) {
    if (outgoing.wake_us > now_us) continue;
    while (outgoing.requests < kWebhookRequests && send_some(name, outgoing, now_us)) {
    }
  }
}

/// One request's worth of messages that are due; false when there is none.
bool EventFlow::send_some(const std::string& name, Outgoing& outgoing, int64_t now_us) {
  const auto webhook = machine_.catalog().webhook(name);
  const bool killed = webhook != nullptr &&
                      machine_.catalog().killed(ArtefactKind::kWebhook, name, webhook->version) != nullptr;
  if (webhook == nullptr || killed) {
    outgoing.wake_us = now_us + kHeldAgentsUs;
    return false;
  }
  const size_t most = webhook->mode == events::Webhook::Mode::kBatch ? webhook->batch : 1;
  WebhookRequest request;
  request.webhook = webhook;
  int64_t next_us = INT64_MAX;
  size_t bytes = 0;
  (void)environment_.store->scan(store::Range::prefix(keys::named(keys::kMessage, name)),
                                 [&](std::string_view key, std::string_view row) {
                                   store::KeyReader tail(key.substr(key.size() - 20));
                                   const int64_t due_us = tail.i64();
                                   QueuePlace place{tail.u64(), 0};
                                   place.index = tail.u32();
                                   if (outgoing.in_flight.contains(place)) return true;
                                   if (due_us > now_us) {
                                     next_us = due_us;
                                     return false;
                                   }
                                   ByteReader in(row);
                                   const auto attempt = static_cast<uint16_t>(in.varint());
                                   if (!request.places.empty() && attempt != request.attempt) return true;
                                   request.attempt = attempt;
                                   auto arena = std::make_shared<Arena>(row.size() * 2 + 256);
                                   auto item = decode_item(row.substr(in.position()), *arena);
                                   if (!item.ok()) return true;
                                   request.places.push_back(place);
                                   request.events.emplace_back(std::move(arena), item->event);
                                   bytes += row.size();
                                   return request.places.size() < most && bytes < (1u << 20);
                                 });
  if (request.places.empty()) {
    outgoing.wake_us = next_us;
    return false;
  }
  outgoing.in_flight.insert(request.places.begin(), request.places.end());
  ++outgoing.requests;
  request.id = message_id(environment_.partition, request.places);
  environment_.outbox->send_webhook(std::move(request));
  return true;
}

void EventFlow::webhook_done(const WebhookRequest& request, const WebhookOutcome& outcome, int64_t now_us) {
  const events::Webhook& webhook = *request.webhook;
  const auto found = outgoing_.find(webhook.name);
  if (found == outgoing_.end() || !found->second.in_flight.contains(request.places.front())) return;
  for (const QueuePlace& place : request.places) found->second.in_flight.erase(place);
  --found->second.requests;
  found->second.wake_us = 0;
  if (outcome.status.ok()) {
    ++stats_.delivered;
    (void)machine_.record(
        Event{RunId{}, kNoStep, now_us,
              WebhookDelivered{webhook.name, request.places, request.attempt, outcome.http_status}});
    return;
  }
  ++stats_.failed_attempts;
  WebhookFailed body;
  body.webhook = webhook.name;
  body.places = request.places;
  body.attempt = request.attempt;
  const Error& error = outcome.status.error();
  const std::string message = error.message.substr(0, kMaxWhyBytes);
  body.error = {error.kind, error.code, message, error.field};
  if (!outcome.gone && request.attempt < webhook.attempts) {
    const int64_t pause =
        webhook.pause_us(request.attempt, spread_of(request.places.front(), request.attempt));
    body.retry_at_us = now_us + std::max(pause, outcome.retry_after_us);
  }
  (void)machine_.record(Event{RunId{}, kNoStep, now_us, std::move(body)});
}

void EventFlow::fold_webhook(const WebhookDelivered& body) {
  for (const QueuePlace& place : body.places) take_message(body.webhook, place);
}

void EventFlow::fold_webhook(const WebhookFailed& body, int64_t time_us) {
  for (const QueuePlace& place : body.places) {
    const std::string row = take_message(body.webhook, place);
    if (row.empty()) continue;
    ByteReader in(row);
    in.varint();
    const std::string_view item = std::string_view(row).substr(in.position());
    if (body.retry_at_us != 0)
      put_message(body.webhook, body.retry_at_us, place, static_cast<uint16_t>(body.attempt + 1), item);
    else
      bury(place, ConsumerKind::kWebhook, body.webhook, {}, body.error, body.attempt, time_us, item);
  }
}

}  // namespace switchyard::partition
