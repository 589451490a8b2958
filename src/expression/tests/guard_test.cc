// What a condition proves holds for other expressions that are evaluated only where it was true.
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::payment_world;
using testing::World;

const char* const kConditions[] = {
    "has(heavy)",
    "has(heavy) && heavy.score > 0.5",
    "!has(heavy)",
    "has(heavy) || input.amount > 3.0",
    "has(heavy) ? heavy.score > 0.1 : false",
    "has(heavy) ? heavy.score > 0.9 : true",
    "input.amount > 1.0 ? has(heavy) : has(heavy)",
    "has(heavy.reason)",
    "heavy.?score.hasValue()",
    "heavy.?score.orValue(0.0) > 0.5",
    "heavy.?score.orValue(1.0) < 0.8",
    "0.5 <= heavy.score.orValue(0.0)",
    "heavy.?score.orValue(0.6) > 0.5",
    "heavy.?reason.orValue('') in ['graph', 'rules']",
    "heavy.?reason.orValue('') == 'graph'",
    "heavy.?reason.orValue('') != ''",
    "heavy.?reason.orValue('graph') == 'graph'",
    "heavy.optMap(h, h.score > 0.5).orValue(false)",
    "!heavy.optMap(h, h.score < 0.5).orValue(true)",
    "has(input.country)",
    "has(input.country) && has(heavy)",
    "!(has(input.country) && has(heavy))",
    "!has(input.country) || !has(heavy)",
    "input.?country.orValue('') == 'DE'",
    "'country' in input",
    "input.limit != null",
    "input.limit == null || has(heavy)",
    "input.tags.exists(heavy, has(input.country))",
    "[optional.of(1)].exists(o, o.orValue(0) == 1)",
    "cel.bind(h, heavy, h.?score.orValue(0.0) > 0.5)",
    "1 / (input.attempts - 2) == 1 || has(heavy)",
};

const char* const kGuarded[] = {
    "heavy.score",
    "heavy",
    "heavy.reason",
    "heavy.score + light.score",
    "input.country",
    "input.country + string(heavy.score)",
    "input.limit + 1.0",
    "heavy.score.orValue(0.0)",
    "heavy.?score.orValue(0.0)",
    "has(heavy) ? heavy.score : 0.0",
    "input.tags.map(t, t + string(heavy.score))",
    "{'score': heavy.score}",
};

/// The world in all the states that matter.
std::vector<World> worlds() {
  std::vector<World> out;
  for (const char* heavy : {"", R"({"score": 0.75, "reason": "graph"})", R"({"score": 0.2})"}) {
    for (const char* input :
         {R"("country": "DE", "limit": null)", R"("limit": 2.0)", R"("country": "US", "limit": 5.0)"}) {
      const World plain = payment_world();
      const auto variables = plain.environment().variables();
      World world;
      world.with("input", variables[0].type,
                 R"({"merchant": "m", "amount": 2.5, "attempts": 2, "tags": ["a"], "extra": {}, )" +
                     std::string(input) + "}");
      world.with("light", variables[1].type, R"({"score": 0.25})");
      const Type inner = variables[2].type.element();
      if (*heavy == 0)
        world.skipped("heavy", inner);
      else
        world.ran("heavy", inner, heavy);
      out.push_back(std::move(world));
    }
  }
  return out;
}

std::string given(const std::string& condition, const std::string& text) {
  auto world = payment_world(true);
  const auto guard = world.compile(condition);
  EXPECT_TRUE(guard.ok()) << condition;
  if (!guard.ok()) return "no guard";
  CompileOptions options;
  options.given = guard.program->proves(true);
  const auto compiled = world.compile(text, options);
  return compiled.ok() ? compiled.program->result_type().to_string() : compiled.mistakes[0].code;
}

TEST(Guard, MakesWhatItAsksForPresent) {
  EXPECT_EQ(given("has(heavy) && heavy.score > 0.5", "heavy.score"), "double");
  EXPECT_EQ(given("has(heavy)", "heavy"), "{score: double, reason?: string}");
  EXPECT_EQ(given("has(heavy.reason)", "heavy.reason"), "string");
  EXPECT_EQ(given("has(input.country)", "input.country"), "string");
  EXPECT_EQ(given("input.limit != null", "input.limit"), "double");
  EXPECT_EQ(given("has(heavy) ? heavy.score > 0.1 : false", "heavy.score"), "double");
}

TEST(Guard, KnowsThatADefaultWouldNotPass) {
  EXPECT_EQ(given("heavy.?score.orValue(0.0) > 0.5", "heavy.score"), "double");
  EXPECT_EQ(given("0.5 < heavy.?score.orValue(0.0)", "heavy.score"), "double");
  EXPECT_EQ(given("heavy.?reason.orValue('') == 'graph'", "heavy.reason"), "string");
  EXPECT_EQ(given("heavy.?reason.orValue('') in ['graph', 'rules']", "heavy.reason"), "string");
  EXPECT_EQ(given("heavy.optMap(h, h.score > 0.5).orValue(false)", "heavy.score"), "double");
  EXPECT_EQ(given("heavy.?score.orValue(0.6) > 0.5", "heavy.score"), "optional(double)");
  EXPECT_EQ(given("heavy.?reason.orValue('') in ['', 'rules']", "heavy.reason"), "optional(string)");
  EXPECT_EQ(given("heavy.?score.orValue(light.score) > 0.5", "heavy.score"), "optional(double)");
}

TEST(Guard, ProvesNothingMore) {
  EXPECT_EQ(given("!has(heavy)", "heavy.score"), "optional(double)");
  EXPECT_EQ(given("has(heavy) || input.amount > 3.0", "heavy.score"), "optional(double)");
  EXPECT_EQ(given("has(heavy)", "heavy.reason"), "expression.may_be_absent");
  EXPECT_EQ(given("has(heavy)", "input.country"), "expression.may_be_absent");
  EXPECT_EQ(given("[optional.of(1)].exists(o, o.orValue(0) == 1)", "heavy.score"), "optional(double)");
}

TEST(Guard, LeavesTheMethodsOfOptionalsAlone) {
  EXPECT_EQ(given("has(heavy)", "heavy.score.orValue(0.0)"), "double");
  EXPECT_EQ(given("has(heavy)", "heavy.?score.orValue(0.0)"), "double");
  EXPECT_EQ(given("has(heavy)", "heavy.hasValue()"), "bool");
  EXPECT_EQ(given("has(heavy)", "has(heavy)"), "bool");
  EXPECT_EQ(given("has(heavy)", "heavy.optMap(h, h.score)"), "optional(double)");
  auto world = payment_world(true);
  EXPECT_EQ(world.evaluate("heavy.score.orValue(0.0) > 0.5 && heavy.score.orValue(0.0) < 0.9"), "true");
  EXPECT_EQ(world.evaluate("heavy.?score.orValue(0.0) > 0.5 && heavy.score < 0.9"), "true");
}

/// Whatever compiles under a guard evaluates wherever the guard came out that way.
TEST(Guard, IsNeverWrong) {
  const auto all = worlds();
  size_t evaluated = 0;
  for (const auto* condition : kConditions) {
    const auto guard = all[0].compile(condition);
    ASSERT_TRUE(guard.ok()) << condition << "\n" << guard.to_error().message;
    for (const bool outcome : {true, false}) {
      CompileOptions options;
      options.given = guard.program->proves(outcome);
      for (const auto* text : kGuarded) {
        const auto compiled = all[0].compile(text, options);
        if (!compiled.ok()) continue;
        for (const auto& world : all) {
          Arena arena;
          const auto asked = guard.program->evaluate(world.slots(), arena);
          if (!asked.ok() || asked->as_bool() != outcome) continue;
          const auto result = compiled.program->evaluate(world.slots(), arena);
          EXPECT_TRUE(result.ok()) << condition << " is " << outcome << ", but " << text << " "
                                   << result.error().to_string();
          ++evaluated;
        }
      }
    }
  }
  EXPECT_GT(evaluated, 1000u);
}

TEST(Guard, FactsCanBeAddedAndAskedFor) {
  auto world = payment_world(true);
  const auto slot = *world.environment().find("heavy");
  const auto country = world.compile("has(input.country)");
  const auto reason = world.compile("has(heavy.reason)");
  ASSERT_TRUE(country.ok() && reason.ok());
  EXPECT_TRUE(country.program->proves(false).empty());
  EXPECT_FALSE(country.program->proves(true).proves_present(slot));
  EXPECT_TRUE(reason.program->proves(true).proves_present(slot));
  CompileOptions options;
  options.given = country.program->proves(true);
  options.given.add(reason.program->proves(true));
  EXPECT_TRUE(world.compile("input.country + heavy.reason", options).ok());
  options.given = Facts();
  EXPECT_TRUE(options.given.empty());
  options.given.assume_present(slot);
  EXPECT_EQ(world.compile("heavy.score", options).program->result_type().to_string(), "double");
  // What was given is not proven again.
  EXPECT_TRUE(world.compile("heavy.score > 0.5", options).program->proves(true).empty());
}

}  // namespace
}  // namespace switchyard::expression
