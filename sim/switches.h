#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "scenery.h"

namespace switchyard::sim {

/// The scenery at one moment of its switches. Immutable: throwing or reviving one makes the next.
class Switched final : public workflow::Catalog {
 public:
  explicit Switched(std::shared_ptr<const Scenery> scenery, std::vector<workflow::Kill> kills = {},
                    uint64_t changes = 0, bool schedules = true)
      : scenery_(std::move(scenery)), kills_(std::move(kills)), changes_(changes), schedules_(schedules) {}

  GovernanceOffset offset() const override { return GovernanceOffset(scenery_->offset().value + changes_); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name,
                                                     std::string_view version) const override {
    return scenery_->pipeline(name, version);
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override {
    return scenery_->pipeline_by_hash(hash);
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override {
    return scenery_->pins_for(pipeline);
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view name,
                                                std::string_view version) const override {
    return scenery_->rules(name, version);
  }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name,
                               std::string_view version) const override;

  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return scenery_->consumers(event);
  }
  std::shared_ptr<const events::Webhook> webhook(std::string_view name) const override {
    return scenery_->webhook(name);
  }
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled() const override {
    return schedules_ ? scenery_->scheduled() : std::vector<std::shared_ptr<const workflow::Pipeline>>();
  }

  const std::vector<workflow::Kill>& kills() const { return kills_; }
  std::shared_ptr<const Switched> with(workflow::Kill kill) const;
  /// Without the switch at `index`.
  std::shared_ptr<const Switched> without(size_t index) const;
  std::shared_ptr<const Switched> with_all_on() const;
  /// As if every schedule had been removed.
  std::shared_ptr<const Switched> without_schedules() const {
    return std::make_shared<const Switched>(scenery_, kills_, changes_ + 1, false);
  }

 private:
  const std::shared_ptr<const Scenery> scenery_;
  const std::vector<workflow::Kill> kills_;
  const uint64_t changes_;
  const bool schedules_;
};

}  // namespace switchyard::sim
