#include "tls.h"

#include <openssl/ssl.h>

namespace switchyard::http {
namespace {

using boost::asio::ssl::context;
using boost::system::error_code;

Error bad_file(const std::string& file, const error_code& error) {
  return make_error(
      ErrorKind::kInvalidArgument, "http.bad_tls_file",
      "'" + file + "' cannot be used for TLS (" + error.message() + "); give a readable PEM file.");
}

std::unique_ptr<context> make_context(context::method method) {
  auto tls = std::make_unique<context>(method);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return tls;
}

}  // namespace

Result<std::unique_ptr<context>> make_server_tls(const std::string& certificate_file,
                                                 const std::string& key_file) {
  auto tls = make_context(context::tls_server);
  error_code error;
  tls->use_certificate_chain_file(certificate_file, error);
  if (error) return bad_file(certificate_file, error);
  tls->use_private_key_file(key_file, context::pem, error);
  if (error) return bad_file(key_file, error);
  return tls;
}

void offer_http2(context& context) {
  SSL_CTX_set_alpn_select_cb(
      context.native_handle(),
      [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
         unsigned int offered_size, void*) {
        static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
        unsigned char* found = nullptr;
        const int result =
            SSL_select_next_proto(&found, size, kOurs, sizeof kOurs - 1, offered, offered_size);
        *chosen = found;
        return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
      },
      nullptr);
}

bool chose_http2(SSL* connection) {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection, &chosen, &size);
  return std::string_view(reinterpret_cast<const char*>(chosen), size) == "h2";
}

Result<std::unique_ptr<context>> make_client_tls(bool verify, const std::string& ca_file) {
  auto tls = make_context(context::tls_client);
  error_code error;
  if (!verify) {
    tls->set_verify_mode(boost::asio::ssl::verify_none, error);
    return tls;
  }
  tls->set_verify_mode(boost::asio::ssl::verify_peer, error);
  if (ca_file.empty()) {
    tls->set_default_verify_paths(error);
  } else {
    tls->load_verify_file(ca_file, error);
  }
  if (error) return bad_file(ca_file.empty() ? "the system's certificate store" : ca_file, error);
  return tls;
}

}  // namespace switchyard::http
