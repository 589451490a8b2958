#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/catalog.h"

namespace switchyard::sim {

/// What the simulated clients may start: real documents, compiled once a process, and a rule table.
/// Immutable.
class Scenery final : public workflow::Catalog {
 public:
  /// Compiles; a document that does not compile ends the process with its diagnostics.
  Scenery();
  ~Scenery() override;

  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return subscriptions_.consumers(event);
  }
  std::shared_ptr<const events::Webhook> webhook(std::string_view name) const override;
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled() const override;
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name,
                                                     std::string_view version) const override;
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override;
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override;
  std::shared_ptr<const rules::RuleTable> rules(std::string_view name,
                                                std::string_view version) const override;
  const workflow::Kill* killed(ArtefactKind, std::string_view, std::string_view) const override {
    return nullptr;
  }

  const std::vector<std::shared_ptr<const workflow::Pipeline>>& pipelines() const { return pipelines_; }

 private:
  std::vector<std::shared_ptr<const workflow::Pipeline>> pipelines_;
  std::vector<std::shared_ptr<const workflow::Pipeline>> agents_;  ///< that nobody starts by asking
  std::vector<std::shared_ptr<const workflow::Pipeline>> later_;   ///< versions that runs migrate to
  std::shared_ptr<const events::Webhook> webhook_;
  workflow::Subscriptions subscriptions_;
  std::shared_ptr<const rules::RuleTable> limits_;
  std::map<std::string, std::shared_ptr<const workflow::Pins>> pins_;
};

/// Whether this thread's world has switched the rule table off, and how often it was asked nevertheless.
struct TableWatch {
  bool off = false;
  uint64_t breaches = 0;
};
TableWatch& table_watch();

/// Shared by all worlds of the process.
std::shared_ptr<const Scenery> scenery();

}  // namespace switchyard::sim
