// What must hold, whatever happened.
#include <algorithm>
#include <utility>

#include "switchyard/provenance/replay.h"
#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::sim {
namespace {

using workflow::RunStatus;

constexpr size_t kReplaysPerWorld = 60;

RunStatus status_of_end(EventType end) {
  if (end == EventType::kRunCompleted) return RunStatus::kCompleted;
  return end == EventType::kRunFailed ? RunStatus::kFailed : RunStatus::kCancelled;
}

}  // namespace

/// Takes note of what the disk holds for certain: it may never change or go.
void World::see_durable() {
  for (uint32_t p = 0; p < partitions_; ++p) {
    log::LocalLog& log = real_log(p);
    if (durable_cursor_[p] == 0) durable_cursor_[p] = log.first_offset().value;
    while (LogOffset(durable_cursor_[p]) < log.durable_end()) {
      auto next = log.read(LogOffset(durable_cursor_[p]), 1u << 20, [&](const log::RecordView& record) {
        if (!keep(p, record)) return false;
        if (static_cast<EventType>(record.type) == EventType::kStepStarted) {
          Arena arena;
          auto event = decode_event(EventType::kStepStarted, record.version, record.run, record.step,
                                    record.time_us, record.payload, arena);
          if (event.ok()) {
            durable_begun_.insert(record.run.to_string() + "/" + std::to_string(record.step) + "." +
                                  std::to_string(event->frame) + "/" +
                                  std::to_string(std::get<StepStarted>(event->body).attempt));
          }
        }
        return true;
      });
      if (failed()) return;
      if (!next.ok()) return fail("the log cannot be read: " + next.error().message);
      durable_cursor_[p] = next->value;
    }
  }
}

log::RecordView World::Kept::view() const {
  log::RecordView record;
  static_cast<log::RecordHeader&>(record) = header;
  record.offset = LogOffset(offset);
  record.payload = payload;
  return record;
}

/// Takes a copy of a durable record; false when a value of it is lost already.
bool World::keep(uint32_t p, const log::RecordView& record) {
  Kept kept;
  kept.offset = record.offset.value;
  kept.hash = hash64(record.payload, hash64(record.run.view(), record.type));
  kept.header = record;
  Arena arena;
  auto event = decode_event(static_cast<EventType>(record.type), record.version, record.run, record.step,
                            record.time_us, record.payload, arena, hosts_[p]->payloads());
  if (!event.ok()) {
    fail("a durable event cannot be read: " + event.error().message);
    return false;
  }
  encode_event_body(*event, kept.payload);
  durable_[p].push_back(std::move(kept));
  return true;
}

/// All that was ever durable; fails where the log has not any more what it did not trim.
const History& World::read_history() {
  for (uint32_t p = 0; p < partitions_ && !failed(); ++p) {
    log::LocalLog& log = real_log(p);
    LogOffset at = log.first_offset();
    auto next_kept = std::find_if(durable_[p].begin(), durable_[p].end(),
                                  [&](const Kept& kept) { return kept.offset >= at.value; });
    while (at < log.durable_end() && !failed()) {
      auto next = log.read(at, 4u << 20, [&](const log::RecordView& record) {
        if (next_kept == durable_[p].end()) return false;
        if (next_kept->offset != record.offset.value ||
            next_kept->hash != hash64(record.payload, hash64(record.run.view(), record.type)))
          fail("partition " + std::to_string(p) + ": the durable record at " +
               std::to_string(next_kept->offset) + " is another now");
        ++next_kept;
        return true;
      });
      if (!next.ok()) fail("the log cannot be read: " + next.error().message);
      if (!next.ok() || next_kept == durable_[p].end()) break;
      at = *next;
    }
    if (next_kept != durable_[p].end()) {
      fail("partition " + std::to_string(p) + " lost " + std::to_string(durable_[p].end() - next_kept) +
           " durable records");
    }
    auto arena = std::make_shared<Arena>();
    for (size_t& read = history_read_[p]; read < durable_[p].size() && !failed(); ++read) {
      const Kept& kept = durable_[p][read];
      auto payload = std::make_shared<const std::string>(kept.payload);
      const log::RecordView record = kept.view();
      auto event = decode_event(static_cast<EventType>(record.type), record.version, record.run, record.step,
                                record.time_us, *payload, *arena);
      if (!event.ok()) {
        fail("an event cannot be read: " + event.error().message);
        break;
      }
      history_.add(PartitionId(p), {std::move(*event), record.offset, arena, payload});
    }
  }
  if (!history_.breach().empty()) fail(history_.breach());
  return history_;
}

/// Turns until all that was emitted is durable. Requires space on the disk.
bool World::settle() {
  for (int i = 0; i < 500 && !failed(); ++i) {
    bool all = true;
    for (auto& host : hosts_) {
      auto durable = std::make_shared<int>(0);
      host->reply_when_durable([durable](const Status& status) { *durable = status.ok() ? 1 : 2; });
      if (*durable == 2) fail("a partition has stopped");
      all &= *durable == 1;
    }
    if (all) return true;
    turn();
    while (!failed() && step_logs()) {
    }
    turn();
  }
  for (uint32_t p = 0; p < partitions_; ++p) {
    trace("partition " + std::to_string(p) + ": durable " + std::to_string(real_log(p).durable_end().value) +
          ", next " + std::to_string(real_log(p).next_offset().value) + ", step " +
          std::to_string(static_cast<int>(real_log(p).step())) + ", mailbox " +
          std::to_string(mailbox_->size()) + ", stalled " + std::to_string(real_log(p).stalled()));
  }
  fail("the partitions do not come to rest");
  return false;
}

void World::check_all(bool last) {
  if (failed() || !settle()) return;
  see_durable();
  const History& history = read_history();
  for (uint32_t p = 0; p < partitions_ && !failed(); ++p) check_fold(p);
  if (!failed()) check_archive(history, last);
  if (!failed()) check_told(history);
  if (!failed()) check_signals(history);
  if (!failed()) check_events(false);
  if (!failed()) check_lists(history);
  if (!failed()) check_queues(history);
  if (!failed() && (last || random_.one_in(4))) check_replays(history, last);
  trace("checked");
}

/// The state is what the log folds to, with nothing else to go by.
void World::check_fold(uint32_t partition) {
  auto store = store::memory_state_store(1);
  testing::SeededRandom random(1);
  partition::StateMachine::Environment environment;
  environment.partition = PartitionId(partition);
  environment.partitions = partitions_;
  environment.store = store.get();
  environment.random = &random;
  environment.catalog = engine_.catalog;
  environment.offsets_per_chunk = engine_.offsets_per_chunk;
  partition::StateMachine folded(std::move(environment));
  for (const Kept& kept : durable_[partition]) {
    const Status folds = folded.replay(kept.view());
    if (!folds.ok()) return fail("the log does not fold: " + folds.error().message);
  }
  const auto live = machine(partition).digest();
  const auto fresh = folded.digest();
  if (!live.ok() || !fresh.ok()) return fail("a state has no digest");
  trace("digest " + std::to_string(*live));
  if (*live != *fresh)
    fail("the state of partition " + std::to_string(partition) + " is not what its log folds to");
}

/// Where all events of a run are, followed from its record back to the first.
std::vector<uint64_t> World::all_offsets(const RunId& id) {
  std::vector<uint64_t> all;
  while (true) {
    const auto part = machine(partition::partition_of(id).value).offsets(id, all.size());
    if (!part.ok()) fail("the events of " + id.to_string() + " are not known: " + part.error().message);
    if (!part.ok() || part->empty()) return all;
    all.insert(all.end(), part->begin(), part->end());
  }
}

/// Nothing that a client was told is lost or changed.
void World::check_told(const History& history) {
  for (const auto& [id, told] : told_) {
    if (const auto run = history.runs().find(id); run != history.runs().end() && run->second.deleted)
      continue;
    auto view = machine(partition::partition_of(id).value).run(id);
    if (!view.ok())
      return fail("the acknowledged run " + id.to_string() + " is lost: " + view.error().message);
    const auto run = history.runs().find(id);
    if (run == history.runs().end())
      return fail("the acknowledged run " + id.to_string() + " is not in the log");
    if (run->second.ended != workflow::is_final(view->summary.status))
      return fail("log and state disagree whether " + id.to_string() + " ended");
    if (run->second.ended && status_of_end(run->second.end) != view->summary.status)
      return fail("log and state disagree how " + id.to_string() + " ended");
    if (workflow::is_final(told.status) && view->summary.status != told.status)
      return fail("the end of " + id.to_string() + " changed");
    if (told.has_output && run->second.output != told.output)
      return fail("the output of " + id.to_string() + " changed");
    const auto offsets = all_offsets(id);
    if (offsets.size() != run->second.events.size())
      return fail("the state knows not every event of " + id.to_string());
    for (size_t i = 0; i < offsets.size(); ++i) {
      if (run->second.events[i].offset.value != offsets[i])
        return fail("an event of " + id.to_string() + " is elsewhere");
    }
  }
  for (const auto& [key, id] : told_keys_) {
    const auto run = history.runs().find(id);
    if (run == history.runs().end() || run->second.idempotency_key != key)
      return fail("the run of key " + key + " is lost");
  }
  for (const auto& [id, answer] : told_answers_) {
    const auto review = history.reviews().find(id);
    if (review == history.reviews().end() || !review->second.answered)
      return fail("the acknowledged answer to " + id.to_string() + " is lost");
    if (review->second.answered_by != answer.who || review->second.answer != answer.answer)
      return fail("the acknowledged answer to " + id.to_string() + " is another now");
    auto item = machine(partition::partition_of(id).value).review(id);
    if (history.runs().at(review->second.run).deleted) {
      if (item.ok()) return fail("the review " + id.to_string() + " of a deleted run is there");
      continue;
    }
    if (!item.ok() || item->status != review::ItemStatus::kAnswered || item->ended_by != answer.who ||
        to_canonical_json(item->answer.root()) != answer.answer) {
      return fail("the state lost the answer to " + id.to_string());
    }
  }
}

/// Every list holds exactly the runs that fit, newest first, however it is cut into pages.
void World::check_lists(const History& history) {
  std::vector<partition::RunFilter> filters(9);
  filters[1].pipeline = scenery_->pipelines()[random_.below(scenery_->pipelines().size())]->name;
  filters[2].key = "c" + std::to_string(random_.below(6));
  filters[3].search = {{"n", std::to_string(random_.below(20))}};
  filters[4].status = RunStatus::kWaiting;
  filters[5].status = RunStatus::kFailed;
  filters[6].status = RunStatus::kCancelled;
  filters[7].status = random_.one_in(2) ? RunStatus::kCompleted : RunStatus::kRunning;
  filters[7].pipeline = filters[1].pipeline;
  filters[8].status = RunStatus::kQueued;
  for (uint32_t p = 0; p < partitions_; ++p) {
    for (size_t f = 0; f < filters.size(); ++f) {
      partition::RunFilter filter = filters[f];
      filter.limit = f == 0 ? 50 : 1 + random_.below(9);
      std::vector<RunId> wanted, listed;
      for (auto run = history.runs().rbegin(); run != history.runs().rend(); ++run) {
        if (partition::partition_of(run->first).value != p || run->second.deleted) continue;
        auto view = machine(p).run(run->first);
        if (!view.ok()) return fail("a run of the log is not in the state: " + view.error().message);
        const workflow::RunSummary& summary = view->summary;
        const Value* n = summary.search.root().find("n");
        const bool fits = (filter.pipeline.empty() || run->second.pipeline_name == filter.pipeline) &&
                          (filter.key.empty() || run->second.key == filter.key) &&
                          (!filter.status.has_value() || summary.status == *filter.status) &&
                          (filter.search.empty() || (n != nullptr && to_json(*n) == filter.search[0].second));
        if (fits) wanted.push_back(run->first);
      }
      for (int pages = 0; pages < 1000; ++pages) {
        auto page = machine(p).list(filter);
        if (!page.ok()) return fail("a list fails: " + page.error().message);
        for (const auto& summary : page->runs) listed.push_back(summary.id);
        if (!page->more || (page->runs.empty() && !page->scanned_to.has_value())) break;
        filter.before = page->scanned_to.has_value() ? *page->scanned_to : page->runs.back().id;
      }
      if (listed != wanted) {
        return fail("list " + std::to_string(f) + " of partition " + std::to_string(p) + " has " +
                    std::to_string(listed.size()) + " runs, the log " + std::to_string(wanted.size()));
      }
    }
  }
}

/// The queues hold exactly the open reviews.
void World::check_queues(const History& history) {
  for (uint32_t p = 0; p < partitions_; ++p) {
    for (const char* queue : {"", "desk", "leads"}) {
      partition::ReviewFilter filter;
      filter.queue = queue;
      filter.limit = partition::kMaxListLimit;
      auto items = machine(p).reviews(filter, now_us_);
      if (!items.ok()) return fail("a queue cannot be read: " + items.error().message);
      std::set<RunId> wanted, listed;
      for (const auto& [id, review] : history.reviews()) {
        if (review.open && partition::partition_of(id).value == p &&
            (filter.queue.empty() || review.queue == filter.queue))
          wanted.insert(id);
      }
      for (const review::Item& item : *items) listed.insert(item.id);
      if (listed != wanted || items->size() != wanted.size()) {
        return fail("queue '" + filter.queue + "' of partition " + std::to_string(p) + " holds " +
                    std::to_string(items->size()) + " reviews, open are " + std::to_string(wanted.size()));
      }
    }
  }
  for (const auto& [scope, used] : history.budgets())
    if (used > 5) return fail("the daily budget of " + scope + " was exceeded: " + std::to_string(used));
}

/// The recorded effects and answers give the recorded events again, byte for byte.
void World::check_replays(const History& history, bool last) {
  // A replay asks the table as it was asked then; the switch is for what happens now.
  const bool off = std::exchange(table_watch().off, false);
  const provenance::Replayer replayer([this] { return scenery_; }, nullptr);
  size_t replayed = 0;
  for (const auto& [id, run] : history.runs()) {
    if (!run.ended || run.deleted) continue;
    if (!last && replayed >= kReplaysPerWorld / 4) break;
    if (replayed++ >= kReplaysPerWorld) break;
    auto view = machine(partition::partition_of(id).value).run(id);
    auto report = replayer.replay(view->summary, run.events, {});
    if (!report.ok()) return fail("run " + id.to_string() + " cannot be replayed: " + report.error().message);
    if (!report->identical)
      return fail("run " + id.to_string() + " (" + run.pipeline_name +
                  ") replays differently: " + report->difference);
    ++outcome_.replays;
  }
  table_watch().off = off;
}

/// No more faults: everything comes to an end, or waits for a person for as long as it takes.
void World::finish() {
  trace("no more faults");
  disk_full(false);
  effects_.set_calm(true);
  calm_ = true;
  // Schedules never end by themselves.
  set_catalog(catalog_->with_all_on()->without_schedules());
  resume_runs();
  for (int i = 0; i < 4000 && !failed(); ++i) {
    turn();
    while (!failed() && step_logs()) {
    }
    while (effects_.deliver() || answer_hook()) {
    }
    while (!delayed_.empty()) deliver_late();
    turn();
    if (mailbox_->size() != 0 || step_logs()) continue;
    bool waits = false;
    for (auto& host : hosts_) waits |= host->machine().next_due_us() != 0;
    if (!waits && effects_.pending() == 0 && hooks_.empty() && asked_.empty()) {
      find_paused();
      if (paused_.empty()) break;
      resume_runs();
      continue;
    }
    int64_t next = next_turn_us();
    const int64_t effect = effects_.next_due_us();
    if (effect != 0 && (next == 0 || effect < next)) next = effect;
    const int64_t hook = next_hook_us();
    if (hook != 0 && (next == 0 || hook < next)) next = hook;
    if (next == 0) break;
    clock_.advance_us(std::max<int64_t>(next - now_us_, 1000));
    now_us_ = clock_.now_us();
  }
  if (!failed() && !asked_.empty()) fail("never answered: " + asked_.begin()->second);
  for (uint32_t p = 0; p < partitions_ && !failed(); ++p) look_after(p, false);
  if (!failed()) check_all(true);
  if (!failed()) check_erased(read_history());
  if (!failed()) check_ends();
  if (!failed()) check_events(true);
  if (!failed()) crash(true);
  if (!failed()) check_ends();
}

/// Those that a pause reached late, or whose resuming was lost in a crash.
void World::find_paused() {
  const History& history = read_history();
  for (const auto& [id, run] : history.runs()) {
    auto view = machine(partition::partition_of(id).value).run(id);
    if (view.ok() && view->summary.status == RunStatus::kPaused) paused_.push_back(id);
  }
}

void World::check_ends() {
  const History& history = read_history();
  for (const auto& [id, run] : history.runs()) {
    if (run.deleted) continue;
    auto view = machine(partition::partition_of(id).value).run(id);
    if (!view.ok()) return fail("a run of the log is not in the state: " + view.error().message);
    if (workflow::is_final(view->summary.status)) continue;
    bool for_person = false;
    for (const auto& [step, review] : run.waits_for) for_person |= history.reviews().at(review).open;
    if (view->summary.status != RunStatus::kWaiting || !for_person) {
      return fail("run " + id.to_string() + " (" + run.pipeline_name + ") is " +
                  std::string(workflow::run_status_name(view->summary.status)) + " and nothing will move it");
    }
  }
  outcome_.runs = history.runs().size();
  outcome_.answered_reviews = told_answers_.size();
}

}  // namespace switchyard::sim
