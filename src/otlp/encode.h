#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/otlp/metric.h"
#include "switchyard/otlp/span.h"

// OTLP's messages (opentelemetry-proto 1.x) in Protobuf's wire format.
namespace switchyard::otlp {

/// What the server is, in every request.
struct Source {
  Attributes resource;
  std::string version;  ///< of the instrumentation: the server's
};

/// An ExportTraceServiceRequest.
std::string encode_spans(const Source& source, std::span<const Span> spans);

/// An ExportMetricsServiceRequest of what counts since `start_us`.
std::string encode_metrics(const Source& source, const std::vector<Metric>& metrics, int64_t start_us,
                           int64_t now_us);

/// What an Export...ServiceResponse says that was not taken of a request that was.
struct PartialSuccess {
  uint64_t rejected = 0;  ///< spans or points
  std::string message;    ///< why; with none rejected, a warning
};
/// What cannot be read counts as nothing said.
PartialSuccess partial_success(std::string_view response);

}  // namespace switchyard::otlp
