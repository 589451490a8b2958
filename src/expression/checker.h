#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builtin.h"
#include "mistakes.h"
#include "substitution.h"
#include "switchyard/expression/ast.h"
#include "switchyard/expression/environment.h"
#include "switchyard/expression/program.h"

namespace switchyard::expression {

/// What a name means.
enum class Ref : uint8_t { kNone, kSlot, kLocal, kTypeName, kUndeclared };

/// What the checker found out about one node of the tree.
struct NodeInfo {
  Type type;
  Ref ref = Ref::kNone;
  uint16_t index = 0;        ///< slot, or number of the local name
  uint16_t first_local = 0;  ///< of a node that binds names: the numbers it gave them
  uint16_t second_local = 0;
  bool unwrap = false;      ///< an optional that is proven to be there: its value is meant
  bool real = false;        ///< an int literal among doubles, or arithmetic of doubles
  bool to_real = false;     ///< an argument where a double is wanted
  bool namespaced = false;  ///< a call whose target is part of its name, as in math.abs(x)
  const Builtin* builtin = nullptr;
  std::string_view type_name;
};

struct Checked {
  std::vector<NodeInfo> nodes;  ///< by node id
  Type result;
  std::vector<SlotIndex> slots;
  std::vector<std::string> paths;
  Facts when_true;
  Facts when_false;
};

/// Gives every node its type and every name its meaning, and tells all mistakes.
class Checker {
 public:
  Checker(const Ast& ast, const Environment& environment, const CompileOptions& options, Mistakes& mistakes);
  Checked run();

 private:
  struct Local {
    std::string_view name;
    uint16_t number;
    Type type;
  };

  // checker.cc: names and literals; checker_fields.cc
  Type check(const Node& node);
  Type dispatch(const Node& node);
  Type check_literal(const Node& node);
  Type check_ident(const Node& node, bool keep_optional = false);
  Type check_select(const Node& node);
  Type check_index(const Node& node);
  Type check_has(const Node& node);
  Type variable_has(const Node& variable, const Type& type);
  Type check_list(const Node& node);
  Type check_map(const Node& node);
  Type field_type(const Node& node, const Type& target, std::string_view field, bool optional);
  Type object_field(const Node& node, const Type& object, std::string_view field, bool need_proof);
  Type element_type(const Node& node, const Type& target, const Type& key);
  bool resolve(const Node& node, const std::string& name, bool absolute);
  Type type_of_ref(const Node& node, bool keep_optional);
  Type undeclared(const Node& node);
  std::string qualified_name(const Node& node, bool& absolute) const;
  const Local* find_local(std::string_view name) const;

  // checker_operators.cc
  Type check_unary(const Node& node);
  Type check_arithmetic(const Node& node);
  Type check_equality(const Node& node);
  Type check_order(const Node& node);
  Type check_in(const Node& node);
  Type check_logic(const Node& node);
  Type check_conditional(const Node& node);
  bool real_literal(const Node& left, const Type& a, const Node& right, const Type& b);
  void need_bool(const Node& node, const Type& type, std::string_view what);

  // checker_calls.cc
  Type check_call(const Node& node);
  Type check_target(const Node& node);
  Type check_variadic(const Node& node, const std::vector<const Node*>& args, const std::vector<Type>& types);
  Type resolve_overload(const Node& node, const std::vector<const Node*>& args,
                        const std::vector<Type>& types);
  Type no_overload(const Node& node, const std::vector<const Node*>& args, const std::vector<Type>& types);
  Type unknown_function(const Node& node);
  Type check_comprehension(const Node& node);
  Type check_bind(const Node& node);
  Type check_optional_map(const Node& node);
  void range_types(const Node& node, const Type& range, bool pair, Type& first, Type& second);
  uint16_t push_local(std::string_view name, Type type);
  void pop_locals(size_t count);

  // checker_facts.cc
  Facts facts(const Node& node, bool when) const;
  Facts facts_of_all(const Node& node, bool when) const;
  Facts facts_of_conditional(const Node& node, bool when) const;
  Facts facts_of_comparison(const Node& node, bool when) const;
  Facts facts_of_default(const Node& node, bool when) const;
  Facts outward_facts(const Node& node, bool when) const;
  void add_path(const Node& node, std::vector<std::string>& out) const;
  std::string key_of(const Node& node) const;
  bool known(const std::vector<std::string>& facts, const Node& node) const;
  bool may_lack(const Node& node) const;
  Type complain_absent(const Node& node, const Type& type);
  bool is_present(const Node& node) const { return known(facts_.present_, node); }
  bool is_not_null(const Node& node) const { return known(facts_.not_null_, node); }
  void push_facts(Facts more);
  void pop_facts();

  // messages
  Type complain(const Node& node, std::string code, std::string message, std::string mend = {});
  Type complain_at(Span span, std::string code, std::string message, std::string mend = {});
  /// A mistake when the type may be absent or null, so that `use` ("'<' needs a value") cannot be; else
  /// false.
  bool complain_if_missing(const Node& node, const Type& type, std::string_view use);
  std::string absence_mend(const Node& node, const Type& inner) const;
  std::string text(const Node& node) const;
  NodeInfo& info(const Node& node) { return nodes_[node.id]; }
  const NodeInfo& info(const Node& node) const { return nodes_[node.id]; }

  void collect_reads(const Node& node);

  const Ast& ast_;
  const Environment& environment_;
  const CompileOptions& options_;
  Mistakes& mistakes_;
  Substitution types_;
  std::vector<NodeInfo> nodes_;
  std::vector<Local> locals_;
  uint16_t local_count_ = 0;
  const Node* kept_optional_ = nullptr;  ///< a name that stays optional although it is proven to be there
  Facts facts_;                          ///< all that holds here, innermost last
  std::vector<std::pair<size_t, size_t>> fact_marks_;  ///< how many held outside
  std::vector<SlotIndex> slots_;
  std::vector<std::string> paths_;
};

/// A literal of that type as an example in a mend: "0.0", "''", "[]".
std::string example_value(const Type& type);

}  // namespace switchyard::expression
