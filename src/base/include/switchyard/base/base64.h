#pragma once

#include <string>
#include <string_view>

namespace switchyard {

/// Standard base64 with padding (RFC 4648 section 4).
std::string base64_encode(std::string_view bytes);
/// False when `text` is not that.
bool base64_decode(std::string_view text, std::string& bytes);

}  // namespace switchyard
