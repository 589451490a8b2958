#include "log_line.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <iterator>

#include "switchyard/types/json.h"
#include "switchyard/types/utf8.h"

namespace switchyard::telemetry {
namespace {

/// A single value longer than this is cut: it is a document, not a field.
constexpr size_t kMaxValueBytes = 4096;
static_assert(kMaxValueBytes * 3 + 256 < kMaxLogLineBytes);

/// Valid UTF-8 of a sensible length, whatever came in. `room` holds the result where it differs.
std::string_view printable(std::string_view text, std::string& room) {
  const bool cut = text.size() > kMaxValueBytes;
  if (cut) {
    text = text.substr(0, kMaxValueBytes);
    // Not in the middle of a character.
    for (int i = 0; i < 3 && !text.empty() && (static_cast<uint8_t>(text.back()) & 0xC0) == 0x80; ++i)
      text.remove_suffix(1);
    if (!text.empty() && static_cast<uint8_t>(text.back()) >= 0xC0) text.remove_suffix(1);
  }
  if (!is_valid_utf8(text)) {
    for (const char c : text) {
      if (static_cast<uint8_t>(c) < 0x80)
        room.push_back(c);
      else
        room += "\uFFFD";
    }
  } else if (cut) {
    room = text;
  } else {
    return text;
  }
  if (cut) room += "...";
  return room;
}

void append_json_text(std::string_view text, std::string& out) {
  std::string room;
  append_json_string(printable(text, room), out);
}

void append_plain_text(std::string_view text, std::string& out) {
  std::string room;
  text = printable(text, room);
  bool plain = !text.empty();
  for (const char c : text)
    if (static_cast<uint8_t>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f ||
        static_cast<uint8_t>(c) == 0xC2)
      plain = false;
  if (plain) {
    out += text;
    return;
  }
  const size_t begin = out.size();
  append_json_string(text, out);
  // JSON lets DEL and the C1 controls (C2 80..9F) through; a terminal acts on them.
  for (size_t i = begin; i < out.size(); ++i) {
    const auto c = static_cast<uint8_t>(out[i]);
    if (c == 0x7f) out[i] = '?';
    if (c == 0xC2 && i + 1 < out.size() && static_cast<uint8_t>(out[i + 1]) < 0xA0) {
      out[i] = '?';
      out.erase(i + 1, 1);
    }
  }
}

template <typename AppendText>
void append_value(const LogField::Value& value, std::string& out, AppendText append_text) {
  if (const auto* text = std::get_if<std::string_view>(&value))
    append_text(*text, out);
  else if (const auto* flag = std::get_if<bool>(&value))
    out += *flag ? "true" : "false";
  else if (const auto* i = std::get_if<int64_t>(&value))
    fmt::format_to(std::back_inserter(out), "{}", *i);
  else if (const auto* u = std::get_if<uint64_t>(&value))
    fmt::format_to(std::back_inserter(out), "{}", *u);
  else if (const auto* id = std::get_if<const RunId*>(&value))
    append_text((*id)->to_string(), out);
  else if (const auto* error = std::get_if<const Error*>(&value))
    append_text((*error)->to_string(), out);
  else if (const double d = std::get<double>(value); std::isfinite(d))
    fmt::format_to(std::back_inserter(out), "{}", d);
  else
    append_text(std::isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity", out);
}

constexpr std::string_view kTruncatedJson = ",\"truncated\":true";
constexpr std::string_view kTruncatedText = " truncated=true";

/// Appends the fields as long as they fit.
template <typename AppendField>
void append_fields(LogFields fields, std::string& out, std::string_view truncated, AppendField append_field) {
  for (const auto& field : fields) {
    const size_t before = out.size();
    append_field(field, out);
    if (out.size() + truncated.size() + 2 <= kMaxLogLineBytes) continue;
    out.resize(before);
    out += truncated;
    return;
  }
}

}  // namespace

void append_json_field(const LogField& field, std::string& out) {
  out.push_back(',');
  append_json_text(field.key(), out);
  out.push_back(':');
  append_value(field.value(), out, append_json_text);
}

void append_text_field(const LogField& field, std::string& out) {
  out.push_back(' ');
  out += field.key();
  out.push_back('=');
  append_value(field.value(), out, append_plain_text);
}

void append_time_us(int64_t us, std::string& out) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds(us)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(time - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), clock.subseconds().count());
}

std::string json_line(const LogHead& head, std::string_view bound, LogFields fields) {
  std::string out = "{\"time\":\"";
  append_time_us(head.time_us, out);
  out += "\",\"level\":\"";
  out += log_level_name(head.level);
  out += "\",\"module\":";
  append_json_text(head.module, out);
  out += ",\"message\":";
  append_json_text(head.message, out);
  if (out.size() + bound.size() + kTruncatedJson.size() + 2 <= kMaxLogLineBytes) out += bound;
  append_fields(fields, out, kTruncatedJson, append_json_field);
  out += "}\n";
  return out;
}

std::string text_line(const LogHead& head, std::string_view bound, LogFields fields, bool colour) {
  static constexpr std::string_view kNames[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
  static constexpr std::string_view kColours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
  const auto level = static_cast<size_t>(head.level);
  std::string time;
  append_time_us(head.time_us, time);
  std::string out = time.substr(11, 12);  // to the millisecond; the day is known to who watches
  out.push_back(' ');
  if (colour) out += kColours[level];
  out += kNames[level];
  if (colour) out += "\033[0m";
  fmt::format_to(std::back_inserter(out), " {:<10} ", head.module);
  std::string room;
  out += printable(head.message, room);
  if (out.size() + bound.size() + kTruncatedText.size() + 2 <= kMaxLogLineBytes) out += bound;
  append_fields(fields, out, kTruncatedText, append_text_field);
  out.push_back('\n');
  return out;
}

}  // namespace switchyard::telemetry
