#include "names.h"

#include <algorithm>

#include "../limits.h"

namespace switchyard::rules {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_version_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  return text.size() == 1 || text[0] != '0';
}

bool is_prerelease_part(std::string_view text) {
  const auto fits = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '-'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), fits)) return false;
  return !std::all_of(text.begin(), text.end(), is_digit) || is_version_number(text);
}

/// Cuts `text` at each `separator`; whether every part passes.
template <typename Check>
bool all_parts(std::string_view text, char separator, Check check) {
  while (true) {
    const size_t end = text.find(separator);
    if (!check(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

bool is_table_name(std::string_view text) {
  if (text.size() > kMaxNameBytes || text.starts_with('-') || text.starts_with('.')) return false;
  const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  return all_parts(text, '/', [&](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), fits);
  });
}

bool is_table_version(std::string_view text) {
  if (text.size() > 64) return false;
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos && !all_parts(text.substr(dash + 1), '.', is_prerelease_part))
    return false;
  const std::string_view numbers = text.substr(0, dash);
  return std::count(numbers.begin(), numbers.end(), '.') == 2 && all_parts(numbers, '.', is_version_number);
}

bool is_rule_id(std::string_view text) {
  if (text.empty() || text.size() > kMaxRuleIdBytes || text[0] == '.' || text[0] == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
  });
}

bool is_output_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxRuleIdBytes || is_digit(text[0])) return false;
  for (const std::string_view word : {"true", "false", "null", "in"})
    if (text == word) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; });
}

}  // namespace switchyard::rules
