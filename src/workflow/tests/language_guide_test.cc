// Every snippet of docs/language.md compiles, or is refused where the guide says so; every good document has
// the shape that docs/pipeline.schema.json publishes.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "switchyard/schema/schema.h"
#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::workflow {
namespace {

using testing::compile_text;
using testing::read_text_file;
using testing::report;

const std::string kGuide = SWITCHYARD_SOURCE_DIR "/docs/language.md";

/// A snippet of steps with those steps of the guide's own pipeline that it may refer to.
std::string as_pipeline(const std::string& steps) {
  const std::vector<std::pair<std::string, std::string>> kPrelude = {
      {"light", "{ model: fraud-light, input: { amount: input.amount, country: input.country } }"},
      {"heavy",
       "{ when: light.confidence < 0.95, model: fraud-heavy, input: { amount: input.amount, country: "
       "input.country } }"}};
  std::string body;
  for (const auto& [name, step] : kPrelude) body += "  " + name + ": " + step + "\n";
  std::istringstream lines(steps);
  for (std::string line; std::getline(lines, line);) body += "  " + line + "\n";
  return testing::with_header("steps:\n" + body + "output: {}\n");
}

TEST(LanguageGuide, EverySnippetCompilesOrIsRefusedAsItSays) {
  std::map<std::string, int> seen;
  for (const auto& snippet : testing::snippets_of(kGuide)) {
    const std::string where = "docs/language.md:" + std::to_string(snippet.line);
    ++seen[snippet.kind];
    if (snippet.kind == "mermaid") continue;
    if (snippet.kind == "yaml" || snippet.kind == "yaml steps") {
      const auto outcome =
          compile_text(snippet.kind == "yaml" ? snippet.text : as_pipeline(snippet.text), where);
      EXPECT_NE(outcome.pipeline, nullptr) << where << "\n" << report(outcome.diagnostics);
    } else if (snippet.kind == "yaml wrong") {
      EXPECT_EQ(compile_text(snippet.text, where).pipeline, nullptr) << where;
    } else if (snippet.kind == "yaml costs") {
      std::istringstream lines(snippet.text);
      std::string step = "verdict:\n  triage: light.score\n  costs:\n";
      for (std::string line; std::getline(lines, line);) step += "    " + line + "\n";
      const auto outcome = compile_text(as_pipeline(step), where);
      EXPECT_NE(outcome.pipeline, nullptr) << where << "\n" << report(outcome.diagnostics);
    } else {
      EXPECT_EQ(snippet.kind, "text") << where << ": a snippet of a kind that this test does not know";
    }
  }
  EXPECT_GE(seen["yaml"], 2);
  EXPECT_GE(seen["yaml steps"], 10);
  EXPECT_GE(seen["yaml wrong"], 2);
  EXPECT_EQ(seen["yaml costs"], 1);
}

schema::SchemaPtr published_schema() {
  Arena arena;
  auto value = parse_json(read_text_file(SWITCHYARD_SOURCE_DIR "/docs/pipeline.schema.json"), arena);
  SY_CHECK(value.ok());
  auto compiled = schema::Schema::compile(*value);
  for (const auto& d : compiled.diagnostics) ADD_FAILURE() << d.to_string();
  return compiled.schema;
}

std::vector<schema::Violation> violations(const schema::Schema& schema, const std::string& text) {
  auto parsed = document::parse(text);
  if (parsed.root == nullptr) return {{"", "syntax", "no document"}};
  Arena arena;
  return schema.validate(document::to_value(*parsed.root, arena));
}

TEST(PublishedSchema, AcceptsEveryGoodDocumentAndEveryWholeSnippetOfTheGuide) {
  const auto schema = published_schema();
  ASSERT_NE(schema, nullptr);
  const auto expect_accepted = [&](const std::string& text, const std::string& where) {
    for (const auto& v : violations(*schema, text))
      ADD_FAILURE() << where << v.pointer << " " << v.keyword << ": " << v.message;
  };
  for (const auto& path : testing::files_in(testing::tests_folder() + "/good_documents", ".yaml"))
    expect_accepted(read_text_file(path), path);
  for (const auto& snippet : testing::snippets_of(kGuide))
    if (snippet.kind == "yaml")
      expect_accepted(snippet.text, "docs/language.md:" + std::to_string(snippet.line));
}

TEST(PublishedSchema, RefusesWhatIsWrongInShape) {
  const auto schema = published_schema();
  ASSERT_NE(schema, nullptr);
  for (const char* name : {"document_misses_everything",
                           "document_unknown_field",
                           "on_without_event",
                           "on_unknown_field",
                           "state_without_schema",
                           "schedule_wrong",
                           "schedule_without_time",
                           "emit_empty",
                           "listen_empty",
                           "name_without_version",
                           "deadline_without_unit",
                           "input_is_text",
                           "steps_empty",
                           "steps_is_a_list",
                           "step_is_text",
                           "step_without_kind",
                           "step_kind_misspelled",
                           "step_with_two_kinds",
                           "step_name_with_dash",
                           "step_unknown_field",
                           "step_kinds_not_built_yet",
                           "timeout_of_set",
                           "timeout_without_unit",
                           "retry_wrong",
                           "on_error_is_a_list",
                           "rules_without_facts",
                           "model_without_input",
                           "review_empty",
                           "review_breach_unknown",
                           "http_empty",
                           "http_wrong",
                           "task_wrong",
                           "output_missing"}) {
    const std::string path = testing::tests_folder() + "/negative_documents/" + name + ".yaml";
    EXPECT_FALSE(violations(*schema, read_text_file(path)).empty()) << name;
  }
}

TEST(PublishedSchema, KnowsEveryStepKindThatTheCompilerKnows) {
  Arena arena;
  const auto schema = parse_json(read_text_file(SWITCHYARD_SOURCE_DIR "/docs/pipeline.schema.json"), arena);
  ASSERT_TRUE(schema.ok());
  for (const StepKind kind : {StepKind::kSet, StepKind::kFail, StepKind::kRules, StepKind::kModel,
                              StepKind::kTriage, StepKind::kReview, StepKind::kHttp, StepKind::kTask,
                              StepKind::kWait, StepKind::kEmit, StepKind::kListen, StepKind::kState}) {
    EXPECT_NE(schema->at_pointer("/$defs/step_" + std::string(step_kind_name(kind))), nullptr)
        << step_kind_name(kind);
  }
}

}  // namespace
}  // namespace switchyard::workflow
