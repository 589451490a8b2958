#pragma once

#include <optional>
#include <string>

#include "client_connection.h"
#include "response_parser.h"

namespace switchyard::http {

/// HTTP/1.1: serves one exchange at a time.
class Http1ClientConnection final : public ClientConnection {
 public:
  using ClientConnection::ClientConnection;

  void serve(std::shared_ptr<Exchange> exchange) override;
  bool has_room() const override { return exchange_ == nullptr && !closed(); }
  void abandon(const std::shared_ptr<Exchange>& exchange, bool late) override;

 private:
  std::shared_ptr<Http1ClientConnection> self() {
    return std::static_pointer_cast<Http1ClientConnection>(shared_from_this());
  }
  void ready() override { write(); }
  void fail(Error error) override;
  void write();
  void read();
  void on_read(const boost::system::error_code& error, size_t bytes);
  /// Hands on what has come of a body that is wanted in pieces. False: nobody wants more, the exchange ended.
  bool hand_on();
  void take_response();
  void lost(const boost::system::error_code& error);

  std::shared_ptr<Exchange> exchange_;
  std::optional<ResponseParser> parser_;
  std::string in_;
  size_t in_used_ = 0;
  size_t written_ = 0;
  bool reused_ = false;
  bool reading_ = false;
  bool writing_ = false;
};

}  // namespace switchyard::http
