// Publishing, the fold of what was published, dead letters.
#include "event_flow.h"

#include <algorithm>

#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/events/limits.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::partition {

std::string encode_item(const Value& event, uint32_t hops, int64_t time_us) {
  std::string bytes;
  ByteWriter out(bytes);
  out.svarint(time_us);
  out.varint(hops);
  encode_value(event, out);
  return bytes;
}

Result<Item> decode_item(std::string_view bytes, Arena& arena) {
  ByteReader in(bytes);
  Item item;
  item.time_us = in.svarint();
  item.hops = static_cast<uint32_t>(in.varint());
  item.event = decode_value(in, arena);
  if (in.ok() && in.at_end()) return item;
  return make_error(ErrorKind::kCorruption, "partition.bad_item",
                    "a queued event cannot be read by this binary");
}

std::string EventFlow::get(const std::string& key, bool* found) {
  std::string value;
  const auto read = environment_.store->get(key, value);
  // The store keeps what it cannot read at present for corruption to be told by whoever needs it; here a
  // missing row and an unreadable one are the same.
  const bool there = read.ok() && *read;
  if (found != nullptr) *found = there;
  return there ? value : std::string();
}

size_t EventFlow::count_rows(char table) {
  size_t rows = 0;
  (void)environment_.store->scan(store::Range::prefix(std::string(1, table)),
                                 [&](std::string_view, std::string_view) {
                                   ++rows;
                                   return true;
                                 });
  return rows;
}

// --- publishing
// ----------------------------------------------------------------------------------------------------

std::vector<DeliveryView> EventFlow::route(const std::vector<workflow::Consumer>& consumers) const {
  std::vector<DeliveryView> deliveries;
  for (const workflow::Consumer& consumer : consumers) {
    DeliveryView delivery{consumer.kind, consumer.name, consumer.key, environment_.partition.value,
                          consumer.error};
    if (consumer.kind == ConsumerKind::kListeners)
      delivery.partition = kEveryPartition;
    else if (consumer.group.has_value() && consumer.error.empty())
      delivery.partition = group_partition(consumer.name, *consumer.group, environment_.partitions).value;
    else if (consumer.kind == ConsumerKind::kAgent && !consumer.key.empty() && consumer.error.empty())
      delivery.partition = choose_partition({}, consumer.key, 0, environment_.partitions).value;
    deliveries.push_back(delivery);
  }
  return deliveries;
}

Result<Published> EventFlow::publish(const PublishEvent& command, int64_t now_us) {
  const Value& event = command.event.root();
  bool known = false;
  get(keys::known_event(events::attribute(event, "source"), events::attribute(event, "id")), &known);
  if (known) {
    ++stats_.repeated;
    return Published{true};
  }
  const uint32_t hops = events::hops_of(event);
  if (hops > events::kMaxHops) {
    return make_error(
        ErrorKind::kUnprocessable, "event.too_many_hops",
        "more than " + std::to_string(events::kMaxHops) +
            " agents lie between this event and its first cause: they answer each other in a circle; "
            "see `switchyard events graph`",
        "hops");
  }
  const auto full = [](const char* what, uint64_t limit) {
    return make_error(ErrorKind::kResourceExhausted, "event.backlog_full",
                      "more than " + std::to_string(limit) + " events wait " + what + "; try again shortly");
  };
  if (stats_.outbox >= kMaxOutboxEvents) return full("for other partitions", kMaxOutboxEvents);
  if (stats_.queued >= kMaxQueuedEvents) return full("for their agents", kMaxQueuedEvents);
  if (stats_.messages >= kMaxMessages) return full("for webhooks", kMaxMessages);

  const auto consumers = machine_.catalog().consumers(event);
  EventPublished body;
  body.event = event;
  body.deliveries = route(consumers);
  body.hops = hops;
  body.principal = command.principal;
  auto recorded = machine_.record(Event{RunId{}, kNoStep, now_us, std::move(body)});
  if (!recorded.ok()) {
    return make_error(ErrorKind::kTooLarge, "event.too_large",
                      "the event is larger than one record of the log may be; send a reference", "data");
  }
  ++stats_.published;
  return Published{};
}

// --- folding
// -------------------------------------------------------------------------------------------------------

void EventFlow::fold(const Event& event, LogOffset offset) {
  const int64_t time_us = event.time_us;
  if (const auto* published = std::get_if<EventPublished>(&event.body))
    fold_published(*published, time_us, offset);
  else if (const auto* received = std::get_if<EventReceived>(&event.body))
    fold_received(*received, time_us, offset);
  else if (const auto* delivered = std::get_if<EventsDelivered>(&event.body))
    fold_delivered(*delivered);
  else if (const auto* undelivered = std::get_if<DeliveryFailed>(&event.body))
    fold_failed(*undelivered, time_us, offset);
  else if (const auto* moved = std::get_if<ScheduleMoved>(&event.body))
    fold_moved(*moved);
  else if (const auto* away = std::get_if<DeliveryMoved>(&event.body))
    fold_moved_away(*away, offset);
  else if (const auto* sent = std::get_if<WebhookDelivered>(&event.body))
    fold_webhook(*sent);
  else if (const auto* failed = std::get_if<WebhookFailed>(&event.body))
    fold_webhook(*failed, time_us);
  else if (const auto* settled = std::get_if<DeadLetterSettled>(&event.body))
    fold_settled(*settled, time_us, offset);
}

void EventFlow::remember(const Value& event) {
  const std::string key =
      keys::known_event(events::attribute(event, "source"), events::attribute(event, "id"));
  const uint64_t number = published_++;
  std::string value;
  ByteWriter(value).u64(number);
  environment_.store->put(key, value);
  environment_.store->put(keys::published(number), key);
  if (number < kDedupeEvents) return;
  const std::string oldest = keys::published(number - kDedupeEvents);
  const std::string forgotten = get(oldest);
  environment_.store->erase(oldest);
  const std::string known = get(forgotten);
  if (known.size() == 8 && ByteReader(known).u64() == number - kDedupeEvents)
    environment_.store->erase(forgotten);
}

void EventFlow::fold_published(const EventPublished& body, int64_t time_us, LogOffset offset) {
  remember(body.event);
  fold_deliveries(body.deliveries, body.event, body.hops, time_us, offset);
  // What concerns other partitions goes into the outbox, one row for each.
  std::map<uint32_t, std::vector<DeliveryView>> away;
  for (const DeliveryView& delivery : body.deliveries) {
    if (!delivery.error.empty() || delivery.partition == environment_.partition.value) continue;
    if (delivery.partition != kEveryPartition) {
      away[delivery.partition].push_back(delivery);
      continue;
    }
    for (uint32_t p = 0; p < environment_.partitions; ++p)
      if (p != environment_.partition.value) away[p].push_back(delivery);
  }
  for (auto& [to, deliveries] : away)
    send_away(to, {environment_.partition.value, offset.value, std::move(deliveries), body.hops, body.event});
}

/// Into the outbox: one row, at the offset of the record that sends it.
void EventFlow::send_away(uint32_t to, EventReceived body) {
  Channel& channel = channels_[to];
  const uint64_t offset = body.offset;
  std::string row;
  ByteWriter out(row);
  out.varint(channel.last);
  Event received;
  received.body = std::move(body);
  encode_event_body(received, out);
  environment_.store->put(keys::outbox(to, offset), row);
  channel.last = offset + 1;
  std::string last;
  ByteWriter(last).varint(channel.last);
  environment_.store->put(keys::of_partition(keys::kChannel, to), last);
  ++stats_.outbox;
}

/// What is for this partition.
void EventFlow::fold_deliveries(const std::vector<DeliveryView>& deliveries, const Value& event,
                                uint32_t hops, int64_t time_us, LogOffset offset) {
  std::string item;
  for (uint32_t i = 0; i < deliveries.size(); ++i) {
    const DeliveryView& delivery = deliveries[i];
    const bool here =
        delivery.partition == environment_.partition.value || delivery.partition == kEveryPartition;
    if (!here) continue;
    if (item.empty()) item = encode_item(event, hops, time_us);
    const QueuePlace place{offset.value, i};
    if (!delivery.error.empty()) {
      const ErrorView error{ErrorKind::kUnprocessable, "event.not_deliverable", delivery.error, {}};
      bury(place, delivery.kind, delivery.name, delivery.key, error, 0, time_us, item);
      continue;
    }
    switch (delivery.kind) {
      case ConsumerKind::kAgent: enqueue(delivery.name, delivery.key, place, item); break;
      case ConsumerKind::kWebhook: put_message(delivery.name, time_us, place, 1, item); break;
      case ConsumerKind::kListeners: listen(delivery.name, delivery.key, place, item, time_us); break;
    }
  }
}

void EventFlow::enqueue(std::string_view agent, std::string_view key, const QueuePlace& place,
                        std::string_view item) {
  environment_.store->put(keys::agent_queued(agent, key, place), item);
  ++stats_.queued;
  if (ready_.size() < kMaxReadyAgents && !more_ready_)
    ready_.push_back({std::string(agent), std::string(key), place});
  else
    more_ready_ = true;
}

// --- dead letters
// --------------------------------------------------------------------------------------------------

void EventFlow::bury(const QueuePlace& place, ConsumerKind kind, std::string_view name, std::string_view key,
                     const ErrorView& error, uint16_t attempts, int64_t time_us, std::string_view item) {
  std::string row;
  ByteWriter out(row);
  out.u8(static_cast<uint8_t>(kind));
  out.bytes(name);
  out.bytes(key);
  out.bytes(error.code);
  out.bytes(error.message.substr(0, kMaxWhyBytes));
  out.varint(attempts);
  out.svarint(time_us);
  out.bytes(item);
  environment_.store->put(keys::dead_letter(place), row);
  if (++stats_.dead_letters <= kMaxDeadLetters) return;
  std::string oldest;
  (void)environment_.store->scan(store::Range::prefix(std::string(1, keys::kDeadLetter)), {.limit = 1},
                                 [&](std::string_view first, std::string_view) {
                                   oldest = first;
                                   return false;
                                 });
  environment_.store->erase(oldest);
  --stats_.dead_letters;
}

namespace {

struct StoredLetter {
  ConsumerKind kind{};
  std::string_view name, key, code, message;
  uint16_t attempts = 0;
  int64_t died_us = 0;
  std::string_view item;
};

std::optional<StoredLetter> decode_letter(std::string_view row) {
  ByteReader in(row);
  StoredLetter letter;
  letter.kind = static_cast<ConsumerKind>(in.u8());
  letter.name = in.bytes();
  letter.key = in.bytes();
  letter.code = in.bytes();
  letter.message = in.bytes();
  letter.attempts = static_cast<uint16_t>(in.varint());
  letter.died_us = in.svarint();
  letter.item = in.bytes();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return letter;
}

}  // namespace

Status EventFlow::settle(const QueuePlace& letter, std::string_view who, bool replay, int64_t now_us) {
  bool found = false;
  get(keys::dead_letter(letter), &found);
  if (!found) {
    return make_error(ErrorKind::kNotFound, "event.no_letter",
                      "there is no such dead letter; it was replayed or discarded, or it never was", "id");
  }
  (void)machine_.record(Event{RunId{}, kNoStep, now_us, DeadLetterSettled{letter, who, replay}});
  return {};
}

void EventFlow::fold_settled(const DeadLetterSettled& body, int64_t time_us, LogOffset offset) {
  const std::string key = keys::dead_letter(body.letter);
  const std::string row = get(key);
  const auto letter = decode_letter(row);
  if (!letter.has_value()) return;
  environment_.store->erase(key);
  --stats_.dead_letters;
  if (!body.replay) return;
  // A new place: it comes after what has come meanwhile.
  const QueuePlace place{offset.value, 0};
  switch (letter->kind) {
    case ConsumerKind::kAgent: enqueue(letter->name, letter->key, place, letter->item); break;
    case ConsumerKind::kWebhook: put_message(letter->name, time_us, place, 1, letter->item); break;
    case ConsumerKind::kListeners: listen(letter->name, letter->key, place, letter->item, time_us); break;
  }
}

Result<LetterId> parse_letter_id(std::string_view id) {
  uint64_t numbers[3] = {};
  size_t count = 0;
  bool good = !id.empty();
  for (size_t at = 0; good && at <= id.size();) {
    const size_t end = std::min(id.find('-', at), id.size());
    good = count < 3 && end > at && end - at <= 18 &&
           std::all_of(id.begin() + static_cast<ptrdiff_t>(at), id.begin() + static_cast<ptrdiff_t>(end),
                       [](char c) { return c >= '0' && c <= '9'; });
    if (good) numbers[count++] = std::stoull(std::string(id.substr(at, end - at)));
    at = end + 1;
  }
  if (!good || count != 3 || numbers[0] >= kMaxPartitions || numbers[2] > UINT32_MAX) {
    return make_error(
        ErrorKind::kInvalidArgument, "event.bad_letter",
        "'" + std::string(id.substr(0, 60)) + "' is no id of a dead letter; the list gives them", "id");
  }
  return LetterId{PartitionId(static_cast<uint32_t>(numbers[0])),
                  {numbers[1], static_cast<uint32_t>(numbers[2])}};
}

Result<DeadLetterPage> EventFlow::dead_letters(const DeadLetterFilter& filter) {
  const uint32_t here = environment_.partition.value;
  std::string from(1, keys::kDeadLetter);
  if (!filter.after.empty()) {
    SY_ASSIGN_OR_RETURN(const LetterId after, parse_letter_id(filter.after));
    if (after.partition.value > here) return DeadLetterPage();
    // The next key, whatever the index was.
    if (after.partition.value == here) from = keys::dead_letter(after.place) + '\0';
  }
  const auto fits = [&filter](const StoredLetter& letter) {
    const auto is = [](const std::string& wanted, std::string_view has) {
      return wanted.empty() || wanted == has;
    };
    return (!filter.kind.has_value() || letter.kind == *filter.kind) && is(filter.name, letter.name) &&
           is(filter.key, letter.key) && is(filter.code, letter.code) && letter.died_us >= filter.since_us &&
           (filter.until_us == 0 || letter.died_us <= filter.until_us);
  };
  DeadLetterPage page;
  std::string id;
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxListLimit);
  size_t scanned = 0;
  SY_RETURN_IF_ERROR(environment_.store->scan(
      store::Range::between(from, store::prefix_end(std::string(1, keys::kDeadLetter))),
      [&](std::string_view key, std::string_view row) {
        if (scanned++ == kMaxListScan) {
          page.next = std::move(id);
          return false;
        }
        store::KeyReader reader(key);
        reader.tag();
        const uint64_t offset = reader.u64();
        id = std::to_string(here) + "-" + std::to_string(offset) + "-" + std::to_string(reader.u32());
        const auto stored = decode_letter(row);
        if (!stored.has_value() || !fits(*stored)) return true;
        if (page.letters.size() == limit) {
          page.next = page.letters.back().id;
          return false;
        }
        DeadLetter letter;
        letter.id = id;
        letter.kind = stored->kind;
        letter.name = stored->name;
        letter.key = stored->key;
        letter.code = stored->code;
        letter.message = stored->message;
        letter.attempts = stored->attempts;
        letter.died_us = stored->died_us;
        auto arena = std::make_shared<Arena>(stored->item.size() * 2 + 256);
        auto item = decode_item(stored->item, *arena);
        if (item.ok()) letter.event = Document(std::move(arena), item->event);
        page.letters.push_back(std::move(letter));
        return true;
      }));
  return page;
}

// --- time and recovery
// ---------------------------------------------------------------------------------------------

bool EventFlow::turn(int64_t now_us) {
  bool more = tick_schedules(now_us);
  more |= start_agents(now_us);
  std::vector<std::pair<RunId, uint16_t>> heard;
  heard.swap(heard_);
  for (const auto& [run, step] : heard) machine_.heard(run, step, now_us);
  pump_channels(now_us);
  send_messages(now_us);
  acknowledge_all();
  return more;
}

int64_t EventFlow::next_due_us() const {
  int64_t next = 0;
  const auto consider = [&next](int64_t us) {
    if (us != 0 && (next == 0 || us < next)) next = us;
  };
  if ((!ready_.empty() || more_ready_) && machine_.may_start()) consider(1);
  if (!held_.empty() || more_held_) consider(held_until_us_);
  if (!heard_.empty() || !acknowledge_.empty()) consider(1);
  for (const auto& [to, channel] : channels_) {
    if (channel.in_flight > 0)
      consider(channel.resend_us);
    else if (channel.sent < channel.last)
      consider(1);
  }
  for (const auto& [name, outgoing] : outgoing_)
    if (outgoing.requests < kWebhookRequests && outgoing.wake_us != INT64_MAX)
      consider(std::max<int64_t>(1, outgoing.wake_us));
  for (const auto& [name, tick] : ticks_) consider(tick.next_us);
  if (reconciled_ != std::optional(machine_.catalog().offset()) &&
      !(ticks_.empty() && machine_.catalog().scheduled().empty()))
    consider(1);
  return next;
}

Status EventFlow::load() {
  auto& store = *environment_.store;
  const auto each = [&](char table, const std::function<void(store::KeyReader&, std::string_view)>& use) {
    return store.scan(store::Range::prefix(std::string(1, table)),
                      [&](std::string_view key, std::string_view value) {
                        store::KeyReader reader(key);
                        reader.tag();
                        use(reader, value);
                        return true;
                      });
  };
  SY_RETURN_IF_ERROR(each(keys::kChannel, [&](store::KeyReader& key, std::string_view value) {
    channels_[key.u32()].last = ByteReader(value).varint();
  }));
  SY_RETURN_IF_ERROR(each(keys::kSchedule, [&](store::KeyReader& key, std::string_view value) {
    ByteReader in(value);
    Tick& tick = ticks_[key.text()];
    tick.spec = in.u64();
    tick.next_us = in.svarint();
  }));
  SY_RETURN_IF_ERROR(store.scan(store::Range::prefix(std::string(1, keys::kPublished)),
                                {.direction = store::Direction::kBackward, .limit = 1},
                                [&](std::string_view key, std::string_view) {
                                  store::KeyReader reader(key);
                                  reader.tag();
                                  published_ = reader.u64() + 1;
                                  return false;
                                }));
  stats_.queued = count_rows(keys::kAgentQueue);
  stats_.outbox = count_rows(keys::kOutbox);
  stats_.messages = count_rows(keys::kMessage);
  stats_.dead_letters = count_rows(keys::kDeadLetter);
  return {};
}

void EventFlow::recover() {
  ready_.clear();
  held_.clear();
  more_held_ = false;
  more_ready_ = stats_.queued > 0;
  acknowledge_.clear();
  reconciled_.reset();
  for (auto& [to, channel] : channels_) {
    channel.acked = channel.sent = 0;
    channel.in_flight = 0;
  }
  outgoing_.clear();
  (void)environment_.store->scan(store::Range::prefix(std::string(1, keys::kMessage)),
                                 [&](std::string_view key, std::string_view) {
                                   store::KeyReader reader(key);
                                   reader.tag();
                                   outgoing_[reader.text()];
                                   return true;
                                 });
  heard_.clear();
  (void)environment_.store->scan(store::Range::prefix(std::string(1, keys::kHeard)),
                                 [&](std::string_view key, std::string_view) {
                                   store::KeyReader reader(key);
                                   reader.tag();
                                   const RunId run = reader.id();
                                   const std::pair<RunId, uint16_t> ear{run, reader.u16()};
                                   if (heard_.empty() || heard_.back() != ear) heard_.push_back(ear);
                                   return true;
                                 });
}

}  // namespace switchyard::partition
