#include "lexer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "switchyard/types/utf8.h"
#include "utf8.h"

namespace switchyard::expression {
namespace {

constexpr std::string_view kSyntax = "expression.syntax";

constexpr std::array<std::string_view, 17> kReservedWords = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  Lexer(std::string_view text, Arena& arena, Mistakes& mistakes)
      : text_(text), arena_(arena), mistakes_(mistakes) {}

  std::vector<Token> run() {
    while (skip_blanks(), at_ < text_.size()) next();
    add(TokenKind::kEnd, text_.size());
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  Span span_from(size_t start) const {
    return {static_cast<uint32_t>(start), static_cast<uint32_t>(at_ - start)};
  }
  void mistake(size_t start, std::string message, std::string mend = {}) {
    mistakes_.add(span_from(start), std::string(kSyntax), std::move(message), std::move(mend));
  }
  Token& add(TokenKind kind, size_t start) {
    Token token;
    token.kind = kind;
    token.span = span_from(start);
    token.text = text_.substr(start, at_ - start);
    return tokens_.emplace_back(token);
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        ++at_;
      } else if (c == '/' && peek(1) == '/') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  void next() {
    const char c = peek();
    if (starts_string()) return string();
    if (is_letter(c)) return word();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '`') return quoted_ident();
    punctuation();
  }

  // -- words ----------------------------------------------------------------------------------------------

  void word() {
    const size_t start = at_;
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    Token& token = add(TokenKind::kIdent, start);
    if (token.text == "true") token.kind = TokenKind::kTrue;
    if (token.text == "false") token.kind = TokenKind::kFalse;
    if (token.text == "null") token.kind = TokenKind::kNull;
    if (token.text == "in") token.kind = TokenKind::kIn;
    for (const auto reserved : kReservedWords)
      if (token.text == reserved) token.kind = TokenKind::kReserved;
  }

  void quoted_ident() {
    const size_t start = at_++;
    while (at_ < text_.size() && peek() != '`' && peek() != '\n') ++at_;
    if (peek() != '`')
      mistake(start, "the field name that begins here has no closing '`'");
    else
      ++at_;
    Token& token = add(TokenKind::kQuotedIdent, start);
    token.text = token.text.substr(1);
    if (token.text.ends_with('`')) token.text.remove_suffix(1);
    for (const char c : token.text)
      if (!is_letter(c) && !is_digit(c) && std::string_view("-./ ").find(c) == std::string_view::npos)
        return mistake(start, "a field name between '`' may have letters, digits and _ - . / only",
                       "write it as an index: x['...']");
    if (token.text.empty()) mistake(start, "the field name between '`' is empty");
  }

  // -- numbers --------------------------------------------------------------------------------------------

  void number() {
    const size_t start = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) return hex_number();
    bool real = false;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (is_digit(peek(sign))) {
        real = true;
        at_ += sign;
        while (is_digit(peek())) ++at_;
      }
    }
    if (real) {
      Token& token = add(TokenKind::kDouble, start);
      const auto [end, error] =
          std::from_chars(token.text.data(), token.text.data() + token.text.size(), token.real);
      // An underflow is zero, as in every other language; an overflow is a mistake.
      if (error == std::errc::result_out_of_range)
        token.real = std::strtod(std::string(token.text).c_str(), nullptr);
      if (std::isinf(token.real))
        mistake(start, "the number " + quoted(token.text) + " is too large for a double");
    } else {
      integer(start, start, 10);
    }
    after_number(start);
  }

  void hex_number() {
    const size_t start = at_;
    at_ += 2;
    const size_t digits = at_;
    while (hex_digit(peek()) >= 0) ++at_;
    if (at_ == digits) mistake(start, "'0x' needs hexadecimal digits after it");
    integer(start, digits, 16);
    after_number(start);
  }

  void integer(size_t start, size_t digits, int base) {
    const auto text = text_.substr(digits, at_ - digits);
    uint64_t magnitude = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
    const bool is_unsigned = peek() == 'u' || peek() == 'U';
    if (is_unsigned) ++at_;
    Token& token = add(is_unsigned ? TokenKind::kUint : TokenKind::kInt, start);
    token.integer = magnitude;
    if (error == std::errc::result_out_of_range)
      mistake(start, "the number " + quoted(token.text) + " does not fit in 64 bits");
  }

  void after_number(size_t start) {
    if (!is_letter(peek()) && !is_digit(peek())) return;
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    mistake(start, quoted(text_.substr(start, at_ - start)) + " is neither a number nor a name");
  }

  // -- strings --------------------------------------------------------------------------------------------

  bool starts_string() const {
    size_t i = 0;
    bool raw = false;
    bool bytes = false;
    for (; i < 2; ++i) {
      const char c = peek(i);
      if ((c == 'r' || c == 'R') && !raw)
        raw = true;
      else if ((c == 'b' || c == 'B') && !bytes)
        bytes = true;
      else
        break;
    }
    return peek(i) == '"' || peek(i) == '\'';
  }

  void string() {
    const size_t start = at_;
    bool raw = false;
    bool bytes = false;
    for (; peek() != '"' && peek() != '\''; ++at_) (peek() == 'r' || peek() == 'R' ? raw : bytes) = true;
    const char quote = peek();
    const bool triple = peek(1) == quote && peek(2) == quote;
    const std::string_view closing = triple ? text_.substr(at_, 3) : text_.substr(at_, 1);
    at_ += closing.size();
    std::string out;
    for (;;) {
      if (at_ >= text_.size() || (!triple && (peek() == '\n' || peek() == '\r'))) {
        mistake(start, "the text that begins here has no closing " + std::string(closing),
                triple ? "" : "close it on the same line, or use three quotes for several lines");
        // As a text it lets the grammar go on, so that other mistakes are told too.
        add(TokenKind::kString, start).text = {};
        return;
      }
      if (text_.substr(at_).starts_with(closing)) break;
      if (raw || peek() != '\\')
        out.push_back(text_[at_++]);
      else
        escape(bytes, out);
    }
    at_ += closing.size();
    Token& token = add(bytes ? TokenKind::kBytes : TokenKind::kString, start);
    token.text = arena_.copy(out);
  }

  void escape(bool bytes, std::string& out) {
    const size_t start = at_++;
    const char c = peek();
    if (at_ < text_.size()) ++at_;
    static constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
    static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
    if (const auto i = kFrom.find(c); i != std::string_view::npos && c != '\0') return out.push_back(kTo[i]);
    if (c == 'x' || c == 'X') return numeric_escape(start, 2, 16, bytes, out);
    if ((c == 'u' || c == 'U') && !bytes) return numeric_escape(start, c == 'u' ? 4 : 8, 16, bytes, out);
    if (c >= '0' && c <= '3') {
      --at_;
      return numeric_escape(start, 3, 8, bytes, out);
    }
    mistake(start,
            quoted(text_.substr(start, at_ - start)) + " is no escape sequence" + (bytes ? " of bytes" : ""),
            "write '\\\\' for a backslash, or r'...' for text without escapes");
  }

  void numeric_escape(size_t start, int digits, int base, bool bytes, std::string& out) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = at_ < text_.size() ? hex_digit(peek()) : -1;
      if (digit < 0 || digit >= base) {
        return mistake(start, quoted(text_.substr(start, at_ - start)) + " needs " + std::to_string(digits) +
                                  (base == 16 ? " hexadecimal digits" : " octal digits"));
      }
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
      ++at_;
    }
    if (bytes) return out.push_back(static_cast<char>(value));
    if (!is_rune(value))
      return mistake(start, quoted(text_.substr(start, at_ - start)) + " is no Unicode character");
    append_utf8(value, out);
  }

  // -- the rest -------------------------------------------------------------------------------------------

  void punctuation() {
    static constexpr std::array<std::string_view, 6> kTwo = {"==", "!=", "<=", ">=", "&&", "||"};
    static constexpr std::string_view kOne = "+-*/%<>!?:.,()[]{}";
    const size_t start = at_;
    for (const auto two : kTwo) {
      if (!text_.substr(at_).starts_with(two)) continue;
      at_ += 2;
      if (two == "==" && peek() == '=') {
        ++at_;
        mistake(start, "'===' is no operator", "write '=='");
      }
      add(TokenKind::kPunctuation, start).text = two;
      return;
    }
    const char c = peek();
    if (kOne.find(c) != std::string_view::npos && c != '\0') {
      ++at_;
      add(TokenKind::kPunctuation, start);
      return;
    }
    next_rune(text_, at_);
    stray(start, c);
  }

  void stray(size_t start, char c) {
    const char* as = nullptr;
    if (c == '=') as = "==";
    if (c == '&') as = "&&";
    if (c == '|') as = "||";
    if (as != nullptr) {
      mistake(start, std::string("'") + c + "' is no operator", std::string("write '") + as + "'");
      add(TokenKind::kPunctuation, start).text = as;
      return;
    }
    const std::string mend = c == '#'   ? "a comment begins with '//'"
                             : c == ';' ? "an expression is one value, without ';'"
                                        : "text goes between quotes";
    mistake(start, quoted(text_.substr(start, at_ - start)) + " has no meaning here", mend);
  }

  std::string_view text_;
  Arena& arena_;
  Mistakes& mistakes_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, Arena& arena, Mistakes& mistakes) {
  return Lexer(text, arena, mistakes).run();
}

}  // namespace switchyard::expression
