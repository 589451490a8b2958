#include "switchyard/telemetry/trace_context.h"

#include <algorithm>
#include <charconv>

#include "switchyard/base/hash.h"

namespace switchyard::telemetry {
namespace {

constexpr size_t kTraceparentBytes = 55;  // of version 00
constexpr size_t kMaxTracestateBytes = 512;
constexpr size_t kMaxTracestateMembers = 32;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

/// "vendor" or "tenant@vendor".
bool is_key(std::string_view key) {
  if (key.empty() || key.size() > 256) return false;
  const bool begins_well = (key[0] >= 'a' && key[0] <= 'z') || (key[0] >= '0' && key[0] <= '9');
  return begins_well && std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
                  c == '/' || c == '@';
         });
}
bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

}  // namespace

std::string Traceparent::to_string() const {
  return "00-" + std::string(trace_id) + "-" + std::string(span_id) + (sampled ? "-01" : "-00");
}

std::optional<Traceparent> parse_traceparent(std::string_view text) {
  if (text.size() < kTraceparentBytes) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  if (version == "00" && text.size() != kTraceparentBytes) return std::nullopt;
  if (text.size() > kTraceparentBytes && text[kTraceparentBytes] != '-') return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const std::string_view trace = text.substr(3, 32), span = text.substr(36, 16), flags = text.substr(53, 2);
  if (!is_hex(trace) || !is_hex(span) || !is_hex(flags) || is_zero(trace) || is_zero(span))
    return std::nullopt;
  // Of the flags only "sampled" is known; what is not known must not be passed on.
  const char last = flags[1];
  return Traceparent{trace, span, ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0};
}

bool Sampler::samples(std::string_view trace_id, const std::optional<Traceparent>& parent) const {
  if (parent_based && parent) return parent->sampled;
  if (ratio >= 1) return true;
  // The last 56 bits are chance in W3C's ids, and in a UUID that stands for one.
  constexpr size_t kDigits = 14;
  uint64_t low = 0;
  std::from_chars(trace_id.data() + trace_id.size() - kDigits, trace_id.data() + trace_id.size(), low, 16);
  return static_cast<double>(low) < ratio * static_cast<double>(uint64_t{1} << (4 * kDigits));
}

bool is_tracestate(std::string_view text) {
  if (text.empty() || text.size() > kMaxTracestateBytes) return false;
  size_t members = 0;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view member = text.substr(0, comma);
    while (!member.empty() && (member.front() == ' ' || member.front() == '\t')) member.remove_prefix(1);
    while (!member.empty() && (member.back() == ' ' || member.back() == '\t')) member.remove_suffix(1);
    if (!member.empty()) {  // empty members are allowed
      const size_t equals = member.find('=');
      if (equals == member.npos || !is_key(member.substr(0, equals)) ||
          !is_value(member.substr(equals + 1)) || ++members > kMaxTracestateMembers)
        return false;
    }
    if (comma == text.npos) return members > 0;
    text.remove_prefix(comma + 1);
  }
}

TraceContext continue_trace(std::optional<std::string_view> traceparent,
                            std::optional<std::string_view> tracestate, const Sampler& sampler,
                            const TraceChance& chance) {
  TraceContext context;
  const auto parent = traceparent ? parse_traceparent(*traceparent) : std::nullopt;
  const std::string own = to_hex(chance);
  Traceparent next{parent ? parent->trace_id : std::string_view(own).substr(0, 32),
                   std::string_view(own).substr(32), false};
  next.sampled = sampler.samples(next.trace_id, parent);
  context.traceparent = next.to_string();
  if (!parent) return context;
  context.parent_span = parent->span_id;
  if (tracestate && is_tracestate(*tracestate)) context.tracestate = *tracestate;
  return context;
}

}  // namespace switchyard::telemetry
