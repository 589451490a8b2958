#include "switchyard/partition/state_machine.h"

#include <algorithm>

#include "admission.h"
#include "event_flow.h"
#include "fair_queue.h"
#include "keys.h"
#include "search_text.h"
#include "switchyard/base/bytes.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/migrate.h"

namespace switchyard::partition {
PartitionId partition_of(const RunId& id) {
  return PartitionId((static_cast<uint32_t>(id.bytes[6] & 0x0f)) | static_cast<uint32_t>(id.bytes[7]) << 4);
}

PartitionId choose_partition(std::string_view idempotency_key, std::string_view key, uint64_t random,
                             uint32_t partitions) {
  SY_CHECK(partitions > 0 && partitions <= kMaxPartitions);
  uint64_t hash = random;
  if (!idempotency_key.empty())
    hash = hash64(idempotency_key, 1);
  else if (!key.empty())
    hash = hash64(key, 2);
  return PartitionId(static_cast<uint32_t>(hash % partitions));
}

PartitionId group_partition(std::string_view pipeline, std::string_view group, uint32_t partitions) {
  std::string text(pipeline);
  if (!group.empty()) (text += '\n') += group;
  return choose_partition({}, text, 0, partitions);
}

PartitionId partition_for(const StartRun& command, uint64_t random, uint32_t partitions) {
  if (command.pipeline->concurrency.has_value())
    return group_partition(command.pipeline->name, command.group, partitions);
  return choose_partition(command.idempotency_key, command.key, random, partitions);
}

/// What the events' part may do with the rest.
class StateMachine::FlowMachine final : public EventFlow::Machine {
 public:
  explicit FlowMachine(StateMachine& machine) : machine_(machine) {}
  Result<LogOffset> record(Event event) override {
    SY_ASSIGN_OR_RETURN(const LogOffset offset, machine_.environment_.writer->append(event));
    machine_.fold(nullptr, event, offset);
    machine_.count(event);
    return offset;
  }
  Result<Started> start(StartRun command, int64_t now_us) override {
    return machine_.start_run(std::move(command), now_us);
  }
  bool may_start() const override { return machine_.hot_.size() < kMaxHotRuns; }
  const workflow::Catalog& catalog() const override { return *machine_.catalog_; }
  void heard(const RunId& run, uint16_t step, int64_t now_us) override { machine_.offer(run, step, now_us); }

 private:
  StateMachine& machine_;
};

/// What the limits' part may do with the rest.
class StateMachine::Places final : public Admission::Machine {
 public:
  explicit Places(StateMachine& machine) : machine_(machine) {}
  Status admit(const RunId& run, int64_t now_us) override { return machine_.admit(run, now_us); }
  bool is_ending(const RunId& id) override {
    const bool parked = !machine_.hot_.contains(id);
    const auto run = machine_.find_run(id);
    if (run.ok() && parked) machine_.to_rest_.push_back(id);
    return !run.ok() || (*run)->state->unwinding.has_value();
  }
  void supersede(const RunId& run, const RunId& newest, int64_t now_us) override {
    machine_.supersede(run, newest, now_us);
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_of(const RunId& run) override {
    if (const auto hot = machine_.hot_.find(run); hot != machine_.hot_.end())
      return hot->second.state->pipeline;
    const auto view = machine_.run(run);
    return view.ok() ? machine_.catalog_->pipeline_by_hash(view->summary.pipeline_hash) : nullptr;
  }
  bool may_start() const override { return machine_.hot_.size() < kMaxHotRuns; }

 private:
  StateMachine& machine_;
};

StateMachine::StateMachine(Environment environment) : environment_(std::move(environment)) {
  SY_CHECK(environment_.store != nullptr && environment_.random != nullptr &&
           environment_.catalog != nullptr);
  refresh_catalog();
  flow_machine_ = std::make_unique<FlowMachine>(*this);
  flow_ = std::make_unique<EventFlow>(environment_, *flow_machine_);
  unfinished_ = std::make_unique<FairQueue<RunId>>();
  places_ = std::make_unique<Places>(*this);
  admission_ = std::make_unique<Admission>(*environment_.store, *places_);
}

StateMachine::~StateMachine() = default;

MachineStats StateMachine::stats() const {
  MachineStats stats = stats_;
  stats.flow = flow_->stats();
  stats.queued = admission_->queued();
  return stats;
}

// --- what the interpreter asks
// -------------------------------------------------------------------------------------

bool StateMachine::emit(workflow::RunState& run, Event event) {
  auto offset = environment_.writer->append(event);
  if (!offset.ok()) {
    SY_CHECK(offset.error().kind == ErrorKind::kTooLarge);
    return false;
  }
  const auto hot = hot_.find(run.id);
  SY_CHECK(hot != hot_.end());
  fold(&hot->second, event, *offset);
  count(event);
  return true;
}

void StateMachine::start_effect(workflow::RunState&, workflow::EffectRequest request) {
  const bool after_durable = request.effect == workflow::EffectClass::kEffectful;
  environment_.outbox->start_effect(std::move(request), after_durable);
}

RunId make_run_id(PartitionId partition, int64_t now_us, uint64_t random) {
  // The low 12 bits beside the time say which partition the id belongs to.
  const uint64_t placed = (partition.value & 0x0f) | (static_cast<uint64_t>(partition.value >> 4) << 8);
  return RunId::make(now_us / 1000, placed, random);
}

RunId StateMachine::new_id(int64_t now_us) {
  return make_run_id(environment_.partition, now_us, environment_.random->next_u64());
}

const workflow::Kill* StateMachine::killed(ArtefactKind kind, std::string_view name, std::string_view version,
                                           StepAddress) {
  return catalog_->killed(kind, name, version);
}

uint32_t StateMachine::budget_left(std::string_view scope, int32_t day, uint32_t per_day) {
  // Each partition may spend its share, so that no two have to agree.
  const uint32_t n = environment_.partitions;
  const uint32_t share = per_day / n + (environment_.partition.value < per_day % n ? 1 : 0);
  auto stored = environment_.store->get(keys::budget(scope, day), scratch_);
  uint64_t used = 0;
  if (stored.ok() && *stored) used = ByteReader(scratch_).varint();
  return used >= share ? 0 : static_cast<uint32_t>(share - used);
}

// --- folding
// -------------------------------------------------------------------------------------------------------

void StateMachine::fold(HotRun* run, const Event& event, LogOffset offset) {
  if (run != nullptr) {
    workflow::apply(*run->state, event, offset);
    if (run->state->offsets.size() > environment_.offsets_per_chunk) spill_offsets(*run->state);
  }
  const EventType type = event.type();
  if (type >= EventType::kReviewRequested && type <= EventType::kReviewClosed) {
    fold_review(event);
  } else if (type >= EventType::kHoldSet && type <= EventType::kRunsDeleted) {
    fold_retention(event);
  } else if (type >= EventType::kEventPublished && type <= EventType::kDeliveryMoved) {
    flow_->fold(event, offset);
  } else if (const auto* signal = std::get_if<SignalReceived>(&event.body)) {
    fold_signal(*run, *signal);
  } else if (const auto* migrated = std::get_if<RunMigrated>(&event.body)) {
    fold_migrated(*run, *migrated);
  } else if (const auto* started = std::get_if<RunStarted>(&event.body)) {
    flow_->fold_started(event.run, *started, *run->state->pipeline, event.time_us);
    admission_->fold_started(*run->state);
  } else if (type == EventType::kRunAdmitted) {
    admission_->fold_admitted(*run->state);
  } else if (run != nullptr && workflow::is_final(run->state->status)) {
    flow_->fold_ended(event.run, *run->state->pipeline);
    admission_->fold_ended(*run->state);
  } else if (const auto* completed = std::get_if<StepCompleted>(&event.body)) {
    fold_completed(*run, event, *completed);
  } else if (const auto* used = std::get_if<BudgetUsed>(&event.body)) {
    const std::string key = keys::budget(used->scope, used->day);
    auto stored = environment_.store->get(key, scratch_);
    const uint64_t before = stored.ok() && *stored ? ByteReader(scratch_).varint() : 0;
    std::string value;
    ByteWriter(value).varint(before + 1);
    environment_.store->put(key, value);
  }
}

/// Some steps' results are more than results.
void StateMachine::fold_completed(const HotRun& run, const Event& event, const StepCompleted& body) {
  const workflow::StepKind kind = run.state->pipeline->steps[event.step].kind;
  if (kind == workflow::StepKind::kState) return flow_->fold_state(event.run, body.result, event.time_us);
  if (kind != workflow::StepKind::kListen) return;
  const Value* offset = body.meta.find("offset");
  const Value* index = body.meta.find("index");
  if (offset == nullptr || index == nullptr) return;
  flow_->fold_taken(
      event.run, event.step,
      {static_cast<uint64_t>(offset->as_integer()), static_cast<uint32_t>(index->as_integer())});
}

/// What a step emits is published here, in the run's own partition.
Status StateMachine::publish(workflow::RunState& run, StepAddress, const Value& event, int64_t now_us) {
  if (const auto type = catalog_->event_type(events::attribute(event, "type"))) {
    Status fits = events::check_data(event, *type, {});
    if (!fits.ok())
      return make_error(ErrorKind::kUnprocessable, fits.error().code, fits.error().message,
                        fits.error().field);
  }
  const auto published = flow_->publish({Document(event), "run " + run.id.to_string()}, now_us);
  return published.ok() ? Status() : Status(published.error());
}

std::vector<std::pair<QueuePlace, Document>> StateMachine::heard(workflow::RunState& run, StepAddress at) {
  auto events = flow_->heard(run.id, at.step.value);
  return events.ok() ? std::move(*events) : std::vector<std::pair<QueuePlace, Document>>();
}

/// Events have come for a listening run: it takes what it wants, in memory.
void StateMachine::offer(const RunId& id, uint16_t step, int64_t now_us) {
  now_us_ = now_us;
  auto run = find_run(id);
  if (!run.ok()) return;
  workflow::offer_events(*(*run)->state, StepIndex(step), *this, now_us);
  rest(id, now_us);
}

void StateMachine::count(const Event& event) {
  ++stats_.events;
  switch (event.type()) {
    case EventType::kRunStarted: ++stats_.runs_started; break;
    case EventType::kRunCompleted: ++stats_.runs_completed; break;
    case EventType::kRunFailed: ++stats_.runs_failed; break;
    case EventType::kRunCancelled: ++stats_.runs_cancelled; break;
    case EventType::kStepCompleted: ++stats_.steps; break;
    case EventType::kReviewRequested: ++stats_.reviews_requested; break;
    case EventType::kReviewAnswered: ++stats_.reviews_answered; break;
    case EventType::kRunsCompacted:
      stats_.runs_compacted += std::get<RunsCompacted>(event.body).runs.size();
      break;
    case EventType::kRunsDeleted: stats_.runs_deleted += std::get<RunsDeleted>(event.body).runs.size(); break;
    default: break;
  }
}

/// What a record of a run holds must not grow with the run: the offsets of its older events stand beside it.
void StateMachine::spill_offsets(workflow::RunState& run) {
  const size_t count = environment_.offsets_per_chunk;
  std::string value;
  ByteWriter out(value);
  uint64_t previous = 0;
  for (size_t i = 0; i < count; ++i) {
    out.varint(run.offsets[i] - previous);
    previous = run.offsets[i];
  }
  environment_.store->insert(keys::offsets(run.id, run.earlier / count), value);
  workflow::forget_offsets(run, count);
}

// --- moving runs between memory and store
// --------------------------------------------------------------------------

namespace {

/// Under which status a parked run is listed.
workflow::RunStatus parked_under(workflow::RunStatus status) {
  return status == workflow::RunStatus::kQueued ? status : workflow::RunStatus::kWaiting;
}

}  // namespace

Result<StateMachine::HotRun*> StateMachine::find_run(const RunId& id) {
  if (const auto hot = hot_.find(id); hot != hot_.end()) return &hot->second;
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kRun, id), bytes));
  if (!found) return unknown_run(id);
  SY_ASSIGN_OR_RETURN(const workflow::RunSummary summary, workflow::decode_summary(id, bytes));
  if (workflow::is_final(summary.status)) {
    return make_error(
        ErrorKind::kConflict, "run.ended",
        "decision " + id.to_string() + " is over: " + std::string(workflow::run_status_name(summary.status)),
        "id");
  }
  SY_ASSIGN_OR_RETURN(auto state, workflow::decode_run(id, bytes, *catalog_));
  if (const int64_t due = workflow::next_due_us(*state); due != 0) {
    environment_.store->erase(keys::timer(due, id));
    parked_due_us_.reset();
  }
  environment_.store->erase(keys::status_prefix(parked_under(summary.status)) + std::string(id.view()));
  HotRun& run = hot_[id];
  run.state = std::move(state);
  run.indexed = true;
  return &run;
}

void StateMachine::rest(const RunId& id, int64_t now_us) {
  rest_one(id, now_us);
  while (!to_rest_.empty() || !ended_.empty()) {
    if (!to_rest_.empty()) {
      const RunId touched = to_rest_.front();
      to_rest_.pop_front();
      rest_one(touched, now_us);
      continue;
    }
    const ChildEnd end = std::move(ended_.front());
    ended_.pop_front();
    auto parent = find_run(end.parent);
    if (!parent.ok()) continue;  // it ended without waiting for the child
    now_us_ = now_us;
    // The parent may have been migrated since it started the child: its step has another place then.
    const StepAddress at = step_of_child(*(*parent)->state, end.child).value_or(end.step);
    workflow::complete_child(*(*parent)->state, at, end.child, end.result, *this, now_us);
    rest_one(end.parent, now_us);
  }
}

void StateMachine::rest_one(const RunId& id, int64_t now_us) {
  const auto it = hot_.find(id);
  if (it == hot_.end()) return;
  HotRun& run = it->second;
  if (workflow::is_final(run.state->status)) {
    note_end(*run.state);
    environment_.outbox->run_rests(*run.state);
    file(run);
    hot_.erase(it);
  } else if (workflow::can_park(*run.state, now_us)) {
    environment_.outbox->run_rests(*run.state);
    park(run);
    hot_.erase(it);
  } else {
    if (!run.state->ready.empty() && !run.state->paused && !run.queued) {
      run.queued = true;
      unfinished_->push(run.state->tenant, run.state->priority, id);
    }
    set_timer(run);
  }
  stats_.hot_runs = hot_.size();
  stats_.timers = timers_.size();
}

void StateMachine::store_record(HotRun& run) {
  scratch_.clear();
  workflow::encode_run(*run.state, scratch_);
  const std::string key = keys::of_id(keys::kRun, run.state->id);
  if (run.indexed) {
    environment_.store->put(key, scratch_);
  } else {
    environment_.store->insert(key, scratch_);
    index(*run.state);
    run.indexed = true;
  }
}

void StateMachine::index(const workflow::RunState& run) {
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string key = keys::attribute_prefix(name, value);
    key.append(run.id.view());
    environment_.store->insert(key, {});
  };
  add(keys::kPipelineAttribute, run.pipeline->name);
  if (!run.key.empty()) add(keys::kKeyAttribute, run.key);
  if (!run.search.is(Kind::kMap)) return;
  for (const Member& member : run.search.members()) {
    if (!member.value.is_null())
      add(keys::search_attribute(member.key.as_string()), search_text(member.value));
  }
}

void StateMachine::file(HotRun& run) {
  store_record(run);
  const RunId& id = run.state->id;
  if (run.marked) environment_.store->erase(keys::of_id(keys::kHot, id));
  if (run.state->status != workflow::RunStatus::kCompleted) {
    environment_.store->put(keys::status_prefix(run.state->status) + std::string(id.view()), {});
  }
}

void StateMachine::park(HotRun& run) {
  store_record(run);
  const RunId& id = run.state->id;
  if (run.marked) environment_.store->erase(keys::of_id(keys::kHot, id));
  const workflow::RunStatus listed = parked_under(workflow::present_status(*run.state));
  environment_.store->put(keys::status_prefix(listed) + std::string(id.view()), {});
  if (const int64_t due = workflow::next_due_us(*run.state); due != 0) {
    environment_.store->put(keys::timer(due, id), {});
    if (parked_due_us_.has_value() && (*parked_due_us_ == 0 || due < *parked_due_us_)) parked_due_us_ = due;
  }
}

void StateMachine::set_timer(HotRun& run) {
  const int64_t due = workflow::next_due_us(*run.state);
  if (due == 0 || (run.timer_us != 0 && run.timer_us <= due)) return;
  run.timer_us = due;
  timers_.push({due, run.state->id});
  // Most runs end long before their deadline; what they leave behind must not outgrow the runs there are.
  if (timers_.size() <= 2 * hot_.size() + kForgottenTimers) return;
  std::vector<Timer> wanted;
  for (const auto& [id, each] : hot_)
    if (each.timer_us != 0) wanted.push_back({each.timer_us, id});
  timers_ = decltype(timers_)({}, std::move(wanted));
}

// --- time
// ----------------------------------------------------------------------------------------------------------

int64_t StateMachine::first_parked_due_us() {
  if (!parked_due_us_.has_value()) {
    int64_t first = 0;
    const std::string prefix(1, keys::kTimer);
    const auto status = environment_.store->scan(store::Range::prefix(prefix), {.limit = 1},
                                                 [&](std::string_view key, std::string_view) {
                                                   store::KeyReader reader(key);
                                                   reader.tag();
                                                   first = reader.i64();
                                                   return false;
                                                 });
    if (!status.ok()) return 0;
    parked_due_us_ = first;
  }
  return *parked_due_us_;
}

int64_t StateMachine::next_due_us() {
  if (!unfinished_->empty()) return 1;
  int64_t next = first_parked_due_us();
  if (!timers_.empty() && (next == 0 || timers_.top().due_us < next)) next = timers_.top().due_us;
  for (const int64_t part : {flow_->next_due_us(), admission_->next_due_us()})
    if (part != 0 && (next == 0 || part < next)) next = part;
  return next;
}

/// Those that used up their steps go on, as many as the turn has steps for; whose turn it is decides.
void StateMachine::continue_runs(int64_t now_us) {
  const uint64_t until = stats_.steps_begun + kStepsPerTurn;
  for (size_t n = unfinished_->size(); n > 0 && stats_.steps_begun < until; --n) {
    const RunId id = unfinished_->pop();
    const uint64_t before = stats_.steps_begun;
    if (const auto it = hot_.find(id); it != hot_.end()) {
      it->second.queued = false;
      workflow::advance(*it->second.state, *this, now_us);
      rest(id, now_us);
    }
    unfinished_->charge(stats_.steps_begun - before);
  }
}

Lane StateMachine::lane(const RunId& run) const {
  const auto hot = hot_.find(run);
  return hot == hot_.end() ? Lane() : Lane{hot->second.state->tenant, hot->second.state->priority};
}

bool StateMachine::on_time(int64_t now_us, size_t limit) {
  refresh_catalog();
  now_us_ = now_us;
  continue_runs(now_us);
  const bool more_places = admission_->turn(now_us);
  const bool more_flow = flow_->turn(now_us) || more_places;
  size_t done = 0;
  while (!timers_.empty() && timers_.top().due_us <= now_us) {
    if (done++ >= limit) return true;
    const RunId id = timers_.top().run;
    timers_.pop();
    const auto it = hot_.find(id);
    if (it == hot_.end()) continue;
    it->second.timer_us = 0;
    const int64_t due = workflow::next_due_us(*it->second.state);
    if (due != 0 && due <= now_us) workflow::on_time(*it->second.state, *this, now_us);
    rest(id, now_us);
  }
  const int64_t parked = first_parked_due_us();
  if (parked == 0 || parked > now_us) return more_flow;
  std::vector<std::string> due;
  std::string until;
  store::KeyWriter(until).tag(keys::kTimer).i64(now_us + 1);
  const auto status = environment_.store->scan(store::Range::between(std::string(1, keys::kTimer), until),
                                               {.limit = limit}, [&](std::string_view key, std::string_view) {
                                                 due.emplace_back(key);
                                                 return true;
                                               });
  if (!status.ok()) return false;
  for (const std::string& key : due) {
    const RunId id = RunId::from_bytes(std::string_view(key).substr(key.size() - 16));
    environment_.store->erase(key);
    auto run = find_run(id);
    if (!run.ok()) {
      // Its pipeline may be missing from this binary's catalogue: come back later rather than turn in
      // circles.
      if (run.error().kind != ErrorKind::kNotFound && run.error().kind != ErrorKind::kConflict) {
        environment_.store->put(keys::timer(now_us + kUnreadableRetryUs, id), {});
      }
      continue;
    }
    workflow::on_time(*(*run)->state, *this, now_us);
    rest(id, now_us);
  }
  parked_due_us_.reset();
  return due.size() == limit || more_flow;
}

// --- recovery
// ------------------------------------------------------------------------------------------------------

Status StateMachine::load() {
  std::vector<RunId> ids;
  SY_RETURN_IF_ERROR(environment_.store->scan(store::Range::prefix(std::string(1, keys::kHot)),
                                              [&](std::string_view key, std::string_view) {
                                                ids.push_back(RunId::from_bytes(key.substr(1)));
                                                return true;
                                              }));
  for (const RunId& id : ids) {
    SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(id));
    run->marked = true;
  }
  SY_RETURN_IF_ERROR(flow_->load());
  SY_RETURN_IF_ERROR(admission_->load());
  return environment_.store->scan(store::Range::prefix(std::string(1, keys::kQueue)),
                                  [&](std::string_view, std::string_view) {
                                    ++stats_.open_reviews;
                                    return true;
                                  });
}

Status StateMachine::replay(const log::RecordView& record) {
  const auto type = static_cast<EventType>(record.type);
  if (record.run.is_zero()) {
    Arena arena;
    SY_ASSIGN_OR_RETURN(const Event event,
                        decode_event(type, record.version, record.run, record.step, record.time_us,
                                     record.payload, arena, environment_.payloads));
    fold(nullptr, event, record.offset);
    return {};
  }
  // The payload's texts are copied by apply(); values are decoded into the run's own arena.
  if (type == EventType::kRunStarted) {
    auto arena = std::make_shared<Arena>();
    SY_ASSIGN_OR_RETURN(const Event event,
                        decode_event(type, record.version, record.run, record.step, record.time_us,
                                     record.payload, *arena, environment_.payloads));
    const auto& body = std::get<RunStarted>(event.body);
    auto pipeline = catalog_->pipeline_by_hash(body.pipeline_hash);
    if (pipeline == nullptr) {
      return make_error(ErrorKind::kUnprocessable, "workflow.missing_artefact",
                        "run " + record.run.to_string() + " is pinned to " + std::string(body.pipeline) +
                            "@" + std::string(body.version) +
                            ", which this binary could not compile from the governance log");
    }
    auto pins = std::make_shared<workflow::Pins>();
    pins->governance = body.governance;
    for (const PinView& pin : body.pins) {
      workflow::Pin own{pin.kind, std::string(pin.name), std::string(pin.version), pin.sha256, nullptr,
                        nullptr};
      workflow::attach(own, *catalog_);
      pins->pins.push_back(std::move(own));
    }
    if (!body.idempotency_key.empty()) {
      std::string value(record.run.view());
      ByteWriter(value).u64(body.request_hash);
      // Not insert: the key of an older run may have run out.
      environment_.store->put(keys::idempotency(body.principal, body.idempotency_key), value);
    }
    HotRun& run = hot_[record.run];
    run.state = workflow::make_run(record.run, std::move(pipeline), std::move(pins), arena);
    fold(&run, event, record.offset);
    return {};
  }
  SY_ASSIGN_OR_RETURN(HotRun* const run, find_run(record.run));
  // A person's answer, or a signal, of which its step is not told yet.
  if (type == EventType::kReviewAnswered || type == EventType::kSignalReceived ||
      type == EventType::kStepCompleted)
    run->answered = type != EventType::kStepCompleted;
  const workflow::Frame* frame =
      workflow::find_frame(*run->state, peek_frame(record.version, record.payload));
  if (frame == nullptr) {
    return make_error(ErrorKind::kCorruption, "types.bad_event",
                      "an event of run " + record.run.to_string() + " names a frame that is not open");
  }
  SY_ASSIGN_OR_RETURN(const Event event,
                      decode_event(type, record.version, record.run, record.step, record.time_us,
                                   record.payload, *frame->arena, environment_.payloads));
  if (const auto* migrated = std::get_if<RunMigrated>(&event.body)) {
    SY_RETURN_IF_ERROR(workflow::prepare_migration(*run->state, *migrated, *catalog_));
  }
  forget_replayed(event, *run->state);
  fold(run, event, record.offset);
  note_replayed(event, *run->state);
  if (workflow::is_final(run->state->status)) {
    file(*run);
    hot_.erase(record.run);
  }
  return {};
}

void StateMachine::relieve(int64_t now_us) {
  for (auto it = hot_.begin(); it != hot_.end();) {
    workflow::rebuild(*it->second.state);
    // What its events left to be done is done when it is recovered, in memory.
    const bool left = !it->second.state->frames.empty() || it->second.answered;
    if (it->second.state->resumed && left) {
      ++it;
      continue;
    }
    if (!workflow::can_park(*it->second.state, now_us)) {
      ++it;
      continue;
    }
    park(it->second);
    it = hot_.erase(it);
  }
}

/// The log may have broken off between a person's answer and what follows from it.
void StateMachine::finish_answers(workflow::RunState& run, int64_t now_us) {
  std::vector<std::pair<StepAddress, RunId>> waiting;
  workflow::for_each_frame(run, [&](const workflow::Frame& frame) {
    const workflow::Block& block = run.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      const workflow::StepState& step = frame.steps[i];
      if (step.status == workflow::StepStatus::kWaiting && !step.review.is_zero())
        waiting.push_back({{frame.id, StepIndex(static_cast<uint16_t>(block.first.value + i))}, step.review});
    }
  });
  for (const auto& [at, review] : waiting) {
    const auto item = find_review(review);
    if (!item.ok() || !item->has_value() || (*item)->status != review::ItemStatus::kAnswered) continue;
    const workflow::StepState* step = workflow::find_step(run, at);
    if (step == nullptr || step->status != workflow::StepStatus::kWaiting) continue;
    workflow::complete_review(run, at, (*item)->answer.root(), (*item)->ended_by, *this, now_us);
  }
}

void StateMachine::recover(int64_t now_us) {
  refresh_catalog();
  link_children(now_us);
  std::vector<RunId> ids;
  for (const auto& [id, run] : hot_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  // All first: what one does may concern another.
  for (auto& [id, run] : hot_) workflow::rebuild(*run.state);
  for (const RunId& id : ids) {
    const auto it = hot_.find(id);
    if (it == hot_.end()) continue;  // ended, or parked, with the run it belongs to
    finish_answers(*it->second.state, now_us);
    workflow::on_time(*it->second.state, *this, now_us);
    rest(id, now_us);
  }
  recover_children(now_us);
  admission_->recover(now_us);
  rest(RunId(), now_us);  // whom that touched
  flow_->recover();
}

bool StateMachine::checkpoint(store::Checkpoint at, store::Durability durability) {
  if (!environment_.store->can_freeze()) return false;
  for (auto& [id, run] : hot_) {
    store_record(run);
    if (!run.marked) environment_.store->put(keys::of_id(keys::kHot, id), {});
    run.marked = true;
  }
  return environment_.store->freeze(at, durability);
}

Result<uint64_t> StateMachine::digest() {
  uint64_t digest = 0;
  const auto mix = [&digest](std::string_view key, std::string_view value) {
    digest ^= hash64(value, hash64(key));
  };
  for (const char table :
       {keys::kRun,        keys::kReview,     keys::kQueue,       keys::kBudget,     keys::kIdempotency,
        keys::kKnownEvent, keys::kPublished,  keys::kOutbox,      keys::kChannel,    keys::kInbox,
        keys::kAgentQueue, keys::kAgentRun,   keys::kAgentOfRun,  keys::kAgentState, keys::kSchedule,
        keys::kMessage,    keys::kMessageDue, keys::kDeadLetter,  keys::kListener,   keys::kListening,
        keys::kGroup,      keys::kMember,     keys::kQueuedStart, keys::kHeard,      keys::kOffsets,
        keys::kHold,       keys::kCompacted,  keys::kDeleted,     keys::kSignalKey,  keys::kSignalOrder}) {
    SY_RETURN_IF_ERROR(environment_.store->scan(
        store::Range::prefix(std::string(1, table)), [&](std::string_view key, std::string_view value) {
          const bool in_memory = table == keys::kRun && hot_.contains(RunId::from_bytes(key.substr(1)));
          if (!in_memory) mix(key, value);
          return true;
        }));
  }
  for (const auto& [id, run] : hot_) {
    std::string bytes;
    workflow::encode_run(*run.state, bytes);
    mix(keys::of_id(keys::kRun, id), bytes);
  }
  return digest;
}

// --- events
// -----------------------------------------------------------------------------------------------------------

Result<Published> StateMachine::publish(const PublishEvent& command, int64_t now_us) {
  refresh_catalog();
  return flow_->publish(command, now_us);
}
void StateMachine::receive(const Delivery& delivery, int64_t now_us) {
  refresh_catalog();
  flow_->receive(delivery, now_us);
}
void StateMachine::acknowledged(const Acknowledgement& acknowledgement, int64_t now_us) {
  flow_->acknowledged(acknowledgement, now_us);
}
void StateMachine::webhook_done(const WebhookRequest& request, const WebhookOutcome& outcome,
                                int64_t now_us) {
  flow_->webhook_done(request, outcome, now_us);
}
Status StateMachine::settle_letter(const QueuePlace& letter, std::string_view who, bool replay,
                                   int64_t now_us) {
  refresh_catalog();
  return flow_->settle(letter, who, replay, now_us);
}
Result<DeadLetterPage> StateMachine::dead_letters(const DeadLetterFilter& filter) {
  return flow_->dead_letters(filter);
}
Result<AgentState> StateMachine::agent_state(std::string_view agent, std::string_view key) {
  return flow_->agent_state(agent, key);
}
Result<std::vector<AgentState>> StateMachine::agent_states(std::string_view agent, std::string_view after,
                                                           size_t limit) {
  return flow_->agent_states(agent, after, limit);
}

}  // namespace switchyard::partition
