#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

#include "switchyard/base/result.h"
#include "switchyard/gateway/tokens.h"

namespace switchyard::gateway {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

/// A public key of an issuer.
struct WebKey {
  std::string id;  ///< `kid`; may be empty
  TokenAlgorithm algorithm;
  std::shared_ptr<EVP_PKEY> key;  // shared by the sets that are read one after the other
};
using WebKeySet = std::vector<WebKey>;

/// Reads a JWK set (RFC 7517): RSA of at least kMinRsaBits, EC on P-256, OKP on Ed25519, for signatures. Keys
/// of other kinds are left out, as the specification asks. kInvalidArgument "gateway.bad_jwks" for what is no
/// set, has no usable key or too many.
Result<WebKeySet> parse_web_keys(std::string_view json);

/// base64url without padding (RFC 4648 section 5); false when `text` is not that.
bool base64url_decode(std::string_view text, std::string& bytes);

/// Whether `signature` (as JWS has it) of `signed_text` is by the key.
bool signature_is_valid(const WebKey& key, std::string_view signed_text, std::string_view signature);

}  // namespace switchyard::gateway
