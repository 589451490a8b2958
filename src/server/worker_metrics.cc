#include "worker_metrics.h"

namespace switchyard::server {

WorkerMetrics::WorkerMetrics(telemetry::Registry& registry, const workers::WorkerQueues& queues)
    : registry_(registry), queues_(queues) {
  const auto add = [this](const char* name, const char* help, bool (*counts)(const workers::WorkerInfo&)) {
    all_.push_back(registry_.callback(name, help, {}, [this, counts] {
      double sum = 0;
      for (const auto& worker : queues_.workers()) sum += counts(worker) ? 1 : 0;
      return sum;
    }));
  };
  add("switchyard_worker_processes", "Workers that were heard of in the last ten minutes.",
      [](const workers::WorkerInfo&) { return true; });
  add("switchyard_worker_busy_processes", "Workers that have a task.",
      [](const workers::WorkerInfo& worker) { return worker.in_flight != 0; });
}

void WorkerMetrics::watch(const std::string& queue) {
  std::lock_guard lock(mutex_);
  if (watched_.contains(queue) || watched_.size() >= kMaxWatched) return;
  auto& callbacks = watched_[queue];
  const auto add = [&](const char* name, const char* help, double (*read)(const workers::QueueInfo&)) {
    callbacks.push_back(registry_.callback(name, help, {{"queue", queue}},
                                           [this, queue, read] { return read(queues_.queue(queue)); }));
  };
  add("switchyard_worker_tasks_waiting", "Tasks that wait for a worker.",
      [](const auto& q) { return static_cast<double>(q.waiting); });
  add("switchyard_worker_tasks_in_flight", "Tasks that a worker has.",
      [](const auto& q) { return static_cast<double>(q.in_flight); });
  add("switchyard_worker_oldest_task_seconds", "How long the oldest waiting task has waited.",
      [](const auto& q) { return static_cast<double>(q.oldest_waiting_us) / 1e6; });
  add("switchyard_worker_polls", "Polls that wait for a task.",
      [](const auto& q) { return static_cast<double>(q.polls); });
  add("switchyard_worker_tasks_offered_total", "Tasks put into the queue.",
      [](const auto& q) { return static_cast<double>(q.offered); });
  add("switchyard_worker_tasks_completed_total", "Tasks that ended with a result.",
      [](const auto& q) { return static_cast<double>(q.completed); });
  add("switchyard_worker_tasks_failed_total", "Tasks that their workers failed, or fell silent with.",
      [](const auto& q) { return static_cast<double>(q.failed); });
  add("switchyard_worker_tasks_refused_total", "Tasks refused because the queue was full.",
      [](const auto& q) { return static_cast<double>(q.refused); });
  add("switchyard_worker_tasks_timed_out_total", "Tasks that nobody ended in time.",
      [](const auto& q) { return static_cast<double>(q.timed_out); });
  add("switchyard_worker_leases_lost_total", "Times a worker fell silent with a task.",
      [](const auto& q) { return static_cast<double>(q.leases_lost); });
}

void WorkerMetrics::stop() {
  std::lock_guard lock(mutex_);
  watched_.clear();
  all_.clear();
}

}  // namespace switchyard::server
