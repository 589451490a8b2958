#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/prompts/prompt.h"
#include "template.h"

namespace switchyard::prompts {

/// One of the parts of which a content is made.
struct Part {
  bool is_image = false;
  Pieces pieces;       ///< a text, or where the image is
  std::string detail;  ///< of an image: "low", "high", "auto"; empty: not said
};

/// One entry of `messages`.
struct Entry {
  enum class Kind : uint8_t { kMessage, kGroup, kExamples, kHistory } kind = Kind::kMessage;
  std::string path;  ///< "messages[2]", for errors
  std::optional<expression::Program> when;
  std::optional<expression::Program> range;  ///< of `for`
  uint32_t slot = 0;
  Pieces role, content;                                       ///< kMessage
  std::vector<Part> parts;                                    ///< kMessage, in place of `content`
  std::vector<Entry> entries;                                 ///< kGroup
  std::vector<std::pair<std::string, std::string>> examples;  ///< kExamples: question and answer, as rendered
  std::optional<expression::Program> history;                 ///< kHistory
};

/// The compiled form: filled by the compiler, never changed afterwards.
class CompiledPrompt final : public Prompt {
 public:
  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  const Sha256& sha256() const override { return sha256_; }
  const expression::Type& input_type() const override { return input_type_; }
  const schema::SchemaPtr& input() const override { return input_; }
  const schema::SchemaPtr& output() const override { return output_; }
  const expression::Type& output_type() const override { return output_type_; }
  const Toolbox& toolbox() const override { return toolbox_; }
  uint32_t repairs() const override { return repairs_; }
  bool keeps_text() const override { return keeps_text_; }
  Result<Rendered> render(const Value& input, uint64_t seed) const override;

 private:
  friend class Compiler;
  class Rendering;
  Document parameters(uint64_t seed) const;
  Value response_format(Arena& arena) const;
  /// { tools, tool_choice?, parallel_tool_calls? }, as the chat interface wants them.
  void add_tools(MapBuilder& map, Arena& arena) const;
  Sha256 hash_of(const Value& messages) const;

  std::string name_, version_;
  Sha256 sha256_{};
  schema::SchemaPtr input_, output_;
  expression::Type input_type_, output_type_;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, Value>> parameters_;  ///< in constants_
  Arena constants_;
  Toolbox toolbox_;
  bool seeded_ = false;  ///< seed: deterministic
  AnswerFormat format_ = AnswerFormat::kSchema;
  uint32_t repairs_ = 0;
  bool keeps_text_ = false;
};

/// Whether a message may have this role.
bool is_role(std::string_view role);

}  // namespace switchyard::prompts
