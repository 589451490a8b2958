#include "tracing.h"

#include <cstring>

#include "switchyard/base/hash.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::server {
namespace {

using otlp::Attributes;
using otlp::Span;

// Bounds as the semantic conventions advise them.
const std::vector<double> kRequestSeconds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                             0.5,   0.75, 1,     2.5,  5,     7.5, 10};
const std::vector<double> kOperationSeconds = {0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                               1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
const std::vector<double> kTokens = {1,     4,     16,     64,      256,     1024,     4096,
                                     16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

/// Everybody finds a span's id without asking for it. Of a run itself: no step, attempt 0.
std::string span_id(const RunId& run, uint32_t frame = 0, uint16_t step = kNoStep, uint16_t attempt = 0) {
  std::array<uint8_t, 24> key{};
  std::memcpy(key.data(), run.bytes.data(), run.bytes.size());
  std::memcpy(key.data() + 16, &frame, sizeof frame);
  std::memcpy(key.data() + 20, &step, sizeof step);
  std::memcpy(key.data() + 22, &attempt, sizeof attempt);
  const uint64_t hash = hash64({reinterpret_cast<const char*>(key.data()), key.size()}) | 1;  // never zero
  std::array<uint8_t, 8> id;
  std::memcpy(id.data(), &hash, id.size());
  return to_hex(id);
}

std::string text(std::string_view view) { return std::string(view); }

/// Errors by their code alone: messages may hold what was decided about.
void set_failed(std::string_view code, Span& span) {
  if (code.empty()) return;
  span.failed = true;
  span.attributes.push_back({"error.type", text(code)});
}

}  // namespace

struct Tracing::StepEnd {
  uint16_t attempt = 1;
  int64_t started_us = 0;
  std::string_view error;  ///< its code; empty: completed
};

Tracing::Tracing(Options options, telemetry::Registry& registry, telemetry::Logger logger,
                 const runtime::Clock& clock)
    : options_(std::move(options)),
      registry_(registry),
      clock_(clock),
      request_seconds_("http.server.request.duration", "s", "Duration of HTTP server requests.",
                       kRequestSeconds),
      operation_seconds_("gen_ai.client.operation.duration", "s", "GenAI operation duration.",
                         kOperationSeconds),
      tokens_("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", kTokens),
      exporter_(
          options_.config, [this] { return metrics(); }, options_.version, std::move(logger), clock) {
  const auto watch = [&](const char* name, const char* help, auto member) {
    callbacks_.push_back(registry.callback(
        name, help, {}, [this, member] { return static_cast<double>(exporter_.stats().*member); }));
  };
  using Stats = otlp::ExporterStats;
  watch("switchyard_otlp_exported_spans_total", "Spans that the collector took.", &Stats::exported_spans);
  watch("switchyard_otlp_dropped_spans_total",
        "Spans dropped because the collector was away, slow or refused them.", &Stats::dropped_spans);
  watch("switchyard_otlp_failed_requests_total", "Requests to the collector that failed.",
        &Stats::failed_requests);
  watch("switchyard_otlp_exported_metrics_total", "Requests with metrics that the collector took.",
        &Stats::exported_metrics);
  watch("switchyard_otlp_rejected_points_total",
        "Points of metrics that the collector did not take of requests that it took.",
        &Stats::rejected_points);
  watch("switchyard_otlp_queued_spans", "Spans that wait to be exported.", &Stats::queued_spans);
}

void Tracing::stop() {
  exporter_.stop();
  callbacks_.clear();
}

std::vector<otlp::Metric> Tracing::metrics() const {
  std::vector<otlp::Metric> all = otlp::metrics_of(registry_);
  // Requests are told of under OpenTelemetry's own name.
  std::erase_if(all, [](const otlp::Metric& metric) {
    return metric.name == "switchyard_gateway_request_seconds" ||
           metric.name == "switchyard_gateway_answers_total";
  });
  for (const otlp::Histogram* each : {&request_seconds_, &operation_seconds_, &tokens_})
    if (otlp::Metric metric = each->read(); !metric.points.empty()) all.push_back(std::move(metric));
  return all;
}

void Tracing::answered(const gateway::AnsweredRequest& request) {
  const std::string method = request.method.empty() ? "_OTHER" : text(request.method);
  Attributes common = {{"http.request.method", method},
                       {"url.scheme", text(options_.tls ? "https" : "http")},
                       {"http.response.status_code", int64_t{request.status}}};
  if (!request.route.empty()) common.push_back({"http.route", text(request.route)});
  // A server's span has failed where the server has: the caller's mistakes are no failures of it.
  const bool failed = request.status >= 500;
  if (failed) common.push_back({"error.type", std::to_string(request.status)});
  const double seconds = static_cast<double>(request.took_us) / 1e6;
  const auto own = telemetry::parse_traceparent(request.trace.traceparent);
  if (!exports_spans() || !own || !own->sampled) return request_seconds_.observe(common, seconds);
  Span span;
  span.trace_id = own->trace_id;
  span.span_id = own->span_id;
  span.parent_id = request.trace.parent_span;
  span.kind = Span::Kind::kServer;
  span.name = request.method.empty() ? "HTTP" : method;
  if (!request.route.empty()) span.name += " " + text(request.route);
  span.end_us = clock_.now_us();
  span.start_us = span.end_us - request.took_us;
  request_seconds_.observe(common, seconds, exemplar_of(span));
  span.attributes = std::move(common);
  span.attributes.push_back({"url.path", text(request.path)});
  span.attributes.push_back({"client.address", text(request.remote)});
  span.attributes.push_back({"switchyard.operation", text(request.operation)});
  span.attributes.push_back({"switchyard.request_id", text(request.request_id)});
  span.failed = failed;
  exporter_.record(std::move(span));
}

void Tracing::observe(const Event& event) {
  if (!exports_spans()) return;
  switch (event.type()) {
    case EventType::kRunStarted: return run_started(event, std::get<RunStarted>(event.body));
    case EventType::kRunLinked: return run_linked(event, std::get<RunLinked>(event.body));
    case EventType::kRunMigrated: return run_migrated(event, std::get<RunMigrated>(event.body));
    case EventType::kStepCompleted: {
      const auto& step = std::get<StepCompleted>(event.body);
      return step_ended(event, {step.attempt, step.started_us, {}});
    }
    case EventType::kStepFailed: {
      const auto& step = std::get<StepFailed>(event.body);
      return step_ended(event, {step.attempt, step.started_us, step.error.code});
    }
    case EventType::kRunCompleted:
      return run_ended(event, "completed", std::get<RunCompleted>(event.body).cost, {});
    case EventType::kRunFailed: {
      const auto& failed = std::get<RunFailed>(event.body);
      return run_ended(event, "failed", failed.cost, failed.error.code);
    }
    case EventType::kRunCancelled: return run_ended(event, "cancelled", 0, {});
    default: return;
  }
}

void Tracing::run_started(const Event& event, const RunStarted& started) {
  const auto parent = telemetry::parse_traceparent(started.trace);
  Run run;
  if (parent) {
    if (!parent->sampled) return;
    run.trace_id = parent->trace_id;
    run.parent_id = parent->span_id;
    run.sampled = true;
  } else {
    // Kept in either case: it may turn out to be another run's child.
    run.trace_id = to_hex(event.run.bytes);
    run.sampled = options_.config.sampler.samples(run.trace_id, std::nullopt);
  }
  run.started_us = event.time_us;
  run.pipeline = options_.catalog()->pipeline_by_hash(started.pipeline_hash);
  if (run.pipeline == nullptr) return;
  Shard& own = shard(event.run);
  const std::lock_guard lock(own.mutex);
  own.runs.insert_or_assign(event.run, std::move(run));
  if (own.runs.size() > kMaxTracedRuns / kShards) own.runs.erase(own.runs.begin());
}

void Tracing::run_linked(const Event& event, const RunLinked& linked) {
  Run parent;
  {
    const Shard& other = shard(linked.parent);
    const std::lock_guard lock(other.mutex);
    if (const auto found = other.runs.find(linked.parent); found != other.runs.end()) parent = found->second;
  }
  Shard& own = shard(event.run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.runs.find(event.run);
  if (found == own.runs.end()) return;
  Run& run = found->second;
  run.parent_id = span_id(linked.parent);
  if (parent.trace_id.empty()) return;
  run.trace_id = parent.trace_id;
  run.sampled = parent.sampled;
}

void Tracing::run_migrated(const Event& event, const RunMigrated& migrated) {
  Shard& own = shard(event.run);
  const std::lock_guard lock(own.mutex);
  const auto found = own.runs.find(event.run);
  if (found == own.runs.end()) return;
  if (auto next = options_.catalog()->pipeline_by_hash(migrated.pipeline_hash))
    found->second.pipeline = std::move(next);
}

void Tracing::run_ended(const Event& event, const char* outcome, double cost, std::string_view error) {
  Shard& own = shard(event.run);
  std::unique_lock lock(own.mutex);
  const auto node = own.runs.extract(event.run);
  lock.unlock();
  if (node.empty() || !node.mapped().sampled) return;
  const Run& run = node.mapped();
  Span span;
  span.trace_id = run.trace_id;
  span.span_id = span_id(event.run);
  span.parent_id = run.parent_id;
  span.name = "decide " + run.pipeline->name;
  span.start_us = run.started_us;
  span.end_us = event.time_us;
  span.attributes = {{"switchyard.decision", event.run.to_string()},
                     {"switchyard.pipeline", run.pipeline->name},
                     {"switchyard.pipeline.version", run.pipeline->version},
                     {"switchyard.outcome", std::string(outcome)}};
  if (cost != 0) span.attributes.push_back({"switchyard.cost", cost});
  set_failed(error, span);
  exporter_.record(std::move(span));
}

void Tracing::step_ended(const Event& event, const StepEnd& end) {
  Span span;
  {
    const Shard& own = shard(event.run);
    const std::lock_guard lock(own.mutex);
    const auto found = own.runs.find(event.run);
    if (found == own.runs.end() || !found->second.sampled) return;
    const Run& run = found->second;
    if (event.step >= run.pipeline->steps.size()) return;
    const workflow::Step& step = run.pipeline->steps[event.step];
    span.trace_id = run.trace_id;
    span.name = "step " + step.name;
    span.attributes = {{"switchyard.decision", event.run.to_string()},
                       {"switchyard.step", step.name},
                       {"switchyard.step.kind", text(workflow::step_kind_name(step.kind))},
                       {"switchyard.step.attempt", int64_t{end.attempt}}};
  }
  span.span_id = span_id(event.run, event.frame, event.step, end.attempt);
  span.parent_id = span_id(event.run);
  span.start_us = end.started_us == 0 ? event.time_us : end.started_us;
  span.end_us = event.time_us;
  set_failed(end.error, span);
  exporter_.record(std::move(span));
}

std::string Tracing::trace_of(const workflow::EffectRequest& request) const {
  if (!exports_spans()) return request.trace;
  telemetry::Traceparent own;
  std::string trace_id;
  if (const auto parent = telemetry::parse_traceparent(request.trace)) {
    own = *parent;
  } else {
    const Shard& known = shard(request.run);
    const std::lock_guard lock(known.mutex);
    const auto found = known.runs.find(request.run);
    if (found == known.runs.end()) return request.trace;
    trace_id = found->second.trace_id;
    own = {trace_id, {}, found->second.sampled};
  }
  if (!own.sampled) return request.trace;
  const std::string id = span_id(request.run, request.step.frame, request.step.step.value, request.attempt);
  own.span_id = id;
  return own.to_string();
}

void Tracing::model_called(const Attributes& attributes, const models::ModelUsage* usage, int64_t took_us,
                           std::unique_ptr<Span> span) {
  operation_seconds_.observe(attributes, static_cast<double>(took_us) / 1e6,
                             span == nullptr ? nullptr : exemplar_of(*span));
  if (usage != nullptr && usage->input_tokens + usage->output_tokens != 0) {
    Attributes of_type = attributes;
    of_type.push_back({"gen_ai.token.type", std::string("input")});
    tokens_.observe(of_type, static_cast<double>(usage->input_tokens));
    of_type.back().value = std::string("output");
    tokens_.observe(of_type, static_cast<double>(usage->output_tokens));
  }
  if (span != nullptr) exporter_.record(*std::move(span));
}

}  // namespace switchyard::server
