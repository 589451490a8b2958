#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "template.h"

namespace switchyard::prompts {

/// A part of a template's text.
struct Token {
  enum class Kind : uint8_t { kText, kValue, kTag } kind = Kind::kText;
  std::string text;           ///< kText: without what the tags beside it cut off
  size_t at = 0;              ///< where it begins, with its brackets
  size_t begin = 0, end = 0;  ///< kValue, kTag: what stands within the brackets, without blanks
};

/// Cuts a template into its parts; comments are gone, `raw` blocks are text.
std::vector<Token> tokenize(std::string_view text, Mistakes& mistakes);

/// The first place from `begin` on, outside of literals and brackets, where `stop` says so; `end` when there
/// is none.
template <typename Stop>
size_t scan_expression(std::string_view text, size_t begin, size_t end, Stop stop);

/// The end of the literal that begins at `at` with a quote.
size_t skip_literal(std::string_view text, size_t at, size_t end);

template <typename Stop>
size_t scan_expression(std::string_view text, size_t begin, size_t end, Stop stop) {
  size_t depth = 0;
  for (size_t i = begin; i < end;) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = skip_literal(text, i, end);
      continue;
    }
    if (depth == 0 && stop(i)) return i;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && depth > 0) --depth;
    ++i;
  }
  return end;
}

inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace switchyard::prompts
