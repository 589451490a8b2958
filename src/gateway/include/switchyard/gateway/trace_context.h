#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "switchyard/runtime/random.h"

namespace switchyard::gateway {

/// W3C Trace Context of a request, as it goes on from here.
struct TraceContext {
  std::string traceparent;  ///< "00-<trace id>-<id of the server's own span>-<flags>"
  std::string tracestate;   ///< as it came; empty where none or no valid one came
  std::string parent_span;  ///< the caller's span, 16 hexadecimal digits; empty: the trace begins here

  std::string_view trace_id() const { return std::string_view(traceparent).substr(3, 32); }
  std::string_view span_id() const { return std::string_view(traceparent).substr(36, 16); }
  bool is_sampled() const;
};

/// Goes on with a trace or begins one. A `traceparent` that is not exactly what the specification says, and a
/// `tracestate` without a valid `traceparent`, are dropped as it asks. A trace that begins here is sampled.
TraceContext continue_trace(std::optional<std::string_view> traceparent,
                            std::optional<std::string_view> tracestate, runtime::Random& random);

/// Version 00 as it stands; of a later version the parts that version 00 knows.
bool is_traceparent(std::string_view text);
/// At most 32 members `key=value` in 512 bytes.
bool is_tracestate(std::string_view text);

}  // namespace switchyard::gateway
