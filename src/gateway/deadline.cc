#include "deadline.h"

#include <charconv>

#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

/// Digits only, at most eight, as gRPC has them.
std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  if (text.empty() || text.size() > 8) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text[0] == '-') return std::nullopt;
  return number;
}

std::optional<int64_t> grpc_timeout_us(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto number = number_in(text.substr(0, text.size() - 1));
  if (!number) return std::nullopt;
  switch (text.back()) {
    case 'H': return *number * 3'600'000'000;
    case 'M': return *number * 60'000'000;
    case 'S': return *number * 1'000'000;
    case 'm': return *number * 1'000;
    case 'u': return *number;
    case 'n': return *number / 1'000;
    default: return std::nullopt;
  }
}

/// Seconds, with a fraction perhaps.
std::optional<int64_t> seconds_us(std::string_view text) {
  const size_t point = text.find('.');
  const auto whole = number_in(text.substr(0, point));
  if (!whole) return std::nullopt;
  int64_t us = *whole * 1'000'000;
  int64_t scale = 100'000;
  for (size_t i = point; point != text.npos && ++i < text.size() && scale > 0; scale /= 10) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    us += (text[i] - '0') * scale;
  }
  return us;
}

Error bad_deadline(std::string_view name, std::string_view value, std::string_view form) {
  return make_error(
      ErrorKind::kInvalidArgument, "gateway.bad_deadline",
      "'" + std::string(value.substr(0, 40)) + "' is no time to wait; write " + std::string(form) + ".",
      std::string(name));
}

}  // namespace

Result<int64_t> deadline_of(const http::Request& request) {
  int64_t shortest_us = 0;
  const auto take = [&shortest_us](int64_t us) {
    us = std::max<int64_t>(us, 1);  // 0 says: none
    if (shortest_us == 0 || us < shortest_us) shortest_us = us;
  };
  if (const auto text = request.header("X-Request-Deadline-Ms")) {
    const auto ms = number_in(*text);
    if (!ms) return bad_deadline("X-Request-Deadline-Ms", *text, "milliseconds from now: 1500");
    take(*ms * 1'000);
  }
  if (const auto text = request.header("grpc-timeout")) {
    const auto us = grpc_timeout_us(*text);
    if (!us) return bad_deadline("grpc-timeout", *text, "digits and a unit of H, M, S, m, u, n: 1500m");
    take(*us);
  }
  for (const std::string_view name : {"X-Stainless-Timeout", "X-Stainless-Read-Timeout"})
    if (const auto text = request.header(name))
      if (const auto us = seconds_us(*text)) take(*us);
  return shortest_us;
}

}  // namespace switchyard::gateway
