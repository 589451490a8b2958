#include "switchyard/governance/event_graph.h"

#include <algorithm>
#include <map>
#include <set>

#include "switchyard/events/consumers.h"
#include "switchyard/events/limits.h"

namespace switchyard::governance {
namespace {

/// Whether something of `emitted` (a type, or "*") can be wanted by `pattern`.
bool may_match(const std::string& pattern, const std::string& emitted) {
  return emitted == "*" || events::matches(pattern, emitted);
}

bool feeds(const EventGraph::Producer& producer, const EventGraph::Consumer& consumer) {
  for (const auto& type : producer.types)
    for (const auto& pattern : consumer.patterns)
      if (may_match(pattern, type)) return true;
  return false;
}

/// Tarjan's strongly connected components; those in which one can come back to where one was.
class Cycles {
 public:
  explicit Cycles(const std::map<std::string, std::set<std::string>>& edges) : edges_(edges) {
    for (const auto& [node, to] : edges_)
      if (!index_.contains(node)) visit(node);
    std::sort(found_.begin(), found_.end());
  }
  std::vector<std::vector<std::string>> take() { return std::move(found_); }

 private:
  void visit(const std::string& node) {
    index_[node] = low_[node] = next_++;
    stack_.push_back(node);
    on_stack_.insert(node);
    const auto& out = edges_.at(node);
    for (const std::string& to : out) {
      if (!index_.contains(to)) {
        visit(to);
        low_[node] = std::min(low_[node], low_[to]);
      } else if (on_stack_.contains(to)) {
        low_[node] = std::min(low_[node], index_[to]);
      }
    }
    if (low_[node] != index_[node]) return;
    std::vector<std::string> group;
    while (true) {
      const std::string member = stack_.back();
      stack_.pop_back();
      on_stack_.erase(member);
      group.push_back(member);
      if (member == node) break;
    }
    std::sort(group.begin(), group.end());
    if (group.size() > 1 || out.contains(node)) found_.push_back(std::move(group));
  }

  const std::map<std::string, std::set<std::string>>& edges_;
  std::map<std::string, size_t> index_, low_;
  std::vector<std::string> stack_;
  std::set<std::string> on_stack_;
  size_t next_ = 0;
  std::vector<std::vector<std::string>> found_;
};

}  // namespace

EventGraph event_graph(const Snapshot& snapshot) {
  EventGraph graph;
  std::set<std::pair<ArtefactKind, std::string>> names;
  for (const auto& artefact : snapshot.artefacts()) names.insert({artefact->kind, artefact->name});
  for (const auto& [kind, name] : names) {
    if (kind == ArtefactKind::kEventType) {
      if (snapshot.event_type(name) != nullptr)
        graph.registered.push_back(name + "@" + snapshot.active_version(kind, name));
    } else if (kind == ArtefactKind::kWebhook) {
      if (const auto webhook = snapshot.webhook(name))
        graph.consumers.push_back({ConsumerKind::kWebhook, name, webhook->version, webhook->patterns, {}});
    } else if (kind == ArtefactKind::kPipeline) {
      const auto pipeline = snapshot.pipeline(name, {});
      if (pipeline == nullptr) continue;
      if (!pipeline->emits.empty()) graph.producers.push_back({name, pipeline->version, pipeline->emits});
      if (pipeline->on.has_value())
        graph.consumers.push_back(
            {ConsumerKind::kAgent, name, pipeline->version, pipeline->on->patterns, {}});
      if (pipeline->listeners.empty()) continue;
      EventGraph::Consumer listener{ConsumerKind::kListeners, name, pipeline->version, {}, {}};
      for (const auto& each : pipeline->listeners) listener.patterns.push_back(each.pattern);
      graph.consumers.push_back(std::move(listener));
    }
  }
  std::map<std::string, std::set<std::string>> edges;
  for (auto& consumer : graph.consumers) {
    for (const auto& producer : graph.producers) {
      if (!feeds(producer, consumer)) continue;
      consumer.from.push_back(producer.pipeline);
      // A run that listens was there before: what it hears starts nothing new by itself.
      if (consumer.kind == ConsumerKind::kAgent) edges[producer.pipeline].insert(consumer.name);
    }
  }
  for (const auto& consumer : graph.consumers) edges[consumer.name];
  for (const auto& producer : graph.producers) edges[producer.pipeline];
  graph.cycles = Cycles(edges).take();
  return graph;
}

Diagnostics new_cycles(const EventGraph& before, const EventGraph& after,
                       const std::vector<Change>& changes) {
  Diagnostics warnings;
  for (const auto& cycle : after.cycles) {
    const bool known = std::any_of(before.cycles.begin(), before.cycles.end(), [&](const auto& old) {
      return std::includes(old.begin(), old.end(), cycle.begin(), cycle.end());
    });
    if (known) continue;
    Diagnostic warning;
    warning.severity = Diagnostic::Severity::kWarning;
    warning.code = "governance.new_cycle";
    for (const Change& change : changes) {
      const bool belongs = change.kind == ArtefactKind::kPipeline &&
                           std::binary_search(cycle.begin(), cycle.end(), change.name);
      if (belongs && warning.file.empty()) warning.file = change.path;
    }
    std::string names;
    for (const std::string& name : cycle) names += (names.empty() ? "" : ", ") + name;
    warning.message = cycle.size() == 1 ? names + " sets itself off: it takes what it emits"
                                        : "these agents can set each other off in a circle: " + names;
    warning.mend = "make sure that it ends, for example by a `when` in `on`; after " +
                   std::to_string(events::kMaxHops) +
                   " hops an event is refused; `switchyard events graph` shows who tells whom";
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

}  // namespace switchyard::governance
