// A value that may be absent or null cannot be used before the text has said what that means.
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::payment_world;

const char* const kAccepted[] = {
    // a step that may be skipped
    "has(heavy) && heavy.score > 0.5",
    "has(heavy) ? heavy.score > 0.5 : light.score > 0.5",
    "!has(heavy) || heavy.score > 0.5",
    "!has(heavy) ? false : heavy.score > 0.5",
    "!(has(heavy) && light.score > 0.1) || heavy.score > 0.5",
    "light.score > 0.1 && has(heavy) && (heavy.score > 0.5 || heavy.score < 0.1)",
    "has(heavy) && input.tags.exists(t, heavy.score > 0.5 && t == 'new')",
    "has(heavy) && has(heavy.reason) && heavy.reason == 'graph'",
    "has(heavy.reason) && heavy.reason == 'graph' && heavy.score > 0.0",
    "heavy.?score.orValue(light.score) > 0.5",
    "heavy.?reason.orValue('') == 'graph'",
    "heavy.reason.orValue('') == 'graph'",
    "heavy.hasValue() && heavy.value().score > 0.5",
    "has(heavy) && heavy.value().score > 0.5",
    "heavy.optMap(h, h.score).orValue(0.0) > 0.5",
    // a field that may be absent
    "has(input.country) && input.country == 'DE'",
    "has(input['country']) && input.country == 'DE'",
    "has(input.country) && input['country'] == 'DE'",
    "'country' in input && input.country == 'DE'",
    "input.?country.hasValue() && input.country == 'DE'",
    "input.?country.orValue('') == 'DE'",
    "has(input.card) && has(input.card.issuer) && input.card.issuer == 'x'",
    "has(input.card) && input.card.number == '4711'",
    "input.?card.issuer.orValue('') == 'x'",
    "input.?card.?issuer.orValue('') == 'x'",
    "(has(input.country) || has(input.country)) && input.country == 'DE'",
    "[1].exists(i, has(input.country) && input.country == 'DE')",
    // a member that an open object or a map may have
    "has(input.extra.anything) && input.extra.anything == 1",
    "'anything' in input.extra && input.extra['anything'] == 1",
    "input.extra.?anything.orValue(1) == 1",
    "{'a': 1}.a == 1",
    // a value that may be null
    "input.limit != null && input.amount > input.limit",
    "null != input.limit && input.amount > input.limit",
    "input.limit == null || input.amount > input.limit",
    "input.limit == null ? true : input.amount > input.limit",
    "!(input.limit == null) && input.amount > input.limit",
    "has(input.note) && input.note != null && input.note.contains('x')",
    "input.limit == 3.0",
    "has(light.reason) || true",
    // elements
    "input.tags.all(t, t != '' && has(input.country) ? input.country != t : true)",
};

const char* const kRefused[] = {
    "input.extra.anything == 1",
    "input.extra['anything'] == 1",
    "has(input.extra.other) && input.extra.anything == 1",
    "cel.bind(m, {'a': 1}, m.b == 1)",
    "heavy.score > 0.5",
    "has(heavy) || heavy.score > 0.5",
    "!has(heavy) && heavy.score > 0.5",
    "heavy.score > 0.5 && has(heavy)",
    "has(heavy) ? true : heavy.score > 0.5",
    "(has(heavy) || true) && heavy.score > 0.5",
    "(has(heavy) && light.score > 0.5) || heavy.score > 0.5",
    "has(light.reason) && heavy.score > 0.5",
    "has(heavy) && heavy.reason == 'graph'",
    "heavy == light",
    "heavy.score + 1.0 > 2.0",
    "-heavy.score > 0.5",
    "heavy.score in [0.5]",
    "heavy.?score == 0.5",
    "input.country == 'DE'",
    "has(input.card) && input.country == 'DE'",
    "has(input.card.issuer)",
    "input.card.number == '4711'",
    "has(input.card) && input.card.issuer == 'x'",
    "(has(input.country) || has(input.card)) && input.country == 'DE'",
    "!has(input.country) && input.country == 'DE'",
    "input.limit > 3.0",
    "input.limit + 1.0 > 3.0",
    "input.limit == null && input.limit > 3.0",
    "input.limit != null || input.limit > 3.0",
    "has(input.note) && input.note.contains('x')",
    "input.note != null && input.note.contains('x')",
    "has(light)",
    "[heavy].exists(h, h.score > 0.5)",
    "input.tags.exists(input, has(input.country))",
    "string(input.limit) == ''",
    "math.greatest(input.limit, 1.0) > 1.0",
};

TEST(Narrowing, AcceptsWhatIsProvenAndEvaluatesItWhetherPresentOrNot) {
  for (const char* text : kAccepted) {
    for (const bool ran : {false, true}) {
      auto world = payment_world(ran);
      const std::string result = world.evaluate(text);
      EXPECT_TRUE(result == "true" || result == "false") << text << "\n  " << result;
    }
  }
}

TEST(Narrowing, RefusesWhatIsNotProven) {
  for (const char* text : kRefused) EXPECT_FALSE(payment_world().compile(text).ok()) << text;
}

TEST(Narrowing, GivesTheValueInsideTheGuard) {
  EXPECT_EQ(payment_world(true).evaluate("has(heavy) ? heavy.score : light.score"), "0.75");
  EXPECT_EQ(payment_world(false).evaluate("has(heavy) ? heavy.score : light.score"), "0.25");
  EXPECT_EQ(payment_world().type_of("has(heavy) ? heavy.score : light.score"), "double");
  EXPECT_EQ(payment_world().type_of("heavy.score"), "optional(double)");
  EXPECT_EQ(payment_world().type_of("has(heavy) ? heavy : light"), "{score: double, reason?: string}");
  EXPECT_EQ(payment_world().type_of("input.limit != null ? input.limit : 0.0"), "double");
}

TEST(Narrowing, OfAShadowedNameDoesNotReachTheOuterOne) {
  // Inside, `heavy` is another one, so that the proof for the outer says nothing about it.
  EXPECT_FALSE(payment_world().compile("has(heavy) && [optional.of(1)].all(heavy, heavy > 0)").ok());
  EXPECT_TRUE(payment_world().compile("has(heavy) && [1].all(heavy, heavy > 0) && heavy.score > 0.0").ok());
}

TEST(Narrowing, HoldsAtRunTimeToo) {
  // The first operand fails, so the second is asked although nothing is proven: an error, never a wrong
  // value.
  auto world = payment_world(false);
  world.with("n", Type::integer(), "0");
  EXPECT_EQ(world.evaluate("(1 / n == 1 || has(heavy)) && has(heavy) && heavy.score > 0.5"), "false");
  EXPECT_TRUE(
      world.evaluate("(has(heavy) || 1 / n == 1) && true").starts_with("error expression.divide_by_zero"));
}

TEST(Narrowing, WithAVariableDeclaredDoubleTakesTheIntThatJsonGave) {
  testing::World world;
  world.with("input", Type::object({{"amount", Type::real()}}), R"({"amount": 5})");
  EXPECT_EQ(world.evaluate("input.amount / 2"), "2.5");
  EXPECT_EQ(world.evaluate("input.amount * 1.5 + 1"), "8.5");
  EXPECT_EQ(world.evaluate("math.ceil(input.amount)"), world.evaluate("5.0"));
  EXPECT_EQ(world.evaluate("input.amount == 5.0 && input.amount < 5.5"), "true");
}

TEST(Relaxation, TakesAnIntLiteralBesideADoubleAsADouble) {
  auto world = payment_world();
  EXPECT_EQ(world.evaluate("input.amount * 2"), world.evaluate("25.0"));
  EXPECT_EQ(world.evaluate("1 - light.score"), "0.75");
  EXPECT_EQ(world.evaluate("light.score + -1"), "-0.75");
  EXPECT_EQ(world.evaluate("light.score / 1 > 0.2 && 10 / input.amount < 1.0"), "true");
  // Only a literal, only arithmetic, only beside what is surely a double.
  EXPECT_FALSE(world.compile("input.amount * input.attempts").ok());
  EXPECT_FALSE(world.compile("input.amount % 2").ok());
  EXPECT_FALSE(world.compile("true ? input.amount : 2").ok());
  EXPECT_EQ(world.evaluate("dyn(2.5) + 1").substr(0, 28), "error expression.no_overload");
}

}  // namespace
}  // namespace switchyard::expression
