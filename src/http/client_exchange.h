#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/http/client.h"
#include "switchyard/http/url.h"

namespace switchyard::http {

class ClientConnection;

/// One request of a caller on its way: waiting for a connection, or on one. Lives on the client's thread.
struct Exchange {
  Url url;
  std::string head;            // of HTTP/1.1
  std::vector<Header> fields;  // of HTTP/2, those that begin with a colon first
  std::string body;
  bool is_head = false;
  bool may_repeat = false;
  int64_t timeout_ms = 0;
  int32_t priority = kDefaultPriority;
  QueueOrder order;  // since its beginning
  size_t max_response_bytes = 0;
  ClientCallback callback;  // empty when it was called
  std::function<bool(const ClientResponse&, std::string_view)> on_body;

  std::unique_ptr<boost::asio::steady_timer> timer;
  std::weak_ptr<ClientConnection> connection;
  std::chrono::steady_clock::time_point placed_at;  // on that connection
  bool may_have_been_sent = false;
  bool repeated = false;  // went out a second time, on a fresh connection

  bool done() const { return callback == nullptr; }
};

/// How most of what can go wrong on the way ends.
inline Error unavailable(std::string code, std::string message) {
  return make_error(ErrorKind::kUnavailable, std::move(code), std::move(message));
}

/// The exchange of a request, head formed; kInvalidArgument "http.bad_url" or "http.bad_request".
Result<std::shared_ptr<Exchange>> make_exchange(ClientRequest request, const ClientOptions& options);

}  // namespace switchyard::http
