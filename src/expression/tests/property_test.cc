// Random expressions against a naive evaluator that walks a tree and has errors as values.
#include <random>

#include "conforms.h"
#include "support.h"

namespace switchyard::expression {
namespace {

using testing::World;

/// What a tree comes to: an int, a bool or an error.
struct Outcome {
  enum class Kind { kInt, kBool, kError } kind = Kind::kError;
  int64_t number = 0;
  bool truth = false;

  static Outcome of(int64_t n) { return {Kind::kInt, n, false}; }
  static Outcome of_bool(bool b) { return {Kind::kBool, 0, b}; }
  static Outcome error() { return {}; }
  bool failed() const { return kind == Kind::kError; }
  std::string text() const {
    if (failed()) return "error";
    return kind == Kind::kInt ? std::to_string(number) : truth ? "true" : "false";
  }
};

struct Tree {
  char op = 'n';  // n literal, v variable, t/f; + - * / %; < = ; & | ! ? ; A E O (all, exists, exists_one)
  int64_t value = 0;
  std::vector<Tree> parts;
};

struct Bindings {
  std::vector<int64_t> values;  ///< a, b, c, then what loops bind: i0, i1, ...
};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }

  Tree number(int depth, size_t names) {
    if (depth == 0 || below(4) == 0) {
      if (below(2) == 0) return {'n', below(5) - 2, {}};
      return {'v', below(static_cast<int64_t>(names)), {}};
    }
    if (below(6) == 0)
      return {'?', 0, {truth(depth - 1, names), number(depth - 1, names), number(depth - 1, names)}};
    return {"+-*/%" [below(5)], 0, { number(depth - 1, names), number(depth - 1, names) }};
  }

  Tree truth(int depth, size_t names) {
    if (depth == 0) return {below(2) == 0 ? 't' : 'f', 0, {}};
    switch (below(8)) {
      case 0: return {'!', 0, {truth(depth - 1, names)}};
      case 1: return {'?', 0, {truth(depth - 1, names), truth(depth - 1, names), truth(depth - 1, names)}};
      case 2: return {below(2) == 0 ? '<' : '=', 0, {number(depth - 1, names), number(depth - 1, names)}};
      case 3: {
        Tree loop{"AEO"[below(3)], static_cast<int64_t>(names), {truth(depth - 1, names + 1)}};
        for (int64_t i = below(4); i > 0; --i) loop.parts.push_back(number(depth - 1, names));
        return loop;
      }
      default: {
        Tree chain{below(2) == 0 ? '&' : '|', 0, {}};
        for (int64_t i = 2 + below(3); i > 0; --i) chain.parts.push_back(truth(depth - 1, names));
        return chain;
      }
    }
  }

 private:
  std::mt19937_64 engine_;
};

std::string name_of(int64_t index) {
  if (index < 3) return std::string(1, static_cast<char>('a' + index));
  return "i" + std::to_string(index);
}

std::string write(const Tree& tree) {
  const auto part = [&](size_t i) { return "(" + write(tree.parts[i]) + ")"; };
  switch (tree.op) {
    case 'n': return std::to_string(tree.value);
    case 'v': return name_of(tree.value);
    case 't': return "true";
    case 'f': return "false";
    case '!': return "!" + part(0);
    case '?': return part(0) + " ? " + part(1) + " : " + part(2);
    case '=': return part(0) + " == " + part(1);
    case '&':
    case '|': {
      std::string out = part(0);
      for (size_t i = 1; i < tree.parts.size(); ++i) out += (tree.op == '&' ? " && " : " || ") + part(i);
      return out;
    }
    case 'A':
    case 'E':
    case 'O': {
      std::string out = "[";
      for (size_t i = 1; i < tree.parts.size(); ++i) out += (i > 1 ? ", " : "") + write(tree.parts[i]);
      const char* macro = tree.op == 'A' ? "all" : tree.op == 'E' ? "exists" : "exists_one";
      return out + "]." + macro + "(" + name_of(tree.value) + ", " + write(tree.parts[0]) + ")";
    }
    default: return part(0) + " " + tree.op + " " + part(1);
  }
}

Outcome evaluate(const Tree& tree, Bindings& bindings);

/// && and || over any number: the deciding value wins, else an error if there is one.
Outcome decide(const std::vector<Outcome>& outcomes, bool deciding) {
  bool failed = false;
  for (const auto& outcome : outcomes) {
    if (outcome.failed())
      failed = true;
    else if (outcome.truth == deciding)
      return Outcome::of_bool(deciding);
  }
  return failed ? Outcome::error() : Outcome::of_bool(!deciding);
}

Outcome loop(const Tree& tree, Bindings& bindings) {
  std::vector<int64_t> elements;
  for (size_t i = 1; i < tree.parts.size(); ++i) {
    const Outcome element = evaluate(tree.parts[i], bindings);
    if (element.failed()) return element;
    elements.push_back(element.number);
  }
  std::vector<Outcome> outcomes;
  for (const int64_t element : elements) {
    bindings.values.push_back(element);
    outcomes.push_back(evaluate(tree.parts[0], bindings));
    bindings.values.pop_back();
  }
  if (tree.op != 'O') return decide(outcomes, tree.op == 'E');
  int64_t count = 0;
  for (const auto& outcome : outcomes) {
    if (outcome.failed()) return outcome;
    count += outcome.truth;
  }
  return Outcome::of_bool(count == 1);
}

Outcome evaluate(const Tree& tree, Bindings& bindings) {
  if (tree.op == 'n') return Outcome::of(tree.value);
  if (tree.op == 'v') return Outcome::of(bindings.values[static_cast<size_t>(tree.value)]);
  if (tree.op == 't' || tree.op == 'f') return Outcome::of_bool(tree.op == 't');
  if (tree.op == 'A' || tree.op == 'E' || tree.op == 'O') return loop(tree, bindings);
  if (tree.op == '&' || tree.op == '|') {
    std::vector<Outcome> outcomes;
    for (const auto& part : tree.parts) outcomes.push_back(evaluate(part, bindings));
    return decide(outcomes, tree.op == '|');
  }
  const Outcome first = evaluate(tree.parts[0], bindings);
  if (first.failed()) return first;
  if (tree.op == '!') return Outcome::of_bool(!first.truth);
  if (tree.op == '?') return evaluate(tree.parts[first.truth ? 1 : 2], bindings);
  const Outcome second = evaluate(tree.parts[1], bindings);
  if (second.failed()) return second;
  const int64_t a = first.number;
  const int64_t b = second.number;
  int64_t out = 0;
  switch (tree.op) {
    case '<': return Outcome::of_bool(a < b);
    case '=': return Outcome::of_bool(a == b);
    case '+': return __builtin_add_overflow(a, b, &out) ? Outcome::error() : Outcome::of(out);
    case '-': return __builtin_sub_overflow(a, b, &out) ? Outcome::error() : Outcome::of(out);
    case '*': return __builtin_mul_overflow(a, b, &out) ? Outcome::error() : Outcome::of(out);
    default: break;
  }
  if (b == 0) return Outcome::error();
  return Outcome::of(tree.op == '/' ? a / b : a % b);
}

TEST(Property, AgreesWithANaiveEvaluatorOnRandomExpressions) {
  constexpr int kExpressions = 1500;
  int errors = 0;
  for (int seed = 0; seed < kExpressions; ++seed) {
    Random random(static_cast<uint64_t>(seed));
    const Tree tree = random.truth(5, 3);
    World world;
    Bindings bindings;
    for (const char* name : {"a", "b", "c"}) {
      bindings.values.push_back(random.below(5) - 2);
      world.with_value(name, Type::integer(), Value::integer(bindings.values.back()));
    }
    const std::string text = write(tree);
    const Outcome expected = evaluate(tree, bindings);
    std::string result = world.evaluate(text, {10'000'000});
    if (result.starts_with("error expression.divide_by_zero") ||
        result.starts_with("error expression.overflow"))
      result = "error";
    ASSERT_EQ(result, expected.text()) << "seed " << seed << ": " << text;
    // Unchecked, the program is another one, but it means the same.
    CompileOptions options;
    options.check_types = false;
    std::string unchecked = world.evaluate(text, {10'000'000}, options);
    if (unchecked.starts_with("error expression.")) unchecked = "error";
    ASSERT_EQ(unchecked, expected.text()) << "seed " << seed << ": " << text;
    errors += expected.failed();
  }
  // Both kinds of outcome must be among them, or the test says little.
  EXPECT_GT(errors, kExpressions / 50);
  EXPECT_LT(errors, kExpressions / 2);
}

TEST(Property, ResultsAreOfTheTypeThatTheCheckerPromised) {
  for (const bool ran : {false, true}) {
    auto world = testing::payment_world(ran);
    for (const char* text : {"heavy",
                             "heavy.?score",
                             "heavy.score",
                             "input.tags.map(t, {t: [t.size()]})",
                             "has(heavy) ? heavy : light",
                             "input.limit",
                             "[input.limit, 1.0]",
                             "input",
                             "input.extra.?anything",
                             "{'a': 1, 'b': null}",
                             "[1, 'a', null]",
                             "input.?card.?issuer",
                             "input.amount + 1",
                             "input.tags + ['x']",
                             "input.tags.transformMap(i, t, t)",
                             "optional.ofNonZeroValue(input.attempts).optMap(a, a * 2)",
                             "true ? optional.none() : heavy",
                             "[[], [1]]",
                             "{'x': heavy.?score, ?'y': heavy.?reason}",
                             "type(input.amount)",
                             "input.card"}) {
      const auto compiled = world.compile(text);
      if (std::string_view(text) == "input.card") {
        EXPECT_FALSE(compiled.ok());
        continue;
      }
      ASSERT_TRUE(compiled.ok()) << text << compiled.to_error().message;
      const auto result = compiled.program->evaluate(world.slots(), world.arena());
      ASSERT_TRUE(result.ok()) << text << result.error().to_string();
      EXPECT_TRUE(testing::conforms(*result, compiled.program->result_type()))
          << text << ": " << to_json(*result) << " is no " << compiled.program->result_type().to_string();
    }
  }
}

}  // namespace
}  // namespace switchyard::expression
