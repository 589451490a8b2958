#include "compile.h"

#include <algorithm>

#include "switchyard/router/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::router {

using document::child_path;

namespace {

const std::vector<std::string> kFields{"route",      "description", "candidates",  "sticky",    "canary",
                                       "experiment", "overruled",   "shadow",      "fallbacks", "retry",
                                       "hedge",      "breaker",     "concurrency", "budget",    "cache",
                                       "deadline",   "ack"};

bool is_candidate_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::optional<uint32_t> Route::find(std::string_view candidate) const {
  for (uint32_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].name == candidate) return i;
  return std::nullopt;
}

std::shared_ptr<const Route> Route::implicit(const models::ModelName& model, const ModelFacts& facts) {
  auto route = std::make_shared<Route>();
  route->name = model.to_string();
  route->candidates.push_back({"model", model, 1, facts.prices, facts.backend, facts.vendor});
  route->sticky = Sticky::kNone;
  route->retry.on = static_cast<uint8_t>(Failure::kConnect);
  route->breaker.on = false;
  route->deadline_us = kMaxDeadlineUs;
  const PriceTable& prices = facts.prices;
  std::string content = route->name + "\n" + facts.backend + "\n" + facts.vendor + "\n" + prices.currency;
  for (const Money price : {prices.input_tokens, prices.cached_tokens, prices.output_tokens, prices.call,
                            prices.second, prices.human_minute})
    content += "\n" + price.to_string();
  route->sha256 = switchyard::sha256(content);
  return route;
}

RouteOutcome compile(const document::Node& document, const std::string& file, Resolver& resolver) {
  return RouteReader(file, resolver).read(document);
}

RouteOutcome RouteReader::read(const Node& root) {
  if (!in_.mapping(root, "", kFields, "route: name@1.0.0 and candidates"))
    return {nullptr, in_.report.take()};
  Arena arena;
  route_->sha256 = switchyard::sha256(to_canonical_json(document::to_value(root, arena)));
  read_name(root);
  in_.text(root, "", "description", route_->description);
  read_candidates(root);
  read_sticky(root);
  read_fallbacks(root);
  read_retry(root);
  read_hedge(root);
  read_breaker(root);
  read_concurrency(root);
  read_cache(root);
  read_shadows(root);
  read_canary(root);
  read_experiment(root);
  read_overruled(root);
  read_budget(root);
  in_.duration(root, "", "deadline", kMaxDeadlineUs, route_->deadline_us);
  if (const auto ack = in_.word(root, "", "ack", {"durable", "replicated", "received"}))
    route_->ack = static_cast<Ack>(*ack);
  if (in_.report.errors() == 0) check_prices(root);
  if (in_.report.errors() != 0) route_.reset();
  return {std::move(route_), in_.report.take()};
}

void RouteReader::read_name(const Node& root) {
  const Node* node = root.find("route");
  auto name = models::ModelName::parse(node == nullptr ? std::string_view() : std::string_view(node->text));
  if (!name.ok() || !node->is(Node::Kind::kString)) {
    in_.error(node == nullptr ? root : *node, "route", "bad_name",
              node == nullptr ? "the route has no name" : node->describe() + " is no name with a version",
              "write route: fraud-score@1.0.0");
    return;
  }
  route_->name = name->name;
  route_->version = name->version;
}

std::vector<std::string> RouteReader::candidate_names() const {
  std::vector<std::string> names;
  for (const auto& candidate : route_->candidates) names.push_back(candidate.name);
  return names;
}

void RouteReader::read_candidates(const Node& root) {
  const Node* node = root.find("candidates");
  if (node == nullptr || !node->is(Node::Kind::kMapping) || node->entries.empty()) {
    in_.error(node == nullptr ? root : *node, "candidates", "no_candidates",
              "the route needs candidates: the model versions that may answer",
              "write candidates: { main: fraud-light@1.2.0 }");
    return;
  }
  if (node->entries.size() > kMaxCandidates)
    in_.error(*node, "candidates", "too_many_candidates",
              "there are " + std::to_string(node->entries.size()) + " candidates",
              "write at most " + std::to_string(kMaxCandidates));
  uint64_t weights = 0;
  for (const auto& entry : node->entries) {
    const std::string path = child_path("candidates", entry.key);
    if (!is_candidate_name(entry.key))
      in_.report.error(entry.position, path, "router.bad_candidate",
                       "'" + entry.key + "' is no name of a candidate",
                       "write small letters, digits, dashes and underscores, 64 at most");
    route_->candidates.push_back(read_candidate(entry.key, entry.value, path));
    weights += route_->candidates.back().weight;
  }
  if (weights == 0)
    in_.error(*node, "candidates", "no_weight", "every candidate has weight 0, so none can be chosen",
              "give at least one of them a weight");
}

Candidate RouteReader::read_candidate(const std::string& name, const Node& node, const std::string& path) {
  Candidate candidate;
  candidate.name = name;
  if (node.is(Node::Kind::kString)) {
    const ModelFacts* facts = read_model(node, node.text, path, candidate);
    if (facts != nullptr) check_types(node, path, candidate, *facts);
    return candidate;
  }
  if (!in_.mapping(node, path, {"model", "weight", "price"}, "{ model: fraud-light@1.2.0, weight: 90 }"))
    return candidate;
  const Node* model = node.find("model");
  const ModelFacts* facts = read_model_of(node, path, "fraud-light@1.2.0", candidate);
  if (facts != nullptr) check_types(*model, child_path(path, "model"), candidate, *facts);
  in_.whole(node, path, "weight", 0, kMaxWeight, candidate.weight);
  if (const Node* price = node.find("price"))
    read_prices(*price, child_path(path, "price"), candidate.prices);
  return candidate;
}

const ModelFacts* RouteReader::read_model(const Node& at, const std::string& text, const std::string& path,
                                          Candidate& candidate) {
  const auto name = models::ModelName::parse(text);
  if (!name.ok()) {
    in_.error(at, path, "bad_model", "'" + text + "' is no model with a version",
              "write name@version, like fraud-light@1.2.0");
    return nullptr;
  }
  candidate.model = *name;
  const ModelFacts* facts = resolver_.model(*name);
  if (facts == nullptr) {
    in_.unknown_name(at, path, "model", text, resolver_.models());
    return nullptr;
  }
  candidate.prices = facts->prices;
  candidate.backend = facts->backend;
  candidate.vendor = facts->vendor;
  return facts;
}

const ModelFacts* RouteReader::read_model_of(const Node& part, const std::string& path, const char* example,
                                             Candidate& candidate) {
  const Node* model = part.find("model");
  const std::string here = child_path(path, "model");
  if (model != nullptr && model->is(Node::Kind::kString))
    return read_model(*model, model->text, here, candidate);
  in_.error(model == nullptr ? part : *model, here, "bad_model", "a model with its version is wanted",
            "write model: " + std::string(example));
  return nullptr;
}

/// Whoever asks the route sees one model: what it takes and gives may not depend on the draw.
void RouteReader::check_types(const Node& at, const std::string& path, const Candidate& candidate,
                              const ModelFacts& facts) {
  if (!output_type_) {
    input_type_ = facts.input_type;
    output_type_ = facts.output_type;
    return;
  }
  const auto differ = [&](const expression::Type& first, const expression::Type& here, const char* what) {
    if (first == here) return;
    in_.error(at, path, "different_models",
              candidate.model.to_string() + " has the " + what + " " + here.to_string() + ", and " +
                  route_->candidates.front().model.to_string() + " has " + first.to_string(),
              "route only between models with the same input and output");
  };
  differ(*input_type_, facts.input_type, "input");
  differ(*output_type_, facts.output_type, "output");
}

void RouteReader::read_prices(const Node& node, const std::string& path, PriceTable& prices) {
  if (!in_.mapping(node, path,
                   {"currency", "input_tokens", "cached_tokens", "output_tokens", "call", "second",
                    "human_minute", "max_output_tokens"},
                   "{ currency: EUR, input_tokens: 2.50, output_tokens: 10 }"))
    return;
  in_.text(node, path, "currency", prices.currency);
  const bool currency =
      prices.currency.size() == 3 && std::all_of(prices.currency.begin(), prices.currency.end(),
                                                 [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!currency)
    in_.error(node, child_path(path, "currency"), "bad_currency", "'" + prices.currency + "' is no currency",
              "write its three letters: currency: EUR");
  in_.money(node, path, "input_tokens", prices.input_tokens);
  prices.cached_tokens = prices.input_tokens;
  in_.money(node, path, "cached_tokens", prices.cached_tokens);
  in_.money(node, path, "output_tokens", prices.output_tokens);
  in_.money(node, path, "call", prices.call);
  in_.money(node, path, "second", prices.second);
  in_.money(node, path, "human_minute", prices.human_minute);
  in_.whole(node, path, "max_output_tokens", 1, 10'000'000, prices.max_output_tokens);
}

std::optional<uint32_t> RouteReader::candidate_of(const Node& node, const std::string& path) {
  if (node.is(Node::Kind::kString))
    if (const auto found = route_->find(node.text)) return found;
  if (node.is(Node::Kind::kString))
    in_.unknown_name(node, path, "candidate", node.text, candidate_names());
  else
    in_.error(node, path, "bad_candidate",
              "the name of a candidate is wanted, and this is " + node.describe(),
              "name one of the candidates");
  return std::nullopt;
}

std::optional<uint32_t> RouteReader::candidate_at(const Node& parent, const std::string& path,
                                                  std::string_view key, bool required) {
  const Node* node = parent.find(key);
  if (node != nullptr) return candidate_of(*node, child_path(path, key));
  if (required)
    in_.error(parent, child_path(path, key), "missing", "`" + std::string(key) + "` is missing",
              "name one of the candidates");
  return std::nullopt;
}

/// Sums and limits need one currency.
void RouteReader::check_prices(const Node& root) {
  std::string currency = route_->budget.currency;
  const auto check = [&](const Candidate& candidate, const std::string& path) {
    if (candidate.prices.empty()) {
      const bool money = route_->budget.route.day || route_->budget.route.month ||
                         route_->budget.tenant.day || route_->budget.tenant.month || route_->budget.key.day ||
                         route_->budget.key.month;
      if (money)
        in_.report.error(document::position_of(root, path), path, "router.no_price",
                         "the route has a budget, and " + candidate.model.to_string() + " has no price",
                         "write price: { currency: EUR, ... }, with call: 0 where it costs nothing");
      return;
    }
    if (currency.empty()) currency = candidate.prices.currency;
    if (candidate.prices.currency != currency)
      in_.report.error(document::position_of(root, path), path, "router.two_currencies",
                       candidate.model.to_string() + " is paid in " + candidate.prices.currency +
                           ", the route counts in " + currency,
                       "write price: with amounts in " + currency);
  };
  for (const auto& candidate : route_->candidates) check(candidate, child_path("candidates", candidate.name));
  if (route_->cache.semantic) check(route_->cache.semantic->embedder, "cache.semantic");
  route_->budget.currency = currency;
}

PriceTable prices_of(const models::ModelManifest& manifest) {
  const auto million = [](double per_token) { return Money::from_double(per_token * 1e6); };
  PriceTable prices;
  prices.currency = manifest.currency;
  prices.input_tokens = million(manifest.prices.per_input_token);
  prices.cached_tokens = million(manifest.prices.per_cached_token);
  prices.output_tokens = million(manifest.prices.per_output_token);
  prices.call = Money::from_double(manifest.prices.per_call);
  prices.second = Money::from_double(manifest.prices.per_second);
  return prices;
}

}  // namespace switchyard::router
