#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "client_core.h"
#include "transport.h"

namespace switchyard::http {

/// One connection to an origin, whatever is spoken over it: connects for its first exchange. Lives on the
/// client's thread. Owned by the core and by its operations in flight.
class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  using Clock = std::chrono::steady_clock;

  ClientConnection(ClientCore& core, const Url& url);
  virtual ~ClientConnection() = default;

  /// Requires: has_room(). Connects first if need be.
  virtual void serve(std::shared_ptr<Exchange> exchange) = 0;
  /// Whether it takes a further exchange now.
  virtual bool has_room() const = 0;
  /// Lets go of an exchange whose caller has been told its end; `late`: that its deadline has passed.
  virtual void abandon(const std::shared_ptr<Exchange>& exchange, bool late) = 0;
  /// Closes without a word to the exchanges on it.
  void close();

  const std::string& origin() const { return origin_; }
  /// Since when it has nothing to do; the end of time while it has.
  Clock::time_point idle_since() const { return idle_since_; }
  /// The core's: whether it stands in the list of those that are usable.
  bool is_listed() const { return listed_; }
  void set_listed(bool listed) { listed_ = listed; }

 protected:
  void connect();
  /// The connection is there, the TLS handshake done.
  virtual void ready() = 0;
  /// Ends all that is on it with the error, and closes.
  virtual void fail(Error error) = 0;

  bool connected() const { return connected_; }
  bool closed() const { return closed_; }

  ClientCore& core_;
  const std::string origin_;
  Transport transport_;
  Clock::time_point idle_since_ = Clock::time_point::max();

 private:
  void connect_to(std::vector<Transport::Tcp::endpoint> endpoints);
  void handshake();
  void begin();

  const std::string host_;
  const uint16_t port_;
  const bool uses_tls_;
  const bool http2_;
  boost::asio::steady_timer connect_timer_;
  bool listed_ = false;
  bool connected_ = false;
  bool closed_ = false;
};

/// HTTP/1.1, or HTTP/2 where the URL's scheme says so.
std::shared_ptr<ClientConnection> make_client_connection(ClientCore& core, const Url& url);

}  // namespace switchyard::http
