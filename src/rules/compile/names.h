#pragma once

#include <string_view>

namespace switchyard::rules {

/// [A-Za-z0-9_][A-Za-z0-9_.-]*, at most kMaxRuleIdBytes.
bool is_rule_id(std::string_view text);
/// [A-Za-z_][A-Za-z0-9_]*: what expressions can select, and none of their own words.
bool is_output_name(std::string_view text);

}  // namespace switchyard::rules
