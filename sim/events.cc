// Events in the simulated world: clients publish, partitions talk over a bad line, receivers of webhooks come
// and go.
#include "place_history.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::sim {

// --- the line between partitions
// ----------------------------------------------------------------------------------

/// Loses, repeats and delays, as the seed says; once all is calm it does none of that.
void World::on_line(partition::Command command) {
  if (!calm_) {
    const uint64_t roll = random_.below(100);
    if (roll < 5) return;
    if (roll < 20) {
      delayed_.push_back(std::move(command));
      return;
    }
    if (roll < 25) {
      if (const auto* delivery = std::get_if<partition::Delivery>(&command.body))
        mailbox_->push_unbounded({command.partition, *delivery});
    }
  }
  mailbox_->push_unbounded(std::move(command));
}

void World::deliver(partition::Delivery delivery) {
  see_durable();
  // What another partition hears of must be there after any crash of this one.
  const uint32_t from = delivery.from.value, to = delivery.to.value;
  Arena arena;
  const auto event = decode_event(EventType::kEventReceived, kEventVersion, RunId{}, kNoStep, now_us_,
                                  delivery.payload, arena);
  SY_CHECK(event.ok());
  const uint64_t offset = std::get<EventReceived>(event->body).offset;
  if (offset >= real_log(from).durable_end().value) fail("an event left its partition before it was durable");
  if (options_.plant == Plant::kLyingLine && random_.one_in(8))
    return acknowledge({delivery.to, delivery.from, offset + 1});
  on_line({to, std::move(delivery)});
}

void World::acknowledge(partition::Acknowledgement acknowledgement) {
  const uint32_t to = acknowledgement.to.value;
  on_line({to, acknowledgement});
}

void World::deliver_late() {
  if (delayed_.empty()) return;
  const size_t chosen = random_.below(delayed_.size());
  mailbox_->push_unbounded(std::move(delayed_[chosen]));
  delayed_.erase(delayed_.begin() + static_cast<ptrdiff_t>(chosen));
}

// --- publishing
// ---------------------------------------------------------------------------------------------------

void World::publish_event() {
  // A fifth repeats an earlier event.
  Published event;
  if (!sent_events_.empty() && random_.one_in(5)) {
    event = sent_events_[random_.below(sent_events_.size())];
  } else {
    event.source = "/till-" + std::to_string(random_.below(3));
    event.id = std::to_string(sent_events_.size());
    const std::string card = "c" + std::to_string(random_.below(6));
    const uint64_t roll = random_.below(20);
    event.json = "{\"specversion\":\"1.0\",\"id\":\"" + event.id + "\",\"source\":\"" + event.source +
                 "\",\"type\":\"" +
                 (roll < 14   ? "tick.count"
                  : roll < 18 ? "tick.loose"
                              : "ping") +
                 "\",\"subject\":\"" + card + "\",\"data\":{\"n\":" + std::to_string(sent_events_.size()) +
                 (roll == 13 ? ",\"cart\":1" : ",\"card\":\"" + card + "\"") + "}}";
    sent_events_.push_back(event);
  }
  std::vector<Error> mistakes;
  const auto json = parse_json_document(event.json);
  auto document = events::read_json(json->root(), "", mistakes);
  SY_CHECK(document.has_value());
  const auto home =
      partition::choose_partition({}, events::ordering_key(document->root()), 0, partitions_).value;
  call<partition::Published>(
      home, "publish " + event.id,
      [command = partition::PublishEvent{*document, "client"}](
          partition::StateMachine& machine, int64_t now_us) { return machine.publish(command, now_us); },
      [this, event](Result<partition::Published> published) {
        if (!published.ok()) return refused(published.error(), {ErrorKind::kResourceExhausted});
        trace("published " + event.id + (published->repeated ? " again" : ""));
        told_events_.insert({event.source, event.id});
      });
}

void World::settle_letter() {
  const auto p = static_cast<uint32_t>(random_.below(partitions_));
  const auto page = machine(p).dead_letters({});
  if (!page.ok() || page->letters.empty()) return;
  const auto letter = partition::parse_letter_id(page->letters[random_.below(page->letters.size())].id);
  const bool replay = random_.one_in(2);
  call<bool>(
      p, "settle letter",
      [place = letter->place, replay](partition::StateMachine& machine, int64_t now_us) -> Result<bool> {
        SY_RETURN_IF_ERROR(machine.settle_letter(place, "ops", replay, now_us));
        return true;
      },
      [this](Result<bool> settled) {
        if (!settled.ok()) refused(settled.error(), {ErrorKind::kNotFound});
      });
}

// --- receivers of webhooks
// ----------------------------------------------------------------------------------------

void World::send(const partition::WebhookRequest& request,
                 std::function<void(partition::WebhookOutcome)> done) {
  trace("webhook " + request.id + " " + std::to_string(request.attempt));
  if (request.places.size() != request.events.size() || request.places.empty())
    fail("a message without its events");
  hooks_.push_back(
      {now_us_ + static_cast<int64_t>(random_.below(calm_ ? 10'000 : 3'000'000)), std::move(done)});
}

bool World::answer_hook() {
  for (size_t i = 0; i < hooks_.size(); ++i) {
    if (hooks_[i].due_us > now_us_) continue;
    const Hook hook = std::move(hooks_[i]);
    hooks_.erase(hooks_.begin() + static_cast<ptrdiff_t>(i));
    partition::WebhookOutcome outcome;
    outcome.http_status = 200;
    if (!calm_ && random_.one_in(3)) {
      outcome.http_status = random_.one_in(8) ? 410 : 503;
      outcome.gone = outcome.http_status == 410;
      outcome.retry_after_us = random_.one_in(3) ? 5'000'000 : 0;
      outcome.status =
          make_error(ErrorKind::kUnavailable, "webhook.refused", "the simulated receiver refused");
    }
    hook.done(std::move(outcome));
    return true;
  }
  return false;
}

int64_t World::next_hook_us() const {
  int64_t next = 0;
  for (const Hook& hook : hooks_)
    if (next == 0 || hook.due_us < next) next = hook.due_us;
  return next;
}

// --- checks
// -------------------------------------------------------------------------------------------------------

void World::check_events(bool at_rest) {
  FlowHistory flow(*scenery_, partitions_);
  PlaceHistory places(*scenery_);
  for (uint32_t p = 0; p < partitions_ && !failed(); ++p) {
    for (const Kept& kept : durable_[p]) {
      auto arena = std::make_shared<Arena>();
      auto payload = std::make_shared<const std::string>(kept.payload);
      const log::RecordView record = kept.view();
      auto event = decode_event(static_cast<EventType>(record.type), record.version, record.run, record.step,
                                record.time_us, *payload, *arena);
      if (!event.ok()) return fail("an event cannot be read: " + event.error().message);
      const partition::RecordedEvent recorded{std::move(*event), record.offset, arena, payload};
      flow.add(PartitionId(p), recorded);
      places.add(PartitionId(p), recorded);
    }
  }
  places.finish();
  if (!places.breach().empty()) return fail(places.breach());
  outcome_.admitted = places.admitted();
  outcome_.superseded = places.superseded();
  flow.finish(at_rest);
  if (!flow.breach().empty()) return fail(flow.breach());
  for (const auto& [source, id] : told_events_)
    if (!flow.published(source, id))
      return fail("the acknowledged event " + id + " of " + source + " is lost");
  outcome_.agent_runs = flow.agent_runs();
  outcome_.messages = flow.messages();
}

}  // namespace switchyard::sim
