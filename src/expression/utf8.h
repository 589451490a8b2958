#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::expression {

inline constexpr uint32_t kBadRune = 0xFFFFFFFF;

/// The code point at `position`, which moves past it; kBadRune (and one byte further) where the bytes are not
/// UTF-8 (RFC 3629: no surrogates, no overlong forms). Requires position < text.size().
uint32_t next_rune(std::string_view text, size_t& position);

inline bool is_rune(uint32_t rune) { return rune <= 0x10FFFF && (rune < 0xD800 || rune > 0xDFFF); }

/// Code points of valid UTF-8.
inline size_t count_runes(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

/// The byte where code point number `index` of valid UTF-8 begins; text.size() at or past the end.
size_t rune_offset(std::string_view text, size_t index);

}  // namespace switchyard::expression
