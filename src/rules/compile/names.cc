#include "names.h"

#include <algorithm>

#include "../limits.h"

namespace switchyard::rules {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

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
