#include "client_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include "client_http1.h"
#include "client_http2.h"
#include "tls.h"

namespace switchyard::http {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

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
      origin_(url.origin()),
      transport_(tcp::socket(core.io())),
      host_(url.host),
      port_(url.port),
      uses_tls_(url.tls),
      http2_(url.http2),
      connect_timer_(core.io()) {}

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
        self->begin();
      });
}

void ClientConnection::handshake() {
  transport_.use_tls(core_.tls());
  auto& tls = *transport_.tls();
  error_code numeric;
  boost::asio::ip::make_address(host_, numeric);
  if (http2_) ask_for_http2(tls.native_handle());
  if (numeric) SSL_set_tlsext_host_name(tls.native_handle(), host_.c_str());  // a name, not an address: SNI
  if (core_.options().verify_tls) tls.set_verify_callback(boost::asio::ssl::host_name_verification(host_));
  tls.async_handshake(
      boost::asio::ssl::stream_base::client, [self = shared_from_this()](const error_code& error) {
        if (self->closed_) return;
        if (error)
          return self->fail(unavailable(
              "http.tls", "No trusted TLS connection to " + self->origin_ + " (" + error.message() + ")."));
        if (self->http2_ && !chose_http2(self->transport_.tls()->native_handle()))
          return self->fail(unavailable("http.tls", self->origin_ + " does not speak HTTP/2 over TLS."));
        self->begin();
      });
}

void ClientConnection::begin() {
  connected_ = true;
  connect_timer_.cancel();
  ready();
}

void ClientConnection::close() {
  if (closed_) return;
  closed_ = true;
  connect_timer_.cancel();
  transport_.close();
  core_.forget(shared_from_this());
}

std::shared_ptr<ClientConnection> make_client_connection(ClientCore& core, const Url& url) {
  if (url.http2) return std::make_shared<Http2ClientConnection>(core, url);
  return std::make_shared<Http1ClientConnection>(core, url);
}

}  // namespace switchyard::http
