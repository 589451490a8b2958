#include "prepare.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace switchyard::document {
namespace {

bool read_hex4(std::string_view text, size_t at, uint32_t& out) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return false;
  out = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return false;
    out = out * 16 + static_cast<uint32_t>(digit);
  }
  return true;
}

/// JSON writes characters above U+FFFF as two escapes (RFC 8259 section 7); YAML has one escape for them.
std::string join_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t high = 0, low = 0;
    if (text[i] == '\\' && read_hex4(text, i, high) && high >= 0xD800 && high < 0xDC00 &&
        read_hex4(text, i + 6, low) && low >= 0xDC00 && low < 0xE000) {
      char escape[16];
      std::snprintf(escape, sizeof escape, "\\U%08X", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
      out += escape;
      i += 11;
    } else {
      out += text[i];
      if (text[i] == '\\' && i + 1 < text.size()) out += text[++i];
    }
  }
  return out;
}

std::string hide_question_marks(std::string text) {
  for (const std::string_view escape : {"\\x1d", "\\x1D", "\\u001d", "\\u001D", "\\U0000001d", "\\U0000001D"})
    if (text.find(escape) != std::string::npos) return text;
  for (size_t i = 1; i < text.size(); ++i)
    if (text[i] == '?' && std::string_view(" \t\r\n[{,").find(text[i - 1]) == std::string_view::npos)
      text[i] = kHiddenQuestionMark;
  return text;
}

bool is_json_like(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

std::string prepare_text(std::string_view text) {
  return hide_question_marks(is_json_like(text) ? join_surrogates(text) : std::string(text));
}

void show_question_marks(std::string& text) {
  std::replace(text.begin(), text.end(), kHiddenQuestionMark, '?');
}

}  // namespace switchyard::document
