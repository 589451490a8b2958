#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "switchyard/base/strong_id.h"
#include "switchyard/expression/type.h"

namespace switchyard::expression {

/// The place of a variable among the values given to Program::evaluate.
using SlotIndex = StrongId<struct SlotIndexTag, uint16_t>;

struct Variable {
  std::string name;
  Type type;
};

/// The variables that an expression may read. Copyable; compile() keeps nothing of it.
class Environment {
 public:
  /// Adds a variable and gives it the next slot, counted from 0. `name` is an identifier or a dotted sequence
  /// of them, not yet declared; CHECKed. At most kMaxOperands variables.
  SlotIndex declare(std::string name, Type type);

  /// Takes the next slot without a name: nothing can read it before reveal().
  SlotIndex reserve();
  /// Gives a reserved slot its name and type. `name` as for declare().
  void reveal(SlotIndex slot, std::string name, Type type);
  /// Takes name and type away again. Requires a slot that has them.
  void hide(SlotIndex slot);

  /// Gives a declared variable another type; its slot stays. For a caller who learns the types one after the
  /// other.
  void set_type(SlotIndex slot, Type type);

  std::optional<SlotIndex> find(std::string_view name) const;
  /// Requires a slot that declare() returned.
  const Variable& variable(SlotIndex slot) const;
  std::span<const Variable> variables() const { return variables_; }
  size_t size() const { return variables_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<Variable> variables_;
  std::unordered_map<std::string, uint16_t, TextHash, std::equal_to<>> by_name_;
};

/// What is known of values beyond their types: variables and fields that are there, and such as are not null.
/// A condition proves facts (Program::proves); what is evaluated only where it held is compiled with them
/// (CompileOptions::given). They name slots: an environment that has the same variables in the same slots
/// understands them, and they hold as long as the slots keep their values.
class Facts {
 public:
  bool empty() const { return present_.empty() && not_null_.empty(); }
  /// Both hold.
  void add(const Facts& more);
  /// The optional variable holds a value: what has(variable) proves.
  void assume_present(SlotIndex slot);
  /// Whether they say that the variable, or a field of it, is there.
  bool proves_present(SlotIndex slot) const;

 private:
  friend class Checker;
  // Paths as Checker::key_of() writes them.
  std::vector<std::string> present_;
  std::vector<std::string> not_null_;
};

}  // namespace switchyard::expression
