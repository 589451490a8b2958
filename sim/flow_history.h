#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::sim {

/// What every log must say of events: none lost, none doubled, in order. Fed with all events of all
/// partitions, each partition's in order; finish() looks at what only the whole can tell. The first breach is
/// kept.
class FlowHistory {
 public:
  FlowHistory(const workflow::Catalog& catalog, uint32_t partitions)
      : catalog_(catalog), partitions_(partitions) {}

  void add(PartitionId partition, const partition::RecordedEvent& recorded);
  /// `at_rest`: nothing is under way any more, so that everything must have arrived.
  void finish(bool at_rest);
  const std::string& breach() const { return breach_; }
  bool published(const std::string& source, const std::string& id) const {
    return known_.contains({source, id});
  }
  size_t agent_runs() const { return agent_runs_; }
  size_t messages() const { return settled_messages_; }

 private:
  using Place = std::pair<uint32_t, QueuePlace>;  ///< partition, place
  struct Waiting {
    std::string name, key;
  };
  struct Key {
    QueuePlace last;    ///< that was started
    RunId active;       ///< of an agent with state
    std::string state;  ///< written last
    bool started = false;
  };
  struct Message {
    uint16_t attempt = 1;
    bool settled = false;
  };
  void fail(const std::string& what);
  void queue(uint32_t partition, uint64_t offset, const std::vector<DeliveryView>& deliveries);
  void published(uint32_t partition, uint64_t offset, const EventPublished& body);
  void started(uint32_t partition, const Event& event, const RunStarted& body);
  void settle(uint32_t partition, const std::string& webhook, const QueuePlace& place, uint16_t attempt,
              bool over);

  const workflow::Catalog& catalog_;
  const uint32_t partitions_;
  std::map<std::pair<std::string, std::string>, Place> known_;
  std::map<std::pair<std::string, std::string>, uint32_t> homes_;         ///< source, subject → partition
  std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>> sent_;   ///< from, to → offsets
  std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>> taken_;  ///< likewise
  std::map<Place, Waiting> waiting_;                                      ///< in agents' queues
  std::map<Place, Message> messages_;
  std::map<Place, std::pair<ConsumerKind, Waiting>> letters_;
  std::map<std::tuple<uint32_t, std::string, std::string>, Key> keys_;       ///< partition, agent, key
  std::map<RunId, std::tuple<uint32_t, std::string, std::string>> holders_;  ///< runs of agents with state
  std::map<RunId, const workflow::Pipeline*> pipelines_;
  std::map<std::string, int64_t> ticks_;  ///< schedule → the last tick
  size_t agent_runs_ = 0, settled_messages_ = 0;
  std::string breach_, at_;
};

}  // namespace switchyard::sim
