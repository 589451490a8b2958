#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/hash.h"
#include "switchyard/base/result.h"
#include "switchyard/document/document.h"
#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::prompts {

/// What a prompt gives for one input.
struct Rendered {
  Document messages;    ///< list of { role, content, tool_calls?, tool_call_id? }
  Document parameters;  ///< map: temperature, max_tokens, ..., tools, response_format
  /// Of the canonical form of `messages`; with tools of { messages, tools, tool_choice?, parallel_tool_calls?
  /// }.
  Sha256 sha256{};
};

/// How a model is asked for an answer that fits the output schema.
enum class AnswerFormat : uint8_t {
  kSchema,  ///< response_format: json_schema, with the schema
  kJson,    ///< response_format: json_object
  kText,    ///< by the text alone
};

/// A function that a model may ask for. Whoever asked the model carries it out.
struct Tool {
  std::string name, description;
  schema::SchemaPtr parameters;  ///< of its arguments: of type object
};

/// Whether a model calls tools.
enum class ToolChoice : uint8_t {
  kAuto,      ///< as it likes
  kNone,      ///< never: they are told only because messages of before speak of them
  kRequired,  ///< one at least
  kNamed,     ///< this one
};

/// The tools of one version.
struct Toolbox {
  std::vector<Tool> tools;  ///< in the order of the document
  ToolChoice choice = ToolChoice::kAuto;
  std::string named;             ///< kNamed: the tool
  std::optional<bool> parallel;  ///< false: one call in an answer at most; nothing: as the server likes
  expression::Type arguments;    ///< of any call: what all tools' arguments have in common

  bool empty() const { return tools.empty(); }
  const Tool* find(std::string_view name) const;
};

/// One version of a prompt, immutable. Shareable between threads.
class Prompt {
 public:
  virtual ~Prompt() = default;
  virtual const std::string& name() const = 0;     ///< "support-triage"
  virtual const std::string& version() const = 0;  ///< "1.0.0"
  virtual const Sha256& sha256() const = 0;        ///< of the canonical form
  /// What it expects as input: an object type; what the schema fills in may be left out.
  virtual const expression::Type& input_type() const = 0;
  virtual const schema::SchemaPtr& input() const = 0;
  /// Of the model's answer; null: any text.
  virtual const schema::SchemaPtr& output() const = 0;
  virtual const expression::Type& output_type() const = 0;
  virtual const Toolbox& toolbox() const = 0;
  /// How often a model may be asked again whose answer does not fit.
  virtual uint32_t repairs() const = 0;
  /// Whether records may hold the rendered text; else its hash alone.
  virtual bool keeps_text() const = 0;

  /// The request for these values of the variables. The input is checked and normalized by its schema first.
  /// `seed` comes from the decision; it counts where the prompt says `seed: deterministic`. The same input
  /// and seed give the same bytes on every machine; any thread. Errors, all kUnprocessable, with the place in
  /// the prompt as field: "prompt.bad_input", "prompt.not_text", "prompt.bad_role", "prompt.bad_history",
  /// "prompt.no_messages", "prompt.too_large", "prompt.too_much_work", and those of the expressions.
  virtual Result<Rendered> render(const Value& input, uint64_t seed) const = 0;
};

/// From schemas to what expressions know of their values; modules above this one have it.
struct SchemaTypes {
  using Function = std::function<expression::Type(const schema::Schema&)>;
  Function type_of;   ///< of normalized values
  Function accepted;  ///< what callers must give: defaults may be left out
  Function readable;  ///< what expressions may read: only what the schema names
};

struct CompileRequest {
  const document::Node* document = nullptr;
  std::string_view source;  ///< the text of `document`, for the places within block texts; may be empty
  std::string file_name;
  std::function<Result<std::string>(const std::string& relative_path)> files;
  SchemaTypes types;
};

struct CompileOutcome {
  std::shared_ptr<const Prompt> prompt;  ///< null when there are errors
  Diagnostics diagnostics;
};

/// Compiles a prompt document (docs/prompts.md). All mistakes at once, each with place, path, code and mend.
/// Keeps nothing of its arguments.
CompileOutcome compile(const CompileRequest& request);

}  // namespace switchyard::prompts
