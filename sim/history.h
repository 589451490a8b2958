#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::sim {

/// The rules that every log must keep, as an executable specification that knows nothing of the engine's
/// code: fed with all events of all partitions, each partition's in order. The first breach is kept.
class History {
 public:
  struct Review {
    RunId run;
    StepAddress step;
    bool open = true, answered = false;
    std::string queue, holder, answered_by, answer;
    int64_t held_until_us = 0;
  };
  struct Run {
    std::vector<partition::RecordedEvent> events;
    const workflow::Pipeline* pipeline = nullptr;
    std::string pipeline_name, key, principal, idempotency_key;
    std::set<StepAddress> settled;
    std::map<StepAddress, uint16_t> started,
        attempts;  ///< step → the last attempt begun (effectful), the last that failed
    std::map<StepAddress, RunId> waits_for;
    std::vector<std::pair<std::string, bool>> signals;  ///< payload, and whether a step has taken it
    std::set<std::string> signal_keys;
    uint64_t migrations = 0;
    double cost = 0;  ///< of all attempts, of the failed ones, too
    bool ended = false, compacted = false, deleted = false;
    int64_t ended_us = 0;
    std::string output;  ///< canonical JSON, of a completed run
    EventType end{};
  };

  explicit History(const workflow::Catalog& catalog) : catalog_(catalog) {}

  void add(PartitionId partition, partition::RecordedEvent recorded);
  const std::string& breach() const { return breach_; }
  const std::map<RunId, Run>& runs() const { return runs_; }
  const std::map<RunId, Review>& reviews() const { return reviews_; }
  const std::map<std::string, uint64_t>& budgets() const { return budgets_; }

 private:
  void migrate(Run& run, const RunMigrated& migrated);
  void add_signal(Run& run, const Event& event);
  void add_step(Run& run, const Event& event);
  void add_review(Run& run, const Event& event);
  void settle(Run& run, StepAddress step);
  void add_panel(const workflow::Step& step, const StepCompleted& completed);
  void end(Run& run, const Event& event);
  void add_retention(PartitionId partition, const Event& event);
  void forget(PartitionId partition, const RunId& id, int64_t now_us, bool remove);
  void fail(const std::string& what);
  Review* open_review(const RunId& id, const Event& event);

  const workflow::Catalog& catalog_;
  std::map<RunId, Run> runs_;
  std::map<RunId, Review> reviews_;
  std::map<std::string, RunId> keys_;        ///< principal and idempotency key → run
  std::map<std::string, uint64_t> budgets_;  ///< scope and day → used
  std::map<std::pair<uint32_t, std::string>, partition::Hold> holds_;  ///< partition and name
  std::string breach_, at_;
};

}  // namespace switchyard::sim
