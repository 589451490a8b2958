#include "tables.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "switchyard/types/json.h"

namespace switchyard::rules::testing {

std::string tests_folder() { return SWITCHYARD_SOURCE_DIR "/src/rules/tests"; }

CompileOutcome compile_text(const std::string& text, const std::string& file_name) {
  auto parsed = document::parse(text, file_name);
  if (parsed.root == nullptr) return {nullptr, std::move(parsed.diagnostics)};
  return compile(*parsed.root, file_name, [](const std::string& path) -> Result<std::string> {
    const std::string full = tests_folder() + "/data/files/" + path;
    if (!std::filesystem::is_regular_file(full))
      return make_error(ErrorKind::kNotFound, "test.no_file", "there is no such file");
    return read_text_file(full);
  });
}

std::shared_ptr<const RuleTable> table_of(const std::string& text) {
  auto outcome = compile_text(text);
  EXPECT_NE(outcome.table, nullptr) << report(outcome.diagnostics) << text;
  return outcome.table;
}

std::string decide(const RuleTable& table, const std::string& facts) {
  Arena arena;
  std::string out;
  {
    Arena other;
    auto value = parse_json(facts, other);
    EXPECT_TRUE(value.ok()) << facts;
    auto result = table.evaluate(*value, arena);
    if (!result.ok()) {
      EXPECT_EQ(result.error().kind, ErrorKind::kUnprocessable);
      return "error " + result.error().code;
    }
    other.reset();  // the result must not need the facts' memory
    out = to_json(*result);
  }
  return out;
}

}  // namespace switchyard::rules::testing
