#include "switchyard/router/money.h"

#include <algorithm>
#include <cmath>

namespace switchyard::router {
namespace {

using Wide = __int128;

int64_t clamp(Wide value) {
  return static_cast<int64_t>(std::clamp(value, Wide{INT64_MIN}, Wide{INT64_MAX}));
}

}  // namespace

Money operator+(Money a, Money b) { return {clamp(Wide{a.nanos} + b.nanos)}; }
Money operator-(Money a, Money b) { return {clamp(Wide{a.nanos} - b.nanos)}; }

std::string Money::to_string() const {
  const bool negative = nanos < 0;
  const auto magnitude = static_cast<uint64_t>(negative ? -Wide{nanos} : Wide{nanos});
  std::string text = (negative ? "-" : "") + std::to_string(magnitude / kUnit);
  std::string fraction = std::to_string(magnitude % kUnit + kUnit).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text : text + "." + fraction;
}

Result<Money> Money::parse(std::string_view text) {
  Wide nanos = 0;
  int after_point = -1;
  bool digit = false;
  for (const char c : text) {
    if (c == '.' && after_point < 0 && digit) {
      after_point = 0;
    } else if (c >= '0' && c <= '9' && after_point < 9 && nanos <= INT64_MAX) {
      nanos = nanos * 10 + (c - '0');
      digit = true;
      if (after_point >= 0) ++after_point;
    } else {
      digit = false;
      break;
    }
  }
  for (int i = std::max(after_point, 0); i < 9 && nanos <= INT64_MAX; ++i) nanos *= 10;
  if (!digit || after_point == 0 || nanos > INT64_MAX)
    return make_error(ErrorKind::kInvalidArgument, "router.bad_amount",
                      "'" + std::string(text) +
                          "' is no amount: write a decimal number with at most nine digits after the point");
  return Money{static_cast<int64_t>(nanos)};
}

Money Money::from_double(double units) {
  if (!std::isfinite(units)) return {};
  const double nanos = std::nearbyint(units * static_cast<double>(kUnit));
  if (nanos >= 9.2e18) return {INT64_MAX};
  if (nanos <= -9.2e18) return {INT64_MIN};
  return {static_cast<int64_t>(nanos)};
}

Money cost_of(const PriceTable& prices, const Usage& usage) {
  // Units of 1/60,000,000 nano: common to a million tokens, a second and a minute in microseconds.
  constexpr Wide kScale = 60'000'000;
  const int64_t cached =
      std::clamp<int64_t>(usage.cached_tokens, 0, std::max<int64_t>(usage.input_tokens, 0));
  Wide sum = Wide{prices.input_tokens.nanos} * (std::max<int64_t>(usage.input_tokens, 0) - cached) * 60;
  sum += Wide{prices.cached_tokens.nanos} * cached * 60;
  sum += Wide{prices.output_tokens.nanos} * std::max<int64_t>(usage.output_tokens, 0) * 60;
  sum += Wide{prices.call.nanos} * std::max<int64_t>(usage.calls, 0) * kScale;
  sum += Wide{prices.second.nanos} * std::max<int64_t>(usage.run_us, 0) * 60;
  sum += Wide{prices.human_minute.nanos} * std::max<int64_t>(usage.human_us, 0);
  return {clamp((sum + kScale / 2) / kScale)};
}

}  // namespace switchyard::router
