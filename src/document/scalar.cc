#include "scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace switchyard::document {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t skip_digits(std::string_view text, size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool looks_real(std::string_view text) {
  size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t whole = skip_digits(text, at);
  const bool has_whole = whole > at;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = skip_digits(text, at + 1);
    if (!has_whole && fraction == at + 1) return false;
    at = fraction;
  } else if (!has_whole) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const size_t exponent = skip_digits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

enum class Outcome { kNo, kYes, kRange };

Outcome read_integer(std::string_view text, int64_t& out) {
  int base = 10;
  std::string_view digits = text;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    digits = text.substr(2);
    if (digits.empty() || digits[0] == '-') return Outcome::kNo;
  } else {
    if (!digits.empty() && digits[0] == '+') {
      digits = digits.substr(1);
      if (!digits.empty() && digits[0] == '-') return Outcome::kNo;
    }
    const size_t first = !digits.empty() && digits[0] == '-' ? 1 : 0;
    if (digits.size() == first || skip_digits(digits, first) != digits.size()) return Outcome::kNo;
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  if (end != digits.data() + digits.size()) return Outcome::kNo;
  return error == std::errc() ? Outcome::kYes : Outcome::kRange;
}

bool read_special_real(std::string_view text, double& out) {
  std::string_view unsigned_text = text;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) unsigned_text = text.substr(1);
  if (unsigned_text == ".inf" || unsigned_text == ".Inf" || unsigned_text == ".INF") {
    out = negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    return true;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") {
    out = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  return false;
}

size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

}  // namespace

bool resolve_plain(Node& node) {
  const std::string_view text = node.text;
  node.kind = Node::Kind::kString;
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
      text == "FALSE") {
    node.kind = Node::Kind::kBool;
    node.boolean = text[0] == 't' || text[0] == 'T';
    return true;
  }
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    node.kind = Node::Kind::kNull;
    return true;
  }
  int64_t integer = 0;
  switch (read_integer(text, integer)) {
    case Outcome::kYes:
      node.kind = Node::Kind::kInteger;
      node.integer = integer;
      return true;
    case Outcome::kRange: return false;
    case Outcome::kNo: break;
  }
  double real = 0;
  if (read_special_real(text, real)) {
    node.kind = Node::Kind::kDouble;
    node.real = real;
    return true;
  }
  if (!looks_real(text)) return true;
  const std::string_view digits = text[0] == '+' ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), real);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  node.kind = Node::Kind::kDouble;
  node.real = real;
  return true;
}

size_t find_bad_byte(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') return at;
    if (lead == 0x7F) return at;
    const size_t length = sequence_length(lead);
    if (length == 0 || at + length > text.size()) return at;
    for (size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return at;
    }
    if (length >= 3) {
      const auto second = static_cast<unsigned char>(text[at + 1]);
      if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) ||
          (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90)) {
        return at;
      }
    }
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace switchyard::document
