// /api/v1/routes: how routes stand, what is sent elsewhere, people's verdicts; /api/v1/spend.
#include "surfaces/common.h"
#include "switchyard/router/ledger.h"
#include "switchyard/router/router.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

void append_candidate(const router::CandidateStatus& candidate, int64_t now_us, std::string& out) {
  JsonObject object(out);
  object.text("name", candidate.name)
      .text("model", candidate.model.to_string())
      .real("share", candidate.share)
      .text("breaker", candidate.breaker)
      .number("calls", static_cast<int64_t>(candidate.calls))
      .number("failures", static_cast<int64_t>(candidate.failures))
      .number("retries", static_cast<int64_t>(candidate.retries))
      .number("hedges", static_cast<int64_t>(candidate.hedges))
      .number("fallbacks", static_cast<int64_t>(candidate.fallbacks))
      .number("refused", static_cast<int64_t>(candidate.refused))
      .number("in_flight", candidate.in_flight);
  if (candidate.limit != 0) object.number("limit", candidate.limit);
  object.number("p50_us", candidate.p50_us)
      .number("p95_us", candidate.p95_us)
      .number("p99_us", candidate.p99_us);
  if (candidate.cooling_until_us > now_us) object.number("cooling_us", candidate.cooling_until_us - now_us);
  object.close();
}

void append_shadow(const router::ShadowStatus& shadow, std::string& out) {
  JsonObject object(out);
  object.text("model", shadow.model.to_string())
      .number("calls", static_cast<int64_t>(shadow.calls))
      .number("failures", static_cast<int64_t>(shadow.failures))
      .number("agreed", static_cast<int64_t>(shadow.agreed))
      .number("disagreed", static_cast<int64_t>(shadow.disagreed))
      .number("dropped", static_cast<int64_t>(shadow.dropped))
      .real("mean_difference", shadow.mean_difference)
      .number("p50_us", shadow.p50_us)
      .number("p95_us", shadow.p95_us)
      .real("cost", shadow.cost.units());
  object.close();
}

void append_route(const router::RouteStatus& route, int64_t now_us, std::string& out) {
  JsonObject object(out);
  object.text("name", route.route);
  if (!route.version.empty()) object.text("version", route.version);
  std::string& candidates = object.raw("candidates");
  candidates += '[';
  for (const auto& candidate : route.candidates) {
    if (candidates.back() != '[') candidates += ',';
    append_candidate(candidate, now_us, candidates);
  }
  candidates += ']';
  std::string& shadows = object.raw("shadows");
  shadows += '[';
  for (const auto& shadow : route.shadows) {
    if (shadows.back() != '[') shadows += ',';
    append_shadow(shadow, shadows);
  }
  shadows += ']';
  if (route.canary.has_value()) {
    JsonObject canary(object.raw("canary"));
    canary.text("phase", router::canary_phase_name(route.canary->phase))
        .number("step", route.canary->step)
        .time("started_at", route.canary->started_us)
        .time("step_began_at", route.canary->step_began_us);
    if (!route.canary_evidence->is_null()) canary.value("evidence", route.canary_evidence.root());
    canary.close();
  }
  if (!route.experiment->is_null()) object.value("experiment", route.experiment.root());
  JsonObject cache(object.raw("cache"));
  cache.number("hits", static_cast<int64_t>(route.cache_hits))
      .number("similar_hits", static_cast<int64_t>(route.cache_similar_hits))
      .number("misses", static_cast<int64_t>(route.cache_misses))
      .number("entries", static_cast<int64_t>(route.cache_entries))
      .number("bytes", static_cast<int64_t>(route.cache_bytes))
      .close();
  object.close();
}

void list_routes(Call&& call, const Services& services) {
  std::string json = "{\"routes\":[";
  for (const auto& route : services.router->status()) {
    if (json.back() != '[') json += ',';
    append_route(route, services.clock->monotonic_us(), json);
  }
  call.answer_json(200, json + "]}");
}

/// Waits for the disk, so it runs on the pool.
void reroute(Call&& call, const Services& services) {
  auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"route", "from", "to", "why"}); !known.ok())
    return call.fail(known.error());
  on_pool(services, std::move(call), [&services, document = *body](Call& later) {
    const auto changed = [&]() -> Status {
      SY_ASSIGN_OR_RETURN(const std::string route, text_member(document.root(), "route"));
      SY_ASSIGN_OR_RETURN(const std::string from, text_member(document.root(), "from"));
      SY_ASSIGN_OR_RETURN(const std::string to, optional_text(document.root(), "to"));
      SY_ASSIGN_OR_RETURN(const std::string why, optional_text(document.root(), "why"));
      return services.governance->reroute(route, from, to, later.caller.name, why);
    }();
    if (!changed.ok()) return later.fail(changed.error());
    std::string json;
    JsonObject(json)
        .number("governance_offset", static_cast<int64_t>(services.governance->snapshot()->offset().value))
        .close();
    later.answer_json(200, std::move(json));
  });
}

void feedback(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  const auto told = [&]() -> Status {
    SY_RETURN_IF_ERROR(only_members(body->root(), {"candidate", "overruled", "reward"}));
    SY_ASSIGN_OR_RETURN(const std::string candidate, text_member(body->root(), "candidate"));
    const std::string name(call.request.path_parameter("name"));
    const auto route = services.router->route(name);
    if (route == nullptr)
      return make_error(ErrorKind::kNotFound, "router.no_route", "there is no route '" + name + "'", "name");
    if (!route->find(candidate).has_value())
      return make_error(ErrorKind::kNotFound, "governance.unknown_candidate",
                        "route " + route->full_name() + " has no candidate '" + candidate + "'", "candidate");
    std::optional<bool> overruled;
    if (body->root().find("overruled") != nullptr) {
      SY_ASSIGN_OR_RETURN(overruled, optional_bool(body->root(), "overruled", false));
    }
    std::optional<double> reward;
    if (const Value* value = body->root().find("reward")) {
      if (!value->is_number())
        return make_error(ErrorKind::kInvalidArgument, "request.bad_type", "'reward' is a number", "reward");
      reward = value->to_double();
    }
    if (!overruled.has_value() && !reward.has_value())
      return make_error(ErrorKind::kInvalidArgument, "request.missing", "say 'overruled' or 'reward'",
                        "reward");
    services.router->feedback(name, candidate, overruled, reward);
    return {};
  }();
  if (!told.ok()) return call.fail(told.error());
  call.answer_json(200, "{}");
}

void spend(Call&& call, const Services& services) {
  constexpr int64_t kDay = 86'400'000'000;
  std::string json = "{\"accounts\":[";
  for (const router::Spend& one : services.ledger->spends()) {
    if (json.back() != '[') json += ',';
    JsonObject object(json);
    object.text("scope", router::scope_name(one.scope)).text("id", one.id).text("currency", one.currency);
    if (one.month) {
      const int64_t year = 1970 + one.window / 12, month = one.window % 12 + 1;
      object.text("month", std::to_string(year) + (month < 10 ? "-0" : "-") + std::to_string(month));
    } else {
      object.text("day", time_text(one.window * kDay).substr(0, 10));
    }
    object.text("spent", one.spent.to_string())
        .text("reserved", one.reserved.to_string())
        .number("tokens", one.tokens)
        .number("reserved_tokens", one.reserved_tokens);
    object.close();
  }
  call.answer_json(200, json + "]}");
}

}  // namespace

void add_routes(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /api/v1/routes", "list_routes", Permission::kDeploymentsRead, list_routes);
  on("POST /api/v1/reroutes", "reroute", Permission::kSwitchesWrite, reroute);
  on("POST /api/v1/routes/{name}/feedback", "give_route_feedback", Permission::kDecisionsStart, feedback);
  on("GET /api/v1/spend", "list_spend", Permission::kMetricsRead, spend);
}

}  // namespace switchyard::gateway
