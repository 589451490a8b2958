#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::expression {

/// Offsets from UTC over time, as the system's time zone files (RFC 8536) give them.
class TimeZone {
 public:
  /// Reads /usr/share/zoneinfo/<name>. Nothing when there is no such zone or the file is not understood.
  static std::optional<TimeZone> load(std::string_view name);
  /// From the bytes of such a file.
  static std::optional<TimeZone> parse(std::string_view file);

  /// Seconds east of UTC at that second.
  int32_t offset_at(int64_t unix_seconds) const;

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

  std::vector<int64_t> transitions_;
  std::vector<int32_t> offsets_;  ///< from transitions_[i] on
  int32_t first_offset_ = 0;
  std::optional<Rule> rule_;
};

/// "UTC", "Z", "+02:00", "-09:30", "02:00" in seconds east of UTC; nothing for other names.
std::optional<int32_t> fixed_offset(std::string_view zone);

}  // namespace switchyard::expression
