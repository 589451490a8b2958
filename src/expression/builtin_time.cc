// timestamp(), duration(), their parts, and arithmetic on them.
#include <array>
#include <limits>

#include "builtin.h"
#include "switchyard/types/time_text.h"

namespace switchyard::expression {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z
// A duration is what 64 bits of nanoseconds hold: about 292 years either way.
constexpr auto kMostNanos = static_cast<__int128>(std::numeric_limits<int64_t>::max());

__int128 total_nanos(const Value& time) {
  return static_cast<__int128>(time.seconds()) * kNanosPerSecond + time.nanos();
}

bool make_duration(__int128 nanos, Value& out) {
  if (nanos > kMostNanos || nanos < -kMostNanos) return false;
  out = Value::duration(static_cast<int64_t>(nanos / kNanosPerSecond),
                        static_cast<int32_t>(nanos % kNanosPerSecond));
  return true;
}

bool make_timestamp(__int128 nanos, Value& out) {
  __int128 seconds = nanos / kNanosPerSecond;
  auto rest = static_cast<int32_t>(nanos % kNanosPerSecond);
  if (rest < 0) {
    --seconds;
    rest += static_cast<int32_t>(kNanosPerSecond);
  }
  if (seconds < kFirstSecond || seconds > kLastSecond) return false;
  out = Value::timestamp(static_cast<int64_t>(seconds), rest);
  return true;
}

/// "1h30m", "-1.5s", "250ms". Exact; fractions below a nanosecond are cut off.
enum class Read : uint8_t { kFine, kMalformed, kTooLong };
Read read_duration(std::string_view text, __int128& nanos) {
  nanos = 0;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Read::kFine;
  if (text.empty()) return Read::kMalformed;
  struct Unit {
    std::string_view name;
    int64_t nanos;
  };
  static constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                                  {"us", 1'000},
                                                  {"µs", 1'000},
                                                  {"μs", 1'000},
                                                  {"ms", 1'000'000},
                                                  {"s", kNanosPerSecond},
                                                  {"m", 60 * kNanosPerSecond},
                                                  {"h", 3600 * kNanosPerSecond}}};
  while (!text.empty()) {
    __int128 number = 0;
    __int128 scale = 1;
    bool digits = false;
    bool point = false;
    size_t i = 0;
    for (; i < text.size(); ++i) {
      if (text[i] == '.' && !point) {
        point = true;
        continue;
      }
      if (text[i] < '0' || text[i] > '9') break;
      digits = true;
      if (point && scale > kMostNanos) continue;  // digits far below a nanosecond
      if (number > kMostNanos * kNanosPerSecond * 1000) return Read::kTooLong;
      number = number * 10 + (text[i] - '0');
      if (point) scale *= 10;
    }
    if (!digits) return Read::kMalformed;
    text.remove_prefix(i);
    const Unit* unit = nullptr;
    for (const auto& candidate : kUnits) {
      if (!text.starts_with(candidate.name)) continue;
      unit = &candidate;
      break;
    }
    if (unit == nullptr) return Read::kMalformed;
    text.remove_prefix(unit->name.size());
    const __int128 whole = number / scale;
    if (whole > kMostNanos) return Read::kTooLong;
    nanos += whole * unit->nanos + number % scale * unit->nanos / scale;
    if (nanos > kMostNanos) return Read::kTooLong;
  }
  if (negative) nanos = -nanos;
  return Read::kFine;
}

bool to_timestamp(Call& c) {
  const Value& v = c[0];
  if (v.is(Kind::kTimestamp)) return c.give(v);
  if (v.is(Kind::kInteger)) {
    if (v.as_integer() < kFirstSecond || v.as_integer() > kLastSecond)
      return c.fail(FaultCode::kOverflow, "a timestamp is in the years 0001 to 9999", v);
    return c.give(Value::timestamp(v.as_integer(), 0));
  }
  if (!v.is(Kind::kString)) return c.no_overload();
  const auto parsed = parse_timestamp(v.as_string());
  if (!parsed)
    return c.fail(FaultCode::kConversion,
                  "it is not RFC 3339 of the years 0001 to 9999, as 2025-01-31T12:00:00Z", v);
  return c.give(Value::timestamp(parsed->seconds, parsed->nanos));
}

bool to_duration(Call& c) {
  const Value& v = c[0];
  if (v.is(Kind::kDuration)) return c.give(v);
  if (!v.is(Kind::kString)) return c.no_overload();
  __int128 nanos;
  Value out;
  switch (read_duration(v.as_string(), nanos)) {
    case Read::kMalformed:
      return c.fail(FaultCode::kConversion, "it is not a duration as 1h30m, 1.5s or 250ms", v);
    case Read::kTooLong: return c.fail(FaultCode::kOverflow, "a duration is at most about 292 years", v);
    case Read::kFine: break;
  }
  if (!make_duration(nanos, out))
    return c.fail(FaultCode::kOverflow, "a duration is at most about 292 years", v);
  return c.give(out);
}

enum class Part : uint8_t {
  kYear,
  kMonth,
  kDate,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kHours,
  kMinutes,
  kSeconds,
  kMillis
};

bool zone_offset(Call& c, int64_t& offset) {
  offset = 0;
  if (c.count < 2) return true;
  if (!c.is(1, Kind::kString)) return c.no_overload();
  const auto name = c[1].as_string();
  if (const auto fixed = fixed_offset(name)) {
    offset = *fixed;
    return true;
  }
  for (const auto& [known, zone] : c.code.zones) {
    if (known != name) continue;
    offset = zone.offset_at(c[0].seconds());
    return true;
  }
  // A name that is known only now is looked for among all.
  constexpr uint64_t kLookUpCost = 100;
  if (!c.charge(kLookUpCost)) return false;
  if (const auto zone = TimeZone::find(name)) {
    offset = zone->offset_at(c[0].seconds());
    return true;
  }
  return c.fail(FaultCode::kBadArgument,
                "it is no time zone: write an offset as '+02:00', or a name as 'Europe/Berlin'", c[1]);
}

template <Part part>
bool timestamp_part(Call& c) {
  if (!c.is(0, Kind::kTimestamp)) return c.no_overload();
  int64_t offset;
  if (!zone_offset(c, offset)) return false;
  const int64_t local = c[0].seconds() + offset;
  const int64_t days = local / kSecondsPerDay - (local % kSecondsPerDay < 0 ? 1 : 0);
  const int64_t second = local - days * kSecondsPerDay;
  switch (part) {
    case Part::kYear: return c.give(Value::integer(date_from_days(days).year));
    case Part::kMonth: return c.give(Value::integer(date_from_days(days).month - 1));
    case Part::kDate: return c.give(Value::integer(date_from_days(days).day));
    case Part::kDayOfMonth: return c.give(Value::integer(date_from_days(days).day - 1));
    case Part::kDayOfWeek: return c.give(Value::integer(((days + 4) % 7 + 7) % 7));
    case Part::kDayOfYear:
      return c.give(Value::integer(days - days_from_date(date_from_days(days).year, 1, 1)));
    case Part::kHours: return c.give(Value::integer(second / 3600));
    case Part::kMinutes: return c.give(Value::integer(second / 60 % 60));
    case Part::kSeconds: return c.give(Value::integer(second % 60));
    case Part::kMillis: return c.give(Value::integer(c[0].nanos() / 1'000'000));
  }
  return c.no_overload();
}

/// Of a timestamp its clock, of a duration the whole of it in that unit.
template <Part part>
bool clock_part(Call& c) {
  if (!c.is(0, Kind::kDuration)) return timestamp_part<part>(c);
  if (c.count > 1) return c.no_overload();
  const int64_t seconds = c[0].seconds();
  if (part == Part::kHours) return c.give(Value::integer(seconds / 3600));
  if (part == Part::kMinutes) return c.give(Value::integer(seconds / 60));
  if (part == Part::kSeconds) return c.give(Value::integer(seconds));
  return c.give(Value::integer(c[0].nanos() / 1'000'000));
}

}  // namespace

bool add_times(const Value& a, const Value& b, Value& out) {
  const __int128 sum = total_nanos(a) + total_nanos(b);
  return a.is(Kind::kTimestamp) || b.is(Kind::kTimestamp) ? make_timestamp(sum, out)
                                                          : make_duration(sum, out);
}

bool subtract_times(const Value& a, const Value& b, Value& out) {
  const __int128 difference = total_nanos(a) - total_nanos(b);
  return a.is(Kind::kTimestamp) && b.is(Kind::kDuration) ? make_timestamp(difference, out)
                                                         : make_duration(difference, out);
}

std::span<const BuiltinSpec> time_builtins() {
  static const std::vector<const char*> kDated = {"timestamp -> int", "timestamp, string -> int"};
  static const std::vector<const char*> kClock = {"timestamp -> int", "timestamp, string -> int",
                                                  "duration -> int"};
  static const BuiltinSpec kSpecs[] = {
      {"timestamp",
       false,
       to_timestamp,
       {"timestamp -> timestamp", "string -> timestamp", "int -> timestamp"}},
      {"duration", false, to_duration, {"duration -> duration", "string -> duration"}},
      {"getFullYear", true, timestamp_part<Part::kYear>, kDated},
      {"getMonth", true, timestamp_part<Part::kMonth>, kDated},
      {"getDate", true, timestamp_part<Part::kDate>, kDated},
      {"getDayOfMonth", true, timestamp_part<Part::kDayOfMonth>, kDated},
      {"getDayOfWeek", true, timestamp_part<Part::kDayOfWeek>, kDated},
      {"getDayOfYear", true, timestamp_part<Part::kDayOfYear>, kDated},
      {"getHours", true, clock_part<Part::kHours>, kClock},
      {"getMinutes", true, clock_part<Part::kMinutes>, kClock},
      {"getSeconds", true, clock_part<Part::kSeconds>, kClock},
      {"getMilliseconds", true, clock_part<Part::kMillis>, kClock},
  };
  return kSpecs;
}

}  // namespace switchyard::expression
