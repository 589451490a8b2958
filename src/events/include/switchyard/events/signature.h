#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"

namespace switchyard::events {

/// The bytes of a signing secret: "whsec_" and base64 of 24 to 64 bytes. kInvalidArgument
/// "webhook.bad_secret"; the message does not show it.
Result<std::string> decode_secret(std::string_view text);

/// The value of `webhook-signature` by the Standard Webhooks specification: "v1," and the base64 of
/// HMAC-SHA256 over "<id>.<timestamp>.<body>".
std::string sign(std::string_view secret_bytes, std::string_view id, int64_t timestamp_s,
                 std::string_view body);

}  // namespace switchyard::events
