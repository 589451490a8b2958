#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"

// Content codings (RFC 9110 section 8.4): gzip, by ISA-L.
namespace switchyard::http {

/// Whether an Accept-Encoding header allows gzip: named with a weight over 0, or `*` is and gzip is not.
bool accepts_gzip(std::string_view accept_encoding);
/// Whether text of this media type is worth compressing: JSON, XML and text, but no stream of events.
bool is_compressible(std::string_view media_type);

/// The gzip form, or nothing when it would not be smaller.
std::optional<std::string> gzip(std::string_view text);
/// What a Content-Encoding of "gzip" or "x-gzip" stands for, several members included. kTooLarge
/// "http.body_unpacks_too_large" as soon as it is over `max_bytes`; kInvalidArgument
/// "http.bad_gzip" when it is damaged or cut off.
Result<std::string> gunzip(std::string_view packed, size_t max_bytes);

}  // namespace switchyard::http
