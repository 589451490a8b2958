#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/events/consumers.h"
#include "switchyard/prompts/prompt.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/workflow/outline.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow {

/// What compile() must know of a model: its contract, not its weights.
struct ModelInterface {
  std::string version;
  schema::SchemaPtr input;  ///< may be null
  expression::Type input_type;
  expression::Type output_type;
};

/// What compile() must know of a pipeline that another one starts.
struct PipelineInterface {
  std::string version;
  expression::Type input_type;
  expression::Type output_type;
  bool limited = false;  ///< it has `concurrency`
};

/// Answers what a document refers to. Every pointer stays valid during compile(). nullptr/empty: no such
/// thing.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual const rules::RuleTable* rules(const ArtefactRef& ref) = 0;
  virtual const ModelInterface* model(const ArtefactRef& ref) = 0;
  virtual const prompts::Prompt* prompt(const ArtefactRef&) { return nullptr; }
  /// The registered type of that name, if there is one.
  virtual std::shared_ptr<const events::EventType> event_type(const std::string&) { return nullptr; }
  virtual const PipelineInterface* pipeline(const ArtefactRef& ref) = 0;
  /// The document of a `costs` artefact.
  virtual const document::Node* costs(const ArtefactRef& ref) = 0;
  /// Text of a file beside the document ("./payment.schema.json").
  virtual Result<std::string> file(const std::string& relative_path) = 0;
  /// Names that exist, for "did you mean".
  virtual std::vector<std::string> names(Dependency::Kind kind) = 0;
};

struct CompileOutcome {
  std::shared_ptr<const Pipeline> pipeline;  ///< null when there are errors
  Diagnostics diagnostics;                   ///< all mistakes, sorted by place
};

/// What the checker knows of a value that the schema accepts, once normalized.
expression::Type type_of(const schema::Schema& schema);

/// Parses, checks and compiles one pipeline document (docs/language.md). Never throws; the same document and
/// the same answers of `resolver` give the same pipeline and hash.
/// `outline` may be null.
CompileOutcome compile(const document::Node& document, const std::string& file_name, Resolver& resolver,
                       Outline* outline = nullptr);

}  // namespace switchyard::workflow
