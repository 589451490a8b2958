#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/events.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// One artefact version a run is bound to.
struct Pin {
  ArtefactKind kind{};
  std::string name, version;
  Sha256 sha256{};
  std::shared_ptr<const rules::RuleTable> table;  ///< kRules; shared with the catalog's snapshots
};

/// What a run is bound to beside its pipeline. Immutable; all runs of a pipeline under one governance offset
/// share it.
struct Pins {
  GovernanceOffset governance;
  std::vector<Pin> pins;  ///< in the order of Pipeline::dependencies

  const Pin* find(ArtefactKind kind, std::string_view name) const;
};

/// A switch thrown by an operator.
struct Kill {
  ArtefactKind kind{};
  std::string name, version;  ///< version empty: all
  std::string who, why;
  int64_t at_us = 0;
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
  /// The switch that covers this artefact, or nullptr.
  virtual const Kill* killed(ArtefactKind kind, std::string_view name, std::string_view version) const = 0;
};

}  // namespace switchyard::workflow
