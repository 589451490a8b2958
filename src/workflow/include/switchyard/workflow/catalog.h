#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/events/consumers.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/types/events.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// One artefact version a run is bound to.
struct Pin {
  ArtefactKind kind{};
  std::string name, version;
  Sha256 sha256{};
  std::shared_ptr<const rules::RuleTable> table;  ///< kRules; shared with the catalog's snapshots
  std::shared_ptr<const prompts::Prompt> prompt;  ///< kPrompt; likewise
};

/// What a run is bound to beside its pipeline. Immutable; all runs of a pipeline under one governance offset
/// share it.
struct Pins {
  GovernanceOffset governance;
  std::vector<Pin> pins;  ///< in the order of Pipeline::dependencies

  const Pin* find(ArtefactKind kind, std::string_view name) const;
  /// What answers as the model of that name: its route, or itself.
  const Pin* find_model(std::string_view name) const;
};

/// A switch thrown by an operator.
struct Kill {
  ArtefactKind kind{};
  std::string name, version;  ///< version empty: all
  std::string who, why;
  int64_t at_us = 0;
};

/// Who wants an event.
struct Consumer {
  ConsumerKind kind{};
  std::string name;                  ///< of the agent or the webhook; kListeners: the pattern they listen to
  std::string key;                   ///< kAgent: its key; kListeners: the correlation
  std::string error;                 ///< why it cannot have the event, although it wants it; empty: it can
  std::optional<std::string> group;  ///< kAgent: the key of the pipeline's `concurrency`, if it has one
};

/// The governance views at one offset. Immutable, shared between threads.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual GovernanceOffset offset() const = 0;
  /// The version that new runs use when `version` is empty. nullptr when there is none.
  virtual std::shared_ptr<const Pipeline> pipeline(std::string_view name, std::string_view version) const = 0;
  virtual std::shared_ptr<const Pipeline> pipeline_by_hash(const Sha256& hash) const = 0;
  /// The active versions of what `pipeline` depends on. kUnprocessable "governance.missing_artefact" when one
  /// is gone.
  virtual Result<std::shared_ptr<const Pins>> pins_for(const Pipeline& pipeline) const = 0;
  virtual std::shared_ptr<const rules::RuleTable> rules(std::string_view name,
                                                        std::string_view version) const = 0;
  virtual std::shared_ptr<const prompts::Prompt> prompt(std::string_view, std::string_view) const {
    return nullptr;
  }

  // Events. A catalog without any may leave these as they are.
  /// Agents and webhooks that want `event`, and what runs listen for, each once, ordered by kind and name.
  virtual std::vector<Consumer> consumers(const Value&) const { return {}; }
  virtual std::shared_ptr<const events::Webhook> webhook(std::string_view) const { return nullptr; }
  /// The registered type of that name, or nullptr.
  virtual std::shared_ptr<const events::EventType> event_type(std::string_view) const { return nullptr; }
  /// Active pipelines that run by the clock, by name.
  virtual std::vector<std::shared_ptr<const Pipeline>> scheduled() const { return {}; }

  /// The switch that covers this artefact, or nullptr.
  virtual const Kill* killed(ArtefactKind kind, std::string_view name, std::string_view version) const = 0;
};

/// Gives a pin, of which kind, name and version are known, what the catalog has for it; nothing when it lacks
/// that.
void attach(Pin& pin, const Catalog& catalog);

}  // namespace switchyard::workflow
