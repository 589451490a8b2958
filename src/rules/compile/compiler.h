#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "../table.h"
#include "context.h"

namespace switchyard::rules {

/// Reads one document into a Table; used once.
class Compiler {
 public:
  Compiler(const document::Node& root, const std::string& file_name, const FileResolver& resolve_file);
  CompileOutcome run();

 private:
  // --- compile.cc: the head of the document ---
  void read_name(const Place& place);
  void read_policy(Fields& fields);
  void read_aggregation(const std::optional<Place>& place);
  void read_facts(const Place& place);
  const document::Node* load_file(const Place& place);
  void read_outputs(const std::optional<Place>& place, const Place& root);
  void read_column(const document::Entry& entry, const Place& place);
  schema::SchemaPtr compile_schema(const document::Node& node, const Place& place, const std::string& file);
  void check_columns(const Place& place);
  void read_no_match(const std::optional<Place>& fallback, const std::optional<Place>& on_no_match);
  void set_types();
  void hash();

  // --- rules.cc: the rules ---
  void read_rules(const Place& place);
  void read_rule(const Place& place);
  void read_id(const Place& place, Rule& rule);
  void read_condition(const Place& place, Rule& rule);
  void read_test(const document::Entry& entry, const Place& place, Rule& rule);
  void read_cells(const Place& place, const std::string& whose, Rule& rule);
  void read_cell(const Place& place, const Column& column, const std::string& whose, Cell& cell);
  void keep_constant(const Place& place, const Column& column, const std::string& whose, const Value& value,
                     Cell& cell);

  const document::Node& root_;
  const FileResolver& resolve_file_;
  document::Reporter reporter_;
  Context context_;
  std::shared_ptr<Table> table_;
  bool facts_known_ = false;                           ///< false: conditions are only looked at roughly
  bool columns_known_ = false;                         ///< every column is in Table::columns_
  std::unique_ptr<document::Node> facts_file_;         ///< of `facts: { schema: ./file }`
  const document::Node* facts_schema_node_ = nullptr;  ///< the place of the schema in the document
  std::unordered_set<std::string> ids_;
};

}  // namespace switchyard::rules
