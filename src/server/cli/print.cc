#include "cli/print.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <unistd.h>

#include "switchyard/types/json.h"

namespace switchyard::server::cli {
namespace {

bool colours() {
  static const bool use = [] {
    const char* none = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && (none == nullptr || *none == '\0') && term != nullptr &&
           std::string_view(term) != "dumb";
  }();
  return use;
}

/// The bytes of the first `width` code points.
size_t prefix_bytes(std::string_view text, size_t width) {
  size_t at = 0;
  while (at < text.size() && width > 0) {
    ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) ++at;
    --width;
  }
  return at;
}

std::string fixed(double value, int digits, const char* unit) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f %s", digits, value, unit);
  return text;
}

}  // namespace

std::string paint(std::string_view text, Colour colour) {
  static constexpr const char* kCodes[] = {"0", "1", "2", "31", "32", "33", "34"};
  if (colour == Colour::kNone || text.empty() || !colours()) return std::string(text);
  return "\x1b[" + std::string(kCodes[static_cast<size_t>(colour)]) + "m" + std::string(text) + "\x1b[0m";
}

Colour colour_of_status(std::string_view status) {
  if (status == "completed" || status == "answered" || status == "ready" || status == "identical")
    return Colour::kGreen;
  if (status == "waiting" || status == "running" || status == "open" || status == "claimed" ||
      status == "completed by fallback")
    return Colour::kYellow;
  if (status.starts_with("failed") || status == "cancelled" || status == "killed" || status == "different")
    return Colour::kRed;
  if (status.starts_with("skipped") || status == "pending" || status == "closed") return Colour::kDim;
  return Colour::kNone;
}

std::string plain(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    // C1 controls, which some terminals obey as well, are C2 80..9F in UTF-8.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    out += c1 || byte < 0x20 || byte == 0x7F ? ' ' : text[i];
  }
  return out;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

std::string shorten(std::string_view text, size_t width) {
  if (width_of(text) <= width) return std::string(text);
  return std::string(text.substr(0, prefix_bytes(text, width - 1))) + "…";
}

std::string raw_text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}
std::string text_of(const Value& object, std::string_view name) { return plain(raw_text_of(object, name)); }

int64_t integer_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kInteger) ? value->as_integer() : 0;
}
double real_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is_number() ? value->to_double() : 0;
}
bool bool_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kBool) && value->as_bool();
}
std::span<const Value> items_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  if (value == nullptr || !value->is(Kind::kList)) return {};
  return value->items();
}

std::string duration_text(int64_t us) {
  if (us < 0) return "-" + duration_text(-us);
  if (us < 1'000) return std::to_string(us) + " µs";
  if (us < 1'000'000) return fixed(static_cast<double>(us) / 1e3, us < 100'000 ? 1 : 0, "ms");
  if (us < 60'000'000) return fixed(static_cast<double>(us) / 1e6, 1, "s");
  const int64_t seconds = us / 1'000'000;
  const auto two = [](int64_t large, const char* unit, int64_t small, const char* rest) {
    return std::to_string(large) + " " + unit + (small == 0 ? "" : " " + std::to_string(small) + " " + rest);
  };
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

int64_t time_us(std::string_view rfc3339) {
  std::tm tm{};
  const std::string copy(rfc3339);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (end == nullptr) return 0;
  int64_t us = static_cast<int64_t>(timegm(&tm)) * 1'000'000;
  int64_t scale = 100'000;
  if (*end == '.')
    for (++end; *end >= '0' && *end <= '9'; ++end, scale /= 10) us += (*end - '0') * scale;
  return us;
}

std::string when_text(std::string_view rfc3339) {
  if (rfc3339.size() < 19 || rfc3339[10] != 'T') return plain(rfc3339);
  return std::string(rfc3339.substr(0, 10)) + " " + std::string(rfc3339.substr(11, 8));
}

std::string time_text(int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char text[40];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

std::string number_text(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

void Table::print() const {
  std::vector<size_t> widths;
  for (const auto& name : head_) widths.push_back(width_of(name));
  for (const auto& row : cells_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i].text));
  const auto line = [&](auto&& text_at, auto&& colour_at, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) {
      const std::string& text = text_at(i);
      out += paint(text, colour_at(i));
      if (i + 1 < count) out.append(widths[i] - width_of(text) + 2, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    std::printf("%s\n", out.c_str());
  };
  line([&](size_t i) -> const std::string& { return head_[i]; }, [](size_t) { return Colour::kDim; },
       head_.size());
  for (const auto& row : cells_)
    line([&](size_t i) -> const std::string& { return row[i].text; }, [&](size_t i) { return row[i].colour; },
         row.size());
}

}  // namespace switchyard::server::cli
