#include <gtest/gtest.h>

#include "tables.h"

namespace switchyard::rules {
namespace {

using testing::compile_text;
using testing::expected_beside;
using testing::file_name_of;
using testing::files_in;
using testing::incomplete;
using testing::read_text_file;
using testing::report;

TEST(RuleDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/negative", ".yaml");
  EXPECT_GE(paths.size(), 59u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
    EXPECT_EQ(outcome.table, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    const std::string got = report(outcome.diagnostics);
    EXPECT_EQ(got, expected_beside(path, got)) << path;
  }
}

TEST(RuleDocuments, EveryMistakeNamesItsPlaceAndItsMend) {
  for (const auto& path : files_in(testing::tests_folder() + "/data/negative", ".yaml"))
    EXPECT_EQ(incomplete(compile_text(read_text_file(path), file_name_of(path)).diagnostics), "") << path;
}

TEST(RuleDocuments, GoodOnesCompileWithTheWarningsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/good", ".yaml");
  EXPECT_GE(paths.size(), 11u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
    EXPECT_NE(outcome.table, nullptr) << path << "\n" << report(outcome.diagnostics);
    const std::string got = report(outcome.diagnostics);
    EXPECT_EQ(got, expected_beside(path, got)) << path;
  }
}

TEST(RuleDocuments, TooManyRulesOrOutputsAreRefused) {
  const std::string head = "rules: a@1.0.0\nfacts: { schema: { type: object } }\nhit: first\n";
  std::string rows = "rows:\n", outputs = "outputs:\n";
  for (int i = 0; i < 2001; ++i)
    rows += "  - { id: r" + std::to_string(i) + ", when: true, then: { a: 1 } }\n";
  for (int i = 0; i < 101; ++i) outputs += "  o" + std::to_string(i) + ": { type: integer }\n";
  const auto rules = compile_text(head + "outputs: { a: { type: integer } }\n" + rows);
  ASSERT_EQ(rules.diagnostics.size(), 1u);
  EXPECT_EQ(rules.diagnostics[0].code, "rules.too_many_rules");
  const auto columns = compile_text(head + outputs + "rows: [{ id: a, when: true, then: {} }]\n");
  ASSERT_EQ(columns.diagnostics.size(), 1u);
  EXPECT_EQ(columns.diagnostics[0].code, "rules.too_many_outputs");
}

}  // namespace
}  // namespace switchyard::rules
