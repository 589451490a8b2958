#include "context.h"

#include <algorithm>
#include <utility>

#include "../limits.h"
#include "names.h"
#include "switchyard/types/json.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;

/// The names that an expression reads, without those its own macros bind.
template <typename Visit>
void free_names(const expression::Node& node, std::vector<std::string_view>& bound, Visit& visit) {
  using expression::NodeKind;
  if (node.kind == NodeKind::kIdent) {
    if (std::find(bound.begin(), bound.end(), node.name) == bound.end()) visit(node.name);
    return;
  }
  const bool binds = node.kind == NodeKind::kComprehension || node.kind == NodeKind::kBind ||
                     node.kind == NodeKind::kOptionalMap;
  if (!binds || node.children.empty()) {
    for (const auto* child : node.children) free_names(*child, bound, visit);
    return;
  }
  free_names(*node.children[0], bound, visit);
  const size_t before = bound.size();
  bound.push_back(node.name);
  if (!node.second_name.empty()) bound.push_back(node.second_name);
  for (size_t i = 1; i < node.children.size(); ++i) free_names(*node.children[i], bound, visit);
  bound.resize(before);
}

Type run_type() {
  return Type::object({{"id", Type::string()},
                       {"started_at", Type::timestamp()},
                       {"seed", Type::integer()},
                       {"pipeline", Type::string()},
                       {"version", Type::string()}});
}

/// Words, a path or a media type rather than an expression: somebody forgot the inner quotes.
bool looks_like_text(std::string_view text) {
  if (text.find_first_of("'\"()[]{}+*<>=?&|%") != std::string_view::npos) return false;
  for (const std::string_view op : {" - ", " / ", " in "})
    if (text.find(op) != std::string_view::npos) return false;
  return text.find_first_of(" -/") != std::string_view::npos;
}

/// What to write when the result is of another type and the expression module knows no remedy.
std::string mend_for_result(const std::optional<Type>& expected) {
  if (!expected.has_value()) return {};
  switch (expected->kind()) {
    case expression::TypeKind::kBool: return "write a condition, such as input.amount > 100.0";
    case expression::TypeKind::kTimestamp: return "convert text with timestamp(...)";
    case expression::TypeKind::kDuration: return "write duration('30m'), or convert text with duration(...)";
    case expression::TypeKind::kString: return "convert it with string(...)";
    default: return {};
  }
}

}  // namespace

void Context::error(const Place& place, std::string code, std::string message, std::string mend) {
  error_at(place.position(), place.path, std::move(code), std::move(message), std::move(mend));
}

void Context::error_at(document::Position at, std::string path, std::string code, std::string message,
                       std::string mend) {
  add({Diagnostic::Severity::kError,
       std::move(code),
       {},
       at.line,
       at.column,
       std::move(path),
       std::move(message),
       std::move(mend)});
}

void Context::warning(const Place& place, std::string code, std::string message, std::string mend) {
  add({Diagnostic::Severity::kWarning,
       std::move(code),
       {},
       place.position().line,
       place.position().column,
       place.path,
       std::move(message),
       std::move(mend)});
}

void Context::add(Diagnostic diagnostic) {
  if (collecting()) return;
  if (diagnostic.file.empty()) diagnostic.file = foreign_file_;
  reporter_.add(std::move(diagnostic));
}

void Context::open_outline_scope() {
  if (outline_ == nullptr) return;
  outline_scopes_.push_back(outline_->scopes.size());
  outline_->scopes.emplace_back();
}

void Context::close_outline_scope() {
  if (outline_ == nullptr || outline_scopes_.empty()) return;
  // Types are learnt one after the other: at the end all are there.
  auto& names = outline_->scopes[outline_scopes_.back()].names;
  for (const auto& variable : environment_.variables())
    if (!variable.name.empty()) names.push_back(variable);
  outline_scopes_.pop_back();
}

void Context::close_outline() {
  while (!outer_.empty()) pop_scope();
  close_outline_scope();
}

void Context::declare_scope(uint32_t slots) {
  open_outline_scope();
  environment_.declare("input", Type::dyn());
  environment_.declare("run", run_type());
  while (environment_.size() < slots) environment_.reserve();
  input_only_.declare("input", Type::dyn());
}

void Context::push_scope(const std::vector<Name>& names, bool fresh) {
  open_outline_scope();
  Outer outer;
  if (fresh || outer_.empty()) {
    outer.environment = environment_;
    outer.scope = scope_;
  }
  if (fresh) {
    environment_ = *outer_.front().environment;
    scope_ = {};
  }
  outer.step_names = scope_.step_names.size();
  outer.variables = scope_.variables.size();
  outer.own_steps = std::exchange(scope_.own_steps, {});
  for (const Name& name : names) {
    const expression::SlotIndex slot(static_cast<uint16_t>(name.slot));
    environment_.reveal(slot, name.name, name.type);
    outer.revealed.push_back(slot);
    if (name.step.has_value()) {
      scope_.step_names.push_back(name.name);
      scope_.step_index[name.name] = name.step->value;
      scope_.own_steps.insert(name.step->value);
    } else {
      scope_.variables.push_back(name.name);
    }
  }
  outer_.push_back(std::move(outer));
}

void Context::push_environment(expression::Environment environment) {
  Outer outer;
  outer.environment = std::move(environment_);
  outer.scope = std::move(scope_);
  outer_.push_back(std::move(outer));
  environment_ = std::move(environment);
  scope_ = {};
}

void Context::declare_state(uint32_t slot, const Type& type) {
  SY_CHECK(outer_.empty());
  environment_.reveal(expression::SlotIndex(static_cast<uint16_t>(slot)), "state", type);
  scope_.variables.push_back("state");
  agent_.state = type;
}

void Context::pop_scope() {
  SY_CHECK(!outer_.empty());
  close_outline_scope();
  Outer outer = std::move(outer_.back());
  outer_.pop_back();
  if (outer.environment.has_value()) {
    environment_ = std::move(*outer.environment);
    scope_ = std::move(outer.scope);
    return;
  }
  for (const expression::SlotIndex slot : outer.revealed) environment_.hide(slot);
  for (size_t i = outer.step_names; i < scope_.step_names.size(); ++i)
    scope_.step_index.erase(scope_.step_names[i]);
  scope_.step_names.resize(outer.step_names);
  scope_.variables.resize(outer.variables);
  scope_.own_steps = std::move(outer.own_steps);
}

std::optional<expression::Program> Context::read_of(const std::string& step) const {
  return expression::compile(step, environment_).program;
}

void Context::set_input_type(const Type& type) {
  for (Outer& outer : outer_)
    if (outer.environment.has_value()) outer.environment->set_type(expression::SlotIndex(kSlotInput), type);
  environment_.set_type(expression::SlotIndex(kSlotInput), type);
  input_only_.set_type(expression::SlotIndex(kSlotInput), type);
}

void Context::set_step_type(StepIndex step, const Type& type) {
  environment_.set_type(expression::SlotIndex(static_cast<uint16_t>(slot_of(step))), type);
}

std::optional<StepIndex> Context::find_step(std::string_view name) const {
  const auto found = scope_.step_index.find(std::string(name));
  if (found == scope_.step_index.end()) return std::nullopt;
  return StepIndex(found->second);
}

void Context::need(StepIndex step) {
  if (collected_ != nullptr) collected_->insert(step.value);
}

void Context::collect(std::string_view text) {
  const auto parsed = expression::parse_only(text);
  if (!parsed.ok()) return;
  std::vector<std::string_view> bound;
  auto visit = [this](std::string_view name) {
    if (const auto step = find_step(name)) need(*step);
  };
  free_names(parsed.ast->root(), bound, visit);
}

std::optional<std::string> Context::expression_text(const Place& place, const std::optional<Type>& expected,
                                                    const std::string& whose) {
  const Node& node = *place.node;
  switch (node.kind) {
    case Node::Kind::kString: return node.text;
    case Node::Kind::kBool: return node.boolean ? "true" : "false";
    case Node::Kind::kInteger: {
      const bool as_double = expected.has_value() && expected->is(expression::TypeKind::kDouble);
      return as_double ? to_json(Value::real(static_cast<double>(node.integer)))
                       : std::to_string(node.integer);
    }
    case Node::Kind::kDouble:
      if (node.real - node.real != 0) break;
      return to_json(Value::real(node.real));
    default: break;
  }
  error(place, "pipeline.not_an_expression", whose + " must be an expression, and this is " + node.describe(),
        "write an expression such as input.amount > 100.0");
  return std::nullopt;
}

std::optional<expression::Program> Context::expression(const Place& place,
                                                       const std::optional<Type>& expected,
                                                       const std::string& whose, Scope scope) {
  const auto text = expression_text(place, expected, whose);
  if (!text.has_value()) return std::nullopt;
  if (collecting()) {
    if (scope == Scope::kAll) collect(*text);
    return std::nullopt;
  }
  if (outline_ != nullptr && foreign_file_.empty()) {
    const size_t own = outline_scopes_.empty() ? 0 : outline_scopes_.back();
    outline_->expressions.push_back({place.path, place.position(), own});
  }
  // Nobody would read of further mistakes, and near names take time to find.
  if (reporter_.errors() > kMaxMistakes) return std::nullopt;
  expression::CompileOptions options;
  options.expected = expected;
  if (scope == Scope::kAll) options.given = given_;
  auto compiled = expression::compile(*text, scope == Scope::kAll ? environment_ : input_only_, options);
  for (const auto& mistake : compiled.mistakes)
    report_mistake(place, *text, mistake, {expected, whose, scope});
  if (!compiled.ok()) {
    // A compiler that refuses without a reason would let a wrong document pass in silence.
    SY_CHECK(!compiled.mistakes.empty());
    return std::nullopt;
  }
  return std::move(compiled.program);
}

void Context::report_mistake(const Place& place, const std::string& text, const expression::Mistake& mistake,
                             const Slot& slot) {
  // A text that stands for itself (a number) has no offsets in the document.
  const bool verbatim = place.node->is(Node::Kind::kString);
  const auto at = verbatim ? document::position_in(*place.node, mistake.offset) : place.position();
  const std::string word = text.substr(std::min<size_t>(mistake.offset, text.size()), mistake.length);
  std::string message = mistake.message;
  std::string mend = mistake.mend;
  if (mistake.code == "expression.wrong_result") {
    message = slot.whose + ": " + message;
    if (mend.empty()) mend = mend_for_result(slot.expected);
  } else if (mistake.code == "expression.undeclared") {
    explain_undeclared(word, slot.scope, message, mend);
  }
  const bool is_reading = mistake.code == "expression.undeclared" || mistake.code == "expression.syntax";
  if (is_reading && looks_like_text(text)) {
    mend = "if text is meant, put it in quotes inside the expression: \"'" + text.substr(0, 30) +
           (text.size() > 30 ? "...'\"" : "'\"");
  }
  if (mend.empty()) mend = "correct the expression; docs/language.md lists what expressions can do";
  error_at(at, place.path, mistake.code, std::move(message), std::move(mend));
}

void Context::explain_undeclared(const std::string& word, Scope scope, std::string& message,
                                 std::string& mend) const {
  if (scope == Scope::kInputOnly) {
    if (!find_step(word).has_value() && word != "run") return;
    message = "'" + word + "' is not known here: this is read before any step runs";
    mend = "use only `input` here";
    return;
  }
  if (word == "yes" || word == "no" || word == "on" || word == "off") {
    mend = "write true or false; '" + word + "' is a word like any other";
    return;
  }
  if (word == "steps" || word == "output" || word == "context") {
    mend = "write the step's name alone, as in light.score";
    return;
  }
  std::vector<std::string> names = scope_.step_names;
  if (environment_.find("input").has_value()) names.insert(names.end(), {"input", "run"});
  names.insert(names.end(), scope_.variables.begin(), scope_.variables.end());
  const std::string near = document::nearest(word, names);
  if (near.empty() || message.find("did you mean") != std::string::npos) return;
  message += "; did you mean '" + near + "'?";
  mend = "write " + near;
}

const Node* Context::file(const Place& place) {
  const std::string& path = place.node->text;
  const bool leaves = path.empty() || path.front() == '/' || path == ".." || path.starts_with("../") ||
                      path.find("/../") != std::string::npos || path.ends_with("/..") ||
                      path.find('\\') != std::string::npos;
  if (leaves) {
    error(place, "pipeline.bad_path", "'" + path + "' does not stay beside the document",
          "write a path below the document's folder, such as ./payment.schema.json");
    return nullptr;
  }
  auto [found, is_new] = files_.try_emplace(path);
  File& entry = found->second;
  if (is_new) {
    auto text = resolver_.file(path);
    if (!text.ok()) {
      entry.reported = true;
      reporter_.error(place.position(), place.path, "pipeline.missing_file",
                      "the file '" + path + "' cannot be read: " + text.error().message,
                      "create it beside the document, or correct the path");
    } else {
      auto parsed = document::parse(*text, path);
      for (auto& diagnostic : parsed.diagnostics) reporter_.add(std::move(diagnostic));
      entry.root = std::move(parsed.root);
    }
  }
  return entry.root.get();
}

void Context::depend(Dependency::Kind kind, const ArtefactRef& ref, const Place& place) {
  if (collecting()) return;
  const auto known = std::find_if(dependencies_.begin(), dependencies_.end(), [&](const Dependency& d) {
    return d.kind == kind && d.ref.name == ref.name;
  });
  if (known == dependencies_.end()) {
    dependencies_.push_back({kind, ref, {}});
    if (current_step_.has_value()) dependencies_.back().used_by.push_back(*current_step_);
    return;
  }
  if (known->ref.version != ref.version) {
    const auto shown = [](const std::string& version) {
      return version.empty() ? std::string("the active version") : version;
    };
    error(place, "pipeline.two_versions",
          "'" + ref.name + "' is used in two versions: " + shown(known->ref.version) + " and " +
              shown(ref.version),
          "name the same version everywhere in one pipeline");
  }
  if (current_step_.has_value() &&
      std::find(known->used_by.begin(), known->used_by.end(), *current_step_) == known->used_by.end()) {
    known->used_by.push_back(*current_step_);
  }
}

}  // namespace switchyard::workflow::compiler
