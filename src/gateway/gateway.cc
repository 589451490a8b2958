#include "switchyard/gateway/gateway.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <unordered_map>

#include "switchyard/base/check.h"
#include "switchyard/http/problem.h"
#include "switchyard/runtime/random.h"

namespace switchyard::gateway {
namespace {

constexpr std::array<std::string_view, 5> kStatusClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/// Operations are written in code, not named by callers: all of them shall have series of their own.
constexpr size_t kMaxSeries = 5000;

/// One operation's own counters, looked up once.
struct OperationMetrics {
  std::array<telemetry::Counter*, kStatusClasses.size()> answers{};
  telemetry::Histogram* seconds = nullptr;
};

struct Registered {
  Permission permission;
  Operation operation;
  Gateway::OperationOptions options;
  OperationMetrics metrics;
};

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

}  // namespace

struct GatewayState {
  GatewayOptions options;
  KeyStore& keys;
  telemetry::Registry& registry;
  telemetry::Logger logger;
  const runtime::Clock& clock;

  http::Router router;
  std::unordered_map<const http::Route*, Registered> operations;
  OperationMetrics unrouted;

  std::atomic<size_t> in_flight{0};
  std::atomic<int64_t> next_refresh_us{0};
  std::atomic<uint64_t> next_request_number{0};
  uint64_t request_id_base = runtime::system_random().next_u64();

  telemetry::Family<telemetry::Counter> answers;
  telemetry::Family<telemetry::Histogram> seconds;
  telemetry::Counter& refused_overload;
  telemetry::Counter& refused_credentials;
  telemetry::Counter& refused_permission;
  telemetry::CallbackHandle in_flight_gauge;
  telemetry::CallbackHandle limit_gauge;

  GatewayState(GatewayOptions given, KeyStore& key_store, telemetry::Registry& metrics, telemetry::Logger log,
               const runtime::Clock& time)
      : options(given),
        keys(key_store),
        registry(metrics),
        logger(std::move(log)),
        clock(time),
        answers(registry.counters("switchyard_gateway_answers_total",
                                  "Answers by operation and class of status", {"operation", "status"},
                                  kMaxSeries)),
        seconds(registry.histograms("switchyard_gateway_request_seconds",
                                    "From a request's head to its answer being handed over", {"operation"},
                                    telemetry::latency_buckets(), kMaxSeries)),
        refused_overload(refused("overload")),
        refused_credentials(refused("credentials")),
        refused_permission(refused("permission")),
        in_flight_gauge(registry.callback("switchyard_gateway_in_flight_requests",
                                          "Requests let in and not answered", {},
                                          [this] { return static_cast<double>(in_flight.load()); })),
        limit_gauge(registry.callback("switchyard_gateway_max_in_flight_requests",
                                      "The limit of requests in flight", {},
                                      [this] { return static_cast<double>(options.max_in_flight); })) {
    unrouted = metrics_of("none");
  }

  telemetry::Counter& refused(std::string_view reason) {
    return registry
        .counters("switchyard_gateway_refused_requests_total", "Requests refused at the door", {"reason"})
        .with({reason});
  }

  OperationMetrics metrics_of(std::string_view operation_id) {
    OperationMetrics metrics;
    for (size_t i = 0; i < kStatusClasses.size(); ++i)
      metrics.answers[i] = &answers.with({operation_id, kStatusClasses[i]});
    metrics.seconds = &seconds.with({operation_id});
    return metrics;
  }

  std::string make_request_id(const http::Request& request);
  Result<Caller> identify(const http::Request& request);
  void refresh_keys();
};

namespace {

/// Sees the answer on its way out: counts it, logs it, names the request; its end frees the place in flight.
class AnswerObserver final : public http::ResponseHook {
 public:
  AnswerObserver(GatewayState& gateway, const OperationMetrics& metrics, std::string_view operation_id,
                 const http::Request& request, const std::string& request_id)
      : gateway_(gateway),
        metrics_(metrics),
        operation_id_(operation_id),
        method_(request.method_text().substr(0, 16)),
        path_(gateway.options.access_log == AccessLog::kOff ? std::string_view()
                                                            : request.path().substr(0, 200)),
        remote_(request.remote_address()),
        request_id_(request_id),
        began_us_(gateway.clock.monotonic_us()) {}

  ~AnswerObserver() override {
    if (admitted_) gateway_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  }

  void set_admitted() { admitted_ = true; }
  void set_caller(std::string_view key_id) { key_id_ = key_id; }

  void before_send(http::Response& response) override {
    response.headers.push_back({"X-Request-Id", request_id_});
    const int64_t took_us = gateway_.clock.monotonic_us() - began_us_;
    metrics_.answers[static_cast<size_t>(std::clamp(response.status / 100, 1, 5) - 1)]->add();
    metrics_.seconds->observe(static_cast<double>(took_us) / 1e6);
    if (!is_logged(response.status, took_us)) return;
    gateway_.logger.log(response.status >= 500 ? telemetry::LogLevel::kWarn : telemetry::LogLevel::kInfo,
                        "request",
                        {{"request_id", request_id_},
                         {"operation", operation_id_},
                         {"method", method_},
                         {"path", path_},
                         {"status", response.status},
                         {"duration_us", took_us},
                         {"answer_bytes", response.body.size()},
                         {"key", key_id_},
                         {"remote", remote_}});
  }

 private:
  bool is_logged(int status, int64_t took_us) const {
    switch (gateway_.options.access_log) {
      case AccessLog::kOff: return false;
      case AccessLog::kAll: return true;
      case AccessLog::kProblems: break;
    }
    // 404 and 409 are answers of everyday's life: a look whether something exists, an idempotent start.
    return (status >= 400 && status != 404 && status != 409) || took_us > gateway_.options.slow_us;
  }

  GatewayState& gateway_;
  const OperationMetrics& metrics_;
  const std::string_view operation_id_;  // the route's, which lives as long as the gateway
  const std::string method_, path_, remote_;
  const std::string request_id_;
  std::string key_id_;
  const int64_t began_us_;
  bool admitted_ = false;
};

}  // namespace

Gateway::Gateway(GatewayOptions options, KeyStore& keys, telemetry::Registry& registry,
                 telemetry::Logger logger, const runtime::Clock& clock)
    : impl_(std::make_unique<GatewayState>(options, keys, registry, std::move(logger), clock)) {}

Gateway::~Gateway() { SY_CHECK(impl_->in_flight.load() == 0); }

void Gateway::on(std::string_view method_and_path, std::string operation_id, Permission permission,
                 Operation operation, OperationOptions options) {
  SY_CHECK(operation != nullptr);
  const OperationMetrics metrics = impl_->metrics_of(operation_id);
  // The router only finds; the door calls.
  impl_->router.on(method_and_path, std::move(operation_id), std::string(permission_name(permission)),
                   [](http::Request&&, http::Responder) {});
  impl_->operations.emplace(impl_->router.routes().back(),
                            Registered{permission, std::move(operation), options, metrics});
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

Result<Caller> GatewayState::identify(const http::Request& request) {
  if (options.open_to_all) return Caller{"", "anybody", permissions_of(Role::kAdmin)};
  refresh_keys();
  const std::string_view key =
      presented_key(request.header("Authorization").value_or(""), request.header("X-API-Key").value_or(""));
  if (key.empty())
    return make_error(ErrorKind::kUnauthenticated, "gateway.no_key",
                      "The request carries no API key; send one as 'Authorization: Bearer <key>'.");
  return keys.authenticate(key);
}

void Gateway::handle(http::Request&& request, http::Responder responder) {
  GatewayState& impl = *impl_;
  std::string allow;
  const auto route = impl.router.match(request, &allow);
  const Registered* registered = route.ok() ? &impl.operations.find(*route)->second : nullptr;
  Call call{std::move(request), std::move(responder), {}, {}};
  call.request_id = impl.make_request_id(call.request);
  auto observer = std::make_unique<AnswerObserver>(
      impl, registered ? registered->metrics : impl.unrouted,
      registered ? (*route)->operation_id : std::string_view("none"), call.request, call.request_id);
  AnswerObserver& seen = *observer;
  call.responder.set_hook(std::move(observer));
  if (registered == nullptr) return call.answer(http::Router::refusal(route.error(), allow, call.request));

  if (registered->permission != Permission::kNone) {
    auto caller = impl.identify(call.request);
    if (!caller.ok()) {
      impl.refused_credentials.add();
      return call.fail(caller.error());
    }
    call.caller = std::move(caller).value();
    seen.set_caller(call.caller.key_id);
    if (!call.caller.may(registered->permission)) {
      impl.refused_permission.add();
      return call.fail(permission_denied(registered->permission));
    }
  }
  if (!registered->options.always_admitted) {
    if (impl.in_flight.fetch_add(1, std::memory_order_relaxed) >= impl.options.max_in_flight) {
      impl.in_flight.fetch_sub(1, std::memory_order_relaxed);
      impl.refused_overload.add();
      return call.fail(
          make_error(ErrorKind::kUnavailable, "gateway.overloaded",
                     "The server has max_in_flight = " + std::to_string(impl.options.max_in_flight) +
                         " requests in flight already; wait a moment and try again."));
    }
    seen.set_admitted();
  }
  registered->operation(std::move(call));
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
