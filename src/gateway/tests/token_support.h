#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "switchyard/base/base64.h"

// Keys and tokens as an issuer makes them.
namespace switchyard::gateway::testing {

inline std::string base64url(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

class SigningKey {
 public:
  /// "RS256", "ES256" or "EdDSA".
  SigningKey(std::string algorithm, std::string id, int rsa_bits = 2048)
      : algorithm_(std::move(algorithm)), id_(std::move(id)) {
    EVP_PKEY* made = algorithm_ == "RS256"   ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits))
                     : algorithm_ == "ES256" ? EVP_EC_gen("P-256")
                                             : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    key_.reset(made, EVP_PKEY_free);
  }

  std::string jwk() const {
    const std::string head = "{\"kid\":\"" + id_ + "\",\"use\":\"sig\",";
    if (algorithm_ == "RS256")
      return head + "\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" + number("n") + "\",\"e\":\"" + number("e") +
             "\"}";
    if (algorithm_ == "ES256")
      return head + "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + number("qx", 32) + "\",\"y\":\"" +
             number("qy", 32) + "\"}";
    unsigned char raw[32];
    size_t size = sizeof raw;
    EVP_PKEY_get_raw_public_key(key_.get(), raw, &size);
    return head + "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" +
           base64url({reinterpret_cast<char*>(raw), size}) + "\"}";
  }

  std::string sign(const std::string& text) const {
    const EVP_MD* digest = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, digest, nullptr, key_.get());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size());
    signature.resize(size);
    EVP_MD_CTX_free(context);
    return algorithm_ == "ES256" ? side_by_side(signature) : signature;
  }

  std::string token(const std::string& claims) const {
    return token_with("{\"alg\":\"" + algorithm_ + "\",\"typ\":\"JWT\",\"kid\":\"" + id_ + "\"}", claims);
  }
  std::string token_with(const std::string& header, const std::string& claims) const {
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(sign(text));
  }

 private:
  std::string number(const char* name, int bytes = 0) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string raw(static_cast<size_t>(bytes != 0 ? bytes : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(raw.size()));
    BN_free(value);
    return base64url(raw);
  }
  static std::string side_by_side(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string raw(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32);
    ECDSA_SIG_free(signature);
    return raw;
  }

  const std::string algorithm_, id_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace switchyard::gateway::testing
