#include "formats.h"

#include <algorithm>
#include <string>

#include "switchyard/types/time_text.h"

namespace switchyard::schema {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

template <typename Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

bool is_date_time(std::string_view text) { return parse_timestamp(text).has_value(); }

// Dates and times are parts of a date-time.
bool is_full_date(std::string_view text) {
  return text.size() == 10 && is_date_time(std::string(text) + "T00:00:00Z");
}
bool is_full_time(std::string_view text) { return is_date_time("2016-12-31T" + std::string(text)); }

/// RFC 3339 appendix A: "P1Y2M3DT4H5M6S" in this order, "P4W", at least one part.
bool is_duration(std::string_view text) {
  if (text.size() < 3 || text[0] != 'P') return false;
  text.remove_prefix(1);
  const bool weeks = text.back() == 'W';
  if (weeks) return all(text.substr(0, text.size() - 1), is_digit);
  std::string_view units = "YMD";
  bool in_time = false;
  size_t parts = 0;
  while (!text.empty()) {
    if (text[0] == 'T') {
      if (in_time || text.size() == 1) return false;
      in_time = true;
      units = "HMS";
      text.remove_prefix(1);
      continue;
    }
    size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    if (digits == 0 || digits == text.size()) return false;
    const size_t unit = units.find(text[digits]);
    if (unit == std::string_view::npos) return false;
    units.remove_prefix(unit + 1);
    text.remove_prefix(digits + 1);
    ++parts;
  }
  return parts > 0;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!all(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || (c & 0x80) != 0; }))
      return false;
    begin = end + 1;
  }
  return true;
}

/// The dot-atom form of RFC 5321 without quotes and comments; any UTF-8 letter is welcome.
bool is_email(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  const std::string_view local = text.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || (c & 0x80) != 0 || is_one_of(c, ".!#$%&'*+/=?^_`{|}~-");
  };
  return all(local, allowed) && is_host_name(text.substr(at + 1));
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

/// An absolute URI (RFC 3986): a scheme, then only characters that a URI may hold, '%' before two hex digits.
bool is_uri(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return false;
  if (!all(text.substr(0, colon), [](char c) { return is_letter(c) || is_digit(c) || is_one_of(c, "+-."); }))
    return false;
  for (size_t i = colon + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
    } else if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "-._~:/?#[]@!$&'()*+,;=")) {
      return false;
    }
  }
  return text.size() > colon + 1;
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    size_t digits = 0;
    int number = 0;
    while (digits < text.size() && digits < 4 && is_digit(text[digits]))
      number = number * 10 + (text[digits++] - '0');
    if (digits == 0 || digits > 3 || number > 255 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    if (part < 3) {
      if (text.empty() || text[0] != '.') return false;
      text.remove_prefix(1);
    }
  }
  return text.empty();
}

/// Groups of a part of an IPv6 address, or -1 when malformed; the last may be an IPv4 address, which counts
/// as two.
int count_groups(std::string_view text) {
  if (text.empty()) return 0;
  int groups = 0;
  for (;;) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      return is_ipv4(group) ? groups + 2 : -1;
    }
    if (group.empty() || group.size() > 4 || !all(group, is_hex)) return -1;
    ++groups;
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

bool is_ipv6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) return count_groups(text) == 8;
  const std::string_view before = text.substr(0, gap);
  const std::string_view after = text.substr(gap + 2);
  // An IPv4 address may stand only at the very end.
  if (after.find("::") != std::string_view::npos || before.find('.') != std::string_view::npos) return false;
  const int first = count_groups(before);
  const int second = count_groups(after);
  return first >= 0 && second >= 0 && first + second < 8;
}

constexpr Format kFormats[] = {
    {"date-time", "a date and time like 2025-01-31T23:59:59Z", is_date_time},
    {"date", "a date like 2025-01-31", is_full_date},
    {"time", "a time with its offset like 23:59:59Z", is_full_time},
    {"duration", "an ISO 8601 duration like P1DT12H", is_duration},
    {"email", "an e-mail address", is_email},
    {"uuid", "a UUID like 01912d68-783e-7a3b-8f1e-0123456789ab", is_uuid},
    {"uri", "an absolute URI like https://example.org/x", is_uri},
    {"ipv4", "an IPv4 address like 192.0.2.1", is_ipv4},
    {"ipv6", "an IPv6 address like 2001:db8::1", is_ipv6},
};

}  // namespace

const Format* find_format(std::string_view name) {
  for (const Format& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::span<const Format> all_formats() { return kFormats; }

}  // namespace switchyard::schema
