#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/arena.h"
#include "switchyard/base/result.h"
#include "switchyard/expression/ast.h"
#include "switchyard/expression/environment.h"
#include "switchyard/expression/limits.h"
#include "switchyard/expression/type.h"
#include "switchyard/types/value.h"

namespace switchyard::expression {

/// One mistake in the text of an expression, for a person.
struct Mistake {
  uint32_t line = 1;    ///< from 1
  uint32_t column = 1;  ///< from 1, in bytes
  uint32_t offset = 0;  ///< bytes from the beginning of the text
  uint32_t length = 0;  ///< bytes concerned
  std::string message;  ///< what is wrong, one sentence
  std::string mend;     ///< what to write instead; empty when only the writer can know
  std::string code;     ///< "expression.syntax", "expression.no_such_field", ...

  /// "line:column: message [code]; mend"
  std::string to_string() const;
};

/// What one evaluation may spend.
struct EvalBudget {
  uint64_t cost_limit = 0;  ///< 0: the limit the program was compiled with
};

struct CompileOptions {
  /// The result must be assignable to it.
  std::optional<Type> expected;
  uint64_t cost_limit = kDefaultCostLimit;
  /// What is known where the text is evaluated, as the facts that a guard around it proves: in a step whose
  /// `when` is has(heavy) && ..., `heavy` may be read as if it were no optional.
  Facts given;
  /// Names are looked up in this namespace first: `y` in container "a.b" is a.b.y, a.y or y.
  std::string container;
  /// false: members of maps and of open objects may be read without saying what their absence means, as CEL
  /// has it; then such a read can fail when the expression is evaluated. For conformance only.
  bool prove_members = true;
  /// false: types are not checked, everything is dyn; for tools and conformance only.
  bool check_types = true;
};

/// A checked expression, ready to evaluate. Immutable; copies share it; any number of threads may use it at
/// once.
class Program {
 public:
  /// Evaluates with `slots[i]` as the value of the variable with SlotIndex i. The caller guarantees that the
  /// values have their declared types' shape as far as it wants errors avoided; a value of another kind is an
  /// error here, never undefined. Requires as many slots as the program uses (CHECKed).
  ///
  /// The result may point into `slots`, `arena` and this program, and lives as long as all three.
  /// No clock, no random, no I/O: the same slots give the same result and the same cost on every machine.
  ///
  /// Errors are kUnprocessable: expression.no_such_field, .no_overload, .divide_by_zero, .overflow,
  /// .bad_index, .conversion, .absent, .bad_argument, .duplicate_key, .too_large, .cost_exceeded. The message
  /// says what was met and where in the text; `field` is the part of the text concerned.
  Result<Value> evaluate(std::span<const Value> slots, Arena& arena, EvalBudget budget = {}) const;

  const Type& result_type() const;
  const std::string& text() const;
  const Ast& ast() const;
  /// The variables read, ascending, each once.
  const std::vector<SlotIndex>& used_slots() const;
  /// What is read of them, sorted, each once: "input.card_id", or "input" where it is used as a whole.
  const std::vector<std::string>& read_paths() const;
  /// What is certain of the variables where the result is `outcome`; nothing where it is no bool. Besides
  /// has(), comparisons with null and hasValue(), a comparison with a default counts that the default would
  /// not pass: `heavy.?score.orValue(0.0) > 0.5` proves that heavy and its score are there. What was given
  /// when compiling is not repeated.
  const Facts& proves(bool outcome) const;
  /// The value when it depends on no variable and cannot fail: literals and what is folded of them.
  std::optional<Value> constant() const;
  /// Instructions, for inspection and tests.
  size_t instruction_count() const;

  struct Data;
  explicit Program(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;  // shared by the copies of a program
};

/// Either a program or all the mistakes of the text, in their order, at most kMaxMistakes.
struct [[nodiscard]] Compiled {
  std::optional<Program> program;
  std::vector<Mistake> mistakes;

  bool ok() const { return program.has_value(); }
  /// All mistakes, one a line. For the caller who wants one error: kInvalidArgument "expression.mistakes".
  Error to_error() const;
};

/// Parses, checks and compiles. `text` is UTF-8; invalid UTF-8 is a mistake. Regular expressions and time
/// zones that are literals are prepared here.
Compiled compile(std::string_view text, const Environment& environment, const CompileOptions& options = {});

/// Either the tree or all mistakes of syntax.
struct [[nodiscard]] Parsed {
  std::optional<Ast> ast;
  std::vector<Mistake> mistakes;
  bool ok() const { return ast.has_value(); }
};

/// Syntax only.
Parsed parse_only(std::string_view text);

}  // namespace switchyard::expression
