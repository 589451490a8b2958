#include "switchyard/base/hash.h"
#include "switchyard/types/events.h"
#include "switchyard/types/time_value.h"

namespace switchyard {
namespace {

struct Describer {
  MapBuilder& map;
  Arena& arena;

  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) map.add(key, Value::string(value));
  }
  void copy(std::string_view key, const std::string& value) {
    map.add(key, Value::string(arena.copy(value)));
  }
  void time(std::string_view key, int64_t us) {
    if (us != 0) map.add(key, time_value(us));
  }
  void error(const ErrorView& e) {
    MapBuilder error(arena);
    error.add("kind", Value::string(error_kind_name(e.kind)));
    error.add("code", Value::string(e.code));
    error.add("message", Value::string(e.message));
    if (!e.field.empty()) error.add("field", Value::string(e.field));
    map.add("error", error.build());
  }

  void pins(GovernanceOffset governance, const std::vector<PinView>& views) {
    map.add("governance_offset", Value::integer(static_cast<int64_t>(governance.value)));
    ListBuilder pins(arena);
    for (const PinView& view : views) {
      MapBuilder pin(arena);
      pin.add("kind", Value::string(artefact_kind_name(view.kind)));
      pin.add("name", Value::string(view.name));
      pin.add("version", Value::string(view.version));
      pin.add("sha256", Value::string(arena.copy(to_hex(view.sha256))));
      pins.add(pin.build());
    }
    map.add("pins", pins.build());
  }

  void operator()(const EpochStarted& e) { map.add("epoch", Value::integer(e.epoch)), text("node", e.node); }
  void operator()(const RunStarted& e) {
    text("pipeline", e.pipeline), text("version", e.version), copy("pipeline_hash", to_hex(e.pipeline_hash));
    pins(e.governance, e.pins);
    map.add("seed", Value::unsigned_integer(e.seed));
    text("key", e.key), text("idempotency_key", e.idempotency_key), text("principal", e.principal),
        text("trace", e.trace);
    map.add("input", e.input);
    if (!e.search.is_null()) map.add("search", e.search);
    if (!e.origin.is_null()) map.add("origin", e.origin);
    text("tenant", e.tenant);
    if (e.priority != kDefaultPriority) map.add("priority", Value::integer(e.priority));
    if (!e.grouped) return;
    MapBuilder concurrency(arena);
    concurrency.add("key", Value::string(e.group));
    concurrency.add("queued", Value::boolean(e.queued));
    concurrency.add("place", Value::integer(static_cast<int64_t>(e.place)));
    map.add("concurrency", concurrency.build());
  }
  void operator()(const RunAdmitted&) {}
  void operator()(const StepStarted& e) { map.add("attempt", Value::integer(e.attempt)); }
  void operator()(const StepCompleted& e) {
    map.add("attempt", Value::integer(e.attempt)), time("started_at", e.started_us),
        map.add("result", e.result);
    if (!e.meta.is_null()) map.add("meta", e.meta);
  }
  void operator()(const StepFailed& e) {
    map.add("attempt", Value::integer(e.attempt)), time("started_at", e.started_us), error(e.error),
        time("retry_at", e.retry_at_us);
    if (e.has_fallback) map.add("fallback", e.fallback);
    if (e.skipped) map.add("skipped", Value::boolean(true));
    if (!e.meta.is_null()) map.add("meta", e.meta);
  }
  void operator()(const StepSkipped&) {}
  void operator()(const StepWaiting& e) { time("until", e.until_us); }
  void operator()(const RunCompleted& e) {
    map.add("output", e.output), map.add("cost", Value::real(e.cost));
  }
  void operator()(const RunFailed& e) { error(e.error), map.add("cost", Value::real(e.cost)); }
  void operator()(const RunCancelled& e) { text("who", e.who), text("why", e.why); }
  void operator()(const ReviewRequested& e) {
    copy("review", e.review.to_string()), text("queue", e.queue), text("title", e.title),
        map.add("show", e.show), time("due_at", e.due_us);
    map.add("priority", Value::integer(e.priority));
  }
  void operator()(const ReviewClaimed& e) {
    copy("review", e.review.to_string()), text("who", e.who), time("until", e.until_us);
  }
  void operator()(const ReviewReleased& e) { copy("review", e.review.to_string()), text("who", e.who); }
  void operator()(const ReviewCommented& e) {
    copy("review", e.review.to_string()), text("who", e.who), text("text", e.text);
  }
  void operator()(const ReviewAnswered& e) {
    copy("review", e.review.to_string()), text("who", e.who), map.add("answer", e.answer),
        time("claimed_at", e.claimed_us);
  }
  void operator()(const ReviewEscalated& e) {
    copy("review", e.review.to_string()), text("who", e.who), text("queue", e.queue), text("why", e.why),
        time("due_at", e.due_us);
  }
  void operator()(const ReviewReassigned& e) {
    copy("review", e.review.to_string()), text("who", e.who), text("to", e.to);
  }
  void operator()(const ReviewClosed& e) { copy("review", e.review.to_string()), text("why", e.why); }
  void number(std::string_view key, uint64_t value) {
    map.add(key, Value::integer(static_cast<int64_t>(value)));
  }
  void place(std::string_view key, const QueuePlace& v) {
    copy(key, std::to_string(v.offset) + "-" + std::to_string(v.index));
  }
  void places(const std::vector<QueuePlace>& list) {
    ListBuilder items(arena);
    for (const QueuePlace& v : list)
      items.add(Value::string(arena.copy(std::to_string(v.offset) + "-" + std::to_string(v.index))));
    map.add("places", items.build());
  }
  void deliveries(const std::vector<DeliveryView>& list) {
    ListBuilder items(arena);
    for (const DeliveryView& view : list) {
      MapBuilder item(arena);
      item.add("to", Value::string(consumer_kind_name(view.kind)));
      item.add("name", Value::string(view.name));
      if (!view.key.empty()) item.add("key", Value::string(view.key));
      if (view.partition != kEveryPartition) item.add("partition", Value::integer(view.partition));
      if (!view.error.empty()) item.add("error", Value::string(view.error));
      items.add(item.build());
    }
    map.add("deliveries", items.build());
  }
  void operator()(const EventPublished& e) {
    map.add("event", e.event), deliveries(e.deliveries), number("hops", e.hops),
        text("principal", e.principal);
  }
  void operator()(const EventReceived& e) {
    number("from", e.from), number("offset", e.offset), map.add("event", e.event), deliveries(e.deliveries),
        number("hops", e.hops);
  }
  void operator()(const EventsDelivered& e) { number("to", e.to), number("up_to", e.up_to); }
  void operator()(const DeliveryFailed& e) {
    text("consumer", consumer_kind_name(e.kind)), text("name", e.name), text("key", e.key),
        place("place", e.place), error(e.error);
  }
  void operator()(const DeliveryMoved& e) {
    text("agent", e.agent), text("key", e.key), place("place", e.place), number("to", e.to);
  }
  void operator()(const ScheduleMoved& e) {
    text("schedule", e.schedule), time("next_at", e.next_us), number("skipped", e.skipped);
  }
  void operator()(const WebhookDelivered& e) {
    text("webhook", e.webhook), places(e.places), number("attempt", e.attempt), number("status", e.status);
  }
  void operator()(const WebhookFailed& e) {
    text("webhook", e.webhook), places(e.places), number("attempt", e.attempt), error(e.error),
        time("retry_at", e.retry_at_us);
  }
  void operator()(const DeadLetterSettled& e) {
    place("letter", e.letter), text("who", e.who), map.add("replay", Value::boolean(e.replay));
  }
  void operator()(const BudgetUsed& e) { text("scope", e.scope), map.add("day", Value::integer(e.day)); }
  void operator()(const StepOpened& e) {
    map.add("attempt", Value::integer(e.attempt)), time("due_at", e.due_us);
  }
  void operator()(const BlockStarted& e) {
    map.add("opens", Value::integer(e.frame)), map.add("block", Value::integer(e.block)),
        map.add("iteration", Value::integer(e.iteration));
  }
  void operator()(const BlockEnded& e) {
    map.add("closes", Value::integer(e.frame)), map.add("failed", Value::boolean(e.failed));
    if (!e.failed) map.add("output", e.output);
    if (!e.error.code.empty()) error(e.error);
  }
  void operator()(const RunUnwinding& e) {
    static constexpr std::string_view kNames[] = {"completed", "failed", "cancelled"};
    map.add("ending", Value::string(kNames[static_cast<size_t>(e.ending)]));
    if (e.ending == Ending::kCompleted) map.add("output", e.output);
    if (e.ending == Ending::kFailed) error(e.error);
    text("who", e.who), text("why", e.why);
  }
  void operator()(const ChildStarted& e) {
    copy("child", e.child.to_string()), text("pipeline", e.pipeline), text("version", e.version);
    if (e.detached) map.add("detached", Value::boolean(true));
  }
  void operator()(const RunPaused& e) { text("who", e.who), text("why", e.why); }
  void operator()(const RunResumed& e) { text("who", e.who), text("why", e.why); }
  void operator()(const RunRestarted& e) {
    copy("of", e.of.to_string()), text("from_step", e.step), text("who", e.who), text("why", e.why);
    map.add("kept", Value::integer(e.kept));
  }
  void operator()(const SignalReceived& e) {
    text("name", e.name), map.add("payload", e.payload), text("who", e.who), text("why", e.why),
        text("idempotency_key", e.idempotency_key);
  }
  void operator()(const RunMigrated& e) {
    text("from_version", e.from), text("version", e.version), copy("pipeline_hash", to_hex(e.pipeline_hash));
    pins(e.governance, e.pins);
    if (!e.input.is_null()) map.add("input", e.input);
    text("who", e.who), text("why", e.why);
  }
  void operator()(const RunLinked& e) {
    copy("parent", e.parent.to_string()), map.add("parent_frame", Value::integer(e.parent_frame)),
        map.add("parent_step", Value::integer(e.parent_step)), map.add("depth", Value::integer(e.depth));
    if (e.detached) map.add("detached", Value::boolean(true));
  }
  void operator()(const HoldSet& e) {
    text("hold", e.name), map.add("filter", e.filter), text("who", e.who), text("why", e.why);
  }
  void operator()(const HoldReleased& e) { text("hold", e.name), text("who", e.who), text("why", e.why); }
  void operator()(const RunsCompacted& e) {
    text("policy", e.policy), text("class", e.retention_class), text("who", e.who);
    ids(e.runs);
  }
  void operator()(const RunsDeleted& e) {
    text("policy", e.policy), text("class", e.retention_class), text("who", e.who);
    std::vector<RunId> runs;
    for (const DeletedRun& run : e.runs) runs.push_back(run.run);
    ids(runs);
  }
  void ids(const std::vector<RunId>& runs) {
    ListBuilder list(arena);
    for (const RunId& run : runs) list.add(Value::string(arena.copy(run.to_string())));
    map.add("runs", list.build());
  }
};

}  // namespace

Value event_to_value(const Event& event, Arena& arena) {
  MapBuilder map(arena);
  map.add("type", Value::string(event_type_name(event.type())));
  map.add("time", time_value(event.time_us));
  if (event.step != kNoStep) map.add("step", Value::integer(event.step));
  if (event.frame != 0) map.add("frame", Value::integer(event.frame));
  Describer describer{map, arena};
  std::visit(describer, event.body);
  return map.build();
}

}  // namespace switchyard
