#pragma once

#include "program.h"

namespace switchyard::schema {

/// Changes a value that was found valid: numbers to the kind of their slot, defaults into their places.
/// `then` and `else` change nothing; of `anyOf` the first form that fits does, of `oneOf` the one.
///
/// Where several schemas speak of one slot and one of them says integer, it is an integer: integers are
/// therefore made in a second pass over programs that combine schemas.
class Normalizer {
 public:
  Normalizer(const Program& program, Arena& arena) : program_(program), arena_(arena) {}

  /// `value`, or a changed copy in the arena that shares what did not change.
  Value run(NodeIndex node, const Value& value);

  /// The same for the default of `node`, as it would be filled in; overflowed() tells whether that would ever
  /// end.
  Value run_on_default(NodeIndex node, const Value& value);

  /// Whether a default was filled in.
  bool filled_defaults() const { return filled_; }

  /// Whether defaults within defaults went too deep or too wide; the result is then incomplete. Only a
  /// program that is still being compiled does that.
  bool overflowed() const { return overflowed_; }

 private:
  enum class Pass : uint8_t { kAll, kNumbersAndDefaults, kIntegers };

  // `original` is what was validated; the choice between forms is made by it, never by what was filled in
  // since.
  Value apply(NodeIndex index, const Value& original, const Value& current);
  Value apply_own(const Node& node, const Value& original, const Value& current);
  Value apply_number(const Node& node, const Value& current) const;
  Value apply_list(const ArrayRules& rules, const Value& original, const Value& current);
  Value apply_object(const ObjectRules& rules, const Value& original, const Value& current);
  Value apply_member(const ObjectRules& rules, size_t& guess, const Value& original, const Member& member);
  Value fill_defaults(const ObjectRules& rules, const Value& current);
  Value apply_combinators(const Combinators& rules, const Value& original, Value current);
  NodeIndex first_match(const std::vector<NodeIndex>& nodes, const Value& original) const;

  const Program& program_;
  Arena& arena_;
  Pass pass_ = Pass::kAll;
  uint32_t default_levels_ = 0;
  uint32_t defaults_filled_ = 0;
  bool filled_ = false;
  bool overflowed_ = false;
};

}  // namespace switchyard::schema
