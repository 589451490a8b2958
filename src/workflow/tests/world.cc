#include "world.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "switchyard/rules/schema_types.h"

namespace switchyard::workflow::testing {
namespace {

using expression::Type;

/// A table of which only the contract matters.
class ContractTable : public rules::RuleTable {
 public:
  ContractTable(std::string name, Type facts, Type output)
      : name_(std::move(name)), facts_(std::move(facts)), output_(std::move(output)) {}
  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  const Sha256& sha256() const override { return sha256_; }
  const Type& facts_type() const override { return facts_; }
  const Type& output_type() const override { return output_; }
  Result<Value> evaluate(const Value&, Arena&) const override {
    return make_error(ErrorKind::kInternal, "test.contract_only", "this table is a contract only");
  }

 private:
  std::string name_, version_ = "1.2.0";
  Sha256 sha256_{};
  Type facts_, output_;
};

}  // namespace

World::World() {
  models_["fraud-light"] = {"1.0.0", nullptr,
                            Type::object({{"amount", Type::real()}, {"country", Type::string()}}),
                            Type::object({{"score", Type::real()}, {"confidence", Type::real()}})};
  models_["fraud-heavy"] = {
      "2.1.0", nullptr,
      Type::object(
          {{"amount", Type::real()}, {"country", Type::string()}, {"merchant", Type::string(), false}}),
      Type::object({{"score", Type::real()}, {"spread", Type::real()}})};
  models_["labeller"] = {
      "1.0.0", nullptr, Type::object({{"text", Type::string()}}),
      Type::object({{"probabilities", Type::map(Type::string(), Type::real())}, {"label", Type::string()}})};
  const Type usage = Type::object({{"prompt_tokens", Type::integer()},
                                   {"completion_tokens", Type::integer()},
                                   {"total_tokens", Type::integer()}});
  for (const char* name : {"writer", "small-writer"}) {
    models_[name] = {"1.0.0", nullptr, Type::object({{"messages", Type::list(Type::dyn())}}, true),
                     Type::object({{"text", Type::string()},
                                   {"finish_reason", Type::string()},
                                   {"choices", Type::list(Type::dyn())},
                                   {"usage", usage}})};
  }
  models_["plain-writer"] = {"1.0.0", nullptr, models_["writer"].input_type,
                             Type::object({{"text", Type::string()}, {"finish_reason", Type::string()}})};
  models_["sorter"] = {"1.0.0", nullptr, Type::object({{"text", Type::string()}}),
                       Type::object({{"answer", Type::string()}, {"confidence", Type::real()}})};
  models_["old-sorter"] = models_["sorter"];
  models_["price"] = {"1.0.0", nullptr, Type::dyn(),
                      Type::object({{"value", Type::real()}, {"tier", Type::string()}})};
  for (const std::string name : {"triage", "greeting", "desk", "desk-silent"}) {
    const std::string text = read_text_file(tests_folder() + "/files/" + name + ".prompt.yaml");
    const auto document = document::parse(text, name);
    prompts::CompileRequest request;
    request.document = document.root.get();
    request.source = text;
    request.file_name = name;
    request.types = {rules::type_of, rules::accepted_type, rules::readable_type};
    prompts_[name] = prompts::compile(request).prompt;
  }
  pipelines_["risk/child"] = {"1.0.0", Type::object({{"amount", Type::real()}}),
                              Type::object({{"score", Type::real()}})};
  pipelines_["risk/limited"] = pipelines_["risk/child"];
  pipelines_["risk/limited"].limited = true;
  tables_["card-limits"] = std::make_unique<ContractTable>(
      "card-limits",
      Type::object(
          {{"amount", Type::real()}, {"country", Type::string()}, {"merchant", Type::string(), false}}, true),
      Type::object({{"limit", Type::real()},
                    {"decision", Type::string(), false},
                    {"matched", Type::list(Type::string())}}));
  for (const char* name : {"card-fraud-costs", "wrong-costs", "misnamed-costs"}) {
    const std::string path = tests_folder() + "/files/" + name + ".yaml";
    costs_[name] = document::parse(read_text_file(path), path).root;
  }
}

World::~World() = default;

const rules::RuleTable* World::rules(const ArtefactRef& ref) {
  const auto found = tables_.find(ref.name);
  if (found == tables_.end() || (!ref.version.empty() && ref.version != found->second->version()))
    return nullptr;
  return found->second.get();
}

const ModelInterface* World::model(const ArtefactRef& ref) {
  const auto found = models_.find(ref.name);
  if (found == models_.end() || (!ref.version.empty() && ref.version != found->second.version))
    return nullptr;
  return &found->second;
}

const prompts::Prompt* World::prompt(const ArtefactRef& ref) {
  const auto found = prompts_.find(ref.name);
  if (found == prompts_.end() || (!ref.version.empty() && ref.version != found->second->version()))
    return nullptr;
  return found->second.get();
}

const PipelineInterface* World::pipeline(const ArtefactRef& ref) {
  const auto found = pipelines_.find(ref.name);
  if (found == pipelines_.end() || (!ref.version.empty() && ref.version != found->second.version))
    return nullptr;
  return &found->second;
}

const document::Node* World::costs(const ArtefactRef& ref) {
  const auto found = costs_.find(ref.name);
  return found == costs_.end() ? nullptr : found->second.get();
}

Result<std::string> World::file(const std::string& relative_path) {
  if (const auto own = files_.find(relative_path); own != files_.end()) return own->second;
  const auto path = std::filesystem::path(tests_folder()) / "files" / relative_path;
  if (!std::filesystem::is_regular_file(path)) {
    return make_error(ErrorKind::kNotFound, "test.no_file", "there is no such file");
  }
  return read_text_file(path.string());
}

std::vector<std::string> World::names(Dependency::Kind kind) {
  std::vector<std::string> names;
  if (kind == Dependency::Kind::kModel)
    for (const auto& [name, model] : models_) names.push_back(name);
  if (kind == Dependency::Kind::kPrompt)
    for (const auto& [name, prompt] : prompts_) names.push_back(name);
  if (kind == Dependency::Kind::kRules)
    for (const auto& [name, table] : tables_) names.push_back(name);
  if (kind == Dependency::Kind::kCosts)
    for (const auto& [name, costs] : costs_) names.push_back(name);
  if (kind == Dependency::Kind::kPipeline)
    for (const auto& [name, pipeline] : pipelines_) names.push_back(name);
  return names;
}

std::string tests_folder() { return SWITCHYARD_SOURCE_DIR "/src/workflow/tests"; }

CompileOutcome compile_text(std::string_view text, const std::string& file_name) {
  auto parsed = document::parse(text, file_name);
  if (parsed.root == nullptr) return {nullptr, std::move(parsed.diagnostics)};
  World world;
  return compile(*parsed.root, file_name, world);
}

std::string with_header(std::string_view steps_and_output) {
  return "pipeline: test/short@1.0.0\ninput: { schema: ./payment.schema.json }\n" +
         std::string(steps_and_output);
}

}  // namespace switchyard::workflow::testing
