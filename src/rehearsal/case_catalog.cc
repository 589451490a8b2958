#include "case_catalog.h"

namespace switchyard::rehearsal {
namespace {

using workflow::Pipeline;

class CaseCatalog final : public workflow::Catalog {
 public:
  CaseCatalog(std::shared_ptr<const workflow::Catalog> folder, std::shared_ptr<const Pipeline> tested,
              bool ticks)
      : folder_(std::move(folder)), tested_(std::move(tested)), ticks_(ticks) {}

  GovernanceOffset offset() const override { return folder_->offset(); }
  std::shared_ptr<const Pipeline> pipeline(std::string_view name, std::string_view version) const override {
    return own(folder_->pipeline(name, version));
  }
  std::shared_ptr<const Pipeline> pipeline_by_hash(const Sha256& hash) const override {
    return own(folder_->pipeline_by_hash(hash));
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const Pipeline& pipeline) const override {
    return folder_->pins_for(pipeline);
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view name,
                                                std::string_view version) const override {
    return folder_->rules(name, version);
  }
  std::shared_ptr<const prompts::Prompt> prompt(std::string_view name,
                                                std::string_view version) const override {
    return folder_->prompt(name, version);
  }
  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return folder_->consumers(event);
  }
  std::shared_ptr<const events::Webhook> webhook(std::string_view name) const override {
    return folder_->webhook(name);
  }
  std::shared_ptr<const events::EventType> event_type(std::string_view type) const override {
    return folder_->event_type(type);
  }
  std::vector<std::shared_ptr<const Pipeline>> scheduled() const override {
    if (!ticks_) return {};
    return {tested_};
  }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name,
                               std::string_view version) const override {
    return folder_->killed(kind, name, version);
  }

 private:
  std::shared_ptr<const Pipeline> own(std::shared_ptr<const Pipeline> pipeline) const {
    return pipeline != nullptr && pipeline->hash == tested_->hash ? tested_ : pipeline;
  }

  const std::shared_ptr<const workflow::Catalog> folder_;  // shared with the other cases
  const std::shared_ptr<const Pipeline> tested_;
  const bool ticks_;
};

}  // namespace

std::shared_ptr<const workflow::Catalog> case_catalog(std::shared_ptr<const workflow::Catalog> folder,
                                                      const std::shared_ptr<const Pipeline>& tested,
                                                      const Case& test) {
  std::shared_ptr<const Pipeline> seen = tested;
  if (test.keeps.has_value() && tested->state.has_value()) {
    auto copy = std::make_shared<Pipeline>(*tested);
    copy->state->initial = *test.keeps;
    seen = std::move(copy);
  }
  const bool ticks = !test.starts && tested->schedule.has_value() && test.until_us != 0;
  return std::make_shared<CaseCatalog>(std::move(folder), std::move(seen), ticks);
}

}  // namespace switchyard::rehearsal
