#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiled_prompt.h"
#include "places.h"
#include "switchyard/document/reporter.h"
#include "template.h"

namespace switchyard::prompts {

/// Compiles one document.
class Compiler {
 public:
  explicit Compiler(const CompileRequest& request);
  CompileOutcome run();

 private:
  // compile.cc: the head
  void read_name(const Place& place);
  void read_description(Fields& fields);
  /// A file's name, or the schema itself.
  schema::SchemaPtr read_schema(const Place& place, const std::string& whose);
  void read_input(Fields& fields);
  void read_output(Fields& fields);
  void read_repair(Fields& fields);
  void read_parameters(const Place& place);
  void read_stop(const Place& place);
  void read_extra(const Place& place);
  void add_parameter(std::string name, Value value);
  const std::string* file(const Place& place);
  void hash();

  // tools.cc
  void read_tools(Fields& fields);
  void read_tool(const Place& place);
  void read_tool_choice(const Place& place);

  // messages.cc
  void read_messages(const Place& place);
  std::vector<Entry> read_entries(const Place& list, bool outermost);
  std::optional<Entry> read_entry(const Place& place, bool outermost);
  void read_message(Fields& fields, Entry& entry);
  void read_body(Fields& fields, const Place& place, bool outermost, Entry& entry);
  bool open_loop(const Place& place, Entry& entry);
  void read_history(const Place& place, Entry& entry);
  std::optional<Text> read_content(const Place& place);
  void read_parts(const Place& place, Entry& entry);
  std::optional<Part> read_part(const Place& place);
  Pieces compile_text(const Text& text);
  void read_examples(const Place& place, Entry& entry);
  void read_example(const Place& place, Entry& entry);
  void render_examples(std::vector<Entry>& entries);

  struct Example {
    Place place;
    Value input;  ///< normalized
    std::string answer;
  };

  const CompileRequest& request_;
  document::Reporter reporter_;
  Reports reports_;
  std::shared_ptr<CompiledPrompt> prompt_;
  std::optional<Scope> scope_;
  std::map<std::string, std::string> files_;              ///< as given
  std::map<std::string, std::string> hashed_;             ///< what the files are to the hash
  std::map<std::string, std::vector<Example>> examples_;  ///< by the path of their entry
  size_t entry_count_ = 0;
  uint32_t depth_ = 0;
};

}  // namespace switchyard::prompts
