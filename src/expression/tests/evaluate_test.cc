#include <atomic>
#include <thread>

#include "support.h"

namespace switchyard::expression {
namespace {

using testing::payment_world;
using testing::World;

TEST(Evaluate, ReadsFieldsInAnyOrderThatTheInputHasThem) {
  World world;
  world.with("x", Type::dyn(),
             "[{\"a\": 1, \"b\": 2}, {\"b\": 20, \"a\": 10}, {\"c\": 0, \"b\": 200, \"a\": 100}]");
  // One instruction reads all three; where it found the field last is only a guess.
  EXPECT_EQ(world.evaluate("x.map(e, e.a)"), "[1,10,100]");
  EXPECT_EQ(world.evaluate("x.map(e, e.b)"), "[2,20,200]");
}

TEST(Evaluate, AbsorbsErrorsOnEitherSideOfAndAndOr) {
  World world;
  world.with("z", Type::integer(), "0");
  EXPECT_EQ(world.evaluate("1 / z > 0 || true"), "true");
  EXPECT_EQ(world.evaluate("true || 1 / z > 0"), "true");
  EXPECT_EQ(world.evaluate("1 / z > 0 && false"), "false");
  EXPECT_EQ(world.evaluate("1 / z > 0 && 2 % z > 0 && false"), "false");
  EXPECT_EQ(world.evaluate("(1 / z > 0 || false) && false"), "false");
  EXPECT_EQ(world.evaluate("[3, 0, 1].all(i, 6 / i > 5)"), "false");
  EXPECT_EQ(world.evaluate("[0, 2].exists(i, 6 / i == 3)"), "true");
  EXPECT_EQ(world.evaluate("[[0], [2]].exists(l, l.all(i, 6 / i == 3))"), "true");
}

TEST(Evaluate, TellsTheFirstErrorWhenNothingAbsorbsIt) {
  World world;
  world.with("z", Type::integer(), "0");
  EXPECT_NE(world.evaluate("1 / z > 0 && 7 % z > 0").find("'1 / z'"), std::string::npos);
  EXPECT_NE(world.evaluate("[0, 2].exists(i, 6 / i == 4)").find("'6 / i'"), std::string::npos);
}

TEST(Evaluate, ForgetsAbsorbedErrorsBeforeTheNextRound) {
  World world;
  world.with("x", Type::list(Type::integer()), "[0, 1, 2]");
  // In the first round both inner operands fail; the error must not leak into the second.
  EXPECT_EQ(world.evaluate("x.map(i, (1 / i > 5 && true) || i < 3)"), "[true,true,true]");
  EXPECT_EQ(world.evaluate("x.filter(i, i == 0 ? (1 / i > 5 || true) : (i > 5 || i == 2))"), "[0,2]");
  EXPECT_EQ(world.evaluate("x.exists(i, (1 / i == 1 && 2 / i == 2) && true)"), "true");
}

TEST(Evaluate, DropsHalfBuiltListsWhenAnErrorIsAbsorbed) {
  World world;
  world.with("z", Type::integer(), "0");
  EXPECT_EQ(world.evaluate("[1, 2].map(i, [1, 0].map(j, j / (i - 1)).size() == 2 || i == 1)"), "[true,true]");
  EXPECT_EQ(world.evaluate("[7, 8].filter(i, [i].map(j, j / z).size() > 0 || i == 8 || true)"), "[7,8]");
}

TEST(Evaluate, AsksForTheDefaultOnlyWhenItIsNeeded) {
  EXPECT_EQ(payment_world(true).evaluate("heavy.?score.orValue([0.5][7])"), "0.75");
  EXPECT_TRUE(payment_world(false)
                  .evaluate("heavy.?score.orValue([0.5][7])")
                  .starts_with("error expression.bad_index"));
  EXPECT_EQ(payment_world(true).evaluate("heavy.?score.or(optional.of([0.5][7])).value()"), "0.75");
}

TEST(Evaluate, FindsElementsOfLongConstantListsByTheirValue) {
  World world;
  world.with("x", Type::dyn(), "5").with("s", Type::string(), "\"h\"");
  EXPECT_EQ(world.evaluate("x in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5]"), "true");
  EXPECT_EQ(world.evaluate("double(x) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), "true");
  EXPECT_EQ(world.evaluate("(double(x) + 0.5) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), "false");
  EXPECT_EQ(world.evaluate("x in [1, 2u, 3, 4, 5u, 6, 7, 'a', true, 10]"), "true");
  EXPECT_EQ(world.evaluate("s in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'i']"), "true");
  EXPECT_EQ(world.evaluate("(s + 'x') in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']"), "false");
  EXPECT_EQ(world.evaluate("dyn([1]) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), "false");
}

TEST(Evaluate, FoldsWhatDependsOnNothing) {
  World world;
  world.with("x", Type::integer(), "5");
  const auto constant = world.compile("60 * 60 * 24 + size([1, 2]) + int('3')");
  ASSERT_TRUE(constant.ok());
  ASSERT_TRUE(constant.program->constant().has_value());
  EXPECT_EQ(constant.program->constant()->as_integer(), 86405);
  EXPECT_EQ(constant.program->instruction_count(), 1u);
  EXPECT_FALSE(world.compile("1 / 0").program->constant().has_value());
  EXPECT_TRUE(world.evaluate("1 / 0").starts_with("error expression.divide_by_zero"));
  EXPECT_EQ(world.compile("x > 60 * 60").program->instruction_count(), 2u);
}

TEST(Evaluate, TellsWhatAProgramReads) {
  const auto world = payment_world();
  const auto paths =
      world.compile("input.tags.exists(t, t == input['merchant']) && has(heavy) && heavy.score > 1.0");
  ASSERT_TRUE(paths.ok());
  EXPECT_EQ(paths.program->read_paths(),
            (std::vector<std::string>{"heavy", "heavy.score", "input.merchant", "input.tags"}));
  EXPECT_EQ(paths.program->used_slots(), (std::vector<SlotIndex>{SlotIndex(0), SlotIndex(2)}));
  EXPECT_EQ(world.compile("light").program->read_paths(), std::vector<std::string>{"light"});
  EXPECT_TRUE(world.compile("1 + 2").program->read_paths().empty());
}

TEST(Evaluate, GivesTheSameFromManyThreadsAtOnce) {
  World world;
  world.with("a", Type::dyn(), R"({"x": 1, "y": 2})").with("b", Type::dyn(), R"({"y": 20, "x": 10})");
  const auto compiled = world.compile("[a, b].map(m, m.x + m.y)");
  ASSERT_TRUE(compiled.ok());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        Arena arena;
        const auto result = compiled.program->evaluate(world.slots(), arena);
        if (!result.ok() || to_json(*result) != "[3,30]") ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Evaluate, OutlivesTheTextAndEnvironmentItWasCompiledFrom) {
  std::optional<Program> program;
  {
    World world;
    world.with("x", Type::string(), "\"\"");
    std::string text = "x + 'suffix' + x.replace('a', 'b')";
    program = world.compile(text).program;
    text.assign(text.size(), '?');
  }
  Arena arena;
  const Value slots[] = {Value::string("a")};
  const auto result = program->evaluate(slots, arena);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->as_string(), "asuffixb");
}

TEST(Evaluate, ShiftsTimesByTheRulesOfTheZone) {
  World world;
  // The hours of a summer and a winter day, before and after the files' last transition.
  EXPECT_EQ(world.evaluate("timestamp('2025-07-01T12:00:00Z').getHours('Europe/Berlin')"), "14");
  EXPECT_EQ(world.evaluate("timestamp('2025-01-01T12:00:00Z').getHours('Europe/Berlin')"), "13");
  EXPECT_EQ(world.evaluate("timestamp('2070-07-01T12:00:00Z').getHours('Europe/Berlin')"), "14");
  EXPECT_EQ(world.evaluate("timestamp('2070-01-01T12:00:00Z').getHours('Europe/Berlin')"), "13");
  EXPECT_EQ(world.evaluate("timestamp('2070-01-01T12:00:00Z').getHours('Australia/Sydney')"), "23");
  EXPECT_EQ(world.evaluate("timestamp('2025-03-30T00:59:59Z').getHours('Europe/Berlin')"), "1");
  EXPECT_EQ(world.evaluate("timestamp('2025-03-30T01:00:00Z').getHours('Europe/Berlin')"), "3");
  EXPECT_EQ(world.evaluate("timestamp('2071-03-29T00:59:59Z').getHours('Europe/Berlin')"), "1");
  EXPECT_EQ(world.evaluate("timestamp('2071-03-29T01:00:00Z').getHours('Europe/Berlin')"), "3");
  EXPECT_EQ(world.evaluate("timestamp('1970-01-01T00:00:00Z').getDayOfWeek('+00:00')"), "4");
  EXPECT_EQ(world.evaluate("timestamp('1969-12-31T23:59:59Z').getSeconds()"), "59");
  world.with("zone", Type::string(), "\"Europe/Berlin\"");
  EXPECT_EQ(world.evaluate("timestamp('2025-01-01T12:00:00Z').getHours(zone)"), "13");
  world.with("place", Type::string(), "\"Europe/Nowhere\"");
  EXPECT_TRUE(world.evaluate("timestamp('2025-01-01T12:00:00Z').getHours(place)")
                  .starts_with("error expression.bad_argument"));
}

TEST(Evaluate, ChecksPatternsThatCameWithTheInput) {
  World world;
  world.with("p", Type::string(), "\"^a+$\"").with("bad", Type::string(), "\"(\"");
  EXPECT_EQ(world.evaluate("'aaa'.matches(p)"), "true");
  EXPECT_EQ(world.evaluate("matches('aab', p)"), "false");
  EXPECT_TRUE(world.evaluate("'a'.matches(bad)").starts_with("error expression.bad_argument"));
}

TEST(Evaluate, SplitsReplacesAndCountsCodePoints) {
  World world;
  EXPECT_EQ(world.evaluate("'äöü'.split('')"), R"(["ä","ö","ü"])");
  EXPECT_EQ(world.evaluate("'a,b,,c'.split(',')"), R"(["a","b","","c"])");
  EXPECT_EQ(world.evaluate("'a,b,c'.split(',', 2)"), R"(["a","b,c"])");
  EXPECT_EQ(world.evaluate("'ab'.replace('', '-')"), "\"-a-b-\"");
  EXPECT_EQ(world.evaluate("'ab'.replace('', '-', 1)"), "\"-ab\"");
  EXPECT_EQ(world.evaluate("''.replace('', '-')"), "\"-\"");
  EXPECT_EQ(world.evaluate("'aaa'.replace('a', 'b', 2)"), "\"bba\"");
  EXPECT_EQ(world.evaluate("size('äöü') == 3 && 'äöü'.substring(1, 2) == 'ö'"), "true");
}

TEST(Evaluate, ReadsDurationsExactly) {
  World world;
  EXPECT_EQ(world.evaluate("duration('1h30m1.5s')"), "\"5401.5s\"");
  EXPECT_EQ(world.evaluate("duration('-1.000000001s')"), "\"-1.000000001s\"");
  EXPECT_EQ(world.evaluate("duration('1.5µs') == duration('1500ns')"), "true");
  for (const char* bad : {"", "1", "s", "1x", "1h-1m", "--1s", "1.s.", "1 h"})
    EXPECT_TRUE(world.evaluate("duration('" + std::string(bad) + "')").starts_with("error")) << bad;
  EXPECT_EQ(world.evaluate("duration('0') == duration('0s')"), "true");
}

TEST(Evaluate, BuildsMapsAndRefusesKeysTwice) {
  World world;
  world.with("k", Type::string(), "\"a\"");
  EXPECT_EQ(world.evaluate("{k: 1, 'b': [k]}"), R"({"a":1,"b":["a"]})");
  EXPECT_TRUE(world.evaluate("{k: 1, 'a': 2}").starts_with("error expression.duplicate_key"));
  EXPECT_EQ(world.evaluate("[1, 2].transformMapEntry(i, v, {string(v): i})"), R"({"1":0,"2":1})");
  EXPECT_EQ(world.evaluate("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)"), R"({"b":20})");
}

TEST(Evaluate, RefusesValuesOfKindsThatWereNotDeclared) {
  World world;
  world.with("n", Type::integer(), "\"seven\"").with("o", Type::object({{"a", Type::integer()}}), "[1]");
  EXPECT_TRUE(world.evaluate("n + 1").starts_with("error expression.no_overload"));
  EXPECT_TRUE(world.evaluate("n < 1").starts_with("error expression.no_overload"));
  EXPECT_TRUE(world.evaluate("-n").starts_with("error expression.no_overload"));
  EXPECT_TRUE(world.evaluate("o.a").starts_with("error expression.no_overload"));
  EXPECT_TRUE(world.evaluate("[1][n]").starts_with("error expression.no_overload"));
}

}  // namespace
}  // namespace switchyard::expression
