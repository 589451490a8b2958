// Steps of the kind `task`: work for processes that poll for it.
#include <algorithm>

#include "effects.h"
#include "switchyard/types/json.h"

namespace switchyard::server {
namespace {

/// The queue's own end of an attempt comes so much before the engine's, which could not say why.
constexpr int64_t kMarginUs = 50'000;

Document task_meta(const workers::TaskOutcome& outcome) {
  auto arena = std::make_shared<Arena>(256);
  MapBuilder meta(*arena);
  if (!outcome.worker.empty()) meta.add("worker", Value::string(arena->copy(outcome.worker)));
  if (!outcome.worker_version.empty())
    meta.add("worker_version", Value::string(arena->copy(outcome.worker_version)));
  meta.add("queue_us", Value::integer(outcome.queued_us));
  meta.add("run_us", Value::integer(outcome.run_us));
  meta.add("deliveries", Value::integer(outcome.deliveries));
  const Value value = meta.build();
  return Document(std::move(arena), value);
}

}  // namespace

void Effects::call_task(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) {
  auto& call = std::get<workflow::TaskCall>(request.call);
  workers::Task task;
  task.queue = std::move(call.queue);
  task.type = std::move(call.type);
  task.input = to_json(call.input.root());
  task.idempotency_key = std::move(request.idempotency_key);
  task.tenant = std::move(call.tenant);
  task.priority = request.priority;
  task.run = request.run.to_string();
  task.step = std::move(call.step);
  task.trace = std::move(request.trace);
  task.effect = workflow::effect_class_name(request.effect);
  task.attempt = request.attempt;
  const int64_t left_us = std::max<int64_t>(1, request.deadline_us - parts_.clock.now_us());
  task.deadline_us = parts_.clock.monotonic_us() + left_us - std::min(kMarginUs, left_us / 10);
  task.heartbeat_us = call.heartbeat_us;
  // What a worker may have done must not be done again without anybody saying so.
  task.max_lost_leases = request.effect == workflow::EffectClass::kEffectful ? 1 : workers::kMaxLostLeases;
  parts_.worker_metrics.watch(task.queue);
  parts_.workers.offer(std::move(task), [done = std::move(done)](workers::TaskOutcome outcome) {
    Document meta = task_meta(outcome);
    done({std::move(outcome.result), std::move(meta), outcome.retry_after_us});
  });
}

void Effects::observe(const Event& event) {
  const EventType type = event.type();
  if (type == EventType::kRunCompleted || type == EventType::kRunFailed || type == EventType::kRunCancelled)
    budgets_.forget(event.run);
  // What a decision asked that is over now is paid for by nobody.
  if (type == EventType::kRunCancelled || type == EventType::kRunFailed) parts_.live_calls.abandon(event.run);
  if (parts_.workers.empty()) return;
  std::string why;
  bool ended = true;
  switch (type) {
    case EventType::kRunCancelled: {
      const auto& cancelled = std::get<RunCancelled>(event.body);
      why = "the decision was cancelled by " + std::string(cancelled.who);
      if (!cancelled.why.empty()) why += ": " + std::string(cancelled.why);
      break;
    }
    case EventType::kRunFailed: why = "the decision failed"; break;
    case EventType::kRunCompleted: why = "the decision ended"; break;
    case EventType::kRunUnwinding:
      if (std::get<RunUnwinding>(event.body).ending == Ending::kCompleted) return;
      why = "the decision is being undone";
      ended = false;
      break;
    default: return;
  }
  parts_.workers.cancel_run(event.run.to_string(), why, ended);
}

}  // namespace switchyard::server
