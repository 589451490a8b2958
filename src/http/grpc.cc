#include "switchyard/http/grpc.h"

#include <cstdint>

#include "switchyard/http/coding.h"
#include "switchyard/http/url.h"

namespace switchyard::http::grpc {
namespace {

constexpr size_t kPrefixBytes = 5;  // one says whether the message is compressed, four how long it is
constexpr size_t kMaxTextBytes = 2048;

Error bad(std::string what) {
  return make_error(ErrorKind::kInvalidArgument, "grpc.bad_request", std::move(what));
}

}  // namespace

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kCancelled: return 1;
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kUnprocessable: return 3;
    case ErrorKind::kDeadlineExceeded: return 4;
    case ErrorKind::kNotFound: return 5;
    case ErrorKind::kPermissionDenied: return 7;
    case ErrorKind::kTooLarge:
    case ErrorKind::kResourceExhausted: return 8;
    case ErrorKind::kConflict: return 9;
    case ErrorKind::kInternal:
    case ErrorKind::kIo: return 13;
    case ErrorKind::kUnavailable:
    case ErrorKind::kNoSpace: return 14;
    case ErrorKind::kCorruption: return 15;
    case ErrorKind::kUnauthenticated: return 16;
  }
  return 2;
}

int http_status_of(int status) {
  switch (status) {
    case 0: return 200;
    case 3:
    case 9:
    case 11: return 400;
    case 4: return 504;
    case 5: return 404;
    case 6:
    case 10: return 409;
    case 7: return 403;
    case 8: return 429;
    case 12: return 501;
    case 14: return 503;
    case 16: return 401;
    default: return 500;
  }
}

std::string frame(std::string_view message, bool packed) {
  const auto smaller = packed ? gzip(message) : std::nullopt;
  if (smaller) message = *smaller;
  std::string out;
  out.reserve(kPrefixBytes + message.size());
  out += smaller ? '\1' : '\0';
  const auto size = static_cast<uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 255);
  out += message;
  return out;
}

Result<std::string_view> unframe(std::string_view body, std::string_view coding, size_t max_bytes,
                                 std::string& unpacked) {
  if (body.size() < kPrefixBytes) return bad("the body is shorter than the prefix of one message");
  uint32_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(body[i]);
  if (body.size() - kPrefixBytes != size)
    return bad("the body must hold exactly one message; its prefix says " + std::to_string(size) +
               " bytes, and there are " + std::to_string(body.size() - kPrefixBytes));
  if (body[0] == 0) return body.substr(kPrefixBytes);
  if (coding != "gzip")
    return make_error(ErrorKind::kUnprocessable, "grpc.compressed",
                      "messages in the coding '" + std::string(coding.substr(0, 40)) +
                          "' are not taken here; send gzip, or the message as it is");
  SY_ASSIGN_OR_RETURN(unpacked, gunzip(body.substr(kPrefixBytes), max_bytes));
  return std::string_view(unpacked);
}

std::string encode_text(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text.substr(0, kMaxTextBytes)) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded += c;
      continue;
    }
    encoded += '%';
    encoded += kDigits[static_cast<uint8_t>(c) >> 4];
    encoded += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return encoded;
}

std::string decode_text(std::string_view text) {
  return percent_decode(text, false).value_or(std::string(text));
}

}  // namespace switchyard::http::grpc
