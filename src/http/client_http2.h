#pragma once

#include <string>
#include <vector>

#include "client_connection.h"
#include "http2_client_session.h"
#include "output.h"

namespace switchyard::http {

/// HTTP/2: serves many exchanges at once; but one alone until the peer has said how many it takes, for what
/// it does not take it refuses. One that ends late takes a connection that was silent all its time out of
/// use: such a connection may be dead without anybody having said so.
class Http2ClientConnection final : public ClientConnection, private Http2ClientSession::Host {
 public:
  Http2ClientConnection(ClientCore& core, const Url& url);

  void serve(std::shared_ptr<Exchange> exchange) override;
  bool has_room() const override;
  void abandon(const std::shared_ptr<Exchange>& exchange, bool late) override;

 private:
  std::shared_ptr<Http2ClientConnection> self() {
    return std::static_pointer_cast<Http2ClientConnection>(shared_from_this());
  }
  void ready() override;
  void fail(Error error) override;
  void end(Http2ClientSession::End end) override;
  void begin_waiting();
  void read();
  void write();
  /// Sends what can be sent, and closes when everything is done.
  void flush();
  /// The same, and takes further exchanges.
  void progress();
  void lost(const std::string& why);

  Http2ClientSession session_;
  std::vector<std::shared_ptr<Exchange>> waiting_;  // for the connection, and the peer's settings
  std::string in_;
  Output pending_;  // filled while in_flight_ is being written
  Output in_flight_;
  Clock::time_point heard_at_;
  bool writing_ = false;
  bool in_session_ = false;  // what the session tells may come back to it
};

}  // namespace switchyard::http
