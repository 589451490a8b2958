#include "switchyard/http/retry_after.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "switchyard/types/time_text.h"

namespace switchyard::http {
namespace {

/// Of "Sun, 06 Nov 1994 08:49:37 GMT", since the epoch.
std::optional<int64_t> seconds_of_date(std::string_view date) {
  if (date.size() != 29 || date.substr(25) != " GMT") return std::nullopt;
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const size_t month = kMonths.find(date.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const size_t number = month / 3 + 1;
  std::string text(date.substr(12, 4));
  text += (number < 10 ? "-0" : "-") + std::to_string(number) + "-";
  text.append(date.substr(5, 2)).append("T").append(date.substr(17, 8)).append("Z");
  const auto time = parse_timestamp(text);
  return time.has_value() ? std::optional<int64_t>(time->seconds) : std::nullopt;
}

}  // namespace

int64_t retry_after_us(std::string_view value, int64_t now_us) {
  constexpr int64_t kMostUs = int64_t{7} * 86'400 * 1'000'000;
  double seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size())
    return seconds > 0 ? static_cast<int64_t>(std::min(seconds * 1e6, static_cast<double>(kMostUs))) : 0;
  const auto date = seconds_of_date(value);
  return date ? std::clamp<int64_t>(*date * 1'000'000 - now_us, 0, kMostUs) : 0;
}

}  // namespace switchyard::http
