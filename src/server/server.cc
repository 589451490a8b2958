#include "switchyard/server/server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include <sys/stat.h>

#include "door.h"
#include "effects.h"
#include "egress.h"
#include "metrics.h"
#include "model_loader.h"
#include "openapi.h"
#include "private_calls.h"
#include "remote_models.h"
#include "routing.h"
#include "switchyard/gateway/surfaces.h"
#include "switchyard/log/local_log.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"
#include "traced_calls.h"
#include "verdicts.h"
#include "webhooks.h"
#include "worker_metrics.h"
#include "worker_models.h"

namespace switchyard::server {
namespace {

/// The governance log lies beside the partitions' logs, under the highest number.
constexpr PartitionId kGovernanceLog{partition::kMaxPartitions};
/// And so does what was spent.
constexpr PartitionId kLedgerLog{partition::kMaxPartitions + 1};
constexpr PartitionId kEvidenceLog{partition::kMaxPartitions + 2};
constexpr PartitionId kOperationLog{partition::kMaxPartitions + 3};

uint32_t half_the_cores() { return std::max(1u, std::thread::hardware_concurrency() / 2); }

/// What a data folder was made for; it cannot change.
Result<uint32_t> settle_partitions(runtime::Disk& disk, const std::string& directory, uint32_t wanted,
                                   uint32_t threads) {
  const std::string path = directory + "/node.json";
  SY_ASSIGN_OR_RETURN(const bool known, disk.exists(path));
  if (!known) {
    // Each partition has a log of its own to sync: more of them than threads only cost.
    const uint32_t partitions = wanted == 0 ? std::min(threads, partition::kMaxPartitions) : wanted;
    SY_RETURN_IF_ERROR(runtime::write_file_durably(
        disk, path, "{\"format\":1,\"partitions\":" + std::to_string(partitions) + "}\n"));
    return partitions;
  }
  SY_ASSIGN_OR_RETURN(const std::string text, runtime::read_file(disk, path, 4096));
  SY_ASSIGN_OR_RETURN(const Document node, parse_json_document(text));
  const Value* format = node->find("format");
  const Value* partitions = node->find("partitions");
  if (format == nullptr || !format->is(Kind::kInteger) || format->as_integer() != 1 ||
      partitions == nullptr || !partitions->is(Kind::kInteger)) {
    return make_error(ErrorKind::kUnprocessable, "server.unknown_data_format",
                      path + " is not of this version's format; use the version that wrote it");
  }
  const auto count = static_cast<uint32_t>(partitions->as_integer());
  if (wanted != 0 && wanted != count) {
    return make_error(ErrorKind::kInvalidArgument, "server.partitions_fixed",
                      "the data folder has " + std::to_string(count) +
                          " partitions, which cannot change; leave --partitions out",
                      "partitions");
  }
  return count;
}

}  // namespace

std::string key_file(const std::string& data_directory) { return data_directory + "/keys.json"; }

class Server::Impl {
 public:
  explicit Impl(ServerOptions options)
      : options_(std::move(options)),
        logger_(std::make_shared<telemetry::LogSink>(
                    telemetry::LogOptions{options_.log_level, options_.log_format}),
                "server") {}
  ~Impl() { SY_CHECK(!running_); }

  Status start() {
    const Status started = start_parts();
    if (!started.ok()) {
      stop_parts();
      return started.error();
    }
    running_ = true;
    return {};
  }

  void stop() {
    if (!running_) return;
    ready_ = false;
    logger_.info("stopping", {{"drain_delay_ms", options_.drain_delay_ms}});
    // Still serving: whoever sends requests here shall have seen that /readyz says no.
    std::this_thread::sleep_for(std::chrono::milliseconds(options_.drain_delay_ms));
    stop_parts();
    logger_.info("stopped", {});
    running_ = false;
  }

  uint16_t port() const { return http_->port(); }

  Result<std::string> development_key() {
    auto& disk = runtime::posix_disk();
    const std::string path = options_.data_directory + "/development-key";
    SY_ASSIGN_OR_RETURN(const bool known, disk.exists(path));
    if (known) {
      SY_ASSIGN_OR_RETURN(std::string text, runtime::read_file(disk, path, 4096));
      while (!text.empty() && text.back() == '\n') text.pop_back();
      if (keys_->authenticate(text).ok()) return text;
    }
    SY_ASSIGN_OR_RETURN(gateway::NewKey key, keys_->create("developer", {gateway::Role::kAdmin}));
    SY_RETURN_IF_ERROR(write_private_file(path, key.text.reveal() + "\n"));
    return key.text.reveal();
  }

 private:
  Status start_parts() {
    const int64_t begun_us = clock_.monotonic_us();
    auto& disk = runtime::posix_disk();
    SY_RETURN_IF_ERROR(disk.create_directories(options_.data_directory));
    // Held by the logs as well; taken first so that the second server changes nothing.
    SY_ASSIGN_OR_RETURN(lock_, disk.lock_directory(options_.data_directory));
    SY_ASSIGN_OR_RETURN(
        const uint32_t partitions,
        settle_partitions(disk, options_.data_directory, options_.partitions, partition_threads()));
    SY_ASSIGN_OR_RETURN(keys_, gateway::KeyStore::open(key_file(options_.data_directory), clock_));
    // Before anybody can see the server as ready: scripts read the key then.
    if (options_.development) {
      SY_ASSIGN_OR_RETURN([[maybe_unused]] const std::string key, development_key());
    }
    SY_RETURN_IF_ERROR(open_logs());
    SY_RETURN_IF_ERROR(start_tracing());
    SY_RETURN_IF_ERROR(start_models());
    SY_RETURN_IF_ERROR(open_governance());
    SY_RETURN_IF_ERROR(open_door());
    SY_RETURN_IF_ERROR(start_engine(partitions));
    replayer_ = std::make_unique<provenance::Replayer>(
        [this] { return governance_->snapshot(); },
        [this](const std::string& name, const std::string& version,
               const Document& input) -> Result<Document> {
          return all_models_->find({name, version}) != nullptr ? call_and_wait({name, version}, input)
                                                               : run_here(name, version, input);
        });
    SY_RETURN_IF_ERROR(start_http());
    ready_ = true;
    logger_.info("ready", {{"address", options_.address},
                           {"port", http_->port()},
                           {"data", options_.data_directory},
                           {"partitions", partitions},
                           {"start_ms", (clock_.monotonic_us() - begun_us) / 1000}});
    return {};
  }

  Result<Document> run_here(const std::string& name, const std::string& version, const Document& input) {
    SY_ASSIGN_OR_RETURN(models::ModelAnswer answer, models_->run_at(name, version, input, {}));
    return std::move(answer.output);
  }
  /// For replays of calls to models elsewhere; on the pool's threads.
  Result<Document> call_and_wait(const models::ModelName& model, const Document& input) {
    models::CallRequest request;
    request.model = model;
    request.input = input;
    auto done = std::make_shared<std::promise<Result<Document>>>();
    auto future = done->get_future();
    all_models_->call(std::move(request), [done](models::CallOutcome outcome) {
      if (outcome.answer.ok())
        done->set_value(std::move(outcome.answer->output));
      else
        done->set_value(outcome.answer.error());
    });
    return future.get();
  }

  Status open_logs() {
    if (options_.memory_log) {
      logs_ = log::MemoryLogs::create();
    } else {
      log::LocalLogOptions local;
      local.directory = options_.data_directory + "/log";
      SY_ASSIGN_OR_RETURN(logs_, log::LocalLogs::open(std::move(local)));
    }
    SY_ASSIGN_OR_RETURN(governance_log_, logs_->acquire(kGovernanceLog));
    return {};
  }

  Status start_tracing() {
    if (!options_.otlp.exports_spans() && !options_.otlp.exports_metrics()) return {};
    Tracing::Options tracing;
    tracing.config = options_.otlp;
    tracing.version = options_.version;
    tracing.tls = !options_.tls_certificate_file.empty();
    tracing.catalog = [this]() -> std::shared_ptr<const workflow::Catalog> {
      return governance_->snapshot();
    };
    tracing_ = std::make_unique<Tracing>(std::move(tracing), registry_, logger_.module("otlp"), clock_);
    return tracing_->start();
  }

  Status start_models() {
    models::ModelService::Options models;
    models.workers = options_.model_workers != 0 ? options_.model_workers : half_the_cores();
    models::OnnxOptions onnx;
    if (!options_.onnxruntime.empty()) onnx.library_paths.push_back(options_.onnxruntime);
    models.backends.push_back(models::make_onnx_backend(std::move(onnx)));
    models.clock = &clock_;
    models_ = std::make_unique<models::ModelService>(std::move(models));
    SY_RETURN_IF_ERROR(models_->start());
    all_models_ = std::make_unique<models::Models>(*models_);
    SY_ASSIGN_OR_RETURN(egress_, Egress::only(options_.http_allow));
    http::ClientOptions client;
    client.may_be_link_local = [this](std::string_view host) { return egress_.names(host); };
    client_ = std::make_unique<http::Client>(std::move(client));
    SY_RETURN_IF_ERROR(client_->start());
    // Models have a client of their own: what they are allowed at once is the backends' matter.
    http::ClientOptions model_client;
    model_client.may_be_link_local = [this](std::string_view host) { return egress_.names(host); };
    model_client.connections_per_origin = models::kMaxRemoteConcurrent;
    model_client.threads = options_.http_threads != 0
                               ? options_.http_threads
                               : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    model_client_ = std::make_unique<http::Client>(std::move(model_client));
    SY_RETURN_IF_ERROR(model_client_->start());
    workers::WorkerQueuesOptions workers;
    workers.clock = &clock_;
    workers.random = &runtime::system_random();
    workers_ = std::make_unique<workers::WorkerQueues>(workers);
    workers_->start();
    worker_metrics_ = std::make_unique<WorkerMetrics>(registry_, *workers_);
    worker_models_ = std::make_unique<WorkerModels>(*workers_, *worker_metrics_);
    remote_models_ = std::make_unique<RemoteModels>(
        *all_models_,
        models::RemoteSurroundings{model_client_.get(), &clock_,
                                   [this](const http::Url& url) { return egress_.check(url); }},
        *worker_models_, logger_.module("models"));
    SY_ASSIGN_OR_RETURN(auto ledger, logs_->acquire(kLedgerLog));
    SY_ASSIGN_OR_RETURN(auto evidence, logs_->acquire(kEvidenceLog));
    SY_ASSIGN_OR_RETURN(auto privacy_key, privacy_key_of_environment());
    private_calls_ = std::make_unique<PrivateCalls>(*all_models_, std::move(privacy_key));
    models::Caller* calls = private_calls_.get();
    if (tracing_ != nullptr) {
      traced_calls_ = std::make_unique<TracedCalls>(
          *calls, [this] { return governance_->snapshot(); }, *tracing_, clock_);
      calls = traced_calls_.get();
    }
    routing_ = std::make_unique<Routing>(*calls, registry_, clock_, logger_.module("router"));
    SY_RETURN_IF_ERROR(routing_->start(std::move(ledger), std::move(evidence)));
    return {};
  }

  Status open_governance() {
    loader_ = std::make_unique<ServiceModelLoader>(*models_);
    governance::GovernanceOptions governance;
    governance.log = governance_log_.get();
    governance.clock = &clock_;
    governance.disk = &runtime::posix_disk();
    governance.blob_directory = options_.data_directory + "/blobs";
    governance.models = loader_.get();
    governance_ = std::make_unique<governance::Governance>(governance);
    governance_->on_change([this](const auto& snapshot) {
      remote_models_->follow(*snapshot);
      private_calls_->follow(*snapshot);
      routing_->follow(snapshot);
      if (wake_engine_) engine_->wake();
    });
    Diagnostics problems;
    SY_RETURN_IF_ERROR(governance_->open(&problems));
    routing_->record_canaries_in(*governance_);
    for (const auto& problem : problems)
      logger_.warn("an artefact of the governance log", {{"problem", problem.to_string()}});
    return {};
  }

  Status open_door() {
    SY_ASSIGN_OR_RETURN(
        door_, Door::open(options_.gateway_config_file, *client_, clock_, logger_.module("gateway")));
    if (!door_->wants_certificates() || !options_.tls_certificate_file.empty()) return {};
    return make_error(ErrorKind::kInvalidArgument, "server.certificates_need_tls",
                      "clients' certificates come with HTTPS only; give --tls-certificate and --tls-key");
  }

  uint32_t partition_threads() const {
    return options_.partition_threads != 0 ? static_cast<uint32_t>(options_.partition_threads)
                                           : half_the_cores();
  }

  Status start_engine(uint32_t partitions) {
    pool_ = std::make_unique<runtime::ThreadPool>(runtime::ThreadPool::Options{"slow", 2, 512});
    effects_ = std::make_unique<Effects>(Effects::Parts{*routing_, live_calls_, *keys_, *door_, *client_,
                                                        egress_, *workers_, *worker_metrics_, *pool_, clock_,
                                                        tracing_.get()});
    verdicts_ = std::make_unique<Verdicts>(routing_->router(), logger_.module("router"));
    metrics_ = std::make_unique<Metrics>(registry_);
    process_metrics_ = telemetry::add_process_metrics(registry_, options_.version);
    store::HostOptions host;
    host.block_cache_bytes = options_.state_cache_bytes;
    store_host_ = store::make_store_host(host);
    partition::EngineOptions engine;
    engine.partitions = partitions;
    engine.threads = static_cast<int>(partition_threads());
    engine.logs = logs_.get();
    engine.open_store = [this](PartitionId id) {
      store::StoreOptions store;
      store.path = options_.data_directory + "/state/partition-" + std::to_string(id.value);
      store.partition = id;
      store.on_health = [this, id](const Status& health) {
        if (health.ok())
          logger_.info("the state is written again", {{"partition", id}});
        else
          logger_.error("the state cannot be written; it is tried again",
                        {{"partition", id}, {"error", health.error()}});
      };
      return store::open_state_store(store_host_, store);
    };
    engine.clock = &clock_;
    engine.random = &runtime::system_random();
    engine.catalog = [this]() -> std::shared_ptr<const workflow::Catalog> { return governance_->snapshot(); };
    // A log in memory has nothing to move and nothing to find again.
    if (!options_.memory_log) engine.history_directory = options_.data_directory;
    engine.disk = &runtime::posix_disk();
    engine.upkeep = options_.upkeep;
    engine.retention = [this] { return governance_->snapshot()->retention(); };
    engine.executor = effects_.get();
    webhooks_ = std::make_unique<Webhooks>(*client_, egress_, clock_);
    engine.webhooks = webhooks_.get();
    engine.observer = [this](PartitionId partition, const Event& event) {
      metrics_->observe(event);
      effects_->observe(event);
      verdicts_->observe(partition, event);
      if (tracing_ != nullptr) tracing_->observe(event);
    };
    engine.release_scope = []() -> std::shared_ptr<void> { return std::make_shared<http::AnswerBatch>(); };
    SY_RETURN_IF_ERROR(runtime::posix_disk().create_directories(options_.data_directory + "/state"));
    engine_ = std::make_unique<partition::Engine>(std::move(engine));
    effects_->follow(*engine_);
    SY_RETURN_IF_ERROR(engine_->start());
    engine_running_ = true;
    verdicts_->start(*engine_);
    // From where on reviews count is known before there is one.
    routing_->keep_evidence(false);
    // Schedules and agents of a new version begin with its deployment.
    wake_engine_ = true;
    metrics_->watch(*engine_, *models_);
    return {};
  }

  Status start_http() {
    probe_ = std::make_unique<QueueProbe>(*engine_, clock_);
    gateway::GatewayOptions door = door_->gateway_options();
    door.max_body_bytes = options_.max_body_bytes;
    door.sampler = options_.otlp.sampler;
    if (tracing_ != nullptr)
      door.on_answer = [this](const gateway::AnsweredRequest& request) { tracing_->answered(request); };
    door.admission.queue_delay_us = [this]() -> int64_t {
      return ready_ ? std::max(http_->measure_queue_delay_us(), probe_->measure_us()) : 0;
    };
    gateway_ = std::make_unique<gateway::Gateway>(std::move(door), *keys_, registry_,
                                                  logger_.module("gateway"), clock_);
    SY_ASSIGN_OR_RETURN(auto operations, logs_->acquire(kOperationLog));
    SY_ASSIGN_OR_RETURN(operations_, gateway::OperationLog::open(std::move(operations), clock_));
    services_.operations = operations_.get();
    services_.keys = keys_.get();
    services_.engine = engine_.get();
    services_.governance = governance_.get();
    services_.models = models_.get();
    services_.remote_models = all_models_.get();
    services_.replayer = replayer_.get();
    services_.live_calls = &live_calls_;
    services_.router = &routing_->router();
    services_.ledger = &routing_->ledger();
    services_.workers = workers_.get();
    services_.pool = pool_.get();
    services_.clock = &clock_;
    services_.metrics = &registry_;
    services_.version = options_.version;
    services_.openapi = openapi_document();
    services_.ready = [this]() -> Status {
      if (!ready_)
        return make_error(ErrorKind::kUnavailable, "server.not_ready", "the server is starting or stopping");
      return engine_->health();
    };
    gateway::add_decisions(*gateway_, services_);
    gateway::add_control(*gateway_, services_);
    gateway::add_signals(*gateway_, services_);
    gateway::add_migrations(*gateway_, services_);
    gateway::add_reviews(*gateway_, services_);
    gateway::add_governance(*gateway_, services_);
    gateway::add_models(*gateway_, services_);
    gateway::add_events(*gateway_, services_);
    gateway::add_retention(*gateway_, services_);
    gateway::add_routes(*gateway_, services_);
    gateway::add_openai(*gateway_, services_);
    gateway::add_workers(*gateway_, services_);
    gateway::add_keys(*gateway_, services_);
    gateway::add_inference(*gateway_, services_);
    gateway::add_inference_grpc(*gateway_, services_);
    gateway::add_operations(*gateway_, services_);
    http::ServerOptions http;
    http.address = options_.address;
    http.port = options_.port;
    http.share_threads_of = model_client_.get();
    http.max_body_bytes = options_.max_body_bytes;
    http.streamed_paths = gateway_->streamed_paths();
    http.default_headers = gateway::security_headers();
    http.tls_certificate_file = options_.tls_certificate_file;
    http.tls_key_file = options_.tls_key_file;
    door_->add_to(http);
    http_ = std::make_unique<http::Server>(std::move(http),
                                           [this](http::Request&& request, http::Responder responder) {
                                             gateway_->handle(std::move(request), std::move(responder));
                                           });
    return http_->start();
  }

  /// In the opposite order of the start; each part may be missing when the start failed.
  void stop_parts() {
    // Waiting polls would hold up the HTTP server's end.
    if (workers_ != nullptr) workers_->stop();
    if (http_ != nullptr) http_->stop();
    if (worker_metrics_ != nullptr) worker_metrics_->stop();
    if (operations_ != nullptr) operations_->stop();
    if (pool_ != nullptr) pool_->stop();
    if (metrics_ != nullptr) metrics_->stop();
    if (client_ != nullptr) client_->stop();
    if (model_client_ != nullptr) model_client_->stop();
    if (models_ != nullptr) models_->stop();
    if (verdicts_ != nullptr) verdicts_->stop();
    if (routing_ != nullptr) routing_->stop();
    wake_engine_ = false;
    if (engine_running_) engine_->stop();
    engine_running_ = false;
    if (tracing_ != nullptr) tracing_->stop();
    if (governance_log_ != nullptr) (void)governance_log_->close();
  }

  static Status write_private_file(const std::string& path, const std::string& content);

  const ServerOptions options_;
  const runtime::Clock& clock_ = runtime::system_clock();
  telemetry::Logger logger_;
  telemetry::Registry registry_;
  std::vector<telemetry::CallbackHandle> process_metrics_;
  std::unique_ptr<runtime::DirectoryLock> lock_;
  std::unique_ptr<gateway::KeyStore> keys_;
  std::unique_ptr<log::Logs> logs_;
  std::unique_ptr<log::Log> governance_log_;
  std::unique_ptr<Tracing> tracing_;  // null: nothing is exported
  std::unique_ptr<models::ModelService> models_;
  std::unique_ptr<models::Models> all_models_;
  Egress egress_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Client> model_client_;
  std::unique_ptr<workers::WorkerQueues> workers_;
  std::unique_ptr<WorkerMetrics> worker_metrics_;
  std::unique_ptr<WorkerModels> worker_models_;
  std::unique_ptr<RemoteModels> remote_models_;
  std::unique_ptr<PrivateCalls> private_calls_;
  std::unique_ptr<TracedCalls> traced_calls_;  // null: without tracing
  gateway::LiveCalls live_calls_;
  std::unique_ptr<Routing> routing_;
  std::unique_ptr<Verdicts> verdicts_;
  std::unique_ptr<ServiceModelLoader> loader_;
  std::unique_ptr<governance::Governance> governance_;
  std::unique_ptr<Effects> effects_;
  std::unique_ptr<Webhooks> webhooks_;
  std::unique_ptr<Metrics> metrics_;
  std::shared_ptr<store::StoreHost> store_host_;  // shared with every store
  std::unique_ptr<partition::Engine> engine_;
  std::unique_ptr<runtime::ThreadPool> pool_;
  std::unique_ptr<provenance::Replayer> replayer_;
  std::unique_ptr<gateway::OperationLog> operations_;
  gateway::Services services_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<QueueProbe> probe_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<http::Server> http_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> wake_engine_{false};
  bool engine_running_ = false;
  bool running_ = false;
};

Status Server::Impl::write_private_file(const std::string& path, const std::string& content) {
  const int previous = static_cast<int>(::umask(0077));
  const Status written = runtime::write_file_durably(runtime::posix_disk(), path, content);
  ::umask(static_cast<mode_t>(previous));
  return written.ok() ? Status() : Status(written.error());
}

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;
Status Server::start() { return impl_->start(); }
void Server::stop() { impl_->stop(); }
uint16_t Server::port() const { return impl_->port(); }
Result<std::string> Server::development_key() { return impl_->development_key(); }

}  // namespace switchyard::server
