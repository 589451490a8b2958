#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/gateway/admission.h"
#include "switchyard/gateway/certificates.h"
#include "switchyard/gateway/keys.h"
#include "switchyard/gateway/limits.h"
#include "switchyard/gateway/live_calls.h"
#include "switchyard/gateway/permissions.h"
#include "switchyard/gateway/rate_limits.h"
#include "switchyard/gateway/tokens.h"
#include "switchyard/http/message.h"
#include "switchyard/http/router.h"
#include "switchyard/http/server.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/log.h"
#include "switchyard/telemetry/metrics.h"
#include "switchyard/telemetry/trace_context.h"
#include "switchyard/types/json.h"

namespace switchyard::gateway {

/// One request that was let in: who asks, for what, and the right to answer. Movable to any thread; whoever
/// destroys it unanswered answers 500.
struct Call {
  http::Request request;
  http::Responder responder;
  Caller caller;
  std::string request_id;         ///< in the answer's X-Request-Id and in every log line about the request
  telemetry::TraceContext trace;  ///< the caller's trace, or a new one
  Priority priority = Priority::kNormal;
  /// When the client stops waiting, on the clock's monotonic_us(); 0: it does not say.
  int64_t deadline_us = 0;
  /// What the call may use; shared with the door, which tells the caller how it stands. Never null in an
  /// operation. A surface adds the route it goes to, reserves tokens before dispatch and settles them after.
  std::shared_ptr<Allowance> allowance;
  const LimitRules* limit_rules = nullptr;  ///< the gateway's
  LiveCall::Refusal refusal;                ///< of the model that was asked for it

  /// The call goes to a route or model of that name: from here on its limits count, too. Once, before tokens
  /// are reserved. kPermissionDenied "gateway.route_not_allowed"; else as Allowance::add().
  Status use_route(std::string_view route) const;

  /// The body as JSON. kInvalidArgument "gateway.not_json" (the field names the place),
  /// "gateway.wrong_media_type" when a Content-Type is sent that is not JSON.
  Result<Document> json_body(const JsonLimits& limits = {}) const;
  /// Answers with the error, in the form that clients of the path's surface know.
  void fail(const Error& error);
  /// Answers with JSON.
  void answer_json(int status, std::string json);
  void answer(http::Response response) { responder.send(std::move(response)); }
};

/// Called on a server thread; must not block. Answers the call, now or later, from any thread.
using Operation = std::function<void(Call&&)>;

enum class AccessLog : uint8_t {
  kOff,
  kProblems,  ///< answers from 400 on, but for 404 and 409; and those slower than slow_us
  kAll,
};

/// A request that was answered, for traces.
struct AnsweredRequest {
  std::string_view operation;  ///< its id
  std::string_view route;      ///< its path with parameters as such; empty: none fits
  std::string_view method;     ///< one of HTTP's own, else empty
  std::string_view path, remote, request_id;
  const telemetry::TraceContext& trace;
  int status = 0;
  int64_t took_us = 0;  ///< to the answer's end
};

struct GatewayOptions {
  size_t max_in_flight = kDefaultMaxInFlight;  ///< requests let in and not answered; over it: 503
  AccessLog access_log = AccessLog::kProblems;
  int64_t slow_us = 1'000'000;
  /// Nobody needs a key and everybody is an admin: for a server on loopback that a developer asked for.
  bool open_to_all = false;
  LimitRules limits;
  AdmissionOptions admission;
  TokenVerifier* tokens = nullptr;            ///< null: API keys only; outlives the gateway
  std::vector<CertificateRule> certificates;  ///< who clients' certificates stand for
  /// A compressed body may unpack to so much.
  size_t max_body_bytes = 4u << 20;
  bool compress_answers = true;                           ///< for clients that take gzip
  telemetry::Sampler sampler;                             ///< which requests' traces are recorded
  std::function<void(const AnsweredRequest&)> on_answer;  ///< on any thread; may be empty
};

struct GatewayState;

/// The door of the API: finds the operation, knows the caller, checks the permission, limits what is in
/// flight, counts and logs. Operations are added before start; after that handle() may be called from any
/// thread. Its parts (keys, registry, clock) must outlive it, and it must outlive the server that calls it
/// and every Call.
class Gateway {
 public:
  Gateway(GatewayOptions options, KeyStore& keys, telemetry::Registry& registry, telemetry::Logger logger,
          const runtime::Clock& clock);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  struct OperationOptions {
    bool always_admitted =
        false;  ///< let in whatever the load and the limits: health and metrics, which matter under overload
    /// The operation reads http::Request::body_stream(), whose messages are requests that it gives to
    /// handle(), each for itself: load and limits are looked at there.
    bool streams_body = false;
  };
  /// Adds "POST /api/v1/decisions" under a unique operation id ("start_decision"). CHECKs that it is correct
  /// and new.
  void on(std::string_view method_and_path, std::string operation_id, Permission permission,
          Operation operation, OperationOptions options);
  void on(std::string_view method_and_path, std::string operation_id, Permission permission,
          Operation operation) {
    on(method_and_path, std::move(operation_id), permission, std::move(operation), {});
  }

  /// What an http::Server is given as its handler: [&](auto&& r, auto s) { gateway.handle(std::move(r),
  /// std::move(s)); }
  void handle(http::Request&& request, http::Responder responder);

  struct OperationInfo {
    std::string id;
    http::Method method;
    std::string path;
    Permission permission;
  };
  /// Of operations that stream their body: for http::ServerOptions::streamed_paths.
  std::vector<std::string> streamed_paths() const;
  /// In the order they were added: for the API's description and its check.
  std::vector<OperationInfo> operations() const;
  /// Requests let in and not answered yet.
  size_t in_flight() const;

 private:
  struct Entry;
  void let_in(Call&& call, const Entry& entry, Result<Caller> caller);
  void admit(Call&& call, const Entry& entry);
  Status check_deadline(Call& call);
  Status check_load(Call& call, const Entry& entry);
  Status check_limits(Call& call, const Entry& entry);

  std::unique_ptr<GatewayState> impl_;
};

/// Headers that every answer carries unless it sets them itself: no sniffing, no caching, no framing, no
/// referrer.
std::vector<http::Header> security_headers();

}  // namespace switchyard::gateway
