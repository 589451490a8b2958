#include "switchyard/gateway/tokens.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>

#include "json_web_key.h"
#include "switchyard/base/hash.h"
#include "switchyard/gateway/limits.h"
#include "switchyard/runtime/disk.h"
#include "token_claims.h"

namespace switchyard::gateway {
namespace {

constexpr std::array<std::string_view, 3> kAlgorithmNames = {"RS256", "ES256", "EdDSA"};
constexpr size_t kCacheShards = 16;

struct DigestHash {
  size_t operator()(const Sha256& digest) const {
    return hash64({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
};

/// Callers of tokens that were verified, by the tokens' hashes.
class TokenCache {
 public:
  std::optional<Caller> find(const Sha256& digest, int64_t now_us) {
    Shard& shard = shard_of(digest);
    std::lock_guard lock(shard.mutex);
    const auto found = shard.callers.find(digest);
    if (found == shard.callers.end()) return std::nullopt;
    if (now_us < found->second.until_us) return found->second.caller;
    shard.callers.erase(found);
    return std::nullopt;
  }
  void put(const Sha256& digest, const Caller& caller, int64_t until_us, int64_t now_us) {
    constexpr size_t kRoom = kMaxCachedTokens / kCacheShards;
    Shard& shard = shard_of(digest);
    std::lock_guard lock(shard.mutex);
    if (shard.callers.size() >= kRoom) {
      std::erase_if(shard.callers, [now_us](const auto& entry) { return entry.second.until_us <= now_us; });
      if (shard.callers.size() >= kRoom) shard.callers.clear();  // they are verified once more
    }
    shard.callers.insert_or_assign(digest, Entry{caller, until_us});
  }
  void clear() {
    for (Shard& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      shard.callers.clear();
    }
  }

 private:
  struct Entry {
    Caller caller;
    int64_t until_us;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<Sha256, Entry, DigestHash> callers;  // guarded by mutex
  };
  Shard& shard_of(const Sha256& digest) { return shards_[digest[0] % kCacheShards]; }
  std::array<Shard, kCacheShards> shards_;
};

/// An issuer with its keys.
struct IssuerState {
  TokenIssuer facts;
  std::shared_ptr<const KeyPolicy> policy;  // shared by its callers

  std::mutex mutex;
  WebKeySet keys;                              // guarded by mutex
  std::string jwks_url;                        // guarded by mutex; found or configured
  int64_t fetched_us = 0;                      // guarded by mutex; monotonic, of the keys; 0: never
  int64_t next_fetch_us = 0;                   // guarded by mutex; monotonic
  bool fetching = false;                       // guarded by mutex
  std::vector<std::function<void()>> waiting;  // guarded by mutex
};

/// The issuer's document for OpenID Connect Discovery 1.0, section 4.
std::string discovery_url(std::string issuer) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer + "/.well-known/openid-configuration";
}

Result<std::string> jwks_url_in(const std::string& discovery, const std::string& issuer) {
  const auto bad = [](const char* why) {
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_discovery",
                      std::string("The issuer's OpenID configuration cannot be used: ") + why + ".");
  };
  const auto document = parse_json_document(discovery, {.max_bytes = kMaxKeySetBytes});
  if (!document.ok() || !(*document)->is(Kind::kMap)) return bad("it is no JSON object");
  const Value* named = (*document)->find("issuer");
  if (named == nullptr || !named->is(Kind::kString) || named->as_string() != issuer)
    return bad("it is another issuer's");
  const Value* url = (*document)->find("jwks_uri");
  if (url == nullptr || !url->is(Kind::kString)) return bad("it names no jwks_uri");
  return std::string(url->as_string());
}

}  // namespace

std::string_view token_algorithm_name(TokenAlgorithm algorithm) {
  return kAlgorithmNames[static_cast<size_t>(algorithm)];
}

std::optional<TokenAlgorithm> token_algorithm_from(std::string_view name) {
  const auto found = std::find(kAlgorithmNames.begin(), kAlgorithmNames.end(), name);
  if (found == kAlgorithmNames.end()) return std::nullopt;
  return static_cast<TokenAlgorithm>(found - kAlgorithmNames.begin());
}

struct TokenVerifier::Impl : std::enable_shared_from_this<TokenVerifier::Impl> {
  explicit Impl(Options given) : options(std::move(given)) {}
  const Options options;
  std::vector<std::unique_ptr<IssuerState>> issuers;
  TokenCache cache;
  mutable std::mutex budgets_mutex;
  std::unordered_map<std::string, Budget> budgets;  // guarded by budgets_mutex; of subjects, by name

  IssuerState* issuer_of(std::string_view name) {
    for (const auto& each : issuers)
      if (each->facts.issuer == name) return each.get();
    return nullptr;
  }
  std::optional<Result<Caller>> verify(std::string_view token, bool may_wait);
  void remember_budget(const std::string& name, const Budget& budget);
  /// Begins a fetch unless one is under way or was a moment ago. Requires the issuer's lock; gives it up.
  void fetch(IssuerState& issuer, std::unique_lock<std::mutex> lock);
  void fetch_keys(IssuerState& issuer, const std::string& url);
  void fetched(IssuerState& issuer, Result<WebKeySet> keys);
};

/// Keys of the issuer that may have made the signature. Requires the issuer's lock.
static std::vector<WebKey> candidates(const IssuerState& issuer, const TokenParts& parts) {
  std::vector<WebKey> fitting;
  for (const WebKey& key : issuer.keys)
    if (key.algorithm == parts.algorithm && (parts.key_id.empty() || key.id == parts.key_id))
      fitting.push_back(key);
  return fitting;
}

std::optional<Result<Caller>> TokenVerifier::Impl::verify(std::string_view token, bool may_wait) {
  const int64_t now_us = options.clock->now_us();
  const Sha256 digest = sha256(token);
  if (auto known = cache.find(digest, now_us)) return std::move(*known);
  const auto parts = read_token(token);
  if (!parts.ok()) return parts.error();
  IssuerState* issuer = issuer_of(parts->issuer);
  if (issuer == nullptr)
    return make_error(ErrorKind::kUnauthenticated, "gateway.unknown_issuer",
                      "Tokens of the issuer '" + parts->issuer.substr(0, 200) + "' are not taken here.");
  const auto& allowed = issuer->facts.algorithms;
  if (std::find(allowed.begin(), allowed.end(), parts->algorithm) == allowed.end())
    return make_error(ErrorKind::kUnauthenticated, "gateway.bad_token",
                      "The token is signed with " + std::string(token_algorithm_name(parts->algorithm)) +
                          ", which its issuer is not configured for.");
  std::vector<WebKey> keys;
  {
    std::unique_lock lock(issuer->mutex);
    keys = candidates(*issuer, *parts);
    const int64_t mono_us = options.clock->monotonic_us();
    const bool may_fetch = issuer->fetching || mono_us >= issuer->next_fetch_us;
    const bool never_came = issuer->keys.empty();
    if (keys.empty() && may_fetch && may_wait) return std::nullopt;
    if (keys.empty() && never_came)
      return make_error(
          ErrorKind::kUnavailable, "gateway.issuer_unreachable",
          "The keys of the issuer '" + issuer->facts.issuer + "' could not be fetched; try again shortly.");
    // Old ones serve while new ones come.
    const bool old = issuer->fetched_us != 0 && mono_us - issuer->fetched_us >= kKeyMaxAgeUs;
    if (old && may_fetch && !issuer->fetching) fetch(*issuer, std::move(lock));
  }
  if (keys.empty())
    return make_error(ErrorKind::kUnauthenticated, "gateway.unknown_token_key",
                      "The token is signed with the key '" + parts->key_id.substr(0, 80) +
                          "', which is none of its issuer's; ask for a new one.");
  const bool good = std::any_of(keys.begin(), keys.end(), [&](const WebKey& key) {
    return signature_is_valid(key, parts->signed_text, parts->signature);
  });
  if (!good)
    return make_error(ErrorKind::kUnauthenticated, "gateway.bad_token",
                      "The token's signature is wrong; ask its issuer for a new one.");
  int64_t expires_us = 0;
  auto caller = caller_of_claims(parts->claims.root(), issuer->facts, issuer->policy, now_us, &expires_us);
  if (!caller.ok()) return caller;
  remember_budget(caller->name, issuer->facts.policy.budget);
  cache.put(digest, *caller, std::min(expires_us + kClockSkewUs, now_us + kTokenCacheUs), now_us);
  return caller;
}

void TokenVerifier::Impl::remember_budget(const std::string& name, const Budget& budget) {
  if (budget == Budget{}) return;
  const std::lock_guard lock(budgets_mutex);
  if (budgets.size() >= kMaxTokenBudgets && !budgets.contains(name)) {
    budgets.clear();
    cache.clear();  // who still comes is verified, and remembered, once more
  }
  Budget& own = budgets[name];
  own = tighter(own, budget);
}

void TokenVerifier::Impl::fetch(IssuerState& issuer, std::unique_lock<std::mutex> lock) {
  if (issuer.fetching) return;
  issuer.fetching = true;
  issuer.next_fetch_us = options.clock->monotonic_us() + kKeyFetchFloorUs;
  const std::string url = issuer.jwks_url;
  lock.unlock();
  if (!issuer.facts.jwks_file.empty()) {
    auto text = runtime::read_file(runtime::posix_disk(), issuer.facts.jwks_file, kMaxKeySetBytes);
    return fetched(issuer, text.ok() ? parse_web_keys(*text) : Result<WebKeySet>(text.error()));
  }
  if (!url.empty()) return fetch_keys(issuer, url);
  options.fetch(discovery_url(issuer.facts.issuer),
                [self = shared_from_this(), &issuer](const Result<std::string>& text) {
                  if (!text.ok()) return self->fetched(issuer, text.error());
                  auto found = jwks_url_in(*text, issuer.facts.issuer);
                  if (!found.ok()) return self->fetched(issuer, found.error());
                  {
                    std::lock_guard again(issuer.mutex);
                    issuer.jwks_url = *found;
                  }
                  self->fetch_keys(issuer, *found);
                });
}

void TokenVerifier::Impl::fetch_keys(IssuerState& issuer, const std::string& url) {
  options.fetch(url, [self = shared_from_this(), &issuer](const Result<std::string>& text) {
    self->fetched(issuer, text.ok() ? parse_web_keys(*text) : Result<WebKeySet>(text.error()));
  });
}

void TokenVerifier::Impl::fetched(IssuerState& issuer, Result<WebKeySet> keys) {
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(issuer.mutex);
    issuer.fetching = false;
    if (keys.ok()) {
      issuer.keys = std::move(*keys);
      issuer.fetched_us = std::max<int64_t>(1, options.clock->monotonic_us());
    } else if (issuer.facts.jwks_url.empty()) {
      issuer.jwks_url.clear();  // it may have moved: discovered anew
    }
    waiting.swap(issuer.waiting);
  }
  if (!keys.ok())
    options.logger.warn("the keys of a token issuer cannot be fetched; those known before stay valid",
                        {{"issuer", issuer.facts.issuer}, {"error", keys.error()}});
  for (const auto& go_on : waiting) go_on();
}

TokenVerifier::TokenVerifier(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenVerifier::~TokenVerifier() = default;

Result<std::unique_ptr<TokenVerifier>> TokenVerifier::make(Options options) {
  auto impl = std::make_shared<Impl>(std::move(options));
  for (const TokenIssuer& facts : impl->options.issuers) {
    auto issuer = std::make_unique<IssuerState>();
    issuer->facts = facts;
    issuer->jwks_url = facts.jwks_url;
    if (facts.policy != KeyPolicy{}) issuer->policy = std::make_shared<const KeyPolicy>(facts.policy);
    if (!facts.jwks_file.empty()) {
      SY_ASSIGN_OR_RETURN(const std::string text,
                          runtime::read_file(runtime::posix_disk(), facts.jwks_file, kMaxKeySetBytes));
      SY_ASSIGN_OR_RETURN(issuer->keys, parse_web_keys(text));
      issuer->fetched_us = std::max<int64_t>(1, impl->options.clock->monotonic_us());
    }
    impl->issuers.push_back(std::move(issuer));
  }
  return std::unique_ptr<TokenVerifier>(new TokenVerifier(std::move(impl)));
}

std::optional<Budget> TokenVerifier::budget_of(std::string_view name) const {
  const std::lock_guard lock(impl_->budgets_mutex);
  const auto found = impl_->budgets.find(std::string(name));
  return found == impl_->budgets.end() ? std::nullopt : std::optional(found->second);
}

bool TokenVerifier::is_token(std::string_view text) {
  return !text.starts_with("sy_") && std::count(text.begin(), text.end(), '.') == 2;
}

std::optional<Result<Caller>> TokenVerifier::verify(std::string_view token) {
  return impl_->verify(token, true);
}

void TokenVerifier::verify_later(std::string token, std::function<void(Result<Caller>)> done) {
  const auto parts = read_token(token);
  IssuerState* issuer = parts.ok() ? impl_->issuer_of(parts->issuer) : nullptr;
  auto finish = [impl = impl_.get(), token, done] { done(*impl->verify(token, false)); };
  if (issuer == nullptr) return finish();
  std::unique_lock lock(issuer->mutex);
  if (!issuer->fetching && impl_->options.clock->monotonic_us() < issuer->next_fetch_us) {
    lock.unlock();  // a fetch has ended meanwhile
    return finish();
  }
  if (issuer->waiting.size() >= kMaxWaitingTokens) {
    lock.unlock();
    return done(make_error(ErrorKind::kUnavailable, "gateway.issuer_busy",
                           "kMaxWaitingTokens = " + std::to_string(kMaxWaitingTokens) +
                               " requests wait for the issuer's keys already; try again shortly."));
  }
  issuer->waiting.push_back(std::move(finish));
  impl_->fetch(*issuer, std::move(lock));
}

}  // namespace switchyard::gateway
