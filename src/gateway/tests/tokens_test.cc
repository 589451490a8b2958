#include "switchyard/gateway/tokens.h"

#include <gtest/gtest.h>

#include "switchyard/gateway/limits.h"
#include "token_support.h"

namespace switchyard::gateway {
namespace {

using testing::SigningKey;

class SetClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return now; }
  int64_t monotonic_us() const override { return now; }
  int64_t now = 1'700'000'000'000'000;
};

constexpr const char* kIssuer = "https://login.example.org/";

class Tokens : public ::testing::Test {
 protected:
  Tokens() {
    issuer_.issuer = kIssuer;
    issuer_.audiences = {"switchyard", "other"};
    issuer_.roles = {{"ops", {Role::kOperator}}, {"dev", {Role::kDeveloper}}};
  }
  void make() {
    TokenVerifier::Options options;
    options.issuers = {issuer_};
    options.clock = &clock_;
    options.fetch = [this](const std::string& url, auto done) {
      ++fetches_[url];
      if (hold_) return held_.push_back([this, url, done] { done(answer(url)); });
      done(answer(url));
    };
    verifier_ = TokenVerifier::make(std::move(options)).value();
  }
  Result<std::string> answer(const std::string& url) {
    if (down_) return make_error(ErrorKind::kUnavailable, "http.connect_failed", "down");
    if (url == "https://login.example.org/.well-known/openid-configuration")
      return std::string("{\"issuer\":\"") + kIssuer + "\",\"jwks_uri\":\"https://login.example.org/keys\"}";
    if (url != "https://login.example.org/keys") return make_error(ErrorKind::kNotFound, "x", url);
    std::string set = "{\"keys\":[";
    for (const SigningKey* key : published_) set += (set.back() == '[' ? "" : ",") + key->jwk();
    return set + "]}";
  }
  std::string claims(const std::string& more = {}, int64_t expires_in_s = 600) const {
    return "{\"iss\":\"" + std::string(kIssuer) + "\",\"sub\":\"ann\",\"aud\":\"switchyard\",\"exp\":" +
           std::to_string(clock_.now / 1'000'000 + expires_in_s) + more + "}";
  }
  /// As the door asks: now, else later.
  Result<Caller> verify(const std::string& token) {
    if (auto now = verifier_->verify(token)) return *now;
    std::optional<Result<Caller>> later;
    verifier_->verify_later(token, [&later](Result<Caller> caller) { later = std::move(caller); });
    return later ? *later : make_error(ErrorKind::kInternal, "test.waits", "waits");
  }
  std::string code(const std::string& token) {
    const auto caller = verify(token);
    return caller.ok() ? "" : caller.error().code;
  }

  SetClock clock_;
  TokenIssuer issuer_;
  SigningKey rsa_{"RS256", "r1"}, ec_{"ES256", "e1"}, ed_{"EdDSA", "d1"};
  std::vector<const SigningKey*> published_ = {&rsa_, &ec_, &ed_};
  std::map<std::string, int> fetches_;
  std::vector<std::function<void()>> held_;
  bool down_ = false, hold_ = false;
  std::unique_ptr<TokenVerifier> verifier_;
};

TEST_F(Tokens, AreTakenFromTheirIssuerInEachAlgorithm) {
  issuer_.tenant_claim = "org.name";
  make();
  for (const SigningKey* key : published_) {
    const auto caller =
        verify(key->token(claims(",\"roles\":[\"ops\",\"unknown\"],\"org\":{\"name\":\"acme\"}")));
    ASSERT_TRUE(caller.ok()) << caller.error().to_string();
    EXPECT_EQ(caller->name, "ann");
    EXPECT_EQ(caller->key_id, std::string("jwt:") + kIssuer + ":ann");
    EXPECT_EQ(caller->tenant, "acme");
    EXPECT_TRUE(caller->may(Permission::kSwitchesWrite));
    EXPECT_FALSE(caller->may(Permission::kDeploymentsWrite));
  }
  EXPECT_EQ(fetches_["https://login.example.org/keys"], 1);
}

TEST_F(Tokens, AreNeverTakenUnsignedOrWithAKeyedHash) {
  make();
  const std::string good = rsa_.token(claims());
  ASSERT_EQ(code(good), "");
  const std::string payload = testing::base64url(claims());
  for (const char* algorithm : {"none", "None", "NONE", "HS256", "HS512", "RS512", "PS256", ""}) {
    const std::string header =
        testing::base64url("{\"alg\":\"" + std::string(algorithm) + "\",\"kid\":\"r1\"}");
    EXPECT_EQ(code(header + "." + payload + "."), "gateway.bad_token") << algorithm;
    EXPECT_EQ(code(header + "." + payload + ".AAAA"), "gateway.bad_token") << algorithm;
  }
}

TEST_F(Tokens, AreRefusedWhenOneBitOfThemChanged) {
  make();
  for (const SigningKey* key : published_) {
    const std::string good = key->token(claims());
    const size_t dot = good.rfind('.');
    for (size_t i = 5; i < good.size(); i += 41) {
      if (good[i] == '.') continue;
      std::string bad = good;
      bad[i] = bad[i] == 'A' ? 'B' : 'A';
      if (bad.substr(0, dot) == good.substr(0, dot) && i == good.size() - 1) continue;  // unused bits
      EXPECT_NE(code(bad), "") << i;
    }
  }
  // A key of another algorithm under the same id.
  EXPECT_NE(code(ec_.token_with("{\"alg\":\"RS256\",\"kid\":\"r1\"}", claims())), "");
}

TEST_F(Tokens, AreTakenOnlyWhileTheyAreValid) {
  make();
  EXPECT_EQ(code(rsa_.token(claims("", -59))), "");  // within the skew
  EXPECT_EQ(code(rsa_.token(claims("", -61))), "gateway.token_expired");
  const auto at = [this](int64_t s) { return std::to_string(clock_.now / 1'000'000 + s); };
  EXPECT_EQ(code(rsa_.token(claims(",\"nbf\":" + at(59)))), "");
  EXPECT_EQ(code(rsa_.token(claims(",\"nbf\":" + at(62)))), "gateway.token_not_yet_valid");
  EXPECT_EQ(code(rsa_.token(claims(",\"iat\":" + at(62)))), "gateway.token_not_yet_valid");
  EXPECT_EQ(code(rsa_.token(claims(",\"nbf\":\"soon\""))), "gateway.bad_token");
  EXPECT_EQ(
      code(rsa_.token("{\"iss\":\"" + std::string(kIssuer) + "\",\"sub\":\"a\",\"aud\":\"switchyard\"}")),
      "gateway.bad_token");  // no exp
  const std::string short_lived = rsa_.token(claims("", 10));
  EXPECT_EQ(code(short_lived), "");
  clock_.now += 71'000'000;  // what was remembered ends with it
  EXPECT_EQ(code(short_lived), "gateway.token_expired");
}

TEST_F(Tokens, GiveTheirSubjectsTheBudgetOfTheirIssuer) {
  issuer_.policy.budget = {5'000'000, 0};
  make();
  EXPECT_FALSE(verifier_->budget_of("ann").has_value()) << "nobody has come yet";
  EXPECT_EQ(code(rsa_.token(claims("", -61))), "gateway.token_expired");
  EXPECT_FALSE(verifier_->budget_of("ann").has_value());
  EXPECT_EQ(code(rsa_.token(claims())), "");
  EXPECT_EQ(verifier_->budget_of("ann"), issuer_.policy.budget);
  EXPECT_FALSE(verifier_->budget_of("ben").has_value());
}

TEST_F(Tokens, AreTakenOnlyForThisServerAndFromKnownIssuers) {
  make();
  const auto token = [this](const std::string& issuer, const std::string& audience) {
    return rsa_.token("{\"iss\":\"" + issuer + "\",\"sub\":\"a\",\"exp\":9999999999,\"aud\":" + audience +
                      "}");
  };
  EXPECT_EQ(code(token(kIssuer, "[\"x\",\"other\"]")), "");
  EXPECT_EQ(code(token(kIssuer, "[\"x\"]")), "gateway.wrong_audience");
  EXPECT_EQ(code(token(kIssuer, "\"switchyard2\"")), "gateway.wrong_audience");
  EXPECT_EQ(code(token(kIssuer, "7")), "gateway.wrong_audience");
  EXPECT_EQ(code(token("https://login.example.org", "\"switchyard\"")), "gateway.unknown_issuer");
  EXPECT_EQ(code(token("https://evil.example", "\"switchyard\"")), "gateway.unknown_issuer");
}

TEST_F(Tokens, AreRefusedWhenMalformed) {
  make();
  for (const std::string& bad :
       {std::string("a.b"), std::string("a.b.c"), std::string(".."), rsa_.token("[]"),
        rsa_.token("{\"sub\":1}"), rsa_.token(claims(",\"sub\":\"twice\"")),
        rsa_.token_with("{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", claims()),
        rsa_.token_with("{\"alg\":\"RS256\",\"kid\":7}", claims()), rsa_.token(claims()) + "=",
        rsa_.token(claims()) + ".x"})
    EXPECT_EQ(code(bad), "gateway.bad_token") << bad;
  issuer_.tenant_claim = "org";
  make();
  EXPECT_EQ(code(rsa_.token(claims(",\"org\":\"Not A Tenant\""))), "gateway.bad_token");
  EXPECT_EQ(code(rsa_.token(claims())), "gateway.bad_token");
}

TEST_F(Tokens, AreTakenWithANewKeyAfterOneFetchAndNoMoreThanTheFloorAllows) {
  make();
  EXPECT_EQ(code(rsa_.token(claims())), "");
  const SigningKey rotated("ES256", "e2");
  EXPECT_EQ(code(rotated.token(claims())), "gateway.unknown_token_key");  // a fetch was a moment ago
  published_.push_back(&rotated);
  clock_.now += kKeyFetchFloorUs;
  EXPECT_EQ(code(rotated.token(claims())), "");
  EXPECT_EQ(fetches_["https://login.example.org/keys"], 2);
  clock_.now += kKeyFetchFloorUs;
  const SigningKey forged("ES256", "e3");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(code(forged.token(claims(",\"n\":" + std::to_string(i)))), "gateway.unknown_token_key");
  EXPECT_EQ(fetches_["https://login.example.org/keys"], 3);  // whatever is sent
}

TEST_F(Tokens, AreStillTakenWhileTheIssuerIsDown) {
  make();
  EXPECT_EQ(code(rsa_.token(claims())), "");
  down_ = true;
  clock_.now += kKeyMaxAgeUs + 1;
  EXPECT_EQ(code(ec_.token(claims())), "");  // old keys serve
  const SigningKey unknown("ES256", "e9");
  clock_.now += kKeyFetchFloorUs;
  EXPECT_EQ(code(unknown.token(claims())), "gateway.unknown_token_key");
}

TEST_F(Tokens, WaitForKeysThatNeverCameAndSaySoInTheEnd) {
  down_ = true;
  make();
  const auto caller = verify(rsa_.token(claims()));
  ASSERT_FALSE(caller.ok());
  EXPECT_EQ(caller.error().code, "gateway.issuer_unreachable");
  EXPECT_EQ(caller.error().kind, ErrorKind::kUnavailable);
  down_ = false;
  clock_.now += kKeyFetchFloorUs;
  EXPECT_EQ(code(rsa_.token(claims())), "");
}

TEST_F(Tokens, WaitTogetherForOneFetchAndNoMoreThanTheirBound) {
  hold_ = true;
  make();
  int done = 0, busy = 0;
  for (size_t i = 0; i < kMaxWaitingTokens + 5; ++i) {
    const std::string token = ed_.token(claims(",\"n\":" + std::to_string(i)));
    ASSERT_FALSE(verifier_->verify(token));
    verifier_->verify_later(token, [&](const Result<Caller>& caller) {
      ++done;
      busy += !caller.ok() && caller.error().code == "gateway.issuer_busy";
    });
  }
  EXPECT_EQ(done, 5);
  EXPECT_EQ(busy, 5);
  ASSERT_EQ(held_.size(), 1u);
  hold_ = false;
  held_[0]();  // discovery, then the keys
  EXPECT_EQ(done, static_cast<int>(kMaxWaitingTokens) + 5);
  EXPECT_EQ(busy, 5);
}

TEST_F(Tokens, AreNotVerifiedTwice) {
  make();
  const std::string token = rsa_.token(claims(",\"roles\":\"ops dev\""));
  EXPECT_TRUE(verify(token)->may(Permission::kSwitchesWrite));
  published_ = {&ed_};  // the key is withdrawn
  clock_.now += kTokenCacheUs - 1;
  const auto again = verify(token);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->may(Permission::kSwitchesWrite));
  EXPECT_TRUE(again->may(Permission::kDeploymentsWrite));
}

TEST_F(Tokens, TakeNoWeakOrForeignKeys) {
  const SigningKey weak("RS256", "w1", 1024);
  published_ = {&weak, &ed_};
  make();
  EXPECT_EQ(code(weak.token(claims())), "gateway.unknown_token_key");
  EXPECT_EQ(code(ed_.token(claims())), "");
  issuer_.algorithms = {TokenAlgorithm::kEs256};
  make();
  EXPECT_EQ(code(ed_.token(claims())), "gateway.bad_token");
}

TEST(TokenForm, TellsTokensFromKeys) {
  EXPECT_TRUE(TokenVerifier::is_token("a.b.c"));
  EXPECT_FALSE(TokenVerifier::is_token("sy_abc_def"));
  EXPECT_FALSE(TokenVerifier::is_token("a.b"));
  EXPECT_FALSE(TokenVerifier::is_token(""));
}

}  // namespace
}  // namespace switchyard::gateway
