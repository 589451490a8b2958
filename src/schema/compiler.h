#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::schema {

/// Turns a schema document into a Program and reports every mistake on the way. Used once.
class Compiler {
 public:
  Compiler(Program& program, Diagnostics& diagnostics) : program_(program), diagnostics_(diagnostics) {}

  /// Compiles program.document.
  void run();

 private:
  struct Keyword;
  struct PendingReference {
    Node* node;
    std::string target;   ///< JSON Pointer
    std::string pointer;  ///< of the keyword
  };
  static const std::vector<Keyword>& keywords();
  static const Keyword* find_keyword(std::string_view name);

  NodeIndex compile(const Value& schema, const std::string& pointer, uint32_t depth);
  void compile_keywords(Node& node, const Value& schema, const std::string& pointer);
  void finish_objects(Node& node);
  void finish_types(Node& node, const std::string& pointer);
  void warn_about_unused(const Node& node, const Value& schema, const std::string& pointer);
  void resolve_references();
  void refuse_long_chains();
  uint32_t chain_length(NodeIndex index, std::vector<uint32_t>& known, uint32_t above);
  void mark_normalizing();
  void collect_defaults();
  void check_defaults();
  void find_conflicting_defaults();

  void error(std::string code, const std::string& pointer, std::string message, std::string mend);
  void warning(std::string code, const std::string& pointer, std::string message, std::string mend);
  void unknown_keyword(std::string_view name, const std::string& pointer);

  // Read an argument of a keyword; report and give nothing when it is of another kind.
  bool count(const Value& value, const std::string& pointer, uint64_t& out);
  bool number(const Value& value, const std::string& pointer, Value& out);
  bool text(const Value& value, const std::string& pointer, std::string& out);
  bool names(const Value& value, const std::string& pointer, std::vector<std::string_view>& out);
  bool pattern(std::string_view source, const std::string& pointer, Pattern& out);
  std::vector<NodeIndex> schemas(const Value& value, const std::string& pointer);

  // One function per keyword, or per family of keywords.
  void type(Node&, const Value&, const std::string&);
  void enumeration(Node&, const Value&, const std::string&);
  void constant(Node&, const Value&, const std::string&);
  void number_rule(Node&, const Value&, const std::string&);
  void string_rule(Node&, const Value&, const std::string&);
  void array_rule(Node&, const Value&, const std::string&);
  void object_rule(Node&, const Value&, const std::string&);
  void properties(Node&, const Value&, const std::string&);
  void pattern_properties(Node&, const Value&, const std::string&);
  void required(Node&, const Value&, const std::string&);
  void dependent_required(Node&, const Value&, const std::string&);
  void combinator(Node&, const Value&, const std::string&);
  void reference(Node&, const Value&, const std::string&);
  void definitions(Node&, const Value&, const std::string&);
  void annotation(Node&, const Value&, const std::string&);
  void default_value(Node&, const Value&, const std::string&);
  void ignore(Node&, const Value&, const std::string&);

  Program& program_;
  Diagnostics& diagnostics_;
  std::map<std::string, NodeIndex> by_pointer_;
  std::vector<PendingReference> pending_;
  std::string_view keyword_;  ///< being compiled
  uint32_t depth_ = 0;        ///< of the subschema being compiled
};

/// Places of the subschemas that apply to the same value as `node` does.
std::vector<NodeIndex> same_value_nodes(const Node& node);
/// Places of all subschemas that may change a value when it is normalized.
std::vector<NodeIndex> changing_nodes(const Node& node);

}  // namespace switchyard::schema
