#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "switchyard/gateway/config.h"
#include "switchyard/gateway/gateway.h"
#include "switchyard/http/client.h"
#include "switchyard/http/server.h"
#include "switchyard/partition/engine.h"

namespace switchyard::server {

/// How long commands wait for a partition and the disk: asks a partition that chance chooses for a run that
/// does not exist, one question at a time. Thread-safe.
class QueueProbe {
 public:
  QueueProbe(partition::Engine& engine, const runtime::Clock& clock);
  /// The newest figure in microseconds; begins the next measurement.
  int64_t measure_us();

 private:
  struct State {
    std::atomic<int64_t> asked_us{0};  // 0: nothing is asked
    std::atomic<int64_t> waited_us{0};
  };
  partition::Engine& engine_;
  const runtime::Clock& clock_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with answers on their way
};

/// What the gateway's configuration file makes of a server: limits, issuers of tokens, clients' certificates.
class Door {
 public:
  /// `file` empty: nothing of all that. `client` and `clock` outlive it. kInvalidArgument
  /// "gateway.bad_config" with every mistake, kNotFound or kIo when the file cannot be read.
  static Result<std::unique_ptr<Door>> open(const std::string& file, http::Client& client,
                                            const runtime::Clock& clock, telemetry::Logger logger);

  gateway::GatewayOptions gateway_options() const;
  /// What whoever goes by this name may spend who comes with a token or a certificate. Nothing: no limit.
  std::optional<gateway::Budget> budget_of(std::string_view name) const;
  void add_to(http::ServerOptions& options) const;
  /// Whether it needs HTTPS.
  bool wants_certificates() const { return !config_.client_ca_file.empty(); }

 private:
  gateway::GatewayConfig config_;
  std::unique_ptr<gateway::TokenVerifier> tokens_;
};

}  // namespace switchyard::server
