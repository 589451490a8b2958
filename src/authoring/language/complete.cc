#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "../json_object.h"
#include "features.h"
#include "place.h"
#include "switchyard/authoring/limits.h"
#include "switchyard/expression/inspect.h"

namespace switchyard::authoring::language {
namespace {

using expression::Environment;
using expression::Type;
using expression::TypeKind;

/// CompletionItemKind of the protocol.
enum class ItemKind : uint8_t {
  kMethod = 2,
  kFunction = 3,
  kField = 5,
  kVariable = 6,
  kProperty = 10,
  kValue = 12,
  kKeyword = 14,
  kFile = 17,
  kReference = 18,
};

class Completer {
 public:
  explicit Completer(const Question& question) : question_(question), place_(question) {}

  std::string run() {
    const Cursor& cursor = place_.cursor();
    if (place_.is_known() && !cursor.in_comment) {
      begin_ = cursor.begin;
      if (!cursor.in_value) {
        add_keys();
      } else {
        // `- ` may begin a scalar or a mapping.
        if (cursor.key.empty() && !cursor.path.empty() && cursor.path.back() == "[]" && !cursor.quoted)
          add_keys();
        add_values();
      }
    }
    return R"({"isIncomplete":)" + std::string(count_ >= kMaxCompletions ? "true" : "false") +
           R"(,"items":[)" + items_ + "]}";
  }

 private:
  void add(const std::string& label, ItemKind kind, const std::string& detail, std::string_view documentation,
           const std::string& insert) {
    if (count_ >= kMaxCompletions ||
        !seen_.insert(label + "\n" + std::to_string(static_cast<int>(kind))).second)
      return;
    char sort[16];
    std::snprintf(sort, sizeof sort, "%04zu", count_++);
    if (!items_.empty()) items_ += ',';
    JsonObject item(items_);
    item.text("label", label);
    item.number("kind", static_cast<size_t>(kind));
    item.optional_text("detail", detail);
    if (!documentation.empty()) {
      JsonObject text(item.key("documentation"));
      text.text("kind", "markdown");
      text.text("value", documentation);
    }
    item.text("sortText", sort);
    // The editor compares what is typed with the text it replaces.
    item.text("filterText", insert);
    JsonObject edit(item.key("textEdit"));
    edit.raw("range", range_json(question_.text, begin_, question_.offset));
    edit.text("newText", insert);
  }

  void add_keys() {
    for (const auto& entry : place_.mapping().entries) {
      add(entry.name, ItemKind::kProperty, entry.required ? "required" : "", entry.description,
          entry.name + ": ");
    }
  }

  void add_values() {
    for (const std::string& value : place_.schema().values) add(value, ItemKind::kValue, "", "", value);
    if (place_.is("step_name") || place_.is("after") || place_.is("on_error")) add_step_names();
    if (place_.is("on_error")) {
      add("fail", ItemKind::kKeyword, "", "The run fails.", "fail");
      add("skip", ItemKind::kKeyword, "", "The step is absent.", "skip");
    }
    if (place_.is("artefact") || place_.is("costs")) add_artefacts();
    if (place_.is("schema_or_file")) add_files();
    const std::string& key = place_.cursor().key;
    if (place_.is_expression() || key == "on_error") add_expression();
  }

  void add_step_names() {
    for (const StepSite& site : place_.steps())
      add(site.name, ItemKind::kReference, site.kind, "", site.name);
  }

  void add_artefacts() {
    const std::string& word = place_.cursor().key;
    const auto kind = parse_artefact_kind(word);
    if (!kind.ok()) return;
    for (const auto& document : question_.workspace.documents_near(question_.path)) {
      if (document.kind != *kind) continue;
      add(document.name, ItemKind::kReference, document.name + "@" + document.version, document.path,
          document.name);
    }
  }

  void add_files() {
    const Bundle& bundle = *place_.bundle();
    const std::string folder = question_.path.substr(0, question_.path.rfind('/') + 1);
    for (const auto& file : bundle.files) {
      const std::string path = bundle.absolute(file.path);
      if (!path.ends_with(".json") || !path.starts_with(folder)) continue;
      const std::string relative = "./" + path.substr(folder.size());
      add(relative, ItemKind::kFile, "", "", relative);
    }
  }

  // --- inside expressions ---
  void add_expression() {
    const std::string& typed = place_.cursor().typed;
    size_t word = typed.size();
    while (word > 0 && is_word_character(typed[word - 1])) --word;
    begin_ = question_.offset - (typed.size() - word);
    if (inside_literal(typed)) return;
    size_t dot = word;
    const bool asked = dot > 0 && typed[dot - 1] == '?';
    if (asked) --dot;
    if (dot > 0 && typed[dot - 1] == '.') return add_members(typed.substr(0, dot - 1), asked);
    add_names(typed.substr(0, word));
  }

  /// Whether the cursor stands in a text of the expression.
  static bool inside_literal(const std::string& typed) {
    char quote = 0;
    for (size_t i = 0; i < typed.size(); ++i) {
      if (quote != 0 && typed[i] == '\\') {
        ++i;
      } else if (quote == 0 && (typed[i] == '\'' || typed[i] == '"')) {
        quote = typed[i];
      } else if (typed[i] == quote) {
        quote = 0;
      }
    }
    return quote != 0;
  }

  /// The text with a name where the cursor is, so that it can be read: as it is, or with what it opens
  /// closed.
  std::vector<std::string> readable(const std::string& before) const {
    std::string rest(place_.scalar());
    rest = rest.size() > place_.cursor().typed.size() ? rest.substr(place_.cursor().typed.size()) : "";
    while (!rest.empty() && is_word_character(rest[0])) rest.erase(0, 1);
    std::string closers;
    char quote = 0;
    for (const char c : before) {
      if (quote != 0) {
        if (c == quote) quote = 0;
        continue;
      }
      if (c == '\'' || c == '"') quote = c;
      if (c == '(') closers.insert(closers.begin(), ')');
      if (c == '[') closers.insert(closers.begin(), ']');
      if (c == '{') closers.insert(closers.begin(), '}');
      if ((c == ')' || c == ']' || c == '}') && !closers.empty()) closers.erase(0, 1);
    }
    return {before + "cursor__" + rest, before + "cursor__" + closers};
  }

  /// The chain of members that ends here: "input.tags[0]" of "1 + input.tags[0]".
  static std::string chain_before(const std::string& text) {
    size_t at = text.size();
    int depth = 0;
    while (at > 0) {
      const char c = text[at - 1];
      if (c == ')' || c == ']') ++depth;
      if (c == '(' || c == '[') {
        if (depth == 0) break;
        --depth;
      }
      if (depth == 0 && !is_word_character(c) &&
          std::string_view(".?()[]'\"").find(c) == std::string_view::npos)
        break;
      --at;
    }
    return text.substr(at);
  }

  Type type_of_target(const std::string& target, bool asked, const Environment& environment) const {
    for (const std::string& text : readable(target + (asked ? ".?" : "."))) {
      const auto found = expression::inspect(text, environment);
      if (!found.ast.has_value()) continue;
      const auto* node = expression::node_at(*found.ast, static_cast<uint32_t>(target.size() + 3));
      if (node != nullptr && node->kind == expression::NodeKind::kSelect)
        return found.types[node->children[0]->id];
    }
    const auto found = expression::inspect(chain_before(target), environment);
    return found.ast.has_value() ? found.types[found.ast->root().id] : Type::error();
  }

  void add_members(const std::string& target, bool asked) {
    const Environment environment = place_.environment();
    const std::string chain = chain_before(target);
    add_namespace(chain);
    Type type = type_of_target(target, asked, environment);
    const bool optional = type.is(TypeKind::kOptional);
    const Type inner = optional || type.is(TypeKind::kNullable) ? type.unwrapped() : type;
    for (const auto& field : inner.fields()) {
      const bool absent = !field.required || optional;
      const std::string insert = absent && !asked && !optional ? "?" + field.name : field.name;
      add(field.name, ItemKind::kField, field.type.to_string() + (field.required ? "" : ", may be absent"),
          "", insert);
    }
    for (const auto& function : expression::functions()) {
      if (!function.method || asked) continue;
      std::vector<std::string> signatures;
      for (const auto& signature : function.signatures)
        if (takes(signature.substr(0, signature.find(".(")), type)) signatures.push_back(signature);
      if (!signatures.empty()) add_function(function, signatures);
    }
  }

  /// Whether a method whose target is written `target` can be called on the type.
  static bool takes(const std::string& target, const Type& type) {
    switch (type.kind()) {
      case TypeKind::kDyn:
      case TypeKind::kError: return true;
      case TypeKind::kString: return target == "string";
      case TypeKind::kBytes: return target == "bytes";
      case TypeKind::kTimestamp: return target == "timestamp";
      case TypeKind::kDuration: return target == "duration";
      case TypeKind::kOptional: return target.starts_with("optional(");
      case TypeKind::kList: return target.starts_with("list(");
      case TypeKind::kMap:
      case TypeKind::kObject: return target.starts_with("map(");
      default: return false;
    }
  }

  void add_namespace(const std::string& name) {
    for (const auto& function : expression::functions()) {
      if (function.method || !function.name.starts_with(name + ".")) continue;
      std::string short_name(function.name.substr(name.size() + 1));
      add(short_name, ItemKind::kFunction, function.signatures.front(), function.note, short_name + "(");
    }
  }

  void add_function(const expression::FunctionInfo& function, const std::vector<std::string>& signatures) {
    add(std::string(function.name), function.method ? ItemKind::kMethod : ItemKind::kFunction,
        signatures.front(), function.note, std::string(function.name) + "(");
  }

  void add_names(const std::string& before) {
    const Environment environment = place_.environment();
    for (const std::string& text : readable(before)) {
      const auto found = expression::inspect(text, environment);
      if (!found.ast.has_value()) continue;
      for (const auto& bound : found.bound) {
        const bool visible = before.size() >= bound.scope.offset && before.size() <= bound.scope.end();
        if (visible && bound.name != "cursor__")
          add(bound.name, ItemKind::kVariable, bound.type.to_string(), "", bound.name);
      }
      break;
    }
    for (const auto& variable : environment.variables()) {
      if (variable.name.empty()) continue;
      const bool known = !variable.type.is_dyn() && !variable.type.is_error();
      add(variable.name, ItemKind::kVariable, known ? variable.type.to_string() : "", "", variable.name);
    }
    for (const auto& function : expression::functions())
      if (!function.method) add_function(function, function.signatures);
    for (const char* word : {"true", "false", "null"}) add(word, ItemKind::kKeyword, "", "", word);
  }

  const Question& question_;
  Place place_;
  size_t begin_ = 0;
  std::string items_;
  size_t count_ = 0;
  std::set<std::string> seen_;
};

}  // namespace

std::string complete(const Question& question) { return Completer(question).run(); }

}  // namespace switchyard::authoring::language
