#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/rules/rule_table.h"

namespace switchyard::rules::testing {

/// Compiles `text`; files come from tests/data/files.
CompileOutcome compile_text(const std::string& text, const std::string& file_name = "table.yaml");
/// The table of `text`; the test fails when it has mistakes.
std::shared_ptr<const RuleTable> table_of(const std::string& text);
/// What the table gives for facts in JSON, as JSON; "error <code>" when it fails.
std::string decide(const RuleTable& table, const std::string& facts);
/// All diagnostics, one after the other.
std::string report(const Diagnostics& diagnostics);
std::string tests_folder();
std::string read_text_file(const std::string& path);
/// Paths of the files in `folder` that end in `suffix`, sorted.
std::vector<std::string> files_in(const std::string& folder, const std::string& suffix);

}  // namespace switchyard::rules::testing
