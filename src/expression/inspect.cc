#include "switchyard/expression/inspect.h"

#include <algorithm>
#include <utility>

#include "ast_data.h"
#include "builtin.h"
#include "checker.h"
#include "parser.h"

namespace switchyard::expression {
namespace {

bool binds_names(const Node& node) {
  return node.kind == NodeKind::kComprehension || node.kind == NodeKind::kBind ||
         node.kind == NodeKind::kOptionalMap;
}

Type without_optional(const Type& type) {
  return type.is(TypeKind::kOptional) || type.is(TypeKind::kNullable) ? type.unwrapped() : type;
}

/// The types of the one or two names that a macro binds, by what it runs over.
std::pair<Type, Type> bound_types(const Node& node, const std::vector<Type>& types) {
  const Type range = without_optional(types[node.children[0]->id]);
  if (node.kind == NodeKind::kBind) return {types[node.children[0]->id], Type::dyn()};
  if (node.kind == NodeKind::kOptionalMap) return {range, Type::dyn()};
  const bool pair = !node.second_name.empty();
  switch (range.kind()) {
    case TypeKind::kList:
      return pair ? std::pair(Type::integer(), range.element()) : std::pair(range.element(), Type::dyn());
    case TypeKind::kMap: return {range.key(), range.element()};
    case TypeKind::kObject: return {Type::string(), Type::dyn()};
    default: return {Type::dyn(), Type::dyn()};
  }
}

void collect_bound(const Node& node, const std::vector<Type>& types, std::vector<BoundName>& out) {
  if (binds_names(node) && node.children.size() > 1) {
    const auto [first, second] = bound_types(node, types);
    const uint32_t begin = node.children[1]->span.offset;
    const Span scope{begin, node.span.end() - begin};
    out.push_back({std::string(node.name), first, scope});
    if (!node.second_name.empty()) out.push_back({std::string(node.second_name), second, scope});
  }
  for (const Node* child : node.children) collect_bound(*child, types, out);
}

const Node* find_at(const Node& node, uint32_t offset) {
  if (offset < node.span.offset || offset > node.span.end()) return nullptr;
  const Node* found = &node;
  for (const Node* child : node.children)
    if (const Node* inner = find_at(*child, offset)) found = inner;
  return found;
}

/// "string, string -> bool" of a method as "string.(string) -> bool".
std::string signature_of(std::string_view overload, bool method) {
  const size_t arrow = overload.find("->");
  std::string_view params = overload.substr(0, arrow);
  while (params.ends_with(' ')) params.remove_suffix(1);
  const std::string result = " " + std::string(overload.substr(arrow));
  if (!method) return "(" + std::string(params) + ")" + result;
  // The target ends at the first comma outside of brackets.
  size_t end = 0;
  for (int depth = 0; end < params.size() && (depth > 0 || params[end] != ','); ++end)
    depth += params[end] == '(' ? 1 : params[end] == ')' ? -1 : 0;
  std::string_view rest = end < params.size() ? params.substr(end + 1) : std::string_view();
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return std::string(params.substr(0, end)) + ".(" + std::string(rest) + ")" + result;
}

struct Note {
  std::string_view name, note;
};
constexpr Note kNotes[] = {
    {"bool", "Converts to a bool; text must be true or false."},
    {"bytes", "Converts text to its UTF-8 bytes."},
    {"double", "Converts to a double."},
    {"dyn", "Forgets the type; it is checked when evaluated."},
    {"duration", "Reads a duration such as '1h30m'."},
    {"int", "Converts to an int; a double loses its fraction."},
    {"string", "Converts to text."},
    {"timestamp", "Reads RFC 3339 text, or seconds since 1970."},
    {"type", "The type of a value."},
    {"uint", "Converts to an unsigned int."},
    {"format", "Fills the clauses of a text, such as %s and %.2f, with the items of a list."},
    {"math.greatest", "The greatest of its arguments, or of a list."},
    {"math.least", "The least of its arguments, or of a list."},
    {"contains", "Whether the text holds another."},
    {"startsWith", "Whether the text begins with another."},
    {"endsWith", "Whether the text ends with another."},
    {"matches", "Whether a part of the text matches a regular expression (RE2)."},
    {"charAt", "The character at an index, from 0."},
    {"indexOf", "The index of the first occurrence; -1 when there is none."},
    {"lastIndexOf", "The index of the last occurrence; -1 when there is none."},
    {"substring", "From an index up to, and not including, another."},
    {"replace", "Replaces occurrences; with a third argument at most so many."},
    {"split", "The parts between separators."},
    {"join", "The texts of a list one after the other, with a separator between."},
    {"trim", "Without white space at both ends."},
    {"size", "Characters of a text, items of a list, entries of a map."},
    {"optional.of", "An optional that has this value."},
    {"optional.none", "An optional without a value."},
    {"optional.ofNonZeroValue", "None for 0, '', [] and the like, else the value."},
    {"hasValue", "Whether an optional has a value."},
    {"value", "The value of an optional; an error when there is none."},
    {"or", "This optional when it has a value, else the other one."},
    {"orValue", "The value of an optional, or what stands in for it."},
    {"getFullYear", "In UTC, or in the time zone given."},
    {"getMonth", "From 0; in UTC, or in the time zone given."},
    {"getDate", "Day of the month, from 1."},
    {"getDayOfMonth", "Day of the month, from 0."},
    {"getDayOfWeek", "From 0, which is Sunday."},
    {"getDayOfYear", "From 0."},
};

struct MacroInfo {
  std::string_view name;
  bool method;
  std::vector<std::string> signatures;
  std::string_view note;
};

const std::vector<MacroInfo>& macros() {
  static const std::vector<MacroInfo> kMacros{
      {"has", false, {"(field) -> bool"}, "Whether a field, or a step that may be skipped, is there."},
      {"all", true, {"list(A).(name, condition) -> bool"}, "Whether the condition holds for every item."},
      {"exists", true, {"list(A).(name, condition) -> bool"}, "Whether it holds for some item."},
      {"exists_one", true, {"list(A).(name, condition) -> bool"}, "Whether it holds for exactly one item."},
      {"filter", true, {"list(A).(name, condition) -> list(A)"}, "The items for which the condition holds."},
      {"map",
       true,
       {"list(A).(name, value) -> list(B)", "list(A).(name, condition, value) -> list(B)"},
       "A value for each item, or for each for which the condition holds."},
      {"transformList", true, {"list(A).(index, name, value) -> list(B)"}, "As map, with the index."},
      {"transformMap", true, {"map(K, A).(key, name, value) -> map(K, B)"}, "A new value for each entry."},
      {"optMap",
       true,
       {"optional(A).(name, value) -> optional(B)"},
       "The value when there is one to make it of."},
      {"optFlatMap", true, {"optional(A).(name, optional) -> optional(B)"}, "As optMap, for an optional."},
      {"cel.block",
       false,
       {"(list(A), B) -> B"},
       "Values that the second argument reads as cel.index(0), ..."},
      {"cel.bind", false, {"(name, A, B) -> B"}, "Gives a value a name for the last argument."},
  };
  return kMacros;
}

std::vector<FunctionInfo> list_functions() {
  std::vector<FunctionInfo> list;
  for (const auto specs : {conversion_builtins(), string_builtins(), format_builtins(), math_builtins(),
                           time_builtins(), value_builtins(), network_builtins()}) {
    for (const BuiltinSpec& spec : specs) {
      FunctionInfo info{spec.name, spec.method, {}, {}};
      for (const char* overload : spec.overloads)
        info.signatures.push_back(signature_of(overload, spec.method));
      if (spec.overloads.empty()) info.signatures.emplace_back("(A, ...) -> A");
      for (const Note& note : kNotes)
        if (note.name == info.name) info.note = note.note;
      list.push_back(std::move(info));
    }
  }
  for (const MacroInfo& macro : macros())
    list.push_back({macro.name, macro.method, macro.signatures, macro.note});
  std::stable_sort(list.begin(), list.end(), [](const FunctionInfo& a, const FunctionInfo& b) {
    return std::pair(a.method, a.name) < std::pair(b.method, b.name);
  });
  return list;
}

}  // namespace

Inspection inspect(std::string_view text, const Environment& environment, const CompileOptions& options) {
  Inspection out;
  Mistakes mistakes(text);
  auto data = std::make_shared<Ast::Data>();
  data->text = text;
  out.ast = Parser(std::move(data), mistakes).run();
  if (!mistakes.empty()) out.ast.reset();
  if (out.ast.has_value()) {
    const Checked checked = Checker(*out.ast, environment, options, mistakes).run();
    for (const NodeInfo& node : checked.nodes) out.types.push_back(node.type);
    collect_bound(out.ast->root(), out.types, out.bound);
  }
  out.mistakes = mistakes.take();
  return out;
}

const Node* node_at(const Ast& ast, uint32_t offset) { return find_at(ast.root(), offset); }

std::span<const FunctionInfo> functions() {
  static const std::vector<FunctionInfo> kList = list_functions();
  return kList;
}

}  // namespace switchyard::expression
