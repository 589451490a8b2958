#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
  Document messages;    ///< list of { role, content }
  Document parameters;  ///< map: temperature, max_tokens, ..., response_format
  Sha256 sha256{};      ///< of the canonical form of `messages`
};

/// How a model is asked for an answer that fits the output schema.
enum class AnswerFormat : uint8_t {
  kSchema,  ///< response_format: json_schema, with the schema
  kJson,    ///< response_format: json_object
  kText,    ///< by the text alone
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
  /// How often a model may be asked again whose answer does not fit.
  virtual uint32_t repairs() const = 0;
  /// Whether records may hold the rendered text; else its hash alone.
  virtual bool keeps_text() const = 0;

  /// The request for these values of the variables. The input is checked and normalized by its schema first.
  /// `seed` comes from the decision; it counts where the prompt says `seed: deterministic`. The same input
  /// and seed give the same bytes on every machine; any thread. Errors, all kUnprocessable, with the place in
  /// the prompt as field: "prompt.bad_input", "prompt.not_text", "prompt.bad_role", "prompt.no_messages",
  /// "prompt.too_large", "prompt.too_much_work", and those of the expressions.
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
