#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/expression/time_zone.h"
#include "switchyard/schedule/limits.h"

namespace switchyard::schedule {

/// What next_after_us() gives where int64_t holds no later moment.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

/// The moments that a cron expression names in a time zone. A value; any thread may read.
class Cron {
 public:
  /// The first moment after `unix_us`, both in microseconds since 1970-01-01T00:00:00Z; whole seconds, and
  /// whole minutes where the zone's offset is. kNever when int64_t cannot hold it.
  ///
  /// A local time that the clocks skip counts at the moment of the skip; all that one skip swallows is one
  /// moment. A local time that they show twice counts the first time only, so `0 * * * *` pauses for an hour
  /// when summer ends; who wants an even rhythm takes Every, or the zone UTC.
  int64_t next_after_us(int64_t unix_us) const;

  const std::string& text() const { return text_; }
  const std::string& zone() const { return zone_name_; }

  /// The values each field allows, a bit for each.
  struct Sets {
    uint64_t minutes = 0;
    uint64_t hours = 0;
    uint64_t days = 0;      ///< of the month, from bit 1
    uint64_t months = 0;    ///< from bit 1
    uint64_t weekdays = 0;  ///< Sunday is bit 0
    bool any_day = false;   ///< the day of the month was written with a leading `*`
    bool any_weekday = false;
  };

 private:
  friend Result<Cron> parse_cron(std::string_view text, std::string_view zone);
  Cron(std::string text, std::string zone_name, const Sets& sets, expression::TimeZone zone);
  bool names_day(int64_t days) const;

  std::string text_;
  std::string zone_name_;
  Sets sets_;
  expression::TimeZone zone_;
};

/// A cron expression of five fields (minute, hour, day of month, month, day of week), as POSIX and Vixie's
/// cron have them: `*`, values, ranges `1-5`, steps `*/15` and `10-40/10`, lists `1,15`; months and days of
/// the week also by name (`jan`, `mon`; case does not matter); Sunday is 0 or 7. Where neither day field
/// begins with `*`, a day that either of them names is meant. Or one of @hourly, @daily (@midnight), @weekly,
/// @monthly, @yearly
/// (@annually). `zone`: a name of the IANA database as "Europe/Berlin", "UTC", or an offset as "+02:00".
///
/// Errors (kInvalidArgument): schedule.bad_cron, with the field's name in `field` ("minute", "hour",
/// "day of month", "month", "day of week"; empty where it concerns all), schedule.never,
/// schedule.unknown_zone
/// (`field` "zone"). Messages name the mend.
Result<Cron> parse_cron(std::string_view text, std::string_view zone);

/// Every so long, counted from 1970-01-01T00:00:00Z: `15m` is at :00, :15, :30 and :45, whoever asks.
class Every {
 public:
  /// The first multiple of the period after `unix_us`; kNever when int64_t cannot hold it.
  int64_t next_after_us(int64_t unix_us) const;
  int64_t period_us() const { return period_us_; }

 private:
  friend Result<Every> every_us(int64_t period_us);
  explicit Every(int64_t period_us) : period_us_(period_us) {}
  int64_t period_us_;
};

/// Requires kMinPeriodUs to kMaxPeriodUs, else kInvalidArgument schedule.bad_period.
Result<Every> every_us(int64_t period_us);
/// A period as "15m", "1h30m", "90s", "1d": whole numbers with d, h, m, s, the greater unit first. Errors as
/// every_us().
Result<Every> parse_every(std::string_view text);

}  // namespace switchyard::schedule
