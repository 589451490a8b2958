#include <gtest/gtest.h>

#include "switchyard/types/json.h"
#include "tables.h"

namespace switchyard::rules {
namespace {

using testing::compile_text;
using testing::decide;
using testing::report;
using testing::table_of;

const std::string kHead = R"(
rules: test/limits@1.2.0
facts:
  schema:
    type: object
    required: [amount, country]
    properties:
      amount: { type: number }
      country: { type: string }
      age: { type: integer, default: 30 }
)";

/// Three rules that overlap: amounts from 100, from 10, and of Germany.
const std::string kRows = R"(
rows:
  - { id: large, when: facts.amount >= 100.0, then: { outcome: "'check'", points: 5 } }
  - { id: middle, when: { amount: ">= 10" }, then: { outcome: "'decline'", points: 3 } }
  - { id: home, when: { country: [DE, AT] }, then: { outcome: "'approve'", points: facts.age } }
)";

const std::string kOutputs = R"(
outputs:
  outcome: { type: string, enum: [decline, check, approve] }
  points: { type: integer }
)";

TEST(HitPolicies, FirstGivesTheOutputsOfTheFirstRuleThatHits) {
  const auto table = table_of(kHead + "hit: first" + kOutputs + kRows);
  EXPECT_EQ(decide(*table, R"({"amount": 500, "country": "DE"})"),
            R"({"outcome":"check","points":5,"matched":["large"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 50, "country": "DE"})"),
            R"({"outcome":"decline","points":3,"matched":["middle"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "AT"})"),
            R"({"outcome":"approve","points":30,"matched":["home"]})");
}

TEST(HitPolicies, UniqueRefusesFactsThatTwoRulesHit) {
  // The overlap is hidden from the analysis, or the table would not compile.
  const auto table = table_of(kHead + "hit: unique" + kOutputs + R"(
rows:
  - { id: large, when: facts.amount * 1.0 >= 100.0, then: { outcome: "'check'", points: 5 } }
  - { id: home, when: { country: DE }, then: { outcome: "'approve'", points: 1 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 500, "country": "DE"})"), "error rules.not_unique");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "DE"})"),
            R"({"outcome":"approve","points":1,"matched":["home"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "FR"})"), "error rules.no_match");
}

TEST(HitPolicies, UniqueIsThePolicyOfATableThatNamesNone) {
  const auto table = table_of(kHead + kOutputs + R"(
rows:
  - { id: a, when: facts.amount * 1.0 >= 100.0, then: { outcome: "'check'", points: 5 } }
  - { id: b, when: facts.amount * 2.0 >= 100.0, then: { outcome: "'check'", points: 5 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 500, "country": "DE"})"), "error rules.not_unique");
}

TEST(HitPolicies, PriorityFollowsTheOrderOfTheFirstOutputsEnum) {
  const auto table = table_of(kHead + "hit: priority" + kOutputs + kRows);
  EXPECT_EQ(decide(*table, R"({"amount": 500, "country": "DE"})"),
            R"({"outcome":"decline","points":3,"matched":["middle","large","home"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "DE"})"),
            R"({"outcome":"approve","points":30,"matched":["home"]})");
}

TEST(HitPolicies, PriorityTakesTheEarlierOfEqualRules) {
  const auto table = table_of(kHead + "hit: priority" + kOutputs + R"(
rows:
  - { id: a, when: facts.amount > 1.0, then: { outcome: "'check'", points: 1 } }
  - { id: b, when: facts.country == 'DE', then: { outcome: "'check'", points: 2 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "DE"})"),
            R"({"outcome":"check","points":1,"matched":["a","b"]})");
}

TEST(HitPolicies, AnyWantsEqualOutputs) {
  const auto table = table_of(kHead + "hit: any" + kOutputs + R"(
rows:
  - { id: a, when: facts.amount > 1.0, then: { outcome: "'check'", points: facts.age } }
  - { id: b, when: facts.country == 'DE', then: { outcome: "'check'", points: 30 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "DE"})"),
            R"({"outcome":"check","points":30,"matched":["a","b"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "DE", "age": 31})"), "error rules.any_conflict");
  EXPECT_EQ(decide(*table, R"({"amount": 5, "country": "FR", "age": 31})"),
            R"({"outcome":"check","points":31,"matched":["a"]})");
}

TEST(HitPolicies, CollectGivesTheOutputsOfEveryRuleThatHits) {
  const auto table = table_of(kHead + "hit: collect" + kOutputs + kRows);
  EXPECT_EQ(decide(*table, R"({"amount": 50, "country": "DE"})"),
            R"({"hits":[{"outcome":"decline","points":3},{"outcome":"approve","points":30}],)"
            R"("matched":["middle","home"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "FR"})"), R"({"hits":[],"matched":[]})");
}

std::string aggregated(const std::string& how, const std::string& type, const std::string& more = "") {
  return kHead + "hit: collect\naggregate: " + how + "\noutputs: { points: { type: " + type + " } }\n" +
         more + R"(
rows:
  - { id: large, when: facts.amount >= 100.0, then: { points: 5 } }
  - { id: middle, when: { amount: ">= 10" }, then: { points: 3 } }
  - { id: home, when: { country: [DE, AT] }, then: { points: 8 } }
)";
}

TEST(HitPolicies, CollectAggregates) {
  const std::string two = R"({"amount": 50, "country": "DE"})", none = R"({"amount": 1, "country": "FR"})";
  EXPECT_EQ(decide(*table_of(aggregated("sum", "integer")), two),
            R"({"points":11,"matched":["middle","home"]})");
  EXPECT_EQ(decide(*table_of(aggregated("sum", "number")), two),
            R"({"points":11.0,"matched":["middle","home"]})");
  EXPECT_EQ(decide(*table_of(aggregated("min", "integer")), two),
            R"({"points":3,"matched":["middle","home"]})");
  EXPECT_EQ(decide(*table_of(aggregated("max", "number")), two),
            R"({"points":8.0,"matched":["middle","home"]})");
  EXPECT_EQ(decide(*table_of(aggregated("count", "integer")), two),
            R"({"count":2,"matched":["middle","home"]})");
  EXPECT_EQ(decide(*table_of(aggregated("sum", "integer")), none), R"({"points":0,"matched":[]})");
  EXPECT_EQ(decide(*table_of(aggregated("sum", "number")), none), R"({"points":0.0,"matched":[]})");
  EXPECT_EQ(decide(*table_of(aggregated("count", "integer")), none), R"({"count":0,"matched":[]})");
  EXPECT_EQ(decide(*table_of(aggregated("min", "integer")), none), "error rules.no_match");
}

TEST(HitPolicies, ASumThatOverflowsIsAnErrorAndNoOtherNumber) {
  const auto table = table_of(kHead + R"(
hit: collect
aggregate: sum
outputs: { points: { type: integer } }
rows:
  - { id: a, when: true, then: { points: 9223372036854775807 } }
  - { id: b, when: facts.amount > 1.0, then: { points: 1 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "DE"})"),
            R"({"points":9223372036854775807,"matched":["a"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 2, "country": "DE"})"), "error rules.overflow");
}

TEST(NoHit, TheDefaultAnswersAndMatchedIsEmpty) {
  const auto table = table_of(kHead + "hit: first" + kOutputs + kRows +
                              "default: { outcome: \"'check'\", points: facts.age + 1 }");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "FR"})"),
            R"({"outcome":"check","points":31,"matched":[]})");
}

TEST(NoHit, TheDefaultIsOneHitOfACollectingTable) {
  const auto sum = table_of(aggregated("sum", "integer", "default: { points: 7 }"));
  EXPECT_EQ(decide(*sum, R"({"amount": 1, "country": "FR"})"), R"({"points":7,"matched":[]})");
  const auto all =
      table_of(kHead + "hit: collect" + kOutputs + kRows + "default: { outcome: \"'check'\", points: 2 }");
  EXPECT_EQ(decide(*all, R"({"amount": 1, "country": "FR"})"),
            R"({"hits":[{"outcome":"check","points":2}],"matched":[]})");
}

TEST(NoHit, AbsentOutputsAreOptionalInTheType) {
  const auto table = table_of(kHead + "hit: first\non_no_match: absent" + kOutputs + kRows);
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "FR"})"), R"({"matched":[]})");
  EXPECT_EQ(table->output_type().to_string(), "{outcome?: string, points?: int, matched: list(string)}");
  const auto max = table_of(aggregated("max", "integer", "on_no_match: absent"));
  EXPECT_EQ(decide(*max, R"({"amount": 1, "country": "FR"})"), R"({"matched":[]})");
  EXPECT_EQ(max->output_type().to_string(), "{points?: int, matched: list(string)}");
}

TEST(NoHit, AnErrorWhereTheTableWantsOneEvenWhenCollecting) {
  for (const char* how : {"none", "sum", "count"}) {
    const auto table = table_of(aggregated(how, "integer", "on_no_match: error"));
    EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "FR"})"), "error rules.no_match") << how;
  }
}

TEST(RuleTables, SayWhatTheyTakeAndGive) {
  const auto table = table_of(kHead + "hit: first" + kOutputs + kRows);
  EXPECT_EQ(table->name(), "test/limits");
  EXPECT_EQ(table->version(), "1.2.0");
  EXPECT_EQ(table->facts_type().to_string(), "{amount: double, country: string, age?: int, ...}");
  EXPECT_EQ(table->output_type().to_string(), "{outcome: string, points: int, matched: list(string)}");
  const auto collect = table_of(kHead + "hit: collect" + kOutputs + kRows);
  EXPECT_EQ(collect->output_type().to_string(),
            "{hits: list({outcome: string, points: int}), matched: list(string)}");
  EXPECT_EQ(table_of(aggregated("count", "integer"))->output_type().to_string(),
            "{count: int, matched: list(string)}");
}

TEST(RuleTables, RefuseFactsThatTheSchemaRefuses) {
  const auto table = table_of(kHead + "hit: first" + kOutputs + kRows);
  EXPECT_EQ(decide(*table, R"({"amount": "5", "country": "DE"})"), "error rules.bad_facts");
  EXPECT_EQ(decide(*table, R"({"country": "DE"})"), "error rules.bad_facts");
  EXPECT_EQ(decide(*table, "5"), "error rules.bad_facts");
}

TEST(RuleTables, RefuseOutputsThatTheirColumnRefuses) {
  const auto table = table_of(kHead + R"(
hit: first
outputs: { word: { type: string, enum: [DE, FR] }, share: { type: number, maximum: 1 } }
rows:
  - { id: a, when: true, then: { word: facts.country, share: 1 } }
)");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "DE"})"),
            R"({"word":"DE","share":1.0,"matched":["a"]})");
  EXPECT_EQ(decide(*table, R"({"amount": 1, "country": "XX"})"), "error rules.bad_output");
}

TEST(RuleTables, NameTheRuleAndTheColumnWhoseExpressionFails) {
  const auto table = table_of(kHead + R"(
hit: first
outputs: { points: { type: integer } }
rows:
  - { id: ok, when: facts.amount > 10.0, then: { points: 60 / (facts.age - 30) } }
  - { id: bad, when: 60 / (facts.age - 30) > 1, then: { points: 1 } }
)");
  Arena arena;
  const auto evaluate = [&](const char* facts) {
    return table->evaluate(*parse_json(facts, arena), arena).error();
  };
  const Error output = evaluate(R"({"amount": 50, "country": "DE"})");
  EXPECT_EQ(output.code, "expression.divide_by_zero");
  EXPECT_EQ(output.field, "rows[0].then.points");
  EXPECT_NE(output.message.find("output 'points' of rule 'ok'"), std::string::npos) << output.message;
  const Error condition = evaluate(R"({"amount": 5, "country": "DE"})");
  EXPECT_EQ(condition.field, "rows[1].when");
  EXPECT_NE(condition.message.find("the condition of rule 'bad'"), std::string::npos) << condition.message;
}

TEST(RuleTables, HashWhatTheyMeanAndNotHowItIsWritten) {
  const std::string rest = "hit: first" + kOutputs + kRows;
  const auto table = table_of(kHead + rest);
  EXPECT_EQ(table->sha256(), table_of(kHead + rest + "\n# a comment\n")->sha256());
  EXPECT_EQ(table->sha256(), table_of("hit: first" + kRows + kHead + kOutputs)->sha256());
  EXPECT_NE(table->sha256(), table_of(kHead + "hit: priority" + kOutputs + kRows)->sha256());
  const std::string file =
      "rules: a@1.0.0\nfacts: { schema: ./facts.schema.json }\nhit: first" + kOutputs + kRows;
  const std::string inlined =
      "rules: a@1.0.0\nhit: first" + kOutputs + kRows + "facts: { schema: " +
      testing::read_text_file(testing::tests_folder() + "/data/files/facts.schema.json") + " }";
  EXPECT_EQ(table_of(file)->sha256(), table_of(inlined)->sha256());
}

}  // namespace
}  // namespace switchyard::rules
