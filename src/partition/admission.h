#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/partition/state_machine.h"

namespace switchyard::partition {

/// The limits that pipelines set with `concurrency`: which runs of a key have a place, which wait for one,
/// and who is next. A part of the state machine: its tables change by folding alone, so a limit holds across
/// crashes; what it remembers beside them is found again by load() and recover(). All runs of one group (a
/// pipeline, a key) live in one partition (group_partition()).
///
/// Who is next: the tenants of a group take turns, and the runs of one tenant go in QueueOrder.
class Admission {
 public:
  /// What it needs of the state machine around it.
  class Machine {
   public:
    virtual ~Machine() = default;
    /// The queued run begins: recorded, folded, advanced.
    virtual Status admit(const RunId& run, int64_t now_us) = 0;
    /// How the run ends is known: it only undoes what it did.
    virtual bool is_ending(const RunId& run) = 0;
    /// A newer run of its group takes its place.
    virtual void supersede(const RunId& run, const RunId& newest, int64_t now_us) = 0;
    /// The pipeline that a run is pinned to; nullptr: not to be had.
    virtual std::shared_ptr<const workflow::Pipeline> pipeline_of(const RunId& run) = 0;
    virtual bool may_start() const = 0;
  };
  Admission(store::StateStore& store, Machine& machine) : store_(store), machine_(machine) {}

  struct Verdict {
    bool queued = false;
    uint64_t place = 0;
  };
  /// What a start is to record. kConflict "run.limit_reached" with `on_limit: refuse`; kResourceExhausted
  /// "run.queue_full", "partition.too_many_queued"; the store's errors.
  Result<Verdict> ask(const workflow::Pipeline& pipeline, std::string_view group);
  /// After the start of the newest of a group: with `latest_wins` the older ones go, but for as many as the
  /// limit allows beside it.
  void enforce_latest(const std::string& pipeline, const std::string& group, int64_t now_us);

  // Folding; each after its run has changed.
  void fold_started(const workflow::RunState& run);
  void fold_admitted(const workflow::RunState& run);
  void fold_ended(const workflow::RunState& run);

  /// Gives free places to those that wait. True when more could be done at once.
  bool turn(int64_t now_us);
  int64_t next_due_us() const;

  Status load();
  void recover(int64_t now_us);

  /// Runs that wait, by pipeline. Not changed once given.
  std::shared_ptr<const std::map<std::string, uint64_t>> queued() const;
  uint64_t queued_in_all() const { return queued_in_all_; }

 private:
  using GroupName = std::pair<std::string, std::string>;  ///< pipeline, key
  struct Group {
    uint64_t active = 0, queued = 0, next = 0;
    std::string last_tenant;  ///< of the last that was taken from the queue
  };
  struct Next {
    RunId run;
    uint64_t limit = 0;
  };
  Group group(const GroupName& name);
  void put(const GroupName& name, const Group& group);
  std::optional<Next> next_of(const GroupName& name, const Group& group);
  /// Whether something is left to be done for the group at once.
  bool fill(const GroupName& name, int64_t now_us, size_t* admitted);
  void offer(const GroupName& name);
  void count(const std::string& pipeline, int64_t change);
  std::string queue_key(const workflow::RunState& run) const;

  store::StateStore& store_;
  Machine& machine_;
  std::deque<GroupName> free_;  ///< groups in which somebody may have got a place
  std::set<GroupName> in_free_;
  std::set<GroupName> stuck_;  ///< whose next run cannot be read at present
  int64_t stuck_until_us_ = 0;
  std::map<std::string, uint64_t> queued_;
  uint64_t queued_in_all_ = 0;
  mutable std::shared_ptr<const std::map<std::string, uint64_t>> told_;
};

}  // namespace switchyard::partition
