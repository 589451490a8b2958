#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/router/router.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::server {

/// What a route answered in a decision, and a person's answer after it. Views into the decision's events.
struct Judged {
  std::string_view route, candidate, model, review;
  Value answer, output;
};
/// What was routed before this review was answered: by steps `model` beside it, or of the pipeline itself.
/// Answers out of a cache are left out: they were judged where they were made.
std::vector<Judged> judged_by(const std::vector<partition::RecordedEvent>& history, const RunId& review);

/// Tells the router of people's answers to reviews, for the routes that say when one overrules theirs. What
/// was answered shortly before a crash may go untold. Thread-safe.
class Verdicts {
 public:
  /// `router` outlives it.
  Verdicts(router::Router& router, telemetry::Logger logger) : router_(router), logger_(std::move(logger)) {}
  /// Requires that it was stopped, or never started.
  ~Verdicts();

  /// `engine` outlives stop().
  void start(partition::Engine& engine);
  void stop();
  /// Called with every event, on a partition's thread.
  void observe(const Event& event);

 private:
  struct Answered {
    RunId run, review;
  };
  void work(partition::Engine& engine);
  void tell(partition::Engine& engine, const Answered& answered);

  router::Router& router_;
  telemetry::Logger logger_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Answered> waiting_;  // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::thread thread_;
};

}  // namespace switchyard::server
