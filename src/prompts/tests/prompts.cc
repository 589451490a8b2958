#include "prompts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "switchyard/rules/schema_types.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts::testing {

std::string tests_folder() { return SWITCHYARD_SOURCE_DIR "/src/prompts/tests"; }

std::string read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> files_in(const std::string& folder, const std::string& suffix) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().string().ends_with(suffix)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

CompileOutcome compile_text(const std::string& text, const std::string& file_name) {
  auto parsed = document::parse(text, file_name);
  if (parsed.root == nullptr) return {nullptr, std::move(parsed.diagnostics)};
  CompileRequest request;
  request.document = parsed.root.get();
  request.source = text;
  request.file_name = file_name;
  request.files = [](const std::string& path) -> Result<std::string> {
    const std::string full = tests_folder() + "/data/files/" + path;
    if (!std::filesystem::is_regular_file(full))
      return make_error(ErrorKind::kNotFound, "test.no_file", "there is no such file");
    return read_text_file(full);
  };
  request.types = {rules::type_of, rules::accepted_type, rules::readable_type};
  return compile(request);
}

std::string report(const Diagnostics& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) out += diagnostic.to_string() + "\n";
  return out;
}

std::shared_ptr<const Prompt> prompt_of(const std::string& text) {
  auto outcome = compile_text(text);
  EXPECT_NE(outcome.prompt, nullptr) << report(outcome.diagnostics) << text;
  return outcome.prompt;
}

std::string told(const Prompt& prompt, const std::string& input) {
  Arena arena;
  const auto value = parse_json(input, arena);
  EXPECT_TRUE(value.ok()) << input;
  const auto rendered = prompt.render(*value, 7);
  if (!rendered.ok()) {
    EXPECT_EQ(rendered.error().kind, ErrorKind::kUnprocessable);
    return "error " + rendered.error().code + " at " + rendered.error().field;
  }
  std::string out;
  for (const Value& message : rendered->messages.root().items())
    out += std::string(message.find("role")->as_string()) + ": " +
           std::string(message.find("content")->as_string()) + "\n";
  return out;
}

}  // namespace switchyard::prompts::testing
