#include "switchyard/gateway/gateway.h"

#include <algorithm>

#include "deadline.h"
#include "state.h"
#include "switchyard/base/check.h"
#include "switchyard/http/coding.h"
#include "switchyard/http/problem.h"
#include "switchyard/runtime/random.h"

namespace switchyard::gateway {
namespace {

/// Operations are written in code, not named by callers: all of them shall have series of their own.
constexpr size_t kMaxSeries = 5000;

/// A caller's own id is kept when it cannot do harm in a header or a log line.
bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
         });
}

Error permission_denied(Permission permission) {
  return make_error(ErrorKind::kPermissionDenied, "gateway.permission_denied",
                    "The key has not the permission " + std::string(permission_name(permission)) +
                        "; ask for one with the role " + roles_with(permission) + ".");
}

/// What the request wants to be, at most what its caller may.
Result<Priority> priority_of(const http::Request& request, const Caller& caller) {
  const Priority most = caller.policy == nullptr ? Priority::kNormal : caller.policy->priority;
  const auto wanted = request.header("X-Switchyard-Priority");
  if (!wanted) return most;
  const auto known = priority_from(*wanted);
  if (!known)
    return make_error(
        ErrorKind::kInvalidArgument, "gateway.bad_priority",
        "'" + std::string(wanted->substr(0, 40)) + "' is no priority; write low, normal or high.",
        "X-Switchyard-Priority");
  return std::min(most, *known);
}

/// Undoes a Content-Encoding of the body. An empty error code says: answer 415.
Status decode_body(http::Request& request, size_t max_bytes) {
  const auto coding = request.header("Content-Encoding");
  if (!coding || http::header_name_equal(*coding, "identity")) return {};
  if (!http::header_name_equal(*coding, "gzip") && !http::header_name_equal(*coding, "x-gzip"))
    return make_error(ErrorKind::kInvalidArgument, "gateway.unknown_coding",
                      "A Content-Encoding of '" + std::string(coding->substr(0, 40)) +
                          "' is not known here; send gzip, or the body as it is.",
                      "Content-Encoding");
  SY_ASSIGN_OR_RETURN(std::string text, http::gunzip(request.body(), max_bytes));
  request.set_body(std::move(text));
  return {};
}

}  // namespace

GatewayState::GatewayState(GatewayOptions given, KeyStore& key_store, telemetry::Registry& metrics,
                           telemetry::Logger log, const runtime::Clock& time)
    : options(std::move(given)),
      keys(key_store),
      registry(metrics),
      logger(std::move(log)),
      clock(time),
      limiter(time),
      admission(options.admission, time),
      request_id_base(runtime::system_random().next_u64()),
      answers(registry.counters("switchyard_gateway_answers_total",
                                "Answers by operation and class of status", {"operation", "status"},
                                kMaxSeries)),
      seconds(registry.histograms("switchyard_gateway_request_seconds",
                                  "From a request's head to its answer being handed over", {"operation"},
                                  telemetry::latency_buckets(), kMaxSeries)),
      refused_overload(refused("overload")),
      refused_credentials(refused("credentials")),
      refused_permission(refused("permission")),
      refused_limit(refused("limit")),
      refused_deadline(refused("deadline")) {
  auto shed_requests = registry.counters("switchyard_gateway_shed_requests_total",
                                         "Requests turned away because work waited too long", {"priority"});
  for (size_t i = 0; i < kPriorityCount; ++i)
    shed[i] = &shed_requests.with({priority_name(static_cast<Priority>(i))});
  const auto gauge = [this](std::string_view name, std::string_view help, auto read) {
    gauges.push_back(registry.callback(name, help, {}, std::move(read)));
  };
  gauge("switchyard_gateway_in_flight_requests", "Requests let in and not answered",
        [this] { return static_cast<double>(in_flight.load()); });
  gauge("switchyard_gateway_max_in_flight_requests", "The limit of requests in flight",
        [this] { return static_cast<double>(options.max_in_flight); });
  gauge("switchyard_gateway_queue_delay_seconds", "How long work that was let in waited, in the last window",
        [this] { return static_cast<double>(admission.delay_us()) / 1e6; });
  gauge("switchyard_gateway_limited_subjects", "Keys, tenants, operations and routes whose use is counted",
        [this] { return static_cast<double>(limiter.size()); });
  unrouted = metrics_of("none");
}

telemetry::Counter& GatewayState::refused(std::string_view reason) {
  return registry
      .counters("switchyard_gateway_refused_requests_total", "Requests refused at the door", {"reason"})
      .with({reason});
}

OperationMetrics GatewayState::metrics_of(std::string_view operation_id) {
  OperationMetrics metrics;
  for (size_t i = 0; i < kStatusClasses.size(); ++i)
    metrics.answers[i] = &answers.with({operation_id, kStatusClasses[i]});
  metrics.seconds = &seconds.with({operation_id});
  return metrics;
}

std::string GatewayState::make_request_id(const http::Request& request) {
  if (const auto own = request.header("X-Request-Id"); own && is_request_id(*own)) return std::string(*own);
  // Unique is enough, secret it need not be: the counter is spread so that ids look unlike each other.
  const uint64_t number = next_request_number.fetch_add(1, std::memory_order_relaxed);
  const uint64_t id = request_id_base + number * 0x9E3779B97F4A7C15ull;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

void GatewayState::refresh_keys() {
  const int64_t now_us = clock.monotonic_us();
  int64_t due_us = next_refresh_us.load(std::memory_order_relaxed);
  if (now_us < due_us || !next_refresh_us.compare_exchange_strong(due_us, now_us + kKeyRefreshEveryUs))
    return;
  if (const Status status = keys.refresh(); !status.ok())
    logger.error("the key file cannot be read; the keys known before stay valid",
                 {{"error", status.error()}});
}

std::optional<Result<Caller>> GatewayState::identify(const http::Request& request, std::string* token) {
  if (options.open_to_all) return Caller{"", "anybody", permissions_of(Role::kAdmin), {}, nullptr};
  const std::string_view key =
      presented_key(request.header("Authorization").value_or(""), request.header("X-API-Key").value_or(""));
  if (options.tokens != nullptr && TokenVerifier::is_token(key)) {
    auto caller = options.tokens->verify(key);
    if (!caller) *token = key;
    return caller;
  }
  if (!key.empty()) {
    refresh_keys();
    return keys.authenticate(key);
  }
  if (const auto* certificate = request.client_certificate()) {
    if (auto caller = caller_of(*certificate, options.certificates)) return std::move(*caller);
    return make_error(ErrorKind::kUnauthenticated, "gateway.unknown_certificate",
                      "No rule of the server's configuration fits the client certificate of '" +
                          certificate->subject.substr(0, 200) + "', and the request carries no API key.");
  }
  return make_error(ErrorKind::kUnauthenticated, "gateway.no_key",
                    "The request carries no API key; send one as 'Authorization: Bearer <key>'.");
}

/// A request on its way through the door: what is known of it beside the call.
struct Gateway::Entry {
  const Registered& registered;
  AnswerObserver& seen;  // the call's responder owns it
};

Gateway::Gateway(GatewayOptions options, KeyStore& keys, telemetry::Registry& registry,
                 telemetry::Logger logger, const runtime::Clock& clock)
    : impl_(std::make_unique<GatewayState>(std::move(options), keys, registry, std::move(logger), clock)) {}

Gateway::~Gateway() { SY_CHECK(impl_->in_flight.load() == 0); }

void Gateway::on(std::string_view method_and_path, std::string operation_id, Permission permission,
                 Operation operation, OperationOptions options) {
  SY_CHECK(operation != nullptr);
  const OperationMetrics metrics = impl_->metrics_of(operation_id);
  // The router only finds; the door calls.
  impl_->router.on(method_and_path, operation_id, std::string(permission_name(permission)),
                   [](http::Request&&, http::Responder) {});
  impl_->operations.emplace(
      impl_->router.routes().back(),
      Registered{std::move(operation_id), permission, std::move(operation), options, metrics});
}

void Gateway::handle(http::Request&& request, http::Responder responder) {
  GatewayState& impl = *impl_;
  std::string allow;
  const auto route = impl.router.match(request, &allow);
  const Registered* registered = route.ok() ? &impl.operations.find(*route)->second : nullptr;
  Call call;
  call.request = std::move(request);
  call.responder = std::move(responder);
  call.request_id = impl.make_request_id(call.request);
  telemetry::TraceChance chance;
  runtime::system_random().fill(chance);
  call.trace = telemetry::continue_trace(call.request.header("traceparent"),
                                         call.request.header("tracestate"), impl.options.sampler, chance);
  auto observer = std::make_unique<AnswerObserver>(impl, registered ? registered->metrics : impl.unrouted,
                                                   route.ok() ? *route : nullptr, call);
  AnswerObserver& seen = *observer;
  call.responder.set_hook(std::move(observer));
  if (registered == nullptr) return call.answer(http::Router::refusal(route.error(), allow, call.request));
  const Entry entry{*registered, seen};
  if (registered->permission == Permission::kNone) return admit(std::move(call), entry);
  std::string token;
  if (auto caller = impl.identify(call.request, &token))
    return let_in(std::move(call), entry, std::move(*caller));
  // Shared, because a std::function cannot hold a Call.
  auto held = std::make_shared<Call>(std::move(call));
  impl.options.tokens->verify_later(std::move(token), [this, held, entry](Result<Caller> caller) {
    let_in(std::move(*held), entry, std::move(caller));
  });
}

void Gateway::let_in(Call&& call, const Entry& entry, Result<Caller> caller) {
  GatewayState& impl = *impl_;
  if (!caller.ok()) {
    impl.refused_credentials.add();
    return call.fail(caller.error());
  }
  call.caller = std::move(caller).value();
  entry.seen.set_caller(call.caller.key_id);
  if (!call.caller.may(entry.registered.permission)) {
    impl.refused_permission.add();
    return call.fail(permission_denied(entry.registered.permission));
  }
  admit(std::move(call), entry);
}

void Gateway::admit(Call&& call, const Entry& entry) {
  GatewayState& impl = *impl_;
  call.limit_rules = &impl.options.limits;
  const auto priority = priority_of(call.request, call.caller);
  if (!priority.ok()) return call.fail(priority.error());
  call.priority = *priority;
  const bool always = entry.registered.options.always_admitted;
  if (!always)
    if (const Status refused = check_deadline(call); !refused.ok()) return call.fail(refused.error());
  if (always || entry.registered.options.streams_body) {
    Status unlimited;
    call.allowance = impl.limiter.admit({}, &unlimited);
  } else {
    if (const Status refused = check_load(call, entry); !refused.ok()) return call.fail(refused.error());
    if (const Status refused = check_limits(call, entry); !refused.ok()) return call.fail(refused.error());
  }
  if (const Status decoded = decode_body(call.request, impl.options.max_body_bytes); !decoded.ok()) {
    if (decoded.error().code != "gateway.unknown_coding") return call.fail(decoded.error());
    http::Response response = http::problem(decoded.error(), 415, call.request.path());
    response.headers.push_back({"Accept-Encoding", "gzip"});
    return call.answer(std::move(response));
  }
  entry.registered.operation(std::move(call));
}

Status Gateway::check_deadline(Call& call) {
  GatewayState& impl = *impl_;
  SY_ASSIGN_OR_RETURN(const int64_t patience_us, deadline_of(call.request));
  if (patience_us != 0) {
    // Both clocks are the machine's; a request made inside the process has no time of arrival.
    const int64_t age_us =
        call.request.received_us() == 0
            ? 0
            : std::clamp<int64_t>(impl.clock.now_us() - call.request.received_us(), 0, patience_us);
    const int64_t wait_us = impl.admission.delay_us();
    if (age_us + wait_us >= patience_us) {
      impl.refused_deadline.add();
      return make_error(ErrorKind::kDeadlineExceeded, "gateway.deadline_unmeetable",
                        "The client waits for " + std::to_string(patience_us / 1000) + " ms, of which " +
                            std::to_string(age_us / 1000) + " ms are over, and work waits for " +
                            std::to_string(wait_us / 1000) +
                            " ms now; allow more time, or try again when there is less to do.");
    }
    call.deadline_us = impl.clock.monotonic_us() + patience_us - age_us;
  }
  return {};
}

Status Gateway::check_load(Call& call, const Entry& entry) {
  GatewayState& impl = *impl_;
  if (!impl.admission.admit(call.priority, impl.in_flight.load(std::memory_order_relaxed))) {
    impl.refused_overload.add();
    impl.shed[static_cast<size_t>(call.priority)]->add();
    return make_error(ErrorKind::kUnavailable, "gateway.overloaded",
                      "The server has more to do than it can, and lets in requests of priority " +
                          std::string(priority_name(call.priority)) +
                          " only in part; wait as Retry-After says and try again.");
  }
  if (impl.in_flight.fetch_add(1, std::memory_order_relaxed) >= impl.options.max_in_flight) {
    impl.in_flight.fetch_sub(1, std::memory_order_relaxed);
    impl.refused_overload.add();
    return make_error(ErrorKind::kUnavailable, "gateway.overloaded",
                      "The server has max_in_flight = " + std::to_string(impl.options.max_in_flight) +
                          " requests in flight already; wait a moment and try again.");
  }
  entry.seen.set_admitted();
  return {};
}

Status Gateway::check_limits(Call& call, const Entry& entry) {
  GatewayState& impl = *impl_;
  static const RateLimits kNone;
  const RateLimits& own = call.caller.policy == nullptr ? kNone : call.caller.policy->limits;
  Status refused;
  call.allowance = impl.limiter.admit(
      limit_subjects(impl.options.limits, call.caller.key_id, own, call.caller.tenant, entry.registered.id),
      &refused);
  entry.seen.set_allowance(call.allowance);
  if (!refused.ok()) {
    impl.refused_limit.add();
    entry.seen.set_refused();
  }
  return refused;
}

std::vector<std::string> Gateway::streamed_paths() const {
  std::vector<std::string> paths;
  for (const http::Route* route : impl_->router.routes())
    if (impl_->operations.at(route).options.streams_body) paths.push_back(route->path);
  return paths;
}

std::vector<Gateway::OperationInfo> Gateway::operations() const {
  std::vector<OperationInfo> infos;
  for (const http::Route* route : impl_->router.routes())
    infos.push_back(
        {route->operation_id, route->method, route->path, impl_->operations.at(route).permission});
  return infos;
}

size_t Gateway::in_flight() const { return impl_->in_flight.load(std::memory_order_relaxed); }

}  // namespace switchyard::gateway
