#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/otlp/config.h"
#include "switchyard/otlp/metric.h"
#include "switchyard/otlp/span.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::otlp {

struct ExporterStats {
  uint64_t exported_spans = 0;
  uint64_t dropped_spans = 0;     ///< the queue was full, or the collector did not take them
  uint64_t failed_requests = 0;   ///< those repeated included
  uint64_t exported_metrics = 0;  ///< requests
  uint64_t rejected_points = 0;   ///< of metrics, that the collector did not take of a request that it took
  size_t queued_spans = 0;
};

/// Sends spans and metrics to a collector over OTLP/HTTP, from a thread of its own. Nobody waits for it: when
/// the collector is away or slow the queue fills, and what is more is dropped and counted. A batch is tried
/// up to kMaxAttempts times where the collector may get over it (429, 502, 503, 504, no answer), after its
/// Retry-After or a growing pause. Thread-safe.
class Exporter {
 public:
  /// `metrics` is called on the exporter's thread, at each interval and at the end. `clock` outlives this;
  /// `version` is the server's.
  Exporter(Config config, std::function<std::vector<Metric>()> metrics, std::string version,
           telemetry::Logger logger, const runtime::Clock& clock);
  /// Requires: stopped or never started.
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  Status start();
  /// Sends what is left, for kFlushMs at most, and joins the thread. Idempotent.
  void stop();

  /// Never waits for the collector. False: the span was dropped.
  bool record(Span span);
  ExporterStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::otlp
