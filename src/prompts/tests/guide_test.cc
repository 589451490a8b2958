// Every snippet of docs/prompts.md does what the guide says.
#include <gtest/gtest.h>

#include <map>

#include "prompts.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

TEST(PromptGuide, EverySnippetDoesWhatTheGuideSays) {
  std::map<std::string, int> seen;
  std::shared_ptr<const Prompt> prompt;
  std::string said;
  for (const auto& snippet : testing::snippets_of(SWITCHYARD_SOURCE_DIR "/docs/prompts.md")) {
    ++seen[snippet.kind];
    if (snippet.kind == "yaml" || snippet.kind == "yaml tools") {
      prompt = testing::prompt_of(snippet.text);
    } else if (snippet.kind == "yaml pipeline") {
      // tests/clients/tools_test.py runs it, with the prompt before it.
    } else if (snippet.kind == "yaml wrong") {
      const auto outcome = testing::compile_text(snippet.text);
      EXPECT_EQ(outcome.prompt, nullptr);
      said = testing::report(outcome.diagnostics);
    } else if (snippet.kind == "text") {
      EXPECT_EQ(said, snippet.text);
    } else if (snippet.kind == "json") {
      Arena arena;
      const auto example = parse_json(snippet.text, arena);
      ASSERT_TRUE(example.ok() && prompt != nullptr);
      const auto rendered = prompt->render(*example->find("input"), 7);
      ASSERT_TRUE(rendered.ok()) << rendered.error().to_string();
      EXPECT_EQ(to_json(rendered->messages.root()), to_json(*example->find("messages")));
    } else {
      ADD_FAILURE() << "a snippet of the unknown kind '" << snippet.kind << "'";
    }
  }
  EXPECT_EQ(seen["yaml"], 1);
  EXPECT_EQ(seen["yaml wrong"], 1);
  EXPECT_EQ(seen["yaml tools"], 1);
  EXPECT_EQ(seen["yaml pipeline"], 1);
  EXPECT_EQ(seen["json"], 1);
}

}  // namespace
}  // namespace switchyard::prompts
