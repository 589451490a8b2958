#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"
#include "switchyard/types/priority.h"

namespace switchyard::http {

struct ClientOptions {
  size_t connections_per_origin = 64;       ///< of HTTP/1.1
  size_t http2_connections_per_origin = 4;  ///< of HTTP/2, each with many requests at once
  size_t max_queued_per_origin =
      10'000;  ///< requests that wait for a connection; over it the last ends with kResourceExhausted
  int64_t connect_timeout_ms = 5'000;     ///< name, connection and TLS handshake
  int64_t default_timeout_ms = 30'000;    ///< a request's whole time where it names none
  int64_t idle_timeout_ms = 30'000;       ///< a kept connection without use
  size_t max_response_bytes = 16u << 20;  ///< body; over it: kTooLarge "http.response_too_large"
  bool verify_tls = true;                 ///< certificate chain and host name
  std::string ca_file;                    ///< PEM, in place of the system's roots; empty: the system's
  std::string user_agent = "switchyard";
  int threads = 1;  ///< each with connections of its own: connections_per_origin is of one thread
  /// Where given: the hosts for which it is false are not connected to at link-local addresses
  /// (169.254.0.0/16, fe80::/10, and fd00:ec2::254 like it), whatever their names resolve to:
  /// kPermissionDenied "http.address_refused". Called on the client's thread.
  std::function<bool(std::string_view host)> may_be_link_local;
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
  std::vector<Header> trailers;  ///< of HTTP/2: the fields behind the body

  /// The first header of that name, or "".
  std::string_view header(std::string_view name) const;
  /// The first trailer of that name, or "".
  std::string_view trailer(std::string_view name) const;
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string url;  ///< absolute: http or https, or grpc or grpcs for HTTP/2
  std::vector<Header> headers;
  std::string body;
  int64_t timeout_ms = 0;  ///< from request() to the last byte of the answer; 0: the client's default
  /// May be sent a second time when a kept connection turns out to be dead before any byte of the answer
  /// came. GET, HEAD, PUT, DELETE and OPTIONS always may.
  bool idempotent = false;
  int32_t priority = kDefaultPriority;  ///< who waits for a connection goes in QueueOrder
  size_t max_response_bytes = 0;        ///< 0: the client's
  /// Where given, the body of an answer with a status from 200 to 299 goes here piece by piece as it comes,
  /// with the head; the response's own body then stays empty. Other answers come whole. On the client's
  /// thread; must not block. False: the request ends with "http.cancelled".
  std::function<bool(const ClientResponse& head, std::string_view piece)> on_body;
};

/// How a request ended. Errors: kInvalidArgument "http.bad_url" or "http.bad_request"; kPermissionDenied
/// "http.address_refused"; kUnavailable
/// "http.name_not_found", "http.connect_failed", "http.tls", "http.connection_lost", "http.truncated",
/// "http.bad_response"; kDeadlineExceeded "http.timeout"; kTooLarge "http.response_too_large";
/// kResourceExhausted "http.queue_full"; kCancelled "http.cancelled".
struct ClientResult {
  Result<ClientResponse> response;
  /// False: not a byte of the request left this machine, or the peer has done nothing of it and says so
  /// (HTTP/2: REFUSED_STREAM, GOAWAY), so that any request may be tried again.
  bool may_have_been_sent = false;
  bool reused_connection = false;
};

using ClientCallback = std::function<void(ClientResult)>;

class ClientCore;

/// An HTTP client with a pool of kept connections per origin, on threads of its own: HTTP/1.1 with one
/// request at a time on each, or HTTP/2 with many. Redirects are answers like others: it follows none.
/// Thread-safe.
class Client {
 public:
  /// Asks that a request end; its callback then gets "http.cancelled" unless it had ended. A handle may be
  /// dropped without effect and may outlive the client.
  class Handle {
   public:
    Handle() = default;
    void cancel();

   private:
    friend class Client;
    struct Target;
    std::shared_ptr<Target> target_;
  };

  explicit Client(ClientOptions options);
  /// Requires: stopped (or never started).
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Starts the thread. kInvalidArgument "http.bad_tls_file" for a CA file that cannot be read.
  Status start();
  /// Ends every request with "http.cancelled", closes the connections and joins the thread. Not from a
  /// callback.
  void stop();

  /// Calls `callback` exactly once, on a thread of the client's, never inside request(); it must not block.
  /// Called on such a thread it stays there. Once the client is stopped it calls it at once with
  /// "http.cancelled".
  Handle request(ClientRequest request, ClientCallback callback);
  /// The same, waiting. Not from the client's thread.
  ClientResult request_and_wait(ClientRequest request);

 private:
  friend class Server;  // may share the threads
  struct Impl;
  std::unique_ptr<Impl> impl_;
  const std::vector<std::shared_ptr<ClientCore>>& cores() const;
};

}  // namespace switchyard::http
