#pragma once

#include <string>
#include <vector>

#include "switchyard/governance/governance.h"

namespace switchyard::governance {

/// Who sends events to whom, as far as the active versions say.
struct EventGraph {
  struct Producer {
    std::string pipeline, version;
    std::vector<std::string> types;  ///< "*": computed, so anything
  };
  struct Consumer {
    ConsumerKind kind{};
    std::string name, version;
    std::vector<std::string> patterns;
    std::vector<std::string> from;  ///< pipelines that send what it wants; empty: only the world outside does
  };
  std::vector<Producer> producers;
  std::vector<Consumer> consumers;
  std::vector<std::string> registered;  ///< event types with a schema, "name@version"
  /// Groups of agents that can set each other off for ever, each by name; the hop limit bounds them.
  std::vector<std::vector<std::string>> cycles;
};

EventGraph event_graph(const Snapshot& snapshot);

/// A warning "governance.new_cycle" for each circle of `after` that `before` had not, at the first of
/// `changes` that belongs to it.
Diagnostics new_cycles(const EventGraph& before, const EventGraph& after, const std::vector<Change>& changes);

}  // namespace switchyard::governance
