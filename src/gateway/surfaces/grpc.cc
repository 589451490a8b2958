#include "surfaces/grpc.h"

#include <cstdint>

namespace switchyard::gateway::surfaces {
namespace {

constexpr size_t kPrefixBytes = 5;  // one says whether the message is compressed, four how long it is
constexpr size_t kMaxMessageTextBytes = 2048;

Error bad(std::string what) {
  return make_error(ErrorKind::kInvalidArgument, "grpc.bad_request", std::move(what));
}

}  // namespace

int grpc_status(ErrorKind kind) {
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

Result<std::string_view> grpc_message(const http::Request& request) {
  const std::string_view type = request.header("Content-Type").value_or("");
  if (!type.starts_with("application/grpc"))
    return bad("a call has the Content-Type application/grpc; this one has '" +
               std::string(type.substr(0, 60)) + "'");
  const std::string_view body = request.body();
  if (body.size() < kPrefixBytes) return bad("the body is shorter than the prefix of one message");
  uint32_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(body[i]);
  if (body[0] != 0)
    return make_error(ErrorKind::kUnprocessable, "grpc.compressed",
                      "compressed messages are not taken here; send them as they are");
  if (body.size() - kPrefixBytes != size)
    return bad("the body must hold exactly one message; its prefix says " + std::to_string(size) +
               " bytes, and there are " + std::to_string(body.size() - kPrefixBytes));
  return body.substr(kPrefixBytes);
}

std::string grpc_text(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text.substr(0, kMaxMessageTextBytes)) {
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

http::Response grpc_answer(std::string message) {
  http::Response response{200, "application/grpc", {}, {}};
  const auto size = static_cast<uint32_t>(message.size());
  response.body.reserve(kPrefixBytes + message.size());
  response.body += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) response.body += static_cast<char>(size >> shift & 255);
  response.body += message;
  response.trailers = {{"grpc-status", "0"}};
  return response;
}

http::Response grpc_error(const Error& error) {
  http::Response response{200, "application/grpc", {}, {}};
  const int status = error.code == "grpc.compressed" ? 12 : grpc_status(error.kind);
  response.headers = {
      {"grpc-status", std::to_string(status)},
      {"grpc-message", grpc_text(error.message + (error.code.empty() ? "" : " [" + error.code + "]"))},
      {"grpc-accept-encoding", "identity"}};
  return response;
}

}  // namespace switchyard::gateway::surfaces
