// The way to other partitions: an outbox in which events stay until they are taken over, in their order, each
// once.
#include <algorithm>

#include "event_flow.h"
#include "keys.h"
#include "switchyard/base/bytes.h"

namespace switchyard::partition {

void EventFlow::pump_channels(int64_t now_us) {
  for (auto& [to, channel] : channels_) {
    if (channel.in_flight > 0 && now_us >= channel.resend_us) {
      // Lost, or refused: begin again with the first that was not taken over.
      channel.sent = channel.acked;
      channel.in_flight = 0;
    }
    if (channel.sent < channel.last && channel.in_flight < kChannelWindow) pump(to, channel, now_us);
  }
}

void EventFlow::pump(uint32_t to, Channel& channel, int64_t now_us) {
  std::vector<Delivery> deliveries;
  const uint64_t from = std::max(channel.sent, channel.acked);
  (void)environment_.store->scan(
      store::Range::between(keys::outbox(to, from), store::prefix_end(keys::of_partition(keys::kOutbox, to))),
      {.limit = kChannelWindow - channel.in_flight}, [&](std::string_view key, std::string_view row) {
        ByteReader in(row);
        const uint64_t after = in.varint();
        deliveries.push_back(
            {environment_.partition, PartitionId(to), after, std::string(row.substr(in.position()))});
        store::KeyReader offset(key.substr(key.size() - 8));
        channel.sent = offset.u64() + 1;
        return true;
      });
  if (deliveries.empty()) {
    channel.sent = channel.last;
    return;
  }
  if (channel.in_flight == 0) channel.resend_us = now_us + kResendUs;
  channel.in_flight += static_cast<uint32_t>(deliveries.size());
  for (Delivery& delivery : deliveries) environment_.outbox->deliver(std::move(delivery));
}

void EventFlow::receive(const Delivery& delivery, int64_t now_us) {
  Arena arena(delivery.payload.size() * 2 + 256);
  auto decoded = decode_event(EventType::kEventReceived, kEventVersion, RunId{}, kNoStep, now_us,
                              delivery.payload, arena);
  // What cannot be read stays in the sender's outbox: a newer binary may have written it.
  if (!decoded.ok()) return;
  auto& body = std::get<EventReceived>(decoded->body);
  const std::string row = get(keys::of_partition(keys::kInbox, body.from));
  const uint64_t cursor = row.empty() ? 0 : ByteReader(row).varint();
  if (body.offset < cursor) {
    acknowledge_[body.from] = cursor;
    return;
  }
  if (delivery.after > cursor || stats_.queued >= kMaxQueuedEvents) return;
  const uint32_t from = body.from;
  const uint64_t next = body.offset + 1;
  if (!machine_.record(std::move(*decoded)).ok()) return;
  ++stats_.received;
  acknowledge_[from] = next;
}

void EventFlow::fold_received(const EventReceived& body, int64_t time_us, LogOffset offset) {
  std::string cursor;
  ByteWriter(cursor).varint(body.offset + 1);
  environment_.store->put(keys::of_partition(keys::kInbox, body.from), cursor);
  fold_deliveries(body.deliveries, body.event, body.hops, time_us, offset);
}

void EventFlow::acknowledge_all() {
  for (const auto& [to, up_to] : acknowledge_)
    environment_.outbox->acknowledge({environment_.partition, PartitionId(to), up_to});
  acknowledge_.clear();
}

void EventFlow::acknowledged(const Acknowledgement& acknowledgement, int64_t now_us) {
  const auto found = channels_.find(acknowledgement.from.value);
  if (found == channels_.end() || acknowledgement.up_to > found->second.last) return;
  Channel& channel = found->second;
  if (acknowledgement.up_to <= channel.acked) return;
  bool waits = false;
  (void)environment_.store->scan(store::Range::between(keys::outbox(found->first, channel.acked),
                                                       keys::outbox(found->first, acknowledgement.up_to)),
                                 {.limit = 1}, [&](std::string_view, std::string_view) {
                                   waits = true;
                                   return false;
                                 });
  channel.resend_us = now_us + kResendUs;
  if (waits)
    (void)machine_.record(
        Event{RunId{}, kNoStep, now_us, EventsDelivered{found->first, acknowledgement.up_to - 1}});
  else
    channel.acked = std::max(channel.acked, acknowledgement.up_to);
}

void EventFlow::fold_delivered(const EventsDelivered& body) {
  Channel& channel = channels_[body.to];
  std::vector<std::string> rows;
  (void)environment_.store->scan(
      store::Range::between(keys::outbox(body.to, channel.acked), keys::outbox(body.to, body.up_to + 1)),
      [&](std::string_view key, std::string_view) {
        rows.emplace_back(key);
        return true;
      });
  for (const std::string& row : rows) environment_.store->erase(row);
  const auto gone = static_cast<uint32_t>(rows.size());
  stats_.outbox -= gone;
  channel.in_flight -= std::min(channel.in_flight, gone);
  channel.acked = std::max(channel.acked, body.up_to + 1);
  channel.sent = std::max(channel.sent, channel.acked);
}

}  // namespace switchyard::partition
