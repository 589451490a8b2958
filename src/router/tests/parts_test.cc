#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "choose.h"
#include "circuit_breaker.h"
#include "compare.h"
#include "concurrency_limit.h"
#include "extra_calls.h"
#include "failure.h"
#include "fakes.h"
#include "quantiles.h"
#include "switchyard/base/hash.h"
#include "switchyard/router/money.h"

namespace switchyard::router {
namespace {

constexpr int64_t kSecond = 1'000'000;

// Money

TEST(RouterMoney, ReadsAndWritesExactly) {
  for (const char* text : {"0", "12.5", "0.000075", "0.000000001", "9223372036"})
    EXPECT_EQ(Money::parse(text).value().to_string(), text);
  EXPECT_EQ(Money::parse("1.50").value().to_string(), "1.5");
  for (const char* text :
       {"", "-1", "1.", ".5", "1e3", "1,5", "0.0000000001", "9223372037", "99999999999999999999"})
    EXPECT_FALSE(Money::parse(text).ok()) << text;
}

TEST(RouterMoney, RoundsTheSumOnceNotEachPart) {
  PriceTable prices;
  prices.currency = "EUR";
  prices.input_tokens = Money::parse("0.0004").value();   // 0.4 nano a token
  prices.cached_tokens = Money::parse("0.0001").value();  // 0.1
  prices.output_tokens = Money::parse("0.0003").value();  // 0.3
  Usage usage;
  usage.input_tokens = 2, usage.cached_tokens = 1, usage.output_tokens = 1;
  EXPECT_EQ(cost_of(prices, usage).nanos, 1);  // 0.4 + 0.1 + 0.3 = 0.8; each alone would round to 0
  usage = {};
  usage.input_tokens = 2'000'000'000'000;
  prices.input_tokens = Money::parse("9000").value();
  EXPECT_EQ(cost_of(prices, usage).nanos, INT64_MAX) << "beyond the range it stays at its end";
}

TEST(RouterMoney, CountsCallsSecondsAndHumanMinutes) {
  PriceTable prices;
  prices.call = Money::parse("0.001").value();
  prices.second = Money::parse("0.6").value();
  prices.human_minute = Money::parse("1.2").value();
  Usage usage;
  usage.calls = 2, usage.run_us = 1'500'000, usage.human_us = 90'000'000;
  EXPECT_EQ(cost_of(prices, usage).to_string(), "2.702");
}

// Choice

TEST(RouterChoice, DealsBySharesWithinThreeSigma) {
  const std::vector<Weighted> weights{
      {hash64("a"), 70}, {hash64("b"), 25}, {hash64("c"), 5}, {hash64("d"), 0}};
  constexpr uint64_t kKeys = 100'000;
  std::array<double, 4> counts{};
  for (uint64_t key = 0; key < kKeys; ++key) counts[choose(hash64(std::to_string(key)), weights)] += 1;
  for (size_t i = 0; i < 4; ++i) {
    const double p = weights[i].weight / 100;
    EXPECT_NEAR(counts[i], p * kKeys, 3 * std::sqrt(kKeys * p * (1 - p)) + 1e-9) << i;
  }
}

TEST(RouterChoice, MovesOnlyTheDifferenceWhenAWeightChanges) {
  std::vector<Weighted> before{{hash64("a"), 50}, {hash64("b"), 40}, {hash64("c"), 10}};
  std::vector<Weighted> after = before;
  after[2].weight = 20;  // from 10/100 to 20/110
  int moved = 0;
  for (uint64_t key = 0; key < 50'000; ++key) {
    const size_t from = choose(hash64(std::to_string(key)), before),
                 to = choose(hash64(std::to_string(key)), after);
    if (from == to) continue;
    EXPECT_EQ(to, 2u) << "only the one that gained takes keys";
    ++moved;
  }
  const double share = 20.0 / 110 - 10.0 / 100;
  EXPECT_NEAR(moved, 50'000 * share, 3 * std::sqrt(50'000 * share));
}

TEST(RouterChoice, ChoosesNobodyWithoutWeights) {
  const std::vector<Weighted> none{{1, 0}, {2, 0}};
  EXPECT_EQ(choose(7, none), none.size());
}

// Breaker

Breaker breaker_settings() {
  Breaker settings;
  settings.min_calls = 10;
  settings.slow_us = kSecond;
  return settings;
}

TEST(RouterBreaker, OpensAtTheFailureRateOnceThereAreEnoughCalls) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 9; ++i) breaker.record(0, breaker.allow(0), true, 10);
  EXPECT_EQ(breaker.state(0), CircuitBreaker::State::kClosed) << "nine calls prove nothing";
  breaker.record(0, breaker.allow(0), false, 10);
  EXPECT_EQ(breaker.state(0), CircuitBreaker::State::kOpen);
  EXPECT_EQ(breaker.allow(0), CircuitBreaker::Ticket::kRefused);
}

TEST(RouterBreaker, OpensForSlowCalls) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 10; ++i) breaker.record(0, breaker.allow(0), false, i < 8 ? 2 * kSecond : 10);
  EXPECT_EQ(breaker.state(0), CircuitBreaker::State::kOpen);
}

TEST(RouterBreaker, ForgetsWhatIsOlderThanItsWindow) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 9; ++i) breaker.record(0, breaker.allow(0), true, 10);
  const int64_t later = 40 * kSecond;
  for (int i = 0; i < 10; ++i) breaker.record(later, breaker.allow(later), i == 0, 10);
  EXPECT_EQ(breaker.state(later), CircuitBreaker::State::kClosed);
}

TEST(RouterBreaker, ClosesOnlyWhenAllProbesSucceed) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 10; ++i) breaker.record(0, breaker.allow(0), true, 10);
  int64_t now = 15 * kSecond;
  EXPECT_EQ(breaker.state(now), CircuitBreaker::State::kHalfOpen);
  std::array<CircuitBreaker::Ticket, 3> probes{breaker.allow(now), breaker.allow(now), breaker.allow(now)};
  for (const auto probe : probes) EXPECT_EQ(probe, CircuitBreaker::Ticket::kProbe);
  EXPECT_EQ(breaker.allow(now), CircuitBreaker::Ticket::kRefused) << "three probes are out";
  breaker.record(now, probes[0], false, 10);
  breaker.record(now, probes[1], false, 10);
  EXPECT_EQ(breaker.state(now), CircuitBreaker::State::kHalfOpen);
  breaker.record(now, probes[2], true, 10);
  EXPECT_EQ(breaker.state(now), CircuitBreaker::State::kOpen);
  EXPECT_EQ(breaker.state(now + 15 * kSecond), CircuitBreaker::State::kOpen) << "longer the second time";
  now += 30 * kSecond;
  for (int i = 0; i < 3; ++i) breaker.record(now, breaker.allow(now), false, 10);
  EXPECT_EQ(breaker.state(now), CircuitBreaker::State::kClosed);
}

TEST(RouterBreaker, GivesAProbesPlaceBackWhenItIsCancelled) {
  CircuitBreaker breaker(breaker_settings());
  for (int i = 0; i < 10; ++i) breaker.record(0, breaker.allow(0), true, 10);
  const int64_t now = 15 * kSecond;
  for (int i = 0; i < 10; ++i) {
    const auto probe = breaker.allow(now);
    ASSERT_EQ(probe, CircuitBreaker::Ticket::kProbe) << i;
    breaker.release(probe);
  }
}

// Extra calls

TEST(RouterExtraCalls, AllowsAShareOfTheCallsAndAReserve) {
  ExtraCalls budget(0.2, 0);
  EXPECT_FALSE(budget.take(0));
  for (int i = 0; i < 100; ++i) budget.deposit(0);
  int taken = 0;
  while (budget.take(0)) ++taken;
  EXPECT_EQ(taken, 20);
  ExtraCalls quiet(0.2, 1);
  taken = 0;
  while (quiet.take(0)) ++taken;
  EXPECT_EQ(taken, 10) << "one a second, for ten seconds";
}

TEST(RouterExtraCalls, LetsDepositsExpire) {
  ExtraCalls budget(0.5, 0);
  for (int i = 0; i < 100; ++i) budget.deposit(0);
  EXPECT_TRUE(budget.take(0));
  EXPECT_FALSE(budget.take(11 * kSecond));
}

// Quantiles

TEST(RouterQuantiles, AreAtMostASixteenthTooHigh) {
  SlidingQuantiles quantiles;
  EXPECT_EQ(quantiles.quantile(0.5), 0);
  for (int64_t i = 1; i <= 10'000; ++i) quantiles.record(0, i * 37);
  for (const double q : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    const double exact = q * 10'000 * 37;
    EXPECT_GE(static_cast<double>(quantiles.quantile(q)), exact - 37) << q;
    EXPECT_LE(static_cast<double>(quantiles.quantile(q)), exact * (1 + 1.0 / 16) + 37) << q;
  }
}

TEST(RouterQuantiles, FollowWhatChanges) {
  SlidingQuantiles quantiles;
  for (int64_t t = 0; t < 60; ++t)
    for (int i = 0; i < 10; ++i) quantiles.record(t * kSecond, 1000);
  for (int64_t t = 60; t < 200; ++t)
    for (int i = 0; i < 10; ++i) quantiles.record(t * kSecond, 50'000);
  EXPECT_GT(quantiles.quantile(0.01), 45'000);
}

// Concurrency

TEST(RouterConcurrency, FindsTheRoomOfAServer) {
  Concurrency settings;
  settings.on = true;
  settings.initial = 5;
  ConcurrencyLimit limit(settings);
  // A server with 40 places: latency is flat up to there, and grows by queueing beyond.
  for (int round = 0; round < 3000; ++round) {
    uint32_t n = 0;
    while (limit.enter()) ++n;
    const auto latency = static_cast<int64_t>(10'000 * std::max(1.0, n / 40.0));
    for (uint32_t i = 0; i < n; ++i) {
      limit.sample(latency, false);
      limit.leave();
    }
  }
  EXPECT_GE(limit.limit(), 35u);
  EXPECT_LE(limit.limit(), 60u);
}

TEST(RouterConcurrency, ShrinksWhenCallsAreRefusedAndKeepsItsBounds) {
  Concurrency settings;
  settings.on = true;
  settings.initial = 100, settings.least = 3, settings.most = 120;
  ConcurrencyLimit limit(settings);
  limit.sample(0, true);
  EXPECT_EQ(limit.limit(), 90u);
  for (int i = 0; i < 100; ++i) limit.sample(0, true);
  EXPECT_EQ(limit.limit(), 3u);
}

TEST(RouterConcurrency, LeavesPlacesToCallsOfHigherPriorityWhileSuchCome) {
  Concurrency settings;
  settings.on = true;
  settings.initial = settings.least = settings.most = 100;
  ConcurrencyLimit limit(settings);
  const auto room = [&](int32_t priority) {
    uint32_t n = 0;
    while (limit.enter(priority)) ++n;
    for (uint32_t i = 0; i < n; ++i) limit.leave();
    return n;
  };
  const int32_t low = kDefaultPriority - 1, high = kDefaultPriority + 1;
  EXPECT_EQ(room(low), 100u);
  EXPECT_EQ(room(kDefaultPriority), 100u);
  EXPECT_EQ(room(low), 90u);
  EXPECT_EQ(room(high), 100u);
  EXPECT_EQ(room(kDefaultPriority), 90u);
  EXPECT_EQ(room(low), 80u);
  for (int i = 0; i < 10; ++i) room(kDefaultPriority);
  EXPECT_EQ(room(kDefaultPriority), 100u) << "the last high one was long ago";
}

// Failures

TEST(RouterFailure, KnowsWhatMayBeRepeated) {
  Retry retry;
  const auto verdict = [](models::CallOutcome outcome) { return verdict_of(outcome); };
  EXPECT_EQ(verdict(fails(ErrorKind::kUnavailable, "x", 0, false)), Verdict::kConnect);
  EXPECT_EQ(verdict(fails(ErrorKind::kIo, "x", 0, false)), Verdict::kConnect);
  EXPECT_EQ(verdict(fails(ErrorKind::kUnavailable, "x", 503)), Verdict::kUnavailable);
  EXPECT_EQ(verdict(fails(ErrorKind::kResourceExhausted, "x", 429)), Verdict::kRateLimited);
  EXPECT_EQ(verdict(fails(ErrorKind::kInternal, "x", 500)), Verdict::kServerError);
  EXPECT_EQ(verdict(fails(ErrorKind::kUnavailable, "x", 402)), Verdict::kOutOfCredit);
  EXPECT_EQ(verdict(fails(ErrorKind::kResourceExhausted, "models.out_of_credit", 429)),
            Verdict::kOutOfCredit);
  EXPECT_EQ(verdict(fails(ErrorKind::kUnprocessable, "models.bad_output")), Verdict::kServerError);
  EXPECT_EQ(verdict(fails(ErrorKind::kUnprocessable, "x", 422)), Verdict::kCallersFault);
  EXPECT_EQ(verdict(fails(ErrorKind::kNotFound, "x", 404)), Verdict::kMisdirected);
  EXPECT_TRUE(may_retry(retry, Verdict::kConnect));
  EXPECT_TRUE(may_retry(retry, Verdict::kUnavailable));
  EXPECT_FALSE(may_retry(retry, Verdict::kTimeout));
  EXPECT_FALSE(may_retry(retry, Verdict::kServerError));
  EXPECT_FALSE(may_retry(retry, Verdict::kOutOfCredit));
  EXPECT_TRUE(may_fall_back(Verdict::kOutOfCredit));
  EXPECT_FALSE(may_fall_back(Verdict::kCallersFault));
}

TEST(RouterFailure, BacksOffFurtherEachTimeAndSpreads) {
  Retry retry;
  retry.backoff_first_us = 100, retry.backoff_max_us = 350;
  EXPECT_EQ(backoff_us(retry, 1, 0), 100);
  EXPECT_EQ(backoff_us(retry, 2, 0), 200);
  EXPECT_EQ(backoff_us(retry, 3, 0), 350);
  EXPECT_EQ(backoff_us(retry, 60, 0), 350);
  EXPECT_EQ(backoff_us(retry, 1, 0.5), 75);
}

// Comparison

TEST(RouterCompare, LooksAtThePlaceAndAllowsTheTolerance) {
  const auto a = parse_json_document(R"({"score":0.50,"label":"x","list":[1,2]})").value();
  const auto b = parse_json_document(R"({"label":"x","score":0.54,"list":[1,2]})").value();
  EXPECT_FALSE(compare_outputs(*a, *b, {}).agrees);
  EXPECT_TRUE(compare_outputs(*a, *b, {"", 0.05}).agrees);
  EXPECT_NEAR(compare_outputs(*a, *b, {"/score", 0.01}).difference, 0.04, 1e-12);
  EXPECT_FALSE(compare_outputs(*a, *b, {"/score", 0.01}).agrees);
  EXPECT_TRUE(compare_outputs(*a, *b, {"/label", 0}).agrees);
  EXPECT_TRUE(compare_outputs(*a, *b, {"/nowhere", 0}).agrees);
}

}  // namespace
}  // namespace switchyard::router
