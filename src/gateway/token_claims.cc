#include "token_claims.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "json_web_key.h"
#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

Error bad_token(const std::string& why) {
  return make_error(ErrorKind::kUnauthenticated, "gateway.bad_token",
                    "The token cannot be taken: " + why + "; ask its issuer for a new one.");
}

/// A member by a dotted path; a member whose own name has dots is found first.
const Value* claim_at(const Value& claims, std::string_view path) {
  const Value* at = &claims;
  while (at->is(Kind::kMap)) {
    if (const Value* whole = at->find(path)) return whole;
    const size_t dot = path.find('.');
    if (dot == path.npos) return nullptr;
    at = at->find(path.substr(0, dot));
    if (at == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
  return nullptr;
}

/// A NumericDate (RFC 7519 section 2) in microseconds; nothing when absent, an error when it is none.
Result<std::optional<int64_t>> date_claim(const Value& claims, std::string_view name) {
  const Value* value = claims.find(name);
  if (value == nullptr) return std::optional<int64_t>();
  double seconds = NAN;
  if (value->is(Kind::kInteger)) seconds = static_cast<double>(value->as_integer());
  if (value->is(Kind::kDouble)) seconds = value->as_double();
  if (!(seconds >= 0 && seconds <= 253'402'300'799.0))
    return bad_token("'" + std::string(name) + "' is no time");
  return std::optional(static_cast<int64_t>(seconds * 1e6));
}

/// The texts of a claim: a list of them, or one with blanks between.
std::vector<std::string_view> texts_of(const Value* claim) {
  std::vector<std::string_view> texts;
  if (claim == nullptr) return texts;
  if (claim->is(Kind::kList)) {
    for (const Value& item : claim->items())
      if (item.is(Kind::kString)) texts.push_back(item.as_string());
  } else if (claim->is(Kind::kString)) {
    std::string_view rest = claim->as_string();
    while (!rest.empty()) {
      const size_t blank = rest.find(' ');
      if (blank != 0) texts.push_back(rest.substr(0, blank));
      if (blank == rest.npos) break;
      rest.remove_prefix(blank + 1);
    }
  }
  return texts;
}

bool is_for_us(const Value& claims, const std::vector<std::string>& audiences) {
  const Value* claim = claims.find("aud");
  if (claim == nullptr) return false;
  const auto wanted = [&audiences](const Value& value) {
    return value.is(Kind::kString) &&
           std::find(audiences.begin(), audiences.end(), value.as_string()) != audiences.end();
  };
  if (!claim->is(Kind::kList)) return wanted(*claim);
  return std::any_of(claim->items().begin(), claim->items().end(), wanted);
}

Status check_times(const Value& claims, int64_t now_us, int64_t* expires_us) {
  SY_ASSIGN_OR_RETURN(const auto expires, date_claim(claims, "exp"));
  SY_ASSIGN_OR_RETURN(const auto not_before, date_claim(claims, "nbf"));
  SY_ASSIGN_OR_RETURN(const auto issued, date_claim(claims, "iat"));
  if (!expires) return bad_token("it has no 'exp'");
  if (now_us >= *expires + kClockSkewUs)
    return make_error(ErrorKind::kUnauthenticated, "gateway.token_expired",
                      "The token has expired; ask its issuer for a new one.");
  for (const auto& since : {not_before, issued})
    if (since && now_us < *since - kClockSkewUs)
      return make_error(
          ErrorKind::kUnauthenticated, "gateway.token_not_yet_valid",
          "The token is valid only later; compare the clocks of this server and of the issuer.");
  *expires_us = *expires;
  return {};
}

Result<Document> json_part(std::string_view coded, const char* what) {
  std::string text;
  if (coded.empty() || !base64url_decode(coded, text))
    return bad_token(std::string(what) + " is no base64url");
  auto document = parse_json_document(text, {.max_bytes = kMaxPresentedKeyBytes, .max_depth = 16});
  if (!document.ok() || !(*document)->is(Kind::kMap))
    return bad_token(std::string(what) + " is no JSON object");
  return document;
}

}  // namespace

Result<TokenParts> read_token(std::string_view token) {
  const size_t first = token.find('.'), second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos || token.find('.', second + 1) != token.npos)
    return bad_token("it has not three parts");
  TokenParts parts;
  parts.signed_text = token.substr(0, second);
  SY_ASSIGN_OR_RETURN(const Document header, json_part(token.substr(0, first), "its header"));
  // Extensions that must be understood (RFC 7515 section 4.1.11): none is.
  if (header->find("crit") != nullptr) return bad_token("its header has extensions that are not known here");
  const Value* algorithm = header->find("alg");
  const auto known = algorithm != nullptr && algorithm->is(Kind::kString)
                         ? token_algorithm_from(algorithm->as_string())
                         : std::nullopt;
  if (!known) return bad_token("it is not signed with RS256, ES256 or EdDSA");
  parts.algorithm = *known;
  if (const Value* id = header->find("kid")) {
    if (!id->is(Kind::kString)) return bad_token("its 'kid' is no text");
    parts.key_id = id->as_string();
  }
  if (!base64url_decode(token.substr(second + 1), parts.signature) || parts.signature.empty())
    return bad_token("its signature is no base64url");
  SY_ASSIGN_OR_RETURN(parts.claims, json_part(token.substr(first + 1, second - first - 1), "its payload"));
  const Value* issuer = parts.claims->find("iss");
  if (issuer == nullptr || !issuer->is(Kind::kString)) return bad_token("it has no 'iss'");
  parts.issuer = issuer->as_string();
  return parts;
}

Result<Caller> caller_of_claims(const Value& claims, const TokenIssuer& issuer,
                                const std::shared_ptr<const KeyPolicy>& policy, int64_t now_us,
                                int64_t* expires_us) {
  SY_RETURN_IF_ERROR(check_times(claims, now_us, expires_us));
  if (!is_for_us(claims, issuer.audiences))
    return make_error(ErrorKind::kUnauthenticated, "gateway.wrong_audience",
                      "The token is not for this server; ask for one with the audience '" +
                          (issuer.audiences.empty() ? std::string() : issuer.audiences.front()) + "'.");
  const Value* subject = claims.find("sub");
  const Value* name = claim_at(claims, issuer.name_claim);
  const auto is_name = [](const Value* value) {
    return value != nullptr && value->is(Kind::kString) && !value->as_string().empty() &&
           value->as_string().size() <= kMaxKeyNameBytes &&
           std::none_of(value->as_string().begin(), value->as_string().end(),
                        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  };
  if (!is_name(subject)) return bad_token("its 'sub' is no text of 1 to 100 bytes");
  if (!is_name(name)) return bad_token("its '" + issuer.name_claim + "' is no text of 1 to 100 bytes");
  Caller caller;
  // Unlike any key's id, and of one issuer only.
  caller.key_id = "jwt:" + issuer.issuer + ":" + std::string(subject->as_string());
  caller.name = name->as_string();
  caller.permissions = permissions_of(issuer.default_roles);
  for (const std::string_view value : texts_of(claim_at(claims, issuer.roles_claim)))
    if (const auto granted = issuer.roles.find(value); granted != issuer.roles.end())
      caller.permissions |= permissions_of(granted->second);
  caller.tenant = issuer.tenant;
  if (!issuer.tenant_claim.empty()) {
    const Value* tenant = claim_at(claims, issuer.tenant_claim);
    if (tenant == nullptr || !tenant->is(Kind::kString) || !is_tenant_name(tenant->as_string()))
      return bad_token("its '" + issuer.tenant_claim + "' names no tenant");
    caller.tenant = tenant->as_string() == kDefaultTenant ? std::string_view() : tenant->as_string();
  }
  caller.policy = policy;
  return caller;
}

}  // namespace switchyard::gateway
