#include "place.h"

#include <algorithm>

#include "../pipeline_schema.h"

namespace switchyard::authoring::language {
namespace {

using expression::Environment;
using expression::Type;

/// The first word of a document that may be broken: its first key at the beginning of a line.
std::string first_word(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line[0] == '#' || line[0] == '-' || line[0] == ' ' || line[0] == '\r') continue;
    const size_t begin = line.find_first_not_of("{\" ");
    const size_t colon = line.find_first_of("\":", begin == std::string_view::npos ? 0 : begin);
    if (begin == std::string_view::npos || colon == std::string_view::npos) return {};
    return std::string(line.substr(begin, colon - begin));
  }
  return {};
}

Type run_type() {
  return Type::object({{"id", Type::string()},
                       {"started_at", Type::timestamp()},
                       {"seed", Type::integer()},
                       {"pipeline", Type::string()},
                       {"version", Type::string()}});
}

void declare(Environment& environment, const std::string& name, Type type) {
  if (const auto slot = environment.find(name)) return environment.set_type(*slot, std::move(type));
  const bool identifier = !name.empty() && std::all_of(name.begin(), name.end(), is_word_character) &&
                          (name[0] < '0' || name[0] > '9');
  if (identifier) environment.declare(name, std::move(type));
}

/// "rows[2].when" as a cursor's path has it: rows, [], when.
std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '.') {
      parts.emplace_back();
    } else if (path[i] == '[') {
      while (i < path.size() && path[i] != ']') ++i;
      parts.emplace_back("[]");
    } else {
      parts.back() += path[i];
    }
  }
  return parts;
}

}  // namespace

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::pair<size_t, size_t> word_at(std::string_view text, size_t offset) {
  size_t begin = std::min(offset, text.size()), end = begin;
  while (begin > 0 && is_word_character(text[begin - 1])) --begin;
  while (end < text.size() && is_word_character(text[end])) ++end;
  return {begin, end};
}

const SchemaWalk* schema_of_kind(const std::string& kind) {
  static const SchemaWalk kPipeline(pipeline_schema_text());
  static const SchemaWalk kRules(rules_schema_text());
  if (kind == "pipeline" || kind == "costs") return &kPipeline;
  return kind == "rules" ? &kRules : nullptr;
}

Place::Place(const Question& question)
    : question_(question), cursor_(find_cursor(question.text.text(), question.offset)) {
  kind_ = first_word(question.text.text());
  bundle_ = question.workspace.bundle_of(question.path);
  if (question.path.starts_with(bundle_->folder))
    document_ = bundle_->find(std::string_view(question.path).substr(bundle_->folder.size()));
  outline_ = question.workspace.outline_of(question.path);
  parsed_ = document::parse(question.text.text());
  if (parsed_.root != nullptr && kind_ == "pipeline") steps_ = find_steps(*parsed_.root);
  const SchemaWalk* walk = schema_of_kind(kind_);
  if (walk == nullptr) {
    // An empty document may become anything; a pipeline most likely.
    if (cursor_.path.empty()) kind_ = kind_.empty() ? "pipeline" : kind_;
    walk = schema_of_kind(kind_);
  }
  if (walk == nullptr) {
    kind_.clear();
    return;
  }
  // A costs document is a part of the pipelines' schema.
  std::vector<std::string> prefix;
  if (kind_ == "costs") prefix = {"steps", "any", "costs"};
  auto path = prefix;
  path.insert(path.end(), cursor_.path.begin(), cursor_.path.end());
  mapping_ = walk->at(path, cursor_.siblings);
  if (!cursor_.key.empty()) path.push_back(cursor_.key);
  schema_ = walk->at(path, {});
}

const StepSite* Place::find_step(const std::string& name) const {
  std::string around;
  for (const std::string& key : cursor_.path) {
    if (key == "[]") continue;
    around += (around.empty() ? "" : ".") + key;
  }
  const StepSite* found = nullptr;
  size_t nearest = 0;
  for (const StepSite& site : steps_) {
    if (site.name != name) continue;
    // The longer the path that both share, the nearer.
    const std::string parent = site.path.substr(0, site.path.rfind('.'));
    const size_t shared = static_cast<size_t>(
        std::mismatch(parent.begin(), parent.end(), around.begin(), around.end()).first - parent.begin());
    const bool visible = shared == parent.size();
    const size_t closeness = visible ? shared + 1'000'000 : shared;
    if (found == nullptr || closeness > nearest) {
      found = &site;
      nearest = closeness;
    }
  }
  return found;
}

/// That of the expression whose path is nearest to the cursor's: the same one, or one beside it; between
/// equals the one that stands less deep.
const workflow::Outline::Scope* Place::scope() const {
  if (outline_ == nullptr || outline_->scopes.empty()) return nullptr;
  const std::vector<std::string> own = cursor_.full_path();
  const uint32_t line = question_.text.position(question_.offset).line;
  const workflow::Outline::Expression* found = nullptr;
  int64_t best = 0;
  for (const auto& expression : outline_->expressions) {
    const auto path = parts_of(expression.path);
    const auto shared = std::mismatch(own.begin(), own.end(), path.begin(), path.end()).first - own.begin();
    // Within a container's steps, its `output` sees what they see; its other entries see less.
    const auto at = static_cast<size_t>(shared);
    const bool inside = at < own.size() && own[at] == "steps" && at < path.size() && path[at] == "output";
    const int64_t score = shared * 1000 + (expression.position.line == line ? 500 : 0) + (inside ? 100 : 0) -
                          (static_cast<int64_t>(path.size()) - shared);
    if (found != nullptr && score <= best) continue;
    found = &expression;
    best = score;
  }
  return &outline_->scopes[found == nullptr ? 0 : found->scope];
}

Environment Place::environment() const {
  Environment environment;
  if (kind_ == "rules") {
    const bool known = document_ != nullptr && document_->table != nullptr;
    environment.declare("facts", known ? document_->table->facts_type() : Type::dyn());
    return environment;
  }
  if (const auto* known = scope()) {
    // The scope of the pipeline itself may not be among those of its steps yet.
    for (const auto& variable : known->names) declare(environment, variable.name, variable.type);
  }
  if (!environment.find("input").has_value()) declare(environment, "input", Type::dyn());
  if (!environment.find("run").has_value()) declare(environment, "run", run_type());
  for (const StepSite& site : steps_)
    if (!site.parent.has_value() && site.part == "steps" && !environment.find(site.name).has_value())
      declare(environment, site.name, Type::dyn());
  return environment;
}

std::string_view Place::scalar() const {
  const std::string& text = question_.text.text();
  const size_t line_end = std::min(text.find('\n', question_.offset), text.size());
  const std::string_view rest = std::string_view(text).substr(cursor_.begin, line_end - cursor_.begin);
  size_t end = rest.size();
  if (cursor_.quoted) {
    const char quote = text[cursor_.begin - 1];
    for (size_t i = 0; i < rest.size(); ++i) {
      if (rest[i] == '\\' && quote == '"') {
        ++i;
      } else if (rest[i] == quote) {
        if (quote == '\'' && i + 1 < rest.size() && rest[i + 1] == '\'') {
          ++i;
          continue;
        }
        end = i;
        break;
      }
    }
    return rest.substr(0, end);
  }
  end = std::min(end, rest.find(" #"));
  if (cursor_.in_flow) end = std::min(end, rest.find_first_of(",]}"));
  std::string_view scalar = rest.substr(0, end);
  while (scalar.ends_with(' ') || scalar.ends_with('\r')) scalar.remove_suffix(1);
  return scalar;
}

}  // namespace switchyard::authoring::language
