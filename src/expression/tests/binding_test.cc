// cel.bind and cel.block: a value under a name is evaluated once, and fails where it is used.
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::payment_world;

TEST(Binding, AnErrorIsOneOfItsUses) {
  auto world = payment_world();
  EXPECT_EQ(world.evaluate("cel.bind(x, 1 / (input.attempts - 2), true)"), "true");
  EXPECT_EQ(world.evaluate("cel.bind(x, 1 / (input.attempts - 2), x == 1 || true)"), "true");
  EXPECT_EQ(world.evaluate("cel.bind(x, 1 / (input.attempts - 2), x == 1)").substr(0, 32),
            "error expression.divide_by_zero:");
  EXPECT_EQ(world.evaluate("cel.bind(x, 1 / (input.attempts - 2), true ? 5 : x)"), "5");
}

TEST(Binding, ErrorsOfSeveralNamesAreKeptApart) {
  auto world = payment_world();
  EXPECT_EQ(world
                .evaluate("cel.block([1 / (input.attempts - 2), [1][input.attempts]], "
                          "(cel.index(0) == 1 || true) && cel.index(1) == 1)")
                .substr(0, 27),
            "error expression.bad_index:");
  EXPECT_EQ(world.evaluate("cel.block([1 / (input.attempts - 2), [1][input.attempts]], "
                           "(cel.index(1) == 1 || true) && (cel.index(0) == 1 || true))"),
            "true");
  EXPECT_EQ(
      world.evaluate("cel.block([1 / (input.attempts - 2), cel.index(0) + 1], cel.index(1) == 1 || true)"),
      "true");
}

TEST(Binding, EachRoundOfALoopBeginsAnew) {
  auto world = payment_world();
  EXPECT_EQ(world.evaluate("[0, 1, 0, 2].map(i, cel.bind(x, 2 / i, i == 0 ? -1 : x))"), "[-1,2,-1,1]");
  EXPECT_EQ(world.evaluate("[0, 1, 0, 2].exists(i, cel.bind(x, 2 / i, x == 1))"), "true");
  EXPECT_EQ(world.evaluate("[1, 0].all(i, cel.bind(x, 2 / i, x == 2))").substr(0, 31),
            "error expression.divide_by_zero");
}

TEST(Binding, ASpentBudgetIsNeverKept) {
  auto world = payment_world();
  const auto report = world.evaluate(
      "cel.bind(x, [1,2,3,4,5,6,7,8,9].all(i, [1,2,3,4,5,6,7,8,9].all(j, i + j > 0)), true)", EvalBudget{20});
  EXPECT_EQ(report.substr(0, 31), "error expression.cost_exceeded:");
}

TEST(Block, ValuesSeeThoseBeforeThem) {
  auto world = payment_world();
  EXPECT_EQ(world.evaluate(
                "cel.block([input.attempts, cel.index(0) * 10, cel.index(1) + cel.index(0)], cel.index(2))"),
            "22");
  EXPECT_EQ(world.evaluate("cel.block([], 7)"), "7");
  EXPECT_EQ(
      world.evaluate("[1, 2].map(cel.iterVar(0, 0), cel.block([cel.iterVar(0, 0) * 2], cel.index(0) + 1))"),
      "[3,5]");
}

TEST(Block, MistakesSayWhatToWrite) {
  auto world = payment_world();
  const auto report = [&](const std::string& text) { return world.mistake(text).to_string(); };
  EXPECT_EQ(
      report("cel.index(0) + 1"),
      "1:1: nothing around it gives cel.index(0) a value [expression.undeclared]; cel.index(n) stands within "
      "cel.block, and after the first n values");
  EXPECT_EQ(report("cel.block([cel.index(0)], 1)").substr(0, 48),
            "1:12: nothing around it gives cel.index(0) a val");
  EXPECT_EQ(report("cel.index(-1)"),
            "1:5: cel.index takes a number written down, from 0 on [expression.syntax]; write cel.index(0)");
  EXPECT_EQ(report("cel.iterVar(1)"),
            "1:5: cel.iterVar takes two numbers written down, from 0 on [expression.syntax]; write "
            "cel.iterVar(0, 0)");
  EXPECT_EQ(
      report("cel.block(1, 2)"),
      "1:5: cel.block takes a list of values, and the expression that uses them [expression.syntax]; write "
      "cel.block([a, b], ... cel.index(0) ... cel.index(1) ...)");
}

TEST(Block, HasAsManyValuesAsATreeIsDeep) {
  auto world = payment_world();
  std::string values = "1";
  for (int i = 1; i < 200; ++i) values += ", cel.index(" + std::to_string(i - 1) + ") + 1";
  EXPECT_EQ(world.evaluate("cel.block([" + values + "], cel.index(199))"), "200");
  for (int i = 200; i < 300; ++i) values += ", 1";
  EXPECT_FALSE(world.compile("cel.block([" + values + "], cel.index(299))").ok());
}

}  // namespace
}  // namespace switchyard::expression
