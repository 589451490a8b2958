// What people are told when they wrote something wrong: where, what, and the mend.
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::payment_world;

TEST(Messages, NameTheNearestFieldWithItsPlace) {
  const auto m = payment_world().mistake("input.amout > 10.0");
  EXPECT_EQ(m.message, "no such field 'amout' in input; did you mean 'amount'?");
  EXPECT_EQ(m.mend, "write amount");
  EXPECT_EQ(m.code, "expression.no_such_field");
  EXPECT_EQ(m.line, 1u);
  EXPECT_EQ(m.column, 7u);
  EXPECT_EQ(m.offset, 6u);
  EXPECT_EQ(m.length, 5u);
}

TEST(Messages, ListTheFieldsWhenNoneIsNear) {
  const auto m = payment_world().mistake("light.probability > 0.5");
  EXPECT_EQ(m.message, "no such field 'probability' in light");
  EXPECT_EQ(m.mend, "its fields are score, reason");
}

TEST(Messages, NameTheNearestVariable) {
  const auto m = payment_world().mistake("inputs.amount > 10.0");
  EXPECT_EQ(m.message, "there is no 'inputs' here; did you mean 'input'?");
  EXPECT_EQ(m.code, "expression.undeclared");
}

TEST(Messages, SuggestQuotesForABareWord) {
  const auto m = payment_world().mistake("input.merchant == GROCER");
  EXPECT_EQ(m.message, "there is no 'GROCER' here");
  EXPECT_TRUE(m.mend.starts_with("for text write 'GROCER'; the names are input, light, heavy")) << m.mend;
}

TEST(Messages, SayThatASkippedStepMayBeAbsentAndHowToMendIt) {
  const auto m = payment_world().mistake("heavy.score > 0.5");
  EXPECT_EQ(m.message, "heavy.score may be absent, but '>' needs a value");
  EXPECT_EQ(m.mend,
            "say what absence means, for example heavy.?score.orValue(0.0), or guard it with has(heavy)");
  EXPECT_EQ(m.code, "expression.may_be_absent");
}

TEST(Messages, SayThatAnOptionalFieldMayBeAbsentAndHowToMendIt) {
  const auto m = payment_world().mistake("input.country == 'DE'");
  EXPECT_EQ(m.message, "input.country may be absent");
  EXPECT_EQ(
      m.mend,
      "say what absence means, for example input.?country.orValue(''), or guard it with has(input.country)");
}

TEST(Messages, SayThatAValueMayBeNullAndHowToMendIt) {
  const auto m = payment_world().mistake("input.amount > input.limit");
  EXPECT_EQ(m.message, "input.limit may be null, but '>' needs a value");
  EXPECT_EQ(m.mend, "compare it with null first, for example input.limit != null ? input.limit : 0.0");
  EXPECT_EQ(m.code, "expression.may_be_null");
}

TEST(Messages, TellAllMistakesAtOnceInTheirOrder) {
  const auto compiled =
      payment_world().compile("input.amout > 1.0 &&\n  heavy.score > 0.5 &&\n  'a' < 3 && nobody");
  ASSERT_EQ(compiled.mistakes.size(), 4u);
  EXPECT_EQ(compiled.mistakes[0].code, "expression.no_such_field");
  EXPECT_EQ(compiled.mistakes[1].code, "expression.may_be_absent");
  EXPECT_EQ(compiled.mistakes[1].line, 2u);
  EXPECT_EQ(compiled.mistakes[1].column, 3u);
  EXPECT_EQ(compiled.mistakes[2].message, "'<' cannot compare string with int");
  EXPECT_EQ(compiled.mistakes[2].line, 3u);
  EXPECT_EQ(compiled.mistakes[3].code, "expression.undeclared");
  EXPECT_EQ(compiled.to_error().kind, ErrorKind::kInvalidArgument);
}

TEST(Messages, TellOneMistakeOnceAndNotItsConsequences) {
  EXPECT_EQ(payment_world().compile("!(input.amout + 1.0 > 2.0 && input.amout.size() == 3)").mistakes.size(),
            2u);
  EXPECT_EQ(payment_world().compile("[nobody, nobody.x].map(n, n + 1)[0] > 3").mistakes.size(), 2u);
}

TEST(Messages, ExplainMixedArithmetic) {
  const auto m = payment_world().mistake("input.amount + input.attempts > 3.0");
  EXPECT_EQ(m.message, "'+' cannot be applied to double and int");
  EXPECT_EQ(m.mend, "write double(input.attempts)");
  EXPECT_EQ(payment_world().mistake("'no ' + input.attempts").mend, "write string(input.attempts)");
}

TEST(Messages, ExplainComparisonsThatAreNeverTrue) {
  EXPECT_EQ(payment_world().mistake("input.merchant == 7").message,
            "'==' compares string with int, which are never equal");
  EXPECT_EQ(payment_world().mistake("input.amount == null").message, "input.amount is double and never null");
}

TEST(Messages, ExplainFunctions) {
  EXPECT_EQ(payment_world().mistake("input.merchant.startWith('m')").message,
            "there is no function 'startWith'; did you mean 'startsWith'?");
  EXPECT_EQ(payment_world().mistake("contains(input.merchant, 'm')").mend, "write value.contains(...)");
  const auto m = payment_world().mistake("input.merchant.contains(5)");
  EXPECT_EQ(m.message, "'contains' cannot be applied to string with (int)");
  EXPECT_EQ(m.mend, "it is string.contains(string)");
  EXPECT_EQ(payment_world().mistake("heavy.?score.orValue(0)").mend,
            "the value for absence must be double, for example 0.0");
  EXPECT_EQ(payment_world().mistake("light.score.orValue(0.0)").mend,
            "light.score is always there; 'orValue' is for what may be absent");
}

TEST(Messages, ExplainConditionsThatAreNoBool) {
  EXPECT_EQ(payment_world().mistake("input.attempts && true").message,
            "'&&' needs true or false, but input.attempts is int");
  EXPECT_EQ(payment_world().mistake("input.attempts ? 1 : 2").message,
            "a condition needs true or false, but input.attempts is int");
  EXPECT_EQ(payment_world().mistake("input.amount > 1.0 ? 0 : light.score").mend, "write 0.0");
}

TEST(Messages, SayWhatResultIsExpected) {
  CompileOptions options;
  options.expected = Type::boolean();
  EXPECT_EQ(payment_world().mistake("input.tags", options).message,
            "the result is list(string), but bool is expected here");
  options.expected = Type::real();
  EXPECT_EQ(payment_world().mistake("input.attempts", options).mend, "wrap it in double(...)");
  EXPECT_EQ(payment_world().mistake("heavy.?score", options).code, "expression.may_be_absent");
}

TEST(Messages, ExplainSyntax) {
  const auto world = payment_world();
  EXPECT_EQ(world.mistake("input.amount >").message, "a value is missing at the end of the expression");
  EXPECT_EQ(world.mistake("").message, "the expression is empty");
  EXPECT_EQ(world.mistake("input.amount = 3.0").mend, "write '=='");
  EXPECT_EQ(world.mistake("has(heavy) and true").mend, "write '&&'");
  EXPECT_EQ(world.mistake("(1 + 2").message,
            "expected ')' after the expression, but met the end (opened at 1:1)");
  EXPECT_EQ(world.mistake("'abc").message, "the text that begins here has no closing '");
  EXPECT_EQ(world.mistake("'\\q'").message, "'\\q' is no escape sequence");
  EXPECT_EQ(world.mistake("9223372036854775808").mend,
            "write it as uint (9223372036854775808u) or double (9223372036854775808.0)");
  EXPECT_EQ(world.mistake("input.tags[0").message,
            "expected ']' after the index, but met the end (opened at 1:11)");
  EXPECT_EQ(world.mistake("if").message, "'if' is a reserved word and cannot be a name here");
  EXPECT_EQ(world.mistake("[1].all(1, true)").message,
            "'all' needs a simple name for the element as its first argument");
  EXPECT_EQ(world.mistake("1 2").message, "expected an operator or the end, but met '2'");
  EXPECT_EQ(world.mistake("\xff").message, "the expression is not valid UTF-8");
  EXPECT_EQ(world.mistake("Payment{amount: 1}").code, "expression.no_messages");
}

TEST(Messages, RefuseABadPatternOrZoneWhenCompiled) {
  EXPECT_EQ(payment_world().mistake("input.merchant.matches('(')").code, "expression.bad_pattern");
  EXPECT_EQ(payment_world().mistake("timestamp('2025-01-01T00:00:00Z').getHours('Europe/Berln')").code,
            "expression.unknown_time_zone");
}

TEST(Messages, OfEvaluationSayWhatWasMetAndWhere) {
  testing::World world;
  world.with("x", Type::dyn(), R"({"a": 1, "b": "two", "list": [1, 2, 3]})");
  EXPECT_EQ(
      world.evaluate("x.a + x.b"),
      "error expression.no_overload: '+' cannot be applied to int 1 and string 'two', at 1:1 in 'x.a + x.b'");
  EXPECT_EQ(world.evaluate("x.c == 3"),
            "error expression.no_such_field: there is no field or key string 'c' in a map of 3 (a, b, list), "
            "at 1:1 "
            "in 'x.c'");
  EXPECT_EQ(world.evaluate("x.list[7]"),
            "error expression.bad_index: index int 7 is outside, there are int 3, at 1:1 in 'x.list[7]'");
  EXPECT_EQ(world.evaluate("x.a / 0"),
            "error expression.divide_by_zero: division by zero, at 1:1 in 'x.a / 0'");
  EXPECT_EQ(world.evaluate("int(x.b)"),
            "error expression.conversion: string 'two' cannot be converted: it is not an int, at 1:1 in "
            "'int(x.b)'");
  EXPECT_EQ(
      world.evaluate("x.a + 9223372036854775807"),
      "error expression.overflow: the result does not fit in 64 bits (int 1 and int 9223372036854775807), at "
      "1:1 in 'x.a + 9223372036854775807'");
  EXPECT_EQ(world.evaluate("x.b ? 1 : 2"),
            "error expression.no_overload: '?:' cannot be applied to string 'two': a condition is a bool, at "
            "1:1 in "
            "'x.b ? 1 : 2'");
}

}  // namespace
}  // namespace switchyard::expression
