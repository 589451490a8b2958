#include "metrics.h"

namespace switchyard::server {

Metrics::Metrics(telemetry::Registry& registry)
    : registry_(registry),
      runs_started_(registry.counter("switchyard_runs_started_total", "Decisions begun.")),
      runs_completed_(
          registry.counter("switchyard_runs_completed_total", "Decisions that ended with an answer.")),
      runs_failed_(registry.counter("switchyard_runs_failed_total", "Decisions that ended with an error.")),
      runs_cancelled_(
          registry.counter("switchyard_runs_cancelled_total", "Decisions that somebody cancelled.")),
      step_failures_(registry.counter("switchyard_step_failures_total",
                                      "Failed attempts of steps, those that are tried again included.")),
      run_seconds_(registry.histogram("switchyard_run_duration_seconds",
                                      "From a decision's start to its end, waiting for people included.")),
      step_seconds_(registry.histogram("switchyard_step_duration_seconds",
                                       "From a step's start to its result.",
                                       telemetry::short_latency_buckets())),
      review_seconds_(registry.histogram("switchyard_review_answer_seconds",
                                         "From a reviewer's claim to the answer.",
                                         telemetry::human_buckets())),
      cost_(registry.gauge("switchyard_decision_cost_units",
                           "Money spent by decisions since the start, in the price tables' currency.")) {}

void Metrics::observe(const Event& event) {
  constexpr double kSecond = 1e6;
  switch (event.type()) {
    case EventType::kRunStarted:
      runs_started_.add();
      if (const auto& started = std::get<RunStarted>(event.body); started.queued)
        watch_queue(std::string(started.pipeline));
      break;
    case EventType::kStepCompleted:
      step_seconds_.observe(
          static_cast<double>(event.time_us - std::get<StepCompleted>(event.body).started_us) / kSecond);
      break;
    case EventType::kStepFailed: step_failures_.add(); break;
    case EventType::kRunCompleted:
    case EventType::kRunFailed: {
      const bool completed = event.type() == EventType::kRunCompleted;
      (completed ? runs_completed_ : runs_failed_).add();
      cost_.add(completed ? std::get<RunCompleted>(event.body).cost : std::get<RunFailed>(event.body).cost);
      // A run's id holds the millisecond of its start.
      run_seconds_.observe(static_cast<double>(event.time_us - event.run.unix_ms() * 1000) / kSecond);
      break;
    }
    case EventType::kRunCancelled: runs_cancelled_.add(); break;
    case EventType::kReviewAnswered: {
      const int64_t claimed_us = std::get<ReviewAnswered>(event.body).claimed_us;
      if (claimed_us != 0) review_seconds_.observe(static_cast<double>(event.time_us - claimed_us) / kSecond);
      break;
    }
    default: break;
  }
}

void Metrics::watch_queue(const std::string& pipeline) {
  std::lock_guard lock(queues_mutex_);
  if (engine_ == nullptr || queues_.size() >= kMaxWatchedQueues || queues_.contains(pipeline)) return;
  queues_.emplace(pipeline, registry_.callback(
                                "switchyard_runs_queued",
                                "Decisions that wait for a place under their pipeline's concurrency limit.",
                                {{"pipeline", pipeline}}, [engine = engine_, pipeline] {
                                  double sum = 0;
                                  for (const auto& stats : engine->stats()) {
                                    if (stats.machine.queued == nullptr) continue;
                                    const auto found = stats.machine.queued->find(pipeline);
                                    if (found != stats.machine.queued->end())
                                      sum += static_cast<double>(found->second);
                                  }
                                  return sum;
                                }));
}

void Metrics::stop() {
  callbacks_.clear();
  std::lock_guard lock(queues_mutex_);
  queues_.clear();
  engine_ = nullptr;
}

void Metrics::watch(partition::Engine& engine, models::ModelService& models) {
  {
    std::lock_guard lock(queues_mutex_);
    engine_ = &engine;
  }
  // Those that a restart found waiting.
  for (const auto& stats : engine.stats()) {
    if (stats.machine.queued == nullptr) continue;
    for (const auto& [pipeline, count] : *stats.machine.queued) watch_queue(pipeline);
  }
  const auto engine_metric = [&](const char* name, const char* help,
                                 double (*read)(const partition::PartitionStats&)) {
    callbacks_.push_back(registry_.callback(name, help, {}, [&engine, read] {
      double sum = 0;
      for (const auto& stats : engine.stats()) sum += read(stats);
      return sum;
    }));
  };
  engine_metric("switchyard_log_commits_total", "Batches of events made durable.",
                [](const auto& s) { return static_cast<double>(s.log.commits); });
  engine_metric("switchyard_log_syncs_total",
                "fdatasync calls on logs; fewer than commits where batches shared one.",
                [](const auto& s) { return static_cast<double>(s.log.syncs); });
  engine_metric("switchyard_log_written_bytes_total", "Bytes appended to logs.",
                [](const auto& s) { return static_cast<double>(s.log.bytes); });
  engine_metric("switchyard_log_sync_seconds_total", "Time spent in fdatasync.",
                [](const auto& s) { return static_cast<double>(s.log.sync_us_total) / 1e6; });
  engine_metric("switchyard_log_stalls_total", "Times a log's disk was found full.",
                [](const auto& s) { return static_cast<double>(s.log.stalls); });
  engine_metric("switchyard_log_queued_bytes", "Bytes accepted by logs and not yet durable.",
                [](const auto& s) { return static_cast<double>(s.log.queued_bytes); });
  engine_metric("switchyard_partition_busy_seconds_total", "Time partition threads worked.",
                [](const auto& s) { return static_cast<double>(s.busy_us) / 1e6; });
  engine_metric("switchyard_partition_events_total", "Events recorded.",
                [](const auto& s) { return static_cast<double>(s.machine.events); });
  engine_metric("switchyard_partition_checkpoints_total", "Checkpoints of the state.",
                [](const auto& s) { return static_cast<double>(s.checkpoints); });
  engine_metric("switchyard_partition_hot_runs", "Decisions in memory.",
                [](const auto& s) { return static_cast<double>(s.machine.hot_runs); });
  engine_metric("switchyard_partition_waiters", "Callers waiting for a decision.",
                [](const auto& s) { return static_cast<double>(s.waiters); });
  engine_metric("switchyard_reviews_requested_total", "Questions put to people.",
                [](const auto& s) { return static_cast<double>(s.machine.reviews_requested); });
  engine_metric("switchyard_reviews_answered_total", "Questions people answered.",
                [](const auto& s) { return static_cast<double>(s.machine.reviews_answered); });
  engine_metric("switchyard_log_bytes", "Bytes that logs span, from their beginning to their durable end.",
                [](const auto& s) { return static_cast<double>(s.durable_end - s.upkeep.log_begins); });
  engine_metric("switchyard_log_trimmed_bytes_total", "Bytes trimmed from logs after they were archived.",
                [](const auto& s) { return static_cast<double>(s.upkeep.trimmed_bytes); });
  engine_metric("switchyard_archive_bytes", "Bytes of archives.",
                [](const auto& s) { return static_cast<double>(s.upkeep.archive.bytes); });
  engine_metric("switchyard_archive_records_total", "Events moved from logs to archives.",
                [](const auto& s) { return static_cast<double>(s.upkeep.archived_records); });
  engine_metric("switchyard_payload_written_bytes_total", "Bytes of large values written beside the logs.",
                [](const auto& s) { return static_cast<double>(s.payloads.written_bytes); });
  engine_metric("switchyard_payload_removed_total", "Large values removed because nothing refers to them.",
                [](const auto& s) { return static_cast<double>(s.payloads.removed); });
  engine_metric("switchyard_retention_compacted_total", "Decisions compacted to their record.",
                [](const auto& s) { return static_cast<double>(s.machine.runs_compacted); });
  engine_metric("switchyard_retention_deleted_total", "Decisions deleted.",
                [](const auto& s) { return static_cast<double>(s.machine.runs_deleted); });
  engine_metric("switchyard_retention_passes_total", "Looks at logs, archives and retention.",
                [](const auto& s) { return static_cast<double>(s.upkeep.passes); });
  engine_metric("switchyard_retention_failing_partitions", "Partitions whose last look failed.",
                [](const auto& s) { return s.upkeep.last_error.empty() ? 0.0 : 1.0; });
  engine_metric("switchyard_runs_superseded_total",
                "Decisions cancelled because a newer one of their key wins (on_limit: latest_wins).",
                [](const auto& s) { return static_cast<double>(s.machine.runs_superseded); });
  callbacks_.push_back(registry_.callback("switchyard_engine_queue_commands",
                                          "Commands waiting for partition threads.", {},
                                          [&engine] { return static_cast<double>(engine.queue_depth()); }));

  const auto model_metric = [&](const char* name, const char* help,
                                double (*read)(const models::ServiceStats&)) {
    callbacks_.push_back(
        registry_.callback(name, help, {}, [&models, read] { return read(models.stats()); }));
  };
  model_metric("switchyard_model_workers", "Model worker threads.",
               [](const auto& s) { return static_cast<double>(s.workers); });
  model_metric("switchyard_model_busy_workers", "Model workers in a run now.",
               [](const auto& s) { return static_cast<double>(s.busy_workers); });
  model_metric("switchyard_model_busy_seconds_total", "Time model workers spent in runs.",
               [](const auto& s) { return static_cast<double>(s.busy_us) / 1e6; });
  const auto sum_models = [](const models::ServiceStats& stats, auto member) {
    double sum = 0;
    for (const auto& model : stats.models) sum += static_cast<double>(member(model));
    return sum;
  };
  static const auto kSum = sum_models;
  model_metric("switchyard_model_answers_total", "Model answers.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.answered; }); });
  model_metric("switchyard_model_failures_total", "Model calls with bad input or a failed run.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.failed; }); });
  model_metric("switchyard_model_expired_total", "Model calls dropped because their deadline had passed.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.expired; }); });
  model_metric("switchyard_model_rejected_total", "Model calls refused because the queue was full.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.rejected; }); });
  model_metric("switchyard_model_batches_total", "Model runs; answers per batch is the mean batch size.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.batches; }); });
  model_metric("switchyard_model_queued_requests", "Model calls waiting.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.queue_depth; }); });
  model_metric("switchyard_model_queue_seconds_total", "Time model calls waited for a worker.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.queue_us; }) / 1e6; });
  model_metric("switchyard_model_run_seconds_total", "Time in model runs.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.run_us; }) / 1e6; });
  model_metric("switchyard_model_warm_ups_total", "Runs made before models were ready.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.warm_ups; }); });
  model_metric("switchyard_model_warm_up_seconds_total", "Time in runs made before models were ready.",
               [](const auto& s) { return kSum(s, [](const auto& m) { return m.warm_up_us; }) / 1e6; });
}

}  // namespace switchyard::server
