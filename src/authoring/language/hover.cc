#include <algorithm>
#include <string>

#include "../json_object.h"
#include "features.h"
#include "place.h"
#include "switchyard/expression/inspect.h"

namespace switchyard::authoring::language {
namespace {

using expression::NodeKind;

std::string code(const std::string& text) { return "```cel\n" + text + "\n```\n"; }

class Hover {
 public:
  explicit Hover(const Question& question) : question_(question), place_(question) {}

  std::string run() {
    const Cursor& cursor = place_.cursor();
    if (!place_.is_known() || cursor.in_comment) return "null";
    if (on_key()) return show_key();
    if (!cursor.in_value) return "null";
    if (place_.is_expression() || place_.is("on_error")) {
      if (std::string found = show_expression(); found != "null") return found;
    }
    if (place_.is("artefact") || place_.is("costs")) {
      if (std::string found = show_artefact(); found != "null") return found;
    }
    if (place_.is("step_name") || place_.is("after") || place_.is("on_error")) return show_step(word());
    return "null";
  }

 private:
  std::string answer(const std::string& markdown, size_t begin, size_t end) const {
    std::string out;
    {
      JsonObject object(out);
      {
        JsonObject contents(object.key("contents"));
        contents.text("kind", "markdown");
        contents.text("value", markdown);
      }
      object.raw("range", range_json(question_.text, begin, end));
    }
    return out;
  }

  std::string word() const {
    const auto [begin, end] = word_at(question_.text.text(), question_.offset);
    return question_.text.text().substr(begin, end - begin);
  }
  bool on_key() const {
    if (place_.cursor().in_value && !place_.cursor().path.empty() && place_.cursor().path.back() != "[]")
      return false;
    const std::string& text = question_.text.text();
    size_t end = word_at(text, question_.offset).second;
    if (end < text.size() && (text[end] == '"' || text[end] == '\'')) ++end;
    return end < text.size() && text[end] == ':' && !word().empty() &&
           (end + 1 == text.size() || text[end + 1] == ' ' || text[end + 1] == '\n' || text[end + 1] == '\r');
  }

  std::string show_key() {
    const auto [begin, end] = word_at(question_.text.text(), question_.offset);
    const std::string key = word();
    if (const StepSite* step = step_at_cursor(key)) return show_step(step->name);
    for (const auto& entry : place_.mapping().entries) {
      if (entry.name != key || entry.description.empty()) continue;
      return answer("**" + key + "**: " + entry.description, begin, end);
    }
    return "null";
  }
  /// The step whose name the cursor stands on.
  const StepSite* step_at_cursor(const std::string& name) const {
    const auto at = question_.text.position(word_at(question_.text.text(), question_.offset).first);
    for (const StepSite& site : place_.steps())
      if (site.name == name && site.key.line == at.line && site.key.column == at.column) return &site;
    return nullptr;
  }

  std::string show_step(const std::string& name) {
    const StepSite* site = place_.find_step(name);
    if (site == nullptr) return "null";
    const auto [begin, end] = word_at(question_.text.text(), question_.offset);
    std::string text = code(name + ": " + type_of(name)) + describe(*site);
    return answer(text, begin, end);
  }
  std::string type_of(const std::string& name) const {
    const auto environment = place_.environment();
    const auto slot = environment.find(name);
    return slot.has_value() ? environment.variable(*slot).type.to_string() : "dyn";
  }
  static std::string describe(const StepSite& site) {
    std::string text = "Step of kind `" + (site.kind.empty() ? "?" : site.kind) + "`";
    const document::Node* value = site.node->find(site.kind);
    if (value != nullptr && value->is(document::Node::Kind::kString) && site.kind != "triage")
      text += ": " + value->text;
    if (const document::Node* when = site.node->find("when")) text += ", when `" + when->text + "`";
    return text;
  }

  std::string show_expression() {
    const std::string_view scalar = place_.scalar();
    const size_t offset = place_.scalar_offset();
    if (offset > scalar.size()) return "null";
    const auto environment = place_.environment();
    const auto found = expression::inspect(scalar, environment);
    if (!found.ast.has_value()) return "null";
    const auto* node = expression::node_at(*found.ast, static_cast<uint32_t>(offset));
    if (node == nullptr || node->kind == NodeKind::kLiteral) return "null";
    const size_t base = place_.cursor().begin;
    if (node->kind == NodeKind::kCall || node->kind == NodeKind::kHas ||
        node->kind == NodeKind::kComprehension || node->kind == NodeKind::kBind ||
        node->kind == NodeKind::kOptionalMap) {
      return show_function(*node, found, base);
    }
    std::string text(found.ast->text_of(*node));
    std::string markdown = code(text + ": " + found.types[node->id].to_string());
    if (node->kind == NodeKind::kIdent) {
      if (const StepSite* site = place_.find_step(std::string(node->name))) markdown += describe(*site);
      if (node->name == "input") markdown += "The input of the run.";
      if (node->name == "run") markdown += "The run itself.";
    }
    return answer(markdown, base + node->span.offset, base + node->span.end());
  }

  std::string show_function(const expression::Node& node, const expression::Inspection& found, size_t base) {
    const std::string_view name = question_.text.text();
    const auto [begin, end] = word_at(name, question_.offset);
    const std::string called = word();
    for (const auto& function : expression::functions()) {
      const std::string_view full = function.name;
      const bool same = full == called || full.ends_with("." + called);
      if (!same) continue;
      std::string text;
      for (const auto& signature : function.signatures) {
        const size_t dot = function.method ? signature.find(".(") + 1 : 0;
        std::string line = signature;
        line.insert(dot, full);
        text += line + "\n";
      }
      text.pop_back();
      return answer(code(text) + std::string(function.note), begin, end);
    }
    return answer(code(std::string(found.ast->text_of(node)) + ": " + found.types[node.id].to_string()),
                  base + node.span.offset, base + node.span.end());
  }

  std::string show_artefact() {
    const auto kind = parse_artefact_kind(place_.cursor().key);
    if (!kind.ok()) return "null";
    const std::string text(place_.scalar());
    const std::string name = text.substr(0, text.find('@'));
    for (const auto& document : place_.bundle()->outcome.documents) {
      if (document.kind != *kind || document.artefact == nullptr || document.artefact->name != name) continue;
      std::string markdown = "**" + document.artefact->full_name() + "** in " + document.path + "\n";
      if (document.model != nullptr) {
        markdown += code("input: " + document.model->input_type.to_string() +
                         "\nresult: " + document.model->output_type.to_string());
      }
      if (document.table != nullptr) {
        markdown += code("facts: " + document.table->facts_type().to_string() +
                         "\nresult: " + document.table->output_type().to_string());
      }
      if (document.pipeline != nullptr) {
        markdown += code("input: " + document.pipeline->input_type.to_string() +
                         "\nresult: " + document.pipeline->output_type.to_string());
      }
      return answer(markdown, place_.cursor().begin, place_.cursor().begin + text.size());
    }
    return "null";
  }

  const Question& question_;
  Place place_;
};

}  // namespace

std::string hover(const Question& question) { return Hover(question).run(); }

}  // namespace switchyard::authoring::language
