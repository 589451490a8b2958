#pragma once

#include <cstdint>
#include <string_view>

namespace switchyard::http {

/// How long a `Retry-After` asks to wait, in microseconds from `now_us` (RFC 9110, section 10.2.3): seconds,
/// fractions too, or an IMF-fixdate. At most a week; 0: it says nothing that can be read.
int64_t retry_after_us(std::string_view value, int64_t now_us);

}  // namespace switchyard::http
