#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::workflow {
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

TEST(PipelineDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/negative_documents", ".yaml");
  EXPECT_GE(paths.size(), 60u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_EQ(outcome.pipeline, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    const std::string expected_path = path.substr(0, path.size() - 5) + ".expected";
    const std::string got = report(outcome.diagnostics);
    if (updating()) {
      std::ofstream(expected_path, std::ios::binary) << got;
    } else {
      EXPECT_EQ(got, read_text_file(expected_path)) << path;
    }
  }
}

TEST(PipelineDocuments, EveryMistakeNamesItsPlaceAndItsMend) {
  for (const auto& path : files_in(testing::tests_folder() + "/negative_documents", ".yaml")) {
    for (const auto& d : compile_text(read_text_file(path), stem(path)).diagnostics) {
      EXPECT_NE(d.line, 0u) << path << "\n" << d.to_string();
      EXPECT_NE(d.column, 0u) << path << "\n" << d.to_string();
      EXPECT_FALSE(d.code.empty()) << path << "\n" << d.to_string();
      EXPECT_FALSE(d.mend.empty()) << path << "\n" << d.to_string();
      EXPECT_FALSE(d.file.empty()) << path << "\n" << d.to_string();
    }
  }
}

TEST(PipelineDocuments, GoodOnesCompileWithTheWarningsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/good_documents", ".yaml");
  EXPECT_GE(paths.size(), 8u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), stem(path));
    EXPECT_NE(outcome.pipeline, nullptr) << path << "\n" << report(outcome.diagnostics);
    const std::string expected_path = path.substr(0, path.size() - 5) + ".expected";
    const std::string got = report(outcome.diagnostics);
    if (updating()) {
      if (got.empty())
        std::filesystem::remove(expected_path);
      else
        std::ofstream(expected_path, std::ios::binary) << got;
    } else {
      EXPECT_EQ(got, read_text_file(expected_path)) << path;
    }
  }
}

TEST(PipelineDocuments, CompilingTheCanonicalFormGivesTheSamePipeline) {
  for (const auto& path : files_in(testing::tests_folder() + "/good_documents", ".yaml")) {
    const auto first = compile_text(read_text_file(path));
    ASSERT_NE(first.pipeline, nullptr) << path;
    const auto second = compile_text(first.pipeline->canonical);
    ASSERT_NE(second.pipeline, nullptr) << path << "\n" << report(second.diagnostics);
    EXPECT_EQ(to_hex(first.pipeline->hash), to_hex(second.pipeline->hash)) << path;
    EXPECT_EQ(first.pipeline->canonical, second.pipeline->canonical) << path;
    ASSERT_EQ(first.pipeline->steps.size(), second.pipeline->steps.size()) << path;
    for (size_t i = 0; i < first.pipeline->steps.size(); ++i) {
      EXPECT_EQ(first.pipeline->steps[i].name, second.pipeline->steps[i].name);
      EXPECT_EQ(first.pipeline->steps[i].needs, second.pipeline->steps[i].needs);
      EXPECT_TRUE(first.pipeline->steps[i].result_type == second.pipeline->steps[i].result_type);
    }
  }
}

}  // namespace
}  // namespace switchyard::workflow
