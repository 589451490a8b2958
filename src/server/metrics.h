#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/models/model_service.h"
#include "switchyard/partition/engine.h"
#include "switchyard/telemetry/metrics.h"

namespace switchyard::server {

/// The engine's and the models' figures as metrics; docs/operations.md lists them.
class Metrics {
 public:
  explicit Metrics(telemetry::Registry& registry);
  /// Called with every event, on a partition's thread.
  void observe(const Event& event);
  /// Registers what is read at exposition. Both must live until stop().
  void watch(partition::Engine& engine, models::ModelService& models);
  void stop();

 private:
  telemetry::Registry& registry_;
  telemetry::Counter& runs_started_;
  telemetry::Counter& runs_completed_;
  telemetry::Counter& runs_failed_;
  telemetry::Counter& runs_cancelled_;
  telemetry::Counter& step_failures_;
  telemetry::Histogram& run_seconds_;
  telemetry::Histogram& step_seconds_;
  telemetry::Histogram& review_seconds_;
  telemetry::Gauge& cost_;
  std::vector<telemetry::CallbackHandle> callbacks_;

  static constexpr size_t kMaxWatchedQueues = 1000;  ///< pipelines whose queues are told of
  void watch_queue(const std::string& pipeline);
  std::mutex queues_mutex_;
  partition::Engine* engine_ = nullptr;                      // guarded by queues_mutex_
  std::map<std::string, telemetry::CallbackHandle> queues_;  // likewise
};

}  // namespace switchyard::server
