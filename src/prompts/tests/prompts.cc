#include "prompts.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "switchyard/rules/schema_types.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts::testing {

std::string tests_folder() { return SWITCHYARD_SOURCE_DIR "/src/prompts/tests"; }

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

std::shared_ptr<const Prompt> prompt_of(const std::string& text) {
  auto outcome = compile_text(text);
  EXPECT_NE(outcome.prompt, nullptr) << report(outcome.diagnostics) << text;
  return outcome.prompt;
}

Exchange begun(const std::string& text, const std::string& input) {
  Arena arena;
  auto exchange = Exchange::begin(prompt_of(text), *parse_json(input, arena), 7);
  EXPECT_TRUE(exchange.ok()) << exchange.error().to_string();
  return *std::move(exchange);
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
           (message.find("content")->is(Kind::kString) ? std::string(message.find("content")->as_string())
                                                       : to_json(*message.find("content"))) +
           "\n";
  return out;
}

}  // namespace switchyard::prompts::testing
