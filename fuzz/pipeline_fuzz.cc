// The pipeline loader: any text gives a pipeline or an error, and compiling a pipeline's canonical form gives
// it again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/workflow/compiler.h"

namespace {

using namespace switchyard;
using namespace switchyard::workflow;

/// A world with one model, one costs document and one file.
class SmallWorld : public Resolver {
 public:
  SmallWorld() {
    using expression::Type;
    model_ = {"1.0.0", nullptr, Type::object({{"amount", Type::real()}}),
              Type::object({{"score", Type::real()}})};
    costs_ = document::parse(
                 "costs: c@1.0.0\nanswers: [negative, positive]\nmatrix: { negative: { negative: 0, "
                 "positive: 9 }, "
                 "positive: { negative: 5, positive: 0 } }\nreview: { cost: 1 }\n")
                 .root;
  }
  const rules::RuleTable* rules(const ArtefactRef&) override { return nullptr; }
  const ModelInterface* model(const ArtefactRef& ref) override { return ref.name == "m" ? &model_ : nullptr; }
  const PipelineInterface* pipeline(const ArtefactRef& ref) override {
    return ref.name == "p" ? &pipeline_ : nullptr;
  }
  const document::Node* costs(const ArtefactRef& ref) override {
    return ref.name == "c" ? costs_.get() : nullptr;
  }
  Result<std::string> file(const std::string&) override {
    return std::string(
        R"({"type":"object","properties":{"amount":{"type":"number"},"name":{"type":"string"}},"required":["amount"]})");
  }
  std::vector<std::string> names(Dependency::Kind) override { return {"m", "c"}; }

 private:
  ModelInterface model_;
  PipelineInterface pipeline_{"1.0.0", expression::Type::object({{"amount", expression::Type::real()}}),
                              expression::Type::object({{"score", expression::Type::real()}})};
  std::unique_ptr<document::Node> costs_;
};

CompileOutcome load(std::string_view text) {
  auto parsed = document::parse(text, "fuzz.yaml");
  if (parsed.root == nullptr) return {nullptr, std::move(parsed.diagnostics)};
  SmallWorld world;
  return compile(*parsed.root, "fuzz.yaml", world);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto first = load({reinterpret_cast<const char*>(data), size});
  if ((first.pipeline == nullptr) != has_errors(first.diagnostics)) std::abort();
  if (first.pipeline == nullptr) return 0;
  const auto second = load(first.pipeline->canonical);
  if (second.pipeline == nullptr || second.pipeline->hash != first.pipeline->hash) std::abort();
  return 0;
}
