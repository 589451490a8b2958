#include <gtest/gtest.h>

#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::workflow {
namespace {

using testing::compile_text;
using testing::expected_beside;
using testing::file_name_of;
using testing::files_in;
using testing::incomplete;
using testing::read_text_file;
using testing::report;

TEST(PipelineDocuments, WrongOnesAreReportedExactlyAsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/negative_documents", ".yaml");
  EXPECT_GE(paths.size(), 60u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
    EXPECT_EQ(outcome.pipeline, nullptr) << path;
    EXPECT_TRUE(has_errors(outcome.diagnostics)) << path;
    const std::string got = report(outcome.diagnostics);
    EXPECT_EQ(got, expected_beside(path, got)) << path;
  }
}

TEST(PipelineDocuments, EveryMistakeNamesItsPlaceAndItsMend) {
  for (const auto& path : files_in(testing::tests_folder() + "/negative_documents", ".yaml"))
    EXPECT_EQ(incomplete(compile_text(read_text_file(path), file_name_of(path)).diagnostics), "") << path;
}

TEST(PipelineDocuments, GoodOnesCompileWithTheWarningsWrittenDown) {
  const auto paths = files_in(testing::tests_folder() + "/good_documents", ".yaml");
  EXPECT_GE(paths.size(), 8u);
  for (const auto& path : paths) {
    const auto outcome = compile_text(read_text_file(path), file_name_of(path));
    EXPECT_NE(outcome.pipeline, nullptr) << path << "\n" << report(outcome.diagnostics);
    const std::string got = report(outcome.diagnostics);
    EXPECT_EQ(got, expected_beside(path, got)) << path;
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
