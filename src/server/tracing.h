#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "switchyard/gateway/gateway.h"
#include "switchyard/models/model_service.h"
#include "switchyard/otlp/exporter.h"
#include "switchyard/otlp/metric.h"
#include "switchyard/telemetry/metrics.h"
#include "switchyard/types/events.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/interpreter.h"

namespace switchyard::server {

/// Makes spans of what happens - each request, decision and attempt of a step - and hands them to an exporter
/// with the metrics. The ids of steps' spans follow from those of runs and steps, so that what a step calls
/// can be told its parent before its span exists. Thread-safe; nobody waits.
///
/// A decision's trace is the caller's; of one that nobody asked for, its id is the trace's. What is known of
/// a run is kept in memory while it lasts: one that a restart interrupted, or that is not among the newest
/// kMaxTracedRuns, has no spans.
class Tracing {
 public:
  static constexpr size_t kMaxTracedRuns = 160'000;

  struct Options {
    otlp::Config config;
    std::string version;
    bool tls = false;  ///< requests come by HTTPS
    /// Of the pipelines that runs are of; called until stop().
    std::function<std::shared_ptr<const workflow::Catalog>()> catalog;
  };
  /// `registry` and `clock` outlive it.
  Tracing(Options options, telemetry::Registry& registry, telemetry::Logger logger,
          const runtime::Clock& clock);

  Status start() { return exporter_.start(); }
  void stop();
  bool exports_spans() const { return options_.config.exports_spans(); }

  void answered(const gateway::AnsweredRequest& request);
  /// Called with every event, on its partition's thread.
  void observe(const Event& event);
  /// The traceparent for what this attempt of a step calls; empty: none.
  std::string trace_of(const workflow::EffectRequest& request) const;
  /// A model's version was asked, and this came of it. `span` is null where the call is not sampled.
  void model_called(const otlp::Attributes& attributes, const models::ModelUsage* usage, int64_t took_us,
                    std::unique_ptr<otlp::Span> span);

 private:
  struct Run {
    std::string trace_id, parent_id;
    bool sampled = false;
    int64_t started_us = 0;
    std::shared_ptr<const workflow::Pipeline> pipeline;  ///< shared with the catalog: names of steps
  };
  struct Shard {
    mutable std::mutex mutex;
    std::map<RunId, Run> runs;  // guarded by mutex; ids ascend with time
  };
  static constexpr size_t kShards = 16;
  struct StepEnd;

  Shard& shard(const RunId& run) { return shards_[run.bytes.back() % kShards]; }
  const Shard& shard(const RunId& run) const { return shards_[run.bytes.back() % kShards]; }
  void run_started(const Event& event, const RunStarted& started);
  void run_linked(const Event& event, const RunLinked& linked);
  void run_migrated(const Event& event, const RunMigrated& migrated);
  void run_ended(const Event& event, const char* outcome, double cost, std::string_view error);
  void step_ended(const Event& event, const StepEnd& end);
  std::vector<otlp::Metric> metrics() const;
  const otlp::Span* exemplar_of(const otlp::Span& span) const {
    return options_.config.exemplars ? &span : nullptr;
  }

  const Options options_;
  telemetry::Registry& registry_;
  const runtime::Clock& clock_;
  otlp::Histogram request_seconds_, operation_seconds_, tokens_;
  std::array<Shard, kShards> shards_;
  otlp::Exporter exporter_;
  std::vector<telemetry::CallbackHandle> callbacks_;
};

}  // namespace switchyard::server
