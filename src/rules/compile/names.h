#pragma once

#include <string_view>

namespace switchyard::rules {

/// [a-z0-9_][a-z0-9_.-]*(/...)*, at most kMaxNameBytes: what the registry takes as an artefact's name.
bool is_table_name(std::string_view text);
/// Semantic Versioning 2.0.0 without build metadata: MAJOR.MINOR.PATCH[-prerelease].
bool is_table_version(std::string_view text);
/// [A-Za-z0-9_][A-Za-z0-9_.-]*, at most kMaxRuleIdBytes.
bool is_rule_id(std::string_view text);
/// [A-Za-z_][A-Za-z0-9_]*: what expressions can select, and none of their own words.
bool is_output_name(std::string_view text);

}  // namespace switchyard::rules
