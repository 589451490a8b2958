#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/expression/program.h"

// What the checker knows of a text, for editors and other tools. Nothing here evaluates anything.
namespace switchyard::expression {

/// A name that a macro binds, and the part of the text that can read it.
struct BoundName {
  std::string name;
  Type type;
  Span scope;
};

struct Inspection {
  std::optional<Ast> ast;        ///< nothing when the syntax is wrong
  std::vector<Type> types;       ///< by Node::id; error where a mistake is
  std::vector<BoundName> bound;  ///< outermost first
  std::vector<Mistake> mistakes;
};

/// Parses and checks; unlike compile() it also tells what it found in a text with mistakes. Any thread.
Inspection inspect(std::string_view text, const Environment& environment, const CompileOptions& options = {});

/// The smallest node whose text holds the byte at `offset` (or ends there); nullptr when none does.
const Node* node_at(const Ast& ast, uint32_t offset);

/// A function that expressions can call.
struct FunctionInfo {
  std::string_view name;                ///< "size", "math.greatest"
  bool method = false;                  ///< called as target.name(...)
  std::vector<std::string> signatures;  ///< "(string, string) -> bool"; of a method "string.(string) -> bool"
  std::string_view note;                ///< one sentence for people; may be empty
};
/// Every function and macro, functions before methods, by name. Made once; lives for ever.
std::span<const FunctionInfo> functions();

}  // namespace switchyard::expression
