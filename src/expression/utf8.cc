#include "utf8.h"

namespace switchyard::expression {

uint32_t next_rune(std::string_view text, size_t& position) {
  const auto first = static_cast<uint8_t>(text[position++]);
  if (first < 0x80) return first;
  int more = 0;
  uint32_t rune = 0;
  uint32_t least = 0;
  if (first >= 0xC2 && first < 0xE0) {
    more = 1, rune = first & 0x1F, least = 0x80;
  } else if (first >= 0xE0 && first < 0xF0) {
    more = 2, rune = first & 0x0F, least = 0x800;
  } else if (first >= 0xF0 && first < 0xF5) {
    more = 3, rune = first & 0x07, least = 0x10000;
  } else {
    return kBadRune;
  }
  if (text.size() - position < static_cast<size_t>(more)) return kBadRune;
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<uint8_t>(text[position + static_cast<size_t>(i)]);
    if ((byte & 0xC0) != 0x80) return kBadRune;
    rune = (rune << 6) | (byte & 0x3F);
  }
  if (rune < least || !is_rune(rune)) return kBadRune;
  position += static_cast<size_t>(more);
  return rune;
}

size_t rune_offset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) continue;
    if (index-- == 0) return at;
  }
  return at;
}

}  // namespace switchyard::expression
