#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchyard/base/result.h"

namespace switchyard::http {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

/// "GET", ...; "" for kOther.
std::string_view method_name(Method method);
/// Case-sensitive, as RFC 9110 asks; kOther for all but the seven above.
Method method_from(std::string_view text);

struct Header {
  std::string name;
  std::string value;
};

/// Header names compare without regard to ASCII case.
bool header_name_equal(std::string_view a, std::string_view b);

/// One name and value of a query string or of a route's path, percent-decoded.
struct Parameter {
  std::string name;
  std::string value;
};

/// Whom a client's TLS certificate names. The server has verified it against its client CA.
struct ClientCertificate {
  std::string subject;                 ///< RFC 2253, the most specific first: "CN=edge-7,O=Acme"
  std::vector<std::string> dns_names;  ///< subjectAltName, as they stand there
  std::vector<std::string> uris;       ///< subjectAltName: "spiffe://acme/edge"
  std::string fingerprint;             ///< SHA-256 of the certificate, lower-case hexadecimal
};

/// What has come of a body since the last look at it.
struct BodyPiece {
  enum class Then : uint8_t {
    kMore,
    kEnd,       ///< this was the last of it
    kStopping,  ///< the server stops: answer what has come, and end
    kLate,      ///< nothing more came until the time that was given
  };
  std::string data;
  Then then = Then::kMore;
};

/// The body of a request that is handed to its handler before it has come (ServerOptions::streamed_paths), so
/// that it is answered while it comes. What is not asked for waits, and its client is held back by flow
/// control. Shared by the handler and the request's connection, whose thread calls back; nothing is called
/// any more once the client is gone, which Responder::on_disconnect() tells. Thread-safe.
class BodyStream {
 public:
  using OnPiece = std::function<void(BodyPiece)>;
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~BodyStream() = default;
  /// Calls `on_piece` once, with what has come; when that is nothing, as soon as something does, or at
  /// `until`, give or take half a second. Requires: no read is pending, and none has told the end.
  virtual void read(OnPiece on_piece, TimePoint until = TimePoint::max()) = 0;
  /// Calls `work` on the connection's thread.
  virtual void post(std::function<void()> work) = 0;
};

/// One request, whole but for a body that is a stream: it owns its bytes, so it may be moved to any thread
/// and outlive its connection. Views it returns live as long as it does and stay valid when it is moved. Not
/// thread-safe.
class Request {
 public:
  Request() = default;
  Request(Request&&) = default;
  Request& operator=(Request&&) = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// A request that came over no socket: for calls inside the process. kInvalidArgument "http.bad_target"
  /// when the target has a broken percent escape or too many parameters.
  static Result<Request> make(Method method, std::string_view target, const std::vector<Header>& headers = {},
                              std::string body = {});

  Method method() const { return method_; }
  /// The method's text, also for kOther.
  std::string_view method_text() const { return text(method_text_); }
  /// The request target as sent, query included.
  std::string_view target() const { return text(target_); }
  /// The target without its query, not decoded, beginning with '/' (or "*" for OPTIONS *).
  std::string_view path() const { return text(path_); }
  /// The parameters of the query string in their order, decoded ('+' is a blank).
  const std::vector<Parameter>& query() const { return query_; }
  /// The first query parameter of that name.
  std::optional<std::string_view> query_value(std::string_view name) const;

  /// The first header field of that name, without blanks around it.
  std::optional<std::string_view> header(std::string_view name) const;
  size_t header_count() const { return headers_.size(); }
  std::pair<std::string_view, std::string_view> header_at(size_t index) const {
    return {text(headers_[index].name), text(headers_[index].value)};
  }

  std::string_view body() const { return body_; }
  std::string take_body() { return std::move(body_); }
  /// For who undid a Content-Encoding: what body() is from now on.
  void set_body(std::string body) { body_ = std::move(body); }
  /// The way to a body that has not come yet; null: body() is all of it.
  const std::shared_ptr<BodyStream>& body_stream() const { return body_stream_; }

  /// The peer's address without port, e.g. "127.0.0.1"; "" for a request made inside the process.
  const std::string& remote_address() const { return remote_address_; }
  /// The certificate that the connection's client showed; null when it showed none or there is no TLS.
  const ClientCertificate* client_certificate() const { return client_certificate_.get(); }
  void set_client_certificate(std::shared_ptr<const ClientCertificate> certificate) {
    client_certificate_ = std::move(certificate);
  }
  /// For a request that is made of a part of `other`: it comes from the same client.
  void set_client_of(const Request& other) {
    remote_address_ = other.remote_address_;
    client_certificate_ = other.client_certificate_;
  }
  /// When the head was read: microseconds since the Unix epoch.
  int64_t received_us() const { return received_us_; }

  /// A parameter of the matched route's path ("{id}"), decoded; "" when the route has none of that name.
  std::string_view path_parameter(std::string_view name) const;
  void set_path_parameters(std::vector<Parameter> parameters) { path_parameters_ = std::move(parameters); }

 private:
  friend class RequestParser;
  friend class Http2Session;
  struct Slice {
    uint32_t offset = 0;
    uint32_t size = 0;
  };
  struct Field {
    Slice name;
    Slice value;
  };
  std::string_view text(Slice slice) const {
    return std::string_view(head_).substr(slice.offset, slice.size);
  }
  /// Splits target_ into path and query. False when an escape is broken or there are too many parameters.
  bool split_target();

  Method method_ = Method::kOther;
  Slice method_text_, target_, path_;
  std::string head_;  // what the slices point into
  std::vector<Field> headers_;
  std::string body_;
  std::shared_ptr<BodyStream> body_stream_;  // shared with the connection
  std::vector<Parameter> query_;
  std::vector<Parameter> path_parameters_;
  std::string remote_address_;
  std::shared_ptr<const ClientCertificate> client_certificate_;  // shared by a connection's requests
  int64_t received_us_ = 0;
};

/// An answer. Content-Length, Date and Connection are written by the server and must not be among `headers`.
struct Response {
  int status = 200;
  std::string content_type;  ///< empty: no Content-Type field
  std::vector<Header> headers;
  std::string body;
  bool close = false;  ///< close the connection after this answer
  /// Sent behind the body over HTTP/2; HTTP/1.1 leaves them out.
  std::vector<Header> trailers;

  static Response json(int status, std::string body) {
    return {status, "application/json", {}, std::move(body)};
  }
  static Response text(int status, std::string body) {
    return {status, "text/plain; charset=utf-8", {}, std::move(body)};
  }
  static Response no_content() { return {204, {}, {}, {}}; }
};

/// "OK", "Not Found", ...; "Unknown" for a status without a registered phrase.
std::string_view reason_phrase(int status);

}  // namespace switchyard::http
