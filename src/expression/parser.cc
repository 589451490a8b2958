#include "parser.h"

#include <algorithm>

#include "utf8.h"

namespace switchyard::expression {
namespace {

struct BinaryOperator {
  std::string_view text;
  Operator op;
};
constexpr BinaryOperator kRelations[] = {{"==", Operator::kEqual},     {"!=", Operator::kNotEqual},
                                         {"<=", Operator::kLessEqual}, {">=", Operator::kGreaterEqual},
                                         {"<", Operator::kLess},       {">", Operator::kGreater}};

/// Spelled-out operators of other languages, for the mend.
std::string mend_for_word(std::string_view word) {
  if (word == "and" || word == "AND") return "write '&&'";
  if (word == "or" || word == "OR") return "write '||'";
  if (word == "not" || word == "NOT") return "write '!'";
  if (word == "is") return "write '=='";
  if (word == "mod") return "write '%'";
  return {};
}

}  // namespace

/// Keeps count of how deep the recursion is, and refuses to go deeper than kMaxNesting.
#define EXPRESSION_NEST()                                                                        \
  struct Leave {                                                                                 \
    uint32_t& n;                                                                                 \
    ~Leave() { --n; }                                                                            \
  } leave{nesting_};                                                                             \
  if (++nesting_ > kMaxNesting)                                                                  \
  return fail("the expression is nested deeper than " + std::to_string(kMaxNesting) + " levels", \
              "split it into several steps or bind parts with cel.bind(name, value, expression)")

Parser::Parser(std::shared_ptr<Ast::Data> data, Mistakes& mistakes)
    : data_(std::move(data)), mistakes_(mistakes) {}

std::optional<Ast> Parser::run() {
  const std::string_view text = data_->text;
  if (text.size() > kMaxTextBytes) {
    mistakes_.add({0, 0}, "expression.too_large",
                  "the expression has " + std::to_string(text.size()) + " bytes; at most " +
                      std::to_string(kMaxTextBytes) + " are allowed");
    return std::nullopt;
  }
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    if (next_rune(text, i) != kBadRune) continue;
    mistakes_.add({static_cast<uint32_t>(start), 1}, "expression.syntax",
                  "the expression is not valid UTF-8");
    return std::nullopt;
  }
  tokens_ = tokenize(text, data_->arena, mistakes_);
  if (tokens_.size() == 1 && mistakes_.empty()) {
    fail("the expression is empty");
    return std::nullopt;
  }
  const bool lexical = !mistakes_.empty();
  const Node* root = expression();
  if (root != nullptr && token().kind != TokenKind::kEnd) {
    const std::string mend = mend_for_word(token().text);
    fail("expected an operator or the end, but met " + met(), mend);
  }
  if (failed_ || lexical || root == nullptr) return std::nullopt;
  data_->root = root;
  data_->node_count = static_cast<uint32_t>(depths_.size());
  return Ast(data_);
}

// -- helpers ----------------------------------------------------------------------------------------------

std::string Parser::met() const {
  if (token().kind == TokenKind::kEnd) return "the end";
  return quoted(std::string_view(data_->text).substr(token().span.offset, token().span.length));
}

const Node* Parser::fail(std::string message, std::string mend) {
  return fail_at(token().span, std::move(message), std::move(mend));
}

const Node* Parser::fail_at(Span span, std::string message, std::string mend) {
  // After the first mistake of grammar the rest of the text is guesswork.
  if (!failed_) mistakes_.add(span, "expression.syntax", std::move(message), std::move(mend));
  failed_ = true;
  return nullptr;
}

bool Parser::take(std::string_view punctuation) {
  if (!at(punctuation)) return false;
  ++at_;
  return true;
}

bool Parser::expect(std::string_view punctuation, std::string_view what, const Token* opened) {
  if (take(punctuation)) return true;
  std::string message =
      "expected '" + std::string(punctuation) + "' " + std::string(what) + ", but met " + met();
  if (opened != nullptr) {
    const auto where = line_column(data_->text, opened->span.offset);
    message += " (opened at " + std::to_string(where.line) + ":" + std::to_string(where.column) + ")";
  }
  fail(std::move(message), mend_for_word(token().text));
  return false;
}

const Node* Parser::make(Node node, const Children& children, uint32_t start,
                         const std::vector<bool>* flags) {
  uint16_t depth = 0;
  for (const Node* child : children) {
    if (child == nullptr) return nullptr;
    depth = std::max(depth, depths_[child->id]);
  }
  if (depth >= kMaxTreeDepth)
    return fail("the expression chains more than " + std::to_string(kMaxTreeDepth) + " operations",
                "split it into several steps");
  if (depths_.size() >= kMaxNodes)
    return fail("the expression has more than " + std::to_string(kMaxNodes) + " parts",
                "split it into several steps");
  auto& arena = data_->arena;
  if (!children.empty()) {
    auto* copy = arena.allocate<const Node*>(children.size());
    std::copy(children.begin(), children.end(), copy);
    node.children = {copy, children.size()};
  }
  if (flags != nullptr && !flags->empty()) {
    auto* copy = arena.allocate<bool>(flags->size());
    std::copy(flags->begin(), flags->end(), copy);
    node.entry_optional = {copy, flags->size()};
  }
  node.id = static_cast<uint32_t>(depths_.size());
  depths_.push_back(static_cast<uint16_t>(depth + 1));
  const uint32_t end = at_ == 0 ? start : tokens_[at_ - 1].span.end();
  node.span = {start, std::max(end, start) - start};
  return new (arena.allocate<Node>(1)) Node(node);
}

const Node* Parser::binary(Operator op, const Token& where, const Node* left, const Node* right) {
  if (left == nullptr || right == nullptr) return nullptr;
  Node node;
  node.kind = NodeKind::kBinary;
  node.op = op;
  node.name_span = where.span;
  return make(node, {left, right}, left->span.offset);
}

// -- operators --------------------------------------------------------------------------------------------

const Node* Parser::expression() {
  EXPRESSION_NEST();
  const Node* condition = logical_or();
  if (condition == nullptr || !at("?")) return condition;
  Node node;
  node.kind = NodeKind::kConditional;
  node.name_span = token().span;
  ++at_;
  const Node* yes = logical_or();
  if (yes == nullptr || !expect(":", "and the value for the other case")) return nullptr;
  const Node* no = expression();
  return make(node, {condition, yes, no}, condition->span.offset);
}

const Node* Parser::logical_or() {
  const Node* first = logical_and();
  if (first == nullptr || !at("||")) return first;
  Node node;
  node.kind = NodeKind::kOr;
  node.name_span = token().span;
  Children children{first};
  while (take("||")) {
    const Node* next = logical_and();
    if (next == nullptr) return nullptr;
    children.push_back(next);
  }
  return make(node, children, first->span.offset);
}

const Node* Parser::logical_and() {
  const Node* first = relation();
  if (first == nullptr || !at("&&")) return first;
  Node node;
  node.kind = NodeKind::kAnd;
  node.name_span = token().span;
  Children children{first};
  while (take("&&")) {
    const Node* next = relation();
    if (next == nullptr) return nullptr;
    children.push_back(next);
  }
  return make(node, children, first->span.offset);
}

const Node* Parser::relation() {
  const Node* left = additive();
  while (left != nullptr) {
    Operator op = Operator::kNone;
    if (token().kind == TokenKind::kIn) op = Operator::kIn;
    for (const auto& candidate : kRelations)
      if (at(candidate.text)) op = candidate.op;
    if (op == Operator::kNone) return left;
    const Token where = token();
    ++at_;
    left = binary(op, where, left, additive());
  }
  return nullptr;
}

const Node* Parser::additive() {
  const Node* left = multiplicative();
  while (left != nullptr && (at("+") || at("-"))) {
    const Token where = token();
    ++at_;
    left = binary(where.text == "+" ? Operator::kAdd : Operator::kSubtract, where, left, multiplicative());
  }
  return left;
}

const Node* Parser::multiplicative() {
  const Node* left = unary();
  while (left != nullptr && (at("*") || at("/") || at("%"))) {
    const Token where = token();
    ++at_;
    const Operator op = where.text == "*"   ? Operator::kMultiply
                        : where.text == "/" ? Operator::kDivide
                                            : Operator::kModulo;
    left = binary(op, where, left, unary());
  }
  return left;
}

const Node* Parser::unary() {
  std::vector<Token> operators;
  while (at("!") || at("-")) {
    const TokenKind after = tokens_[at_ + 1].kind;
    // The minus of a number belongs to it, so that the least int can be written.
    if (at("-") && (after == TokenKind::kInt || after == TokenKind::kDouble)) break;
    operators.push_back(token());
    ++at_;
  }
  const Node* node = member();
  while (node != nullptr && !operators.empty()) {
    Node outer;
    outer.kind = NodeKind::kUnary;
    outer.op = operators.back().text == "!" ? Operator::kNot : Operator::kNegate;
    outer.name_span = operators.back().span;
    node = make(outer, {node}, operators.back().span.offset);
    operators.pop_back();
  }
  return node;
}

}  // namespace switchyard::expression
