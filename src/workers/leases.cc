// What workers say of the tasks they have, and what their silence means.
#include <algorithm>

#include "impl.h"
#include "switchyard/base/check.h"

namespace switchyard::workers {
namespace {

constexpr size_t kIdDigits = 32;

}  // namespace

Error WorkerQueues::Impl::stopping() {
  return make_error(ErrorKind::kUnavailable, "workers.stopping",
                    "the server is stopping; say it again when it is back");
}

void WorkerQueues::Impl::hold(Entry& entry, std::string lease, WorkerRecord* worker, int64_t now_us) {
  entry.lease = std::move(lease);
  entry.worker = worker;
  if (worker != nullptr) worker->has.insert(&entry);
  entry.confirmed = false;
  entry.taken_us = now_us;
  entry.lease_until_us = now_us + entry.task.heartbeat_us;
  ++queues_.at(entry.task.queue).in_flight;
  reschedule(entry);
}

void WorkerQueues::Impl::let_go(Entry& entry) {
  if (entry.worker != nullptr) entry.worker->has.erase(&entry);
  entry.worker = nullptr;
  entry.lease.clear();
  --queues_.at(entry.task.queue).in_flight;
}

void WorkerQueues::Impl::lose(Entry& entry, Turn& turn) {
  Queue& queue = queues_.at(entry.task.queue);
  ++queue.leases_lost;
  ++entry.lost;
  if (entry.worker != nullptr) ++entry.worker->lost;
  if (entry.unwanted) {
    tell_nobody(entry, turn);
    return end(entry, Why::kLost, {}, Document(), 0, turn);
  }
  if (entry.lost >= entry.task.max_lost_leases) {
    const std::string who =
        entry.worker == nullptr ? "the worker" : "the worker '" + entry.worker->worker + "'";
    ++queue.failed;
    return end(entry, Why::kLost, {},
               make_error(ErrorKind::kUnavailable, "task.lost",
                          entry.lost == 1
                              ? who + " that had the task gave no sign of life"
                              : std::to_string(entry.lost) +
                                    " workers in turn had the task and gave no sign of life, last " + who),
               0, turn);
  }
  remember(entry, Why::kLost, {});
  let_go(entry);
  wait(entry, turn);
}

const WorkerQueues::Impl::EndedLease* WorkerQueues::Impl::ended_lease(const std::string& lease) const {
  const auto found = ended_.find(lease);
  return found == ended_.end() ? nullptr : &found->second;
}

Entry* WorkerQueues::Impl::entry_of(const std::string& lease, int64_t now_us) {
  if (lease.size() <= kIdDigits || lease[kIdDigits] != '-' || lease.size() > kIdDigits + 17) return nullptr;
  Entry* entry = find(lease.substr(0, kIdDigits));
  if (entry == nullptr || entry->lease == lease) return entry;
  if (!entry->lease.empty()) return nullptr;
  // It waits for another worker, though this one still had it: after a silence, or a restart of the server.
  const EndedLease* before = ended_lease(lease);
  if (before != nullptr && before->why != Why::kLost && before->why != Why::kTimedOut) return nullptr;
  queues_.at(entry->task.queue).waiting.remove(entry->task.type, entry->task.tenant, entry->order);
  hold(*entry, lease, nullptr, now_us);
  entry->confirmed = true;
  entry->deliveries = std::max<uint32_t>(1, entry->deliveries);
  return entry;
}

Error WorkerQueues::Impl::no_lease(const std::string& lease) const {
  const EndedLease* ended = ended_lease(lease);
  if (ended == nullptr) {
    return make_error(
        ErrorKind::kNotFound, "workers.unknown_lease",
        "there is no such lease: its task ended, or the server restarted since and has given it "
        "to another worker; drop the result");
  }
  switch (ended->why) {
    case Why::kLost:
      return make_error(
          ErrorKind::kConflict, "workers.lease_lost",
          "the lease ran out without a heartbeat and the task went to another worker, or failed; "
          "drop the result");
    case Why::kCancelled:
      return make_error(ErrorKind::kConflict, "workers.task_ended", "the task was cancelled: " + ended->text);
    case Why::kTimedOut:
      return make_error(ErrorKind::kConflict, "workers.task_ended", "the time allowed for the task ran out");
    default:
      return make_error(ErrorKind::kConflict, "workers.task_ended", "the lease has ended otherwise before");
  }
}

Result<Ended> WorkerQueues::Impl::complete(const std::string& lease, Document result) {
  Turn turn(*this);
  if (stopped_) return stopping();
  Entry* entry = entry_of(lease, turn.now_us);
  if (entry == nullptr) {
    const EndedLease* ended = ended_lease(lease);
    if (ended != nullptr && ended->why == Why::kCompleted) return Ended{true, ended->run};
    return no_lease(lease);
  }
  Ended ended{false, entry->task.run};
  ++queues_.at(entry->task.queue).completed;
  if (entry->worker != nullptr) ++entry->worker->completed;
  end(*entry, Why::kCompleted, {}, std::move(result), 0, turn);
  return ended;
}

Result<Ended> WorkerQueues::Impl::fail(const std::string& lease, Failure failure) {
  Turn turn(*this);
  if (stopped_) return stopping();
  Entry* entry = entry_of(lease, turn.now_us);
  if (entry == nullptr) {
    const EndedLease* ended = ended_lease(lease);
    if (ended != nullptr && ended->why == Why::kFailed) return Ended{true, ended->run};
    return no_lease(lease);
  }
  Ended ended{false, entry->task.run};
  ++queues_.at(entry->task.queue).failed;
  if (entry->worker != nullptr) ++entry->worker->failed;
  if (failure.message.size() > kMaxMessageBytes) {
    failure.message.resize(kMaxMessageBytes);
    // Not within a character.
    while (!failure.message.empty() && (static_cast<uint8_t>(failure.message.back()) & 0xC0) == 0x80)
      failure.message.pop_back();
    if (!failure.message.empty() && static_cast<uint8_t>(failure.message.back()) >= 0xC0)
      failure.message.pop_back();
  }
  end(*entry, Why::kFailed, {},
      make_error(failure.retryable ? ErrorKind::kUnavailable : ErrorKind::kUnprocessable,
                 std::move(failure.code), std::move(failure.message)),
      std::clamp<int64_t>(failure.retry_after_us, 0, kMaxRetryAfterUs), turn);
  return Ended{};
}

Result<Ended> WorkerQueues::Impl::release(const std::string& lease) {
  Turn turn(*this);
  if (stopped_) return stopping();
  Entry* entry = entry_of(lease, turn.now_us);
  if (entry == nullptr) {
    const EndedLease* ended = ended_lease(lease);
    if (ended != nullptr && ended->why == Why::kReleased) return Ended{true, ended->run};
    return no_lease(lease);
  }
  remember(*entry, Why::kReleased, {});
  if (entry->unwanted) {
    tell_nobody(*entry, turn);
    (void)take_out(*entry, Why::kReleased, {});
    return Ended{};
  }
  let_go(*entry);
  wait(*entry, turn);
  return Ended{};
}

Result<Alive> WorkerQueues::Impl::heartbeat(const std::string& lease, std::string progress) {
  Turn turn(*this);
  if (progress.size() > kMaxProgressBytes) {
    return make_error(ErrorKind::kTooLarge, "workers.progress_too_large",
                      "progress is at most " + std::to_string(kMaxProgressBytes) + " bytes", "progress");
  }
  if (stopped_) return stopping();
  Entry* entry = entry_of(lease, turn.now_us);
  if (entry == nullptr) {
    const EndedLease* ended = ended_lease(lease);
    if (ended == nullptr ||
        (ended->why != Why::kLost && ended->why != Why::kCancelled && ended->why != Why::kTimedOut))
      return no_lease(lease);
    return Alive{true, no_lease(lease).message, 0};
  }
  entry->confirmed = true;
  entry->lease_until_us = turn.now_us + entry->task.heartbeat_us;
  if (!progress.empty()) entry->progress = std::move(progress);
  if (entry->worker != nullptr) entry->worker->last_seen_us = options_.clock->now_us();
  reschedule(*entry);
  return Alive{entry->unwanted, entry->unwanted ? entry->unwanted_why : "", entry->task.heartbeat_us};
}

void WorkerQueues::Impl::on_time() {
  Turn turn(*this);
  while (!poll_ends_.empty() && poll_ends_.begin()->first <= turn.now_us) {
    const uint64_t number = poll_ends_.begin()->second;
    answer_poll(queues_.at(poll_queues_.at(number)), number, {}, turn);
  }
  while (!due_.empty() && due_.begin()->first <= turn.now_us) {
    Entry& entry = *due_.begin()->second;
    const bool is_over = entry.task.deadline_us != 0 && entry.task.deadline_us <= turn.now_us;
    if (!is_over) {
      lose(entry, turn);
      continue;
    }
    ++queues_.at(entry.task.queue).timed_out;
    const std::string type = "a task '" + entry.task.type + "' of the queue '" + entry.task.queue + "'";
    end(entry, Why::kTimedOut, {},
        make_error(ErrorKind::kDeadlineExceeded, "task.timeout",
                   entry.lease.empty() ? "no worker took " + type + " within the step's time-out"
                   : entry.worker != nullptr
                       ? "the worker '" + entry.worker->worker + "' did not finish " + type +
                             " within the step's time-out"
                       : "the worker did not finish " + type + " within the step's time-out"),
        0, turn);
  }
}

}  // namespace switchyard::workers
