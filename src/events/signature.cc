#include "switchyard/events/signature.h"

#include <openssl/hmac.h>

#include <array>
#include <charconv>

#include "switchyard/base/base64.h"
#include "switchyard/events/limits.h"
#include "switchyard/types/time_text.h"

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

int64_t retry_after_us(std::string_view header, int64_t now_us) {
  constexpr int64_t kMostSeconds = 86'400 * 7;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error == std::errc() && end == header.data() + header.size())
    return seconds <= 0 ? 0 : std::min(seconds, kMostSeconds) * 1'000'000;
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (header.size() != 29 || header.substr(25) != " GMT") return 0;
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const size_t month = kMonths.find(header.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return 0;
  std::string text(header.substr(12, 4));
  const size_t number = month / 3 + 1;
  text += (number < 10 ? "-0" : "-") + std::to_string(number) + "-";
  text.append(header.substr(5, 2)).append("T").append(header.substr(17, 8)).append("Z");
  const auto time = parse_timestamp(text);
  if (!time.has_value()) return 0;
  const int64_t wait_us = time->seconds * 1'000'000 - now_us;
  return wait_us <= 0 ? 0 : std::min(wait_us, kMostSeconds * 1'000'000);
}

}  // namespace switchyard::events
