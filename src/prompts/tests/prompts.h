#pragma once

#include <memory>
#include <string>
#include <vector>

#include "switchyard/prompts/exchange.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/testing/documents.h"

namespace switchyard::prompts::testing {

using namespace switchyard::testing;  // NOLINT: what tests of documents share

/// Compiles `text`; files come from tests/data/files.
CompileOutcome compile_text(const std::string& text, const std::string& file_name = "prompt.yaml");
/// The prompt of `text`; the test fails when it has mistakes.
std::shared_ptr<const Prompt> prompt_of(const std::string& text);
/// An exchange with that prompt for an input in JSON; the test fails when it cannot begin.
Exchange begun(const std::string& text, const std::string& input = "{}");
/// The messages for an input in JSON, one a line as "role: content"; "error <code> at <field>" when it fails.
std::string told(const Prompt& prompt, const std::string& input);
std::string tests_folder();

}  // namespace switchyard::prompts::testing
