#include "switchyard/types/events.h"

#include <array>
#include <optional>

#include "switchyard/types/value_codec.h"

namespace switchyard {
namespace {

// One `fields` function per body serves writing and reading, so that the two cannot drift apart.
struct Writer {
  ByteWriter& out;
  std::string& text;  // what `out` appends to
  ValueWriter* values = nullptr;
  void operator()(std::string_view v) { out.bytes(v); }
  void operator()(const RunId& v) { out.raw(v.view()); }
  void operator()(const Sha256& v) { out.raw(v.data(), v.size()); }
  void operator()(const Value& v) {
    const size_t at = out.size();
    encode_value(v, out);
    if (values != nullptr) values->written(v, text, at);
  }
  void operator()(const std::vector<RunId>& ids) {
    out.varint(ids.size());
    for (const RunId& id : ids) (*this)(id);
  }
  void operator()(const std::vector<uint16_t>& numbers) {
    out.varint(numbers.size());
    for (const uint16_t number : numbers) out.varint(number);
  }
  void operator()(const std::vector<DeletedRun>& runs) {
    out.varint(runs.size());
    for (const DeletedRun& run : runs) {
      (*this)(run.run);
      (*this)(run.idempotency);
      (*this)(run.reviews);
    }
  }
  void operator()(GovernanceOffset v) { out.varint(v.value); }
  void operator()(uint64_t v) { out.u64(v); }
  void operator()(int64_t v) { out.svarint(v); }
  void operator()(uint32_t v) { out.varint(v); }
  void operator()(uint16_t v) { out.varint(v); }
  void operator()(int32_t v) { out.svarint(v); }
  void operator()(double v) { out.f64(v); }
  void operator()(bool v) { out.u8(v ? 1 : 0); }
  void operator()(ErrorKind v) { out.u8(static_cast<uint8_t>(v)); }
  void operator()(ArtefactKind v) { out.u8(static_cast<uint8_t>(v)); }
  void operator()(Ending v) { out.u8(static_cast<uint8_t>(v)); }
  void operator()(ConsumerKind v) { out.u8(static_cast<uint8_t>(v)); }
  void operator()(const QueuePlace& v) { out.varint(v.offset), out.varint(v.index); }
  /// Fields at the end that older records of the same version do not have.
  void trailing(const RunStarted& b) {
    const bool plain =
        b.tenant.empty() && b.priority == kDefaultPriority && !b.grouped && !b.queued && b.place == 0;
    if (!plain || !b.origin.is_null()) encode_value(b.origin, out);
    if (plain) return;
    (*this)(b.tenant);
    (*this)(b.priority);
    out.u8(static_cast<uint8_t>((b.grouped ? 1 : 0) | (b.queued ? 2 : 0)));
    (*this)(b.group);
    out.varint(b.place);
  }
  void trailing(const StepFailed& b) {
    if (!b.meta.is_null()) (*this)(b.meta);
  }
  void operator()(const std::vector<DeliveryView>& deliveries) {
    out.varint(deliveries.size());
    for (const DeliveryView& delivery : deliveries) {
      (*this)(delivery.kind);
      (*this)(delivery.name);
      (*this)(delivery.key);
      (*this)(delivery.partition);
      (*this)(delivery.error);
    }
  }
  void operator()(const std::vector<QueuePlace>& places) {
    out.varint(places.size());
    for (const QueuePlace& place : places) (*this)(place);
  }
  void operator()(const std::vector<PinView>& pins) {
    out.varint(pins.size());
    for (const PinView& pin : pins) {
      (*this)(pin.kind);
      (*this)(pin.name);
      (*this)(pin.version);
      (*this)(pin.sha256);
    }
  }
};

// Stand-ins for a value: tags that no value begins with (docs/formats/value.md leaves them free).
constexpr uint8_t kPayloadReference = 0x0f;
constexpr uint8_t kRemovedValue = 0x10;

struct Reader {
  ByteReader& in;
  std::string_view text;  // what `in` reads
  Arena& arena;
  const PayloadSource* payloads = nullptr;
  std::vector<Sha256>* references = nullptr;  // only collect them
  std::optional<Error> failure{};
  void operator()(std::string_view& v) { v = in.bytes(); }
  void operator()(RunId& v) {
    if (const auto bytes = in.raw(16); bytes.size() == 16) v = RunId::from_bytes(bytes);
  }
  void operator()(Sha256& v) {
    if (const auto bytes = in.raw(v.size()); bytes.size() == v.size())
      std::memcpy(v.data(), bytes.data(), v.size());
  }
  void operator()(Value& v) {
    const uint8_t tag = in.remaining() == 0 ? 0 : static_cast<uint8_t>(text[in.position()]);
    if (tag != kPayloadReference && tag != kRemovedValue) {
      v = decode_value(in, arena);
      return;
    }
    in.u8();
    Sha256 sha256{};
    (*this)(sha256);
    const uint64_t bytes = in.varint();
    if (!in.ok()) return;
    if (tag == kRemovedValue)
      v = removed(sha256, bytes);
    else if (references != nullptr)
      references->push_back(sha256);
    else
      v = load(sha256, bytes);
  }
  Value removed(const Sha256& sha256, uint64_t bytes) {
    MapBuilder map(arena);
    map.add("removed", Value::boolean(true));
    map.add("sha256", Value::string(arena.copy(to_hex(sha256))));
    map.add("bytes", Value::integer(static_cast<int64_t>(bytes)));
    return map.build();
  }
  Value load(const Sha256& sha256, uint64_t bytes) {
    if (failure.has_value()) return {};
    if (payloads == nullptr) {
      failure = make_error(ErrorKind::kUnprocessable, "types.no_payloads",
                           "a value of this event lies in the payload store, which is not at hand here");
      return {};
    }
    auto stored = payloads->load(sha256, bytes);
    if (!stored.ok()) {
      failure = stored.error();
      return {};
    }
    ByteReader value_in(*stored);
    const Value value = decode_value(value_in, arena);
    if (!value_in.ok() || !value_in.at_end()) {
      failure = make_error(ErrorKind::kCorruption, "types.bad_event",
                           "what the payload store has under " + to_hex(sha256) + " is no value");
    }
    return value;
  }
  void operator()(std::vector<RunId>& ids) {
    ids.resize(count(in.varint(), 16));
    for (RunId& id : ids) (*this)(id);
  }
  void operator()(std::vector<uint16_t>& numbers) {
    if (!sized(numbers)) return;
    for (uint16_t& number : numbers) (*this)(number);
  }
  void operator()(std::vector<DeletedRun>& runs) {
    runs.resize(count(in.varint(), 18));
    for (DeletedRun& run : runs) {
      (*this)(run.run);
      (*this)(run.idempotency);
      (*this)(run.reviews);
    }
  }
  /// Of a list whose items take at least `bytes` each.
  size_t count(uint64_t wanted, size_t bytes) {
    if (wanted <= in.remaining() / bytes) return wanted;
    in.fail();
    return 0;
  }
  void operator()(GovernanceOffset& v) { v = GovernanceOffset(in.varint()); }
  void operator()(uint64_t& v) { v = in.u64(); }
  void operator()(int64_t& v) { v = in.svarint(); }
  void operator()(uint32_t& v) { v = narrow<uint32_t>(in.varint(), UINT32_MAX); }
  void operator()(uint16_t& v) { v = narrow<uint16_t>(in.varint(), UINT16_MAX); }
  void operator()(int32_t& v) { v = static_cast<int32_t>(in.svarint()); }
  void operator()(double& v) { v = in.f64(); }
  void operator()(bool& v) { v = narrow<uint8_t>(in.u8(), 1) == 1; }
  void operator()(ErrorKind& v) {
    v = static_cast<ErrorKind>(narrow<uint8_t>(in.u8(), static_cast<uint8_t>(ErrorKind::kIo)));
  }
  void operator()(ArtefactKind& v) { v = static_cast<ArtefactKind>(in.u8()); }
  void operator()(Ending& v) {
    v = static_cast<Ending>(narrow<uint8_t>(in.u8(), static_cast<uint8_t>(Ending::kCancelled)));
  }
  void operator()(ConsumerKind& v) {
    v = static_cast<ConsumerKind>(narrow<uint8_t>(in.u8(), static_cast<uint8_t>(ConsumerKind::kListeners)));
    if (v < ConsumerKind::kAgent) in.fail();
  }
  void operator()(QueuePlace& v) { v.offset = in.varint(), (*this)(v.index); }
  void trailing(RunStarted& b) {
    if (!in.ok() || in.at_end()) return;
    b.origin = decode_value(in, arena);
    if (!in.ok() || in.at_end()) return;
    (*this)(b.tenant);
    (*this)(b.priority);
    const auto flags = narrow<uint8_t>(in.u8(), 3);
    b.grouped = (flags & 1) != 0;
    b.queued = (flags & 2) != 0;
    (*this)(b.group);
    b.place = in.varint();
  }
  void trailing(StepFailed& b) {
    if (in.ok() && !in.at_end()) (*this)(b.meta);
  }
  /// Grows `list` to a count that the input can hold.
  template <typename T>
  bool sized(std::vector<T>& list) {
    const uint64_t count = in.varint();
    if (count > in.remaining()) {
      in.fail();
      return false;
    }
    list.resize(count);
    return true;
  }
  void operator()(std::vector<DeliveryView>& deliveries) {
    if (!sized(deliveries)) return;
    for (DeliveryView& delivery : deliveries) {
      (*this)(delivery.kind);
      (*this)(delivery.name);
      (*this)(delivery.key);
      (*this)(delivery.partition);
      (*this)(delivery.error);
    }
  }
  void operator()(std::vector<QueuePlace>& places) {
    if (!sized(places)) return;
    for (QueuePlace& place : places) (*this)(place);
  }
  void operator()(std::vector<PinView>& pins) {
    if (!sized(pins)) return;
    for (PinView& pin : pins) {
      (*this)(pin.kind);
      (*this)(pin.name);
      (*this)(pin.version);
      (*this)(pin.sha256);
    }
  }
  template <typename T>
  T narrow(uint64_t v, uint64_t max) {
    if (v > max) {
      in.fail();
      return 0;
    }
    return static_cast<T>(v);
  }
};

template <typename Codec, typename Body>
void error_fields(Codec& codec, Body& error) {
  codec(error.kind), codec(error.code), codec(error.message), codec(error.field);
}

#define SY_FIELDS(BodyType, ...)                               \
  template <typename Codec, typename Body>                     \
  requires std::is_same_v<std::remove_const_t<Body>, BodyType> \
  void fields([[maybe_unused]] Codec& codec, [[maybe_unused]] Body& b) { __VA_ARGS__; }

SY_FIELDS(EpochStarted, codec(b.epoch), codec(b.node))
SY_FIELDS(RunStarted, codec(b.pipeline), codec(b.version), codec(b.pipeline_hash), codec(b.governance),
          codec(b.pins), codec(b.seed), codec(b.key), codec(b.idempotency_key), codec(b.request_hash),
          codec(b.principal), codec(b.trace), codec(b.input), codec(b.search), codec.trailing(b))
SY_FIELDS(StepStarted, codec(b.attempt))
SY_FIELDS(StepCompleted, codec(b.attempt), codec(b.started_us), codec(b.result), codec(b.meta))
SY_FIELDS(StepFailed, codec(b.attempt), codec(b.started_us), error_fields(codec, b.error),
          codec(b.retry_at_us), codec(b.fallback), codec(b.has_fallback), codec(b.skipped), codec.trailing(b))
SY_FIELDS(StepSkipped, (void)0)
SY_FIELDS(StepWaiting, codec(b.until_us))
SY_FIELDS(RunCompleted, codec(b.output), codec(b.cost))
SY_FIELDS(RunFailed, error_fields(codec, b.error), codec(b.cost))
SY_FIELDS(RunCancelled, codec(b.who), codec(b.why))
SY_FIELDS(ReviewRequested, codec(b.review), codec(b.queue), codec(b.title), codec(b.form), codec(b.show),
          codec(b.due_us), codec(b.priority), codec(b.pipeline), codec(b.step_name))
SY_FIELDS(ReviewClaimed, codec(b.review), codec(b.who), codec(b.until_us))
SY_FIELDS(ReviewReleased, codec(b.review), codec(b.who))
SY_FIELDS(ReviewCommented, codec(b.review), codec(b.who), codec(b.text))
SY_FIELDS(ReviewAnswered, codec(b.review), codec(b.who), codec(b.answer), codec(b.claimed_us))
SY_FIELDS(ReviewEscalated, codec(b.review), codec(b.who), codec(b.queue), codec(b.why), codec(b.due_us))
SY_FIELDS(ReviewReassigned, codec(b.review), codec(b.who), codec(b.to))
SY_FIELDS(ReviewClosed, codec(b.review), codec(b.why))
SY_FIELDS(BudgetUsed, codec(b.scope), codec(b.day))
SY_FIELDS(StepOpened, codec(b.attempt), codec(b.due_us))
SY_FIELDS(BlockStarted, codec(b.frame), codec(b.block), codec(b.iteration))
SY_FIELDS(BlockEnded, codec(b.frame), codec(b.failed), codec(b.last), codec(b.output),
          error_fields(codec, b.error))
SY_FIELDS(RunUnwinding, codec(b.ending), codec(b.output), error_fields(codec, b.error), codec(b.who),
          codec(b.why))
SY_FIELDS(ChildStarted, codec(b.child), codec(b.pipeline), codec(b.version), codec(b.detached))
SY_FIELDS(RunLinked, codec(b.parent), codec(b.parent_frame), codec(b.parent_step), codec(b.depth),
          codec(b.detached))
SY_FIELDS(RunPaused, codec(b.who), codec(b.why))
SY_FIELDS(RunResumed, codec(b.who), codec(b.why))
SY_FIELDS(RunRestarted, codec(b.of), codec(b.step), codec(b.who), codec(b.why), codec(b.kept))
SY_FIELDS(SignalReceived, codec(b.name), codec(b.payload), codec(b.who), codec(b.why),
          codec(b.idempotency_key), codec(b.request_hash))
SY_FIELDS(RunMigrated, codec(b.from), codec(b.version), codec(b.pipeline_hash), codec(b.governance),
          codec(b.pins), codec(b.steps), codec(b.blocks), codec(b.input), codec(b.listens), codec(b.who),
          codec(b.why))
SY_FIELDS(EventPublished, codec(b.event), codec(b.deliveries), codec(b.hops), codec(b.principal))
SY_FIELDS(EventReceived, codec(b.from), codec(b.offset), codec(b.deliveries), codec(b.hops), codec(b.event))
SY_FIELDS(EventsDelivered, codec(b.to), codec(b.up_to))
SY_FIELDS(DeliveryFailed, codec(b.kind), codec(b.name), codec(b.key), codec(b.place),
          error_fields(codec, b.error))
SY_FIELDS(ScheduleMoved, codec(b.schedule), codec(b.spec), codec(b.next_us), codec(b.skipped))
SY_FIELDS(WebhookDelivered, codec(b.webhook), codec(b.places), codec(b.attempt), codec(b.status))
SY_FIELDS(WebhookFailed, codec(b.webhook), codec(b.places), codec(b.attempt), error_fields(codec, b.error),
          codec(b.retry_at_us))
SY_FIELDS(DeadLetterSettled, codec(b.letter), codec(b.who), codec(b.replay))
SY_FIELDS(HoldSet, codec(b.name), codec(b.filter), codec(b.who), codec(b.why))
SY_FIELDS(HoldReleased, codec(b.name), codec(b.who), codec(b.why))
SY_FIELDS(RunAdmitted, (void)0)
SY_FIELDS(DeliveryMoved, codec(b.agent), codec(b.key), codec(b.place), codec(b.to))
SY_FIELDS(RunsCompacted, codec(b.policy), codec(b.retention_class), codec(b.dropped), codec(b.who),
          codec(b.runs))
SY_FIELDS(RunsDeleted, codec(b.policy), codec(b.retention_class), codec(b.who), codec(b.runs))
#undef SY_FIELDS

template <typename Body>
EventBody read_body(Reader& reader) {
  Body body;
  fields(reader, body);
  return body;
}

struct Known {
  EventType type;
  std::string_view name;
  EventBody (*read)(Reader&);
};
// In the order of EventBody's alternatives.
constexpr std::array kKnown{
    Known{EventType::kEpochStarted, "epoch_started", read_body<EpochStarted>},
    Known{EventType::kRunStarted, "run_started", read_body<RunStarted>},
    Known{EventType::kStepStarted, "step_started", read_body<StepStarted>},
    Known{EventType::kStepCompleted, "step_completed", read_body<StepCompleted>},
    Known{EventType::kStepFailed, "step_failed", read_body<StepFailed>},
    Known{EventType::kStepSkipped, "step_skipped", read_body<StepSkipped>},
    Known{EventType::kStepWaiting, "step_waiting", read_body<StepWaiting>},
    Known{EventType::kRunCompleted, "run_completed", read_body<RunCompleted>},
    Known{EventType::kRunFailed, "run_failed", read_body<RunFailed>},
    Known{EventType::kRunCancelled, "run_cancelled", read_body<RunCancelled>},
    Known{EventType::kReviewRequested, "review_requested", read_body<ReviewRequested>},
    Known{EventType::kReviewClaimed, "review_claimed", read_body<ReviewClaimed>},
    Known{EventType::kReviewReleased, "review_released", read_body<ReviewReleased>},
    Known{EventType::kReviewCommented, "review_commented", read_body<ReviewCommented>},
    Known{EventType::kReviewAnswered, "review_answered", read_body<ReviewAnswered>},
    Known{EventType::kReviewEscalated, "review_escalated", read_body<ReviewEscalated>},
    Known{EventType::kReviewReassigned, "review_reassigned", read_body<ReviewReassigned>},
    Known{EventType::kReviewClosed, "review_closed", read_body<ReviewClosed>},
    Known{EventType::kBudgetUsed, "budget_used", read_body<BudgetUsed>},
    Known{EventType::kStepOpened, "step_opened", read_body<StepOpened>},
    Known{EventType::kBlockStarted, "block_started", read_body<BlockStarted>},
    Known{EventType::kBlockEnded, "block_ended", read_body<BlockEnded>},
    Known{EventType::kRunUnwinding, "run_unwinding", read_body<RunUnwinding>},
    Known{EventType::kChildStarted, "child_started", read_body<ChildStarted>},
    Known{EventType::kRunLinked, "run_linked", read_body<RunLinked>},
    Known{EventType::kRunPaused, "run_paused", read_body<RunPaused>},
    Known{EventType::kRunResumed, "run_resumed", read_body<RunResumed>},
    Known{EventType::kRunRestarted, "run_restarted", read_body<RunRestarted>},
    Known{EventType::kSignalReceived, "signal_received", read_body<SignalReceived>},
    Known{EventType::kRunMigrated, "run_migrated", read_body<RunMigrated>},
    Known{EventType::kEventPublished, "event_published", read_body<EventPublished>},
    Known{EventType::kEventReceived, "event_received", read_body<EventReceived>},
    Known{EventType::kEventsDelivered, "events_delivered", read_body<EventsDelivered>},
    Known{EventType::kDeliveryFailed, "delivery_failed", read_body<DeliveryFailed>},
    Known{EventType::kScheduleMoved, "schedule_moved", read_body<ScheduleMoved>},
    Known{EventType::kWebhookDelivered, "webhook_delivered", read_body<WebhookDelivered>},
    Known{EventType::kWebhookFailed, "webhook_failed", read_body<WebhookFailed>},
    Known{EventType::kDeadLetterSettled, "dead_letter_settled", read_body<DeadLetterSettled>},
    Known{EventType::kHoldSet, "hold_set", read_body<HoldSet>},
    Known{EventType::kHoldReleased, "hold_released", read_body<HoldReleased>},
    Known{EventType::kRunsCompacted, "runs_compacted", read_body<RunsCompacted>},
    Known{EventType::kRunsDeleted, "runs_deleted", read_body<RunsDeleted>},
    Known{EventType::kRunAdmitted, "run_admitted", read_body<RunAdmitted>},
    Known{EventType::kDeliveryMoved, "delivery_moved", read_body<DeliveryMoved>},
};
static_assert(kKnown.size() == std::variant_size_v<EventBody>);

const Known* find_known(EventType type) {
  for (const Known& known : kKnown)
    if (known.type == type) return &known;
  return nullptr;
}

}  // namespace

EventType Event::type() const { return kKnown[body.index()].type; }

const Value* step_meta(const Event& event) {
  if (const auto* completed = std::get_if<StepCompleted>(&event.body)) return &completed->meta;
  const auto* failed = std::get_if<StepFailed>(&event.body);
  return failed == nullptr ? nullptr : &failed->meta;
}

std::string_view event_type_name(EventType type) {
  const Known* known = find_known(type);
  return known == nullptr ? "unknown" : known->name;
}

std::string_view artefact_kind_name(ArtefactKind kind) {
  switch (kind) {
    case ArtefactKind::kPipeline: return "pipeline";
    case ArtefactKind::kRules: return "rules";
    case ArtefactKind::kModel: return "model";
    case ArtefactKind::kPrompt: return "prompt";
    case ArtefactKind::kCosts: return "costs";
    case ArtefactKind::kRetention: return "retention";
    case ArtefactKind::kBackend: return "backend";
    case ArtefactKind::kRoute: return "route";
    case ArtefactKind::kPrivacy: return "privacy";
    case ArtefactKind::kWebhook: return "webhook";
    case ArtefactKind::kEventType: return "event";
  }
  return "unknown";
}

std::string_view consumer_kind_name(ConsumerKind kind) {
  switch (kind) {
    case ConsumerKind::kAgent: return "agent";
    case ConsumerKind::kWebhook: return "webhook";
    case ConsumerKind::kListeners: return "listener";
  }
  return "unknown";
}

Result<ArtefactKind> parse_artefact_kind(std::string_view name) {
  for (const auto kind :
       {ArtefactKind::kPipeline, ArtefactKind::kRules, ArtefactKind::kModel, ArtefactKind::kPrompt,
        ArtefactKind::kCosts, ArtefactKind::kWebhook, ArtefactKind::kEventType, ArtefactKind::kRetention,
        ArtefactKind::kBackend, ArtefactKind::kRoute, ArtefactKind::kPrivacy}) {
    if (artefact_kind_name(kind) == name) return kind;
  }
  return make_error(
      ErrorKind::kInvalidArgument, "types.unknown_artefact_kind",
      "'" + std::string(name) +
          "' is no kind of artefact; use pipeline, rules, model, prompt, costs, webhook, event or retention",
      "kind");
}

uint32_t peek_frame(uint8_t version, std::string_view payload) {
  return version == kFramedEventVersion ? static_cast<uint32_t>(ByteReader(payload).varint()) : 0;
}

void write_payload_reference(std::string& text, const Sha256& sha256, uint64_t bytes) {
  ByteWriter out(text);
  out.u8(kPayloadReference);
  out.raw(sha256.data(), sha256.size());
  out.varint(bytes);
}

void write_removed_value(std::string& text, const Sha256& sha256, uint64_t bytes) {
  ByteWriter out(text);
  out.u8(kRemovedValue);
  out.raw(sha256.data(), sha256.size());
  out.varint(bytes);
}

void encode_event_body(const Event& event, std::string& text, ValueWriter* values) {
  ByteWriter out(text);
  Writer writer{out, text, values};
  if (event.frame != 0) writer(event.frame);
  std::visit([&](const auto& body) { fields(writer, body); }, event.body);
}

void encode_event_body(const Event& event, ByteWriter& out) {
  std::string text;
  encode_event_body(event, text);
  out.raw(text);
}

namespace {

Result<const Known*> known_event(EventType type, uint8_t version) {
  const Known* known = find_known(type);
  if (known != nullptr && (version == kEventVersion || version == kFramedEventVersion)) return known;
  return make_error(ErrorKind::kCorruption, "types.bad_event",
                    "event type " + std::to_string(static_cast<int>(type)) + " version " +
                        std::to_string(version) +
                        " is not known to this binary; it was written by a newer one");
}

Status check_read(const Known& known, const ByteReader& in, Reader& reader) {
  if (reader.failure.has_value()) return std::move(*reader.failure);
  if (in.ok() && in.at_end()) return {};
  return make_error(ErrorKind::kCorruption, "types.bad_event",
                    "a " + std::string(known.name) + " event does not have the form of its version");
}

}  // namespace

Result<Event> decode_event(EventType type, uint8_t version, const RunId& run, uint16_t step, int64_t time_us,
                           std::string_view payload, Arena& arena, const PayloadSource* payloads) {
  SY_ASSIGN_OR_RETURN(const Known* const known, known_event(type, version));
  ByteReader in(payload);
  Reader reader{in, payload, arena, payloads};
  uint32_t frame = 0;
  if (version == kFramedEventVersion) reader(frame);
  Event event{run, step, time_us, known->read(reader), frame};
  SY_RETURN_IF_ERROR(check_read(*known, in, reader));
  return event;
}

Result<std::vector<Sha256>> payload_references(EventType type, uint8_t version, std::string_view payload) {
  SY_ASSIGN_OR_RETURN(const Known* const known, known_event(type, version));
  std::vector<Sha256> references;
  Arena arena;
  ByteReader in(payload);
  Reader reader{in, payload, arena, nullptr, &references};
  uint32_t frame = 0;
  if (version == kFramedEventVersion) reader(frame);
  (void)known->read(reader);
  SY_RETURN_IF_ERROR(check_read(*known, in, reader));
  return references;
}

}  // namespace switchyard
