#include "host.h"

#include <algorithm>
#include <iterator>

#include "switchyard/store/limits.h"

namespace switchyard::partition {
namespace {

// Commands wait while the log has less room than this: one turn never outgrows it.
constexpr size_t kLogMarginBytes = 16u << 20;
// While the store writes a checkpoint, how often it is asked whether it has: its memory goes then.
constexpr int64_t kWrittenCheckUs = 500'000;

Error disk_full_answer() {
  return make_error(ErrorKind::kNoSpace, "partition.disk_full",
                    "the disk of the log is full; whether this request takes effect is not known yet: repeat "
                    "it with the same Idempotency-Key");
}

RunView view_of(const workflow::RunState& run) {
  RunView view;
  view.summary = workflow::summarize(run);
  if (run.status == workflow::RunStatus::kCompleted) {
    view.output = Document(run.arena, run.output);
    view.has_output = true;
  }
  return view;
}

}  // namespace

PartitionHost::PartitionHost(PartitionId id, const EngineOptions& options, CommandBox& mailbox, Peers* peers)
    : id_(id), options_(options), mailbox_(mailbox), peers_(peers) {
  published_.id = id;
}

PartitionHost::~PartitionHost() = default;

Status PartitionHost::open_history() {
  if (options_.history_directory.empty()) return {};
  const std::string name = "/partition-" + std::to_string(id_.value);
  SY_ASSIGN_OR_RETURN(
      archive_, archive::Archive::open({options_.disk, options_.history_directory + "/archive" + name, id_}));
  SY_ASSIGN_OR_RETURN(
      payloads_, blobs::PayloadStore::open(*options_.disk, options_.history_directory + "/payloads" + name));
  large_values_ = std::make_unique<blobs::LargeValues>(*payloads_, options_.payload_threshold_bytes);
  upkeep_ = std::make_unique<Upkeep>(
      Upkeep::Parts{log_.get(), store_.get(), archive_.get(), payloads_.get(), options_.upkeep});
  return {};
}

/// A log whose beginning was trimmed folds only from a state that knows what was there.
Status PartitionHost::check_beginning(const std::optional<store::Checkpoint>& applied) const {
  const LogOffset first = log_->first_offset();
  const std::string partition = "partition " + std::to_string(id_.value);
  if (first.value > 0 && (!applied.has_value() || applied->offset < first)) {
    return make_error(ErrorKind::kCorruption, "partition.state_missing",
                      "the log of " + partition + " begins at offset " + std::to_string(first.value) +
                          ", and the state that knows what was before is " +
                          (applied.has_value() ? "older than that" : "missing") +
                          "; bring the state folder back from a backup of the same time as the log");
  }
  const auto covered = archive_ == nullptr ? std::nullopt : archive_->covered();
  if (first.value > 0 && covered.value_or(LogOffset(0)) < first && archive_ != nullptr) {
    return make_error(ErrorKind::kCorruption, "partition.archive_missing",
                      "the log of " + partition + " begins at offset " + std::to_string(first.value) +
                          ", and its archive ends at " +
                          std::to_string(covered.value_or(LogOffset(0)).value) +
                          "; bring the archive folder back from a backup of the same time as the log");
  }
  return {};
}

Status PartitionHost::open() {
  SY_ASSIGN_OR_RETURN(log_, options_.logs->acquire(id_));
  SY_ASSIGN_OR_RETURN(store_, options_.open_store(id_));
  SY_RETURN_IF_ERROR(open_history());
  machine_ = std::make_unique<StateMachine>(StateMachine::Environment{
      id_, options_.partitions, store_.get(), options_.random, this, this, options_.catalog,
      options_.retention, payloads_.get(), options_.offsets_per_chunk});
  log_->set_stall_listener([this](bool stalled, const Status& reason) {
    mailbox_.push_unbounded({id_.value, StallChanged{stalled, reason.ok() ? Error{} : reason.error()}});
  });

  SY_RETURN_IF_ERROR(machine_->load());
  const auto applied = store_->applied();
  const LogOffset at = applied.has_value() ? applied->offset : log_->first_offset();
  if (at > log_->durable_end()) {
    return make_error(
        ErrorKind::kCorruption, "partition.state_ahead",
        "the state of partition " + std::to_string(id_.value) + " reflects offset " +
            std::to_string(at.value) + ", but its log ends at " + std::to_string(log_->durable_end().value) +
            "; if the log was repaired on purpose, remove the state folder: it is folded anew from the log");
  }
  SY_RETURN_IF_ERROR(check_beginning(applied));
  SY_RETURN_IF_ERROR(replay(at));
  checkpointed_ = applied.has_value() ? applied->offset : log_->first_offset();
  const int64_t now_us = options_.clock->now_us();
  checkpoint_us_ = flush_us_ = now_us;
  machine_->recover(now_us);
  publish_stats();
  return {};
}

Status PartitionHost::replay(LogOffset at) {
  Status failure;
  while (at < log_->durable_end()) {
    auto next = log_->read(at, 4u << 20, [&](const log::RecordView& record) {
      failure = machine_->replay(record);
      return failure.ok();
    });
    SY_RETURN_IF_ERROR(std::move(failure));
    SY_RETURN_IF_ERROR(next.ok() ? Status() : Status(next.error()));
    at = *next;
    // A fold of much log must not need the memory of all it meets.
    if (store_->active_bytes() > store::kFreezeBytes) {
      machine_->relieve(options_.clock->now_us());
      (void)machine_->checkpoint({at, log_->epoch()}, store::Durability::kWritten);
    }
  }
  return {};
}

// --- what the state machine does
// -----------------------------------------------------------------------------------

Result<LogOffset> PartitionHost::append(const Event& event) {
  if (batch_.log_bytes() > kFlushBatchBytes) flush_batch();
  log::RecordHeader header;
  header.version = event.version();
  header.type = static_cast<uint8_t>(event.type());
  header.step = event.step;
  header.run = event.run;
  header.time_us = event.time_us;
  const uint32_t at = batch_.begin(header);
  encode_event_body(event, batch_.payload());
  if (large_values_ != nullptr && batch_.open_payload_bytes() > options_.payload_threshold_bytes) {
    batch_.payload().resize(batch_.payload().size() - batch_.open_payload_bytes());
    encode_event_body(event, batch_.payload(), large_values_.get());
  }
  SY_RETURN_IF_ERROR(batch_.end());
  if (options_.observer) options_.observer(id_, event);
  return log::record_offset(log_->next_offset(), at);
}

void PartitionHost::start_effect(workflow::EffectRequest request, bool after_durable) {
  // After a restart the attempt's record may be durable already; then no acknowledgement will come to wait
  // for.
  if (!after_durable || (gates_.empty() && log_->durable_end() >= emitted_end())) {
    effects_.push_back(std::move(request));
    return;
  }
  batch_wanted_ = true;
  // std::function wants a copyable callable.
  auto shared = std::make_shared<workflow::EffectRequest>(std::move(request));
  gates_.push_back({emitted_end(), false, [this, shared](const Status& status) {
                      if (status.ok()) effects_.push_back(std::move(*shared));
                    }});
}

void PartitionHost::after_durable(std::function<void()> action) {
  if (gates_.empty() && log_->durable_end() >= emitted_end()) return action();
  batch_wanted_ = true;
  gates_.push_back({emitted_end(), false, [action = std::move(action)](const Status& status) {
                      if (status.ok()) action();
                    }});
}

void PartitionHost::deliver(Delivery delivery) {
  if (peers_ == nullptr) return;
  auto shared = std::make_shared<Delivery>(std::move(delivery));
  after_durable([this, shared] { peers_->deliver(std::move(*shared)); });
}

void PartitionHost::acknowledge(Acknowledgement acknowledgement) {
  if (peers_ == nullptr) return;
  after_durable([this, acknowledgement] { peers_->acknowledge(acknowledgement); });
}

void PartitionHost::send_webhook(WebhookRequest request) {
  if (options_.webhooks == nullptr) return;
  auto shared = std::make_shared<WebhookRequest>(std::move(request));
  after_durable([this, shared] {
    options_.webhooks->send(*shared, [this, shared](WebhookOutcome outcome) {
      mailbox_.push_unbounded({id_.value, WebhookDone{std::move(*shared), std::move(outcome)}});
    });
  });
}

void PartitionHost::run_rests(const workflow::RunState& run) {
  const bool final = workflow::is_final(run.status);
  // A review must not appear, and a timer must not run, before it is durable.
  if (!final) batch_wanted_ = true;
  // Who waits for another decision leaves memory, and is still at work.
  const workflow::RunStatus present = workflow::present_status(run);
  if (present == workflow::RunStatus::kRunning || present == workflow::RunStatus::kQueued) return;
  if (starting_ && run.parent.is_zero()) rested_ = view_of(run);
  const auto it = waiters_.find(run.id);
  if (it == waiters_.end()) return;
  std::vector<Waiter> keep;
  for (Waiter& waiter : it->second) {
    if (!final && waiter.until_final) {
      keep.push_back(std::move(waiter));
      continue;
    }
    auto tell = [view = view_of(run), waiter = std::move(waiter)](const Status& status) {
      status.ok() ? waiter.reply(view) : waiter.refuse(status.error());
    };
    if (final && waiter.at_once)
      tell_at_once(std::move(tell));
    else
      reply_when_durable(std::move(tell));
  }
  if (keep.empty())
    waiters_.erase(it);
  else
    it->second = std::move(keep);
}

// --- commands
// ------------------------------------------------------------------------------------------------------

Status PartitionHost::admit() const {
  if (failed_) {
    return make_error(ErrorKind::kUnavailable, "partition.failed",
                      "partition " + std::to_string(id_.value) + " has stopped: " + failure_.message);
  }
  if (stalled_ || log_->stalled()) {
    return make_error(ErrorKind::kNoSpace, "partition.disk_full",
                      "the disk of the log is full; nothing acknowledged is lost, and service resumes by "
                      "itself when there is space");
  }
  if (payload_retry_us_ != 0) {
    return make_error(ErrorKind::kNoSpace, "partition.disk_full",
                      "the disk has no room for large values; nothing acknowledged is lost, and service "
                      "resumes by itself when there is space");
  }
  if (store_->active_bytes() > store::kMaxActiveBytes) {
    return make_error(ErrorKind::kNoSpace, "partition.state_not_written",
                      "the state cannot be written to disk; free some space");
  }
  return {};
}

void PartitionHost::handle(Command&& command, int64_t now_us) {
  if (auto* durable = std::get_if<Durable>(&command.body)) {
    if (durable->status.ok())
      release(durable->end);
    else
      fail(durable->status.error());
    return;
  }
  if (auto* stall = std::get_if<StallChanged>(&command.body)) {
    stalled_ = stall->stalled;
    if (stalled_) {
      drop_answers(disk_full_answer());
    }
    return;
  }
  const Status admitted = admit();
  if (!admitted.ok()) {
    // Other partitions ask again.
    if (std::holds_alternative<Delivery>(command.body) ||
        std::holds_alternative<Acknowledgement>(command.body))
      return;
    // What was admitted before must not get lost; new work is refused at once.
    if (auto* start = std::get_if<StartCommand>(&command.body)) return start->reply(admitted.error());
    if (auto* call = std::get_if<Call>(&command.body)) return call->refuse(admitted.error());
    if (!failed_) deferred_.push_back(std::move(command));
    return;
  }
  if (!has_room() || checkpoint_wanted_ || !deferred_.empty()) {
    deferred_.push_back(std::move(command));
    return;
  }
  if (!waits_its_turn(command)) act(std::move(command), now_us);
}

bool PartitionHost::has_room() const {
  return log_->queue_room_bytes() >= kLogMarginBytes + batch_.log_bytes();
}

bool PartitionHost::waits_its_turn(Command& command) {
  const auto* start = std::get_if<StartCommand>(&command.body);
  const auto* done = std::get_if<EffectDone>(&command.body);
  if (start == nullptr && done == nullptr) return false;
  if (backlog_.empty() && machine_->steps_begun() < turn_ends_) return false;
  const Lane lane =
      start != nullptr ? Lane{start->run.tenant, start->run.priority} : machine_->lane(done->run);
  backlog_.push(lane.tenant, lane.priority, std::move(command));
  return true;
}

void PartitionHost::work_off_backlog(int64_t now_us, uint64_t until_steps) {
  while (!backlog_.empty() && machine_->steps_begun() < until_steps && !checkpoint_wanted_ &&
         deferred_.empty() && admit().ok() && has_room()) {
    const uint64_t before = machine_->steps_begun();
    act(backlog_.pop(), now_us);
    backlog_.charge(machine_->steps_begun() - before);
  }
}

void PartitionHost::act(Command&& command, int64_t now_us) {
  if (auto* start_command = std::get_if<StartCommand>(&command.body)) {
    start(std::move(*start_command), now_us);
  } else if (auto* done = std::get_if<EffectDone>(&command.body)) {
    machine_->complete_effect(done->run, done->step, done->attempt, std::move(done->result), now_us);
  } else if (auto* delivery = std::get_if<Delivery>(&command.body)) {
    machine_->receive(*delivery, now_us);
  } else if (auto* acknowledgement = std::get_if<Acknowledgement>(&command.body)) {
    machine_->acknowledged(*acknowledgement, now_us);
  } else if (auto* sent = std::get_if<WebhookDone>(&command.body)) {
    machine_->webhook_done(sent->request, sent->outcome, now_us);
  } else {
    std::get<Call>(command.body).run(*this, now_us);
  }
}

void PartitionHost::start(StartCommand&& command, int64_t now_us) {
  const bool at_once = command.run.ack_received;
  starting_ = true;
  rested_.reset();
  auto started = machine_->start_run(std::move(command.run), now_us);
  starting_ = false;
  if (!started.ok()) return command.reply(std::move(started).error());
  const RunId id = started->id;
  const bool repeated = started->repeated;
  if (rested_.has_value() && rested_->summary.id == id) {
    const bool final = workflow::is_final(rested_->summary.status);
    auto tell = [view = std::move(*rested_), reply = std::move(command.reply)](const Status& status) {
      status.ok() ? reply(StartReply{view, false}) : reply(status.error());
    };
    return final && at_once ? tell_at_once(std::move(tell)) : reply_when_durable(std::move(tell));
  }
  auto view = machine_->run(id);
  if (!view.ok()) return command.reply(std::move(view).error());
  if (command.wait_until_us <= now_us || (repeated && view->summary.status != workflow::RunStatus::kRunning &&
                                          view->summary.status != workflow::RunStatus::kQueued)) {
    reply_when_durable(
        [view = std::move(*view), repeated, reply = std::move(command.reply)](const Status& status) {
          status.ok() ? reply(StartReply{view, repeated}) : reply(status.error());
        });
    return;
  }
  Waiter waiter;
  waiter.until_us = command.wait_until_us;
  waiter.at_once = at_once && !repeated;
  auto reply = std::make_shared<Reply<StartReply>>(std::move(command.reply));
  waiter.reply = [reply, repeated](const RunView& ended) { (*reply)(StartReply{ended, repeated}); };
  waiter.refuse = [reply](const Error& error) { (*reply)(error); };
  add_waiter(id, std::move(waiter));
}

void PartitionHost::add_waiter(const RunId& id, Waiter waiter) {
  const int64_t until_us = std::max<int64_t>(1, waiter.until_us);
  if (waiters_.empty() || until_us < next_waiter_us_) next_waiter_us_ = until_us;
  waiters_[id].push_back(std::move(waiter));
}

void PartitionHost::wait_for(const RunId& id, int64_t until_us, Reply<RunView> reply) {
  Waiter waiter;
  waiter.until_us = until_us;
  waiter.until_final = true;
  auto shared = std::make_shared<Reply<RunView>>(std::move(reply));
  waiter.reply = [shared](const RunView& view) { (*shared)(view); };
  waiter.refuse = [shared](const Error& error) { (*shared)(error); };
  add_waiter(id, std::move(waiter));
}

// --- durability
// ----------------------------------------------------------------------------------------------------

LogOffset PartitionHost::emitted_end() const {
  return LogOffset(log_->next_offset().value + (batch_.empty() ? 0 : batch_.log_bytes()));
}

void PartitionHost::reply_when_durable(std::function<void(const Status&)> action) {
  const LogOffset end = emitted_end();
  if (gates_.empty() && log_->durable_end() >= end) return action(Status());
  if (failed_) return action(failure_);
  batch_wanted_ = true;
  gates_.push_back({end, true, std::move(action)});
}

void PartitionHost::tell_at_once(const std::function<void(const Status&)>& action) {
  if (failed_) return action(failure_);
  if (received_us_ == 0) received_us_ = options_.clock->now_us();
  action(Status());
}

void PartitionHost::release(LogOffset durable_end) {
  const auto scope = options_.release_scope ? options_.release_scope() : nullptr;
  while (!gates_.empty() && gates_.front().end <= durable_end) {
    const auto action = std::move(gates_.front().action);
    gates_.pop_front();
    action(Status());
  }
}

void PartitionHost::drop_answers(const Error& error) {
  std::deque<Gate> keep;
  for (Gate& gate : gates_) {
    if (gate.droppable)
      gate.action(error);
    else
      keep.push_back(std::move(gate));
  }
  gates_ = std::move(keep);
  for (auto& [id, waiters] : waiters_)
    for (const Waiter& waiter : waiters) waiter.refuse(error);
  waiters_.clear();
  while (!backlog_.empty()) {
    Command command = backlog_.pop();
    backlog_.charge(1);
    if (auto* start = std::get_if<StartCommand>(&command.body))
      start->reply(error);
    else
      deferred_.push_back(std::move(command));
  }
}

void PartitionHost::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  failure_ = error;
  drop_answers(make_error(ErrorKind::kUnavailable, "partition.failed",
                          "partition " + std::to_string(id_.value) + " has stopped: " + error.message));
  gates_.clear();
  deferred_.clear();
}

bool PartitionHost::sync_payloads() {
  if (payloads_ == nullptr || !payloads_->has_staged()) {
    payload_retry_us_ = 0;
    return true;
  }
  const Status synced = payloads_->sync();
  if (synced.ok()) {
    payload_retry_us_ = 0;
    return true;
  }
  if (synced.error().kind != ErrorKind::kNoSpace) {
    fail(synced.error());
    return false;
  }
  const bool known = payload_retry_us_ != 0;
  payload_retry_us_ = options_.clock->now_us() + kPayloadRetryUs;
  if (!known) drop_answers(disk_full_answer());
  return false;
}

void PartitionHost::flush_batch() {
  received_us_ = 0;
  if (batch_.empty() || failed_) return;
  if (!sync_payloads()) return;
  batch_wanted_ = false;
  const Status status = log_->append(std::move(batch_), [this](const Status& result, LogOffset end) {
    mailbox_.push_unbounded({id_.value, Durable{result.ok() ? Status() : Status(result.error()), end}});
  });
  batch_ = log::RecordBatch();
  // Room was checked before the commands were taken: what is refused now will never be taken.
  if (!status.ok()) fail(status.error());
}

// --- turns
// ---------------------------------------------------------------------------------------------------------

void PartitionHost::finish_turn(int64_t now_us) {
  ++turns_;
  if (!failed_) {
    if (payload_retry_us_ != 0 && now_us >= payload_retry_us_) flush_batch();
    if (!deferred_.empty() && !checkpoint_wanted_ && admit().ok()) {
      std::deque<Command> waiting;
      waiting.swap(deferred_);
      while (!waiting.empty()) {
        handle(std::move(waiting.front()), now_us);
        waiting.pop_front();
        if (!deferred_.empty()) {
          std::move(waiting.begin(), waiting.end(), std::back_inserter(deferred_));
          break;
        }
      }
    }
    work_off_backlog(now_us, turn_ends_);
    if (!checkpoint_wanted_ && admit().ok()) machine_->on_time(now_us);
    turn_ends_ = machine_->steps_begun() + kStepsPerTurn;
    expire_waiters(now_us);
    dispatch_effects();
    if (is_flush_due(now_us)) flush_batch();
    maybe_checkpoint(now_us);
  }
  busy_us_ += options_.clock->now_us() - now_us;
  publish_stats();
}

bool PartitionHost::is_flush_due(int64_t now_us) const {
  return batch_wanted_ || batch_.log_bytes() > kFlushBatchBytes ||
         (received_us_ != 0 && now_us >= received_us_ + kReceivedFlushUs);
}

void PartitionHost::dispatch_effects() {
  for (auto& request : effects_) {
    const RunId run = request.run;
    const StepAddress step = request.step;
    const uint16_t attempt = request.attempt;
    options_.executor->execute(std::move(request), [this, run, step, attempt](workflow::EffectResult result) {
      const auto pushed =
          mailbox_.push_quietly({id_.value, EffectDone{run, step, attempt, std::move(result)}}, false);
      if (pushed != CommandBox::Pushed::kTakenAndConsumerSleeps) return;
      waker_ ? waker_() : mailbox_.wake();
    });
  }
  effects_.clear();
}

void PartitionHost::expire_waiters(int64_t now_us) {
  if (waiters_.empty() || now_us < next_waiter_us_) return;
  next_waiter_us_ = INT64_MAX;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    auto& waiters = it->second;
    for (auto waiter = waiters.begin(); waiter != waiters.end();) {
      if (waiter->until_us > now_us) {
        next_waiter_us_ = std::min(next_waiter_us_, waiter->until_us);
        ++waiter;
        continue;
      }
      auto view = machine_->run(it->first);
      reply_when_durable([view = std::move(view), done = std::move(*waiter)](const Status& status) {
        if (!status.ok())
          done.refuse(status.error());
        else if (!view.ok())
          done.refuse(view.error());
        else
          done.reply(*view);
      });
      waiter = waiters.erase(waiter);
    }
    it = waiters.empty() ? waiters_.erase(it) : std::next(it);
  }
}

// Small checkpoints keep the background's work in small pieces, between which commits get the processor. But
// each writes all runs in memory once more, so where there are many of them it must be worth that.
size_t PartitionHost::freeze_bytes() const {
  return std::clamp(machine_->stats().hot_runs * kStateBytesPerHotRun, kCheckpointStateBytes,
                    store::kFreezeBytes);
}

void PartitionHost::maybe_checkpoint(int64_t now_us) {
  // Asking lets the store drop what its background has written.
  if (writing_state_ && store_->can_freeze()) writing_state_ = false;
  const uint64_t behind = emitted_end().value - checkpointed_.value;
  if (!checkpoint_wanted_) {
    const bool due = behind > kCheckpointBytes || store_->active_bytes() > freeze_bytes() ||
                     (behind > 0 && now_us - checkpoint_us_ > kCheckpointIntervalUs);
    if (!due) return;
    if (!store_->can_freeze()) {
      checkpoint_retry_us_ = now_us + kCheckpointRetryUs;
      return;
    }
    checkpoint_wanted_ = true;
    flush_batch();
  }
  // The state may not get ahead of the log: wait for what is in flight; commands wait meanwhile.
  if (!batch_.empty()) flush_batch();
  if (!batch_.empty()) return;
  const LogOffset end = log_->next_offset();
  if (log_->durable_end() < end) return;
  checkpoint_wanted_ = false;
  const bool durable = now_us - flush_us_ > kFlushIntervalUs;
  if (!machine_->checkpoint({end, log_->epoch()},
                            durable ? store::Durability::kDurable : store::Durability::kWritten))
    return;
  ++checkpoints_;
  writing_state_ = true;
  checkpointed_ = end;
  checkpoint_us_ = now_us;
  if (durable) flush_us_ = now_us;
}

int64_t PartitionHost::next_turn_us() {
  if (failed_) return 0;
  // While nothing may be done, what is due must not keep the thread turning: the end of the obstacle wakes
  // it.
  const bool acts = !checkpoint_wanted_ && admit().ok();
  int64_t next = acts ? machine_->next_due_us() : 0;
  const auto consider = [&next](int64_t us) {
    if (us != 0 && (next == 0 || us < next)) next = us;
  };
  if (!waiters_.empty()) consider(next_waiter_us_);
  if (!checkpoint_wanted_ && emitted_end() > checkpointed_) {
    consider(std::max(checkpoint_us_ + kCheckpointIntervalUs + 1, checkpoint_retry_us_));
  }
  if (writing_state_) consider(options_.clock->now_us() + kWrittenCheckUs);
  consider(payload_retry_us_);
  if (received_us_ != 0) consider(received_us_ + kReceivedFlushUs);
  // Deferred commands go on when the log has room, which a Durable command tells, or when the checkpoint is
  // done.
  const bool waits = !deferred_.empty() || !backlog_.empty();
  if (waits && acts && log_->queue_room_bytes() >= kLogMarginBytes) next = 1;
  return next;
}

void PartitionHost::close() {
  if (machine_ == nullptr) return;
  work_off_backlog(options_.clock->now_us(), UINT64_MAX);
  flush_batch();
  const Status closed = log_->close();
  if (!closed.ok() || failed_) return;
  // Every callback has been called; what they released is not answered any more: the caller has stopped
  // listening.
  (void)machine_->checkpoint({log_->durable_end(), log_->epoch()}, store::Durability::kDurable);
  (void)store_->flush();
}

void PartitionHost::publish_stats() {
  std::lock_guard lock(stats_mutex_);
  published_.machine = machine_->stats();
  published_.durable_end = log_->durable_end().value;
  published_.waiters = waiters_.size();
  published_.turns = turns_;
  published_.checkpoints = checkpoints_;
  published_.busy_us = busy_us_;
  published_.stalled = stalled_;
  published_.failure = failed_ ? failure_.message : std::string();
}

PartitionStats PartitionHost::stats() const {
  PartitionStats stats;
  {
    std::lock_guard lock(stats_mutex_);
    stats = published_;
  }
  stats.log = log_->stats();
  stats.store = store_->stats();
  stats.upkeep.log_begins = log_->first_offset().value;
  if (payloads_ != nullptr) stats.payloads = payloads_->stats();
  if (archive_ != nullptr) stats.upkeep.archive = archive_->stats();
  return stats;
}

void PartitionHost::upkeep_done(const UpkeepReport& report, const Status& status, int64_t now_us) {
  std::lock_guard lock(stats_mutex_);
  UpkeepStats& stats = published_.upkeep;
  ++stats.passes;
  stats.archived_records += report.archived_records;
  stats.archived_bytes += report.archived_bytes;
  stats.trimmed_bytes += report.trimmed_bytes;
  stats.removed_payloads += report.removed_payloads;
  stats.last_pass_us = now_us;
  stats.last_error = status.ok() ? std::string() : status.error().message;
}

Status PartitionHost::health() const {
  std::lock_guard lock(stats_mutex_);
  if (!published_.failure.empty()) {
    return make_error(ErrorKind::kUnavailable, "partition.failed",
                      "partition " + std::to_string(id_.value) + " has stopped: " + published_.failure);
  }
  // What refuses new work is told at once, not at the end of the turn.
  if (published_.stalled || log_->stalled())
    return make_error(ErrorKind::kNoSpace, "partition.disk_full", "the disk of the log is full");
  return {};
}

}  // namespace switchyard::partition
