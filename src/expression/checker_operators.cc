#include "checker.h"

namespace switchyard::expression {
namespace {

bool unknown(const Type& type) { return type.is_dyn() || type.is_error() || type.is(TypeKind::kVariable); }

struct Arithmetic {
  Operator op;
  TypeKind left;
  TypeKind right;
  TypeKind result;
};
constexpr auto kInt = TypeKind::kInt;
constexpr auto kUint = TypeKind::kUint;
constexpr auto kDouble = TypeKind::kDouble;
constexpr auto kTime = TypeKind::kTimestamp;
constexpr auto kSpan = TypeKind::kDuration;
constexpr Arithmetic kArithmetic[] = {
    {Operator::kAdd, kInt, kInt, kInt},
    {Operator::kAdd, kUint, kUint, kUint},
    {Operator::kAdd, kDouble, kDouble, kDouble},
    {Operator::kAdd, TypeKind::kString, TypeKind::kString, TypeKind::kString},
    {Operator::kAdd, TypeKind::kBytes, TypeKind::kBytes, TypeKind::kBytes},
    {Operator::kAdd, kTime, kSpan, kTime},
    {Operator::kAdd, kSpan, kTime, kTime},
    {Operator::kAdd, kSpan, kSpan, kSpan},
    {Operator::kSubtract, kInt, kInt, kInt},
    {Operator::kSubtract, kUint, kUint, kUint},
    {Operator::kSubtract, kDouble, kDouble, kDouble},
    {Operator::kSubtract, kTime, kTime, kSpan},
    {Operator::kSubtract, kTime, kSpan, kTime},
    {Operator::kSubtract, kSpan, kSpan, kSpan},
    {Operator::kMultiply, kInt, kInt, kInt},
    {Operator::kMultiply, kUint, kUint, kUint},
    {Operator::kMultiply, kDouble, kDouble, kDouble},
    {Operator::kDivide, kInt, kInt, kInt},
    {Operator::kDivide, kUint, kUint, kUint},
    {Operator::kDivide, kDouble, kDouble, kDouble},
    {Operator::kModulo, kInt, kInt, kInt},
    {Operator::kModulo, kUint, kUint, kUint},
};

Type simple_type(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt: return Type::integer();
    case TypeKind::kUint: return Type::unsigned_integer();
    case TypeKind::kDouble: return Type::real();
    case TypeKind::kString: return Type::string();
    case TypeKind::kBytes: return Type::bytes();
    case TypeKind::kTimestamp: return Type::timestamp();
    case TypeKind::kDuration: return Type::duration();
    default: return Type::dyn();
  }
}

std::string operator_name(const Node& node) { return "'" + std::string(operator_text(node.op)) + "'"; }

}  // namespace

void Checker::need_bool(const Node& node, const Type& type, std::string_view what) {
  const Type known = types_.look(type);
  if (unknown(known) || known.is(TypeKind::kBool)) return;
  const std::string use = std::string(what) + " needs true or false";
  if (complain_if_missing(node, known, use)) return;
  complain(node, "expression.no_overload",
           use + ", but " + text(node) + " is " + types_.settle(known).to_string(),
           known.is_number() ? "compare it: " + text(node) + " != 0" : "");
}

Type Checker::check_unary(const Node& node) {
  const Node& operand = *node.children[0];
  const Type type = types_.look(check(operand));
  if (node.op == Operator::kNot) {
    need_bool(operand, type, "'!'");
    return Type::boolean();
  }
  if (unknown(type) || type.is(TypeKind::kInt) || type.is(TypeKind::kDouble)) return type;
  if (complain_if_missing(operand, type, "'-' needs a number")) return Type::error();
  return complain(
      node, "expression.no_overload",
      "'-' needs an int or a double, but " + text(operand) + " is " + types_.settle(type).to_string());
}

/// CEL has no `double + int`. The one relaxation: a literal int beside a double is meant as a double.
bool Checker::real_literal(const Node& left, const Type& a, const Node& right, const Type& b) {
  const auto is_int_literal = [](const Node& node) {
    return node.kind == NodeKind::kLiteral && node.literal.is(Kind::kInteger);
  };
  if (a.is(TypeKind::kDouble) && is_int_literal(right)) {
    info(right).real = true;
    return true;
  }
  if (b.is(TypeKind::kDouble) && is_int_literal(left)) {
    info(left).real = true;
    return true;
  }
  return false;
}

Type Checker::check_arithmetic(const Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const Type a = types_.look(check(left));
  const Type b = types_.look(check(right));
  if (a.is_error() || b.is_error()) return Type::error();
  const std::string use = operator_name(node) + " needs a value";
  const bool left_missing = complain_if_missing(left, a, use);
  if (complain_if_missing(right, b, use) || left_missing) return Type::error();
  if (node.op != Operator::kModulo && options_.check_types && real_literal(left, a, right, b)) {
    info(node).real = true;
    return Type::real();
  }
  if (node.op == Operator::kAdd && (a.is(TypeKind::kList) || b.is(TypeKind::kList)) &&
      (unknown(a) || unknown(b) || a.kind() == b.kind())) {
    if (a.is_dyn() || b.is_dyn()) return a.is_dyn() ? a : b.is_dyn() ? Type::list(Type::dyn()) : a;
    if (const auto both = types_.unite(a, b)) return *both;
    return Type::list(Type::dyn());
  }
  std::optional<TypeKind> result;
  bool several = false;
  for (const auto& row : kArithmetic) {
    if (row.op != node.op) continue;
    if (!(unknown(a) || a.is(row.left)) || !(unknown(b) || b.is(row.right))) continue;
    several = several || (result.has_value() && *result != row.result);
    result = row.result;
  }
  if (several) return Type::dyn();
  if (result.has_value()) {
    info(node).real = *result == TypeKind::kDouble && a.is(TypeKind::kDouble) && b.is(TypeKind::kDouble);
    return simple_type(*result);
  }
  std::string mend;
  if (a.is_number() && b.is_number()) {
    const bool double_left = a.is(TypeKind::kDouble);
    if (double_left != b.is(TypeKind::kDouble))
      mend = "write double(" + text(double_left ? right : left) + ")";
    else if (node.op != Operator::kModulo || !double_left)
      mend = "convert one of them with int(...) or uint(...)";
  } else if (a.is(TypeKind::kString) != b.is(TypeKind::kString) && node.op == Operator::kAdd) {
    mend = "write string(" + text(a.is(TypeKind::kString) ? right : left) + ")";
  }
  return complain(node, "expression.no_overload",
                  operator_name(node) + " cannot be applied to " + types_.settle(a).to_string() + " and " +
                      types_.settle(b).to_string(),
                  mend);
}

Type Checker::check_equality(const Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const Type a = types_.look(check(left));
  const Type b = types_.look(check(right));
  if (unknown(a) || unknown(b)) {
    types_.assign(a, b);
    return Type::boolean();
  }
  if (types_.assign(a, b) || types_.assign(b, a)) return Type::boolean();
  if (a.unwrapped().is_number() && b.unwrapped().is_number() && !a.is(TypeKind::kOptional) &&
      !b.is(TypeKind::kOptional))
    return Type::boolean();
  const bool a_optional = a.is(TypeKind::kOptional);
  if (a_optional != b.is(TypeKind::kOptional)) {
    complain_if_missing(a_optional ? left : right, a_optional ? a : b,
                        operator_name(node) + " needs a value");
    return Type::boolean();
  }
  // Equality of different kinds is defined, and false; written down it is a slip of the pen.
  const bool is_null = a.is(TypeKind::kNull) || b.is(TypeKind::kNull);
  complain(node, "expression.no_overload",
           is_null ? text(a.is(TypeKind::kNull) ? right : left) + " is " +
                         types_.settle(a.is(TypeKind::kNull) ? b : a).to_string() + " and never null"
                   : operator_name(node) + " compares " + types_.settle(a).to_string() + " with " +
                         types_.settle(b).to_string() + ", which are never equal",
           is_null ? "" : "convert one of them, or wrap it in dyn(...) if that is meant");
  return Type::boolean();
}

Type Checker::check_order(const Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const Type a = types_.look(check(left));
  const Type b = types_.look(check(right));
  const std::string use = operator_name(node) + " needs a value";
  const bool left_missing = !a.is_error() && complain_if_missing(left, a, use);
  if ((!b.is_error() && complain_if_missing(right, b, use)) || left_missing) return Type::boolean();
  const auto ordered = [](const Type& type) {
    switch (type.kind()) {
      case TypeKind::kBool:
      case TypeKind::kInt:
      case TypeKind::kUint:
      case TypeKind::kDouble:
      case TypeKind::kString:
      case TypeKind::kBytes:
      case TypeKind::kTimestamp:
      case TypeKind::kDuration: return true;
      default: return false;
    }
  };
  const bool fine = (unknown(a) || ordered(a)) && (unknown(b) || ordered(b)) &&
                    (unknown(a) || unknown(b) || a.kind() == b.kind() || (a.is_number() && b.is_number()));
  if (!fine)
    complain(node, "expression.no_overload",
             operator_name(node) + " cannot compare " + types_.settle(a).to_string() + " with " +
                 types_.settle(b).to_string(),
             a.is(TypeKind::kString) && b.is_number()   ? "write double(" + text(left) + ")"
             : b.is(TypeKind::kString) && a.is_number() ? "write double(" + text(right) + ")"
                                                        : "");
  return Type::boolean();
}

Type Checker::check_in(const Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const Type needle = types_.look(check(left));
  const Type range = types_.look(check(right));
  if (range.is_error() || needle.is_error()) return Type::boolean();
  const bool left_missing =
      needle.is(TypeKind::kOptional) && complain_if_missing(left, needle, "'in' needs a value");
  if (complain_if_missing(right, range, "'in' looks into it") || left_missing || unknown(range))
    return Type::boolean();
  Type wanted;
  if (range.is(TypeKind::kList))
    wanted = types_.look(range.element());
  else if (range.is(TypeKind::kMap))
    wanted = types_.look(range.key());
  else if (range.is(TypeKind::kObject))
    wanted = Type::string();
  else {
    complain(
        node, "expression.no_overload",
        "'in' looks into a list or a map, but " + text(right) + " is " + types_.settle(range).to_string(),
        range.is(TypeKind::kString) ? "write " + text(right) + ".contains(" + text(left) + ")" : "");
    return Type::boolean();
  }
  if (!(needle.unwrapped().is_number() && wanted.unwrapped().is_number()) && !types_.assign(needle, wanted) &&
      !types_.assign(wanted, needle))
    complain(node, "expression.no_overload",
             text(left) + " is " + types_.settle(needle).to_string() + ", but " + text(right) + " holds " +
                 types_.settle(wanted).to_string());
  return Type::boolean();
}

Type Checker::check_logic(const Node& node) {
  const bool is_and = node.kind == NodeKind::kAnd;
  size_t pushed = 0;
  for (const Node* child : node.children) {
    need_bool(*child, check(*child), is_and ? "'&&'" : "'||'");
    // What follows is evaluated only where this was true (of &&) or false (of ||).
    push_facts(facts(*child, is_and));
    ++pushed;
  }
  while (pushed-- > 0) pop_facts();
  return Type::boolean();
}

Type Checker::check_conditional(const Node& node) {
  const Node& condition = *node.children[0];
  need_bool(condition, check(condition), "a condition");
  push_facts(facts(condition, true));
  const Type yes = check(*node.children[1]);
  pop_facts();
  push_facts(facts(condition, false));
  const Type no = check(*node.children[2]);
  pop_facts();
  if (yes.is_error() || no.is_error()) return yes.is_error() ? no : yes;
  if (const auto both = types_.unite(yes, no)) return *both;
  std::string mend = "give both the same type, or wrap them in dyn(...)";
  const Type a = types_.look(yes);
  const Type b = types_.look(no);
  if (a.is_number() && b.is_number() && (a.is(TypeKind::kDouble) || b.is(TypeKind::kDouble))) {
    const Node& whole = a.is(TypeKind::kDouble) ? *node.children[2] : *node.children[1];
    mend = whole.kind == NodeKind::kLiteral && whole.literal.is(Kind::kInteger)
               ? "write " + text(whole) + ".0"
               : "write double(" + text(whole) + ")";
  }
  return complain(
      node, "expression.no_overload",
      "the two cases of '?:' are " + types_.settle(yes).to_string() + " and " + types_.settle(no).to_string(),
      mend);
}

}  // namespace switchyard::expression
