#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/rules/rule_table.h"
#include "switchyard/testing/documents.h"

namespace switchyard::rules::testing {

using namespace switchyard::testing;  // NOLINT: what tests of documents share

/// Compiles `text`; files come from tests/data/files.
CompileOutcome compile_text(const std::string& text, const std::string& file_name = "table.yaml");
/// The table of `text`; the test fails when it has mistakes.
std::shared_ptr<const RuleTable> table_of(const std::string& text);
/// What the table gives for facts in JSON, as JSON; "error <code>" when it fails.
std::string decide(const RuleTable& table, const std::string& facts);
std::string tests_folder();

}  // namespace switchyard::rules::testing
