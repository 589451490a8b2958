#include "client_connection.h"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <cstring>

namespace switchyard::http {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kReadBytes = 16u << 10;

Error unavailable(std::string code, std::string message) {
  return make_error(ErrorKind::kUnavailable, std::move(code), std::move(message));
}

/// Addresses of this machine's own network segment. Clouds serve a machine's credentials at one of them to
/// whoever asks, so a URL that a stranger can influence must not lead there.
bool is_link_local(const boost::asio::ip::address& address) {
  if (address.is_v4()) return (address.to_v4().to_uint() >> 16) == 0xA9FE;  // 169.254.0.0/16
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped())
    return is_link_local(boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6));
  static const auto kMetadata = boost::asio::ip::make_address_v6("fd00:ec2::254");
  return v6.is_link_local() || v6 == kMetadata;
}

}  // namespace

ClientConnection::ClientConnection(ClientCore& core, const Url& url)
    : core_(core),
      host_(url.host),
      port_(url.port),
      uses_tls_(url.tls),
      origin_(url.origin()),
      transport_(tcp::socket(core.io())),
      connect_timer_(core.io()) {}

void ClientConnection::serve(std::shared_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = weak_from_this();
  parser_.emplace(exchange_->max_response_bytes, exchange_->is_head);
  written_ = 0;
  reused_ = connected_;
  if (!connected_) return connect();
  write();
}

void ClientConnection::connect() {
  connect_timer_.expires_after(std::chrono::milliseconds(core_.options().connect_timeout_ms));
  connect_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (cancelled || self->connected_ || self->closed_) return;
    self->fail(make_error(ErrorKind::kDeadlineExceeded, "http.timeout",
                          self->origin_ + " was not reached within connect_timeout_ms = " +
                              std::to_string(self->core_.options().connect_timeout_ms) + "."));
  });
  error_code not_numeric;
  const auto address = boost::asio::ip::make_address(host_, not_numeric);
  if (!not_numeric) return connect_to({tcp::endpoint(address, port_)});
  core_.resolver().async_resolve(
      host_, std::to_string(port_),
      [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& results) {
        if (self->closed_) return;
        if (error)
          return self->fail(
              unavailable("http.name_not_found",
                          "The name '" + self->host_ + "' has no address (" + error.message() + ")."));
        self->connect_to({results.begin(), results.end()});
      });
}

void ClientConnection::connect_to(std::vector<tcp::endpoint> endpoints) {
  const auto& may_be_link_local = core_.options().may_be_link_local;
  if (may_be_link_local && !may_be_link_local(host_)) {
    std::erase_if(endpoints, [](const tcp::endpoint& e) { return is_link_local(e.address()); });
    if (endpoints.empty()) {
      // Later, as every other failure comes: whoever handed the exchange over is still at work.
      return boost::asio::post(core_.io(), [self = shared_from_this()] {
        self->fail(make_error(ErrorKind::kPermissionDenied, "http.address_refused",
                              self->origin_ +
                                  " has a link-local address, where machines keep their own secrets; it "
                                  "is called only where --http-allow names the host."));
      });
    }
  }
  boost::asio::async_connect(
      transport_.socket(), endpoints,
      [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
        if (self->closed_) return;
        if (error)
          return self->fail(unavailable(
              "http.connect_failed", "Cannot connect to " + self->origin_ + " (" + error.message() + ")."));
        error_code ignored;
        self->transport_.socket().set_option(tcp::no_delay(true), ignored);
        if (self->uses_tls_) return self->handshake();
        self->ready();
      });
}

void ClientConnection::handshake() {
  transport_.use_tls(core_.tls());
  auto& tls = *transport_.tls();
  error_code numeric;
  boost::asio::ip::make_address(host_, numeric);
  if (numeric) SSL_set_tlsext_host_name(tls.native_handle(), host_.c_str());  // a name, not an address: SNI
  if (core_.options().verify_tls) tls.set_verify_callback(boost::asio::ssl::host_name_verification(host_));
  tls.async_handshake(
      boost::asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& error) {
        if (self->closed_) return;
        if (error)
          return self->fail(unavailable(
              "http.tls", "No trusted TLS connection to " + self->origin_ + " (" + error.message() + ")."));
        self->ready();
      });
}

void ClientConnection::ready() {
  connected_ = true;
  connect_timer_.cancel();
  write();
}

void ClientConnection::write() {
  const std::string& head = exchange_->head;
  const std::string& body = exchange_->body;
  exchange_->may_have_been_sent = true;
  std::array<boost::asio::const_buffer, 2> buffers;
  if (written_ < head.size()) {
    buffers[0] = {head.data() + written_, head.size() - written_};
    buffers[1] = {body.data(), body.size()};
  } else {
    buffers[0] = {body.data() + (written_ - head.size()), body.size() - (written_ - head.size())};
  }
  writing_ = true;
  // The exchange is kept as long as the operation reads from it, whether or not its caller was told its end.
  transport_.async_write_some(
      buffers, [self = shared_from_this(), exchange = exchange_](const error_code& error, size_t bytes) {
        self->writing_ = false;
        if (self->closed_ || self->exchange_ != exchange) return;
        // A failed write is no verdict: the peer may have answered already and closed. Reading tells.
        if (error) return;
        self->written_ += bytes;
        if (self->written_ < exchange->head.size() + exchange->body.size()) self->write();
      });
  read();
}

void ClientConnection::read() {
  if (reading_ || closed_) return;
  if (in_used_ == in_.size()) in_.resize(std::max(kReadBytes, 2 * in_.size()));
  reading_ = true;
  transport_.async_read_some(
      boost::asio::buffer(in_.data() + in_used_, in_.size() - in_used_),
      [self = shared_from_this()](const error_code& error, size_t bytes) { self->on_read(error, bytes); });
}

void ClientConnection::on_read(const error_code& error, size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (!exchange_) return close();  // idle: the peer leaves, or talks without being asked
  if (error) return lost(error);
  in_used_ += bytes;
  while (true) {
    size_t consumed = 0;
    const auto outcome = parser_->feed({in_.data(), in_used_}, &consumed);
    in_used_ -= consumed;
    std::memmove(in_.data(), in_.data() + consumed, in_used_);
    if (outcome == ResponseParser::Outcome::kFailed) return fail(parser_->error());
    if (!hand_on()) return;
    if (outcome == ResponseParser::Outcome::kNeedMore) break;
    if (parser_->response().status / 100 != 1) return take_response();
    if (parser_->response().status == 101)
      return fail(unavailable("http.bad_response", "The peer changed the protocol without being asked."));
    parser_.emplace(exchange_->max_response_bytes, exchange_->is_head);
    if (in_used_ == 0) break;
  }
  read();
}

bool ClientConnection::hand_on() {
  ClientResponse& response = parser_->response();
  if (!exchange_->on_body || response.body.empty() || response.status / 100 != 2) return true;
  const std::string piece = std::exchange(response.body, {});
  const auto exchange = exchange_;  // the callback may let go of everything else
  if (exchange->on_body(response, piece)) return true;
  if (exchange_ == exchange)
    fail(make_error(ErrorKind::kCancelled, "http.cancelled", "The rest of the answer is not wanted."));
  return false;
}

void ClientConnection::take_response() {
  const bool written = written_ == exchange_->head.size() + exchange_->body.size();
  const bool keep = parser_->keeps_alive() && written && !writing_ && in_used_ == 0;
  const auto exchange = std::exchange(exchange_, nullptr);
  ClientResponse response = std::move(parser_->response());
  parser_.reset();
  const auto self = shared_from_this();
  if (keep) {
    if (in_.size() > 4 * kReadBytes) in_ = {};
    idle_since_ = Clock::now();
    read();  // notices when the peer closes
    core_.give_back(self);
  } else {
    close();
  }
  core_.finish(exchange, std::move(response), reused_);
}

void ClientConnection::lost(const error_code& error) {
  const bool fresh_end = error == boost::asio::error::eof;
  if (parser_->started() && fresh_end && parser_->end_of_input() == ResponseParser::Outcome::kDone)
    return take_response();
  if (!parser_->started() && reused_ && exchange_->may_repeat && !exchange_->repeated) {
    const auto exchange = std::exchange(exchange_, nullptr);
    close();
    return core_.repeat(exchange);
  }
  if (parser_->started())
    return fail(unavailable("http.truncated",
                            origin_ + " broke off in the middle of its answer (" + error.message() + ")."));
  fail(unavailable("http.connection_lost",
                   origin_ + " closed the connection without an answer (" + error.message() + ")."));
}

void ClientConnection::fail(Error error) {
  const auto exchange = std::exchange(exchange_, nullptr);
  close();
  if (exchange) core_.finish(exchange, std::move(error), reused_);
}

void ClientConnection::abandon() {
  exchange_.reset();
  close();
}

void ClientConnection::close() {
  if (closed_) return;
  closed_ = true;
  connect_timer_.cancel();
  transport_.close();
  core_.forget(shared_from_this());
}

}  // namespace switchyard::http
