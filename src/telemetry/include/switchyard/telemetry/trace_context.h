#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// W3C Trace Context.
namespace switchyard::telemetry {

/// A span and its trace. The views are of the text that was parsed, or of whatever the caller put there.
struct Traceparent {
  std::string_view trace_id;  ///< 32 lower-case hexadecimal digits, not all zero
  std::string_view span_id;   ///< 16
  bool sampled = false;

  std::string to_string() const;  ///< "00-<trace id>-<span id>-<flags>"
};

/// Version 00 as it stands; of a later version the parts that version 00 knows. nullopt for what is none.
std::optional<Traceparent> parse_traceparent(std::string_view text);
/// At most 32 members `key=value` in 512 bytes.
bool is_tracestate(std::string_view text);

/// Which traces are recorded.
struct Sampler {
  double ratio = 1;          ///< of the traces of which nobody has decided
  bool parent_based = true;  ///< what a caller decided stands

  /// A function of the trace's id, so that every server decides alike.
  bool samples(std::string_view trace_id, const std::optional<Traceparent>& parent) const;
};

/// The trace of a request, as it goes on from here.
struct TraceContext {
  std::string traceparent;  ///< of the server's own span
  std::string tracestate;   ///< as it came; empty where none or no valid one came
  std::string parent_span;  ///< the caller's span id; empty: the trace begins here
};

/// What chance gives to a trace that begins, and to a span.
using TraceChance = std::array<uint8_t, 24>;

/// Goes on with a trace or begins one. A `traceparent` that is not exactly what the specification says, and a
/// `tracestate` without a valid `traceparent`, are dropped as it asks.
TraceContext continue_trace(std::optional<std::string_view> traceparent,
                            std::optional<std::string_view> tracestate, const Sampler& sampler,
                            const TraceChance& chance);

}  // namespace switchyard::telemetry
