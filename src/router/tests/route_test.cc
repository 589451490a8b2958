#include "switchyard/router/route.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace switchyard::router {
namespace {

/// "line code path" of each mistake.
std::string mistakes(const std::string& text) {
  const auto outcome = outcome_of(text);
  EXPECT_EQ(outcome.route, nullptr);
  std::string all;
  for (const auto& d : outcome.diagnostics) {
    EXPECT_FALSE(d.mend.empty()) << d.to_string();
    EXPECT_FALSE(d.message.empty());
    all += (all.empty() ? "" : "; ") + std::to_string(d.line) + " " + d.code + " " + d.path;
  }
  return all;
}

TEST(RouteDocument, NeedsThreeLines) {
  const auto route = route_of("route: score@1.0.0\ncandidates:\n  main: m1@1.0.0\n");
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->full_name(), "score@1.0.0");
  ASSERT_EQ(route->candidates.size(), 1u);
  EXPECT_EQ(route->candidates[0].model.to_string(), "m1@1.0.0");
  EXPECT_EQ(route->candidates[0].weight, 1u);
  EXPECT_EQ(route->candidates[0].backend, "backend-m1");
  EXPECT_EQ(route->candidates[0].prices.call, Money{Money::kUnit / 100});
  EXPECT_EQ(route->sticky, Sticky::kKey);
  EXPECT_TRUE(route->breaker.on);
  EXPECT_EQ(route->retry.attempts, 2u);
  EXPECT_EQ(route->deadline_us, 30'000'000);
  EXPECT_FALSE(route->hedge || route->canary || route->experiment || route->budget.any());
}

TEST(RouteDocument, ReadsEveryPart) {
  const auto route = route_of(R"(
route: support/answer@2.1.0
description: answers customers
deadline: 20s
ack: received
sticky: tenant
candidates:
  main: { model: m1@1.0.0, weight: 90 }
  next: { model: m2@1.0.0, weight: 0, price: { currency: EUR, input_tokens: 2.50, output_tokens: "10", call: 0 } }
  spare: { model: m3@1.0.0, weight: 10 }
canary:
  candidate: next
  against: main
  steps: [1%, 0.05, 100%]
  hold: [10m, 20m, 1h]
  min_calls: 500
  horizon: 3d
  alpha: 0.01
  compare_share: 20%
  compare: { at: /score, tolerance: 0.1 }
  guards: { error_rate: 2%, latency: { quantile: p99, max_ratio: 2 }, cost: 1.5, disagreement: 10%, override_rate: 3% }
shadow: [ { model: m4@1.0.0, share: 10% } ]
fallbacks: [spare, next]
retry: { attempts: 4, on: [connect, timeout], backoff: 10ms..1s, budget: 10% }
hedge: { after: p90, max_extra: 2% }
breaker: { failure_rate: 40%, slow_call: 5s, slow_rate: 70%, window: 1m, min_calls: 50, open_for: 20s, probes: 5 }
concurrency: { initial: 8, min: 2, max: 64 }
budget: { currency: EUR, route: { day: 100, tokens_month: 5000000 }, tenant: { month: 12.50 }, at_limit: { use: spare } }
cache: { ttl: 5m, entries: 100, megabytes: 8, per_tenant: false }
)");
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->ack, Ack::kReceived);
  EXPECT_EQ(route->sticky, Sticky::kTenant);
  EXPECT_EQ(route->candidates[1].prices.output_tokens, Money{10 * Money::kUnit});
  EXPECT_EQ(route->candidates[1].prices.call, Money{});
  const Canary& canary = *route->canary;
  EXPECT_EQ(canary.candidate, 1u);
  EXPECT_EQ(canary.steps, (std::vector<double>{0.01, 0.05, 1}));
  EXPECT_EQ(canary.hold_us, (std::vector<int64_t>{600'000'000, 1'200'000'000, 3'600'000'000}));
  EXPECT_EQ(canary.latency->quantile, 0.99);
  EXPECT_EQ(*canary.cost_ratio, 1.5);
  EXPECT_EQ(canary.compare.pointer, "/score");
  EXPECT_EQ(route->fallbacks, (std::vector<uint32_t>{2, 1}));
  EXPECT_EQ(route->retry.on,
            static_cast<uint8_t>(Failure::kConnect) | static_cast<uint8_t>(Failure::kTimeout));
  EXPECT_EQ(route->hedge->quantile, 0.9);
  EXPECT_EQ(route->breaker.slow_us, 5'000'000);
  EXPECT_EQ(route->concurrency.most, 64u);
  EXPECT_EQ(*route->budget.tenant.month, Money{12'500'000'000});
  EXPECT_EQ(*route->budget.route.month_tokens, 5'000'000);
  EXPECT_EQ(*route->budget.use, 2u);
  EXPECT_EQ(route->cache.bytes, size_t{8} << 20);
  EXPECT_FALSE(route->cache.per_tenant);
  EXPECT_EQ(route->shadows[0].share, 0.1);
}

TEST(RouteDocument, ReportsAllMistakesAtOnceWithTheirPlaces) {
  EXPECT_EQ(
      mistakes(R"(
route: score
candidats: {}
candidates:
  Main: m1@1.0.0
  next: { model: m22@1.0.0, weight: -1 }
fallbacks: [maine]
retry: { attempts: 99, on: [conect] }
deadline: soon
)"),
      "2 router.bad_name route; 3 router.unknown_field candidats; 5 router.bad_candidate candidates.Main; "
      "6 router.unknown_model candidates.next.model; 6 router.bad_number candidates.next.weight; "
      "7 router.unknown_candidate fallbacks[0]; 8 router.bad_number retry.attempts; "
      "8 router.unknown_error retry.on[0]; 9 router.bad_duration deadline");
}

TEST(RouteDocument, SuggestsTheNearestName) {
  const auto outcome =
      outcome_of("route: a@1.0.0\ncandidates: { main: m1@1.0.0, other: m2@1.0.0 }\nfallbacks: [othr]\n");
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].mend, "did you mean 'other'?");
}

TEST(RouteDocument, RefusesWhatContradictsItself) {
  const std::string head = "route: a@1.0.0\ncandidates: { x: m1@1.0.0, y: { model: m2@1.0.0, weight: 0 } }\n";
  EXPECT_EQ(mistakes(head + "canary: { candidate: x, against: x }\n"),
            "3 router.same_candidate canary.against");
  EXPECT_EQ(mistakes(head + "canary: { candidate: x, against: y }\n"), "3 router.no_weight canary.against");
  EXPECT_EQ(mistakes(head + "canary: { candidate: y, against: x, steps: [5%, 1%] }\n"),
            "3 router.bad_steps canary.steps[1]");
  EXPECT_EQ(mistakes(head + "canary: { candidate: y, against: x, horizon: 1m }\n"),
            "3 router.bad_horizon canary.horizon");
  EXPECT_EQ(mistakes(head + "canary: { candidate: y, against: x }\nexperiment: { control: x, arms: [y] }\n"),
            "4 router.canary_and_experiment experiment");
  EXPECT_EQ(mistakes(head + "budget: { currency: USD, route: { day: 5 } }\n"),
            "2 router.two_currencies candidates.x; 2 router.two_currencies candidates.y");
  EXPECT_EQ(mistakes(head + "budget: {}\n"), "3 router.empty_budget budget");
  EXPECT_EQ(mistakes("route: a@1.0.0\ncandidates: { x: { model: m1@1.0.0, weight: 0 } }\n"),
            "2 router.no_weight candidates");
}

TEST(RouteDocument, ReadsASemanticCache) {
  const std::string head = "route: a@1.0.0\ncandidates: { x: m1@1.0.0 }\n";
  const auto route = route_of(head + R"(
cache:
  semantic: { model: embed@1.0.0, similarity: 0.9, at: /question, entries: 50, timeout: 200ms, price: { currency: EUR, call: 0.5 } }
)");
  ASSERT_NE(route, nullptr);
  const SemanticCache& semantic = *route->cache.semantic;
  EXPECT_EQ(semantic.embedder.model.to_string(), "embed@1.0.0");
  EXPECT_EQ(semantic.embedder.prices.call.to_string(), "0.5");
  EXPECT_EQ(semantic.similarity, 0.9);
  EXPECT_EQ(semantic.pointer, "/question");
  EXPECT_EQ(semantic.entries, 50u);
  EXPECT_EQ(semantic.timeout_us, 200'000);
  EXPECT_GT(route->cache.ttl_us, 0) << "a cache keeps what it is given";

  EXPECT_EQ(mistakes(head + "cache: { semantic: { similarity: 30%, at: question, entries: 0, modle: x } }\n"),
            "3 router.bad_model cache.semantic.model; 3 router.bad_share cache.semantic.similarity; "
            "3 router.bad_pointer cache.semantic.at; 3 router.bad_number cache.semantic.entries; "
            "3 router.unknown_field cache.semantic.modle");
  EXPECT_EQ(mistakes(head + "cache: { semantic: { model: m1@1.0.0 } }\n"),
            "3 router.no_embeddings cache.semantic.model");
  EXPECT_EQ(mistakes(head + "cache: { semantic: { model: embed@2.0.0 } }\n"),
            "3 router.unknown_model cache.semantic.model");
  EXPECT_EQ(
      mistakes(head + "cache: { semantic: { model: embed@1.0.0, price: { currency: USD, call: 1 } } }\n"),
      "3 router.two_currencies cache.semantic");
}

TEST(RouteDocument, ReadsWhatOverrulesIt) {
  const std::string head =
      "route: a@1.0.0\ncandidates: { x: m1@1.0.0, y: { model: m2@1.0.0, weight: 0 } }\n"
      "canary: { candidate: y, against: x, guards: { override_rate: 3% } }\n";
  const auto route = route_of(head + "overruled: { by: opinion, when: answer.fraud != (output > 0.5) }\n");
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->overruled->review, "opinion");
  EXPECT_EQ(route->overruled->when->text(), "answer.fraud != (output > 0.5)");
  EXPECT_EQ(mistakes(head + "overruled: { when: output }\n"),
            "4 router.missing overruled.by; 4 router.bad_expression overruled.when");
  EXPECT_EQ(mistakes(head + "overruled: { by: opinion }\n"), "4 router.missing overruled.when");
  EXPECT_EQ(mistakes(head + "overruled: { by: opinion, when: 'nobody.knows' }\n"),
            "4 router.bad_expression overruled.when");
  EXPECT_EQ(mistakes("route: a@1.0.0\ncandidates: { x: m1@1.0.0 }\n"
                     "overruled: { by: opinion, when: answer.ok }\n"),
            "3 router.nobody_learns overruled");
}

TEST(RouteDocument, TakesTheManifestsPrices) {
  models::ModelManifest manifest;
  manifest.currency = "EUR";
  models::Prices& prices = manifest.prices;
  prices.per_call = 0.00002;
  prices.per_input_token = 2.5e-6;
  prices.per_output_token = 1e-5;
  const PriceTable table = prices_of(manifest);
  EXPECT_EQ(table.call.to_string(), "0.00002");
  EXPECT_EQ(table.input_tokens.to_string(), "2.5");
  EXPECT_EQ(table.output_tokens.to_string(), "10");
  EXPECT_EQ(table.currency, "EUR");
}

TEST(RouteDocument, GivesAModelWithoutARouteOneCandidateAndNoSecondThoughts) {
  const auto route = Route::implicit({"fraud", "1.2.0"});
  EXPECT_TRUE(route->is_implicit());
  EXPECT_EQ(route->full_name(), "fraud@1.2.0");
  ASSERT_EQ(route->candidates.size(), 1u);
  EXPECT_FALSE(route->breaker.on);
  EXPECT_EQ(route->retry.on, static_cast<uint8_t>(Failure::kConnect));
}

}  // namespace
}  // namespace switchyard::router
