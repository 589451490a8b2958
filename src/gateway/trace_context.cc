#include "switchyard/gateway/trace_context.h"

#include <algorithm>
#include <array>

#include "switchyard/base/hash.h"

namespace switchyard::gateway {
namespace {

constexpr size_t kTraceparentBytes = 55;  // of version 00
constexpr size_t kMaxTracestateBytes = 512;
constexpr size_t kMaxTracestateMembers = 32;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

template <size_t kBytes>
std::string random_hex(runtime::Random& random) {
  std::array<uint8_t, kBytes> bytes{};
  do {
    random.fill(bytes);
  } while (std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; }));
  return to_hex(bytes);
}

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

bool TraceContext::is_sampled() const {
  const char last = traceparent.back();
  return ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
}

bool is_traceparent(std::string_view text) {
  if (text.size() < kTraceparentBytes) return false;
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return false;
  if (version == "00" && text.size() != kTraceparentBytes) return false;
  if (text.size() > kTraceparentBytes && text[kTraceparentBytes] != '-') return false;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view trace = text.substr(3, 32), span = text.substr(36, 16), flags = text.substr(53, 2);
  return is_hex(trace) && is_hex(span) && is_hex(flags) && !is_zero(trace) && !is_zero(span);
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
                            std::optional<std::string_view> tracestate, runtime::Random& random) {
  TraceContext context;
  const std::string span = random_hex<8>(random);
  if (!traceparent || !is_traceparent(*traceparent)) {
    context.traceparent = "00-" + random_hex<16>(random) + "-" + span + "-01";
    return context;
  }
  context.parent_span = traceparent->substr(36, 16);
  // Of the flags only "sampled" is known; what is not known must not be passed on.
  const char flag = (*traceparent)[54];
  const bool sampled = ((flag <= '9' ? flag - '0' : flag - 'a' + 10) & 1) != 0;
  context.traceparent =
      "00-" + std::string(traceparent->substr(3, 32)) + "-" + span + (sampled ? "-01" : "-00");
  if (tracestate && is_tracestate(*tracestate)) context.tracestate = *tracestate;
  return context;
}

}  // namespace switchyard::gateway
