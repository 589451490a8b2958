#include "json_web_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "switchyard/base/base64.h"
#include "switchyard/gateway/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::gateway {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* what) const {
    kFree(what);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

constexpr size_t kEcCoordinateBytes = 32;  // of P-256
constexpr size_t kEd25519Bytes = 32;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Error bad_jwks(std::string why) {
  return make_error(ErrorKind::kInvalidArgument, "gateway.bad_jwks",
                    "The issuer's key set cannot be used: " + std::move(why) + ".");
}

std::string_view text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value != nullptr && value->is(Kind::kString) ? value->as_string() : std::string_view();
}

std::shared_ptr<EVP_PKEY> from_params(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  std::shared_ptr<EVP_PKEY> made(key, KeyFree{});
  const KeyContext checking(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (checking == nullptr || EVP_PKEY_public_check_quick(checking.get()) != 1) return nullptr;
  return made;
}

std::shared_ptr<EVP_PKEY> read_rsa(const Value& jwk) {
  std::string n, e;
  if (!base64url_decode(text_of(jwk, "n"), n) || !base64url_decode(text_of(jwk, "e"), e) || n.size() > 2048 ||
      e.size() > 8)
    return nullptr;
  const Number modulus(BN_bin2bn(bytes_of(n), static_cast<int>(n.size()), nullptr));
  const Number exponent(BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr));
  if (modulus == nullptr || exponent == nullptr || BN_num_bits(modulus.get()) < kMinRsaBits) return nullptr;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return from_params("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> read_ec(const Value& jwk) {
  std::string x, y;
  if (!base64url_decode(text_of(jwk, "x"), x) || !base64url_decode(text_of(jwk, "y"), y) ||
      x.size() != kEcCoordinateBytes || y.size() != kEcCoordinateBytes)
    return nullptr;
  const std::string point = "\x04" + x + y;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
          1)
    return nullptr;
  return from_params("EC", builder.get());
}

std::shared_ptr<EVP_PKEY> read_ed25519(const Value& jwk) {
  std::string x;
  if (!base64url_decode(text_of(jwk, "x"), x) || x.size() != kEd25519Bytes) return nullptr;
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()), KeyFree{}};
}

/// A key that is for something else, or broken, has no `key`.
WebKey read_key(const Value& jwk) {
  WebKey key{std::string(text_of(jwk, "kid")), TokenAlgorithm::kRs256, nullptr};
  const std::string_view type = text_of(jwk, "kty"), curve = text_of(jwk, "crv"), use = text_of(jwk, "use");
  if (!use.empty() && use != "sig") return key;
  if (type == "RSA") {
    key.key = read_rsa(jwk);
  } else if (type == "EC" && curve == "P-256") {
    key.algorithm = TokenAlgorithm::kEs256;
    key.key = read_ec(jwk);
  } else if (type == "OKP" && curve == "Ed25519") {
    key.algorithm = TokenAlgorithm::kEdDsa;
    key.key = read_ed25519(jwk);
  }
  const std::string_view algorithm = text_of(jwk, "alg");
  if (!algorithm.empty() && algorithm != token_algorithm_name(key.algorithm)) key.key = nullptr;
  return key;
}

/// The two numbers of an ECDSA signature, side by side in JWS, as DER, which OpenSSL takes.
std::string ecdsa_der(std::string_view raw) {
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(raw), kEcCoordinateBytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(raw.substr(kEcCoordinateBytes)), kEcCoordinateBytes, nullptr);
  if (signature == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  std::string text(reinterpret_cast<const char*>(der), size > 0 ? static_cast<size_t>(size) : 0);
  OPENSSL_free(der);
  return text;
}

}  // namespace

bool base64url_decode(std::string_view text, std::string& bytes) {
  std::string standard(text);
  for (char& c : standard) {
    if (c == '+' || c == '/' || c == '=') return false;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  standard.append((4 - standard.size() % 4) % 4, '=');
  return base64_decode(standard, bytes);
}

Result<WebKeySet> parse_web_keys(std::string_view json) {
  const auto document = parse_json_document(json, {.max_bytes = kMaxKeySetBytes});
  if (!document.ok()) return bad_jwks("it is no JSON (" + document.error().message + ")");
  const Value* keys = (*document)->is(Kind::kMap) ? (*document)->find("keys") : nullptr;
  if (keys == nullptr || !keys->is(Kind::kList)) return bad_jwks("it has no list 'keys'");
  if (keys->size() > kMaxTokenKeys)
    return bad_jwks("it has more than kMaxTokenKeys = " + std::to_string(kMaxTokenKeys) + " keys");
  WebKeySet set;
  for (const Value& jwk : keys->items()) {
    if (!jwk.is(Kind::kMap)) continue;
    if (WebKey key = read_key(jwk); key.key != nullptr) set.push_back(std::move(key));
  }
  if (set.empty())
    return bad_jwks("none of its keys is RSA with " + std::to_string(kMinRsaBits) +
                    " bits or more, EC on P-256 or Ed25519, for signatures");
  return set;
}

bool signature_is_valid(const WebKey& key, std::string_view signed_text, std::string_view signature) {
  std::string der;
  if (key.algorithm == TokenAlgorithm::kEs256) {
    if (signature.size() != 2 * kEcCoordinateBytes) return false;
    der = ecdsa_der(signature);
    if (der.empty()) return false;
    signature = der;
  }
  const EVP_MD* digest = key.algorithm == TokenAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(signed_text),
                          signed_text.size()) == 1;
}

}  // namespace switchyard::gateway
