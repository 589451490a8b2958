#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "switchyard/types/value.h"

namespace switchyard::expression {

/// Bytes of the text: `offset` from 0.
struct Span {
  uint32_t offset = 0;
  uint32_t length = 0;
  uint32_t end() const { return offset + length; }
};

enum class NodeKind : uint8_t {
  kLiteral,        ///< literal
  kIdent,          ///< name; absolute when written with a leading dot
  kSelect,         ///< children[0] . name; optional: `.?`
  kIndex,          ///< children[0] [ children[1] ]; optional: `[?`
  kHas,            ///< has(children[0]), whose child is a kSelect, kIndex or kIdent
  kCall,           ///< name(children...), or children[0].name(rest...) when has_target
  kUnary,          ///< op children[0]
  kBinary,         ///< children[0] op children[1]
  kAnd,            ///< two or more children
  kOr,             ///< two or more children
  kConditional,    ///< children[0] ? children[1] : children[2]
  kList,           ///< children; entry_optional[i]: written `?child`
  kMap,            ///< key, value, key, value, ...; entry_optional per pair
  kMessage,        ///< name{...}: parsed, then refused, for there are no messages here
  kComprehension,  ///< macro over children[0] with variables name (and second_name); arguments follow
  kBind,           ///< cel.bind(name, children[0], children[1]), or one value of cel.block
  kOptionalMap,    ///< children[0].optMap(name, children[1]) or optFlatMap, per macro
};

enum class Operator : uint8_t {
  kNone,
  kNot,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
};

/// "+", "<=", "in", ...
std::string_view operator_text(Operator op);

enum class Macro : uint8_t {
  kNone,
  kAll,
  kExists,
  kExistsOne,
  kMap,  ///< range, [filter,] transform
  kFilter,
  kTransformList,  ///< range, [filter,] transform; two variables
  kTransformMap,   ///< range, [filter,] transform; two variables
  kTransformMapEntry,
  kOptMap,
  kOptFlatMap,
};

/// One immutable node of an Ast; lives as long as it.
struct Node {
  NodeKind kind = NodeKind::kLiteral;
  Operator op = Operator::kNone;
  Macro macro = Macro::kNone;
  bool optional = false;
  bool absolute = false;
  bool has_target = false;
  uint32_t id = 0;  ///< dense, from 0
  Span span;        ///< the whole of it
  Span name_span;   ///< the name or the operator
  std::string_view name;
  std::string_view second_name;
  Value literal;
  std::span<const Node* const> children;
  std::span<const bool> entry_optional;
};

/// A parsed expression. Copies share it; any thread may read.
class Ast {
 public:
  const Node& root() const;
  const std::string& text() const;
  uint32_t node_count() const;
  /// The text of a node.
  std::string_view text_of(const Node& node) const;

  struct Data;  // of the parser

 private:
  friend class Parser;
  explicit Ast(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;  // shared by programs and tools
};

/// "input.card.country" for a chain of selections and constant string indexes that ends in an identifier;
/// empty otherwise.
std::string path_of(const Node& node);

}  // namespace switchyard::expression
