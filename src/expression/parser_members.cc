// Values and what follows them: fields, indexes, calls, literals, lists, maps.
#include <limits>

#include "parser.h"

namespace switchyard::expression {

// -- members ----------------------------------------------------------------------------------------------

const Node* Parser::member() {
  const Node* node = primary();
  while (node != nullptr) {
    if (at("."))
      node = select(node);
    else if (at("["))
      node = index(node);
    else if (at("{") && (node->kind == NodeKind::kIdent || node->kind == NodeKind::kSelect))
      node = message(node);
    else
      return node;
  }
  return nullptr;
}

const Node* Parser::select(const Node* target) {
  ++at_;
  const bool optional = take("?");
  const Token name = token();
  const bool quoted_name = name.kind == TokenKind::kQuotedIdent;
  if (name.kind != TokenKind::kIdent && name.kind != TokenKind::kReserved && !quoted_name)
    return fail("expected a field or function name after '.', but met " + met(),
                name.kind == TokenKind::kInt ? "write an index as x[" + std::string(name.text) + "]" : "");
  ++at_;
  if (at("(") && !quoted_name) {
    if (optional)
      return fail("a function cannot be called with '.?'", "write '.' before the function's name");
    Children args;
    ++at_;
    if (!arguments(")", args)) return nullptr;
    return call(target, name, std::move(args), target->span.offset);
  }
  Node node;
  node.kind = NodeKind::kSelect;
  node.name = name.text;
  node.name_span = name.span;
  node.optional = optional;
  return make(node, {target}, target->span.offset);
}

const Node* Parser::index(const Node* target) {
  const Token opened = token();
  ++at_;
  Node node;
  node.kind = NodeKind::kIndex;
  node.name_span = opened.span;
  node.optional = take("?");
  const Node* key = expression();
  if (key == nullptr || !expect("]", "after the index", &opened)) return nullptr;
  return make(node, {target, key}, target->span.offset);
}

bool Parser::arguments(std::string_view closing, Children& out) {
  const Token opened = tokens_[at_ - 1];
  if (take(closing)) return true;
  for (;;) {
    const Node* arg = expression();
    if (arg == nullptr) return false;
    out.push_back(arg);
    if (take(",")) continue;
    return expect(closing, "or ',' after the argument", &opened);
  }
}

const Node* Parser::primary() {
  const uint32_t start = token().span.offset;
  switch (token().kind) {
    case TokenKind::kIdent: return identifier(false, start);
    case TokenKind::kInt:
    case TokenKind::kUint:
    case TokenKind::kDouble:
    case TokenKind::kString:
    case TokenKind::kBytes:
    case TokenKind::kTrue:
    case TokenKind::kFalse:
    case TokenKind::kNull: return literal(false, start);
    case TokenKind::kReserved:
      return fail(quoted(token().text) + " is a reserved word and cannot be a name here",
                  "as a field it may follow a dot: x." + std::string(token().text));
    case TokenKind::kQuotedIdent: return fail("a name between '`' can only follow a dot");
    case TokenKind::kIn: return fail("'in' needs a value before it");
    case TokenKind::kEnd: return fail("a value is missing at the end of the expression");
    case TokenKind::kPunctuation: break;
  }
  if (take("-")) return literal(true, start);
  if (take(".")) {
    if (token().kind != TokenKind::kIdent) return fail("expected a name after '.', but met " + met());
    return identifier(true, start);
  }
  if (at("[")) return list();
  if (at("{")) return map();
  if (at("(")) {
    const Token opened = token();
    ++at_;
    const Node* inner = expression();
    if (inner == nullptr || !expect(")", "after the expression", &opened)) return nullptr;
    return inner;
  }
  return fail("expected a value, but met " + met());
}

const Node* Parser::identifier(bool absolute, uint32_t start) {
  const Token name = token();
  ++at_;
  if (at("(")) {
    ++at_;
    Children args;
    if (!arguments(")", args)) return nullptr;
    return call(nullptr, name, std::move(args), start);
  }
  Node node;
  node.kind = NodeKind::kIdent;
  node.name = name.text;
  node.name_span = name.span;
  node.absolute = absolute;
  return make(node, {}, start);
}

const Node* Parser::literal(bool negative, uint32_t start) {
  const Token& t = token();
  Node node;
  node.kind = NodeKind::kLiteral;
  node.name_span = t.span;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  switch (t.kind) {
    case TokenKind::kInt:
      if (t.integer > kMax + (negative ? 1 : 0))
        fail("the number " + quoted(t.text) + " does not fit in an int",
             "write it as uint (" + std::string(t.text) + "u) or double (" + std::string(t.text) + ".0)");
      node.literal = Value::integer(static_cast<int64_t>(negative ? 0 - t.integer : t.integer));
      break;
    case TokenKind::kUint: node.literal = Value::unsigned_integer(t.integer); break;
    case TokenKind::kDouble: node.literal = Value::real(negative ? -t.real : t.real); break;
    case TokenKind::kString: node.literal = Value::string(t.text); break;
    case TokenKind::kBytes: node.literal = Value::bytes(t.text); break;
    case TokenKind::kTrue: node.literal = Value::boolean(true); break;
    case TokenKind::kFalse: node.literal = Value::boolean(false); break;
    default: break;
  }
  if (failed_) return nullptr;
  ++at_;
  return make(node, {}, start);
}

const Node* Parser::list() {
  const Token opened = token();
  ++at_;
  Node node;
  node.kind = NodeKind::kList;
  node.name_span = opened.span;
  Children items;
  std::vector<bool> flags;
  while (!at("]")) {
    flags.push_back(take("?"));
    items.push_back(expression());
    if (items.back() == nullptr) return nullptr;
    if (!take(",")) break;
  }
  if (!expect("]", "or ',' in the list", &opened)) return nullptr;
  return make(node, items, opened.span.offset, &flags);
}

const Node* Parser::map() {
  const Token opened = token();
  ++at_;
  Node node;
  node.kind = NodeKind::kMap;
  node.name_span = opened.span;
  Children items;
  std::vector<bool> flags;
  while (!at("}")) {
    flags.push_back(take("?"));
    items.push_back(expression());
    if (items.back() == nullptr) return nullptr;
    if (!expect(":", "after the key")) return nullptr;
    items.push_back(expression());
    if (items.back() == nullptr) return nullptr;
    if (!take(",")) break;
  }
  if (!expect("}", "or ',' in the map", &opened)) return nullptr;
  return make(node, items, opened.span.offset, &flags);
}

const Node* Parser::message(const Node* type_name) {
  const Token opened = token();
  ++at_;
  Node node;
  node.kind = NodeKind::kMessage;
  node.name_span = type_name->span;
  node.name = std::string_view(data_->text).substr(type_name->span.offset, type_name->span.length);
  Children values;
  while (!at("}")) {
    take("?");
    if (token().kind != TokenKind::kIdent && token().kind != TokenKind::kReserved &&
        token().kind != TokenKind::kQuotedIdent)
      return fail("expected a field name, but met " + met());
    ++at_;
    if (!expect(":", "after the field name")) return nullptr;
    values.push_back(expression());
    if (values.back() == nullptr) return nullptr;
    if (!take(",")) break;
  }
  if (!expect("}", "or ',' in the message", &opened)) return nullptr;
  return make(node, values, type_name->span.offset);
}

}  // namespace switchyard::expression
