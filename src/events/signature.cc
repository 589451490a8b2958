#include "switchyard/events/signature.h"

#include <openssl/hmac.h>

#include <array>

#include "switchyard/base/base64.h"
#include "switchyard/events/limits.h"

namespace switchyard::events {

Result<std::string> decode_secret(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  std::string bytes;
  if (text.starts_with("whsec_") && base64_decode(text.substr(6), bytes) && bytes.size() >= kMinSecretBytes &&
      bytes.size() <= kMaxSecretBytes)
    return bytes;
  return make_error(
      ErrorKind::kInvalidArgument, "webhook.bad_secret",
      "the signing secret must be whsec_ and the base64 of 24 to 64 random bytes; make one with: "
      "echo whsec_$(head -c 32 /dev/urandom | base64)");
}

std::string sign(std::string_view secret_bytes, std::string_view id, int64_t timestamp_s,
                 std::string_view body) {
  std::string text;
  text.reserve(id.size() + body.size() + 24);
  text.append(id).append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), secret_bytes.data(), static_cast<int>(secret_bytes.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  SY_CHECK(made != nullptr && size == digest.size());
  return "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace switchyard::events
