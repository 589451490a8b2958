#include "tests/test_catalog.h"

#include <cstdio>

namespace switchyard::partition {

void TestCatalog::add(const std::string& text) {
  auto parsed = document::parse(text);
  SY_CHECK(parsed.root != nullptr);
  auto outcome = workflow::compile(*parsed.root, "test.pipeline.yaml", *this);
  for (const auto& diagnostic : outcome.diagnostics)
    std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  SY_CHECK(outcome.pipeline != nullptr);
  pipelines_[outcome.pipeline->name] = outcome.pipeline;
}

std::shared_ptr<const workflow::Pipeline> TestCatalog::pipeline(std::string_view name,
                                                                std::string_view) const {
  const auto it = pipelines_.find(std::string(name));
  return it == pipelines_.end() ? nullptr : it->second;
}

std::shared_ptr<const workflow::Pipeline> TestCatalog::pipeline_by_hash(const Sha256& hash) const {
  for (const auto& [name, pipeline] : pipelines_)
    if (pipeline->hash == hash) return pipeline;
  return nullptr;
}

Result<std::shared_ptr<const workflow::Pins>> TestCatalog::pins_for(
    const workflow::Pipeline& pipeline) const {
  auto pins = std::make_shared<workflow::Pins>();
  pins->governance = offset();
  for (const auto& dependency : pipeline.dependencies) {
    pins->pins.push_back({ArtefactKind::kModel, dependency.ref.name, "1.0.0", Sha256{}, nullptr, nullptr});
  }
  return std::shared_ptr<const workflow::Pins>(std::move(pins));
}

}  // namespace switchyard::partition
