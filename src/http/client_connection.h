#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client_core.h"
#include "response_parser.h"
#include "transport.h"

namespace switchyard::http {

/// One connection to an origin: connects for its first exchange, then serves one exchange at a time.
/// Lives on the client's thread. Owned by the core and by its operations in flight.
class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  using Clock = std::chrono::steady_clock;

  ClientConnection(ClientCore& core, const Url& url);

  /// Requires: no exchange on it. Connects first if need be.
  void serve(std::shared_ptr<Exchange> exchange);
  /// Closes without a word to the exchange: its end has been told already.
  void abandon();

  const std::string& origin() const { return origin_; }
  Clock::time_point idle_since() const { return idle_since_; }

 private:
  void connect();
  void connect_to(std::vector<Transport::Tcp::endpoint> endpoints);
  void handshake();
  void ready();
  void write();
  void read();
  void on_read(const boost::system::error_code& error, size_t bytes);
  /// Hands on what has come of a body that is wanted in pieces. False: nobody wants more, the exchange ended.
  bool hand_on();
  void take_response();
  void fail(Error error);
  void lost(const boost::system::error_code& error);
  void close();

  ClientCore& core_;
  const std::string host_;
  const uint16_t port_;
  const bool uses_tls_;
  const std::string origin_;
  Transport transport_;
  boost::asio::steady_timer connect_timer_;
  std::shared_ptr<Exchange> exchange_;
  std::optional<ResponseParser> parser_;
  std::string in_;
  size_t in_used_ = 0;
  size_t written_ = 0;
  bool connected_ = false;
  bool reused_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool closed_ = false;
  Clock::time_point idle_since_;
};

}  // namespace switchyard::http
