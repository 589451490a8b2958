// Every snippet of docs/prompts.md does what the guide says.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "prompts.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

struct Snippet {
  std::string kind;  ///< what stands after ```
  std::string text;
};

std::vector<Snippet> snippets() {
  std::vector<Snippet> all;
  std::istringstream guide(testing::read_text_file(SWITCHYARD_SOURCE_DIR "/docs/prompts.md"));
  bool inside = false;
  for (std::string line; std::getline(guide, line);) {
    if (line.starts_with("```")) {
      if (!inside) all.push_back({line.substr(3), ""});
      inside = !inside;
    } else if (inside) {
      all.back().text += line + "\n";
    }
  }
  return all;
}

TEST(PromptGuide, EverySnippetDoesWhatTheGuideSays) {
  std::map<std::string, int> seen;
  std::shared_ptr<const Prompt> prompt;
  std::string said;
  for (const auto& snippet : snippets()) {
    ++seen[snippet.kind];
    if (snippet.kind == "yaml") {
      prompt = testing::prompt_of(snippet.text);
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
  EXPECT_EQ(seen["json"], 1);
}

}  // namespace
}  // namespace switchyard::prompts
