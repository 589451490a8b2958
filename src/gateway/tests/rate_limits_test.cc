#include "switchyard/gateway/rate_limits.h"

#include <gtest/gtest.h>

#include <thread>

#include "switchyard/gateway/limits.h"

namespace switchyard::gateway {
namespace {

class SetClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return now; }
  int64_t monotonic_us() const override { return now; }
  int64_t now = 1'000'000'000;
};

class RateLimiting : public ::testing::Test {
 protected:
  static LimitSubject key(uint32_t requests, uint64_t tokens = 0, uint32_t concurrent = 0,
                          std::string name = "k") {
    return {LimitScope::kKey, std::move(name), {requests, tokens, concurrent}};
  }
  /// Whether a request that ends at once comes in.
  bool comes_in(std::vector<LimitSubject> subjects) {
    Status refused;
    const auto allowance = limiter_.admit(std::move(subjects), &refused);
    retry_after_us_ = allowance->retry_after_us();
    code_ = refused.ok() ? "" : refused.error().code;
    return refused.ok();
  }
  SetClock clock_;
  RateLimiter limiter_{clock_};
  int64_t retry_after_us_ = 0;
  std::string code_;
};

TEST_F(RateLimiting, LetInAMinutesWorthAtOnceAndThenWhatTheRateAllows) {
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(comes_in({key(60)})) << i;
  EXPECT_FALSE(comes_in({key(60)}));
  EXPECT_EQ(code_, "gateway.rate_limited");
  EXPECT_EQ(retry_after_us_, 1'000'000);
  clock_.now += 999'999;
  EXPECT_FALSE(comes_in({key(60)}));
  EXPECT_EQ(retry_after_us_, 1);
  clock_.now += 1;
  EXPECT_TRUE(comes_in({key(60)}));
  EXPECT_FALSE(comes_in({key(60)}));
}

TEST_F(RateLimiting, LetInNoMoreOverAnyLongTimeThanTheRateAndOneMinutesWorth) {
  int let_in = 0;
  for (int ms = 0; ms < 600'000; ms += 7, clock_.now += 7'000) let_in += comes_in({key(100)});
  EXPECT_GE(let_in, 1000 + 99);
  EXPECT_LE(let_in, 1000 + 100);
}

TEST_F(RateLimiting, CountEachSubjectApartAndTakeOfAllOrOfNone) {
  const LimitSubject tenant{LimitScope::kTenant, "k", {2, 0, 0}};  // the same name, another scope
  EXPECT_TRUE(comes_in({key(10), tenant}));
  EXPECT_TRUE(comes_in({key(10), tenant}));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(comes_in({key(10), tenant}));
  // The refused ones took nothing of the key.
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(comes_in({key(10)})) << i;
  EXPECT_FALSE(comes_in({key(10)}));
  EXPECT_TRUE(comes_in({key(10, 0, 0, "other")}));
}

TEST_F(RateLimiting, BoundWhatIsOpenAtOnceAndGiveThePlaceBackAtItsEnd) {
  Status refused;
  auto first = limiter_.admit({key(0, 0, 2)}, &refused);
  auto second = limiter_.admit({key(0, 0, 2)}, &refused);
  EXPECT_TRUE(refused.ok());
  EXPECT_FALSE(comes_in({key(0, 0, 2)}));
  EXPECT_EQ(code_, "gateway.too_many_at_once");
  EXPECT_GT(retry_after_us_, 0);
  auto copy = first;
  first.reset();
  EXPECT_FALSE(comes_in({key(0, 0, 2)}));  // somebody still holds it
  copy.reset();
  EXPECT_TRUE(comes_in({key(0, 0, 2)}));
}

TEST_F(RateLimiting, GiveThePlaceBackOnceWhenTheAnswerIsThere) {
  Status refused;
  auto first = limiter_.admit({key(0, 0, 1)}, &refused);
  EXPECT_FALSE(comes_in({key(0, 0, 1)}));
  first->free_places();
  first->free_places();
  const auto second = limiter_.admit({key(0, 0, 1)}, &refused);
  EXPECT_TRUE(refused.ok());
  first.reset();
  EXPECT_FALSE(comes_in({key(0, 0, 1)}));  // the second's is taken
}

TEST_F(RateLimiting, ReserveTokensAndSettleThemWithWhatWasUsed) {
  Status refused;
  const auto call = limiter_.admit({key(0, 1000)}, &refused);
  ASSERT_TRUE(call->reserve_tokens(800).ok());
  EXPECT_EQ(call->tokens()->remaining, 200u);
  const auto other = limiter_.admit({key(0, 1000)}, &refused);
  const Status full = other->reserve_tokens(300);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, "gateway.rate_limited");
  EXPECT_EQ(other->retry_after_us(), 6'000'000);  // 100 tokens at 1000 a minute
  call->settle_tokens(100);
  EXPECT_EQ(call->tokens()->remaining, 900u);
  EXPECT_TRUE(other->reserve_tokens(300).ok());
  other->settle_tokens(950);  // more than reserved: taken all the same, and paid for by waiting
  EXPECT_EQ(other->tokens()->remaining, 0u);
  const auto third = limiter_.admit({key(0, 1000)}, &refused);
  ASSERT_FALSE(third->reserve_tokens(1).ok());
  clock_.now += third->retry_after_us();
  EXPECT_TRUE(third->reserve_tokens(1).ok());
}

TEST_F(RateLimiting, KeepWhatWasReservedWhenNobodySettles) {
  Status refused;
  { ASSERT_TRUE(limiter_.admit({key(0, 100)}, &refused)->reserve_tokens(100).ok()); }
  EXPECT_FALSE(limiter_.admit({key(0, 100)}, &refused)->reserve_tokens(1).ok());
}

TEST_F(RateLimiting, RefuseACallThatMayUseMoreThanAWholeMinutesTokens) {
  Status refused;
  const auto call = limiter_.admit({key(0, 1000), {LimitScope::kTenant, "t", {0, 500, 0}}}, &refused);
  const Status never = call->reserve_tokens(501);
  ASSERT_FALSE(never.ok());
  EXPECT_EQ(never.error().code, "gateway.more_tokens_than_limit");
  EXPECT_NE(never.error().message.find("tenant 't'"), std::string::npos);
  EXPECT_TRUE(call->reserve_tokens(500).ok());  // nothing was taken by the refusal
  EXPECT_EQ(call->tokens()->remaining, 0u);
}

TEST_F(RateLimiting, CountARouteThatIsKnownOnlyLater) {
  Status refused;
  const auto call = limiter_.admit({key(10)}, &refused);
  const LimitSubject route{LimitScope::kRoute, "chat", {1, 100, 0}};
  EXPECT_TRUE(call->add(route).ok());
  EXPECT_EQ(call->requests()->limit, 1u);
  EXPECT_EQ(call->requests()->remaining, 0u);
  EXPECT_TRUE(call->reserve_tokens(100).ok());
  const auto second = limiter_.admit({key(10)}, &refused);
  EXPECT_EQ(second->add(route).error().code, "gateway.rate_limited");
}

TEST_F(RateLimiting, TellHowTheTightestLimitStands) {
  Status refused;
  const auto call = limiter_.admit({key(60), {LimitScope::kTenant, "t", {600, 0, 0}}}, &refused);
  const auto standing = call->requests();
  ASSERT_TRUE(standing);
  EXPECT_EQ(standing->limit, 60u);
  EXPECT_EQ(standing->remaining, 59u);
  EXPECT_EQ(standing->reset_us, 1'000'000);
  EXPECT_FALSE(call->tokens());
  for (int i = 0; i < 59; ++i) comes_in({key(60)});
  const auto refused_call = limiter_.admit({key(60)}, &refused);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused_call->requests()->remaining, 0u);
}

TEST_F(RateLimiting, ForgetWhatIsIdleAndHoldNoMoreThanTheirBound) {
  for (size_t i = 0; i < kMaxLimitedSubjects * 2; ++i)
    (void)comes_in({key(100'000'000, 0, 0, "k" + std::to_string(i))});
  EXPECT_LE(limiter_.size(), kMaxLimitedSubjects);
  EXPECT_FALSE(comes_in({key(60, 0, 0, "one more")}) && comes_in({key(60, 0, 0, "and one")}) &&
               limiter_.size() > kMaxLimitedSubjects);
  clock_.now += 60'000'000;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(comes_in({key(60, 0, 0, "later" + std::to_string(i))}));
}

TEST_F(RateLimiting, AreExactWhenManyThreadsAskAtOnce) {
  std::atomic<int> let_in{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        Status refused;
        const auto call = limiter_.admit({key(1000), {LimitScope::kTenant, "t", {700, 0, 0}}}, &refused);
        let_in += refused.ok();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(let_in, 700);
}

TEST(LimitSubjects, ComeFromTheKeyElseFromTheRules) {
  LimitRules rules;
  rules.default_key = {100, 1000, 0};
  rules.default_tenant = {500, 0, 0};
  rules.tenants["acme"] = {900, 0, 0};
  rules.operations["deploy"] = {0, 0, 1};
  const auto subjects = limit_subjects(rules, "id", {5, 0, 3}, "acme", "deploy");
  ASSERT_EQ(subjects.size(), 3u);
  EXPECT_EQ(subjects[0].limits, (RateLimits{5, 1000, 3}));
  EXPECT_EQ(subjects[1].limits.requests_per_minute, 900u);
  EXPECT_EQ(subjects[2].scope, LimitScope::kOperation);
  const auto plain = limit_subjects(rules, "id", {}, "", "other");
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[1].name, "default");
  EXPECT_EQ(plain[1].limits.requests_per_minute, 500u);
  EXPECT_TRUE(limit_subjects(rules, "", {}, "", "get_openapi").empty());
  EXPECT_TRUE(limit_subjects({}, "id", {}, "acme", "deploy").empty());
}

TEST(ResetText, IsWhatClientsOfOpenAiRead) {
  EXPECT_EQ(reset_text(0), "0ms");
  EXPECT_EQ(reset_text(17'000), "17ms");
  EXPECT_EQ(reset_text(1'500'000), "1.5s");
  EXPECT_EQ(reset_text(2'000'000), "2s");
  EXPECT_EQ(reset_text(360'000'000), "6m0s");
}

}  // namespace
}  // namespace switchyard::gateway
