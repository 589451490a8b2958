#include "support.h"

namespace switchyard::expression {
namespace {

const Type kSmall = Type::object({{"a", Type::integer()}});
const Type kWide = Type::object({{"a", Type::integer()}, {"b", Type::string(), false}});
const Type kOpen = Type::object({{"a", Type::integer()}}, true);

TEST(Types, AreWrittenForPeople) {
  EXPECT_EQ(Type::list(Type::integer()).to_string(), "list(int)");
  EXPECT_EQ(Type::optional(Type::real()).to_string(), "optional(double)");
  EXPECT_EQ(Type::nullable(Type::real()).to_string(), "double or null");
  EXPECT_EQ(Type::map(Type::string(), Type::dyn()).to_string(), "map(string, dyn)");
  EXPECT_EQ(kWide.to_string(), "{a: int, b?: string}");
  EXPECT_EQ(kOpen.to_string(), "{a: int, ...}");
  EXPECT_EQ(Type::object({}, true).to_string(), "{...}");
}

TEST(Types, AreEqualWhateverTheOrderOfTheirFields) {
  const Type other = Type::object({{"b", Type::string(), false}, {"a", Type::integer()}});
  EXPECT_TRUE(kWide == other);
  EXPECT_FALSE(kWide == kSmall);
  EXPECT_FALSE(kOpen == kSmall);
}

TEST(Types, FitWhereNothingIsMissingAndNothingUnknown) {
  EXPECT_TRUE(is_assignable(kSmall, kWide));   // b may be absent
  EXPECT_FALSE(is_assignable(kWide, kSmall));  // b is not known there
  EXPECT_TRUE(is_assignable(kWide, kOpen));
  EXPECT_FALSE(is_assignable(kOpen, kSmall));
  EXPECT_FALSE(is_assignable(Type::object({{"a", Type::integer(), false}}), kSmall));
  EXPECT_FALSE(is_assignable(Type::integer(), Type::real()));
  EXPECT_TRUE(is_assignable(Type::dyn(), Type::real()));
  EXPECT_TRUE(is_assignable(Type::null(), Type::nullable(Type::real())));
  EXPECT_TRUE(is_assignable(Type::real(), Type::nullable(Type::real())));
  EXPECT_FALSE(is_assignable(Type::nullable(Type::real()), Type::real()));
  EXPECT_FALSE(is_assignable(Type::optional(Type::real()), Type::real()));
  EXPECT_TRUE(is_assignable(kSmall, Type::map(Type::string(), Type::integer())));
  EXPECT_FALSE(is_assignable(kWide, Type::map(Type::string(), Type::integer())));
  EXPECT_FALSE(is_assignable(kOpen, Type::map(Type::string(), Type::integer())));
  EXPECT_TRUE(is_assignable(kOpen, Type::map(Type::string(), Type::dyn())));
}

TEST(Types, JoinToWhatBothAre) {
  EXPECT_EQ(join(Type::real(), Type::null()).to_string(), "double or null");
  EXPECT_EQ(join(Type::integer(), Type::real()).to_string(), "dyn");
  EXPECT_EQ(join(kSmall, Type::object({{"c", Type::boolean()}})).to_string(), "{a?: int, c?: bool}");
  EXPECT_EQ(join(kSmall, kOpen).to_string(), "{a: int, ...}");
  EXPECT_EQ(join(Type::optional(Type::dyn()), Type::optional(Type::integer())).to_string(), "optional(dyn)");
}

TEST(Types, BothSidesOfAJoinFitIt) {
  const Type types[] = {Type::dyn(),
                        Type::null(),
                        Type::integer(),
                        Type::real(),
                        Type::nullable(Type::real()),
                        kSmall,
                        kWide,
                        kOpen,
                        Type::string(),
                        Type::list(Type::integer()),
                        Type::list(kWide),
                        Type::optional(kSmall),
                        Type::map(Type::string(), Type::integer())};
  for (const auto& a : types) {
    for (const auto& b : types) {
      EXPECT_TRUE(is_assignable(a, join(a, b))) << a.to_string() << " and " << b.to_string();
      EXPECT_TRUE(is_assignable(b, join(a, b))) << a.to_string() << " and " << b.to_string();
      EXPECT_TRUE(join(a, b) == join(b, a)) << a.to_string() << " and " << b.to_string();
    }
  }
}

TEST(Types, DeeperThanTheLimitAreDyn) {
  Type deep = Type::integer();
  for (uint32_t i = 0; i < kMaxTypeDepth; ++i) deep = Type::list(deep);
  EXPECT_EQ(deep.depth(), kMaxTypeDepth);
  EXPECT_TRUE(Type::list(deep).is_dyn());
  EXPECT_TRUE(Type::object({{"a", deep}}).is_dyn());
}

TEST(Ast, ShowsTheShapeOfConditions) {
  const auto parsed =
      parse_only("input.amount >= 10.0 && input.amount < 20.0 && input.country in ['DE', 'FR']");
  ASSERT_TRUE(parsed.ok());
  const Node& root = parsed.ast->root();
  ASSERT_EQ(root.kind, NodeKind::kAnd);
  ASSERT_EQ(root.children.size(), 3u);
  EXPECT_EQ(root.children[0]->op, Operator::kGreaterEqual);
  EXPECT_EQ(path_of(*root.children[0]->children[0]), "input.amount");
  EXPECT_EQ(root.children[1]->children[1]->literal.as_double(), 20.0);
  EXPECT_EQ(root.children[2]->op, Operator::kIn);
  EXPECT_EQ(root.children[2]->children[1]->children[1]->literal.as_string(), "FR");
  EXPECT_EQ(parsed.ast->text_of(*root.children[1]), "input.amount < 20.0");
  EXPECT_EQ(root.children[1]->name_span.offset, 37u);
}

TEST(Ast, PathsAreChainsOfNamesOnly) {
  const auto path = [](const char* text) { return path_of(parse_only(text).ast->root()); };
  EXPECT_EQ(path("a.b.c"), "a.b.c");
  EXPECT_EQ(path("a['b'].c"), "a.b.c");
  EXPECT_EQ(path("a[0].c"), "");
  EXPECT_EQ(path("a.?b"), "");
  EXPECT_EQ(path("f(a).b"), "");
}

}  // namespace
}  // namespace switchyard::expression
