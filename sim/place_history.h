#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/types/priority.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::sim {

/// What every log must say of limits: never more runs of a key at once than its pipeline allows, in their
/// order, the latest wins. Fed with all events of all partitions, each partition's in order; finish() when no
/// partition has anything half done. The first breach is kept.
class PlaceHistory {
 public:
  explicit PlaceHistory(const workflow::Catalog& catalog) : catalog_(catalog) {}

  void add(PartitionId partition, const partition::RecordedEvent& recorded);
  void finish();
  const std::string& breach() const { return breach_; }
  size_t admitted() const { return admitted_; }
  size_t superseded() const { return superseded_; }

 private:
  using Name = std::pair<std::string, std::string>;  ///< pipeline, key
  struct Run {
    RunId id;
    std::string tenant;
    QueueOrder order;
    bool queued = false, ending = false, ended = false;
  };
  struct Group {
    uint32_t partition = 0;
    const workflow::ConcurrencySpec* spec = nullptr;
    std::vector<Run> runs;  ///< by their start; ended ones leave when all have ended
  };
  void fail(const std::string& what);
  void started(PartitionId partition, const Event& event, const RunStarted& body);
  void admitted(Group& group, Run& run);
  void ended(Group& group, Run& run);
  static size_t active(const Group& group);

  const workflow::Catalog& catalog_;
  std::map<Name, Group> groups_;
  std::map<RunId, Name> of_run_;
  std::vector<std::shared_ptr<const workflow::Pipeline>> pipelines_;  // keeps the specs
  size_t admitted_ = 0, superseded_ = 0;
  std::string breach_, at_;
};

}  // namespace switchyard::sim
