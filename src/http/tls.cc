#include "tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "switchyard/base/hash.h"

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

Result<std::unique_ptr<context>> make_server_tls(const ServerOptions& options) {
  auto tls = make_context(context::tls_server);
  error_code error;
  tls->use_certificate_chain_file(options.tls_certificate_file, error);
  if (error) return bad_file(options.tls_certificate_file, error);
  tls->use_private_key_file(options.tls_key_file, context::pem, error);
  if (error) return bad_file(options.tls_key_file, error);
  if (options.tls_client_ca_file.empty()) return tls;
  tls->load_verify_file(options.tls_client_ca_file, error);
  if (error) return bad_file(options.tls_client_ca_file, error);
  // Told to clients, so that those with several certificates choose the right one.
  SSL_CTX_set_client_CA_list(tls->native_handle(),
                             SSL_load_client_CA_file(options.tls_client_ca_file.c_str()));
  auto mode = boost::asio::ssl::verify_peer;
  if (options.tls_client_required) mode |= boost::asio::ssl::verify_fail_if_no_peer_cert;
  tls->set_verify_mode(mode, error);
  // Resumed sessions keep the certificate only within a named context.
  constexpr unsigned char kContext[] = "switchyard";
  SSL_CTX_set_session_id_context(tls->native_handle(), kContext, sizeof kContext - 1);
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

void ask_for_http2(SSL* connection) {
  static constexpr unsigned char kOurs[] = "\x02h2";
  SSL_set_alpn_protos(connection, kOurs, sizeof kOurs - 1);
}

bool chose_http2(SSL* connection) {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection, &chosen, &size);
  return std::string_view(reinterpret_cast<const char*>(chosen), size) == "h2";
}

std::shared_ptr<const ClientCertificate> peer_certificate(SSL* connection) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(connection),
                                                                &X509_free);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return nullptr;
  auto facts = std::make_shared<ClientCertificate>();
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate.get()), 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  if (size > 0) facts->subject.assign(bytes, static_cast<size_t>(size));
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI) continue;
    const ASN1_IA5STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.uniformResourceIdentifier;
    std::string copy(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                     static_cast<size_t>(ASN1_STRING_length(value)));
    if (copy.find('\0') != copy.npos) continue;  // a name that says two things
    (name->type == GEN_DNS ? facts->dns_names : facts->uris).push_back(std::move(copy));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned digest_bytes = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &digest_bytes) == 1)
    facts->fingerprint = to_hex(std::span<const uint8_t>(digest.data(), digest_bytes));
  return facts;
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
