#pragma once

#include <memory>
#include <string>
#include <vector>

#include "switchyard/prompts/prompt.h"

namespace switchyard::prompts::testing {

/// Compiles `text`; files come from tests/data/files.
CompileOutcome compile_text(const std::string& text, const std::string& file_name = "prompt.yaml");
/// The prompt of `text`; the test fails when it has mistakes.
std::shared_ptr<const Prompt> prompt_of(const std::string& text);
/// The messages for an input in JSON, one a line as "role: content"; "error <code> at <field>" when it fails.
std::string told(const Prompt& prompt, const std::string& input);
/// All diagnostics, one after the other.
std::string report(const Diagnostics& diagnostics);
std::string tests_folder();
std::string read_text_file(const std::string& path);
/// Paths of the files in `folder` that end in `suffix`, sorted.
std::vector<std::string> files_in(const std::string& folder, const std::string& suffix);

}  // namespace switchyard::prompts::testing
