#include "switchyard/http/grpc.h"

#include <cstdint>
#include <utility>

#include "switchyard/http/coding.h"
#include "switchyard/http/url.h"

namespace switchyard::http::grpc {
namespace {

constexpr size_t kMaxTextBytes = 2048;

Error bad(std::string what) {
  return make_error(ErrorKind::kInvalidArgument, "grpc.bad_request", std::move(what));
}

/// What a message's prefix says. Requires: the prefix is whole.
uint32_t size_in(std::string_view framed) {
  uint32_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(framed[i]);
  return size;
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
  const uint32_t size = size_in(body);
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

Result<std::optional<std::string>> MessageReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < kPrefixBytes) return std::optional<std::string>();
  const size_t size = size_in(rest);
  if (size > max_bytes_)
    return make_error(ErrorKind::kTooLarge, "grpc.message_too_large",
                      "a message says that it has " + std::to_string(size) + " bytes, and may have " +
                          std::to_string(max_bytes_) + "; send less in one message");
  const size_t framed = kPrefixBytes + size;
  if (rest.size() < framed) return std::optional<std::string>();
  if (at_ == 0 && rest.size() == framed) return std::optional(std::exchange(buffer_, {}));
  std::string message(rest.substr(0, framed));
  at_ += framed;
  // What was read leaves when it is most of the buffer, so that a byte is moved about once.
  if (at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  return std::optional(std::move(message));
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
