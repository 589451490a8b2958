#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/random.h"
#include "switchyard/types/priority.h"
#include "switchyard/types/value.h"
#include "switchyard/workers/limits.h"

namespace switchyard::workers {

/// Work for a process that asks for it.
struct Task {
  std::string queue;
  std::string type;   ///< what a worker must be able to do: "send-letter"
  std::string input;  ///< JSON
  /// The same for every repetition of the work. Empty: nothing can be known again.
  std::string idempotency_key;
  std::string tenant;                          ///< waiting tasks of tenants take turns; may be empty
  std::string run, step;                       ///< of the decision it belongs to; may be empty
  std::string trace;                           ///< W3C traceparent; may be empty
  std::string effect;                          ///< "pure", "idempotent" or "effectful": told to the worker
  uint16_t attempt = 1;                        ///< of the step
  int64_t deadline_us = 0;                     ///< on the clock's monotonic_us(); 0: none
  int64_t heartbeat_us = kDefaultHeartbeatUs;  ///< a lease without a sign of life for so long is lost
  uint32_t max_lost_leases = kMaxLostLeases;   ///< so many workers may fall silent with it: at least 1
  int32_t priority = kDefaultPriority;         ///< a tenant's waiting tasks go in QueueOrder
};

/// How a task ended.
struct TaskOutcome {
  Result<Document> result;
  int64_t retry_after_us = 0;  ///< the worker asked for a pause before the next attempt
  std::string worker;          ///< who ended it; empty: nobody
  std::string worker_version;
  int64_t queued_us = 0;    ///< until the last worker took it
  int64_t run_us = 0;       ///< from then to its end
  uint32_t deliveries = 0;  ///< times it was handed out
};
using TaskDone = std::function<void(TaskOutcome)>;

/// A task in a worker's hands.
struct Leased {
  std::string lease;
  Task task;
  int64_t deadline_in_us = 0;  ///< from now; 0: none
  uint32_t delivery = 1;       ///< 1: nobody had it before
  std::string progress;        ///< JSON that the worker before it told last; empty: none
};

struct Poll {
  std::string queue;
  std::string worker;              ///< unique among the processes that poll the queue
  std::string version;             ///< of the worker's code; may be empty
  std::vector<std::string> types;  ///< it can do; empty: all of the queue
  size_t max_tasks = 1;
  int64_t wait_us = 0;            ///< for the first task; at most kMaxWaitUs
  bool tells_held = false;        ///< `held` is all that the worker has
  std::vector<std::string> held;  ///< leases
};
/// Called once, perhaps within poll(): no tasks when the time is over.
using PollDone = std::function<void(Result<std::vector<Leased>>)>;

struct Ended {
  bool repeated = false;  ///< the lease had ended in the same way before
  std::string run;        ///< of the task
};
struct Alive {
  bool cancelled = false;  ///< nobody wants the result any more: stop
  std::string why;         ///< it is cancelled
  int64_t lease_us = 0;    ///< the next heartbeat is due within
};
struct Failure {
  std::string code = "task.failed";  ///< what `catch` and `on_error` see
  std::string message;
  bool retryable = true;  ///< the step's `retry` may try again
  int64_t retry_after_us = 0;
};

struct WorkerInfo {
  std::string queue, worker, version;
  std::vector<std::string> types;
  int64_t first_seen_us = 0, last_seen_us = 0;  ///< wall clock
  uint64_t in_flight = 0, completed = 0, failed = 0, lost = 0;
  bool polling = false;
};
struct QueueInfo {
  std::string queue;
  uint64_t waiting = 0, in_flight = 0, polls = 0;
  int64_t oldest_waiting_us = 0;  ///< how long the oldest waiting task has waited
  uint64_t offered = 0, completed = 0, failed = 0, refused = 0, timed_out = 0, leases_lost = 0;
};

struct WorkerQueuesOptions {
  const runtime::Clock* clock = nullptr;
  runtime::Random* random = nullptr;  ///< for the names of leases
  size_t max_tasks = kMaxTasks;
  size_t max_polls = kMaxPolls;
  size_t max_ended_leases = kMaxEndedLeases;
};

/// Tasks handed out to processes that poll for them, under leases. In memory: whoever offers a task offers it
/// again after a crash, and a lease of before the crash then counts for it, because it names the task by its
/// content. Thread-safe; callbacks are called without locks held, on the thread of the call they follow from
/// or on that of start(). They must not block.
class WorkerQueues {
 public:
  explicit WorkerQueues(WorkerQueuesOptions options);
  ~WorkerQueues();
  WorkerQueues(const WorkerQueues&) = delete;
  WorkerQueues& operator=(const WorkerQueues&) = delete;

  /// A thread that calls on_time() when it is due. Tests with a clock of their own call it themselves.
  void start();
  /// Answers waiting polls with nothing; refuses what workers ask and say from now on, with kUnavailable
  /// "workers.stopping"; outcomes are not told any more. Idempotent.
  void stop();

  /// Puts a task into its queue and gives its id. `done` is called at most once; not after cancel() with
  /// `tell` false. The same work (key, queue, type and input) offered again joins what is there: its result
  /// is told to both, and the later deadline counts. Errors come to `done`: kResourceExhausted
  /// "workers.queue_full" and "workers.too_much_input", kInvalidArgument "workers.bad_name". Later ones:
  /// "workers.queue_full" when it gave way to a task of higher priority, kDeadlineExceeded "task.timeout",
  /// kUnavailable "task.lost", what the worker says (kUnavailable or kUnprocessable), kCancelled
  /// "task.cancelled".
  std::string offer(Task task, TaskDone done);
  /// Ends a task: whoever has it is told at its next heartbeat. `tell`: `done` is called with kCancelled.
  void cancel(const std::string& task, std::string_view why, bool tell);
  /// The same for all tasks of a run, untold. `ended` false: who has one may still finish it.
  void cancel_run(std::string_view run, std::string_view why, bool ended);

  /// Waits for tasks that the worker can do and leases them to it. Errors: kInvalidArgument
  /// "workers.bad_name", "workers.bad_poll"; kResourceExhausted "workers.too_many_polls"; kUnavailable
  /// "workers.stopping". The number is for end_poll(); 0: it was answered already.
  uint64_t poll(Poll poll, PollDone done);
  /// The worker has gone: `done` is dropped, unless it is being called. Unknown numbers are ignored.
  void end_poll(uint64_t number);

  /// The lease's task has this result. kConflict "workers.lease_lost" (another has it, or had), kConflict
  /// "workers.task_ended" (cancelled, timed out, or ended otherwise), kNotFound "workers.unknown_lease".
  /// A lost lease whose task still waits for another worker counts.
  Result<Ended> complete(const std::string& lease, Document result);
  Result<Ended> fail(const std::string& lease, Failure failure);
  /// Gives the task back, not begun: it waits again, at its old place.
  Result<Ended> release(const std::string& lease);
  /// Prolongs the lease. `progress`: JSON, empty: none, kept for the next worker should this one be lost.
  /// kTooLarge "workers.progress_too_large". For a task that is not wanted any more: cancelled, no error.
  Result<Alive> heartbeat(const std::string& lease, std::string progress);

  /// Acts on what is due: leases, deadlines, ends of polls.
  void on_time();
  /// When on_time() is wanted next, on the clock's monotonic_us(); 0: never.
  int64_t next_due_us() const;

  /// Whether there is no task at all; takes no lock.
  bool empty() const;
  std::vector<WorkerInfo> workers() const;         ///< by queue and name
  std::vector<QueueInfo> queues() const;           ///< by name
  QueueInfo queue(const std::string& name) const;  ///< all zero when it is not known

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::workers
