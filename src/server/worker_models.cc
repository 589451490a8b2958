#include "worker_models.h"

#include <utility>

namespace switchyard::server {
namespace {

/// Somebody waits for a model: a worker that died must not keep it for long.
constexpr int64_t kHeartbeatUs = 5'000'000;

}  // namespace

std::function<void()> WorkerModels::offer(models::ModelTask task, std::function<void(Outcome)> done) {
  workers::Task work;
  work.queue = std::move(task.queue);
  work.type = std::move(task.type);
  work.input = std::move(task.input);
  work.idempotency_key = std::move(task.idempotency_key);
  work.trace = std::move(task.trace);
  work.priority = task.priority;
  work.effect = "pure";
  work.deadline_us = task.deadline_us;
  work.heartbeat_us = kHeartbeatUs;
  metrics_.watch(work.queue);
  const std::string id =
      queues_.offer(std::move(work), [done = std::move(done)](workers::TaskOutcome outcome) {
        Outcome told{std::move(outcome.result)};
        told.retry_after_us = outcome.retry_after_us;
        told.may_have_run = outcome.deliveries != 0;
        told.worker = std::move(outcome.worker);
        told.queued_us = outcome.queued_us;
        told.run_us = outcome.run_us;
        done(std::move(told));
      });
  return [this, id] { queues_.cancel(id, "nobody waits for the model's answer any more", true); };
}

}  // namespace switchyard::server
