#include <string>

#include "switchyard/schedule/schedule.h"

namespace switchyard::schedule {
namespace {

Error bad_period(const std::string& message) {
  return make_error(ErrorKind::kInvalidArgument, "schedule.bad_period", message, "every");
}

struct Unit {
  char letter;
  int64_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
constexpr size_t kMaxDigits = 9;

}  // namespace

int64_t Every::next_after_us(int64_t unix_us) const {
  int64_t since = unix_us % period_us_;
  if (since < 0) since += period_us_;
  const int64_t wait = period_us_ - since;
  return unix_us > kNever - wait ? kNever : unix_us + wait;
}

Result<Every> every_us(int64_t period_us) {
  if (period_us < kMinPeriodUs)
    return bad_period("a schedule repeats at most once a second (kMinPeriodUs); write '1s' or more");
  if (period_us > kMaxPeriodUs)
    return bad_period(
        "a period has at most 366 days (kMaxPeriodUs); write a cron expression, as '0 0 1 1 *' for every "
        "year");
  return Every(period_us);
}

Result<Every> parse_every(std::string_view text) {
  const auto malformed = [&] {
    return bad_period("'" + std::string(text) +
                      "' is no period; write whole numbers with d, h, m or s, the greater unit "
                      "first, as '15m' or '1h30m'");
  };
  int64_t seconds = 0;
  size_t unit = 0;
  auto rest = text;
  if (rest.empty()) return malformed();
  while (!rest.empty()) {
    size_t digits = 0;
    int64_t number = 0;
    while (digits < rest.size() && digits <= kMaxDigits && rest[digits] >= '0' && rest[digits] <= '9')
      number = number * 10 + (rest[digits++] - '0');
    if (digits == 0 || digits > kMaxDigits || digits == rest.size()) return malformed();
    while (unit < std::size(kUnits) && kUnits[unit].letter != rest[digits]) ++unit;
    if (unit == std::size(kUnits)) return malformed();
    seconds += number * kUnits[unit++].seconds;
    rest.remove_prefix(digits + 1);
  }
  if (seconds > kMaxPeriodUs / 1'000'000) seconds = kMaxPeriodUs / 1'000'000 + 1;
  return every_us(seconds * 1'000'000);
}

}  // namespace switchyard::schedule
