#include "metrics.h"

#include <algorithm>

namespace switchyard::router {

Metrics::Metrics(telemetry::Registry& registry)
    : calls_(registry.counters("switchyard_router_calls_total", "Calls of routes by how they ended.",
                               {"route", "candidate", "outcome"})),
      attempts_(registry.counters("switchyard_router_attempts_total",
                                  "Calls of model versions by why they were made and how they ended.",
                                  {"route", "candidate", "why", "outcome"})),
      skipped_(registry.counters("switchyard_router_skipped_total",
                                 "Candidates that were not asked, and why.",
                                 {"route", "candidate", "reason"})),
      cache_(registry.counters("switchyard_router_cache_requests_total", "Look-ups in the caches of routes.",
                               {"route", "outcome"})),
      shadows_(registry.counters("switchyard_router_shadow_calls_total", "Shadow calls by how they compared.",
                                 {"route", "outcome"})),
      cost_(registry.counters("switchyard_router_cost_nanos_total",
                              "What calls cost, in billionths of the currency's unit.",
                              {"route", "currency"})),
      seconds_(registry.histograms("switchyard_router_call_seconds", "From a call of a route to its answer.",
                                   {"route"})) {}

void Metrics::ended(const CallRecord& record) {
  const Route& route = *record.route;
  const auto name = [&](uint32_t candidate) -> std::string_view { return route.candidates[candidate].name; };
  const std::string_view candidate = record.candidate ? name(*record.candidate) : std::string_view("none");
  std::string_view outcome = record.error;
  if (record.error.empty()) outcome = record.cache_hit ? "cached" : "answered";
  calls_.with({route.name, candidate, outcome}).add();
  for (const AttemptRecord& attempt : record.attempts)
    attempts_.with({route.name, name(attempt.candidate), why_name(attempt.why), outcome_name(attempt)}).add();
  for (const SkippedRecord& skipped : record.skipped) {
    const std::string_view reason = std::string_view(skipped.reason).substr(0, skipped.reason.find(':'));
    skipped_.with({route.name, name(skipped.candidate), reason}).add();
  }
  if (record.cache_asked)
    cache_.with({route.name, record.cache_similar ? "similar" : record.cache_hit ? "hit" : "miss"}).add();
  if (record.embedding && record.embedding->asked)
    attempts_.with({route.name, "cache", "embedding", outcome_name(record.embedding->attempt)}).add();
  const Money cost = record.total_cost();
  if (cost.nanos > 0) cost_.with({route.name, record.currency()}).add(static_cast<uint64_t>(cost.nanos));
  seconds_.with({route.name}).observe(static_cast<double>(record.took_us) * 1e-6);
}

void Metrics::shadow(const std::string& route, bool ok, bool agreed) {
  shadows_.with({route, ok ? agreed ? "agreed" : "disagreed" : "failed"}).add();
}

}  // namespace switchyard::router
