#include "switchyard/expression/time_zone.h"

#include <algorithm>
#include <cstdlib>

#include "mistakes.h"
#include "switchyard/base/check.h"
#include "switchyard/types/time_text.h"

extern "C" {
// Made from zones/tzdata.zi by zones/embed.cmake, which describes the form.
extern const char switchyard_zone_rules[];
extern const char switchyard_zone_rules_end[];
extern const char switchyard_zone_rules_version[];
}

namespace switchyard::expression {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr int32_t kMaxOffset = 26 * 3600;
constexpr int64_t kDay = 86400;

int64_t big_endian(std::string_view bytes) {
  uint64_t value = static_cast<int8_t>(bytes[0]) < 0 ? ~uint64_t{0} : 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return static_cast<int64_t>(value);
}

/// The counts of one data block of the file.
struct Header {
  size_t ut_indicators, standard_indicators, leaps, transitions, types, letters;
  explicit Header(std::string_view at) {
    size_t* const fields[] = {&ut_indicators, &standard_indicators, &leaps, &transitions, &types, &letters};
    for (size_t i = 0; i < 6; ++i) *fields[i] = static_cast<uint32_t>(big_endian(at.substr(20 + 4 * i, 4)));
  }
  size_t body_bytes(size_t time_bytes) const {
    return transitions * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) +
           standard_indicators + ut_indicators;
  }
  bool sane() const {
    return transitions < 100000 && types > 0 && types <= 256 && letters < 4096 && leaps < 4096 &&
           standard_indicators <= 256 && ut_indicators <= 256;
  }
};

bool read_number(std::string_view& text, int least, int most, int& out) {
  size_t digits = 0;
  out = 0;
  while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9')
    out = out * 10 + (text[digits++] - '0');
  text.remove_prefix(digits);
  return digits > 0 && out >= least && out <= most;
}

/// "[+-]hh[:mm[:ss]]"
bool read_clock(std::string_view& text, int32_t& seconds) {
  int32_t sign = 1;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  int hours, minutes = 0, rest = 0;
  if (!read_number(text, 0, 167, hours)) return false;
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!read_number(text, 0, 59, minutes)) return false;
  }
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!read_number(text, 0, 59, rest)) return false;
  }
  seconds = sign * (hours * 3600 + minutes * 60 + rest);
  return true;
}

bool skip_abbreviation(std::string_view& text) {
  size_t size = 0;
  if (text.starts_with('<')) {
    size = text.find('>');
    if (size == std::string_view::npos) return false;
    ++size;
  } else {
    while (size < text.size() && ((text[size] | 32) >= 'a' && (text[size] | 32) <= 'z')) ++size;
  }
  text.remove_prefix(size);
  return size >= 3;
}

int64_t year_of(int64_t unix_seconds) {
  int64_t year = 1970 + unix_seconds / (365 * kDay);
  while (days_from_date(year, 1, 1) * kDay > unix_seconds) --year;
  while (days_from_date(year + 1, 1, 1) * kDay <= unix_seconds) ++year;
  return year;
}

/// Goes through the zones that the program holds.
struct EmbeddedZones {
  std::string_view rest{switchyard_zone_rules,
                        static_cast<size_t>(switchyard_zone_rules_end - switchyard_zone_rules)};
  std::string_view name;
  std::string_view file;

  bool next() {
    if (rest.empty()) return false;
    name = rest.substr(1, static_cast<uint8_t>(rest[0]));
    rest.remove_prefix(1 + name.size());
    size_t bytes = 0;
    for (size_t i = 4; i-- > 0;) bytes = bytes << 8 | static_cast<uint8_t>(rest[i]);
    file = rest.substr(4, bytes);
    rest.remove_prefix(4 + bytes);
    return true;
  }
};

bool same_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

}  // namespace

std::optional<int32_t> fixed_offset(std::string_view zone) {
  if (zone == "UTC" || zone == "Z" || zone == "GMT" || zone.empty()) return 0;
  const bool sign = zone[0] == '+' || zone[0] == '-';
  const auto digits = zone.substr(sign ? 1 : 0);
  if (digits.size() != 5 || digits[2] != ':') return std::nullopt;
  std::string_view rest = digits;
  int hours, minutes;
  if (!read_number(rest, 0, 23, hours)) return std::nullopt;
  rest.remove_prefix(1);
  if (!read_number(rest, 0, 59, minutes)) return std::nullopt;
  const int32_t offset = hours * 3600 + minutes * 60;
  return zone[0] == '-' ? -offset : offset;
}

std::optional<TimeZone> TimeZone::find(std::string_view name) {
  EmbeddedZones zones;
  while (zones.next())
    if (zones.name == name) return parse(zones.file);
  return std::nullopt;
}

TimeZone TimeZone::fixed(int32_t seconds_east) {
  SY_CHECK(std::abs(seconds_east) <= kMaxOffset);
  TimeZone zone;
  zone.first_offset_ = seconds_east;
  return zone;
}

std::optional<TimeZone> TimeZone::parse(std::string_view file) {
  if (file.size() < 2 * kHeaderBytes || !file.starts_with("TZif") || file[4] < '2') return std::nullopt;
  const Header old(file);
  if (!old.sane()) return std::nullopt;
  // The first block repeats the data with 32-bit times, for readers of long ago.
  const size_t second = kHeaderBytes + old.body_bytes(4);
  if (file.size() < second + kHeaderBytes) return std::nullopt;
  file.remove_prefix(second);
  const Header header(file);
  if (!file.starts_with("TZif") || !header.sane() || file.size() < kHeaderBytes + header.body_bytes(8))
    return std::nullopt;

  const auto times = file.substr(kHeaderBytes);
  const auto kinds = times.substr(header.transitions * 8);
  const auto types = kinds.substr(header.transitions);
  const auto offset_of_type = [&](size_t i) {
    return static_cast<int32_t>(big_endian(types.substr(i * 6, 4)));
  };
  TimeZone zone;
  zone.first_offset_ = offset_of_type(0);
  for (size_t i = 0; i < header.transitions; ++i) {
    const auto type = static_cast<uint8_t>(kinds[i]);
    if (type >= header.types) return std::nullopt;
    zone.transitions_.push_back(big_endian(times.substr(i * 8, 8)));
    zone.offsets_.push_back(offset_of_type(type));
    if (std::abs(zone.offsets_.back()) > kMaxOffset) return std::nullopt;
  }
  if (!std::is_sorted(zone.transitions_.begin(), zone.transitions_.end())) return std::nullopt;
  auto footer = file.substr(kHeaderBytes + header.body_bytes(8));
  if (footer.starts_with('\n')) footer.remove_prefix(1);
  Rule rule;
  if (read_rule(footer.substr(0, footer.find('\n')), rule)) zone.rule_ = rule;
  return zone;
}

bool TimeZone::read_rule(std::string_view text, Rule& rule) {
  int32_t west;
  if (!skip_abbreviation(text) || !read_clock(text, west)) return false;
  rule.standard = -west;  // POSIX counts westward
  if (text.empty()) return true;
  if (!skip_abbreviation(text)) return false;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!text.starts_with(',')) {
    if (!read_clock(text, west)) return false;
    rule.summer = -west;
  }
  if (!text.starts_with(',')) return false;
  text.remove_prefix(1);
  if (!read_change(text, rule.begins) || !text.starts_with(',')) return false;
  text.remove_prefix(1);
  return read_change(text, rule.ends) && text.empty();
}

bool TimeZone::read_change(std::string_view& text, Change& change) {
  if (text.starts_with('M')) {
    text.remove_prefix(1);
    change.form = Change::Form::kWeekday;
    if (!read_number(text, 1, 12, change.month) || !text.starts_with('.')) return false;
    text.remove_prefix(1);
    if (!read_number(text, 1, 5, change.week) || !text.starts_with('.')) return false;
    text.remove_prefix(1);
    if (!read_number(text, 0, 6, change.day)) return false;
  } else {
    change.form = Change::Form::kZeroBased;
    if (text.starts_with('J')) {
      change.form = Change::Form::kJulian;
      text.remove_prefix(1);
    }
    if (!read_number(text, 0, 365, change.day)) return false;
  }
  if (!text.starts_with('/')) return true;
  text.remove_prefix(1);
  return read_clock(text, change.second);
}

/// The second (UTC) of the change in that year, where `offset` holds until then.
int64_t TimeZone::Change::at(int64_t year, int32_t offset) const {
  int64_t days = 0;
  if (form == Form::kWeekday) {
    const int64_t first = days_from_date(year, static_cast<uint32_t>(month), 1);
    const int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    int64_t in_month = (day - weekday + 7) % 7 + 7 * (week - 1);
    while (!is_date(year, static_cast<uint32_t>(month), static_cast<uint32_t>(in_month + 1))) in_month -= 7;
    days = first + in_month;
  } else {
    days = days_from_date(year, 1, 1) + day;
    // The Julian form never counts 29 February.
    if (form == Form::kJulian) days += (is_date(year, 2, 29) && day >= 60 ? 1 : 0) - 1;
  }
  return days * kDay + second - offset;
}

int32_t TimeZone::offset_by_rule(int64_t unix_seconds) const {
  if (!rule_->has_summer) return rule_->standard;
  const int64_t year = year_of(unix_seconds + rule_->standard);
  const int64_t begins = rule_->begins.at(year, rule_->standard);
  const int64_t ends = rule_->ends.at(year, rule_->summer);
  const bool summer = begins < ends ? unix_seconds >= begins && unix_seconds < ends
                                    : unix_seconds >= begins || unix_seconds < ends;
  return summer ? rule_->summer : rule_->standard;
}

int32_t TimeZone::offset_at(int64_t unix_seconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds);
  if (after == transitions_.end() && rule_.has_value()) return offset_by_rule(unix_seconds);
  if (after == transitions_.begin()) return first_offset_;
  return offsets_[static_cast<size_t>(after - transitions_.begin()) - 1];
}

std::optional<int64_t> TimeZone::change_by_rule(int64_t unix_seconds) const {
  if (!rule_->has_summer) return std::nullopt;
  std::optional<int64_t> first;
  // A change stands in its local year, which may be the neighbour of the year in UTC.
  const int64_t year = year_of(unix_seconds + rule_->standard);
  for (int64_t candidate = year - 1; candidate <= year + 1; ++candidate) {
    for (const int64_t at :
         {rule_->begins.at(candidate, rule_->standard), rule_->ends.at(candidate, rule_->summer)})
      if (at > unix_seconds && (!first.has_value() || at < *first)) first = at;
  }
  return first;
}

std::optional<int64_t> TimeZone::next_change_after(int64_t unix_seconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds);
  if (after != transitions_.end()) return *after;
  return rule_.has_value() ? change_by_rule(unix_seconds) : std::nullopt;
}

int64_t TimeZone::first_showing(int64_t local_seconds) const {
  // Everywhere before this the clocks show less.
  int64_t from = local_seconds - kMaxOffset;
  while (true) {
    const int64_t reached = std::max(from, local_seconds - offset_at(from));
    const auto change = next_change_after(from);
    if (!change.has_value() || reached < *change) return reached;
    from = *change;
  }
}

std::string_view zone_rules_version() { return switchyard_zone_rules_version; }

std::vector<std::string_view> zone_names() {
  std::vector<std::string_view> names;
  EmbeddedZones zones;
  while (zones.next()) names.push_back(zones.name);
  return names;
}

std::string_view nearest_zone_name(std::string_view name) {
  const auto names = zone_names();
  for (const auto known : names)
    if (same_but_for_case(known, name)) return known;
  // "Berlin" for Europe/Berlin: people leave the continent out.
  for (const auto known : names)
    if (same_but_for_case(known.substr(known.rfind('/') + 1), name)) return known;
  return nearest_name(name, names);
}

}  // namespace switchyard::expression
