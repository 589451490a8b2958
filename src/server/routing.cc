#include "routing.h"

#include <chrono>

#include "switchyard/base/check.h"
#include "switchyard/runtime/thread.h"

namespace switchyard::server {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr int64_t kKeepEvidenceEveryUs = 3'000'000;

bool covers(const workflow::Kill& kill, const router::KillQuery& query) {
  switch (kill.kind) {
    case ArtefactKind::kRoute: return kill.name == query.route && kill.version.empty();
    case ArtefactKind::kModel:
      return query.model != nullptr && kill.name == query.model->name &&
             (kill.version.empty() || kill.version == query.model->version);
    case ArtefactKind::kBackend:
      return query.model != nullptr &&
             ((!query.backend.empty() && kill.name == query.backend) ||
              (!query.vendor.empty() &&
               kill.name == std::string(governance::kVendorPrefix) + std::string(query.vendor)));
    default: return false;
  }
}

}  // namespace

Routing::Routing(models::Caller& models, telemetry::Registry& metrics, const runtime::Clock& clock,
                 telemetry::Logger logger)
    : models_(models), metrics_(metrics), clock_(clock), logger_(std::move(logger)) {}

Routing::~Routing() { SY_CHECK(!thread_.joinable()); }

Status Routing::start(std::unique_ptr<log::Log> ledger, std::unique_ptr<log::Log> evidence) {
  router::SpendLedger::Options spend;
  spend.log = std::move(ledger);
  spend.clock = &clock_;
  SY_ASSIGN_OR_RETURN(ledger_, router::SpendLedger::open(std::move(spend)));
  SY_ASSIGN_OR_RETURN(evidence_, router::EvidenceLog::open(std::move(evidence), clock_));
  router::Router::Options options;
  options.evidence = evidence_->kept();
  options.caller = &models_;
  options.ledger = ledger_.get();
  options.clock = &clock_;
  options.metrics = &metrics_;
  options.killed = [this](const router::KillQuery& query) { return killed(query); };
  options.on_canary = [this](const router::CanaryDecision& decision) {
    const std::lock_guard lock(work_mutex_);
    decisions_.push_back(decision);
    work_.notify_one();
  };
  options.on_shadow = [this](const router::ShadowResult& shadow) {
    if (shadow.agrees.value_or(true)) return;
    logger_.info("a shadow answered differently", {{"route", shadow.route},
                                                   {"decision", shadow.decision},
                                                   {"shadow", shadow.model.to_string()},
                                                   {"answered_by", shadow.answered_by.to_string()}});
  };
  router_ = std::make_unique<router::Router>(std::move(options));
  thread_ = runtime::start_thread("routing", [this] { work(); });
  return {};
}

void Routing::stop() {
  if (router_ != nullptr) router_->stop();
  {
    const std::lock_guard lock(work_mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (evidence_ != nullptr) {
    if (governance_ != nullptr) keep_evidence(true);
    if (const Status closed = evidence_->close(); !closed.ok())
      logger_.error("the evidence of canaries and experiments could not be kept",
                    {{"error", closed.error()}});
  }
  if (ledger_ != nullptr)
    if (const Status closed = ledger_->close(); !closed.ok())
      logger_.error("what was spent could not be recorded; what was set aside counts as spent",
                    {{"error", closed.error()}});
}

void Routing::record_canaries_in(governance::Governance& governance) {
  const std::lock_guard lock(work_mutex_);
  governance_ = &governance;
  work_.notify_one();
}

void Routing::keep_evidence(bool all) {
  const std::lock_guard lock(evidence_mutex_);
  if (all) {
    std::vector<std::string> names;
    for (const auto& route : router_->routes()) names.push_back(route->name);
    evidence_->retain(names);
  }
  if (const Status kept = evidence_->keep(router_->evidence(all)); !kept.ok())
    logger_.error("the evidence of canaries and experiments could not be kept; a restart would lose it",
                  {{"error", kept.error()}});
}

void Routing::work() {
  int64_t keep_at_us = clock_.monotonic_us() + kKeepEvidenceEveryUs;
  std::unique_lock lock(work_mutex_);
  while (!stopping_) {
    work_.wait_for(lock, kTick,
                   [this] { return stopping_ || (governance_ != nullptr && !decisions_.empty()); });
    while (governance_ != nullptr && !decisions_.empty()) {
      const router::CanaryDecision decision = std::move(decisions_.front());
      decisions_.pop_front();
      governance::Governance& governance = *governance_;
      lock.unlock();
      logger_.info("canary", {{"route", decision.route + "@" + decision.version},
                              {"candidate", decision.candidate},
                              {"decision", router::canary_decision_name(decision.kind)},
                              {"reason", decision.reason}});
      if (const Status recorded = governance.record_canary(decision); !recorded.ok())
        logger_.error("a canary's step could not be recorded", {{"error", recorded.error()}});
      lock.lock();
    }
    const bool knows_routes = governance_ != nullptr;
    lock.unlock();
    router_->tick();
    if (const int64_t now_us = clock_.monotonic_us(); knows_routes && now_us >= keep_at_us) {
      keep_evidence(false);
      keep_at_us = now_us + kKeepEvidenceEveryUs;
    }
    lock.lock();
  }
}

void Routing::follow(std::shared_ptr<const governance::Snapshot> snapshot) {
  router_->set_routes(snapshot->routes());
  const std::unique_lock lock(mutex_);
  kills_ = snapshot->kills();
  implicit_.clear();
  snapshot_ = std::move(snapshot);
}

std::shared_ptr<const router::Route> Routing::implicit(const models::ModelName& model) {
  const std::string key = model.to_string();
  std::shared_ptr<const governance::Snapshot> snapshot;
  {
    const std::shared_lock lock(mutex_);
    const auto found = implicit_.find(key);
    if (found != implicit_.end()) return found->second;
    snapshot = snapshot_;
  }
  router::ModelFacts facts;
  const auto manifest = snapshot == nullptr ? nullptr : snapshot->manifest(model.name, model.version);
  if (manifest != nullptr) {
    facts.prices = router::prices_of(*manifest);
    if (manifest->is_remote()) facts.backend = manifest->backend;
    const auto backend = manifest->is_remote() ? snapshot->backend(manifest->backend) : nullptr;
    if (backend != nullptr) facts.vendor = backend->vendor;
  }
  auto route = router::Route::implicit(model, facts);
  const std::unique_lock lock(mutex_);
  if (snapshot_ == snapshot) implicit_[key] = route;
  return route;
}

std::string Routing::killed(const router::KillQuery& query) const {
  const std::shared_lock lock(mutex_);
  for (const workflow::Kill& kill : kills_)
    if (covers(kill, query))
      return std::string(artefact_kind_name(kill.kind)) + " " + kill.name +
             (kill.version.empty() ? "" : "@" + kill.version) + " was switched off by " + kill.who + ": " +
             kill.why;
  return {};
}

}  // namespace switchyard::server
