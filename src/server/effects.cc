#include "effects.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "model_effects.h"
#include "switchyard/http/header_map.h"
#include "switchyard/http/url.h"
#include "switchyard/types/json.h"
#include "tracing.h"

namespace switchyard::server {
namespace {

void add_remote_meta(const models::ModelAnswer& answer, MapBuilder& meta, Arena& arena) {
  const auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) meta.add(name, Value::string(arena.copy(value)));
  };
  text("endpoint", answer.endpoint);
  text("served_by", answer.served_by);
  text("upstream_id", answer.upstream_id);
  if (answer.first_part_us != 0) meta.add("first_part_us", Value::integer(answer.first_part_us));
  if (answer.usage.input_tokens + answer.usage.output_tokens == 0) return;
  MapBuilder usage(arena);
  usage.add("input_tokens", Value::integer(answer.usage.input_tokens));
  if (answer.usage.cached_tokens != 0) usage.add("cached_tokens", Value::integer(answer.usage.cached_tokens));
  usage.add("output_tokens", Value::integer(answer.usage.output_tokens));
  meta.add("usage", usage.build());
}

/// Where and how long the model ran.
void add_run_meta(const models::ModelAnswer& answer, MapBuilder& meta, Arena& arena) {
  meta.add("queue_us", Value::integer(answer.queue_us));
  meta.add("run_us", Value::integer(answer.run_us));
  if (answer.model->manifest.is_remote()) return add_remote_meta(answer, meta, arena);
  meta.add("batch", Value::integer(answer.batch_size));
  meta.add("bucket", Value::integer(answer.place.bucket));
  meta.add("position", Value::integer(answer.place.position));
}

router::SpendLimit limit_of(const gateway::Budget& budget) {
  constexpr int64_t kNanosOfMicro = 1000;
  router::SpendLimit limit;
  if (budget.day_micros != 0) limit.day = router::Money{budget.day_micros * kNanosOfMicro};
  if (budget.month_micros != 0) limit.month = router::Money{budget.month_micros * kNanosOfMicro};
  return limit;
}

/// How a call went, as the decision's record has it.
Document model_meta(const router::RouteAnswer& routed, bool by_route) {
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder meta(*arena);
  if (routed.answer.ok()) {
    const models::ModelAnswer& answer = *routed.answer;
    meta.add("model", Value::string(arena->copy(answer.model->name() + "@" + answer.model->version())));
    if (!answer.model->sha256.empty()) meta.add("sha256", Value::string(arena->copy(answer.model->sha256)));
    meta.add("runtime", Value::string(arena->copy(answer.model->runtime)));
    // What a cache gives ran nowhere: the routing names the decision that it was made for.
    if (!routed.cached) add_run_meta(answer, meta, *arena);
  }
  if (routed.answer.ok() && !routed.answer->privacy->is_null())
    meta.add("privacy", copy_value(routed.answer->privacy.root(), *arena));
  if (routed.cost.nanos != 0) meta.add("cost", Value::real(routed.cost.units()));
  // Nothing was decided where a model without a route was asked once and answered.
  const Value* attempts = routed.provenance->is(Kind::kMap) ? routed.provenance->find("attempts") : nullptr;
  const bool once = attempts != nullptr && attempts->is(Kind::kList) && attempts->size() == 1;
  if (!routed.answer.ok() || !once || by_route)
    meta.add("routing", copy_value(routed.provenance.root(), *arena));
  const Value value = meta.build();
  return Document(std::move(arena), value);
}

bool expected(const std::vector<uint16_t>& expect, int status) {
  if (expect.empty()) return status >= 200 && status < 300;
  return std::find(expect.begin(), expect.end(), status) != expect.end();
}

Error unexpected(const std::string& url, int status) {
  // What the far side may get over is worth another try.
  const bool passing = status >= 500 || status == 408 || status == 425 || status == 429;
  return make_error(passing ? ErrorKind::kUnavailable : ErrorKind::kUnprocessable, "http.unexpected_status",
                    url + " answered with status " + std::to_string(status));
}

/// { status, headers, body }: the body as JSON where it is JSON, else as text.
Result<Document> http_result(const http::ClientResponse& response) {
  auto arena = std::make_shared<Arena>(response.body.size() * 2 + 1024);
  MapBuilder result(*arena);
  result.add("status", Value::integer(response.status));
  result.add("headers", http::header_map(response.headers, *arena));
  Value body;
  if (!response.body.empty()) {
    const bool json = response.header("Content-Type").find("json") != std::string_view::npos;
    if (json) {
      auto parsed = parse_json(response.body, *arena);
      if (!parsed.ok())
        return make_error(ErrorKind::kUnprocessable, "http.bad_json",
                          "the answer is no valid JSON: " + parsed.error().message);
      body = *parsed;
    } else {
      body = Value::string(arena->copy(response.body));
    }
  }
  result.add("body", body);
  const Value value = result.build();
  return Document(std::move(arena), value);
}

/// Where nothing can be learnt all is taken for spent: first attempts are made all the same.
constexpr Tried kAll{0, router::kDefaultCallBudget};

}  // namespace

void Effects::execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) {
  if (parts_.tracing != nullptr) request.trace = parts_.tracing->trace_of(request);
  if (std::holds_alternative<workflow::HttpCall>(request.call))
    return call_http(std::move(request), std::move(done));
  if (std::holds_alternative<workflow::TaskCall>(request.call))
    return call_task(std::move(request), std::move(done));
  auto shared = std::make_shared<const workflow::EffectRequest>(std::move(request));
  if (!budgets_.is_unknown(shared->run)) return call_models(shared, std::move(done));
  recall(shared->run,
         [this, shared, done = std::move(done)]() mutable { call_models(shared, std::move(done)); });
}

void Effects::recall(const RunId& run, std::function<void()> then) {
  engine_->get_offsets(run, 0, UINT64_MAX, [this, run, then](Result<std::vector<uint64_t>> offsets) {
    const bool reads = parts_.pool.submit([this, run, then, offsets = std::move(offsets)] {
      auto history = offsets.ok() ? engine_->read_events(run, *offsets)
                                  : Result<std::vector<partition::RecordedEvent>>(offsets.error());
      budgets_.recall(run, history.ok() ? tried_in(*history) : kAll);
      then();
    });
    if (reads) return;
    budgets_.recall(run, kAll);
    then();
  });
}

std::optional<router::SpendLimit> Effects::budget_of(const std::string& principal) const {
  const auto of_key = parts_.keys.budget_of(principal), of_other = parts_.door.budget_of(principal);
  if (!of_key.has_value() && !of_other.has_value()) return std::nullopt;
  return limit_of(gateway::tighter(of_key.value_or(gateway::Budget{}), of_other.value_or(gateway::Budget{})));
}

// The request keeps the pipeline alive that the inputs of its calls point to.
void Effects::call_models(const std::shared_ptr<const workflow::EffectRequest>& request, EffectDone done) {
  const auto* single = std::get_if<workflow::ModelCall>(&request->call);
  // Only what is the answer as it comes is shown while it comes.
  const bool is_plain = single != nullptr && !single->prompt.has_value();
  // The members of a panel and the repairs of a prompt share what may be tried again, and are given up
  // together.
  const auto attempts = budgets_.lend(request->run);
  const auto live = parts_.live_calls.join(request->run);
  const auto budget = budget_of(request->principal);
  const Infer infer = [this, request, is_plain, attempts, live, budget](
                          const workflow::ModelCall& call, const Document& input, int64_t deadline_us,
                          EffectDone answered) {
    if (live->abandoned())
      return answered({make_error(ErrorKind::kCancelled, "models.cancelled", "the call was cancelled"), {}});
    router::RouteCall routed;
    if (call.routed)
      routed.route = call.name;
    else
      routed.implicit = parts_.routing.implicit({call.name, call.version});
    routed.input = input;
    routed.sticky_key = request->key;
    routed.tenant = request->tenant;
    routed.api_key = request->principal;
    if (budget.has_value()) routed.budgets.push_back({router::Scope::kKey, request->principal, *budget});
    routed.decision = request->run.to_string();
    routed.trace = request->trace;
    routed.priority = request->priority;
    routed.idempotency_key = request->idempotency_key;
    routed.attempts = attempts;
    // The models' deadlines are on a clock that does not jump.
    const int64_t left_us = std::max<int64_t>(1, deadline_us - parts_.clock.now_us());
    routed.deadline_us = parts_.clock.monotonic_us() + left_us;
    auto wanted = live->wanted();
    if (wanted.deadline_us != 0 && wanted.deadline_us < routed.deadline_us) {
      routed.deadline_us = wanted.deadline_us;
      routed.clients_deadline = true;
    }
    if (is_plain) routed.on_part = std::move(wanted.on_part);
    live->began(parts_.routing.router().call(
        std::move(routed), [answered = std::move(answered), request, live,
                            by_route = call.routed](router::RouteAnswer routed_answer) {
          Document meta = model_meta(routed_answer, by_route);
          auto& answer = routed_answer.answer;
          if (answer.ok()) {
            // Comes on the clients' thread; what is left to do of such a run is little.
            std::optional<partition::DriveHere> drive_here;
            if (!answer->endpoint.empty() && request->pipeline->name.starts_with(governance::kCallsPrefix))
              drive_here.emplace();
            return answered({std::move(answer->output), std::move(meta)});
          }
          live->failed({routed_answer.retry_after_us, routed_answer.budget_spent});
          // When a budget begins anew is too far away to wait for.
          const int64_t retry_after_us =
              answer.error().code == "router.budget" ? 0 : routed_answer.retry_after_us;
          answered({std::move(answer).error(), std::move(meta), retry_after_us});
        }));
  };
  if (single != nullptr)
    ask_model(*single, request->deadline_us, infer, std::move(done));
  else
    ask_panel(*request, parts_.clock, infer, std::move(done));
}

void Effects::call_http(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) {
  auto& call = std::get<workflow::HttpCall>(request.call);
  // A url that is none is refused by the client, with its reason.
  if (const auto url = http::parse_url(call.url); url.ok()) {
    if (Status allowed = parts_.egress.check(*url); !allowed.ok()) return done({allowed.error(), {}});
  }
  http::ClientRequest outgoing;
  outgoing.method = http::method_from(call.method);
  outgoing.url = call.url;
  for (auto& [name, value] : call.headers) outgoing.headers.push_back({name, value});
  const auto has = [&](std::string_view name) {
    return std::any_of(outgoing.headers.begin(), outgoing.headers.end(),
                       [&](const auto& h) { return http::header_name_equal(h.name, name); });
  };
  if (!call.body.empty() && !has("Content-Type"))
    outgoing.headers.push_back({"Content-Type", "application/json"});
  if (!has("Idempotency-Key")) outgoing.headers.push_back({"Idempotency-Key", request.idempotency_key});
  if (!request.trace.empty() && !has("traceparent"))
    outgoing.headers.push_back({"traceparent", request.trace});
  outgoing.body = std::move(call.body);
  outgoing.priority = request.priority;
  outgoing.idempotent = request.effect != workflow::EffectClass::kEffectful;
  outgoing.timeout_ms = std::max<int64_t>(1, (request.deadline_us - parts_.clock.now_us()) / 1000);
  const int64_t begun_us = parts_.clock.monotonic_us();
  parts_.client.request(std::move(outgoing), [this, begun_us, url = call.url, expect = call.expect,
                                              done = std::move(done)](http::ClientResult result) {
    auto arena = std::make_shared<Arena>(256);
    MapBuilder meta(*arena);
    meta.add("run_us", Value::integer(parts_.clock.monotonic_us() - begun_us));
    if (result.response.ok()) meta.add("status", Value::integer(result.response->status));
    const Value told = meta.build();
    Document about(std::move(arena), told);
    if (!result.response.ok()) return done({std::move(result.response).error(), std::move(about)});
    if (!expected(expect, result.response->status))
      return done({unexpected(url, result.response->status), std::move(about)});
    done({http_result(*result.response), std::move(about)});
  });
}

}  // namespace switchyard::server
