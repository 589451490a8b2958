#include "switchyard/types/time_text.h"

#include <cstdio>

namespace switchyard {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysPerCycle = 146097;        // 400 Gregorian years
constexpr int64_t kDaysToMarchOfYear0 = 719468;  // from 0000-03-01 to 1970-01-01

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// ".5" for 500000000, nothing for 0.
void append_fraction(uint32_t nanos, std::string& out) {
  if (nanos == 0) return;
  char digits[16];
  std::snprintf(digits, sizeof digits, ".%09u", nanos % 1000000000u);
  std::string_view text(digits, 10);
  while (text.back() == '0') text.remove_suffix(1);
  out.append(text);
}

/// Reads fixed-width decimal fields from the front of a text.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}
  bool number(size_t digits, uint32_t& out) {
    if (rest_.size() < digits) return false;
    out = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      out = out * 10 + static_cast<uint32_t>(rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }
  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return false;
    last_ = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }
  char last() const { return last_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  char last_ = 0;
};

/// After the '.': 1 to 9 digits.
bool read_fraction(Fields& in, int32_t& nanos) {
  uint32_t digit = 0;
  int32_t scale = 100000000;
  int count = 0;
  nanos = 0;
  while (in.number(1, digit)) {
    if (++count > 9) return false;
    nanos += static_cast<int32_t>(digit) * scale;
    scale /= 10;
  }
  return count > 0;
}

/// "Z" or "+02:00", in seconds east of UTC.
bool read_offset(Fields& in, int64_t& offset) {
  offset = 0;
  if (in.one_of("Zz")) return true;
  if (!in.one_of("+-")) return false;
  const int64_t sign = in.last() == '-' ? -1 : 1;
  uint32_t hours, minutes;
  if (!in.number(2, hours) || !in.one_of(":") || !in.number(2, minutes) || hours > 23 || minutes > 59)
    return false;
  offset = sign * (hours * 3600 + minutes * 60);
  return true;
}

}  // namespace

/// Years begin in March, so that the leap day is the last day of its year and months follow one linear rule.
CivilDate date_from_days(int64_t days) {
  days += kDaysToMarchOfYear0;
  const int64_t cycle = floor_divide(days, kDaysPerCycle);
  const auto day_of_cycle = static_cast<uint32_t>(days - cycle * kDaysPerCycle);
  const uint32_t leaps = day_of_cycle / 1460 - day_of_cycle / 36524 + day_of_cycle / 146096;
  const uint32_t year_of_cycle = (day_of_cycle - leaps) / 365;
  const uint32_t day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const uint32_t march_month = (5 * day_of_year + 2) / 153;
  const uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
  const uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {cycle * 400 + year_of_cycle + (month <= 2 ? 1 : 0), month, day};
}

int64_t days_from_date(int64_t year, uint32_t month, uint32_t day) {
  if (month <= 2) --year;
  const int64_t cycle = floor_divide(year, 400);
  const int64_t year_of_cycle = year - cycle * 400;
  const int64_t march_month = month > 2 ? month - 3 : month + 9;
  const int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
  const int64_t day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
  return cycle * kDaysPerCycle + day_of_cycle - kDaysToMarchOfYear0;
}

bool is_date(int64_t year, uint32_t month, uint32_t day) {
  static constexpr uint32_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

void append_timestamp(int64_t seconds, int32_t nanos, std::string& out) {
  // Not by multiplying back, which overflows at the ends of int64.
  const int64_t days = floor_divide(seconds, kSecondsPerDay);
  const auto second = static_cast<int>((seconds % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay);
  const CivilDate date = date_from_days(days);
  char text[64];
  const int size =
      std::snprintf(text, sizeof text, "%04lld-%02u-%02uT%02d:%02d:%02d", static_cast<long long>(date.year),
                    date.month, date.day, second / 3600, second / 60 % 60, second % 60);
  out.append(text, static_cast<size_t>(size));
  append_fraction(static_cast<uint32_t>(nanos), out);
  out.push_back('Z');
}

void append_duration(int64_t seconds, int32_t nanos, std::string& out) {
  if (seconds < 0 || nanos < 0) out.push_back('-');
  out += std::to_string(seconds < 0 ? 0 - static_cast<uint64_t>(seconds) : static_cast<uint64_t>(seconds));
  append_fraction(static_cast<uint32_t>(nanos < 0 ? -nanos : nanos), out);
  out.push_back('s');
}

std::optional<SecondsNanos> parse_timestamp(std::string_view text) {
  Fields in(text);
  uint32_t year, month, day, hour, minute, second;
  if (!in.number(4, year) || !in.one_of("-") || !in.number(2, month) || !in.one_of("-") ||
      !in.number(2, day) || !in.one_of("Tt") || !in.number(2, hour) || !in.one_of(":") ||
      !in.number(2, minute) || !in.one_of(":") || !in.number(2, second)) {
    return std::nullopt;
  }
  if (year < 1 || !is_date(year, month, day) || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  SecondsNanos time;
  int64_t offset;
  if (in.one_of(".") && !read_fraction(in, time.nanos)) return std::nullopt;
  if (!read_offset(in, offset) || !in.rest().empty()) return std::nullopt;
  time.seconds =
      days_from_date(year, month, day) * kSecondsPerDay + hour * 3600 + minute * 60 + second - offset;
  // A leap second is inserted at the end of a UTC day only.
  if (second == 60 && (time.seconds % kSecondsPerDay != 0)) return std::nullopt;
  static const int64_t kFirst = days_from_date(1, 1, 1) * kSecondsPerDay;
  static const int64_t kEnd = days_from_date(10000, 1, 1) * kSecondsPerDay;
  if (time.seconds < kFirst || time.seconds >= kEnd) return std::nullopt;
  return time;
}

}  // namespace switchyard
