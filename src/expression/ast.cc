#include "switchyard/expression/ast.h"

#include "ast_data.h"

namespace switchyard::expression {

std::string_view operator_text(Operator op) {
  switch (op) {
    case Operator::kNone: return "";
    case Operator::kNot: return "!";
    case Operator::kNegate: return "-";
    case Operator::kAdd: return "+";
    case Operator::kSubtract: return "-";
    case Operator::kMultiply: return "*";
    case Operator::kDivide: return "/";
    case Operator::kModulo: return "%";
    case Operator::kEqual: return "==";
    case Operator::kNotEqual: return "!=";
    case Operator::kLess: return "<";
    case Operator::kLessEqual: return "<=";
    case Operator::kGreater: return ">";
    case Operator::kGreaterEqual: return ">=";
    case Operator::kIn: return "in";
  }
  return "";
}

const Node& Ast::root() const { return *data_->root; }
const std::string& Ast::text() const { return data_->text; }
uint32_t Ast::node_count() const { return data_->node_count; }

std::string_view Ast::text_of(const Node& node) const {
  return std::string_view(data_->text).substr(node.span.offset, node.span.length);
}

std::string path_of(const Node& node) {
  if (node.kind == NodeKind::kIdent) return std::string(node.name);
  const bool select = node.kind == NodeKind::kSelect;
  const bool index = node.kind == NodeKind::kIndex && node.children[1]->kind == NodeKind::kLiteral &&
                     node.children[1]->literal.is(Kind::kString);
  if ((!select && !index) || node.optional) return {};
  std::string path = path_of(*node.children[0]);
  if (path.empty()) return {};
  path += '.';
  path += select ? node.name : node.children[1]->literal.as_string();
  return path;
}

}  // namespace switchyard::expression
