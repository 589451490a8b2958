#pragma once

#include <map>
#include <memory>
#include <string>

#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::partition {

/// Compiles documents for tests; every model they name exists and gives { score: double }.
class TestCatalog final : public workflow::Catalog, public workflow::Resolver {
 public:
  /// CHECKs that the document compiles.
  void add(const std::string& text);

  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name,
                                                     std::string_view version) const override;
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override;
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override;
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name, std::string_view) const override {
    return kill.has_value() && kill->kind == kind && kill->name == name ? &*kill : nullptr;
  }

  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return &model_; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "test.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

  std::optional<workflow::Kill> kill;  ///< set before the engine starts

 private:
  workflow::ModelInterface model_{"1.0.0", nullptr, expression::Type::dyn(),
                                  expression::Type::object({{"score", expression::Type::real(), true}})};
  std::map<std::string, std::shared_ptr<const workflow::Pipeline>> pipelines_;
};

}  // namespace switchyard::partition
