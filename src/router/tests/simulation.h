#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "../canary_monitor.h"
#include "../choose.h"
#include "../sequential.h"
#include "switchyard/base/hash.h"

// Simulations of routing statistics, for tests (few runs) and the benchmark (many). Each gives the same
// result for the same seed.
namespace switchyard::router::simulation {

/// How often something happened, and after how many calls on average.
struct Rate {
  uint64_t runs = 0, hits = 0;
  double calls_to_hit = 0;
  double value() const { return runs == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(runs); }
  double mean_calls() const { return hits == 0 ? 0 : calls_to_hit / static_cast<double>(hits); }
  /// Three standard deviations of the estimate when the truth is `p`.
  double three_sigma(double p) const { return 3 * std::sqrt(p * (1 - p) / static_cast<double>(runs)); }
  void add(bool hit, uint64_t calls) {
    ++runs;
    if (!hit) return;
    ++hits;
    calls_to_hit += static_cast<double>(calls);
  }
};

/// The guard of a rate, looked at after every `every` calls of the candidate up to `calls`; the incumbent
/// gets `ratio` times as many.
inline Rate rate_guard(uint64_t seed, uint64_t runs, uint64_t calls, double tested, double base,
                       double margin, double alpha, uint64_t ratio = 4, uint64_t every = 16) {
  std::mt19937_64 random(seed);
  std::bernoulli_distribution fails(tested), base_fails(base);
  const double limit = std::log(1 / alpha);
  Rate rate;
  for (uint64_t run = 0; run < runs; ++run) {
    Tally a, b;
    bool alarm = false;
    uint64_t n = 0;
    while (n < calls && !alarm) {
      ++n;
      a.add(fails(random));
      for (uint64_t i = 0; i < ratio; ++i) b.add(base_fails(random));
      if (n % every == 0) alarm = evidence_increase(a, b, margin) >= limit;
    }
    rate.add(alarm, n);
  }
  return rate;
}

enum class Metric : uint8_t { kNormal, kExponential, kYesNo };

inline double draw(Metric metric, std::mt19937_64& random, double shift) {
  switch (metric) {
    case Metric::kNormal: return std::normal_distribution<double>(1 + shift, 1)(random);
    case Metric::kExponential: return std::exponential_distribution<double>(1 / (1 + shift))(random);
    case Metric::kYesNo: return std::bernoulli_distribution(0.3 + shift)(random) ? 1 : 0;
  }
  return 0;
}

/// The A/B test, looked at after every pair of values; `naive` instead takes the fixed-sample z-test at 5 %
/// at every look, as one must not.
inline Rate ab_test(uint64_t seed, uint64_t runs, uint64_t pairs, Metric metric, double shift, double alpha,
                    uint64_t min_calls = 100, double effect = 0.1, bool naive = false) {
  std::mt19937_64 random(seed);
  const double limit = std::log(1 / alpha);
  Rate rate;
  for (uint64_t run = 0; run < runs; ++run) {
    Moments a, b;
    double tau2 = 0;
    bool decided = false;
    uint64_t n = 0;
    while (n < pairs && !decided) {
      ++n;
      a.add(draw(metric, random, shift));
      b.add(draw(metric, random, 0));
      if (n < min_calls) continue;
      if (tau2 == 0) tau2 = effect * effect * (a.variance() + b.variance()) / 2;
      if (naive) {
        const double error = std::sqrt((a.variance() + b.variance()) / static_cast<double>(n));
        decided = std::fabs(a.mean - b.mean) > 1.959964 * error;
      } else {
        decided = evidence_difference(a, b, 1, tau2) >= limit;
      }
    }
    rate.add(decided, n);
  }
  return rate;
}

/// The sample ratio's test when `sent` was meant and `real` arrives.
inline Rate mismatch(uint64_t seed, uint64_t runs, uint64_t keys, double sent, double real, double alpha) {
  std::mt19937_64 random(seed);
  std::bernoulli_distribution on_candidate(real);
  Rate rate;
  for (uint64_t run = 0; run < runs; ++run) {
    Tally tally;
    bool alarm = false;
    uint64_t n = 0;
    while (n < keys && !alarm) {
      ++n;
      tally.add(on_candidate(random));
      if (n % 16 == 0) alarm = evidence_of_mismatch(tally, sent) >= std::log(1 / alpha);
    }
    rate.add(alarm, n);
  }
  return rate;
}

/// How a candidate does beside its incumbent.
struct World {
  double base_errors = 0.02, errors = 0.02;
  double base_latency_ms = 100, latency_ms = 100;  ///< medians of log-normal times
  double base_overruled = 0.05, overruled = 0.05;
  double disagreement = 0.02;
  double base_cost = 1, cost = 1;  ///< medians of log-normal costs, whose largest are many times the mean
};

struct CanaryRuns {
  Rate rolled_back;  ///< calls: of the candidate until then
  uint64_t finished = 0;
};

/// Whole canaries, from the first step to the end: `per_hold` calls of both sides come in each step's hold.
inline CanaryRuns canaries(uint64_t seed, uint64_t runs, uint64_t per_hold, const World& world,
                           const std::shared_ptr<const Route>& route) {
  std::mt19937_64 random(seed), prices(~seed);
  CanaryRuns result;
  const Canary& canary = *route->canary;
  for (uint64_t run = 0; run < runs; ++run) {
    CanaryMonitor monitor(route, {});
    int64_t now_us = 1;
    static_cast<void>(monitor.begin(now_us));
    uint64_t on_candidate = 0;
    while (monitor.state().phase == CanaryState::Phase::kRunning) {
      now_us += canary.hold_us[monitor.state().step] / static_cast<int64_t>(per_hold) + 1;
      const uint64_t key = random();
      const bool candidate = spread(key, 99) < monitor.share();
      CanaryCall call;
      call.on_candidate = candidate;
      call.key = key;
      call.failed = std::bernoulli_distribution(candidate ? world.errors : world.base_errors)(random);
      call.latency_us = static_cast<int64_t>(
          1000 * std::lognormal_distribution<double>(
                     std::log(candidate ? world.latency_ms : world.base_latency_ms), 0.5)(random));
      call.cost = Money{static_cast<int64_t>(
          1'000'000 * std::lognormal_distribution<double>(std::log(candidate ? world.cost : world.base_cost),
                                                          0.8)(prices))};
      monitor.observe(call, now_us);
      on_candidate += candidate ? 1 : 0;
      if (std::bernoulli_distribution(0.2)(random))
        monitor.observe_verdict(candidate, std::bernoulli_distribution(
                                               candidate ? world.overruled : world.base_overruled)(random));
      if (candidate && std::bernoulli_distribution(canary.compare_share)(random))
        monitor.observe_comparison(!std::bernoulli_distribution(world.disagreement)(random));
      if (monitor.due()) static_cast<void>(monitor.evaluate(now_us));
    }
    const bool back = monitor.state().phase == CanaryState::Phase::kRolledBack;
    result.rolled_back.add(back, on_candidate);
    result.finished += back ? 0 : 1;
  }
  return result;
}

/// Shares of 10^n keys, as the largest distance from the weight in standard deviations.
inline double worst_sigma(uint64_t seed, uint64_t keys, const std::vector<Weighted>& weights) {
  std::mt19937_64 random(seed);
  std::vector<double> counts(weights.size(), 0);
  double sum = 0;
  for (const Weighted& each : weights) sum += each.weight;
  for (uint64_t i = 0; i < keys; ++i) counts[choose(random(), weights)] += 1;
  double worst = 0;
  const auto n = static_cast<double>(keys);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double p = weights[i].weight / sum;
    if (p > 0) worst = std::max(worst, std::fabs(counts[i] - n * p) / std::sqrt(n * p * (1 - p)));
  }
  return worst;
}

}  // namespace switchyard::router::simulation
