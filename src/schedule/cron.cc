#include <utility>

#include "cron_text.h"
#include "switchyard/schedule/schedule.h"
#include "switchyard/types/time_text.h"

namespace switchyard::schedule {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr int64_t kMinutesPerDay = 24 * 60;
constexpr int64_t kSecondsPerDay = 86400;

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Result<expression::TimeZone> zone_of(std::string_view name) {
  const auto unknown = [&](const std::string& message) {
    return make_error(ErrorKind::kInvalidArgument, "schedule.unknown_zone", message, "zone");
  };
  if (name.empty()) return unknown("the time zone has no name; write one as 'Europe/Berlin', or 'UTC'");
  if (auto known = expression::TimeZone::find(name)) return std::move(*known);
  if (const auto offset = expression::fixed_offset(name)) return expression::TimeZone::fixed(*offset);
  const auto near = expression::nearest_zone_name(name);
  return unknown("there is no time zone " + quoted(name) +
                 (near.empty() ? "; write a name as 'Europe/Berlin', or 'UTC'"
                               : "; did you mean " + quoted(near) + "?"));
}

bool has(uint64_t set, int64_t value) { return (set >> value & 1) != 0; }

}  // namespace

Cron::Cron(std::string text, std::string zone_name, const Sets& sets, expression::TimeZone zone)
    : text_(std::move(text)), zone_name_(std::move(zone_name)), sets_(sets), zone_(std::move(zone)) {}

bool Cron::names_day(int64_t days) const {
  const auto date = date_from_days(days);
  if (!has(sets_.months, date.month)) return false;
  const bool day = has(sets_.days, date.day);
  const bool weekday = has(sets_.weekdays, ((days + 4) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  return sets_.any_day || sets_.any_weekday ? day && weekday : day || weekday;
}

int64_t Cron::next_after_us(int64_t unix_us) const {
  const int64_t after = floor_divide(unix_us, kUsPerSecond);
  // No local minute before this one lies after that second; later ones may not either, where the clocks have
  // been set back.
  const int64_t from = floor_divide(after + zone_.offset_at(after), 60);
  int64_t days = floor_divide(from, kMinutesPerDay);
  int64_t minute = from - days * kMinutesPerDay;
  for (;; ++days, minute = 0) {
    if (days > kNever / kUsPerSecond / kSecondsPerDay) return kNever;
    if (!names_day(days)) continue;
    for (; minute < kMinutesPerDay; ++minute) {
      if (!has(sets_.hours, minute / 60)) {
        minute += 59 - minute % 60;
        continue;
      }
      if (!has(sets_.minutes, minute % 60)) continue;
      const int64_t at = zone_.first_showing((days * kMinutesPerDay + minute) * 60);
      if (at > kNever / kUsPerSecond) return kNever;
      if (at > after) return at * kUsPerSecond;
    }
  }
}

Result<Cron> parse_cron(std::string_view text, std::string_view zone) {
  SY_ASSIGN_OR_RETURN(const Cron::Sets sets, read_cron(text));
  SY_ASSIGN_OR_RETURN(expression::TimeZone rules, zone_of(zone));
  return Cron(std::string(text), std::string(zone), sets, std::move(rules));
}

}  // namespace switchyard::schedule
