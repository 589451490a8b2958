#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/base/hash.h"
#include "switchyard/base/result.h"
#include "switchyard/document/document.h"
#include "switchyard/expression/type.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::rules {

/// A versioned decision table with one of DMN 1.4's hit policies (OMG DMN 1.4 section 8.2.10), immutable
/// after compile. Shareable between threads.
class RuleTable {
 public:
  virtual ~RuleTable() = default;
  virtual const std::string& name() const = 0;     ///< "card-limits"
  virtual const std::string& version() const = 0;  ///< "1.2.0"
  virtual const Sha256& sha256() const = 0;        ///< of the canonical form
  /// What the table expects as facts: an object type; evaluation takes a value assignable to it. Facts for
  /// which the schema has a default may be left out.
  virtual const expression::Type& facts_type() const = 0;
  /// The type of what evaluate() gives: an object of the outputs and `matched`, a list of rule ids. For
  /// `collect` without aggregation { hits: list of the outputs, matched }; for `count` { count: int, matched
  /// }. With `on_no_match: absent` the outputs may be absent; `matched` is always there.
  virtual const expression::Type& output_type() const = 0;
  /// The outputs of the table for these facts; `matched` = ids of the rules that hit in the table's order
  /// (`first`: the one; `priority`: the winner before the others). The facts are checked and normalized by
  /// their schema first. The result lives as long as `arena`, and needs neither the facts nor this table.
  /// Deterministic; any thread. Errors, all kUnprocessable: "rules.bad_facts", "rules.not_unique" (policy
  /// unique, several hit), "rules.any_conflict", "rules.no_match" (nothing hits and the table has no answer
  /// for that), "rules.bad_output" (an output that its column refuses), "rules.overflow" (of a sum), and
  /// those of the expressions, naming rule and column.
  virtual Result<Value> evaluate(const Value& facts, Arena& arena) const = 0;
};

struct CompileOutcome {
  std::shared_ptr<const RuleTable> table;  ///< null when there are errors
  Diagnostics diagnostics;  ///< errors; and warnings for overlaps and gaps that could be decided
};

/// Compiles a rule-table document (docs/rules.md). All mistakes at once, each with place, path, code and
/// mend. `resolve_file` gives the text of a file the document refers to. Keeps nothing of its arguments.
using FileResolver = std::function<Result<std::string>(const std::string& relative_path)>;
CompileOutcome compile(const document::Node& document, const std::string& file_name,
                       const FileResolver& resolve_file);

}  // namespace switchyard::rules
