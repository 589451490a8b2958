#include "cron_text.h"

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/types/time_text.h"

namespace switchyard::schedule {
namespace {

struct FieldSpec {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> names;
  int first_named;  ///< the value of names[0]
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr FieldSpec kFields[] = {{"minute", 0, 59, {}, 0},
                                 {"hour", 0, 23, {}, 0},
                                 {"day of month", 1, 31, {}, 0},
                                 {"month", 1, 12, kMonths, 1},
                                 {"day of week", 0, 7, kWeekdays, 0}};
constexpr size_t kWeekdayField = 4;
constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

/// Reads one field.
class FieldReader {
 public:
  explicit FieldReader(const FieldSpec& spec) : spec_(spec) {}

  Result<uint64_t> read(std::string_view text) const {
    uint64_t set = 0;
    std::string_view rest = text;
    while (true) {
      const size_t comma = rest.find(',');
      const auto part = rest.substr(0, comma);
      if (part.empty())
        return error("has an empty place in the list " + quoted(text), "take the spare comma out");
      SY_ASSIGN_OR_RETURN(const uint64_t more, read_part(part));
      set |= more;
      if (comma == std::string_view::npos) return set;
      rest.remove_prefix(comma + 1);
    }
  }

 private:
  Error error(const std::string& what, const std::string& mend) const {
    return make_error(ErrorKind::kInvalidArgument, "schedule.bad_cron",
                      "the " + std::string(spec_.name) + " " + what + "; " + mend, std::string(spec_.name));
  }

  std::string allowed() const {
    std::string out = "write " + std::to_string(spec_.least) + " to " + std::to_string(spec_.most);
    if (!spec_.names.empty())
      out += " or " + std::string(spec_.names.front()) + " to " + std::string(spec_.names.back());
    return out;
  }

  /// "*", "a", "a-b", each with "/n" behind; "a/n" is refused as Vixie's cron does.
  Result<uint64_t> read_part(std::string_view part) const {
    const size_t slash = part.find('/');
    const auto range = part.substr(0, slash);
    int first = spec_.least;
    int last = spec_.most;
    bool single = false;
    if (range != "*") {
      const size_t dash = range.find('-');
      SY_ASSIGN_OR_RETURN(first, read_value(range.substr(0, dash), part));
      last = first;
      single = dash == std::string_view::npos;
      if (!single) {
        SY_ASSIGN_OR_RETURN(last, read_value(range.substr(dash + 1), part));
        if (last == 0 && first > 0 && spec_.most == 7) last = 7;  // "fri-sun"
        if (last < first) return backwards(range, first, last);
      }
    }
    int step = 1;
    if (slash != std::string_view::npos) {
      const auto digits = part.substr(slash + 1);
      if (single)
        return error("has a step after the single value " + quoted(range),
                     "write the range it goes through, as '" + std::string(range) + "-" +
                         std::to_string(spec_.most) + "/" + std::string(digits) + "'");
      if (!read_number(digits, step) || step == 0 || step > spec_.most)
        return error("has the step " + quoted(digits),
                     "write a whole number from 1 to " + std::to_string(spec_.most));
    }
    uint64_t set = 0;
    for (int value = first; value <= last; value += step) set |= uint64_t{1} << value;
    return set;
  }

  Error backwards(std::string_view range, int first, int last) const {
    const auto number = [](int n) { return std::to_string(n); };
    return error("has the range " + quoted(range) + ", which runs backwards",
                 "write '" + number(first) + "-" + number(spec_.most == 7 ? 6 : spec_.most) + "," +
                     number(spec_.least) + "-" + number(last) + "'");
  }

  Result<int> read_value(std::string_view text, std::string_view part) const {
    int value = 0;
    if (read_number(text, value)) {
      if (value >= spec_.least && value <= spec_.most) return value;
      return error("is " + quoted(text), allowed());
    }
    const auto name = lowered(text);
    for (size_t i = 0; i < spec_.names.size(); ++i)
      if (name == spec_.names[i]) return spec_.first_named + static_cast<int>(i);
    // "monday": whoever writes the whole name is told the short one.
    for (const auto known : spec_.names)
      if (name.size() > known.size() && name.starts_with(known))
        return error("is " + quoted(text), "write '" + std::string(known) + "'");
    if (text.find_first_of("?LWH#") != std::string_view::npos)
      return error("has " + quoted(part) + ", which other schedulers know but cron does not",
                   "write '*' for any, or numbers");
    return error(text.empty() ? "has " + quoted(part) : "is " + quoted(text), allowed());
  }

  static bool read_number(std::string_view text, int& out) {
    if (text.empty() || text.size() > 4) return false;
    out = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return false;
      out = out * 10 + (c - '0');
    }
    return true;
  }

  const FieldSpec& spec_;
};

Error whole_error(std::string message) {
  return make_error(ErrorKind::kInvalidArgument, "schedule.bad_cron", std::move(message));
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = text.find_first_not_of(kBlank, at)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Error nickname_error(std::string_view word) {
  std::string known;
  for (const auto& [name, meaning] : kNicknames) known += (known.empty() ? "" : ", ") + std::string(name);
  if (lowered(word) == "@reboot")
    return whole_error("'@reboot' is no time; write one of " + known + ", or five fields");
  return whole_error("there is no " + quoted(word) + "; write one of " + known + ", or five fields");
}

/// Where only the day of the month decides, it has to exist in one of the months.
bool some_day_exists(const Cron::Sets& sets) {
  if (!sets.any_weekday && !sets.any_day) return true;
  for (uint32_t month = 1; month <= 12; ++month) {
    if ((sets.months >> month & 1) == 0) continue;
    for (uint32_t day = 1; day <= 31; ++day)
      if ((sets.days >> day & 1) != 0 && is_date(2000, month, day)) return true;
  }
  return false;
}

}  // namespace

Result<Cron::Sets> read_cron(std::string_view text) {
  if (text.size() > kMaxCronBytes)
    return whole_error("the cron expression has " + std::to_string(text.size()) + " bytes; at most " +
                       std::to_string(kMaxCronBytes) + " (kMaxCronBytes) are allowed");
  auto words = words_of(text);
  if (!words.empty() && words[0].starts_with('@')) {
    const auto name = lowered(words[0]);
    const auto* const known = std::find_if(std::begin(kNicknames), std::end(kNicknames),
                                           [&](const auto& n) { return n.first == name; });
    if (known == std::end(kNicknames)) return nickname_error(words[0]);
    if (words.size() > 1) return whole_error(quoted(words[0]) + " stands alone; take away what follows it");
    words = words_of(known->second);
  }
  if (words.size() != std::size(kFields)) {
    std::string message =
        "a cron expression has five fields (minute, hour, day of month, month, day of week), and " +
        quoted(text) + " has " + std::to_string(words.size());
    if (words.size() == 6) message += "; take away the one for seconds or for the year";
    return whole_error(message + "; write for example '30 6 * * mon-fri'");
  }
  uint64_t values[std::size(kFields)];
  for (size_t i = 0; i < std::size(kFields); ++i) {
    SY_ASSIGN_OR_RETURN(values[i], FieldReader(kFields[i]).read(words[i]));
  }
  Cron::Sets sets{values[0], values[1], values[2], values[3], values[kWeekdayField], false, false};
  sets.weekdays = (sets.weekdays | sets.weekdays >> 7) & 0x7F;  // 7 is Sunday too
  sets.any_day = words[2].starts_with('*');
  sets.any_weekday = words[kWeekdayField].starts_with('*');
  if (!some_day_exists(sets))
    return make_error(ErrorKind::kInvalidArgument, "schedule.never",
                      "the day of month " + quoted(words[2]) + " never comes in the month " +
                          quoted(words[3]) + "; write a day that the month has",
                      "day of month");
  return sets;
}

}  // namespace switchyard::schedule
