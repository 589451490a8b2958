#include "checker.h"

namespace switchyard::expression {
namespace {

bool unknown(const Type& type) { return type.is_dyn() || type.is_error() || type.is(TypeKind::kVariable); }

std::string types_text(const Substitution& substitution, const std::vector<Type>& types, size_t from) {
  std::string out = "(";
  for (size_t i = from; i < types.size(); ++i)
    out += (i > from ? ", " : "") + substitution.settle(types[i]).to_string();
  return out + ")";
}

std::string overload_text(const Builtin& builtin, const Overload& overload) {
  const size_t from = builtin.method ? 1 : 0;
  std::string out = builtin.method ? overload.params[0].to_string() + "." : std::string();
  out += std::string(builtin.name) + "(";
  for (size_t i = from; i < overload.params.size(); ++i)
    out += (i > from ? ", " : "") + overload.params[i].to_string();
  return out + ")";
}

bool asks_optional(std::string_view name) {
  return name == "hasValue" || name == "value" || name == "or" || name == "orValue";
}

}  // namespace

// -- functions --------------------------------------------------------------------------------------------

/// The target of a method of optionals: a proof that it is there does not take it out of its optional, and
/// nothing that it is a field of.
Type Checker::check_target(const Node& node) {
  if (node.kind != NodeKind::kIdent) {
    const Node* outer = kept_optional_;
    kept_optional_ = &node;
    while (kept_optional_->kind == NodeKind::kSelect || kept_optional_->kind == NodeKind::kIndex)
      kept_optional_ = kept_optional_->children[0];
    const Type type = check(node);
    kept_optional_ = outer;
    return type;
  }
  const Type type = options_.check_types ? check_ident(node, true) : (check_ident(node, true), Type::dyn());
  info(node).type = type;
  return type;
}

Type Checker::check_call(const Node& node) {
  const Builtin* builtin = nullptr;
  bool namespaced = false;
  if (node.has_target) {
    bool absolute = false;
    const std::string prefix = qualified_name(*node.children[0], absolute);
    if (!prefix.empty()) builtin = find_builtin(prefix + "." + std::string(node.name), false);
    namespaced = builtin != nullptr;
    if (!namespaced) builtin = find_builtin(node.name, true);
  } else {
    builtin = find_builtin(node.name, false);
  }
  info(node).builtin = builtin;
  info(node).namespaced = namespaced;
  if (builtin == nullptr) return unknown_function(node);

  std::vector<const Node*> args;
  std::vector<Type> types;
  bool failed = false;
  for (size_t i = namespaced ? 1 : 0; i < node.children.size(); ++i) {
    const Node& child = *node.children[i];
    const bool target = i == 0 && builtin->method && asks_optional(node.name);
    args.push_back(&child);
    types.push_back(types_.look(target ? check_target(child) : check(child)));
    failed = failed || types.back().is_error();
  }
  if (builtin->variadic) return check_variadic(node, args, types);
  if (!options_.check_types) return Type::dyn();
  // An argument with a mistake says nothing, but a function with one result type still gives it.
  if (failed)
    return builtin->overloads.size() == 1 && unknown(builtin->overloads[0].result) == false &&
                   builtin->overloads[0].result.depth() == 0
               ? builtin->overloads[0].result
               : Type::error();
  return resolve_overload(node, args, types);
}

Type Checker::unknown_function(const Node& node) {
  for (const Node* child : node.children)
    if (!(node.has_target && child == node.children[0] && child->kind == NodeKind::kIdent)) check(*child);
  const std::string name(node.name);
  // Something.other() may be a namespace that does not exist; only then is its name checked as a variable.
  if (node.has_target && node.children[0]->kind == NodeKind::kIdent) check(*node.children[0]);
  if (find_builtin(name, !node.has_target) != nullptr)
    return complain_at(node.name_span, "expression.unknown_function",
                       node.has_target ? "'" + name + "' is called as a function, not on a value"
                                       : "'" + name + "' is called on a value",
                       node.has_target ? "write " + name + "(...)" : "write value." + name + "(...)");
  const auto names = builtin_names(node.has_target);
  const auto near = nearest_name(name, names);
  std::string message = "there is no function " + quoted(name);
  if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
  return complain_at(node.name_span, "expression.unknown_function", std::move(message),
                     near.empty() ? "" : "write " + std::string(near));
}

Type Checker::check_variadic(const Node& node, const std::vector<const Node*>& args,
                             const std::vector<Type>& types) {
  if (args.empty())
    return complain(node, "expression.no_overload", quoted(node.name) + " needs at least one argument");
  std::optional<Type> common;
  for (size_t i = 0; i < args.size(); ++i) {
    Type type = types[i];
    if (args.size() == 1 && type.is(TypeKind::kList)) type = types_.look(type.element());
    if (!unknown(type) && !type.is_number()) {
      if (complain_if_missing(*args[i], type, quoted(node.name) + " needs a number")) return Type::error();
      return complain(*args[i], "expression.no_overload",
                      quoted(node.name) + " takes numbers or one list of them, but " + text(*args[i]) +
                          " is " + types_.settle(type).to_string());
    }
    common = !common || *common == type ? type : Type::dyn();
  }
  return *common;
}

Type Checker::resolve_overload(const Node& node, const std::vector<const Node*>& args,
                               const std::vector<Type>& types) {
  const Builtin& builtin = *info(node).builtin;
  std::optional<Type> result;  // of the first that fits
  std::optional<Type>
      settled;  // the same without variables, which do not outlive a rewind; dyn where others differ
  std::optional<Substitution::Mark> learned;
  const Overload* chosen = nullptr;
  size_t matches = 0;
  const auto before = types_.mark();
  for (const auto& overload : builtin.overloads) {
    if (overload.params.size() != args.size()) continue;
    std::vector<std::optional<Type>> names;
    bool fits = true;
    for (size_t i = 0; fits && i < args.size(); ++i)
      fits = types_.assign(types[i], types_.instantiate(overload.params[i], names));
    if (fits) {
      const Type given = types_.instantiate(overload.result, names);
      const Type without = types_.settle(given);
      settled = matches == 0 || *settled == without ? without : Type::dyn();
      if (matches++ == 0) {
        result = given;
        learned = types_.mark();
        chosen = &overload;
      }
    }
    types_.rewind(before);
  }
  if (matches == 0) return no_overload(node, args, types);
  // With several candidates nothing is learnt of what is unknown.
  if (matches > 1) return *settled;
  types_.rewind(std::move(*learned));
  for (size_t i = 0; i < args.size(); ++i)
    info(*args[i]).to_real = chosen->params[i].is(TypeKind::kDouble) && types[i].is(TypeKind::kDouble) &&
                             args[i]->kind != NodeKind::kLiteral;
  return *result;
}

Type Checker::no_overload(const Node& node, const std::vector<const Node*>& args,
                          const std::vector<Type>& types) {
  const Builtin& builtin = *info(node).builtin;
  const std::string name = "'" + std::string(builtin.name) + "'";
  for (size_t i = 0; i < args.size(); ++i)
    if (!asks_optional(builtin.name) && complain_if_missing(*args[i], types[i], name + " needs a value"))
      return Type::error();
  std::string takes;
  for (const auto& overload : builtin.overloads)
    takes += (takes.empty() ? "" : ", ") + overload_text(builtin, overload);
  std::string message = name + " cannot be applied to ";
  if (builtin.method) message += types_.settle(types[0]).to_string() + " with ";
  message += types_text(types_, types, builtin.method ? 1 : 0);
  std::string mend = "it is " + takes;
  if (asks_optional(builtin.name) && !types[0].is(TypeKind::kOptional))
    mend = text(*args[0]) + " is always there; " + name + " is for what may be absent";
  else if (builtin.name == "orValue" && types.size() == 2)
    mend = "the value for absence must be " + types_.settle(types[0].element()).to_string() +
           ", for example " + example_value(types_.settle(types[0].element()));
  return complain_at(node.span, "expression.no_overload", std::move(message), std::move(mend));
}

// -- names bound by macros --------------------------------------------------------------------------------

uint16_t Checker::push_local(std::string_view name, Type type) {
  locals_.push_back({name, local_count_, std::move(type)});
  return local_count_++;
}

void Checker::pop_locals(size_t count) { locals_.resize(locals_.size() - count); }

/// What a loop over `range` gives its one or two names.
void Checker::range_types(const Node& node, const Type& range, bool pair, Type& first, Type& second) {
  const Node& of = *node.children[0];
  first = second = Type::dyn();
  if (unknown(range)) return;
  if (range.is(TypeKind::kList)) {
    first = pair ? Type::integer() : types_.look(range.element());
    second = types_.look(range.element());
  } else if (range.is(TypeKind::kMap)) {
    first = types_.look(range.key());
    second = types_.look(range.element());
  } else if (range.is(TypeKind::kObject)) {
    first = Type::string();
  } else if (!complain_if_missing(of, range, "it is gone through")) {
    complain(of, "expression.no_overload",
             "only lists and maps can be gone through, but " + text(of) + " is " +
                 types_.settle(range).to_string());
  }
}

Type Checker::check_comprehension(const Node& node) {
  const Type range = types_.look(check(*node.children[0]));
  const bool pair = !node.second_name.empty();
  Type first, second;
  range_types(node, range, pair, first, second);
  info(node).first_local = push_local(node.name, first);
  if (pair) info(node).second_local = push_local(node.second_name, second);

  const bool filtered = node.children.size() == 3;
  std::vector<Type> bodies;
  for (size_t i = 1; i < node.children.size(); ++i) {
    bodies.push_back(types_.look(check(*node.children[i])));
    // map(x, condition, value): the value is evaluated where the condition held.
    if (filtered && i == 1) {
      need_bool(*node.children[1], bodies[0], "the condition");
      push_facts(facts(*node.children[1], true));
    }
  }
  if (filtered) pop_facts();
  pop_locals(pair ? 2 : 1);
  const Type& body = bodies.back();
  switch (node.macro) {
    case Macro::kAll:
    case Macro::kExists:
    case Macro::kExistsOne: need_bool(*node.children[1], body, "the condition"); return Type::boolean();
    case Macro::kFilter: need_bool(*node.children[1], body, "the condition"); return Type::list(first);
    case Macro::kMap:
    case Macro::kTransformList: return body.is_error() ? body : Type::list(body);
    case Macro::kTransformMap: {
      const Type key = range.is(TypeKind::kList) ? Type::integer() : first;
      return body.is_error() ? body : Type::map(key, body);
    }
    default:
      if (body.is(TypeKind::kMap)) return body;
      if (unknown(body)) return Type::map(Type::dyn(), Type::dyn());
      return complain(*node.children.back(), "expression.no_overload",
                      "an entry is a map of one key, but " + text(*node.children.back()) + " is " +
                          types_.settle(body).to_string());
  }
}

Type Checker::check_bind(const Node& node) {
  const Type bound = check(*node.children[0]);
  info(node).first_local = push_local(node.name, bound);
  const Type body = check(*node.children[1]);
  pop_locals(1);
  return body;
}

Type Checker::check_optional_map(const Node& node) {
  const Node& of = *node.children[0];
  const Type target = types_.look(check_target(of));
  Type inner = Type::dyn();
  if (target.is(TypeKind::kOptional))
    inner = types_.look(target.element());
  else if (!unknown(target))
    complain(of, "expression.no_overload",
             text(of) + " is " + types_.settle(target).to_string() + " and always there; " +
                 (node.macro == Macro::kOptMap ? "optMap" : "optFlatMap") + " is for what may be absent");
  info(node).first_local = push_local(node.name, inner);
  const Type body = types_.look(check(*node.children[1]));
  pop_locals(1);
  if (body.is_error()) return body;
  if (node.macro == Macro::kOptMap) return Type::optional(body);
  if (unknown(body)) return Type::optional(Type::dyn());
  if (body.is(TypeKind::kOptional)) return body;
  return complain(*node.children[1], "expression.no_overload",
                  "optFlatMap needs an optional, but " + text(*node.children[1]) + " is " +
                      types_.settle(body).to_string(),
                  "write optMap");
}

}  // namespace switchyard::expression
