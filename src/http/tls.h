#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "switchyard/base/result.h"
#include "switchyard/http/server.h"

namespace switchyard::http {

/// TLS 1.2 and later, clients' certificates as the options say. kInvalidArgument "http.bad_tls_file" when a
/// file cannot be used.
Result<std::unique_ptr<boost::asio::ssl::context>> make_server_tls(const ServerOptions& options);
/// What the peer's certificate says after a handshake; null when it showed none.
std::shared_ptr<const ClientCertificate> peer_certificate(SSL* connection);
/// Lets clients choose HTTP/2 by ALPN; the others get HTTP/1.1.
void offer_http2(boost::asio::ssl::context& context);
/// The same for a client, which speaks nothing else then.
void ask_for_http2(SSL* connection);
/// After a handshake.
bool chose_http2(SSL* connection);
/// A client's; `ca_file` empty: the system's roots.
Result<std::unique_ptr<boost::asio::ssl::context>> make_client_tls(bool verify, const std::string& ca_file);

}  // namespace switchyard::http
