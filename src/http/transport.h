#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <utility>

namespace switchyard::http {

/// A TCP socket, with TLS on top or without; one type for both, so that all that reads and writes exists
/// once.
class Transport {
 public:
  using Tcp = boost::asio::ip::tcp;
  using Tls = boost::asio::ssl::stream<Tcp::socket&>;

  explicit Transport(Tcp::socket socket) : socket_(std::move(socket)) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  Tcp::socket& socket() { return socket_; }
  /// From here on everything goes through TLS; the caller does the handshake on tls().
  void use_tls(boost::asio::ssl::context& context) { tls_ = std::make_unique<Tls>(socket_, context); }
  Tls* tls() { return tls_.get(); }

  template <typename Buffers, typename Done>
  void async_read_some(const Buffers& buffers, Done done) {
    if (tls_) {
      tls_->async_read_some(buffers, std::move(done));
    } else {
      socket_.async_read_some(buffers, std::move(done));
    }
  }
  template <typename Buffers, typename Done>
  void async_write_some(const Buffers& buffers, Done done) {
    if (tls_) {
      tls_->async_write_some(buffers, std::move(done));
    } else {
      socket_.async_write_some(buffers, std::move(done));
    }
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace switchyard::http
