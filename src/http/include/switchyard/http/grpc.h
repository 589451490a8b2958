#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"

// gRPC over HTTP/2, what both of its ends need: the framing of messages, compressed ones included, and
// statuses.
namespace switchyard::http::grpc {

inline constexpr std::string_view kMediaType = "application/grpc";
/// Before each message: one says whether it is compressed, four how long it is.
inline constexpr size_t kPrefixBytes = 5;
/// What is understood here, as grpc-accept-encoding says it.
inline constexpr std::string_view kCodings = "identity,gzip";

/// The status that belongs to an ErrorKind, of gRPC's seventeen.
int status_of(ErrorKind kind);
/// The HTTP status that says the same (google.rpc.Code): 200 for 0, 500 for what no code is. A call that the
/// server cancelled by itself is its failure, 500.
int http_status_of(int status);

/// One message behind its prefix; in gzip form where that is wanted and shorter.
std::string frame(std::string_view message, bool packed);
/// The message that is all of `body`; it lies in `body`, or in `unpacked` when it was compressed. `coding`:
/// grpc-encoding. kInvalidArgument "grpc.bad_request"; kUnprocessable "grpc.compressed" for another coding;
/// kTooLarge "http.body_unpacks_too_large"; kInvalidArgument "http.bad_gzip".
Result<std::string_view> unframe(std::string_view body, std::string_view coding, size_t max_bytes,
                                 std::string& unpacked);

/// Cuts a body that comes piece by piece into its messages.
class MessageReader {
 public:
  /// `max_bytes`: of a message, as it is sent.
  explicit MessageReader(size_t max_bytes) : max_bytes_(max_bytes) {}
  void append(std::string_view piece) { buffer_.append(piece); }
  /// The next message with its prefix, as unframe() takes it; nothing: it has not come whole. kTooLarge
  /// "grpc.message_too_large" as soon as a prefix says so; nothing can be read after it.
  Result<std::optional<std::string>> next();
  /// No part of a message is there.
  bool is_empty() const { return at_ == buffer_.size(); }

 private:
  const size_t max_bytes_;
  std::string buffer_;
  size_t at_ = 0;  // where the next message begins
};

/// Text as a grpc-message carries it: what is no printable ASCII is percent-encoded, and it is cut to a sane
/// length.
std::string encode_text(std::string_view text);
/// What that stands for; text that is not encoded well stays as it is.
std::string decode_text(std::string_view text);

}  // namespace switchyard::http::grpc
