#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/gateway/keys.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::gateway {

enum class TokenAlgorithm : uint8_t { kRs256, kEs256, kEdDsa };
/// "RS256", "ES256", "EdDSA".
std::string_view token_algorithm_name(TokenAlgorithm algorithm);
std::optional<TokenAlgorithm> token_algorithm_from(std::string_view name);

/// Who may sign tokens, and what their claims mean here.
struct TokenIssuer {
  std::string issuer;                  ///< the claim `iss`, exactly
  std::string jwks_url;                ///< where its keys are; empty: found by OpenID Connect discovery
  std::string jwks_file;               ///< or a file with them; read at the start and when a key is missing
  std::vector<std::string> audiences;  ///< one of them must be in `aud`
  std::vector<TokenAlgorithm> algorithms = {TokenAlgorithm::kRs256, TokenAlgorithm::kEs256,
                                            TokenAlgorithm::kEdDsa};
  std::string roles_claim = "roles";  ///< dotted: "realm_access.roles"; a list of texts or one with blanks
  std::map<std::string, std::vector<Role>, std::less<>> roles;  ///< what a value of it grants
  std::vector<Role> default_roles;                              ///< of every token of this issuer
  std::string tenant_claim;                                     ///< dotted; empty: `tenant` for all
  std::string tenant;                                           ///< empty: the default one
  std::string name_claim = "sub";
  KeyPolicy policy;  ///< of each subject
};

/// Verifies JSON Web Tokens (RFC 7519) in JWS compact form, signed with RS256, ES256 or EdDSA (Ed25519) by a
/// configured issuer. `none` and keyed hashes are never accepted. What was verified is remembered until it
/// expires, at most kTokenCacheUs. Keys (RFC 7517) are fetched when an unknown `kid` comes, not more often
/// than every kKeyFetchFloorUs, and again when older than kKeyMaxAgeUs; while the issuer is down the old ones
/// stay. Thread-safe.
class TokenVerifier {
 public:
  /// Reads an URL; calls back once, on any thread, perhaps at once.
  using Fetch = std::function<void(const std::string& url, std::function<void(Result<std::string>)> done)>;
  struct Options {
    std::vector<TokenIssuer> issuers;
    Fetch fetch;
    const runtime::Clock* clock = nullptr;
    telemetry::Logger logger;
  };

  /// kInvalidArgument "gateway.bad_jwks" for a key file that cannot be used.
  static Result<std::unique_ptr<TokenVerifier>> make(Options options);
  ~TokenVerifier();

  /// Whether the text has the form of a token, so that it is not taken for an API key.
  static bool is_token(std::string_view text);

  /// The caller, or why not: kUnauthenticated "gateway.bad_token", "gateway.token_expired",
  /// "gateway.token_not_yet_valid", "gateway.wrong_audience", "gateway.unknown_issuer",
  /// "gateway.unknown_token_key"; kUnavailable "gateway.issuer_unreachable" when its keys never came.
  /// Nothing: keys must be fetched first; ask verify_later().
  std::optional<Result<Caller>> verify(std::string_view token);
  /// The same once the keys are there, or known not to be: calls back once, on any thread. kUnavailable
  /// "gateway.issuer_busy" when kMaxWaitingTokens wait already.
  void verify_later(std::string token, std::function<void(Result<Caller>)> done);

  /// What the subject that goes by this name may spend, as far as it has come in since the start: of several
  /// issuers' the tightest. The last kMaxTokenBudgets are known. Nothing: no limit.
  std::optional<Budget> budget_of(std::string_view name) const;

 private:
  struct Impl;
  explicit TokenVerifier(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with fetches under way
};

}  // namespace switchyard::gateway
