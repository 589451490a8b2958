#include "switchyard/workers/worker_queues.h"

#include <algorithm>
#include <chrono>

#include "impl.h"
#include "switchyard/base/check.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::workers {

WorkerQueues::Impl::Turn::~Turn() {
  const int64_t due = impl_.next_due_locked();
  const bool wake = due != 0 && (impl_.sleeps_until_us_ == 0 || due < impl_.sleeps_until_us_);
  lock_.unlock();
  if (wake) impl_.wake_.notify_one();
  for (auto& call : calls_) call();
}

int64_t WorkerQueues::Impl::next_due_locked() const {
  int64_t next = due_.empty() ? 0 : due_.begin()->first;
  if (!poll_ends_.empty() && (next == 0 || poll_ends_.begin()->first < next))
    next = poll_ends_.begin()->first;
  return next;
}

int64_t WorkerQueues::Impl::next_due_us() const {
  std::lock_guard lock(mutex_);
  return next_due_locked();
}

void WorkerQueues::Impl::start() {
  SY_CHECK(!thread_.joinable());
  thread_ = runtime::start_thread("workers", [this] { run(); });
}

void WorkerQueues::Impl::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const int64_t due = next_due_locked();
    const int64_t now_us = options_.clock->monotonic_us();
    if (due != 0 && due <= now_us) {
      lock.unlock();
      on_time();
      lock.lock();
      continue;
    }
    sleeps_until_us_ = due;
    if (due == 0)
      wake_.wait(lock);
    else
      wake_.wait_for(lock, std::chrono::microseconds(due - now_us));
  }
}

void WorkerQueues::Impl::stop() {
  {
    Turn turn(*this);
    stopped_ = true;
    while (!poll_ends_.empty()) {
      const uint64_t number = poll_ends_.begin()->second;
      answer_poll(queues_.at(poll_queues_.at(number)), number, {}, turn);
    }
    for (auto& [id, entry] : tasks_) tell_nobody(*entry, turn);
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WorkerQueues::Impl::forget_silent(size_t room_for) {
  const int64_t now_us = options_.clock->now_us();
  std::erase_if(workers_, [&](const auto& entry) {
    const WorkerRecord& worker = entry.second;
    return worker.has.empty() && worker.poll == 0 && worker.last_seen_us < now_us - kForgetWorkerUs;
  });
  while (workers_.size() + room_for > kMaxWorkers) {
    auto oldest = workers_.end();
    for (auto it = workers_.begin(); it != workers_.end(); ++it) {
      if (!it->second.has.empty() || it->second.poll != 0) continue;
      if (oldest == workers_.end() || it->second.last_seen_us < oldest->second.last_seen_us) oldest = it;
    }
    if (oldest == workers_.end()) return;  // all of them work or wait: tasks and polls are bounded
    workers_.erase(oldest);
  }
}

std::vector<WorkerInfo> WorkerQueues::Impl::workers() {
  std::lock_guard lock(mutex_);
  forget_silent(0);
  std::vector<WorkerInfo> infos;
  for (const auto& [key, worker] : workers_) {
    infos.push_back({worker.queue, worker.worker, worker.version, worker.types, worker.first_seen_us,
                     worker.last_seen_us, worker.has.size(), worker.completed, worker.failed, worker.lost,
                     worker.poll != 0});
  }
  return infos;
}

QueueInfo WorkerQueues::Impl::info(const std::string& name, const Queue& queue) const {
  const Entry* oldest = queue.waiting.oldest();
  const int64_t waits_us = oldest == nullptr ? 0 : options_.clock->monotonic_us() - oldest->offered_us;
  return {name,          queue.waiting.size(), queue.in_flight,  queue.polls.size(),
          waits_us,      queue.offered,        queue.completed,  queue.failed,
          queue.refused, queue.timed_out,      queue.leases_lost};
}

QueueInfo WorkerQueues::Impl::queue(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = queues_.find(name);
  return found == queues_.end() ? QueueInfo{name} : info(name, found->second);
}

std::vector<QueueInfo> WorkerQueues::Impl::queues() const {
  std::lock_guard lock(mutex_);
  std::vector<QueueInfo> infos;
  for (const auto& [name, queue] : queues_) infos.push_back(info(name, queue));
  return infos;
}

WorkerQueues::WorkerQueues(WorkerQueuesOptions options) : impl_(std::make_unique<Impl>(options)) {}
WorkerQueues::~WorkerQueues() { stop(); }
void WorkerQueues::start() { impl_->start(); }
void WorkerQueues::stop() { impl_->stop(); }
std::string WorkerQueues::offer(Task task, TaskDone done) {
  return impl_->offer(std::move(task), std::move(done));
}
void WorkerQueues::cancel(const std::string& task, std::string_view why, bool tell) {
  impl_->cancel(task, why, tell);
}
void WorkerQueues::cancel_run(std::string_view run, std::string_view why, bool ended) {
  impl_->cancel_run(run, why, ended);
}
uint64_t WorkerQueues::poll(Poll poll, PollDone done) {
  return impl_->poll(std::move(poll), std::move(done));
}
void WorkerQueues::end_poll(uint64_t number) { impl_->end_poll(number); }
Result<Ended> WorkerQueues::complete(const std::string& lease, Document result) {
  return impl_->complete(lease, std::move(result));
}
Result<Ended> WorkerQueues::fail(const std::string& lease, Failure failure) {
  return impl_->fail(lease, std::move(failure));
}
Result<Ended> WorkerQueues::release(const std::string& lease) { return impl_->release(lease); }
Result<Alive> WorkerQueues::heartbeat(const std::string& lease, std::string progress) {
  return impl_->heartbeat(lease, std::move(progress));
}
void WorkerQueues::on_time() { impl_->on_time(); }
int64_t WorkerQueues::next_due_us() const { return impl_->next_due_us(); }
std::vector<WorkerInfo> WorkerQueues::workers() const { return impl_->workers(); }
std::vector<QueueInfo> WorkerQueues::queues() const { return impl_->queues(); }
QueueInfo WorkerQueues::queue(const std::string& name) const { return impl_->queue(name); }
bool WorkerQueues::empty() const { return impl_->empty(); }

}  // namespace switchyard::workers
