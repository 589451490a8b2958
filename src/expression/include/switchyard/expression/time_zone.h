#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::expression {

/// Offsets from UTC over time. The rules are part of the program (version: zone_rules_version()), so every
/// machine with the same build counts alike. Immutable; any thread may read.
class TimeZone {
 public:
  /// The zone of that name in the IANA database, as "Europe/Berlin"; case matters. Nothing when there is
  /// none.
  static std::optional<TimeZone> find(std::string_view name);
  /// The same offset at all times; |seconds_east| at most 26 hours (CHECKed).
  static TimeZone fixed(int32_t seconds_east);
  /// From the bytes of a time zone file (RFC 8536, version 2 or later). Nothing when not understood.
  static std::optional<TimeZone> parse(std::string_view file);

  /// Seconds east of UTC at that second.
  int32_t offset_at(int64_t unix_seconds) const;
  /// The first second after this one from which another rule holds (perhaps with the same offset). Nothing
  /// when the last rule holds already.
  std::optional<int64_t> next_change_after(int64_t unix_seconds) const;
  /// The first second at which the clocks of the zone show `local_seconds` or later; local seconds count from
  /// 1970-01-01T00:00:00 on those clocks. So a time that occurs twice is taken the first time, and one that
  /// is skipped is the moment of the skip. Never decreases as `local_seconds` grows.
  int64_t first_showing(int64_t local_seconds) const;

 private:
  /// "M3.2.0/2": the week and day of a month when the clocks change, in local seconds of that day.
  struct Change {
    enum class Form : uint8_t { kWeekday, kJulian, kZeroBased } form = Form::kWeekday;
    int month = 0;
    int week = 0;
    int day = 0;
    int32_t second = 7200;
    int64_t at(int64_t year, int32_t offset) const;
  };
  /// The rule for all time after the last transition.
  struct Rule {
    int32_t standard = 0;
    int32_t summer = 0;
    bool has_summer = false;
    Change begins;
    Change ends;
  };
  static bool read_rule(std::string_view text, Rule& rule);
  static bool read_change(std::string_view& text, Change& change);
  int32_t offset_by_rule(int64_t unix_seconds) const;
  std::optional<int64_t> change_by_rule(int64_t unix_seconds) const;

  std::vector<int64_t> transitions_;
  std::vector<int32_t> offsets_;  ///< from transitions_[i] on
  int32_t first_offset_ = 0;
  std::optional<Rule> rule_;
};

/// "UTC", "Z", "+02:00", "-09:30", "02:00" in seconds east of UTC; nothing for other names.
std::optional<int32_t> fixed_offset(std::string_view zone);

/// The version of the rules that this program holds, as "2025b".
std::string_view zone_rules_version();
/// The names of all zones, sorted by bytes; they live as long as the program.
std::vector<std::string_view> zone_names();
/// The zone that was probably meant by a name that find() does not know; empty when there is none like it.
std::string_view nearest_zone_name(std::string_view name);

}  // namespace switchyard::expression
