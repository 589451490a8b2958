#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tables.h"

namespace switchyard::rules {
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

void compare(const std::string& path, const std::string& got) {
  const std::string expected_path = path.substr(0, path.size() - 5) + ".expected";
  if (!updating()) {
    EXPECT_EQ(got, read_text_file(expected_path)) << path;
  } else if (got.empty()) {
    std::filesystem::remove(expected_path);
  } else {
    std::ofstream(expected_path, std::ios::binary) << got;
  }
}

TEST(RuleDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/negative", ".yaml");
  EXPECT_GE(paths.size(), 59u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_EQ(outcome.table, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    compare(path, report(outcome.diagnostics));
  }
}

TEST(RuleDocuments, EveryMistakeNamesItsPlaceAndItsMend) {
  for (const auto& path : files_in(testing::tests_folder() + "/data/negative", ".yaml")) {
    for (const auto& d : compile_text(read_text_file(path), stem(path)).diagnostics) {
      EXPECT_NE(d.line, 0u) << d.to_string();
      EXPECT_NE(d.column, 0u) << d.to_string();
      EXPECT_FALSE(d.code.empty()) << d.to_string();
      EXPECT_FALSE(d.mend.empty()) << d.to_string();
      EXPECT_FALSE(d.file.empty()) << d.to_string();
    }
  }
}

TEST(RuleDocuments, GoodOnesCompileWithTheWarningsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/data/good", ".yaml");
  EXPECT_GE(paths.size(), 11u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_NE(outcome.table, nullptr) << path << "\n" << report(outcome.diagnostics);
    compare(path, report(outcome.diagnostics));
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
