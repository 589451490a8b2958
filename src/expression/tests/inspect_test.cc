#include "switchyard/expression/inspect.h"

#include <gtest/gtest.h>

namespace switchyard::expression {
namespace {

Environment environment() {
  Environment env;
  env.declare("input", Type::object({{"amount", Type::real()}, {"tags", Type::list(Type::string())}}));
  env.declare("light", Type::optional(Type::object({{"score", Type::real()}})));
  return env;
}

std::string type_at(const std::string& text, const std::string& word) {
  const auto found = inspect(text, environment());
  if (!found.ast.has_value()) return "no tree";
  const Node* node = node_at(*found.ast, static_cast<uint32_t>(text.find(word) + word.size()));
  return node == nullptr ? "no node" : found.types[node->id].to_string();
}

TEST(Inspect, TellsTheTypeOfEachPart) {
  EXPECT_EQ(type_at("input.amount > 10.0", "input.amount"), "double");
  EXPECT_EQ(type_at("light.?score.orValue(1.0)", "light.?score"), "optional(double)");
  EXPECT_EQ(type_at("input.tags.exists(t, t == 'a')", "(t, t"), "string");
}

TEST(Inspect, TellsTypesInATextWithMistakesOfType) {
  const std::string text = "input.amount > 'x' && input.tags.size() > nothing";
  const auto found = inspect(text, environment());
  EXPECT_GE(found.mistakes.size(), 2u);
  EXPECT_EQ(type_at(text, "input.tags.size()"), "int");
}

TEST(Inspect, HasNoTreeForWrongSyntaxAndSaysWhy) {
  const auto found = inspect("input.", environment());
  EXPECT_FALSE(found.ast.has_value());
  EXPECT_FALSE(found.mistakes.empty());
}

TEST(Inspect, ListsTheNamesThatMacrosBindAndWhere) {
  const std::string text = "input.tags.exists(t, t == 'a') && cel.bind(b, 1, b > 0)";
  const auto found = inspect(text, environment());
  ASSERT_EQ(found.bound.size(), 2u);
  EXPECT_EQ(found.bound[0].name, "t");
  EXPECT_EQ(found.bound[0].type.to_string(), "string");
  EXPECT_EQ(text.substr(found.bound[0].scope.offset, 4), "t ==");
  EXPECT_EQ(found.bound[1].type.to_string(), "int");
}

TEST(Inspect, ListsEveryFunctionWithItsSignatures) {
  bool contains = false, has = false;
  for (const FunctionInfo& info : functions()) {
    EXPECT_FALSE(info.signatures.empty()) << info.name;
    contains |= info.name == "contains" && info.method && info.signatures[0] == "string.(string) -> bool";
    has |= info.name == "has" && !info.method;
  }
  EXPECT_TRUE(contains);
  EXPECT_TRUE(has);
}

}  // namespace
}  // namespace switchyard::expression
