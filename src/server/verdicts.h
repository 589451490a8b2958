#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/router/router.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::server {

/// What the review that ended at `end` says of the routed answers before it: those of steps `model`,
/// `ensemble` and `cascade` beside it, or of the pipeline itself. Each answer is judged once, by the first
/// review of that name; of a cache only by the same question asked again. Views into `history`.
std::vector<router::Judgement> judged_by(const std::vector<partition::RecordedEvent>& history, LogOffset end);

/// Tells the router how reviews were answered, for the routes that say what overrules them. It follows the
/// logs of the partitions from where the router has read them: no answer is lost by a crash, none counts
/// twice. Thread-safe.
class Verdicts {
 public:
  /// `router` outlives it.
  Verdicts(router::Router& router, telemetry::Logger logger) : router_(router), logger_(std::move(logger)) {}
  /// Requires that it was stopped, or never started.
  ~Verdicts();

  /// The first time, what was answered before counts for nothing. `engine` outlives stop().
  void start(partition::Engine& engine);
  void stop();
  /// Called with every event, on a partition's thread.
  void observe(PartitionId partition, const Event& event);

 private:
  void work(partition::Engine& engine);
  bool follow(partition::Engine& engine, PartitionId partition, const RunId& last);
  void skip_quiet(partition::Engine& engine);
  bool stopping();

  router::Router& router_;
  telemetry::Logger logger_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<PartitionId, RunId> answered_;  // with whose review was answered last; guarded by mutex_
  bool stopping_ = false;                  // guarded by mutex_
  std::thread thread_;
};

}  // namespace switchyard::server
