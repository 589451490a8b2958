// However it is written, an expression ends, and within its budget.
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::World;

std::string repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

World numbers(int count) {
  std::string json = "[";
  for (int i = 0; i < count; ++i) json += (i > 0 ? "," : "") + std::to_string(i);
  World world;
  world.with("x", Type::list(Type::integer()), json + "]");
  return world;
}

TEST(CostLimit, EndsALoopAndSaysItsLimit) {
  auto world = numbers(1000);
  EXPECT_EQ(world.evaluate("x.all(a, a < 1000)", {5000}), "true");
  EXPECT_EQ(world.evaluate("x.all(a, x.all(b, a + b < 5000))", {5000}).substr(0, 90),
            "error expression.cost_exceeded: the evaluation costs more than its limit of uint 5000, at ");
}

TEST(CostLimit, IsNotAbsorbedByAndAndOr) {
  auto world = numbers(1000);
  EXPECT_TRUE(world.evaluate("x.all(a, x.all(b, a + b < 5000)) || true", {5000})
                  .starts_with("error expression.cost"));
  EXPECT_TRUE(
      world.evaluate("x.exists(c, x.all(a, a < 1000) && false)", {900}).starts_with("error expression.cost"));
}

TEST(CostLimit, OfTheProgramHoldsWhereNoOtherIsGiven) {
  auto world = numbers(1000);
  CompileOptions options;
  options.cost_limit = 100;
  EXPECT_TRUE(
      world.evaluate("x.all(a, a < 1000)", {}, options).starts_with("error expression.cost_exceeded"));
  EXPECT_EQ(world.evaluate("x.all(a, a < 1000)", {100000}, options), "true");
}

TEST(CostLimit, IsExactAndTheSameEachTime) {
  auto world = numbers(50);
  const std::string text = "x.map(a, string(a)).join(',').size()";
  uint64_t least = 1;
  while (world.evaluate(text, {least}).starts_with("error")) ++least;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(world.evaluate(text, {least - 1}).starts_with("error expression.cost_exceeded"));
    EXPECT_EQ(world.evaluate(text, {least}), "139");
  }
}

TEST(CostLimit, CountsTextAndElementsThatWorkIsDoneOn) {
  World world;
  world.with("s", Type::string(), "\"" + repeat("a", 100000) + "\"");
  for (const char* text :
       {"s + s == ''", "s.contains('b')", "s.upperAscii() == ''", "s.matches('b')", "s == s + 'x'",
        "size(s) == 3", "s.split('a').size() == 1", "s < s", "s.replace('a', 'b') == ''", "s.reverse() == ''",
        "base64.encode(bytes(s)) == ''", "'%s'.format([s]) == ''"})
    EXPECT_TRUE(world.evaluate(text, {1000}).starts_with("error expression.cost_exceeded")) << text;
  auto list = numbers(5000);
  for (const char* text :
       {"x + x == x", "x == x", "7000 in x", "{'a': x} == {'a': x}", "math.greatest(x) == 1",
        "x.map(a, string(a)).join() == ''", "[x] == [x]", "x.filter(a, true) == []"})
    EXPECT_TRUE(list.evaluate(text, {1000}).starts_with("error expression.cost_exceeded")) << text;
}

TEST(SizeLimit, StopsTextsThatDouble) {
  World world;
  world.with("s", Type::string(), "\"0123456789abcdef\"");
  std::string text = "s";
  for (int i = 0; i < 40; ++i)
    text = "cel.bind(v" + std::to_string(i) + ", " + text + ", v" + std::to_string(i) + " + v" +
           std::to_string(i) + ")";
  const std::string result = world.evaluate(text, {uint64_t{1} << 60});
  EXPECT_TRUE(result.starts_with("error expression.too_large")) << result.substr(0, 200);
}

TEST(SizeLimit, StopsResultsThatShareTheirPartsTooOften) {
  World world;
  world.with("s", Type::string(), "\"x\"");
  std::string expression = "[s]";
  for (int i = 0; i < 40; ++i) expression = "cel.bind(v, " + expression + ", [v, v])";
  const std::string result = world.evaluate(expression);
  EXPECT_TRUE(result.starts_with("error expression.too_large")) << result.substr(0, 200);
  EXPECT_TRUE(world.evaluate("cel.bind(a, " + expression + ", a == a)")
                  .starts_with("error expression.cost_exceeded"));
}

TEST(SizeLimit, RefusesResultsNestedTooDeepToBeReadBack) {
  World world;
  world.with("s", Type::string(), "\"x\"");
  EXPECT_TRUE(world.evaluate(repeat("[", 60) + "s" + repeat("]", 60)).starts_with("[[["));
  EXPECT_TRUE(
      world.evaluate(repeat("[", 70) + "s" + repeat("]", 70)).starts_with("error expression.too_large"));
}

TEST(SyntaxLimit, RefusesDeepNestingOfEveryKind) {
  World world;
  world.with("b", Type::boolean(), "true");
  const size_t n = 100000 / 2;
  for (const std::string& text :
       {repeat("(", 200) + "b" + repeat(")", 200), repeat("[", 200) + repeat("]", 200), repeat("!", n) + "b",
        repeat("-", n) + "1", "b" + repeat(" ? b : b", 6000), repeat("b ? ", 6000), "b" + repeat(".x", 20000),
        "b" + repeat("[0]", 15000), "1" + repeat("+1", 20000), repeat("size(", 200) + "b" + repeat(")", 200),
        repeat("{1:", 200) + "b" + repeat("}", 200), repeat("[1].map(x, ", 200) + "b" + repeat(")", 200)}) {
    const auto compiled = world.compile(text);
    EXPECT_FALSE(compiled.ok()) << text.substr(0, 20);
    EXPECT_FALSE(compiled.mistakes.empty());
  }
}

TEST(SyntaxLimit, AllowsLongChainsOfAndAndOr) {
  World world;
  world.with("b", Type::boolean(), "true");
  EXPECT_EQ(world.evaluate("b" + repeat(" && b", 5000)), "true");
  EXPECT_EQ(world.evaluate("!b" + repeat(" || !b", 5000)), "false");
}

TEST(SyntaxLimit, RefusesTextsThatAreTooLong) {
  World world;
  EXPECT_EQ(world.mistake("1" + repeat(" ", kMaxTextBytes)).code, "expression.too_large");
  EXPECT_EQ(world.mistake("[" + repeat("1,", 25000) + "1]").code, "expression.syntax");
}

TEST(SyntaxLimit, ReportsAtMostFiftyMistakes) {
  World world;
  EXPECT_EQ(world.compile("[" + repeat("nobody, ", 500) + "1]").mistakes.size(), kMaxMistakes);
}

TEST(SyntaxLimit, NeverLosesItsWayInTruncatedText) {
  World world;
  world.with("x", Type::dyn(), "{}");
  const std::string text =
      "x.?a[?'b'].value().all(i, i in [1, 2u, 0x3, 1.5e3] && 'a\\n\\u00e4' + r\"\\\" != b'''q\\377''') ? {1: "
      "-x.`c-d`} : [?x.y] // end";
  ASSERT_TRUE(parse_only(text).ok());
  for (size_t cut = 0; cut < text.size(); ++cut) {
    const auto parsed = parse_only(text.substr(0, cut));
    EXPECT_EQ(parsed.ok(), parsed.mistakes.empty()) << cut;
    const auto compiled = world.compile(text.substr(cut));
    EXPECT_EQ(compiled.ok(), compiled.mistakes.empty()) << cut;
  }
}

}  // namespace
}  // namespace switchyard::expression
