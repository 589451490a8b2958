#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ast_data.h"
#include "lexer.h"
#include "mistakes.h"
#include "switchyard/expression/program.h"

namespace switchyard::expression {

/// Recursive descent over the tokens of one text. Macros are recognised here, for they bind names.
class Parser {
 public:
  Parser(std::shared_ptr<Ast::Data> data, Mistakes& mistakes);
  /// The tree, or nothing and at least one mistake.
  std::optional<Ast> run();

 private:
  using Children = std::vector<const Node*>;

  const Node* expression();
  const Node* logical_or();
  const Node* logical_and();
  const Node* relation();
  const Node* additive();
  const Node* multiplicative();
  const Node* unary();
  const Node* member();
  const Node* select(const Node* target);
  const Node* index(const Node* target);
  const Node* primary();
  const Node* identifier(bool absolute, uint32_t start);
  const Node* list();
  const Node* map();
  const Node* message(const Node* type_name);
  const Node* literal(bool negative, uint32_t start);
  bool arguments(std::string_view closing, Children& out);

  const Node* call(const Node* target, const Token& name, Children args, uint32_t start);
  const Node* macro(const Node* target, const Token& name, const Children& args, Node node, bool& is_macro);
  const Node* comprehension(Macro macro, const Node* target, const Token& name, const Children& args,
                            Node node);
  const Node* has(const Token& name, const Children& args, Node node);
  const Node* bind(const Token& name, const Children& args, Node node);
  const Node* block(const Token& name, const Children& args, Node node);
  const Node* numbered_name(const Token& name, const Children& args, size_t numbers, std::string prefix,
                            Node node);
  /// The identifier that a macro binds; empty (and a mistake) when `node` is none.
  std::string_view bound_name(const Node* node, const Token& macro);

  const Token& token() const { return tokens_[at_]; }
  bool at(std::string_view punctuation) const {
    return token().kind == TokenKind::kPunctuation && token().text == punctuation;
  }
  bool take(std::string_view punctuation);
  bool expect(std::string_view punctuation, std::string_view what, const Token* opened = nullptr);
  const Node* fail(std::string message, std::string mend = {});
  const Node* fail_at(Span span, std::string message, std::string mend = {});
  const Node* make(Node node, const Children& children, uint32_t start,
                   const std::vector<bool>* flags = nullptr);
  const Node* binary(Operator op, const Token& at, const Node* left, const Node* right);
  std::string met() const;

  std::shared_ptr<Ast::Data> data_;
  Mistakes& mistakes_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t nesting_ = 0;
  std::vector<uint16_t> depths_;  ///< of each node's tree, by id
  bool failed_ = false;
};

}  // namespace switchyard::expression
