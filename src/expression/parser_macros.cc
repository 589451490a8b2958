// Calls and the macros among them.
#include <algorithm>

#include "parser.h"

namespace switchyard::expression {
namespace {

struct MacroForm {
  std::string_view name;
  Macro macro;
  size_t args;       ///< with the bound names
  size_t variables;  ///< how many of them are names
};

constexpr MacroForm kForms[] = {
    {"all", Macro::kAll, 2, 1},
    {"all", Macro::kAll, 3, 2},
    {"exists", Macro::kExists, 2, 1},
    {"exists", Macro::kExists, 3, 2},
    {"exists_one", Macro::kExistsOne, 2, 1},
    {"exists_one", Macro::kExistsOne, 3, 2},
    {"existsOne", Macro::kExistsOne, 2, 1},
    {"existsOne", Macro::kExistsOne, 3, 2},
    {"map", Macro::kMap, 2, 1},
    {"map", Macro::kMap, 3, 1},
    {"filter", Macro::kFilter, 2, 1},
    {"transformList", Macro::kTransformList, 3, 2},
    {"transformList", Macro::kTransformList, 4, 2},
    {"transformMap", Macro::kTransformMap, 3, 2},
    {"transformMap", Macro::kTransformMap, 4, 2},
    {"transformMapEntry", Macro::kTransformMapEntry, 3, 2},
    {"transformMapEntry", Macro::kTransformMapEntry, 4, 2},
    {"optMap", Macro::kOptMap, 2, 1},
    {"optFlatMap", Macro::kOptFlatMap, 2, 1},
};

}  // namespace

const Node* Parser::call(const Node* target, const Token& name, Children args, uint32_t start) {
  Node node;
  node.kind = NodeKind::kCall;
  node.name = name.text;
  node.name_span = name.span;
  node.has_target = target != nullptr;
  node.span = {start, 0};
  bool is_macro = false;
  const Node* expanded = macro(target, name, args, node, is_macro);
  if (is_macro) return expanded;
  if (target != nullptr) args.insert(args.begin(), target);
  return make(node, args, start);
}

const Node* Parser::macro(const Node* target, const Token& name, const Children& args, Node node,
                          bool& is_macro) {
  is_macro = true;
  if (target == nullptr) {
    if (name.text == "has") return has(name, args, node);
    is_macro = false;
    return nullptr;
  }
  if (target->kind == NodeKind::kIdent && target->name == "cel") {
    if (name.text == "bind") return bind(name, args, node);
    if (name.text == "block") return block(name, args, node);
    if (name.text == "index") return numbered_name(name, args, 1, "@index", node);
    if (name.text == "iterVar") return numbered_name(name, args, 2, "@it", node);
    if (name.text == "accuVar") return numbered_name(name, args, 2, "@ac", node);
  }
  bool known = false;
  for (const auto& form : kForms) {
    if (form.name != name.text) continue;
    known = true;
    if (form.args != args.size()) continue;
    node.name = bound_name(args[0], name);
    if (form.variables == 2) node.second_name = bound_name(args[1], name);
    if (node.name.empty() || (form.variables == 2 && node.second_name.empty())) return nullptr;
    if (node.name == node.second_name)
      return fail_at(args[1]->span, quoted(name.text) + " needs two different names");
    const Children rest(args.begin() + static_cast<ptrdiff_t>(form.variables), args.end());
    return comprehension(form.macro, target, name, rest, node);
  }
  if (known)
    return fail_at(name.span,
                   quoted(name.text) + " does not take " + std::to_string(args.size()) + " arguments",
                   "write " + std::string(name.text) + "(name, expression)");
  is_macro = false;
  return nullptr;
}

const Node* Parser::bind(const Token& name, const Children& args, Node node) {
  if (args.size() != 3)
    return fail_at(name.span, "cel.bind takes a name, its value, and the expression that uses it");
  node.kind = NodeKind::kBind;
  node.name = bound_name(args[0], name);
  if (node.name.empty()) return nullptr;
  return make(node, {args[1], args[2]}, node.span.offset);
}

/// cel.block([a, b, ...], body) is a cel.bind for each value, around the next one.
const Node* Parser::block(const Token& name, const Children& args, Node node) {
  const bool fine = args.size() == 2 && args[0]->kind == NodeKind::kList &&
                    std::none_of(args[0]->entry_optional.begin(), args[0]->entry_optional.end(),
                                 [](bool optional) { return optional; });
  if (!fine)
    return fail_at(name.span, "cel.block takes a list of values, and the expression that uses them",
                   "write cel.block([a, b], ... cel.index(0) ... cel.index(1) ...)");
  const Node* body = args[1];
  const auto values = args[0]->children;
  for (size_t i = values.size(); i-- > 0 && body != nullptr;) {
    Node one = node;
    one.kind = NodeKind::kBind;
    one.has_target = false;
    one.name = data_->arena.copy("@index" + std::to_string(i));
    body = make(one, {values[i], body}, node.span.offset);
  }
  return body;
}

/// cel.index(0) is "@index0", cel.iterVar(0, 1) is "@it:0:1": names that no text can say otherwise.
const Node* Parser::numbered_name(const Token& name, const Children& args, size_t numbers, std::string prefix,
                                  Node node) {
  const bool fine = args.size() == numbers && std::all_of(args.begin(), args.end(), [](const Node* arg) {
                      return arg->kind == NodeKind::kLiteral && arg->literal.is(Kind::kInteger) &&
                             arg->literal.as_integer() >= 0;
                    });
  if (!fine)
    return fail_at(name.span,
                   "cel." + std::string(name.text) + " takes " + (numbers == 1 ? "a number" : "two numbers") +
                       " written down, from 0 on",
                   "write cel." + std::string(name.text) + (numbers == 1 ? "(0)" : "(0, 0)"));
  for (const Node* arg : args) prefix += (numbers > 1 ? ":" : "") + std::to_string(arg->literal.as_integer());
  node.kind = NodeKind::kIdent;
  node.has_target = false;
  node.name = data_->arena.copy(prefix);
  return make(node, {}, node.span.offset);
}

const Node* Parser::comprehension(Macro macro, const Node* target, const Token&, const Children& args,
                                  Node node) {
  const bool optional = macro == Macro::kOptMap || macro == Macro::kOptFlatMap;
  node.kind = optional ? NodeKind::kOptionalMap : NodeKind::kComprehension;
  node.macro = macro;
  Children children{target};
  children.insert(children.end(), args.begin(), args.end());
  return make(node, children, node.span.offset);
}

const Node* Parser::has(const Token& name, const Children& args, Node node) {
  if (args.size() != 1) return fail_at(name.span, "has() takes one argument", "write has(x.field)");
  const Node* arg = args[0];
  const bool constant_index = arg->kind == NodeKind::kIndex && !arg->optional &&
                              arg->children[1]->kind == NodeKind::kLiteral &&
                              arg->children[1]->literal.is(Kind::kString);
  if (arg->kind != NodeKind::kSelect && arg->kind != NodeKind::kIdent && !constant_index)
    return fail_at(arg->span,
                   "has() asks whether a field or a step's result is there, and takes its name only",
                   "write has(x.field), has(x['field']) or has(step)");
  node.kind = NodeKind::kHas;
  return make(node, {arg}, node.span.offset);
}

std::string_view Parser::bound_name(const Node* node, const Token& macro) {
  if (node->kind == NodeKind::kIdent && !node->absolute) return node->name;
  fail_at(node->span, quoted(macro.text) + " needs a simple name for the element as its first argument",
          "for example x." + std::string(macro.text) + "(element, ...)");
  return {};
}

}  // namespace switchyard::expression
