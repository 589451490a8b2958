#include <gtest/gtest.h>

#include "prompts.h"

namespace switchyard::prompts {
namespace {

using testing::compile_text;
using testing::expected_beside;
using testing::file_name_of;
using testing::files_in;
using testing::incomplete;
using testing::read_text_file;
using testing::report;

TEST(PromptDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/negative", ".yaml");
  EXPECT_GE(paths.size(), 12u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
    EXPECT_EQ(outcome.prompt, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    EXPECT_EQ(incomplete(outcome.diagnostics), "") << path;
    const std::string got = report(outcome.diagnostics);
    EXPECT_EQ(got, expected_beside(path, got)) << path;
  }
}

TEST(PromptDocuments, GoodOnesCompile) {
  const auto paths = files_in(testing::tests_folder() + "/data/good", ".yaml");
  EXPECT_GE(paths.size(), 2u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
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
