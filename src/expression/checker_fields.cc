// Fields, elements, and what of the variables is read.
#include "checker.h"

namespace switchyard::expression {

// -- fields -----------------------------------------------------------------------------------------------

Type Checker::check_select(const Node& node) {
  bool absolute = false;
  const std::string name = qualified_name(node, absolute);
  if (!name.empty() && resolve(node, name, absolute)) return type_of_ref(node, false);
  const Type target = types_.look(check(*node.children[0]));
  return field_type(node, target, node.name, node.optional);
}

Type Checker::field_type(const Node& node, const Type& target, std::string_view field, bool optional) {
  const Node& of = *node.children[0];
  if (target.is(TypeKind::kOptional)) {
    const Type inner = types_.look(target.element());
    Type type = Type::dyn();
    if (inner.is(TypeKind::kObject))
      type = object_field(node, inner, field, false);
    else if (inner.is(TypeKind::kMap))
      type = inner.element();
    else if (!inner.is_dyn() && !inner.is(TypeKind::kVariable) && !inner.is_error())
      return complain_at(node.name_span, "expression.no_overload",
                         text(of) + " is " + types_.settle(target).to_string() + " and has no fields");
    return type.is_error() ? type : Type::optional(type);
  }
  Type type = Type::dyn();
  if (target.is_error()) return target;
  if (target.is(TypeKind::kObject)) {
    type = object_field(node, target, field, !optional);
  } else if (target.is(TypeKind::kMap)) {
    if (!types_.assign(Type::string(), target.key()))
      return complain_at(node.name_span, "expression.no_such_field",
                         text(of) + " is " + types_.settle(target).to_string() + ", its keys are not strings",
                         "write " + text(of) + "[key]");
    if (!optional && may_lack(node)) return complain_absent(node, types_.look(target.element()));
    type = types_.look(target.element());
  } else if (optional && target.is(TypeKind::kNullable) && target.element().is(TypeKind::kObject)) {
    type = object_field(node, target.element(), field, false);
  } else if (!target.is_dyn() && !target.is(TypeKind::kVariable)) {
    if (complain_if_missing(of, target, "its field '" + std::string(field) + "' is read"))
      return Type::error();
    return complain_at(node.name_span, "expression.no_such_field",
                       text(of) + " is " + types_.settle(target).to_string() + " and has no fields");
  }
  if (type.is_error()) return type;
  if (optional) return Type::optional(type);
  if (type.is(TypeKind::kNullable) && is_not_null(node)) return type.element();
  return type;
}

Type Checker::object_field(const Node& node, const Type& object, std::string_view field, bool need_proof) {
  const Node& of = *node.children[0];
  const Field* found = object.find_field(field);
  if (found == nullptr) {
    if (object.open()) return need_proof && may_lack(node) ? complain_absent(node, Type::dyn()) : Type::dyn();
    std::vector<std::string_view> names;
    for (const auto& known_field : object.fields()) names.push_back(known_field.name);
    const auto near = nearest_name(field, names);
    std::string message = "no such field " + quoted(field) + " in " + text(of);
    if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
    std::string mend = near.empty() ? "its fields are " : "write " + std::string(near);
    for (size_t i = 0; near.empty() && i < names.size() && i <= 12; ++i)
      mend += (i > 0 ? ", " : "") + (i == 12 ? std::string("...") : std::string(names[i]));
    return complain_at(node.name_span, "expression.no_such_field", std::move(message), std::move(mend));
  }
  if (need_proof && !found->required && !is_present(node)) return complain_absent(node, found->type);
  return found->type;
}

/// Whether nothing says that this member of a map or an open object is there. Asked of variables' members
/// only: what an expression builds itself, it can see.
bool Checker::may_lack(const Node& node) const {
  return options_.check_types && options_.prove_members && !key_of(node).empty() && !is_present(node);
}

Type Checker::complain_absent(const Node& node, const Type& type) {
  std::string mend = absence_mend(node, type);
  return complain(node, "expression.may_be_absent", text(node) + " may be absent", std::move(mend));
}

/// has(step): whether an optional variable holds a value. Of any other it would be no question.
Type Checker::variable_has(const Node& variable, const Type& type) {
  info(variable).type = type;
  if (options_.check_types && !type.is(TypeKind::kOptional) && !type.is_error())
    complain(
        variable, "expression.always_there",
        text(variable) + " is always there; has() asks about what may be absent",
        type.is(TypeKind::kNullable) ? "write " + text(variable) + " != null" : "leave the question out");
  return Type::boolean();
}

Type Checker::check_has(const Node& node) {
  const Node& arg = *node.children[0];
  if (arg.kind == NodeKind::kIdent) {
    return variable_has(arg, types_.look(check_ident(arg, true)));
  }
  // The field itself need not be proven: that is the question. What it is a field of must be.
  bool absolute = false;
  const std::string name = arg.kind == NodeKind::kSelect ? qualified_name(arg, absolute) : std::string();
  if (!name.empty() && resolve(arg, name, absolute)) return variable_has(arg, type_of_ref(arg, true));
  const Type target = types_.look(check(*arg.children[0]));
  if (arg.kind == NodeKind::kIndex) check(*arg.children[1]);
  if (target.is(TypeKind::kNullable)) {
    complain_if_missing(*arg.children[0], target, "has() asks for its field");
    return Type::boolean();
  }
  const auto field = arg.kind == NodeKind::kIndex ? arg.children[1]->literal.as_string() : arg.name;
  info(arg).type = field_type(arg, target, field, true);
  return Type::boolean();
}

Type Checker::check_index(const Node& node) {
  const Node& of = *node.children[0];
  const Node& key = *node.children[1];
  const Type target = types_.look(check(of));
  const Type key_type = types_.look(check(key));
  if (target.is_error()) return target;
  if (complain_if_missing(key, key_type, "an index needs a value")) return Type::error();
  const bool named = key.kind == NodeKind::kLiteral && key.literal.is(Kind::kString);
  const Type& inner = target.is(TypeKind::kOptional) ? types_.look(target.element()) : target;
  if (named && inner.is(TypeKind::kObject))
    return field_type(node, target, key.literal.as_string(), node.optional);
  if (!target.is(TypeKind::kOptional) && complain_if_missing(of, target, "it is indexed"))
    return Type::error();
  const Type element = element_type(node, inner, key_type);
  if (element.is_error()) return element;
  if (named && !node.optional && target.is(TypeKind::kMap) && may_lack(node))
    return complain_absent(node, element);
  return node.optional || target.is(TypeKind::kOptional) ? Type::optional(element) : element;
}

Type Checker::element_type(const Node& node, const Type& target, const Type& key) {
  const Node& of = *node.children[0];
  const bool any_key = key.is_dyn() || key.is_error() || key.is(TypeKind::kVariable);
  if (target.is_dyn() || target.is(TypeKind::kVariable)) return Type::dyn();
  if (target.is(TypeKind::kList)) {
    if (any_key || key.is_number()) return types_.look(target.element());
    return complain(*node.children[1], "expression.no_overload",
                    "a list is indexed with an int, not with " + types_.settle(key).to_string());
  }
  if (target.is(TypeKind::kMap)) {
    const bool numbers = key.is_number() && types_.look(target.key()).is_number();
    if (any_key || numbers || types_.assign(key, target.key())) return types_.look(target.element());
    return complain(*node.children[1], "expression.no_overload",
                    "the keys of " + text(of) + " are " + types_.settle(target.key()).to_string() + ", not " +
                        types_.settle(key).to_string());
  }
  if (target.is(TypeKind::kObject)) {
    if (any_key || key.is(TypeKind::kString)) return Type::dyn();
    return complain(*node.children[1], "expression.no_overload",
                    "the fields of " + text(of) + " have names, not " + types_.settle(key).to_string());
  }
  return complain(of, "expression.no_overload",
                  text(of) + " is " + types_.settle(target).to_string() + " and has no elements");
}

// -- what is read -----------------------------------------------------------------------------------------

void Checker::collect_reads(const Node& node) {
  std::string path;
  const Node* at = &node;
  // Down a chain of selections to the variable; a call or a computed index on the way begins a new chain
  // below.
  while (true) {
    const NodeInfo& about = info(*at);
    if (about.ref == Ref::kSlot) {
      paths_.push_back(environment_.variable(SlotIndex(about.index)).name + path);
      return;
    }
    if (at->kind == NodeKind::kSelect) {
      path = "." + std::string(at->name) + path;
    } else if (at->kind == NodeKind::kIndex && at->children[1]->kind == NodeKind::kLiteral &&
               at->children[1]->literal.is(Kind::kString)) {
      path = "." + std::string(at->children[1]->literal.as_string()) + path;
    } else {
      break;
    }
    at = at->children[0];
  }
  for (const Node* child : at->children) {
    if (info(*at).namespaced && child == at->children[0]) continue;
    collect_reads(*child);
  }
}

}  // namespace switchyard::expression
