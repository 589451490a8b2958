// Every snippet of docs/rules.md does what the guide says; its figures are those of the example's data.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "switchyard/types/json.h"
#include "tables.h"

namespace switchyard::rules {
namespace {

using testing::compile_text;
using testing::read_text_file;
using testing::report;

const std::string kGuide = SWITCHYARD_SOURCE_DIR "/docs/rules.md";
const std::string kExample = SWITCHYARD_SOURCE_DIR "/examples/card-fraud/";

TEST(RulesGuide, EverySnippetDoesWhatTheGuideSays) {
  std::map<std::string, int> seen;
  std::shared_ptr<const RuleTable> table;
  std::string said;
  for (const auto& snippet : testing::snippets_of(kGuide)) {
    const std::string where = "docs/rules.md:" + std::to_string(snippet.line);
    ++seen[snippet.kind];
    if (snippet.kind == "yaml") {
      const auto outcome = compile_text(snippet.text);
      EXPECT_EQ(report(outcome.diagnostics), "") << where;
      table = outcome.table;
      ASSERT_NE(table, nullptr) << where;
    } else if (snippet.kind == "yaml wrong") {
      const auto outcome = compile_text(snippet.text);
      EXPECT_EQ(outcome.table, nullptr) << where;
      said = report(outcome.diagnostics);
    } else if (snippet.kind == "text") {
      EXPECT_EQ(said, snippet.text) << where;
    } else if (snippet.kind == "json") {
      Arena arena;
      const auto example = parse_json(snippet.text, arena);
      ASSERT_TRUE(example.ok()) << where;
      const auto result = table->evaluate(*example->find("facts"), arena);
      ASSERT_TRUE(result.ok()) << where << " " << result.error().to_string();
      EXPECT_TRUE(equal(*result, *example->find("result"))) << where << " " << to_json(*result);
    } else {
      ADD_FAILURE() << where << ": a snippet of the unknown kind '" << snippet.kind << "'";
    }
  }
  EXPECT_GE(seen["yaml"], 2);
  EXPECT_GE(seen["yaml wrong"], 2);
  EXPECT_EQ(seen["yaml wrong"], seen["text"]);
  EXPECT_GE(seen["json"], 4);
}

struct Count {
  int payments = 0, frauds = 0;
  std::string text() const { return std::to_string(payments) + ", " + std::to_string(frauds) + " frauds"; }
};

std::set<int> held_out_lines() {
  std::set<int> lines;
  std::istringstream numbers(read_text_file(kExample + "data/held-out.txt"));
  for (std::string line; std::getline(numbers, line);)
    if (!line.starts_with("#")) lines.insert(std::stoi(line));
  return lines;
}

/// The rule that decided and its outcome, as the guide's table names them.
std::string decision_of(const Value& result) {
  const auto matched = result.find("matched")->items();
  const std::string outcome(result.find("outcome")->as_string());
  return matched.empty() ? "none: " + outcome : "`" + std::string(matched[0].as_string()) + "`: " + outcome;
}

TEST(CardLimits, HaveTheFiguresThatTheGuideGives) {
  const std::string path = kExample + "card-limits.rules.yaml";
  const auto parsed = document::parse(read_text_file(path), path);
  ASSERT_NE(parsed.root, nullptr);
  const auto outcome = compile(*parsed.root, path, [](const std::string& file) -> Result<std::string> {
    return read_text_file(kExample + file);
  });
  ASSERT_NE(outcome.table, nullptr) << report(outcome.diagnostics);
  EXPECT_EQ(report(outcome.diagnostics), "");

  const std::set<int> held_out = held_out_lines();
  std::map<std::string, std::pair<Count, Count>> counts;
  std::istringstream data(read_text_file(kExample + "data/transactions.csv"));
  std::string line;
  std::getline(data, line);
  for (int number = 2; std::getline(data, line); ++number) {
    std::vector<std::string> fields;
    std::istringstream row(line);
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 31u);
    Arena arena;
    const auto facts =
        parse_json("{\"V4\":" + fields[4] + ",\"V10\":" + fields[10] + ",\"V12\":" + fields[12] +
                       ",\"V14\":" + fields[14] + ",\"amount\":" + fields[29] + "}",
                   arena);
    ASSERT_TRUE(facts.ok()) << line;
    const auto result = outcome.table->evaluate(*facts, arena);
    ASSERT_TRUE(result.ok()) << result.error().to_string();
    auto& [training, held] = counts[decision_of(*result)];
    Count& count = held_out.contains(number) ? held : training;
    ++count.payments;
    count.frauds += fields[30].find('1') != std::string::npos ? 1 : 0;
  }
  std::string figures = "| rule and outcome | training part | held-out part |\n| --- | --- | --- |\n";
  for (const auto& [rule, parts] : counts)
    figures += "| " + rule + " | " + parts.first.text() + " | " + parts.second.text() + " |\n";
  EXPECT_NE(read_text_file(kGuide).find(figures), std::string::npos) << figures;
}

}  // namespace
}  // namespace switchyard::rules
