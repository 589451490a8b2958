#include "checker.h"

#include <algorithm>

namespace switchyard::expression {
namespace {

/// A result's type as others see it: addresses are strings to them.
Type outward(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kIp:
    case TypeKind::kCidr: return Type::string();
    case TypeKind::kList: return Type::list(outward(type.element()));
    case TypeKind::kOptional: return Type::optional(outward(type.element()));
    case TypeKind::kNullable: return Type::nullable(outward(type.element()));
    case TypeKind::kMap: return Type::map(type.key(), outward(type.element()));
    default: return type;  // fields have the types that were declared
  }
}

}  // namespace

Checker::Checker(const Ast& ast, const Environment& environment, const CompileOptions& options,
                 Mistakes& mistakes)
    : ast_(ast),
      environment_(environment),
      options_(options),
      mistakes_(mistakes),
      nodes_(ast.node_count()),
      facts_(options.given) {}

Checked Checker::run() {
  const Node& root = ast_.root();
  Type result = outward(types_.settle(check(root)));
  if (options_.expected.has_value() && options_.check_types && !result.is_error() &&
      !is_assignable(result, *options_.expected)) {
    const Type& wanted = *options_.expected;
    const bool optional = result.is(TypeKind::kOptional) && is_assignable(result.element(), wanted);
    if (optional) {
      complain_if_missing(root, result, "the result must be " + wanted.to_string());
    } else {
      std::string mend;
      if (wanted.is(TypeKind::kDouble) && result.is_number())
        mend = root.kind == NodeKind::kLiteral ? "write " + text(root) + ".0" : "wrap it in double(...)";
      if (wanted.is(TypeKind::kString) && result.is_number()) mend = "wrap it in string(...)";
      complain(root, "expression.wrong_result",
               "the result is " + result.to_string() + ", but " + wanted.to_string() + " is expected here",
               mend);
    }
  }
  Checked out;
  if (result.is(TypeKind::kBool) || result.is_dyn()) {
    out.when_true = outward_facts(root, true);
    out.when_false = outward_facts(root, false);
  }
  for (auto& node : nodes_) node.type = types_.settle(node.type);
  collect_reads(root);
  std::sort(slots_.begin(), slots_.end());
  slots_.erase(std::unique(slots_.begin(), slots_.end()), slots_.end());
  std::sort(paths_.begin(), paths_.end());
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
  out.nodes = std::move(nodes_);
  out.result = std::move(result);
  out.slots = std::move(slots_);
  out.paths = std::move(paths_);
  return out;
}

Type Checker::check(const Node& node) {
  if (mistakes_.full()) return Type::error();
  Type type = dispatch(node);
  if (!options_.check_types) type = Type::dyn();
  info(node).type = type;
  return type;
}

Type Checker::dispatch(const Node& node) {
  switch (node.kind) {
    case NodeKind::kLiteral: return check_literal(node);
    case NodeKind::kIdent: return check_ident(node);
    case NodeKind::kSelect: return check_select(node);
    case NodeKind::kIndex: return check_index(node);
    case NodeKind::kHas: return check_has(node);
    case NodeKind::kCall: return check_call(node);
    case NodeKind::kUnary: return check_unary(node);
    case NodeKind::kBinary:
      switch (node.op) {
        case Operator::kEqual:
        case Operator::kNotEqual: return check_equality(node);
        case Operator::kIn: return check_in(node);
        case Operator::kLess:
        case Operator::kLessEqual:
        case Operator::kGreater:
        case Operator::kGreaterEqual: return check_order(node);
        default: return check_arithmetic(node);
      }
    case NodeKind::kAnd:
    case NodeKind::kOr: return check_logic(node);
    case NodeKind::kConditional: return check_conditional(node);
    case NodeKind::kList: return check_list(node);
    case NodeKind::kMap: return check_map(node);
    case NodeKind::kMessage:
      mistakes_.add(node.name_span, "expression.no_messages",
                    quoted(node.name) + " is no type that can be made here: there are no protobuf messages",
                    "write a map: {'field': value}");
      return Type::error();
    case NodeKind::kComprehension: return check_comprehension(node);
    case NodeKind::kBind: return check_bind(node);
    case NodeKind::kOptionalMap: return check_optional_map(node);
  }
  return Type::error();
}

// -- messages ---------------------------------------------------------------------------------------------

Type Checker::complain_at(Span span, std::string code, std::string message, std::string mend) {
  if (!options_.check_types) return Type::dyn();
  mistakes_.add(span, std::move(code), std::move(message), std::move(mend));
  return Type::error();
}

Type Checker::complain(const Node& node, std::string code, std::string message, std::string mend) {
  return complain_at(node.span, std::move(code), std::move(message), std::move(mend));
}

std::string Checker::text(const Node& node) const {
  constexpr size_t kLongest = 60;
  std::string out(ast_.text_of(node).substr(0, kLongest));
  if (node.span.length > kLongest) out += "...";
  return out;
}

std::string example_value(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kBool: return "false";
    case TypeKind::kInt: return "0";
    case TypeKind::kUint: return "0u";
    case TypeKind::kDouble: return "0.0";
    case TypeKind::kString: return "''";
    case TypeKind::kBytes: return "b''";
    case TypeKind::kList: return "[]";
    case TypeKind::kMap: return "{}";
    case TypeKind::kNullable: return "null";
    case TypeKind::kTimestamp: return "timestamp('2000-01-01T00:00:00Z')";
    case TypeKind::kDuration: return "duration('0s')";
    default: return "...";
  }
}

std::string Checker::absence_mend(const Node& node, const Type& inner) const {
  std::string asked = std::string(ast_.text_of(node));
  if (node.kind == NodeKind::kSelect && !node.optional)
    asked = std::string(ast_.text_of(*node.children[0])) + ".?" + std::string(node.name);
  else if (node.kind == NodeKind::kIndex && !node.optional)
    asked = std::string(ast_.text_of(*node.children[0])) + "[?" +
            std::string(ast_.text_of(*node.children[1])) + "]";
  std::string mend =
      "say what absence means, for example " + asked + ".orValue(" + example_value(inner) + ")";
  // The guard asks about the nearest thing that may be absent.
  const Node* guard = &node;
  while (guard->kind == NodeKind::kSelect && info(*guard->children[0]).type.is(TypeKind::kOptional))
    guard = guard->children[0];
  const std::string path = path_of(*guard);
  if (!path.empty()) mend += ", or guard it with has(" + path + ")";
  return mend;
}

bool Checker::complain_if_missing(const Node& node, const Type& type, std::string_view use) {
  const Type known = types_.look(type);
  if (known.is(TypeKind::kOptional)) {
    complain(node, "expression.may_be_absent", text(node) + " may be absent, but " + std::string(use),
             absence_mend(node, types_.apply(known.element())));
    return true;
  }
  if (known.is(TypeKind::kNullable) || known.is(TypeKind::kNull)) {
    const std::string path = path_of(node);
    complain(node, "expression.may_be_null", text(node) + " may be null, but " + std::string(use),
             path.empty() ? "compare it with null first"
                          : "compare it with null first, for example " + path + " != null ? " + path + " : " +
                                example_value(known.unwrapped()));
    return true;
  }
  return false;
}

// -- literals ---------------------------------------------------------------------------------------------

Type Checker::check_literal(const Node& node) {
  switch (node.literal.kind()) {
    case Kind::kNull: return Type::null();
    case Kind::kBool: return Type::boolean();
    case Kind::kInteger: return Type::integer();
    case Kind::kUnsigned: return Type::unsigned_integer();
    case Kind::kDouble: return Type::real();
    case Kind::kString: return Type::string();
    default: return Type::bytes();
  }
}

Type Checker::check_list(const Node& node) {
  std::optional<Type> element;
  bool mixed = false;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = *node.children[i];
    Type type = check(child);
    if (node.entry_optional[i]) {
      const Type known = types_.look(type);
      if (known.is(TypeKind::kOptional))
        type = known.element();
      else if (known.is_dyn() || known.is_error())
        type = Type::dyn();
      else
        return complain(
            child, "expression.no_overload",
            "'?' takes an optional, but " + text(child) + " is " + types_.settle(known).to_string());
    }
    if (type.is_error()) continue;
    if (!element) {
      element = type;
    } else if (!mixed) {
      const auto united = types_.unite(*element, type);
      mixed = !united.has_value();
      element = united.value_or(Type::dyn());
    }
  }
  return Type::list(element ? *element : types_.fresh());
}

Type Checker::check_map(const Node& node) {
  std::optional<Type> keys;
  std::optional<Type> values;
  const auto merge = [&](std::optional<Type>& all, const Type& one) {
    all = all ? types_.unite(*all, one).value_or(Type::dyn()) : one;
  };
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key = *node.children[i];
    const Node& value = *node.children[i + 1];
    const Type key_type = types_.look(check(key));
    Type value_type = check(value);
    if (!complain_if_missing(key, key_type, "a key needs a value") && !key_type.is_dyn() &&
        !key_type.is_error() && !key_type.is(TypeKind::kVariable) && !key_type.is(TypeKind::kString) &&
        !key_type.is(TypeKind::kInt) && !key_type.is(TypeKind::kUint) && !key_type.is(TypeKind::kBool))
      complain(key, "expression.no_overload",
               "a key is a string, int, uint or bool, but " + text(key) + " is " +
                   types_.settle(key_type).to_string());
    if (node.entry_optional[i / 2]) {
      const Type known = types_.look(value_type);
      if (known.is(TypeKind::kOptional))
        value_type = known.element();
      else if (known.is_dyn() || known.is_error())
        value_type = Type::dyn();
      else
        complain(value, "expression.no_overload",
                 "a '?' key takes an optional value, but " + text(value) + " is " +
                     types_.settle(known).to_string());
    }
    merge(keys, key_type);
    merge(values, value_type);
  }
  return Type::map(keys ? *keys : types_.fresh(), values ? *values : types_.fresh());
}

// -- names ------------------------------------------------------------------------------------------------

const Checker::Local* Checker::find_local(std::string_view name) const {
  for (auto local = locals_.rbegin(); local != locals_.rend(); ++local)
    if (local->name == name) return &*local;
  return nullptr;
}

std::string Checker::qualified_name(const Node& node, bool& absolute) const {
  if (node.kind == NodeKind::kIdent) {
    absolute = node.absolute;
    if (!absolute && find_local(node.name) != nullptr) return {};
    return std::string(node.name);
  }
  if (node.kind != NodeKind::kSelect || node.optional) return {};
  std::string name = qualified_name(*node.children[0], absolute);
  if (name.empty()) return {};
  return name + "." + std::string(node.name);
}

/// Looks the name up in the container, then in what encloses it, then outside.
bool Checker::resolve(const Node& node, const std::string& name, bool absolute) {
  std::string_view container = absolute ? std::string_view() : std::string_view(options_.container);
  for (;;) {
    const std::string candidate = container.empty() ? name : std::string(container) + "." + name;
    if (const auto slot = environment_.find(candidate)) {
      info(node).ref = Ref::kSlot;
      info(node).index = slot->value;
      return true;
    }
    if (const auto type = type_constant(candidate); !type.empty()) {
      info(node).ref = Ref::kTypeName;
      info(node).type_name = type;
      return true;
    }
    if (container.empty()) return false;
    const size_t dot = container.rfind('.');
    container = dot == std::string_view::npos ? std::string_view() : container.substr(0, dot);
  }
}

Type Checker::type_of_ref(const Node& node, bool keep_optional) {
  keep_optional = keep_optional || &node == kept_optional_;
  NodeInfo& about = info(node);
  if (about.ref == Ref::kTypeName) return Type::type();
  slots_.push_back(SlotIndex(about.index));
  Type type = environment_.variable(SlotIndex(about.index)).type;
  if (type.is(TypeKind::kOptional) && !keep_optional && is_present(node)) {
    about.unwrap = true;
    type = type.element();
  }
  if (type.is(TypeKind::kNullable) && is_not_null(node)) type = type.element();
  return type;
}

Type Checker::check_ident(const Node& node, bool keep_optional) {
  keep_optional = keep_optional || &node == kept_optional_;
  if (!node.absolute) {
    if (const Local* local = find_local(node.name)) {
      NodeInfo& about = info(node);
      about.ref = Ref::kLocal;
      about.index = local->number;
      Type type = types_.look(local->type);
      if (type.is(TypeKind::kOptional) && !keep_optional && is_present(node)) {
        about.unwrap = true;
        type = types_.look(type.element());
      }
      if (type.is(TypeKind::kNullable) && is_not_null(node)) type = type.element();
      return type;
    }
  }
  if (resolve(node, std::string(node.name), node.absolute)) return type_of_ref(node, keep_optional);
  return undeclared(node);
}

Type Checker::undeclared(const Node& node) {
  info(node).ref = Ref::kUndeclared;
  if (node.name.starts_with('@'))
    return complain(node, "expression.undeclared", "nothing around it gives " + text(node) + " a value",
                    node.name.starts_with("@index")
                        ? "cel.index(n) stands within cel.block, and after the first n values"
                        : "it stands within a macro that has it as its name");
  std::vector<std::string_view> names;
  for (const auto& variable : environment_.variables())
    if (!variable.name.empty()) names.push_back(variable.name);
  for (const auto& local : locals_) names.push_back(local.name);
  const auto near = nearest_name(node.name, names);
  std::string message = "there is no " + quoted(node.name) + " here";
  if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
  std::string mend =
      near.empty() ? "for text write '" + std::string(node.name) + "'" : "write " + std::string(near);
  if (near.empty() && !names.empty() && names.size() <= 12) {
    mend += "; the names are ";
    for (size_t i = 0; i < names.size(); ++i) mend += (i > 0 ? ", " : "") + std::string(names[i]);
  }
  return complain(node, "expression.undeclared", std::move(message), std::move(mend));
}

}  // namespace switchyard::expression
