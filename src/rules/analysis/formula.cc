#include "formula.h"

#include <cmath>
#include <optional>
#include <string>

#include "../limits.h"
#include "switchyard/expression/ast.h"

namespace switchyard::rules {
namespace {

using expression::Node;
using expression::NodeKind;
using expression::Operator;

Formula anything(bool exact) { return {{Clause{}}, exact}; }
Formula nothing() { return {{}, true}; }
Formula one(uint16_t fact, Predicate predicate) { return {{Clause{{fact, std::move(predicate)}}}, true}; }

Formula either(Formula a, Formula b) {
  if (a.alternatives.size() + b.alternatives.size() > kMaxAlternatives) return anything(false);
  for (auto& clause : b.alternatives) a.alternatives.push_back(std::move(clause));
  a.exact = a.exact && b.exact;
  return a;
}

Formula both(const Formula& a, const Formula& b) {
  // Without one of the two the rest is still implied.
  if (a.alternatives.size() * b.alternatives.size() > kMaxAlternatives) {
    Formula kept = a;
    kept.exact = false;
    return kept;
  }
  Formula result;
  result.exact = a.exact && b.exact;
  for (const auto& left : a.alternatives)
    for (const auto& right : b.alternatives) {
      Clause clause = left;
      clause.insert(clause.end(), right.begin(), right.end());
      result.alternatives.push_back(std::move(clause));
    }
  return result;
}

std::optional<Value> literal(const Node& node) {
  if (node.kind == NodeKind::kLiteral) return node.literal;
  if (node.kind != NodeKind::kUnary || node.op != Operator::kNegate) return std::nullopt;
  const auto inner = literal(*node.children[0]);
  if (!inner.has_value()) return std::nullopt;
  if (inner->is(Kind::kDouble)) return Value::real(-inner->as_double());
  // The smallest int64 is a literal of its own.
  if (inner->is(Kind::kInteger) && inner->as_integer() > 0) return Value::integer(-inner->as_integer());
  return std::nullopt;
}

Operator mirrored(Operator op) {
  switch (op) {
    case Operator::kLess: return Operator::kGreater;
    case Operator::kLessEqual: return Operator::kGreaterEqual;
    case Operator::kGreater: return Operator::kLess;
    case Operator::kGreaterEqual: return Operator::kLessEqual;
    default: return op;
  }
}

class Translator {
 public:
  explicit Translator(Facts& facts) : facts_(facts) {}

  /// `node`, or its contrary, which is what `!` asks for.
  Formula read(const Node& node, bool negated) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        if (!node.literal.is(Kind::kBool)) return anything(false);
        return node.literal.as_bool() != negated ? anything(true) : nothing();
      case NodeKind::kAnd:
      case NodeKind::kOr: return connected(node, negated);
      case NodeKind::kUnary:
        return node.op == Operator::kNot ? read(*node.children[0], !negated) : anything(false);
      case NodeKind::kSelect: return flag(node, negated);
      case NodeKind::kHas: return present(node, negated);
      case NodeKind::kBinary:
        return node.op == Operator::kIn ? listed(node, negated) : comparison(node, negated);
      default: return anything(false);
    }
  }

 private:
  Formula connected(const Node& node, bool negated) {
    const bool all = (node.kind == NodeKind::kAnd) != negated;
    Formula result = all ? anything(true) : nothing();
    for (const Node* child : node.children) {
      Formula next = read(*child, negated);
      result = all ? both(result, next) : either(std::move(result), std::move(next));
    }
    return result;
  }

  /// The fact that a chain of plain selections from `facts` names.
  std::optional<uint16_t> fact_of(const Node& node) {
    for (const Node* at = &node; at->kind == NodeKind::kSelect; at = at->children[0])
      if (at->optional || at->name.find('.') != std::string_view::npos) return std::nullopt;
    const std::string path = expression::path_of(node);
    constexpr std::string_view kPrefix = "facts.";
    if (!path.starts_with(kPrefix)) return std::nullopt;
    return facts_.find(std::string_view(path).substr(kPrefix.size())).index;
  }

  /// Holds for values only: a condition on an absent fact is an error, not a hit.
  static Predicate of_values(Predicate::Kind kind) {
    Predicate predicate;
    predicate.kind = kind;
    predicate.passes_absent = predicate.passes_null = false;
    return predicate;
  }

  Formula flag(const Node& node, bool negated) {
    const auto fact = fact_of(node);
    if (!fact.has_value() || facts_[*fact].kind != Fact::Kind::kBool) return anything(false);
    Predicate predicate = of_values(Predicate::Kind::kOneOf);
    predicate.numbers.push_back(negated ? 0 : 1);
    return one(*fact, std::move(predicate));
  }

  Formula present(const Node& node, bool negated) {
    const Node& path = *node.children[0];
    const auto fact = path.kind == NodeKind::kSelect ? fact_of(path) : std::nullopt;
    // Of a nested fact, has() fails where the parent is absent.
    if (!fact.has_value() || facts_[*fact].keys.size() != 1) return anything(false);
    Predicate predicate = of_values(negated ? Predicate::Kind::kNothing : Predicate::Kind::kAnything);
    predicate.passes_absent = negated;
    predicate.passes_null = !negated;
    return one(*fact, std::move(predicate));
  }

  Formula comparison(const Node& node, bool negated) {
    auto fact = fact_of(*node.children[0]);
    auto value = literal(*node.children[1]);
    Operator op = node.op;
    if (!fact.has_value() || !value.has_value()) {
      fact = fact_of(*node.children[1]);
      value = literal(*node.children[0]);
      op = mirrored(op);
    }
    if (!fact.has_value() || !value.has_value()) return anything(false);
    auto predicate = value->is_null() ? of_null(op) : of_operator(op);
    if (!predicate.has_value()) return anything(false);
    if (value->is_null()) {
      if (negated) {
        const bool of_null_only = predicate->passes_null;
        predicate->kind = of_null_only ? Predicate::Kind::kAnything : Predicate::Kind::kNothing;
        predicate->passes_null = !of_null_only;
      }
      return one(*fact, std::move(*predicate));
    }
    if (!fill(*fact, *value, *predicate)) return anything(false);
    if (negated) predicate->negate();
    // null equals no other value.
    if (predicate->kind == Predicate::Kind::kNoneOf) predicate->passes_null = true;
    return one(*fact, std::move(*predicate));
  }

  static std::optional<Predicate> of_null(Operator op) {
    if (op != Operator::kEqual && op != Operator::kNotEqual) return std::nullopt;
    Predicate predicate =
        of_values(op == Operator::kEqual ? Predicate::Kind::kNothing : Predicate::Kind::kAnything);
    predicate.passes_null = op == Operator::kEqual;
    return predicate;
  }

  static std::optional<Predicate> of_operator(Operator op) {
    Predicate range = of_values(Predicate::Kind::kRange);
    switch (op) {
      case Operator::kEqual: return of_values(Predicate::Kind::kOneOf);
      case Operator::kNotEqual: return of_values(Predicate::Kind::kNoneOf);
      case Operator::kLess: range.high = {0, true, false}; return range;
      case Operator::kLessEqual: range.high = {0, true, true}; return range;
      case Operator::kGreater: range.low = {0, true, false}; return range;
      case Operator::kGreaterEqual: range.low = {0, true, true}; return range;
      default: return std::nullopt;
    }
  }

  /// Puts `value` into the predicate; false when this fact is not compared with such a value here.
  bool fill(uint16_t index, const Value& value, Predicate& predicate) {
    const Fact& fact = facts_[index];
    const bool of_text = fact.kind == Fact::Kind::kText, of_bool = fact.kind == Fact::Kind::kBool;
    if (of_text ? !value.is(Kind::kString) : of_bool ? !value.is(Kind::kBool) : !value.is_number())
      return false;
    if (value.is(Kind::kDouble) && !std::isfinite(value.as_double())) return false;
    if (predicate.kind != Predicate::Kind::kRange) {
      if (of_text)
        predicate.texts.emplace_back(value.as_string());
      else
        predicate.numbers.push_back(number_of(value));
      return true;
    }
    if (of_text || of_bool) return false;
    (predicate.low.given ? predicate.low : predicate.high).value = number_of(value);
    return true;
  }

  Formula listed(const Node& node, bool negated) {
    const auto fact = fact_of(*node.children[0]);
    const Node& list = *node.children[1];
    if (!fact.has_value() || list.kind != NodeKind::kList) return anything(false);
    Predicate predicate = of_values(Predicate::Kind::kOneOf);
    for (size_t i = 0; i < list.children.size(); ++i) {
      const auto value = literal(*list.children[i]);
      const bool optional = i < list.entry_optional.size() && list.entry_optional[i];
      if (optional || !value.has_value() || !fill(*fact, *value, predicate)) return anything(false);
    }
    predicate.finish();
    if (negated) {
      predicate.negate();
      predicate.passes_null = true;
    }
    return one(*fact, std::move(predicate));
  }

  Facts& facts_;
};

}  // namespace

Formula formula_of(const Rule& rule, Facts& facts) {
  if (rule.never) return nothing();
  Formula result = anything(true);
  for (const auto& test : rule.tests) result.alternatives[0].emplace_back(test.fact, test.predicate);
  if (!rule.when.has_value()) return result;
  return both(result, Translator(facts).read(rule.when->ast().root(), false));
}

}  // namespace switchyard::rules
