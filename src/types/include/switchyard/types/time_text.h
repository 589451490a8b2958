#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

/// A point in time or a span, as Value holds them.
struct SecondsNanos {
  int64_t seconds = 0;
  int32_t nanos = 0;
  friend bool operator==(const SecondsNanos&, const SecondsNanos&) = default;
};

/// Appends RFC 3339 in UTC: "2025-01-31T23:59:59.5Z", no trailing zeros in the fraction.
void append_timestamp(int64_t seconds, int32_t nanos, std::string& out);
/// Appends decimal seconds: "1.5s", "-0.25s", "3s". Seconds and nanos have the same sign.
void append_duration(int64_t seconds, int32_t nanos, std::string& out);

/// Reads a strict RFC 3339 date-time of the years 0001 to 9999 (any offset, fraction of up to 9 digits; a
/// leap second 23:59:60 counts as the second after); nothing when malformed or out of range.
std::optional<SecondsNanos> parse_timestamp(std::string_view text);

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; month and day from 1, not checked.
int64_t days_from_date(int64_t year, uint32_t month, uint32_t day);
/// A date in the proleptic Gregorian calendar; month and day from 1.
struct CivilDate {
  int64_t year = 1970;
  uint32_t month = 1;
  uint32_t day = 1;
  friend bool operator==(const CivilDate&, const CivilDate&) = default;
};
/// The other way round: the date of a day counted from 1970-01-01.
CivilDate date_from_days(int64_t days);
/// Whether the date exists.
bool is_date(int64_t year, uint32_t month, uint32_t day);

}  // namespace switchyard
