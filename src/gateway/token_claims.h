#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "switchyard/base/result.h"
#include "switchyard/gateway/tokens.h"
#include "switchyard/types/json.h"

namespace switchyard::gateway {

/// The parts of a token in JWS compact form, read but not verified.
struct TokenParts {
  std::string_view signed_text;  ///< of the token's text
  std::string signature;
  TokenAlgorithm algorithm = TokenAlgorithm::kRs256;
  std::string key_id;  ///< `kid`; may be empty
  Document claims;
  std::string issuer;  ///< `iss`
};
/// kUnauthenticated "gateway.bad_token". The parts point into `token`.
Result<TokenParts> read_token(std::string_view token);

/// The caller that verified claims stand for, and until when. kUnauthenticated "gateway.token_expired",
/// "gateway.token_not_yet_valid", "gateway.wrong_audience", "gateway.bad_token".
Result<Caller> caller_of_claims(const Value& claims, const TokenIssuer& issuer,
                                const std::shared_ptr<const KeyPolicy>& policy, int64_t now_us,
                                int64_t* expires_us);

}  // namespace switchyard::gateway
