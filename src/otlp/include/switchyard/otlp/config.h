#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/otlp/span.h"
#include "switchyard/telemetry/secret.h"
#include "switchyard/telemetry/trace_context.h"

namespace switchyard::otlp {

/// How spans, or metrics, get to the collector.
struct Signal {
  std::string url;  ///< empty: they are not exported
  using Headers = std::vector<std::pair<std::string, telemetry::Secret>>;
  Headers headers;
  bool gzip = false;
  int64_t timeout_ms = 10'000;  ///< of a request
};

/// Where spans and metrics go, and which. The defaults are those of OpenTelemetry's specification.
struct Config {
  Signal traces, metrics;
  std::string ca_file;  ///< PEM, in place of the system's roots
  Attributes resource;  ///< with service.name
  telemetry::Sampler sampler;
  bool exemplars = true;  ///< of histograms, from sampled traces
  size_t queue_spans = 2'048;
  size_t batch_spans = 512;
  int64_t span_delay_ms = 5'000;  ///< that a span waits for others at most
  int64_t metric_interval_ms = 60'000;

  bool exports_spans() const { return !traces.url.empty(); }
  bool exports_metrics() const { return !metrics.url.empty(); }
};

/// The value of an environment variable; nullopt: it is not set. An empty one counts as not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Reads OTEL_SDK_DISABLED, OTEL_EXPORTER_OTLP_{,TRACES_,METRICS_}{ENDPOINT,HEADERS,PROTOCOL,COMPRESSION,
/// TIMEOUT}, OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_{TRACES,METRICS}_EXPORTER, OTEL_SERVICE_NAME,
/// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER{,_ARG}, OTEL_METRICS_EXEMPLAR_FILTER, OTEL_BSP_{
/// SCHEDULE_DELAY,MAX_QUEUE_SIZE,MAX_EXPORT_BATCH_SIZE} and OTEL_METRIC_EXPORT_INTERVAL. Without an endpoint
/// nothing is exported.
/// kInvalidArgument "otlp.bad_setting" names the variable and the mend.
Result<Config> read_config(const Environment& environment);

/// The process's environment.
std::optional<std::string> process_environment(std::string_view name);

}  // namespace switchyard::otlp
