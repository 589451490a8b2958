#include <algorithm>

#include "compile.h"
#include "switchyard/router/limits.h"

// The parts of a route that say how a call is made: stickiness, retries, breakers, budgets, cache.
namespace switchyard::router {

using document::child_path;

void RouteReader::read_sticky(const Node& root) {
  const Node* node = root.find("sticky");
  if (node == nullptr) return;
  if (node->is(Node::Kind::kBool)) {
    route_->sticky = node->boolean ? Sticky::kKey : Sticky::kNone;
    return;
  }
  if (const auto by = in_.word(root, "", "sticky", {"none", "key", "tenant", "api_key"}))
    route_->sticky = static_cast<Sticky>(*by);
}

void RouteReader::read_fallbacks(const Node& root) {
  const Node* node = root.find("fallbacks");
  if (node == nullptr) return;
  if (!node->is(Node::Kind::kSequence) || node->items.size() > kMaxFallbacks) {
    in_.error(*node, "fallbacks", "bad_fallbacks",
              "`fallbacks` is a list of at most " + std::to_string(kMaxFallbacks) + " candidates, in order",
              "write fallbacks: [large, small]");
    return;
  }
  for (size_t i = 0; i < node->items.size(); ++i)
    if (const auto found = candidate_of(node->items[i], child_path("fallbacks", i)))
      route_->fallbacks.push_back(*found);
}

void RouteReader::read_retry(const Node& root) {
  const Node* node = root.find("retry");
  if (node == nullptr) return;
  if (!in_.mapping(*node, "retry", {"attempts", "on", "backoff", "budget"}, "{ attempts: 3 }")) return;
  Retry& retry = route_->retry;
  in_.whole(*node, "retry", "attempts", 1, kMaxAttempts, retry.attempts);
  in_.share(*node, "retry", "budget", retry.budget);
  if (const Node* backoff = node->find("backoff")) {
    const size_t dots = backoff->text.find("..");
    const auto first = parse_duration(std::string_view(backoff->text).substr(0, dots));
    const auto most =
        dots == std::string::npos ? first : parse_duration(std::string_view(backoff->text).substr(dots + 2));
    if (backoff->is(Node::Kind::kString) && first && most && *first <= *most && *most <= kMaxDeadlineUs) {
      retry.backoff_first_us = *first;
      retry.backoff_max_us = *most;
    } else {
      in_.error(*backoff, "retry.backoff", "bad_duration", backoff->describe() + " is no range of pauses",
                "write backoff: 50ms..2s");
    }
  }
  const Node* on = node->find("on");
  if (on == nullptr) return;
  static const std::vector<std::string> kNames{"connect", "unavailable", "rate_limited", "timeout",
                                               "server_error"};
  if (!on->is(Node::Kind::kSequence)) {
    in_.error(*on, "retry.on", "bad_errors", "`on` is a list of errors that are safe to repeat",
              "write on: [connect, unavailable, rate_limited]");
    return;
  }
  retry.on = 0;
  for (size_t i = 0; i < on->items.size(); ++i) {
    const Node& item = on->items[i];
    bool known = false;
    for (size_t bit = 0; bit < kNames.size(); ++bit) {
      if (!item.is(Node::Kind::kString) || item.text != kNames[bit]) continue;
      retry.on = static_cast<uint8_t>(retry.on | (1u << bit));
      known = true;
    }
    if (!known) in_.unknown_name(item, child_path("retry.on", i), "error", item.text, kNames);
  }
}

void RouteReader::read_hedge(const Node& root) {
  const Node* node = root.find("hedge");
  if (node == nullptr) return;
  if (!in_.mapping(*node, "hedge", {"after", "max_extra"}, "{ after: p95, max_extra: 5% }")) return;
  Hedge hedge;
  hedge.quantile = 0.95;
  if (const Node* after = node->find("after")) {
    const auto percentile = after->is(Node::Kind::kString) && after->text.size() > 1 && after->text[0] == 'p'
                                ? parse_percent(after->text.substr(1) + "%")
                                : std::nullopt;
    if (percentile && *percentile >= 0.5 && *percentile <= 0.999) {
      hedge.quantile = *percentile;
    } else if (const auto us = in_.duration_of(*after, "hedge.after", kMaxDeadlineUs)) {
      hedge.quantile = 0;
      hedge.after_us = *us;
    }
  }
  in_.share(*node, "hedge", "max_extra", hedge.max_extra);
  route_->hedge = hedge;
}

void RouteReader::read_breaker(const Node& root) {
  const Node* node = root.find("breaker");
  if (node == nullptr) return;
  Breaker& breaker = route_->breaker;
  if (node->is(Node::Kind::kBool)) {
    breaker.on = node->boolean;
    return;
  }
  if (!in_.mapping(*node, "breaker",
                   {"failure_rate", "slow_call", "slow_rate", "window", "min_calls", "open_for", "probes"},
                   "{ failure_rate: 50%, window: 30s }, or false"))
    return;
  in_.share(*node, "breaker", "failure_rate", breaker.failure_rate);
  in_.duration(*node, "breaker", "slow_call", kMaxDeadlineUs, breaker.slow_us);
  in_.share(*node, "breaker", "slow_rate", breaker.slow_rate);
  in_.duration(*node, "breaker", "window", kMaxDeadlineUs, breaker.window_us);
  in_.whole(*node, "breaker", "min_calls", 1, 1'000'000, breaker.min_calls);
  in_.duration(*node, "breaker", "open_for", kMaxDeadlineUs, breaker.open_us);
  in_.whole(*node, "breaker", "probes", 1, 1000, breaker.probes);
  if (breaker.failure_rate == 0)
    in_.error(*node, "breaker.failure_rate", "bad_share", "a breaker at 0% would never let a call through",
              "write failure_rate: 50%");
}

void RouteReader::read_concurrency(const Node& root) {
  const Node* node = root.find("concurrency");
  if (node == nullptr) return;
  Concurrency& limit = route_->concurrency;
  limit.on = true;
  if (node->is(Node::Kind::kString) && node->text == "adaptive") return;
  if (!in_.mapping(*node, "concurrency", {"initial", "min", "max"},
                   "{ initial: 20, max: 1000 }, or adaptive"))
    return;
  in_.whole(*node, "concurrency", "min", 1, 100'000, limit.least);
  in_.whole(*node, "concurrency", "max", 1, 100'000, limit.most);
  if (node->find("initial") == nullptr)
    limit.initial = std::min(std::max(limit.initial, limit.least), limit.most);
  in_.whole(*node, "concurrency", "initial", 1, 100'000, limit.initial);
  if (limit.least > limit.initial || limit.initial > limit.most)
    in_.error(*node, "concurrency", "bad_range", "min, initial and max must not descend",
              "write min: 1, initial: 20, max: 1000");
}

SpendLimit RouteReader::read_limit(const Node& parent, const std::string& key) {
  SpendLimit limit;
  const Node* node = parent.find(key);
  const std::string path = child_path("budget", key);
  if (node == nullptr) return limit;
  if (!in_.mapping(*node, path, {"day", "month", "tokens_day", "tokens_month"}, "{ day: 100, month: 2000 }"))
    return limit;
  const auto money = [&](std::string_view field, std::optional<Money>& into) {
    if (node->find(field) == nullptr) return;
    into.emplace();
    in_.money(*node, path, field, *into);
  };
  const auto tokens = [&](std::string_view field, std::optional<int64_t>& into) {
    if (node->find(field) == nullptr) return;
    into.emplace(0);
    in_.integer(*node, path, field, 0, int64_t{1'000'000'000'000'000}, *into);
  };
  money("day", limit.day);
  money("month", limit.month);
  tokens("tokens_day", limit.day_tokens);
  tokens("tokens_month", limit.month_tokens);
  if (!limit.any())
    in_.error(*node, path, "empty_budget", "`" + key + "` limits nothing",
              "write day: or month: with an amount");
  return limit;
}

void RouteReader::read_budget(const Node& root) {
  const Node* node = root.find("budget");
  if (node == nullptr) return;
  if (!in_.mapping(*node, "budget", {"currency", "route", "tenant", "key", "at_limit"},
                   "{ currency: EUR, route: { day: 100 } }"))
    return;
  Budget& budget = route_->budget;
  in_.text(*node, "budget", "currency", budget.currency);
  budget.route = read_limit(*node, "route");
  budget.tenant = read_limit(*node, "tenant");
  budget.key = read_limit(*node, "key");
  if (!budget.any() && in_.report.errors() == 0)
    in_.error(*node, "budget", "empty_budget", "the budget limits nothing",
              "write route:, tenant: or key: with { day: ..., month: ... }");
  const Node* at_limit = node->find("at_limit");
  if (at_limit == nullptr || (at_limit->is(Node::Kind::kString) && at_limit->text == "refuse")) return;
  if (in_.mapping(*at_limit, "budget.at_limit", {"use"}, "refuse, or { use: candidate }"))
    budget.use = candidate_at(*at_limit, "budget.at_limit", "use", true);
}

void RouteReader::read_cache(const Node& root) {
  const Node* node = root.find("cache");
  if (node == nullptr) return;
  Cache& cache = route_->cache;
  if (!in_.mapping(*node, "cache", {"ttl", "entries", "megabytes", "per_tenant", "semantic"}, "{ ttl: 10m }"))
    return;
  cache.ttl_us = 600'000'000;
  in_.duration(*node, "cache", "ttl", kMaxHoldUs, cache.ttl_us);
  in_.whole(*node, "cache", "entries", 1, kMaxCacheEntries, cache.entries);
  int64_t megabytes = static_cast<int64_t>(cache.bytes >> 20);
  in_.integer(*node, "cache", "megabytes", 1, kMaxCacheBytes >> 20, megabytes);
  cache.bytes = static_cast<size_t>(megabytes) << 20;
  in_.flag(*node, "cache", "per_tenant", cache.per_tenant);
  read_semantic(*node);
}

void RouteReader::read_semantic(const Node& parent) {
  const Node* node = parent.find("semantic");
  if (node == nullptr) return;
  const std::string path = "cache.semantic";
  if (!in_.mapping(*node, path, {"model", "price", "similarity", "at", "entries", "timeout"},
                   "{ model: embedder@1.0.0, similarity: 0.95 }"))
    return;
  SemanticCache& semantic = route_->cache.semantic.emplace();
  if (const ModelFacts* facts = read_model_of(*node, path, "embedder@1.0.0", semantic.embedder)) {
    const expression::Type& gives = facts->output_type;
    const expression::Field* embedding = gives.find_field("embedding");
    const bool fits =
        gives.is_dyn() || (embedding != nullptr && embedding->type.is(expression::TypeKind::kList) &&
                           (embedding->type.element().is_number() || embedding->type.element().is_dyn()));
    const bool takes = facts->input_type.fields().empty() || facts->input_type.open() ||
                       facts->input_type.find_field("input") != nullptr;
    if (!fits || !takes)
      in_.error(*node->find("model"), child_path(path, "model"), "no_embeddings",
                semantic.embedder.model.to_string() + " takes " + facts->input_type.to_string() +
                    " and gives " + gives.to_string() +
                    "; { input: text } and { embedding: [numbers] } are wanted",
                "name a model of kind embeddings");
  }
  if (const Node* price = node->find("price"))
    read_prices(*price, child_path(path, "price"), semantic.embedder.prices);
  in_.share(*node, path, "similarity", semantic.similarity);
  if (semantic.similarity < 0.5)
    in_.error(*node->find("similarity"), child_path(path, "similarity"), "bad_share",
              "texts that are less than 50% similar do not ask the same", "write similarity: 0.95");
  read_pointer(*node, path, semantic.pointer);
  in_.whole(*node, path, "entries", 1, kMaxSimilarEntries, semantic.entries);
  in_.duration(*node, path, "timeout", kMaxDeadlineUs, semantic.timeout_us);
}

void RouteReader::read_shadows(const Node& root) {
  const Node* node = root.find("shadow");
  if (node == nullptr) return;
  if (!node->is(Node::Kind::kSequence) || node->items.size() > kMaxShadows) {
    in_.error(*node, "shadow", "bad_shadow",
              "`shadow` is a list of at most " + std::to_string(kMaxShadows) + " models",
              "write shadow: [ { model: fraud-next@2.0.0, share: 10% } ]");
    return;
  }
  for (size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    const std::string path = child_path("shadow", i);
    if (!in_.mapping(item, path, {"model", "share", "compare", "price"},
                     "{ model: fraud-next@2.0.0, share: 10% }"))
      continue;
    Shadow shadow;
    if (const ModelFacts* facts = read_model_of(item, path, "fraud-next@2.0.0", shadow.candidate))
      check_types(*item.find("model"), child_path(path, "model"), shadow.candidate, *facts);
    shadow.candidate.name = shadow.candidate.model.to_string();
    if (const Node* price = item.find("price"))
      read_prices(*price, child_path(path, "price"), shadow.candidate.prices);
    in_.share(item, path, "share", shadow.share);
    shadow.compare = read_compare(item, path);
    route_->shadows.push_back(std::move(shadow));
  }
}

}  // namespace switchyard::router
