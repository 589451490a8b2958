// A task's way in and out.
#include <algorithm>

#include "impl.h"
#include "switchyard/base/hash.h"

namespace switchyard::workers {
namespace {

constexpr size_t kIdBytes = 16;

/// Named by its content, so that what was begun before a crash is known again.
std::string id_of(const Task& task, runtime::Random& random) {
  if (task.idempotency_key.empty()) {
    std::array<uint8_t, kIdBytes> bytes;
    random.fill(bytes);
    return to_hex(bytes);
  }
  std::string content;
  for (const std::string* part : {&task.queue, &task.type, &task.idempotency_key, &task.input}) {
    content += std::to_string(part->size());
    content += ':';
    content += *part;
  }
  return to_hex(sha256(content)).substr(0, 2 * kIdBytes);
}

void refuse(const TaskDone& done, Error error) {
  TaskOutcome outcome{std::move(error)};
  done(std::move(outcome));
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/@:").find(c) != std::string_view::npos;
  });
}

WorkerQueues::Impl::Queue* WorkerQueues::Impl::queue_of(const std::string& name) {
  if (const auto found = queues_.find(name); found != queues_.end()) return &found->second;
  if (queues_.size() >= kMaxQueues) {
    const auto resting =
        std::find_if(queues_.begin(), queues_.end(), [](const auto& entry) { return entry.second.rests(); });
    if (resting == queues_.end()) return nullptr;
    queues_.erase(resting);
  }
  return &queues_[name];
}

Entry* WorkerQueues::Impl::find(const std::string& id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second.get();
}

std::string WorkerQueues::Impl::offer(Task task, TaskDone done) {
  Turn turn(*this);
  if (stopped_) return {};
  std::string id = id_of(task, *options_.random);
  if (Entry* there = find(id)) {
    there->dones.push_back(std::move(done));
    there->task.attempt = std::max(there->task.attempt, task.attempt);
    there->task.deadline_us = task.deadline_us == 0 || there->task.deadline_us == 0
                                  ? 0
                                  : std::max(there->task.deadline_us, task.deadline_us);
    there->unwanted = false;
    reschedule(*there);
    return id;
  }
  const auto refused = [&](Error error) {
    turn.later([done = std::move(done), error = std::move(error)] { refuse(done, error); });
    return std::string();
  };
  if (!is_name(task.queue) || !is_name(task.type)) {
    return refused(
        make_error(ErrorKind::kInvalidArgument, "workers.bad_name",
                   "a queue and a type of tasks are named by letters, digits and ._-/@:, at most " +
                       std::to_string(kMaxNameBytes)));
  }
  Queue* queue = queue_of(task.queue);
  if (queue == nullptr) {
    return refused(make_error(ErrorKind::kResourceExhausted, "workers.queue_full",
                              "there are " + std::to_string(kMaxQueues) + " queues with work already"));
  }
  const QueueOrder order(next_order_, task.priority);
  Entry* gives_way = queue->waiting.size() < options_.max_tasks ? nullptr : queue->waiting.last();
  const auto full = [&] {
    return make_error(ErrorKind::kResourceExhausted, "workers.queue_full",
                      "in the queue '" + task.queue + "' " + std::to_string(options_.max_tasks) +
                          " tasks of the same or a higher priority wait already; start more workers");
  };
  if (gives_way != nullptr && gives_way->order < order) {
    ++queue->refused;
    return refused(full());
  }
  if (input_bytes_ + task.input.size() > kMaxInputBytes) {
    ++queue->refused;
    return refused(make_error(ErrorKind::kResourceExhausted, "workers.too_much_input",
                              "the inputs of all tasks together would be over " +
                                  std::to_string(kMaxInputBytes) + " bytes; start more workers"));
  }
  if (gives_way != nullptr) {
    ++queue->refused;
    end(*gives_way, Why::kFailed, {}, full(), 0, turn);
  }
  auto made = std::make_unique<Entry>();
  Entry& entry = *made;
  entry.id = id;
  entry.order = order;
  ++next_order_;
  entry.task = std::move(task);
  entry.task.heartbeat_us = std::clamp(entry.task.heartbeat_us, kMinHeartbeatUs, kMaxHeartbeatUs);
  entry.task.max_lost_leases = std::max<uint32_t>(1, entry.task.max_lost_leases);
  entry.dones.push_back(std::move(done));
  entry.offered_us = turn.now_us;
  input_bytes_ += entry.task.input.size();
  if (!entry.task.run.empty()) runs_[entry.task.run].insert(&entry);
  tasks_.emplace(id, std::move(made));
  ++task_count_;
  ++queue->offered;
  wait(entry, turn);
  return id;
}

void WorkerQueues::Impl::wait(Entry& entry, Turn& turn) {
  Queue& queue = queues_.at(entry.task.queue);
  queue.waiting.add(entry.task.type, entry.task.tenant, entry.order, &entry);
  reschedule(entry);
  serve(entry.task.queue, queue, turn);
}

void WorkerQueues::Impl::reschedule(Entry& entry) {
  int64_t due = entry.task.deadline_us;
  if (!entry.lease.empty() && (due == 0 || entry.lease_until_us < due)) due = entry.lease_until_us;
  if (due == entry.due_us) return;
  if (entry.due_us != 0) due_.erase({entry.due_us, &entry});
  if (due != 0) due_.emplace(due, &entry);
  entry.due_us = due;
}

std::unique_ptr<Entry> WorkerQueues::Impl::take_out(Entry& entry, Why why, std::string text) {
  if (entry.lease.empty()) {
    queues_.at(entry.task.queue).waiting.remove(entry.task.type, entry.task.tenant, entry.order);
  } else {
    remember(entry, why, std::move(text));
    let_go(entry);
  }
  if (entry.due_us != 0) due_.erase({entry.due_us, &entry});
  if (const auto run = runs_.find(entry.task.run); run != runs_.end()) {
    run->second.erase(&entry);
    if (run->second.empty()) runs_.erase(run);
  }
  input_bytes_ -= entry.task.input.size();
  const auto place = tasks_.find(entry.id);
  auto taken = std::move(place->second);
  tasks_.erase(place);
  --task_count_;
  return taken;
}

void WorkerQueues::Impl::end(Entry& entry, Why why, std::string text, Result<Document> result,
                             int64_t retry_after_us, Turn& turn) {
  TaskOutcome outcome{std::move(result)};
  outcome.retry_after_us = retry_after_us;
  if (entry.worker != nullptr) {
    outcome.worker = entry.worker->worker;
    outcome.worker_version = entry.worker->version;
  }
  if (entry.taken_us != 0) {
    outcome.queued_us = entry.taken_us - entry.offered_us;
    outcome.run_us = turn.now_us - entry.taken_us;
  }
  outcome.deliveries = entry.deliveries;
  std::shared_ptr<Entry> taken = take_out(entry, why, std::move(text));  // std::function wants copies
  turn.later([taken, outcome = std::move(outcome)] {
    for (const TaskDone& done : taken->dones) done(outcome);
  });
}

void WorkerQueues::Impl::remember(const Entry& entry, Why why, std::string text) {
  if (!ended_.insert_or_assign(entry.lease, EndedLease{why, std::move(text), entry.task.run}).second) return;
  ended_order_.push_back(entry.lease);
  while (ended_order_.size() > options_.max_ended_leases) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
}

void WorkerQueues::Impl::tell_nobody(Entry& entry, Turn& turn) {
  turn.later([dropped = std::move(entry.dones)] {});
  entry.dones.clear();
}

void WorkerQueues::Impl::cancel(const std::string& id, std::string_view why, bool tell) {
  Turn turn(*this);
  Entry* entry = find(id);
  if (entry == nullptr) return;
  if (!tell) tell_nobody(*entry, turn);
  end(*entry, Why::kCancelled, std::string(why),
      make_error(ErrorKind::kCancelled, "task.cancelled", std::string(why)), 0, turn);
}

void WorkerQueues::Impl::cancel_run(std::string_view run, std::string_view why, bool ended) {
  Turn turn(*this);
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  const std::vector<Entry*> entries(found->second.begin(), found->second.end());
  for (Entry* entry : entries) {
    if (ended || entry->lease.empty()) {
      tell_nobody(*entry, turn);
      (void)take_out(*entry, Why::kCancelled, std::string(why));
    } else {
      entry->unwanted = true;
      entry->unwanted_why = why;
    }
  }
}

}  // namespace switchyard::workers
