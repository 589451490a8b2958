#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "switchyard/base/bytes.h"
#include "switchyard/base/hash.h"
#include "switchyard/types/ids.h"
#include "switchyard/types/value.h"

// What happened, as the log keeps it (docs/formats/events.md). An event is transient: its texts and values
// are views into the log's buffer, an arena or the caller's memory; whoever applies it copies what it keeps.
namespace switchyard {

/// Stable numbers: they are on disk. Never reuse one.
enum class EventType : uint8_t {
  kEpochStarted = 1,  ///< a new owner took the partition
  kRunStarted = 2,
  kStepStarted = 3,  ///< an effectful step is about to run
  kStepCompleted = 4,
  kStepFailed = 5,  ///< one attempt; says whether another follows
  kStepSkipped = 6,
  kRunCompleted = 7,
  kRunFailed = 8,
  kRunCancelled = 9,
  kStepWaiting = 10,  ///< a timer runs
  kReviewRequested = 20,
  kReviewClaimed = 21,
  kReviewReleased = 22,
  kReviewCommented = 23,
  kReviewAnswered = 24,
  kReviewEscalated = 25,
  kReviewReassigned = 26,
  kReviewClosed = 27,  ///< without an answer of a person: breached, cancelled
  kBudgetUsed = 40,    ///< one review of a triage's daily budget
  kRunAdmitted = 45,   ///< a queued run has got its place and begins
  kStepOpened = 50,    ///< a container step began: its blocks run
  kBlockStarted = 51,  ///< a new frame: one instance of a container's block
  kBlockEnded = 52,
  kRunUnwinding = 53,  ///< the run's outcome is known; compensations and `finally` run before it ends
  kChildStarted = 54,  ///< a step started a run of another pipeline
  kRunLinked = 55,     ///< right after run_started: the run is a child
  kRunPaused = 56,
  kRunResumed = 57,
  kRunRestarted = 58,    ///< right after run_started: the run takes up another one's results
  kSignalReceived = 59,  ///< somebody told the run something; it waits until a step takes it
  kEventPublished = 60,
  kEventReceived = 61,    ///< taken over from another partition's outbox
  kEventsDelivered = 62,  ///< another partition has taken over
  kDeliveryFailed = 63,   ///< a consumer in this partition could not take an event: a dead letter
  kScheduleMoved = 64,    ///< set, skipped over, or removed; a firing is a run_started
  kWebhookDelivered = 65,
  kWebhookFailed = 66,      ///< one attempt; says whether another follows, else it is a dead letter
  kDeadLetterSettled = 67,  ///< replayed or discarded by somebody
  kDeliveryMoved = 68,      ///< a queued event goes to the partition in which its agent's runs are counted
  kRunMigrated = 70,        ///< the run goes on under another version of its pipeline
  // Of the partition itself: what retention decided (80 to 99).
  kHoldSet = 80,  ///< runs that fit a filter may not be compacted or deleted
  kHoldReleased = 81,
  kRunsCompacted = 82,  ///< of these runs the record remains, without the history
  kRunsDeleted = 83,    ///< of these runs nothing remains
};
std::string_view event_type_name(EventType type);

/// What a run is pinned to, beside its pipeline. Numbers are on disk.
enum class ArtefactKind : uint8_t {
  kPipeline = 1,
  kRules = 2,
  kModel = 3,
  kPrompt = 4,
  kCosts = 5,
  kWebhook = 6,
  kEventType = 7,
  kRetention = 8,
  kBackend = 9,
  kRoute = 10,
  kPrivacy = 11
};
std::string_view artefact_kind_name(ArtefactKind kind);
Result<ArtefactKind> parse_artefact_kind(std::string_view name);

struct PinView {
  ArtefactKind kind{};
  std::string_view name, version;
  Sha256 sha256{};
};

struct EpochStarted {
  uint32_t epoch = 0;
  std::string_view node;
};
struct RunStarted {
  std::string_view pipeline, version;
  Sha256 pipeline_hash{};
  GovernanceOffset governance;
  std::vector<PinView> pins;
  uint64_t seed = 0;
  std::string_view key;              ///< partition key, may be empty
  std::string_view idempotency_key;  ///< may be empty
  uint64_t request_hash = 0;         ///< of pipeline and input, to tell a repeated request from a changed one
  std::string_view principal;        ///< who asked
  std::string_view trace;            ///< W3C traceparent, may be empty
  Value input;                       ///< as validated
  Value search;                      ///< map: attribute → scalar; null when the pipeline declares none
  /// What started it when nobody asked: a map, in which `kind` is "event" or "schedule"
  /// (docs/formats/events.md). Null: a request; then nothing is written.
  Value origin;
  // Whose turn it is. Nothing is written of it when all is as here.
  std::string_view tenant;              ///< empty: the default one
  int32_t priority = kDefaultPriority;  ///< 0..100, higher first
  bool grouped = false;                 ///< it counts against a limit of its pipeline, under the key `group`
  bool queued = false;                  ///< it begins with a run_admitted
  std::string_view group;
  uint64_t place = 0;  ///< how many of its group were started before, since the group was last empty
};
struct RunAdmitted {};
struct StepStarted {
  uint16_t attempt = 1;
};
struct StepCompleted {
  uint16_t attempt = 1;
  int64_t started_us = 0;
  Value result;
  Value meta;  ///< how it came about: model version, batch, cost, ...; null when nothing to say
};
struct ErrorView {
  ErrorKind kind = ErrorKind::kInternal;
  std::string_view code, message, field;
};
struct StepFailed {
  uint16_t attempt = 1;
  int64_t started_us = 0;
  ErrorView error;
  int64_t retry_at_us = 0;  ///< 0: no further attempt
  Value fallback;           ///< the result that stands in, when `has_fallback`
  bool has_fallback = false;
  bool skipped = false;  ///< on_error: skip
  /// How the attempt went, as of a StepCompleted. Null: nothing to say, and nothing is written.
  Value meta;
};
struct StepSkipped {};
struct StepWaiting {
  int64_t until_us = 0;
};
struct RunCompleted {
  Value output;
  double cost = 0;
};
struct RunFailed {
  ErrorView error;
  double cost = 0;
};
struct RunCancelled {
  std::string_view who, why;
};
struct ReviewRequested {
  RunId review;
  std::string_view queue, title, form;  ///< form: canonical JSON Schema
  Value show;                           ///< map: name → value shown
  int64_t due_us = 0;                   ///< 0: none
  int32_t priority = 50;
  std::string_view pipeline, step_name;
};
struct ReviewClaimed {
  RunId review;
  std::string_view who;
  int64_t until_us = 0;
};
struct ReviewReleased {
  RunId review;
  std::string_view who;  ///< empty: the lease ran out
};
struct ReviewCommented {
  RunId review;
  std::string_view who, text;
};
struct ReviewAnswered {
  RunId review;
  std::string_view who;
  Value answer;
  int64_t claimed_us = 0;  ///< when the answering claim began; 0 when answered without one
};
struct ReviewEscalated {
  RunId review;
  std::string_view who, queue, why;  ///< who empty: by deadline
  int64_t due_us = 0;
};
struct ReviewReassigned {
  RunId review;
  std::string_view who, to;
};
struct ReviewClosed {
  RunId review;
  std::string_view why;
};
struct BudgetUsed {
  std::string_view scope;  ///< "<pipeline>/<step>"
  int32_t day = 0;         ///< days since 1970-01-01 UTC
};
/// A container step began its attempt.
struct StepOpened {
  uint16_t attempt = 1;
  int64_t due_us = 0;  ///< its time-out; 0: none
};
/// `Event::step` is the container (or the compensated step, or kNoStep for the pipeline's own `finally`),
/// `Event::frame` the frame that holds it.
struct BlockStarted {
  uint32_t frame = 0;  ///< the new frame's id: ascending within a run
  uint16_t block = 0;
  uint32_t iteration = 0;
};
struct BlockEnded {
  uint32_t frame = 0;
  bool failed = false;
  bool last = false;  ///< of a loop: its condition is met
  Value output;
  ErrorView error;  ///< also when a fallback stands in for a failed item: then `failed` is false
};
/// How a run is going to end.
enum class Ending : uint8_t { kCompleted = 0, kFailed = 1, kCancelled = 2 };
struct RunUnwinding {
  Ending ending{};
  Value output;               ///< kCompleted
  ErrorView error;            ///< kFailed
  std::string_view who, why;  ///< kCancelled
};
struct ChildStarted {
  RunId child;
  std::string_view pipeline, version;
  bool detached = false;
};
struct RunLinked {
  RunId parent;
  uint32_t parent_frame = 0;
  uint16_t parent_step = 0;
  uint16_t depth = 0;  ///< 1: its parent is no child itself
  bool detached = false;
};
struct RunPaused {
  std::string_view who, why;
};
struct RunResumed {
  std::string_view who, why;
};
/// The next `kept` events are the results that are kept.
struct RunRestarted {
  RunId of;               ///< the run that was restarted
  std::string_view step;  ///< from which step on everything is done anew
  std::string_view who, why;
  uint32_t kept = 0;
};

/// Which of its numbers a run gives it follows from how many came before.
struct SignalReceived {
  std::string_view name;
  Value payload;  ///< as the schema of those who listen to it has it
  std::string_view who, why;
  std::string_view idempotency_key;  ///< may be empty
  uint64_t request_hash = 0;         ///< of name and payload
};
/// From here on `Event::step` and the like are those of the new version.
struct RunMigrated {
  std::string_view from, version;  ///< of the pipeline, which keeps its name
  Sha256 pipeline_hash{};          ///< of the new version
  GovernanceOffset governance;
  std::vector<PinView> pins;
  /// Where each step and block of the old version is in the new one; kNoStep: it is gone.
  std::vector<uint16_t> steps, blocks;
  Value input;    ///< as the new version's schema has it; null: as it was
  Value listens;  ///< as in RunStarted::origin, and `was`: the step whose events it takes over; null: none
  std::string_view who, why;
};

/// Who gets an event. Numbers are on disk.
enum class ConsumerKind : uint8_t {
  kAgent = 1,
  kWebhook = 2,
  kListeners = 3,  ///< runs that listen, in every partition
};
std::string_view consumer_kind_name(ConsumerKind kind);
/// One consumer of a published event, as it was decided when the event was published.
struct DeliveryView {
  ConsumerKind kind{};
  std::string_view name;   ///< of the agent or the webhook; kListeners: what they listen to
  std::string_view key;    ///< kAgent: under which its runs and state are kept; kListeners: the correlation
  uint32_t partition = 0;  ///< kEveryPartition: all
  std::string_view error;  ///< why it cannot have the event: it becomes a dead letter at once; empty: it can
};
inline constexpr uint32_t kEveryPartition = 0xffffffff;

/// A place in a queue: the record that put it there, and which of its deliveries it is.
struct QueuePlace {
  uint64_t offset = 0;
  uint32_t index = 0;
  friend auto operator<=>(const QueuePlace&, const QueuePlace&) = default;
};

struct EventPublished {
  Value event;  ///< a CloudEvent as a map: its attributes, and `data`
  std::vector<DeliveryView> deliveries;
  uint32_t hops = 0;  ///< agents that lie between this event and its first cause
  std::string_view principal;
};
struct EventReceived {
  uint32_t from = 0;                     ///< partition
  uint64_t offset = 0;                   ///< of its event_published there
  std::vector<DeliveryView> deliveries;  ///< those of this partition
  uint32_t hops = 0;
  Value event;
};
struct EventsDelivered {
  uint32_t to = 0;
  uint64_t up_to = 0;  ///< offset of the last event it has taken over
};
struct DeliveryFailed {
  ConsumerKind kind{};
  std::string_view name, key;
  QueuePlace place;
  ErrorView error;
};
struct DeliveryMoved {
  std::string_view agent, key;
  QueuePlace place;
  uint32_t to = 0;  ///< partition
};
struct ScheduleMoved {
  std::string_view schedule;  ///< the pipeline whose it is
  uint64_t spec = 0;          ///< hash of what it says; 0: it is no longer there
  int64_t next_us = 0;        ///< 0: never again
  uint32_t skipped = 0;       ///< ticks that were passed over
};
struct WebhookDelivered {
  std::string_view webhook;
  std::vector<QueuePlace> places;
  uint16_t attempt = 1;
  uint16_t status = 0;
};
struct WebhookFailed {
  std::string_view webhook;
  std::vector<QueuePlace> places;
  uint16_t attempt = 1;
  ErrorView error;
  int64_t retry_at_us = 0;  ///< 0: no further attempt
};
struct DeadLetterSettled {
  QueuePlace letter;
  std::string_view who;
  bool replay = false;  ///< else: discarded
};
struct HoldSet {
  std::string_view name;
  Value filter;  ///< map; see partition::hold_filter_to_value
  std::string_view who, why;
};
struct HoldReleased {
  std::string_view name, who, why;
};
struct RunsCompacted {
  std::string_view policy, retention_class;  ///< "name@version"; the class in it
  uint32_t dropped = 0;                      ///< bits of retention::Part: what was replaced by its hash
  std::string_view who;
  std::vector<RunId> runs;
};
struct DeletedRun {
  RunId run;
  std::string_view idempotency;  ///< the row's key of 16 bytes, or empty
  std::vector<RunId> reviews;
};
struct RunsDeleted {
  std::string_view policy, retention_class, who;
  std::vector<DeletedRun> runs;
};

using EventBody =
    std::variant<EpochStarted, RunStarted, StepStarted, StepCompleted, StepFailed, StepSkipped, StepWaiting,
                 RunCompleted, RunFailed, RunCancelled, ReviewRequested, ReviewClaimed, ReviewReleased,
                 ReviewCommented, ReviewAnswered, ReviewEscalated, ReviewReassigned, ReviewClosed, BudgetUsed,
                 StepOpened, BlockStarted, BlockEnded, RunUnwinding, ChildStarted, RunLinked, RunPaused,
                 RunResumed, RunRestarted, SignalReceived, RunMigrated, EventPublished, EventReceived,
                 EventsDelivered, DeliveryFailed, ScheduleMoved, WebhookDelivered, WebhookFailed,
                 DeadLetterSettled, HoldSet, HoldReleased, RunsCompacted, RunsDeleted, RunAdmitted,
                 DeliveryMoved>;

inline constexpr uint16_t kNoStep = 0xffff;
/// Of an event in a run's root frame, and of one in a nested frame: its payload begins with the frame.
inline constexpr uint8_t kEventVersion = 1;
inline constexpr uint8_t kFramedEventVersion = 2;

struct Event {
  RunId run;  ///< zero for events of the partition itself
  uint16_t step = kNoStep;
  int64_t time_us = 0;  ///< wall clock, microseconds since the epoch
  EventBody body;
  uint32_t frame = 0;  ///< which instance of the step's block; 0: the pipeline's own steps

  EventType type() const;
  uint8_t version() const { return frame == 0 ? kEventVersion : kFramedEventVersion; }
};

/// How an attempt of a step went, of a StepCompleted or a StepFailed; nullptr of other events.
const Value* step_meta(const Event& event);

/// The frame of an event whose payload is not decoded yet.
uint32_t peek_frame(uint8_t version, std::string_view payload);

/// Decides how a value of an event is written. Asked for each after it was written: `at` is where its bytes
/// begin in `text`; to write it otherwise, cut `text` there and append a stand-in.
class ValueWriter {
 public:
  virtual ~ValueWriter() = default;
  virtual void written(const Value& value, std::string& text, size_t at) = 0;
};
/// Stand-ins for a value, in its place (docs/formats/events.md): it lies in the payload store, or it was
/// removed and only its hash is known.
void write_payload_reference(std::string& text, const Sha256& sha256, uint64_t bytes);
void write_removed_value(std::string& text, const Sha256& sha256, uint64_t bytes);

/// Where the values are that an event only refers to.
class PayloadSource {
 public:
  virtual ~PayloadSource() = default;
  /// The binary form of the value with this hash. Any thread.
  virtual Result<std::string> load(const Sha256& sha256, uint64_t bytes) const = 0;
};

/// Appends the payload of `event` (the envelope's fields run, step, time, type, version are kept by the log)
/// to `text`.
void encode_event_body(const Event& event, std::string& text, ValueWriter* values = nullptr);
void encode_event_body(const Event& event, ByteWriter& out);

/// Reads a payload; values are placed in `arena`, texts point into `payload`. kCorruption "types.bad_event"
/// when malformed or of an unknown type or version. A value that lies in the payload store is taken from
/// `payloads`, with its errors; kUnprocessable "types.no_payloads" when there is no source. One that was
/// removed becomes the map { removed: true, sha256, bytes }.
Result<Event> decode_event(EventType type, uint8_t version, const RunId& run, uint16_t step, int64_t time_us,
                           std::string_view payload, Arena& arena, const PayloadSource* payloads = nullptr);
/// The hashes of all values that a payload refers to; for finding what in the payload store is still needed.
/// Errors as of decode_event.
Result<std::vector<Sha256>> payload_references(EventType type, uint8_t version, std::string_view payload);

/// The event as JSON for people and the API: { type, time, step?, ... }.
Value event_to_value(const Event& event, Arena& arena);

}  // namespace switchyard
