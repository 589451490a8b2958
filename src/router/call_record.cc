#include "call_record.h"

namespace switchyard::router {
namespace {

class Writer {
 public:
  explicit Writer(Arena& arena) : arena_(arena) {}

  Value text(std::string_view value) { return Value::string(arena_.copy(value)); }
  void add_text(MapBuilder& map, std::string_view key, std::string_view value) {
    if (!value.empty()) map.add(key, text(value));
  }
  static void add_count(MapBuilder& map, std::string_view key, int64_t value) {
    if (value != 0) map.add(key, Value::integer(value));
  }
  static void add_flag(MapBuilder& map, std::string_view key, bool value) {
    if (value) map.add(key, Value::boolean(true));
  }

  Value attempt(const AttemptRecord& attempt, const Route& route) {
    const Candidate& candidate = route.candidates[attempt.candidate];
    MapBuilder map(arena_);
    map.add("candidate", text(candidate.name));
    map.add("model", text(candidate.model.to_string()));
    map.add("why", Value::string(why_name(attempt.why)));
    add_attempt(map, attempt);
    return map.build();
  }

  void add_attempt(MapBuilder& map, const AttemptRecord& attempt) {
    map.add("began_us", Value::integer(attempt.began_us));
    map.add("took_us", Value::integer(attempt.took_us));
    map.add("outcome", Value::string(outcome_name(attempt)));
    add_text(map, "endpoint", attempt.endpoint);
    add_count(map, "status", attempt.status);
    add_text(map, "error", attempt.error);
    add_count(map, "retry_after_us", attempt.retry_after_us);
    add_text(map, "served_by", attempt.served_by);
    add_text(map, "upstream_id", attempt.upstream_id);
    add_count(map, "parts", attempt.parts);
    add_count(map, "input_tokens", attempt.usage.input_tokens);
    add_count(map, "cached_tokens", attempt.usage.cached_tokens);
    add_count(map, "output_tokens", attempt.usage.output_tokens);
    if (attempt.cost.nanos != 0) map.add("cost", text(attempt.cost.to_string()));
    add_flag(map, "cost_estimated", attempt.estimated && attempt.cost.nanos != 0);
  }

  Value embedding(const EmbeddingRecord& embedding, const Candidate& embedder) {
    MapBuilder map(arena_);
    map.add("model", text(embedder.model.to_string()));
    if (embedding.asked) add_attempt(map, embedding.attempt);
    add_text(map, "unused", embedding.unused);
    return map.build();
  }

  Value cache(const CallRecord& record) {
    MapBuilder map(arena_);
    map.add("hit", Value::boolean(record.cache_hit));
    if (record.cache_hit) map.add("kind", Value::string(record.cache_similar ? "semantic" : "exact"));
    if (record.cache_similarity > 0) map.add("similarity", Value::real(record.cache_similarity));
    if (record.embedding)
      map.add("embedding", embedding(*record.embedding, record.route->cache.semantic->embedder));
    add_text(map, "decision", record.cache_decision);
    if (record.cache_hit) map.add("age_us", Value::integer(record.cache_age_us));
    return map.build();
  }

 private:
  Arena& arena_;
};

}  // namespace

std::string_view outcome_name(const AttemptRecord& attempt) {
  return attempt.ok ? "answered" : attempt.abandoned ? "abandoned" : attempt.ended ? "failed" : "running";
}

std::string_view why_name(Why why) {
  switch (why) {
    case Why::kFirst: return "first";
    case Why::kRetry: return "retry";
    case Why::kHedge: return "hedge";
    case Why::kFallback: return "fallback";
    case Why::kBudget: return "budget";
  }
  return "first";
}

Money CallRecord::total_cost() const {
  Money sum;
  for (const AttemptRecord& attempt : attempts) sum += attempt.cost;
  if (embedding) sum += embedding->attempt.cost;
  return sum;
}

std::string CallRecord::currency() const {
  for (const Candidate& each : route->candidates)
    if (!each.prices.empty()) return each.prices.currency;
  return route->cache.semantic ? route->cache.semantic->embedder.prices.currency : std::string();
}

Document provenance_of(const CallRecord& record) {
  auto arena = std::make_shared<Arena>(2048);
  Writer write(*arena);
  const Route& route = *record.route;
  MapBuilder map(*arena, 12);
  map.add("route", write.text(route.full_name()));
  if (record.candidate) {
    map.add("candidate", write.text(route.candidates[*record.candidate].name));
    map.add("model", write.text(route.candidates[*record.candidate].model.to_string()));
  }
  write.add_text(map, "why", record.why);
  write.add_text(map, "rerouted_from", record.rerouted_from);
  if (record.canary_share > 0) map.add("canary_share", Value::real(record.canary_share));
  if (record.in_experiment) map.add("experiment", write.text(route.experiment->name));
  ListBuilder attempts(*arena);
  for (const AttemptRecord& attempt : record.attempts) attempts.add(write.attempt(attempt, route));
  map.add("attempts", attempts.build());
  Writer::add_count(map, "attempts_left_out", record.attempts_left_out);
  if (!record.skipped.empty()) {
    ListBuilder skipped(*arena);
    for (const SkippedRecord& each : record.skipped) {
      MapBuilder one(*arena);
      one.add("candidate", write.text(route.candidates[each.candidate].name));
      one.add("reason", write.text(each.reason));
      skipped.add(one.build());
    }
    map.add("skipped", skipped.build());
  }
  if (record.cache_asked) map.add("cache", write.cache(record));
  if (!record.shadows.empty()) {
    ListBuilder shadows(*arena);
    for (const std::string& model : record.shadows) shadows.add(write.text(model));
    map.add("shadow", shadows.build());
  }
  Writer::add_flag(map, "budget_spent", record.budget_spent);
  const std::string currency = record.currency();
  if (!currency.empty()) {
    map.add("cost", write.text(record.total_cost().to_string()));
    map.add("currency", write.text(currency));
  }
  map.add("took_us", Value::integer(record.took_us));
  write.add_text(map, "error", record.error);
  const Value root = map.build();
  return Document(std::move(arena), root);
}

}  // namespace switchyard::router
