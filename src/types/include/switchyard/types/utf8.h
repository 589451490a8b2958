#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool is_valid_utf8(std::string_view text);

/// Code points in valid UTF-8.
size_t count_code_points(std::string_view text);

/// Appends the UTF-8 form of a code point; a surrogate or a number above U+10FFFF is a CHECK failure.
void append_utf8(uint32_t code_point, std::string& out);

}  // namespace switchyard
