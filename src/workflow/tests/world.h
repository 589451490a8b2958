#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/testing/documents.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::workflow::testing {

using namespace switchyard::testing;  // NOLINT: what tests of documents share

/// What the documents of these tests refer to: the files, costs, models and rule tables that exist.
class World : public Resolver {
 public:
  World();
  ~World() override;

  const rules::RuleTable* rules(const ArtefactRef& ref) override;
  const ModelInterface* model(const ArtefactRef& ref) override;
  const prompts::Prompt* prompt(const ArtefactRef& ref) override;
  const PipelineInterface* pipeline(const ArtefactRef& ref) override;
  const document::Node* costs(const ArtefactRef& ref) override;
  Result<std::string> file(const std::string& relative_path) override;
  std::vector<std::string> names(Dependency::Kind kind) override;

  /// Adds or replaces a file.
  void put_file(const std::string& path, std::string text) { files_[path] = std::move(text); }

 private:
  std::map<std::string, std::string> files_;
  std::map<std::string, ModelInterface> models_;
  std::map<std::string, PipelineInterface> pipelines_;
  std::map<std::string, std::shared_ptr<const prompts::Prompt>> prompts_;
  std::map<std::string, std::unique_ptr<rules::RuleTable>> tables_;
  std::map<std::string, std::unique_ptr<document::Node>> costs_;
};

/// The folder of this module's tests.
std::string tests_folder();

/// Parses and compiles; mistakes of the parser come back as the compiler's do.
CompileOutcome compile_text(std::string_view text, const std::string& file_name = "pipeline.yaml");
/// `text` with the header and input that every short document needs: "pipeline: test/short@1.0.0", the
/// payment schema.
std::string with_header(std::string_view steps_and_output);

}  // namespace switchyard::workflow::testing
