// Workers that ask for tasks.
#include <algorithm>

#include "impl.h"
#include "switchyard/base/check.h"
#include "switchyard/base/hash.h"

namespace switchyard::workers {
namespace {

Status check(const Poll& poll) {
  const auto bad = [](std::string code, std::string message, std::string field) {
    return make_error(ErrorKind::kInvalidArgument, std::move(code), std::move(message), std::move(field));
  };
  const std::string rule =
      " is named by letters, digits and ._-/@:, at most " + std::to_string(kMaxNameBytes);
  if (!is_name(poll.queue)) return bad("workers.bad_name", "a queue" + rule, "queue");
  if (!is_name(poll.worker)) return bad("workers.bad_name", "a worker" + rule, "worker");
  if (!poll.version.empty() && !is_name(poll.version))
    return bad("workers.bad_name", "a worker's version" + rule, "version");
  if (poll.types.size() > kMaxTypes)
    return bad("workers.bad_poll", "a worker names at most " + std::to_string(kMaxTypes) + " types", "types");
  for (const std::string& type : poll.types)
    if (!is_name(type)) return bad("workers.bad_name", "a type of tasks" + rule, "types");
  if (poll.max_tasks < 1 || poll.max_tasks > kMaxTasksPerPoll)
    return bad("workers.bad_poll",
               "a poll takes from 1 to " + std::to_string(kMaxTasksPerPoll) + " tasks at once", "max_tasks");
  if (poll.wait_us < 0 || poll.wait_us > kMaxWaitUs)
    return bad("workers.bad_poll",
               "a poll waits at most " + std::to_string(kMaxWaitUs / 1'000'000) + " seconds", "wait");
  if (poll.held.size() > kMaxHeld)
    return bad("workers.bad_poll", "a worker holds at most " + std::to_string(kMaxHeld) + " tasks", "held");
  return {};
}

}  // namespace

uint64_t WorkerQueues::Impl::poll(Poll poll, PollDone done) {
  Turn turn(*this);
  const auto answer = [&](Result<std::vector<Leased>> result) {
    // By pointer: std::function wants copies.
    turn.later([done = std::move(done), result = std::make_shared<Result<std::vector<Leased>>>(
                                            std::move(result))] { done(std::move(*result)); });
    return uint64_t{0};
  };
  if (stopped_) return answer(stopping());
  if (const Status status = check(poll); !status.ok()) return answer(status.error());
  Queue* queue = queue_of(poll.queue);
  if (queue == nullptr) {
    return answer(make_error(ErrorKind::kResourceExhausted, "workers.too_many_queues",
                             "there are " + std::to_string(kMaxQueues) + " queues with work already"));
  }
  WorkerRecord& worker = seen(poll);
  // A worker that tells what it holds asks once at a time: the earlier call was cut off.
  if (poll.tells_held && worker.poll != 0) answer_poll(*queue, worker.poll, {}, turn);
  if (poll.tells_held) reconcile(worker, poll, turn);
  auto tasks = grant(*queue, poll, turn);
  if (!tasks.empty() || poll.wait_us == 0) return answer(std::move(tasks));
  if (poll_queues_.size() >= options_.max_polls) {
    return answer(make_error(ErrorKind::kResourceExhausted, "workers.too_many_polls",
                             std::to_string(options_.max_polls) +
                                 " workers wait already; ask without `wait`, or for several tasks at once"));
  }
  const uint64_t number = next_poll_++;
  WaitingPoll waiting{number, std::move(poll), 0, std::move(done)};
  waiting.until_us = turn.now_us + waiting.poll.wait_us;
  worker.poll = number;
  poll_ends_.emplace(waiting.until_us, number);
  poll_queues_.emplace(number, waiting.poll.queue);
  queue->polls.emplace(number, std::move(waiting));
  return number;
}

WorkerRecord& WorkerQueues::Impl::seen(const Poll& poll) {
  const std::pair key(poll.queue, poll.worker);
  if (!workers_.contains(key)) forget_silent(1);
  WorkerRecord& worker = workers_[key];
  const int64_t now_us = options_.clock->now_us();
  if (worker.first_seen_us == 0) worker.first_seen_us = now_us;
  worker.last_seen_us = now_us;
  worker.queue = poll.queue;
  worker.worker = poll.worker;
  worker.version = poll.version;
  worker.types = poll.types;
  return worker;
}

void WorkerQueues::Impl::reconcile(WorkerRecord& worker, const Poll& poll, Turn& turn) {
  for (const std::string& lease : poll.held) {
    Entry* entry = entry_of(lease, turn.now_us);
    if (entry == nullptr || entry->task.queue != poll.queue) continue;
    if (entry->worker != &worker) {
      if (entry->worker != nullptr) entry->worker->has.erase(entry);
      entry->worker = &worker;
      worker.has.insert(entry);
    }
    entry->confirmed = true;
  }
  const std::vector<Entry*> has(worker.has.begin(), worker.has.end());
  for (Entry* entry : has) {
    if (std::find(poll.held.begin(), poll.held.end(), entry->lease) != poll.held.end()) continue;
    if (entry->confirmed) {
      lose(*entry, turn);
    } else {
      // The answer that gave it out never arrived: nobody began it.
      remember(*entry, Why::kLost, {});
      let_go(*entry);
      wait(*entry, turn);
    }
  }
}

std::vector<Leased> WorkerQueues::Impl::grant(Queue& queue, const Poll& poll, Turn& turn) {
  std::vector<Leased> tasks;
  while (tasks.size() < poll.max_tasks) {
    Entry* entry = queue.waiting.take(poll.types);
    if (entry == nullptr) break;
    std::array<uint8_t, 8> nonce;
    options_.random->fill(nonce);
    ++entry->deliveries;
    hold(*entry, entry->id + "-" + to_hex(nonce), &workers_.at({poll.queue, poll.worker}), turn.now_us);
    const int64_t deadline = entry->task.deadline_us;
    tasks.push_back({entry->lease, entry->task,
                     deadline == 0 ? 0 : std::max<int64_t>(1, deadline - turn.now_us), entry->deliveries,
                     entry->progress});
  }
  return tasks;
}

void WorkerQueues::Impl::serve(const std::string& name, Queue& queue, Turn& turn) {
  for (auto it = queue.polls.begin(); it != queue.polls.end() && queue.waiting.size() != 0;) {
    const uint64_t number = it->first;
    auto tasks = grant(queue, it->second.poll, turn);
    ++it;
    if (!tasks.empty()) answer_poll(queue, number, std::move(tasks), turn);
  }
  SY_CHECK(queues_.contains(name));
}

void WorkerQueues::Impl::answer_poll(Queue& queue, uint64_t number, std::vector<Leased> tasks, Turn& turn) {
  const auto found = queue.polls.find(number);
  if (found == queue.polls.end()) return;
  WaitingPoll waiting = std::move(found->second);
  queue.polls.erase(found);
  poll_ends_.erase({waiting.until_us, number});
  poll_queues_.erase(number);
  const auto worker = workers_.find({waiting.poll.queue, waiting.poll.worker});
  if (worker != workers_.end() && worker->second.poll == number) {
    worker->second.poll = 0;
    worker->second.last_seen_us = options_.clock->now_us();
  }
  turn.later([done = std::move(waiting.done),
              tasks = std::make_shared<std::vector<Leased>>(std::move(tasks))] { done(std::move(*tasks)); });
}

void WorkerQueues::Impl::end_poll(uint64_t number) {
  PollDone dropped;  // destroyed without the lock: it may hold a connection
  Turn turn(*this);
  const auto name = poll_queues_.find(number);
  if (name == poll_queues_.end()) return;
  Queue& queue = queues_.at(name->second);
  dropped = std::move(queue.polls.at(number).done);
  queue.polls.at(number).done = [](auto&&) {};
  answer_poll(queue, number, {}, turn);
}

}  // namespace switchyard::workers
