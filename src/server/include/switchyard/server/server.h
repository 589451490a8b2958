#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "switchyard/base/result.h"
#include "switchyard/otlp/config.h"
#include "switchyard/partition/limits.h"
#include "switchyard/partition/upkeep.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::server {

/// Everything a node can be told. Defaults are for one small machine.
struct ServerOptions {
  std::string data_directory = "switchyard-data";
  std::string address = "127.0.0.1";  ///< loopback unless told otherwise
  uint16_t port = 7070;               ///< 0: the system chooses
  uint32_t partitions = 0;     ///< 0: as the data folder has; a new one gets one for each of the threads
  int partition_threads = 0;   ///< 0: half the cores, at least one
  int http_threads = 0;        ///< 0: as many as cores
  uint32_t model_workers = 0;  ///< 0: half the cores, at least one
  size_t state_cache_bytes = 8u << 20;  ///< blocks of the state's tables in memory, of all partitions
  std::string onnxruntime;              ///< file or folder of the library; empty: the usual places
  size_t max_body_bytes = 32u << 20;    ///< of a deployment; other requests may have 1 MiB
  partition::UpkeepOptions upkeep;      ///< of logs and archives
  std::string tls_certificate_file, tls_key_file;
  std::string gateway_config_file;  ///< limits, tokens, clients' certificates; empty: none of these
  int64_t drain_delay_ms = 0;       ///< from readiness saying no until no more connections are taken
  std::vector<std::string>
      http_allow;  ///< hosts that `http` steps may call; empty: all that are not link-local
  telemetry::LogLevel log_level = telemetry::LogLevel::kInfo;
  telemetry::LogFormat log_format = telemetry::LogFormat::kAuto;
  otlp::Config otlp;         ///< where traces and metrics go; by default nowhere
  bool memory_log = false;   ///< nothing survives; for measurements
  bool development = false;  ///< make the development key at the start
  std::string version;
};

/// One node: builds the parts, starts them in order, stops them in the opposite one. The only place that sees
/// everything.
class Server {
 public:
  explicit Server(ServerOptions options);
  /// Requires: stopped or never started.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes the data folder, recovers, and listens. kConflict when another process has the folder, named.
  Status start();
  /// Drains and closes everything. Idempotent.
  void stop();
  /// The port bound.
  uint16_t port() const;
  /// A key with every role for whoever started a development server: made once, kept in the data folder (mode
  /// 0600).
  Result<std::string> development_key();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The path of the key file in a data folder.
std::string key_file(const std::string& data_directory);

}  // namespace switchyard::server
