#include "substitution.h"

namespace switchyard::expression {
namespace {

bool has_variables(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kVariable: return true;
    case TypeKind::kList:
    case TypeKind::kOptional:
    case TypeKind::kNullable: return has_variables(type.element());
    case TypeKind::kMap: return has_variables(type.key()) || has_variables(type.element());
    default: return false;
  }
}

/// Whether `a` says no more than `b`: dyn and the unknown say nothing.
bool says_less(const Type& a, const Type& b) {
  if (a.is_dyn() || a.is_error() || a.is(TypeKind::kVariable)) return true;
  if (b.is_dyn() || b.is_error() || b.is(TypeKind::kVariable)) return false;
  if (a.is(TypeKind::kNullable)) return !b.is(TypeKind::kNullable) || says_less(a.element(), b.element());
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case TypeKind::kList:
    case TypeKind::kOptional: return says_less(a.element(), b.element());
    case TypeKind::kMap: return says_less(a.key(), b.key()) && says_less(a.element(), b.element());
    case TypeKind::kObject: return is_assignable(b, a);
    default: return true;
  }
}

const Type& more_general(const Type& a, const Type& b) { return says_less(a, b) ? a : b; }

}  // namespace

Type Substitution::fresh() {
  bound_.emplace_back();
  return Type::variable(static_cast<uint32_t>(bound_.size() - 1));
}

Type Substitution::look(const Type& type) const {
  Type at = type;
  while (at.is(TypeKind::kVariable) && bound_[at.variable_id()].has_value()) at = *bound_[at.variable_id()];
  return at;
}

Type Substitution::replace(const Type& type, bool unknown_is_dyn) const {
  const Type at = look(type);
  switch (at.kind()) {
    case TypeKind::kVariable: return unknown_is_dyn ? Type::dyn() : at;
    case TypeKind::kList: return has_variables(at) ? Type::list(replace(at.element(), unknown_is_dyn)) : at;
    case TypeKind::kOptional:
      return has_variables(at) ? Type::optional(replace(at.element(), unknown_is_dyn)) : at;
    case TypeKind::kNullable:
      return has_variables(at) ? Type::nullable(replace(at.element(), unknown_is_dyn)) : at;
    case TypeKind::kMap:
      if (!has_variables(at)) return at;
      return Type::map(replace(at.key(), unknown_is_dyn), replace(at.element(), unknown_is_dyn));
    default: return at;
  }
}

Type Substitution::apply(const Type& type) const { return replace(type, false); }
Type Substitution::settle(const Type& type) const { return replace(type, true); }

bool Substitution::occurs(uint32_t variable, const Type& type) const {
  const Type at = look(type);
  switch (at.kind()) {
    case TypeKind::kVariable: return at.variable_id() == variable;
    case TypeKind::kList:
    case TypeKind::kOptional:
    case TypeKind::kNullable: return occurs(variable, at.element());
    case TypeKind::kMap: return occurs(variable, at.key()) || occurs(variable, at.element());
    default: return false;
  }
}

bool Substitution::assign(const Type& from, const Type& to) {
  auto before = bound_;
  if (unify(from, to)) return true;
  bound_ = std::move(before);
  return false;
}

bool Substitution::unify_variable(const Type& variable, const Type& other, bool variable_is_target) {
  const uint32_t id = variable.variable_id();
  if (!bound_[id].has_value()) {
    if (look(other) == variable) return true;
    if (occurs(id, other)) return false;
    bound_[id] = other;
    return true;
  }
  const Type known = *bound_[id];
  if (known == other) return true;
  const bool fits = variable_is_target ? unify(other, known) || unify(known, other) : unify(known, other);
  if (!fits) return false;
  const Type& wider = more_general(known, other);
  if (!(wider == variable) && !occurs(id, wider)) bound_[id] = wider;
  return true;
}

bool Substitution::unify(const Type& from, const Type& to) {
  if (to.is(TypeKind::kVariable)) return unify_variable(to, from, true);
  if (from.is(TypeKind::kVariable)) return unify_variable(from, to, false);
  if (from.is_dyn() || to.is_dyn() || from.is_error() || to.is_error()) return true;
  if (to.is(TypeKind::kNullable)) {
    if (from.is(TypeKind::kNull)) return true;
    return unify(from.is(TypeKind::kNullable) ? from.element() : from, to.element());
  }
  if (from.is(TypeKind::kObject) && to.is(TypeKind::kMap) && has_variables(to)) {
    // size({...}) and the like: any map will do, its values are what the fields are.
    Type values = from.open() ? Type::dyn() : fresh();
    for (const auto& field : from.fields())
      if (!from.open() && !unify(field.type, values)) values = Type::dyn();
    return unify(Type::string(), to.key()) && unify(values, to.element());
  }
  if (from.kind() != to.kind() || from.is(TypeKind::kObject)) return is_assignable(from, to);
  switch (from.kind()) {
    case TypeKind::kList:
    case TypeKind::kOptional: return unify(from.element(), to.element());
    case TypeKind::kMap: return unify(from.key(), to.key()) && unify(from.element(), to.element());
    default: return is_assignable(from, to);
  }
}

std::optional<Type> Substitution::unite(const Type& a, const Type& b) {
  if (assign(a, b)) return more_general(apply(a), apply(b));
  if (assign(b, a)) return more_general(apply(a), apply(b));
  const Type left = apply(a);
  const Type right = apply(b);
  const Type joined = join(left, right);
  if (!joined.is_dyn()) return joined;
  return std::nullopt;
}

Type Substitution::instantiate(const Type& signature, std::vector<std::optional<Type>>& names) {
  switch (signature.kind()) {
    case TypeKind::kVariable: {
      const uint32_t id = signature.variable_id();
      if (names.size() <= id) names.resize(id + 1);
      if (!names[id].has_value()) names[id] = fresh();
      return *names[id];
    }
    case TypeKind::kList: return Type::list(instantiate(signature.element(), names));
    case TypeKind::kOptional: return Type::optional(instantiate(signature.element(), names));
    case TypeKind::kMap: {
      const Type key = instantiate(signature.key(), names);
      return Type::map(key, instantiate(signature.element(), names));
    }
    default: return signature;
  }
}

}  // namespace switchyard::expression
