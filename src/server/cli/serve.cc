// serve, dev
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>

#include "cli/cli.h"
#include "switchyard/server/server.h"

#ifndef SWITCHYARD_VERSION
#define SWITCHYARD_VERSION "0.0.0"
#endif

namespace switchyard::server::cli {
namespace {

struct ServeSettings {
  ServerOptions options;
  std::string otlp_endpoint, trace_ratio;
  std::string log_level = "info", log_format = "auto", log = "local";
  uint64_t state_cache_mib = ServerOptions().state_cache_bytes >> 20;
  uint64_t log_keep_mib = partition::kLogKeepBytes >> 20;
  int64_t drain_delay_s = 0;
  int64_t archive_after_hours = partition::kArchiveAfterUs / 3'600'000'000;
  int64_t upkeep_minutes = partition::kUpkeepIntervalUs / 60'000'000;
};

void add_options(CLI::App& command, ServeSettings& settings) {
  ServerOptions& options = settings.options;
  command.add_option("--data", options.data_directory, "Folder of logs, state and keys")
      ->envname("SWITCHYARD_DATA")
      ->capture_default_str();
  command.add_option("--address", options.address, "Address to listen on; 0.0.0.0 for all")
      ->envname("SWITCHYARD_ADDRESS")
      ->capture_default_str();
  command.add_option("--port", options.port, "Port; 0: the system chooses")
      ->envname("SWITCHYARD_PORT")
      ->capture_default_str();
  command
      .add_option("--partitions", options.partitions,
                  "State machines, for a new data folder only (default: one for each thread)")
      ->check(CLI::Range(1u, partition::kMaxPartitions));
  command
      .add_option("--partition-threads", options.partition_threads,
                  "Threads that drive them (default: half the cores)")
      ->check(CLI::Range(1, 256));
  command
      .add_option("--http-threads", options.http_threads,
                  "Threads that serve HTTP and call models elsewhere (default: as many as cores)")
      ->check(CLI::Range(1, 256));
  command
      .add_option("--model-workers", options.model_workers,
                  "Threads that run models (default: half the cores)")
      ->check(CLI::Range(1u, 256u));
  command
      .add_option(
          "--state-cache-mib", settings.state_cache_mib,
          "Blocks of the state's tables kept in memory; what is not there is read through the system's "
          "page cache")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str();
  command.add_option("--onnxruntime", options.onnxruntime, "The ONNX Runtime library or its folder")
      ->envname("ONNXRUNTIME_ROOT");
  command.add_option("--max-body-bytes", options.max_body_bytes, "Of a deployment")->capture_default_str();
  command
      .add_option("--log-keep-mib", settings.log_keep_mib,
                  "Of each partition's log that stays beside its archive")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str();
  command
      .add_option("--archive-after-hours", settings.archive_after_hours,
                  "Older events move from the log to the archive")
      ->check(CLI::Range(int64_t{0}, int64_t{100'000}))
      ->capture_default_str();
  command
      .add_option("--upkeep-minutes", settings.upkeep_minutes,
                  "Between two looks at logs, archives and retention; 0: only when asked")
      ->check(CLI::Range(int64_t{0}, int64_t{10'080}))
      ->capture_default_str();
  command.add_option("--tls-certificate", options.tls_certificate_file,
                     "PEM chain; with --tls-key: serve HTTPS");
  command.add_option("--tls-key", options.tls_key_file, "PEM key");
  command
      .add_option("--gateway", options.gateway_config_file,
                  "File with rate limits, issuers of tokens, clients' certificates and admission")
      ->envname("SWITCHYARD_GATEWAY");
  command
      .add_option("--drain-delay", settings.drain_delay_s,
                  "Seconds between /readyz saying no and the end of taking requests, at a stop")
      ->check(CLI::Range(int64_t{0}, int64_t{3600}))
      ->capture_default_str();
  command
      .add_option("--http-allow", options.http_allow,
                  "Hosts that http steps may call: HOST, HOST:PORT or *.DOMAIN, with commas (default: all, "
                  "link-local addresses excepted)")
      ->envname("SWITCHYARD_HTTP_ALLOW")
      ->delimiter(',');
  command.add_option("--otlp-endpoint", settings.otlp_endpoint,
                     "OpenTelemetry collector of traces and metrics (OTLP over HTTP), such as "
                     "http://localhost:4318; OTEL_EXPORTER_OTLP_ENDPOINT and the like are read, too");
  command.add_option("--trace-ratio", settings.trace_ratio,
                     "Part of the traces that begin here that is recorded, from 0 to 1 (default: all)");
  command.add_option("--log-level", settings.log_level, "debug, info, warn, error or off")
      ->capture_default_str();
  command.add_option("--log-format", settings.log_format, "auto, json or text")
      ->check(CLI::IsMember({"auto", "json", "text"}))
      ->capture_default_str();
  command.add_option("--log", settings.log, "local, or memory (nothing survives; for measurements)")
      ->check(CLI::IsMember({"local", "memory"}))
      ->capture_default_str();
}

/// OpenTelemetry's variables, with what the options say in their place.
Result<otlp::Config> read_otlp(const ServeSettings& settings) {
  return otlp::read_config([&settings](std::string_view name) -> std::optional<std::string> {
    if (name == "OTEL_EXPORTER_OTLP_ENDPOINT" && !settings.otlp_endpoint.empty())
      return settings.otlp_endpoint;
    if (!settings.trace_ratio.empty()) {
      if (name == "OTEL_TRACES_SAMPLER") return "parentbased_traceidratio";
      if (name == "OTEL_TRACES_SAMPLER_ARG") return settings.trace_ratio;
    }
    return otlp::process_environment(name);
  });
}

int serve(ServeSettings settings, bool development) {
  const auto level = telemetry::parse_log_level(settings.log_level);
  if (!level.ok()) return report(level.error());
  ServerOptions& options = settings.options;
  options.log_level = *level;
  if (settings.log_format == "json") options.log_format = telemetry::LogFormat::kJson;
  if (settings.log_format == "text") options.log_format = telemetry::LogFormat::kText;
  options.memory_log = settings.log == "memory";
  options.development = development;
  options.state_cache_bytes = settings.state_cache_mib << 20;
  options.upkeep.log_keep_bytes = settings.log_keep_mib << 20;
  options.upkeep.archive_after_us = settings.archive_after_hours * 3'600'000'000;
  options.upkeep.interval_us = settings.upkeep_minutes * 60'000'000;
  options.drain_delay_ms = settings.drain_delay_s * 1000;
  options.version = SWITCHYARD_VERSION;
  auto otlp = read_otlp(settings);
  if (!otlp.ok()) return report(otlp.error());
  options.otlp = *std::move(otlp);
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return report(make_error(ErrorKind::kInvalidArgument, "server.half_tls",
                             "give both --tls-certificate and --tls-key, or neither"));
  }

  // Taken by sigwait below; threads inherit the mask.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Server server(options);
  const Status started = server.start();
  if (!started.ok()) return report(started.error());
  if (development) {
    const auto key = server.development_key();
    if (!key.ok()) {
      server.stop();
      return report(key.error());
    }
    std::printf("Switchyard is ready at http://%s:%u\nAPI key (kept in %s/development-key): %s\n",
                options.address.c_str(), server.port(), options.data_directory.c_str(), key->c_str());
    std::fflush(stdout);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
  return kDone;
}

}  // namespace

void add_serve(CLI::App& app, int* code) {
  for (const bool development : {false, true}) {
    CLI::App* command = development
                            ? app.add_subcommand("dev", "Run a server on this machine and print a key for it")
                            : app.add_subcommand("serve", "Run a server");
    auto settings = std::make_shared<ServeSettings>();
    add_options(*command, *settings);
    command->callback([settings, development, code] { *code = serve(*settings, development); });
  }
}

}  // namespace switchyard::server::cli
