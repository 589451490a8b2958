#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "switchyard/workers/worker_queues.h"
#include "waiting.h"

namespace switchyard::workers {

struct WorkerRecord;

/// A task from its offer to its end: it waits, or somebody has a lease on it.
struct Entry {
  std::string id;
  QueueOrder order;
  Task task;
  std::vector<TaskDone> dones;
  int64_t offered_us = 0, taken_us = 0;
  uint32_t deliveries = 0, lost = 0;
  std::string lease;               ///< empty: it waits
  WorkerRecord* worker = nullptr;  ///< null while it waits, and where only the lease is known
  int64_t lease_until_us = 0;
  bool confirmed = false;  ///< the worker has told that it has the task
  bool unwanted = false;   ///< told to the worker, which may finish it all the same
  std::string unwanted_why;
  std::string progress;
  int64_t due_us = 0;  ///< its place in `due_`; 0: none
};

struct WorkerRecord {
  std::string queue, worker, version;
  std::vector<std::string> types;
  int64_t first_seen_us = 0, last_seen_us = 0;  ///< wall clock
  uint64_t completed = 0, failed = 0, lost = 0;
  std::set<Entry*> has;
  uint64_t poll = 0;  ///< the number of its waiting poll; 0: none
};

class WorkerQueues::Impl {
 public:
  explicit Impl(WorkerQueuesOptions options) : options_(options) {}

  struct WaitingPoll {
    uint64_t number = 0;
    Poll poll;
    int64_t until_us = 0;
    PollDone done;
  };
  struct Queue {
    Waiting waiting;
    std::map<uint64_t, WaitingPoll> polls;
    uint64_t in_flight = 0;
    uint64_t offered = 0, completed = 0, failed = 0, refused = 0, timed_out = 0, leases_lost = 0;
    bool rests() const { return waiting.size() == 0 && polls.empty() && in_flight == 0; }
  };

  /// Holds the lock; what is to be called when it is free is called at its end.
  class Turn {
   public:
    explicit Turn(Impl& impl)
        : impl_(impl), lock_(impl.mutex_), now_us(impl.options_.clock->monotonic_us()) {}
    ~Turn();
    void later(std::function<void()> call) { calls_.push_back(std::move(call)); }

   private:
    Impl& impl_;
    std::unique_lock<std::mutex> lock_;
    std::vector<std::function<void()>> calls_;

   public:
    const int64_t now_us;
  };

  // tasks.cc
  std::string offer(Task task, TaskDone done);
  void cancel(const std::string& id, std::string_view why, bool tell);
  void cancel_run(std::string_view run, std::string_view why, bool ended);
  // polls.cc
  uint64_t poll(Poll poll, PollDone done);
  void end_poll(uint64_t number);
  // leases.cc
  Result<Ended> complete(const std::string& lease, Document result);
  Result<Ended> fail(const std::string& lease, Failure failure);
  Result<Ended> release(const std::string& lease);
  Result<Alive> heartbeat(const std::string& lease, std::string progress);
  void on_time();
  // worker_queues.cc
  int64_t next_due_us() const;
  void start();
  void stop();
  std::vector<WorkerInfo> workers();
  std::vector<QueueInfo> queues() const;
  QueueInfo queue(const std::string& name) const;
  bool empty() const { return task_count_.load(std::memory_order_acquire) == 0; }

 private:
  enum class Why : uint8_t { kCompleted, kFailed, kReleased, kLost, kCancelled, kTimedOut };
  struct EndedLease {
    Why why;
    std::string text;
    std::string run;
  };

  // tasks.cc
  Queue* queue_of(const std::string& name);
  Entry* find(const std::string& id);
  void wait(Entry& entry, Turn& turn);
  void reschedule(Entry& entry);
  /// Takes the entry out of everything; its lease, if any, is remembered.
  std::unique_ptr<Entry> take_out(Entry& entry, Why why, std::string text);
  /// take_out() and telling.
  void end(Entry& entry, Why why, std::string text, Result<Document> result, int64_t retry_after_us,
           Turn& turn);
  void remember(const Entry& entry, Why why, std::string text);
  /// Nobody is told how the task ends. What its callbacks hold goes when the lock is free.
  static void tell_nobody(Entry& entry, Turn& turn);
  // polls.cc
  WorkerRecord& seen(const Poll& poll);
  void reconcile(WorkerRecord& worker, const Poll& poll, Turn& turn);
  std::vector<Leased> grant(Queue& queue, const Poll& poll, Turn& turn);
  void serve(const std::string& name, Queue& queue, Turn& turn);
  void answer_poll(Queue& queue, uint64_t number, std::vector<Leased> tasks, Turn& turn);
  // leases.cc
  void hold(Entry& entry, std::string lease, WorkerRecord* worker, int64_t now_us);
  void let_go(Entry& entry);
  void lose(Entry& entry, Turn& turn);
  /// The task that the lease is for, or that a lost lease may still be for.
  Entry* entry_of(const std::string& lease, int64_t now_us);
  Error no_lease(const std::string& lease) const;
  static Error stopping();
  const EndedLease* ended_lease(const std::string& lease) const;
  // worker_queues.cc
  int64_t next_due_locked() const;
  QueueInfo info(const std::string& name, const Queue& queue) const;
  void forget_silent(size_t room_for);
  void run();

  const WorkerQueuesOptions options_;
  mutable std::mutex mutex_;  // guards all below
  std::unordered_map<std::string, std::unique_ptr<Entry>> tasks_;
  std::map<std::string, Queue> queues_;
  std::map<std::pair<std::string, std::string>, WorkerRecord> workers_;  ///< by queue and name
  std::map<std::string, std::set<Entry*>, std::less<>> runs_;
  std::set<std::pair<int64_t, Entry*>> due_;
  std::set<std::pair<int64_t, uint64_t>> poll_ends_;
  std::unordered_map<uint64_t, std::string> poll_queues_;  ///< of waiting polls
  std::unordered_map<std::string, EndedLease> ended_;
  std::deque<std::string> ended_order_;
  std::atomic<size_t> task_count_{0};
  size_t input_bytes_ = 0;
  uint64_t next_order_ = 1, next_poll_ = 1;
  bool stopped_ = false;
  std::condition_variable wake_;
  int64_t sleeps_until_us_ = 0;  ///< of the thread; 0: without an end
  std::thread thread_;
};

/// Letters, digits and "._-/@:", 1 to kMaxNameBytes.
bool is_name(std::string_view text);

}  // namespace switchyard::workers
