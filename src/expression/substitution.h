#pragma once

#include <optional>
#include <vector>

#include "switchyard/expression/type.h"

namespace switchyard::expression {

/// What the checker has found out about types that a text does not say, such as the elements of [].
class Substitution {
 public:
  /// A type not yet known.
  Type fresh();
  /// The type with all that is known put in; what is not stays a variable.
  Type apply(const Type& type) const;
  /// The same, with dyn for what stayed unknown.
  Type settle(const Type& type) const;
  /// The binding of a variable, followed to its end; other types as they are.
  Type look(const Type& type) const;

  /// Whether `from` may stand where `to` is expected, learning what that implies. Learns nothing on failure.
  bool assign(const Type& from, const Type& to);
  /// A type for both, as elements of one list have it; nullopt where they have nothing in common.
  std::optional<Type> unite(const Type& a, const Type& b);

  /// `signature` with its own variables replaced by new ones, alike for like: pass one `names` per signature.
  Type instantiate(const Type& signature, std::vector<std::optional<Type>>& names);

  using Mark = std::vector<std::optional<Type>>;
  Mark mark() const { return bound_; }
  void rewind(Mark mark) { bound_ = std::move(mark); }

 private:
  bool unify(const Type& from, const Type& to);
  bool unify_variable(const Type& variable, const Type& other, bool variable_is_target);
  bool occurs(uint32_t variable, const Type& type) const;
  Type replace(const Type& type, bool unknown_is_dyn) const;

  std::vector<std::optional<Type>> bound_;
};

}  // namespace switchyard::expression
