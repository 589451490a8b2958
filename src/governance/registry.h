#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/governance/governance.h"

namespace switchyard::governance {

/// Events of the governance log. Numbers are on disk.
enum class GovernanceEvent : uint8_t {
  kDeployed = 128,
  kActivated = 129,
  kKilled = 130,
  kRevived = 131,
  kCanary = 132,    ///< a canary began, took a step, was finished or rolled back
  kRerouted = 133,  ///< an operator sends a candidate's traffic to another, or no longer
};
std::string_view governance_event_name(GovernanceEvent event);

/// A compiled artefact version; which member is set follows from its kind.
struct Compiled {
  std::shared_ptr<const Artefact> artefact;
  std::shared_ptr<const workflow::Pipeline> pipeline;
  std::shared_ptr<const workflow::PipelineInterface> interface;  ///< of a pipeline
  std::shared_ptr<const rules::RuleTable> table;
  std::shared_ptr<const workflow::ModelInterface> model;  ///< of a model
  std::shared_ptr<const models::ModelManifest> manifest;  ///< of a model
  std::shared_ptr<const models::BackendSpec> backend;
  std::shared_ptr<const router::Route> route;
  std::shared_ptr<const document::Node> costs;
  std::shared_ptr<const prompts::Prompt> prompt;
  std::shared_ptr<const events::Webhook> webhook;
  std::shared_ptr<const events::EventType> event_type;
  std::shared_ptr<const retention::Policy> retention;
  std::shared_ptr<const privacy::Policy> privacy;
};

/// What the events fold to. Copied for each change: versions are shared, so a copy is small.
struct Registry {
  uint64_t offset = 0;  ///< events folded
  std::map<ArtefactKey, std::shared_ptr<const Compiled>> versions;
  std::map<std::pair<ArtefactKind, std::string>, std::string> active;
  std::vector<workflow::Kill> kills;
  std::vector<std::shared_ptr<const Artefact>> in_order;
  /// Of routes, by name: what operators and canaries have set.
  std::map<std::string, RouteSwitches> route_switches;
  /// Pipelines of one step that ask one model, by its name, or by name@version for exactly that: what a call
  /// from outside is a run of. All that there have been, the newest last; runs are bound to them.
  std::map<std::string, std::vector<std::shared_ptr<const Compiled>>> calls;

  const Compiled* find(ArtefactKind kind, const std::string& name, const std::string& version) const;
  /// The active version, or nullptr.
  const Compiled* find_active(ArtefactKind kind, const std::string& name) const;
  void add(std::shared_ptr<const Compiled> compiled);
};

/// The immutable view made of a registry.
std::shared_ptr<const Snapshot> make_snapshot(Registry registry);

// Payloads of events: maps in the form of value_codec.
std::string encode_deployed(const Artefact& artefact);
Result<Artefact> decode_deployed(std::string_view payload);
/// Of all others.
struct SwitchEvent {
  ArtefactKey key;
  std::string who, why;
  std::optional<router::CanaryState> canary = {};  ///< kCanary: from now on
  std::string evidence = {};                       ///< kCanary: JSON
  std::string from = {}, to = {};                  ///< kRerouted: candidates; `to` empty: no longer
};
std::string encode_switch(const SwitchEvent& event);
Result<SwitchEvent> decode_switch(std::string_view payload);

}  // namespace switchyard::governance
