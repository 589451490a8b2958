#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checker.h"
#include "code.h"
#include "mistakes.h"
#include "switchyard/expression/ast.h"

namespace switchyard::expression {

/// What was folded of a tree, by node id; shared by the generators of one text.
struct Folded {
  enum class State : uint8_t { kUnknown, kNo, kYes };
  std::vector<State> states;
  std::vector<Value> values;
  explicit Folded(size_t nodes) : states(nodes, State::kUnknown), values(nodes) {}
};

/// Turns a checked tree into flat code. Temporaries are handed out like a stack.
class Generator {
 public:
  /// `arena` keeps folded values and must live as long as `code`.
  Generator(const Ast& ast, const Checked& checked, Folded& folded, Arena& arena, Mistakes& mistakes,
            Code& code);
  /// The code for the whole tree, ending with kReturn.
  void run(const Node& root);
  /// The value of a tree that depends on nothing and does not fail.
  std::optional<Value> fold(const Node& node);

 private:
  using Temporary = uint16_t;

  // Each returns where the value is: `want`, or the place where it was anyway.
  Operand generate(const Node& node, Temporary want);
  Operand plain(const Node& node, Temporary want);
  Operand reference(const Node& node, Temporary want, bool keep_optional = false);
  Operand select(const Node& node, Temporary want);
  Operand index(const Node& node, Temporary want);
  Operand has(const Node& node, Temporary want);
  Operand unary(const Node& node, Temporary want);
  Operand binary(const Node& node, Temporary want);
  Operand logic(const Node& node, Temporary want);
  Operand conditional(const Node& node, Temporary want);
  Operand list(const Node& node, Temporary want);
  Operand map(const Node& node, Temporary want);
  Operand call(const Node& node, Temporary want);
  Operand optional_call(const Node& node, Temporary want);
  Operand comprehension(const Node& node, Temporary want);
  Operand quantifier(const Node& node, Temporary want, Operand range, Temporary counter, Temporary first);
  Operand exists_one(const Node& node, Temporary want, Operand range, Temporary counter, Temporary first);
  Operand transform(const Node& node, Temporary want, Operand range, Temporary counter, Temporary first);
  Operand bind(const Node& node, Temporary want);
  Operand optional_map(const Node& node, Temporary want);
  void into(const Node& node, Temporary want);
  bool prepare_zone(const Node& node);
  std::optional<uint32_t> prepare_pattern(const Node& pattern);
  std::optional<Operand> set_of(const Node& list);

  std::optional<Value> fold_now(const Node& node);
  bool may_fold(const Node& node) const;

  uint32_t emit(const Node& node, Op op, Temporary dst, Operand a = 0, Operand b = 0, uint32_t c = 0);
  void jump_here(uint32_t instruction) { code_.instructions[instruction].c = here(); }
  uint32_t here() const { return static_cast<uint32_t>(code_.instructions.size()); }
  Temporary take(uint32_t count = 1);
  Operand constant(const Value& value);
  static Operand temporary(Temporary t) { return operand(Place::kTemporary, t); }
  Operand text(std::string_view view) { return constant(Value::string(view)); }
  void too_large(const Node& node);
  const NodeInfo& info(const Node& node) const { return checked_.nodes[node.id]; }

  const Ast& ast_;
  const Checked& checked_;
  Folded& folded_;
  Arena& arena_;
  Mistakes& mistakes_;
  Code& code_;
  std::vector<Operand> locals_;        ///< by number
  std::map<uint16_t, uint16_t> kept_;  ///< by the number of a bound name: where its error is kept
  uint32_t next_temporary_ = 0;
  uint16_t errors_ = 0;  ///< numbers of errors in use
  uint16_t builds_ = 0;
  bool overflow_ = false;
};

}  // namespace switchyard::expression
