#include "traced_calls.h"

#include <array>
#include <memory>
#include <utility>

#include "switchyard/base/hash.h"
#include "switchyard/http/url.h"
#include "switchyard/runtime/random.h"

namespace switchyard::server {
namespace {

using otlp::Attributes;
using otlp::Span;

/// For what generates nothing the conventions have no name of their own.
std::string operation_of(const models::ModelManifest* manifest) {
  if (manifest != nullptr && manifest->kind == models::ModelKind::kChat) return "chat";
  if (manifest != nullptr && manifest->kind == models::ModelKind::kEmbeddings) return "embeddings";
  return "inference";
}

/// What the conventions call `error.type`; nothing of a message, which may hold what was asked.
std::string error_type(const models::CallOutcome& outcome) {
  if (outcome.status >= 400) return std::to_string(outcome.status);
  const Error& error = outcome.answer.error();
  return error.kind == ErrorKind::kDeadlineExceeded ? "timeout" : error.code;
}

/// A span below `traceparent`; null where that is not sampled. `traceparent` becomes the span's.
std::unique_ptr<Span> begin_span(std::string& traceparent) {
  const auto parent = telemetry::parse_traceparent(traceparent);
  if (!parent || !parent->sampled) return nullptr;
  std::array<uint8_t, 8> id{};
  runtime::system_random().fill(id);
  auto span = std::make_unique<Span>();
  span->trace_id = parent->trace_id;
  span->parent_id = parent->span_id;
  span->span_id = to_hex(id);
  traceparent = telemetry::Traceparent{span->trace_id, span->span_id, true}.to_string();
  return span;
}

/// What answers tell beyond the attributes that metrics have as well.
void describe_answer(const models::ModelAnswer& answer, Span& span) {
  if (answer.usage.input_tokens + answer.usage.output_tokens != 0) {
    span.attributes.push_back({"gen_ai.usage.input_tokens", answer.usage.input_tokens});
    span.attributes.push_back({"gen_ai.usage.output_tokens", answer.usage.output_tokens});
  }
  if (answer.usage.cached_tokens != 0)
    span.attributes.push_back({"gen_ai.usage.cache_read.input_tokens", answer.usage.cached_tokens});
  const Value& output = answer.output.root();
  const Value* reason = output.is(Kind::kMap) ? output.find("finish_reason") : nullptr;
  if (reason != nullptr && reason->is(Kind::kString))
    span.attributes.push_back(
        {"gen_ai.response.finish_reasons", std::vector{std::string(reason->as_string())}});
}

}  // namespace

/// One call on its way.
struct TracedCalls::Exchange {
  models::ModelName model;
  std::string operation, provider = std::string(models::kLocalBackend), requested;
  std::unique_ptr<Span> span;  ///< null: not sampled
  int64_t begun_us = 0;
};

std::shared_ptr<TracedCalls::Exchange> TracedCalls::begin(models::CallRequest& request) const {
  auto exchange = std::make_shared<Exchange>();
  exchange->model = request.model;
  exchange->requested = request.model.name;
  const auto snapshot = governed_();
  const auto manifest = snapshot->manifest(request.model.name, request.model.version);
  exchange->operation = operation_of(manifest.get());
  if (tracing_.exports_spans()) exchange->span = begin_span(request.trace);
  if (manifest != nullptr && manifest->is_remote()) {
    if (!manifest->remote.model.empty()) exchange->requested = manifest->remote.model;
    if (const auto backend = snapshot->backend(manifest->backend))
      exchange->provider = backend->vendor.empty() ? backend->protocol : backend->vendor;
    if (exchange->span != nullptr) exchange->span->kind = Span::Kind::kClient;
  }
  exchange->begun_us = clock_.monotonic_us();
  return exchange;
}

std::function<void()> TracedCalls::call(models::CallRequest request, Done done) {
  auto exchange = begin(request);
  return next_.call(std::move(request),
                    [this, exchange, done = std::move(done)](models::CallOutcome outcome) {
                      ended(*exchange, outcome);
                      done(std::move(outcome));
                    });
}

void TracedCalls::ended(Exchange& exchange, const models::CallOutcome& outcome) {
  const int64_t took_us = clock_.monotonic_us() - exchange.begun_us;
  const models::ModelAnswer* answer = outcome.answer.ok() ? &*outcome.answer : nullptr;
  Attributes common = {{"gen_ai.operation.name", exchange.operation},
                       {"gen_ai.provider.name", exchange.provider},
                       {"gen_ai.request.model", exchange.requested}};
  if (answer == nullptr) {
    common.push_back({"error.type", error_type(outcome)});
  } else if (!answer->served_by.empty()) {
    common.push_back({"gen_ai.response.model", answer->served_by});
  }
  const std::string& endpoint = answer == nullptr ? outcome.endpoint : answer->endpoint;
  if (const auto url = http::parse_url(endpoint, http::Schemes::kHttpAndGrpc); url.ok()) {
    common.push_back({"server.address", url->host});
    common.push_back({"server.port", int64_t{url->port}});
  }
  if (Span* span = exchange.span.get(); span != nullptr) {
    span->name = exchange.operation + " " + exchange.requested;
    span->end_us = clock_.now_us();
    span->start_us = span->end_us - took_us;
    span->attributes = common;
    span->attributes.push_back({"switchyard.model", exchange.model.to_string()});
    span->failed = answer == nullptr;
    if (answer != nullptr) describe_answer(*answer, *span);
  }
  tracing_.model_called(common, answer == nullptr ? nullptr : &answer->usage, took_us,
                        std::move(exchange.span));
}

}  // namespace switchyard::server
