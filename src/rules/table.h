#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "facts.h"
#include "hit_policy.h"
#include "predicate.h"
#include "switchyard/expression/program.h"
#include "switchyard/rules/rule_table.h"
#include "switchyard/schema/schema.h"

namespace switchyard::rules {

/// A column of outputs.
struct Column {
  std::string name;
  schema::SchemaPtr schema;
  expression::Type type;
};

/// What one rule gives for one column.
struct Cell {
  Value constant;  ///< in the table's arena, already normalized; when there is no program
  std::optional<expression::Program> program;  ///< over the facts
};

/// What a condition in the short form says of one fact.
struct Test {
  uint16_t fact = 0;  ///< in Table::facts
  Predicate predicate;
};

struct Rule {
  std::string id;
  std::string path;                         ///< "rules[2]", for errors
  std::vector<Test> tests;                  ///< all must hold
  std::optional<expression::Program> when;  ///< and this
  bool never = false;                       ///< the condition is the constant false
  std::vector<Cell> cells;                  ///< one per column
};

/// What happens when no rule hits.
enum class NoMatch { kError, kAbsent, kDefault, kEmpty };

/// The compiled form: filled by the compiler, never changed afterwards.
class Table final : public RuleTable {
 public:
  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  const Sha256& sha256() const override { return sha256_; }
  const expression::Type& facts_type() const override { return facts_type_; }
  const expression::Type& output_type() const override { return output_type_; }
  Result<Value> evaluate(const Value& facts, Arena& arena) const override;

  /// Whether the condition of `rule` holds for facts that the schema gave normalized.
  Result<bool> hits(const Rule& rule, const Value& facts, Arena& arena) const;

  HitPolicy policy() const { return policy_; }
  NoMatch no_match() const { return no_match_; }
  const std::vector<Rule>& rules() const { return rules_; }
  const std::vector<Column>& columns() const { return columns_; }
  const Facts& facts() const { return *facts_; }

 private:
  friend class Compiler;
  friend class Evaluation;

  std::string name_, version_;
  Sha256 sha256_{};
  expression::Type facts_type_, output_type_;
  schema::SchemaPtr facts_schema_;
  std::optional<Facts> facts_;
  HitPolicy policy_ = HitPolicy::kUnique;
  Aggregation aggregation_ = Aggregation::kNone;
  NoMatch no_match_ = NoMatch::kError;
  std::vector<Column> columns_;
  std::vector<Rule> rules_;
  Rule default_;  ///< only its cells
  Arena constants_;
};

/// The place of `value` in the enum of the first column; the number of its values when it is none of them.
size_t priority_of(const Column& column, const Value& value);

}  // namespace switchyard::rules
