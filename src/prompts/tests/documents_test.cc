#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "prompts.h"

namespace switchyard::prompts {
namespace {

using testing::compile_text;
using testing::files_in;
using testing::read_text_file;
using testing::report;

/// With SWITCHYARD_UPDATE_EXPECTED=1 the expected reports are written instead of compared; read the
/// difference before you commit it.
bool updating() {
  const char* value = std::getenv("SWITCHYARD_UPDATE_EXPECTED");
  return value != nullptr && std::string_view(value) == "1";
}

std::string stem(const std::string& path) { return std::filesystem::path(path).filename().string(); }

TEST(PromptDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/negative", ".yaml");
  EXPECT_GE(paths.size(), 12u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_EQ(outcome.prompt, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    for (const auto& d : outcome.diagnostics) {
      EXPECT_NE(d.line, 0u) << d.to_string();
      EXPECT_NE(d.column, 0u) << d.to_string();
      EXPECT_FALSE(d.code.empty() || d.mend.empty() || d.file.empty()) << d.to_string();
    }
    const std::string expected_path = path.substr(0, path.size() - 5) + ".expected";
    if (updating())
      std::ofstream(expected_path, std::ios::binary) << report(outcome.diagnostics);
    else
      EXPECT_EQ(report(outcome.diagnostics), read_text_file(expected_path)) << path;
  }
}

TEST(PromptDocuments, GoodOnesCompile) {
  const auto paths = files_in(testing::tests_folder() + "/data/good", ".yaml");
  EXPECT_GE(paths.size(), 2u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_NE(outcome.prompt, nullptr) << path;
    EXPECT_EQ(report(outcome.diagnostics), "") << path;
  }
}

TEST(PromptDocuments, TooManyMessagesAreRefused) {
  std::string text = "prompt: a@1.0.0\nmessages:\n";
  for (int i = 0; i < 501; ++i) text += "  - { role: user, content: hi }\n";
  const auto outcome = compile_text(text);
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].code, "prompt.too_many");
}

}  // namespace
}  // namespace switchyard::prompts
