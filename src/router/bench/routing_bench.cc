// Statistics of routing over many simulated requests, with fixed seeds, and what a routed call costs beside
// the bare one. Exits with 1 when a promise of docs/routing.md does not hold.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>

#include "../tests/simulation.h"
#include "switchyard/document/document.h"
#include "switchyard/router/router.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"

namespace {

using namespace switchyard;
using namespace switchyard::router;
using namespace switchyard::router::simulation;

bool all_kept = true;

void promise(bool kept, const char* what) {
  if (kept) return;
  std::printf("  BROKEN: %s\n", what);
  all_kept = false;
}

/// Of this process: a busy machine does not count.
double cpu_ns() { return static_cast<double>(std::clock()) * (1e9 / CLOCKS_PER_SEC); }

/// Answers at once.
class InstantCaller final : public models::Caller {
 public:
  std::function<void()> call(models::CallRequest request, Done done) override {
    ++counts[request.model.name];
    models::ModelAnswer answer;
    answer.output = output_;
    done({std::move(answer)});
    return [] {};
  }
  std::map<std::string, uint64_t> counts;

 private:
  Document output_{Value::real(0.5)};
};

class AnyModel final : public Resolver {
 public:
  const ModelFacts* model(const models::ModelName&) override { return &facts_; }
  std::vector<std::string> models() override { return {}; }

 private:
  ModelFacts facts_;
};

std::shared_ptr<const Route> route_of(const std::string& text) {
  AnyModel resolver;
  const auto parsed = document::parse(text, "route.yaml");
  const auto outcome = compile(*parsed.root, "route.yaml", resolver);
  for (const auto& diagnostic : outcome.diagnostics) std::printf("%s\n", diagnostic.to_string().c_str());
  return outcome.route;
}

void print(const char* what, const Rate& rate) {
  std::printf("  %-58s %8.4f  (%llu runs, mean %.0f calls)\n", what, rate.value(),
              static_cast<unsigned long long>(rate.runs), rate.mean_calls());
}

void weights_through_the_router(uint64_t requests) {
  std::printf("weights, %llu requests through the router, keys at random\n",
              static_cast<unsigned long long>(requests));
  InstantCaller caller;
  testing::ManualClock clock;
  testing::SeededRandom random(42);
  Router::Options options;
  options.caller = &caller;
  options.clock = &clock;
  options.random = &random;
  Router router(options);
  router.set_routes({{route_of("route: r@1.0.0\ncandidates:\n  a: { model: a@1.0.0, weight: 940 }\n"
                               "  b: { model: b@1.0.0, weight: 50 }\n  c: { model: c@1.0.0, weight: 10 }\n"),
                      {},
                      {},
                      false}});
  const Document input{Value::integer(1)};
  const auto routed = [&](uint64_t n) {
    const double began = cpu_ns();
    for (uint64_t i = 0; i < n; ++i) {
      RouteCall call;
      call.route = "r";
      call.input = input;
      call.sticky_key = std::to_string(random.next_u64());
      router.call(std::move(call), [](RouteAnswer) {});
    }
    return (cpu_ns() - began) / static_cast<double>(n);
  };
  const double ns = routed(requests);
  const auto n = static_cast<double>(requests);
  for (const auto& [name, share] : {std::pair("a", 0.94), {"b", 0.05}, {"c", 0.01}}) {
    const double sigma = std::sqrt(n * share * (1 - share));
    const double away = (static_cast<double>(caller.counts[name]) - n * share) / sigma;
    std::printf("  %s: weight %.2f, share %.6f, %+.2f sigma\n", name, share,
                static_cast<double>(caller.counts[name]) / n, away);
    promise(std::fabs(away) <= 3, "weights within three sigma");
  }
  const double began = cpu_ns();
  for (uint64_t i = 0; i < requests; ++i) caller.call({{"a", "1.0.0"}, input}, [](models::CallOutcome) {});
  const double bare = (cpu_ns() - began) / n;
  std::printf(
      "  a routed call takes %.2f us of one core, the bare one %.2f us: choice, breaker, timers and "
      "provenance cost "
      "%.2f us\n",
      ns / 1000, bare / 1000, (ns - bare) / 1000);
}

void stickiness(uint64_t keys) {
  std::printf("stickiness, %llu keys, weights 50:40:10 become 50:40:20\n",
              static_cast<unsigned long long>(keys));
  std::vector<Weighted> before{{hash64("a"), 50}, {hash64("b"), 40}, {hash64("c"), 10}};
  std::vector<Weighted> after = before;
  after[2].weight = 20;
  uint64_t moved = 0, astray = 0;
  std::mt19937_64 random(5);
  for (uint64_t i = 0; i < keys; ++i) {
    const uint64_t key = random();
    const size_t from = choose(key, before), to = choose(key, after);
    moved += from != to ? 1 : 0;
    astray += from != to && to != 2 ? 1 : 0;
  }
  const auto n = static_cast<double>(keys);
  const double share = 20.0 / 110 - 0.1;
  const double away = (static_cast<double>(moved) - n * share) / std::sqrt(n * share * (1 - share));
  std::printf("  moved %.6f of the keys, the difference of shares is %.6f (%+.2f sigma); elsewhere: %llu\n",
              static_cast<double>(moved) / n, share, away, static_cast<unsigned long long>(astray));
  promise(std::fabs(away) <= 3 && astray == 0, "a weight change moves only its share");
}

void guards(uint64_t runs) {
  std::printf("a rate's guard, looked at every 16 calls, at most 5000 of the candidate, alpha 5%%\n");
  const Rate same = rate_guard(1, runs, 5000, 0.02, 0.02, 0, 0.05);
  print("false alarms: 2% against 2%, margin 0", same);
  promise(same.value() <= 0.05, "false alarms at most alpha");
  const Rate edge = rate_guard(2, runs, 5000, 0.03, 0.02, 0.01, 0.05);
  print("false alarms: 3% against 2%, margin 1% (the edge)", edge);
  promise(edge.value() <= 0.05, "false alarms at most alpha at the edge");
  print("detection: 4% against 2%, margin 1%", rate_guard(3, runs / 4, 5000, 0.04, 0.02, 0.01, 0.05));
  const Rate five = rate_guard(4, runs / 4, 5000, 0.05, 0.02, 0.01, 0.05);
  print("detection: 5% against 2%, margin 1%", five);
  promise(five.value() >= 0.9, "5% against 2% is found within 5000 calls");
  print("detection: 10% against 2%, margin 1%", rate_guard(5, runs / 4, 5000, 0.10, 0.02, 0.01, 0.05));
  print("detection: 50% against 2%, margin 1%", rate_guard(6, runs / 4, 5000, 0.50, 0.02, 0.01, 0.05));
}

void experiments(uint64_t runs) {
  std::printf("A/B test, looked at after every pair, up to 5000 pairs, alpha 5%%\n");
  for (const auto& [metric, name] : {std::pair(Metric::kNormal, "type I, normal values"),
                                     {Metric::kExponential, "type I, exponential values"},
                                     {Metric::kYesNo, "type I, yes/no values"}}) {
    const Rate rate = ab_test(7, runs, 5000, metric, 0, 0.05);
    print(name, rate);
    promise(rate.value() <= 0.05 + rate.three_sigma(0.05), "type-I error at most alpha under peeking");
  }
  print("type I of a z-test looked at as often, as one must not",
        ab_test(7, runs / 4, 5000, Metric::kNormal, 0, 0.05, 100, 0.1, true));
  print("power, 0.1 standard deviations", ab_test(8, runs / 4, 5000, Metric::kNormal, 0.1, 0.05));
  print("power, 0.2 standard deviations", ab_test(9, runs / 4, 5000, Metric::kNormal, 0.2, 0.05));
}

void ratios(uint64_t runs) {
  std::printf("sample ratio, 5%% sent, looked at every 16 keys, up to 20000, alpha 0.1%%\n");
  const Rate fair = mismatch(10, runs, 20'000, 0.05, 0.05, 0.001);
  print("false alarms", fair);
  promise(fair.value() <= 0.001 + fair.three_sigma(0.001), "mismatch alarms at most alpha");
  print("detection, 4% arrive", mismatch(11, runs / 10, 20'000, 0.05, 0.04, 0.001));
  print("detection, 3% arrive", mismatch(12, runs / 10, 20'000, 0.05, 0.03, 0.001));
}

void whole_canaries(uint64_t runs) {
  std::printf("whole canaries: 1, 5, 25, 50, 100%%, 4000 calls a hold, five guards, alpha 5%% in all\n");
  const auto route = route_of(
      "route: r@1.0.0\ncandidates: { main: m1@1.0.0, next: { model: m2@1.0.0, weight: 0 } }\n"
      "canary: { candidate: next, against: main, hold: 10m, min_calls: 20, compare_share: 20%,\n"
      "  guards: { error_rate: 1%, latency: { quantile: p95, max_ratio: 1.5 }, disagreement: 10%,\n"
      "  override_rate: 3%, cost: 1.2 } }\n");
  const auto good = canaries(13, runs, 4000, {}, route);
  print("false alarms: no harm", good.rolled_back);
  promise(good.rolled_back.value() <= 0.05 + good.rolled_back.three_sigma(0.05),
          "false alarms at most alpha");
  World edge;
  edge.errors = 0.03, edge.overruled = 0.08, edge.disagreement = 0.1, edge.latency_ms = 150, edge.cost = 1.2;
  const auto at_edge = canaries(14, runs, 4000, edge, route);
  print("false alarms: every guard at its edge", at_edge.rolled_back);
  promise(at_edge.rolled_back.value() <= 0.05 + at_edge.rolled_back.three_sigma(0.05),
          "false alarms at most alpha at the edge of all guards");
  World errors, slow, overruled, disagreement, cost;
  errors.errors = 0.06;
  slow.latency_ms = 220;
  overruled.overruled = 0.2;
  disagreement.disagreement = 0.2;
  cost.cost = 1.5;
  for (const auto& [name, world] : {std::pair("detection: 6% errors against 2%", errors),
                                    {"detection: 2.2 times as slow", slow},
                                    {"detection: overruled in 20% against 5%", overruled},
                                    {"detection: disagrees in 20%", disagreement},
                                    {"detection: costs 1.5 times as much", cost}}) {
    const auto bad = canaries(15, runs / 4, 4000, world, route);
    print(name, bad.rolled_back);
    promise(bad.rolled_back.value() >= 0.95, name);
  }
}

}  // namespace

int main() {
  weights_through_the_router(1'000'000);
  stickiness(1'000'000);
  guards(2000);
  experiments(2000);
  ratios(2000);
  whole_canaries(400);
  std::printf(all_kept ? "all promises kept\n" : "some promises broken\n");
  return all_kept ? 0 : 1;
}
