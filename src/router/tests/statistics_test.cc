#include <gtest/gtest.h>

#include <cstdio>

#include "../experiment_monitor.h"
#include "fakes.h"
#include "simulation.h"

// Promises about chance, kept with fixed seeds and few runs; the benchmark measures them with many.
namespace switchyard::router {
namespace {

using namespace simulation;

void print(const char* what, const Rate& rate) {
  std::printf("  %-66s %6.3f of %llu (mean %.0f calls)\n", what, rate.value(),
              static_cast<unsigned long long>(rate.runs), rate.mean_calls());
}

TEST(RoutingStatistics, TheRateGuardRarelyAlarmsForNothing) {
  const Rate same = rate_guard(1, 400, 2000, 0.02, 0.02, 0, 0.05);
  print("rate guard, 2% against 2%, margin 0, alpha 5%", same);
  EXPECT_LE(same.value(), 0.05);
  const Rate edge = rate_guard(2, 400, 2000, 0.03, 0.02, 0.01, 0.05);
  print("rate guard, 3% against 2%, margin 1%, alpha 5%", edge);
  EXPECT_LE(edge.value(), 0.05);
}

TEST(RoutingStatistics, TheRateGuardFindsHarm) {
  const Rate large = rate_guard(3, 200, 2000, 0.10, 0.02, 0.01, 0.05);
  print("rate guard, 10% against 2%, margin 1%", large);
  EXPECT_GE(large.value(), 0.99);
  EXPECT_LT(large.mean_calls(), 400);
  const Rate small = rate_guard(4, 200, 4000, 0.05, 0.02, 0.01, 0.05);
  print("rate guard, 5% against 2%, margin 1%", small);
  EXPECT_GE(small.value(), 0.8);
}

TEST(RoutingStatistics, TheAbTestHoldsItsErrorUnderContinuousPeeking) {
  for (const auto& [metric, name] :
       {std::pair(Metric::kNormal, "A/B, normal values, no difference, alpha 5%"),
        std::pair(Metric::kExponential, "A/B, exponential values, no difference"),
        std::pair(Metric::kYesNo, "A/B, yes/no values, no difference")}) {
    const Rate rate = ab_test(5, 500, 1500, metric, 0, 0.05);
    print(name, rate);
    EXPECT_LE(rate.value(), 0.05 + rate.three_sigma(0.05)) << name;
  }
  const Rate naive = ab_test(5, 500, 1500, Metric::kNormal, 0, 0.05, 100, 0.1, true);
  print("the same with a z-test at each look, as one must not", naive);
  EXPECT_GT(naive.value(), 0.15) << "the simulation can tell a bad test from a good one";
}

TEST(RoutingStatistics, TheAbTestFindsADifference) {
  const Rate rate = ab_test(6, 200, 3000, Metric::kNormal, 0.2, 0.05);
  print("A/B, a difference of 0.2 standard deviations", rate);
  EXPECT_GE(rate.value(), 0.95);
}

TEST(RoutingStatistics, AMismatchOfTheSampleRatioIsFoundAndNothingElse) {
  const Rate fair = mismatch(7, 300, 5000, 0.05, 0.05, 0.001);
  print("sample ratio 5% as sent, alpha 0.1%", fair);
  EXPECT_LE(fair.value(), 0.005);
  const Rate broken = mismatch(8, 100, 20'000, 0.05, 0.04, 0.001);
  print("sample ratio 4% where 5% was sent", broken);
  EXPECT_GE(broken.value(), 0.95);
}

std::shared_ptr<const Route> guarded_route() {
  return route_of(
      "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\n"
      "canary: { candidate: next, against: main, steps: [5%, 25%, 50%, 100%], hold: 10m, min_calls: 50,\n"
      "  compare_share: 20%, guards: { error_rate: 1%, latency: { quantile: p95, max_ratio: 1.5 },\n"
      "  disagreement: 10%, override_rate: 3%, cost: 1.2 } }\n");
}

TEST(RoutingStatistics, CanariesThatDoNoHarmAreFinished) {
  const auto good = canaries(9, 40, 2000, {}, guarded_route());
  print("whole canaries without harm, rolled back", good.rolled_back);
  EXPECT_LE(good.rolled_back.value(), 0.05 + good.rolled_back.three_sigma(0.05));
}

TEST(RoutingStatistics, CanariesThatDoHarmAreRolledBackByTheirGuard) {
  struct Case {
    const char* name;
    World world;
  };
  World errors, latency, overruled, disagreement, cost;
  errors.errors = 0.08;
  latency.latency_ms = 220;
  overruled.overruled = 0.2;
  disagreement.disagreement = 0.2;
  cost.cost = 1.5;
  for (const Case& each : {Case{"canaries with 8% errors against 2%, rolled back", errors},
                           Case{"canaries 2.2 times as slow, rolled back", latency},
                           Case{"canaries overruled in 20% against 5%, rolled back", overruled},
                           Case{"canaries that disagree in 20%, rolled back", disagreement},
                           Case{"canaries that cost 1.5 times as much, rolled back", cost}}) {
    const auto bad = canaries(10, 20, 2000, each.world, guarded_route());
    print(each.name, bad.rolled_back);
    EXPECT_GE(bad.rolled_back.value(), 0.95) << each.name;
  }
}

TEST(RoutingStatistics, WeightsAreWithinThreeSigma) {
  const std::vector<Weighted> weights{{hash64("a"), 94}, {hash64("b"), 5}, {hash64("c"), 1}};
  EXPECT_LE(worst_sigma(11, 100'000, weights), 3);
}

// The evidence itself

TEST(RouterSequential, EvidenceIsNoneWhereNothingSpeaksForIt) {
  EXPECT_EQ(evidence_above({0, 0}, 0.1), 0);
  EXPECT_EQ(evidence_above({100, 10}, 0.1), 0);
  EXPECT_EQ(evidence_increase({100, 5}, {100, 5}, 0), 0);
  EXPECT_EQ(evidence_increase({100, 5}, {100, 5}, 0.5), 0);
  EXPECT_EQ(evidence_increase({0, 0}, {100, 5}, 0), 0);
  EXPECT_GT(evidence_increase({100, 100}, {100, 0}, 0.01), 50);
  EXPECT_GT(evidence_increase({10, 10}, {1000, 1000}, 0) + 1, 0) << "rates of one are no trouble";
}

TEST(RouterSequential, EvidenceGrowsWithTheDifferenceAndShrinksWithTheMargin) {
  const double near = evidence_increase({1000, 100}, {1000, 20}, 0.01);
  EXPECT_GT(near, 0);
  EXPECT_GT(evidence_increase({1000, 200}, {1000, 20}, 0.01), near);
  EXPECT_LT(evidence_increase({1000, 100}, {1000, 20}, 0.03), near);
}

// Canaries

std::shared_ptr<const Route> small_canary(const std::string& more = "") {
  return route_of(
      "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\n"
      "canary: { candidate: next, against: main, steps: [10%, 100%], hold: 1m, min_calls: 5, horizon: 1h" +
      more + " }\n");
}

TEST(CanaryMonitorTest, StepsOnOnlyWhenHeldLongEnoughWithEnoughCalls) {
  CanaryMonitor monitor(small_canary(), {});
  EXPECT_EQ(monitor.share(), 0.1);
  EXPECT_EQ(monitor.begin(1)->kind, CanaryDecision::Kind::kBegun);
  EXPECT_FALSE(monitor.begin(2));
  const int64_t minute = 60'000'000;
  EXPECT_FALSE(monitor.evaluate(2 * minute)) << "no calls";
  for (uint64_t i = 0; i < 5; ++i) monitor.observe({true, i, false, 1000, {}}, 0);
  EXPECT_FALSE(monitor.evaluate(minute / 2)) << "not held";
  const auto promoted = monitor.evaluate(2 * minute);
  ASSERT_TRUE(promoted);
  EXPECT_EQ(promoted->kind, CanaryDecision::Kind::kPromoted);
  EXPECT_EQ(promoted->state.step, 1u);
  EXPECT_EQ(monitor.share(), 1);
  for (uint64_t i = 0; i < 5; ++i) monitor.observe({true, i, false, 1000, {}}, 0);
  EXPECT_EQ(monitor.evaluate(4 * minute)->kind, CanaryDecision::Kind::kFinished);
  EXPECT_FALSE(monitor.evaluate(5 * minute));
  EXPECT_EQ(monitor.share(), 1);
}

TEST(CanaryMonitorTest, RollsBackAtTheHorizon) {
  CanaryMonitor monitor(small_canary(), {});
  static_cast<void>(monitor.begin(1));
  const auto decision = monitor.evaluate(3'700'000'000);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->kind, CanaryDecision::Kind::kRolledBack);
  EXPECT_NE(decision->reason.find("horizon"), std::string::npos);
  EXPECT_EQ(monitor.share(), 0);
}

TEST(CanaryMonitorTest, RollsBackACandidateThatCostsMoreThanAllowed) {
  CanaryMonitor monitor(small_canary(", guards: { cost: 1.2 }"), {});
  static_cast<void>(monitor.begin(1));
  for (uint64_t i = 0; i < 100; ++i) {
    monitor.observe({i % 2 == 0, i, false, 1000, i % 2 == 0 ? Money{1'300'000} : Money{1'000'000}}, 0);
  }
  const auto decision = monitor.evaluate(2);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->kind, CanaryDecision::Kind::kRolledBack);
  EXPECT_EQ(decision->reason, "cost: a call costs 0.0013 against 0.001");
}

TEST(CanaryMonitorTest, GoesOnWhereItStoodAfterARestart) {
  CanaryState state;
  state.step = 1, state.started_us = 5, state.step_began_us = 7;
  CanaryMonitor monitor(small_canary(), state);
  EXPECT_EQ(monitor.share(), 1);
  EXPECT_FALSE(monitor.begin(9));
  EXPECT_EQ(monitor.state(), state);
}

TEST(ExperimentMonitorTest, ReportsTheDifferenceAndWhenItIsDecided) {
  const auto route = route_of(
      "route: r@1.0.0\ncandidates: { a: m1@1.0.0, b: m2@1.0.0 }\n"
      "experiment: { control: a, arms: [b], metric: reward, min_calls: 50 }\n");
  ExperimentMonitor monitor(*route);
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    monitor.observe(0, Experiment::Metric::kReward, draw(Metric::kNormal, random, 0));
    monitor.observe(1, Experiment::Metric::kReward, draw(Metric::kNormal, random, 0.5));
    monitor.observe(1, Experiment::Metric::kCost, 100);
  }
  const Document report = monitor.report();
  EXPECT_EQ(report->at_pointer("/control/n")->as_integer(), 1000);
  EXPECT_NEAR(report->at_pointer("/arms/0/difference")->as_double(), 0.5, 0.15);
  EXPECT_LT(report->at_pointer("/arms/0/p_value")->as_double(), 0.001);
  EXPECT_TRUE(report->at_pointer("/arms/0/decided")->as_bool());
}

}  // namespace
}  // namespace switchyard::router
