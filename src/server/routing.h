#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "switchyard/governance/governance.h"
#include "switchyard/log/log.h"
#include "switchyard/models/caller.h"
#include "switchyard/router/router.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/telemetry/log.h"
#include "switchyard/telemetry/metrics.h"

namespace switchyard::server {

/// The router with what surrounds it: the routes of the governance log, its switches, the ledger, the
/// evidence of canaries and experiments, and the way of a canary's steps back into the governance log.
/// Thread-safe.
class Routing {
 public:
  /// `models`, `metrics` and `clock` outlive it.
  Routing(models::Caller& models, telemetry::Registry& metrics, const runtime::Clock& clock,
          telemetry::Logger logger);
  ~Routing();

  /// `ledger` keeps what is spent, `evidence` what is known of canaries and experiments: it is told every few
  /// seconds. The errors of SpendLedger::open() and EvidenceLog::open().
  Status start(std::unique_ptr<log::Log> ledger, std::unique_ptr<log::Log> evidence);
  void stop();
  /// New routes and switches, from the next call on.
  void follow(std::shared_ptr<const governance::Snapshot> snapshot);
  /// From now on each step of a canary is an event there. It outlives stop().
  void record_canaries_in(governance::Governance& governance);
  /// Returns when the disk has what was learnt since it was kept last, or `all` that is known. It is called
  /// every few seconds, and by whoever cannot wait. Not before governance is open: routes that are not known
  /// yet would be forgotten.
  void keep_evidence(bool all);

  router::Router& router() { return *router_; }
  router::SpendLedger& ledger() { return *ledger_; }
  /// The route of a model version that is asked by its version, or has no route.
  std::shared_ptr<const router::Route> implicit(const models::ModelName& model);

 private:
  std::string killed(const router::KillQuery& query) const;
  void work();

  models::Caller& models_;
  telemetry::Registry& metrics_;
  const runtime::Clock& clock_;
  telemetry::Logger logger_;
  std::unique_ptr<router::SpendLedger> ledger_;
  std::mutex evidence_mutex_;
  std::unique_ptr<router::EvidenceLog> evidence_;  // guarded by evidence_mutex_ once it is open
  std::unique_ptr<router::Router> router_;

  mutable std::shared_mutex mutex_;
  std::shared_ptr<const governance::Snapshot> snapshot_;                  // guarded by mutex_
  std::vector<workflow::Kill> kills_;                                     // guarded by mutex_
  std::map<std::string, std::shared_ptr<const router::Route>> implicit_;  // guarded by mutex_

  std::mutex work_mutex_;
  std::condition_variable work_;
  governance::Governance* governance_ = nullptr;  // guarded by work_mutex_
  std::deque<router::CanaryDecision> decisions_;  // guarded by work_mutex_
  bool stopping_ = false;                         // guarded by work_mutex_
  std::thread thread_;
};

}  // namespace switchyard::server
