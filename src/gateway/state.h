#pragma once

#include <array>
#include <atomic>
#include <string>
#include <unordered_map>

#include "switchyard/gateway/gateway.h"

namespace switchyard::gateway {

inline constexpr std::array<std::string_view, 5> kStatusClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/// One operation's own counters, looked up once.
struct OperationMetrics {
  std::array<telemetry::Counter*, kStatusClasses.size()> answers{};
  telemetry::Histogram* seconds = nullptr;
};

/// One operation as it was added.
struct Registered {
  std::string id;
  Permission permission;
  Operation operation;
  Gateway::OperationOptions options;
  OperationMetrics metrics;
};

/// What the door is made of.
struct GatewayState {
  GatewayState(GatewayOptions given, KeyStore& key_store, telemetry::Registry& metrics, telemetry::Logger log,
               const runtime::Clock& time);

  GatewayOptions options;
  KeyStore& keys;
  telemetry::Registry& registry;
  telemetry::Logger logger;
  const runtime::Clock& clock;
  RateLimiter limiter;
  Admission admission;

  http::Router router;
  std::unordered_map<const http::Route*, Registered> operations;
  OperationMetrics unrouted;

  std::atomic<size_t> in_flight{0};
  std::atomic<int64_t> next_refresh_us{0};
  std::atomic<uint64_t> next_request_number{0};
  const uint64_t request_id_base;

  telemetry::Family<telemetry::Counter> answers;
  telemetry::Family<telemetry::Histogram> seconds;
  telemetry::Counter& refused_overload;
  telemetry::Counter& refused_credentials;
  telemetry::Counter& refused_permission;
  telemetry::Counter& refused_limit;
  telemetry::Counter& refused_deadline;
  std::array<telemetry::Counter*, kPriorityCount> shed{};
  std::vector<telemetry::CallbackHandle> gauges;

  telemetry::Counter& refused(std::string_view reason);
  OperationMetrics metrics_of(std::string_view operation_id);
  std::string make_request_id(const http::Request& request);
  void refresh_keys();
  /// Who asks; nothing when that can be told only later: `*token` is then a token whose issuer's keys must be
  /// fetched.
  std::optional<Result<Caller>> identify(const http::Request& request, std::string* token);
};

/// Sees the answer on its way out: names, counts and logs it, tells the caller its limits, compresses; its
/// end frees what the request held.
class AnswerObserver final : public http::ResponseHook {
 public:
  /// `route`: null for a request that fits none.
  AnswerObserver(GatewayState& gateway, const OperationMetrics& metrics, const http::Route* route,
                 const Call& call);
  ~AnswerObserver() override;

  void set_admitted() { admitted_ = true; }
  /// It was let in and then refused: its answer says nothing about what can be done.
  void set_refused() { refused_ = true; }
  void set_caller(std::string_view key_id) { key_id_ = key_id; }
  void set_allowance(std::shared_ptr<Allowance> allowance) { allowance_ = std::move(allowance); }

  void before_send(http::Response& response) override;
  void before_stream(http::Response& head) override;

 private:
  void add_headers(http::Response& response);
  void add_limits(http::Response& response);
  void compress(http::Response& response) const;
  void record(const http::Response& response);
  std::string_view operation_id() const;
  void tell_answered() const;
  bool is_logged(int status, int64_t took_us) const;

  GatewayState& gateway_;
  const OperationMetrics& metrics_;
  const http::Route* const route_;  // lives as long as the gateway
  const std::string method_, path_, remote_;
  const std::string request_id_;
  const telemetry::TraceContext trace_;
  const bool accepts_gzip_;
  std::string key_id_;
  std::shared_ptr<Allowance> allowance_;  // shared with the call
  const int64_t began_us_;
  int status_ = 0;  // of the answer
  bool streams_ = false;
  bool admitted_ = false;
  bool refused_ = false;
};

}  // namespace switchyard::gateway
