#include "door.h"

#include <algorithm>

#include "switchyard/gateway/limits.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/runtime/random.h"

namespace switchyard::server {
namespace {

constexpr uint64_t kMaxConfigBytes = 1u << 20;
constexpr int64_t kKeyFetchTimeoutMs = 5'000;
/// What a partition counts as that refuses a question: its queue is full.
constexpr int64_t kFullQueueUs = 1'000'000;

gateway::TokenVerifier::Fetch fetch_by(http::Client& client) {
  return [&client](const std::string& url, std::function<void(Result<std::string>)> done) {
    http::ClientRequest request;
    request.url = url;
    request.headers = {{"Accept", "application/json"}};
    request.timeout_ms = kKeyFetchTimeoutMs;
    request.max_response_bytes = gateway::kMaxKeySetBytes;
    client.request(std::move(request), [url, done = std::move(done)](http::ClientResult result) {
      if (!result.response.ok()) return done(result.response.error());
      if (result.response->status == 200) return done(std::move(result.response->body));
      done(make_error(ErrorKind::kUnavailable, "gateway.issuer_unreachable",
                      "'" + url + "' answered " + std::to_string(result.response->status) + "."));
    });
  };
}

}  // namespace

QueueProbe::QueueProbe(partition::Engine& engine, const runtime::Clock& clock)
    : engine_(engine), clock_(clock) {}

int64_t QueueProbe::measure_us() {
  const int64_t now_us = clock_.monotonic_us();
  const int64_t last_us = state_->waited_us.load(std::memory_order_relaxed);
  int64_t asked_us = 0;
  if (!state_->asked_us.compare_exchange_strong(asked_us, now_us, std::memory_order_acq_rel))
    return std::max(last_us, now_us - asked_us);
  runtime::Random& random = runtime::system_random();
  const PartitionId partition(static_cast<uint32_t>(random.next_u64() % engine_.partitions()));
  const RunId nobody = partition::make_run_id(partition, clock_.now_us(), random.next_u64());
  engine_.get_run(nobody, 0, [state = state_, &clock = clock_](const Result<partition::RunView>& view) {
    const bool answered = view.ok() || view.error().kind == ErrorKind::kNotFound;
    const int64_t since_us = state->asked_us.load(std::memory_order_relaxed);
    state->waited_us.store(answered ? clock.monotonic_us() - since_us : kFullQueueUs,
                           std::memory_order_relaxed);
    state->asked_us.store(0, std::memory_order_release);
  });
  return last_us;
}

Result<std::unique_ptr<Door>> Door::open(const std::string& file, http::Client& client,
                                         const runtime::Clock& clock, telemetry::Logger logger) {
  auto door = std::make_unique<Door>();
  if (file.empty()) return door;
  SY_ASSIGN_OR_RETURN(const std::string text,
                      runtime::read_file(runtime::posix_disk(), file, kMaxConfigBytes));
  Diagnostics mistakes;
  door->config_ = gateway::parse_gateway_config(text, file, &mistakes);
  if (has_errors(mistakes)) {
    std::string all = "the gateway's configuration is wrong:";
    for (const Diagnostic& each : mistakes) all += "\n" + each.to_string();
    return make_error(ErrorKind::kInvalidArgument, "gateway.bad_config", std::move(all));
  }
  if (!door->config_.issuers.empty()) {
    gateway::TokenVerifier::Options options;
    options.issuers = door->config_.issuers;
    options.fetch = fetch_by(client);
    options.clock = &clock;
    options.logger = std::move(logger);
    SY_ASSIGN_OR_RETURN(door->tokens_, gateway::TokenVerifier::make(std::move(options)));
  }
  return door;
}

gateway::GatewayOptions Door::gateway_options() const {
  gateway::GatewayOptions options;
  options.limits = config_.limits;
  options.admission.target_delay_us = config_.target_delay_us;
  if (config_.max_in_flight != 0) options.max_in_flight = config_.max_in_flight;
  options.tokens = tokens_.get();
  options.certificates = config_.certificates;
  return options;
}

std::optional<gateway::Budget> Door::budget_of(std::string_view name) const {
  auto budget = tokens_ == nullptr ? std::nullopt : tokens_->budget_of(name);
  for (const gateway::CertificateRule& rule : config_.certificates)
    if (rule.name == name && rule.policy.budget != gateway::Budget{})
      budget = gateway::tighter(budget.value_or(gateway::Budget{}), rule.policy.budget);
  return budget;
}

void Door::add_to(http::ServerOptions& options) const {
  options.tls_client_ca_file = config_.client_ca_file;
  options.tls_client_required = config_.client_certificate_required;
}

}  // namespace switchyard::server
