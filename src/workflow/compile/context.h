#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "place.h"
#include "switchyard/document/reporter.h"
#include "switchyard/expression/environment.h"
#include "switchyard/expression/program.h"
#include "switchyard/expression/type.h"
#include "switchyard/workflow/compiler.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// What the parts of the compiler share. A document is walked twice by the same code: first to collect which
/// names each step reads (nothing is reported, expressions are only parsed), then, in an order in which every
/// step comes after those it needs, to check and compile.
class Context {
 public:
  /// `outline` may be null.
  Context(document::Reporter& reporter, Resolver& resolver, Outline* outline = nullptr)
      : reporter_(reporter), resolver_(resolver), outline_(outline) {}

  // --- reports; silent while collecting ---
  void error(const Place& place, std::string code, std::string message, std::string mend);
  void error_at(document::Position at, std::string path, std::string code, std::string message,
                std::string mend);
  void warning(const Place& place, std::string code, std::string message, std::string mend);
  void add(Diagnostic diagnostic);
  bool collecting() const { return collected_ != nullptr; }

  // --- names ---
  /// A name that a block gives to something.
  struct Name {
    std::string name;
    uint32_t slot = 0;
    expression::Type type;
    std::optional<StepIndex> step;  ///< nothing: a variable
  };
  /// Makes the outermost scope: `input` and `run`, and room for `slots` in all.
  void declare_scope(uint32_t slots);
  /// Opens a scope within the present one, or (`fresh`) within the outermost. Names that are taken must not
  /// come.
  void push_scope(const std::vector<Name>& names, bool fresh = false);
  void pop_scope();
  /// Opens a scope of these names and no others, until pop_scope().
  void push_environment(expression::Environment environment);
  /// What the document says of events, as far as it is read.
  struct Agent {
    std::optional<expression::Type> state;
    uint32_t event_slot = 0;  ///< for `event` where it stands beside the steps
    std::vector<Listener> listeners;
    std::vector<Signal> signals;
    std::vector<std::string> emits;
  };
  Agent& agent() { return agent_; }
  /// Makes `state` known to all expressions; requires declare_scope() and no scope within.
  void declare_state(uint32_t slot, const expression::Type& type);
  /// Whether an expression here would read something by this name.
  bool is_visible(std::string_view name) const { return environment_.find(name).has_value(); }
  void set_input_type(const expression::Type& type);
  void set_step_type(StepIndex step, const expression::Type& type);
  std::optional<StepIndex> find_step(std::string_view name) const;
  const std::vector<std::string>& step_names() const { return scope_.step_names; }
  /// The present scope, for results that a document does not spell out: reads the step as a whole.
  std::optional<expression::Program> read_of(const std::string& step) const;

  /// From here to end_collect(), names that expressions read and steps that need() names go to `names`.
  void begin_collect(std::set<uint16_t>* steps) { collected_ = steps; }
  void end_collect() { collected_ = nullptr; }
  /// Collects into another set for a while; give it back the one it returns.
  std::set<uint16_t>* swap_collect(std::set<uint16_t>* steps) { return std::exchange(collected_, steps); }
  void need(StepIndex step);
  /// Whether the step stands in the innermost scope.
  bool in_current_block(StepIndex step) const { return scope_.own_steps.contains(step.value); }

  /// Notes the names of the scopes that are still open.
  void close_outline();

  // --- expressions ---
  /// What a guard around the following expressions proves. Returns what was known before.
  expression::Facts swap_given(expression::Facts given) { return std::exchange(given_, std::move(given)); }
  const expression::Facts& given() const { return given_; }
  enum class Scope : uint8_t { kAll, kInputOnly };
  /// Compiles the scalar at `place`; numbers and booleans stand for themselves. With `expected`, the result
  /// must be assignable to it, and `whose` names the slot in messages ("`when`"). Nothing when it was
  /// reported or while collecting.
  std::optional<expression::Program> expression(const Place& place,
                                                const std::optional<expression::Type>& expected,
                                                const std::string& whose, Scope scope = Scope::kAll);

  // --- files, compiled once and cached ---
  struct File {
    std::unique_ptr<document::Node> root;  ///< null when it was refused
    bool reported = false;
  };
  /// The parsed document of a file beside the pipeline; nullptr when it was reported.
  const document::Node* file(const Place& place);
  /// In the canonical form `with` stands in the place of `node`.
  void inline_node(const document::Node* node, const document::Node* with) { inlined_[node] = with; }
  const std::map<const document::Node*, const document::Node*>& inlined() const { return inlined_; }

  /// Records the use of an artefact. Two versions of one artefact in a pipeline are refused.
  void depend(Dependency::Kind kind, const ArtefactRef& ref, const Place& place);
  std::vector<Dependency> take_dependencies() { return std::move(dependencies_); }
  /// Returns the one before.
  std::optional<StepIndex> set_current_step(std::optional<StepIndex> step) {
    return std::exchange(current_step_, step);
  }

  Resolver& resolver() { return resolver_; }
  document::Reporter& reporter() { return reporter_; }
  /// While set, mistakes are of this other document (an artefact that is compiled with the pipeline).
  void set_foreign_file(std::string file) { foreign_file_ = std::move(file); }

 private:
  void collect(std::string_view text);
  void open_outline_scope();
  void close_outline_scope();
  std::optional<std::string> expression_text(const Place& place,
                                             const std::optional<expression::Type>& expected,
                                             const std::string& whose);
  /// Where an expression stands, for messages.
  struct Slot {
    const std::optional<expression::Type>& expected;
    const std::string& whose;
    Scope scope;
  };
  void report_mistake(const Place& place, const std::string& text, const expression::Mistake& mistake,
                      const Slot& slot);
  void explain_undeclared(const std::string& word, Scope scope, std::string& message,
                          std::string& mend) const;

  document::Reporter& reporter_;
  Resolver& resolver_;
  Outline* const outline_;
  std::vector<size_t> outline_scopes_;  ///< of the open scopes, the outermost first
  struct Scoped {
    std::vector<std::string> step_names, variables;
    std::unordered_map<std::string, uint16_t> step_index;
    std::set<uint16_t> own_steps;  ///< of the innermost block
  };
  expression::Environment environment_;
  expression::Environment input_only_;
  Scoped scope_;
  Agent agent_;
  /// A scope around the present one, and the way back to it. Only where the present one begins anew the names
  /// are copied; else those it added are taken away: with many holders in a document copies would cost the
  /// square of its length.
  struct Outer {
    std::optional<expression::Environment> environment;
    Scoped scope;                                 ///< with `environment`
    std::vector<expression::SlotIndex> revealed;  ///< the rest without
    size_t step_names = 0, variables = 0;
    std::set<uint16_t> own_steps;
  };
  std::vector<Outer> outer_;
  std::set<uint16_t>* collected_ = nullptr;
  std::map<std::string, File> files_;
  std::map<const document::Node*, const document::Node*> inlined_;
  std::vector<Dependency> dependencies_;
  std::optional<StepIndex> current_step_;
  expression::Facts given_;
  std::string foreign_file_;
};

// --- small readers; each reports what is wrong and gives nothing then ---
std::optional<std::string> read_text(Context& context, const Place& place, const std::string& what);
std::optional<int64_t> read_integer(Context& context, const Place& place, const std::string& what,
                                    int64_t least, int64_t most);
std::optional<double> read_number(Context& context, const Place& place, const std::string& what, double least,
                                  double most);
std::optional<int64_t> read_duration(Context& context, const Place& place, const std::string& what);
/// "name" or "name@version".
std::optional<ArtefactRef> read_artefact(Context& context, const Place& place, const std::string& what);
/// A queue: an artefact name without a version.
std::optional<std::string> read_queue(Context& context, const Place& place, const std::string& what);

/// ", did you mean 'x'?" or empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
/// "a, b and c"; at most `most` of them.
std::string word_list(const std::vector<std::string>& words, size_t most = 12);

}  // namespace switchyard::workflow::compiler
