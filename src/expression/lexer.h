#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mistakes.h"
#include "switchyard/base/arena.h"
#include "switchyard/expression/ast.h"

namespace switchyard::expression {

enum class TokenKind : uint8_t {
  kEnd,
  kIdent,
  kQuotedIdent,  ///< between backquotes: a field name only
  kReserved,     ///< a word that may be a field name, but not an identifier
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTrue,
  kFalse,
  kNull,
  kIn,
  kPunctuation,  ///< its text says which
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string_view text;  ///< as written; of strings and quoted identifiers, what they mean
  uint64_t integer = 0;   ///< the magnitude of an int or uint
  double real = 0;
};

/// Cuts the text into tokens, the last of which is kEnd. Unescaped text is put into `arena`. What is not CEL
/// is told to `mistakes` and skipped. `text` must live as long as the tokens.
std::vector<Token> tokenize(std::string_view text, Arena& arena, Mistakes& mistakes);

}  // namespace switchyard::expression
