#include <algorithm>
#include <string>

#include "../json_object.h"
#include "../outline/steps.h"
#include "features.h"
#include "switchyard/authoring/format.h"
#include "switchyard/authoring/limits.h"

namespace switchyard::authoring::language {
namespace {

using document::Node;

/// SymbolKind of the protocol.
enum class SymbolKind : uint8_t {
  kModule = 2,
  kNamespace = 3,
  kMethod = 6,
  kFunction = 12,
  kObject = 19,
  kEvent = 24
};

/// Where the entry whose key stands at `key` ends: before the first line that is not indented deeper, or, in
/// braces, at the end of the line.
size_t end_of_entry(const TextMap& text, document::Position key) {
  const size_t line = key.line - 1;
  const std::string_view first = text.line(line);
  const size_t indent = std::min(first.find_first_not_of(" -"), first.size());
  const size_t begin = text.offset_of(key);
  size_t last = line;
  if (text.offset_of(document::Position{key.line, 1}) + indent == begin) {
    for (size_t i = line + 1; i < text.line_count(); ++i) {
      const std::string_view next = text.line(i);
      const size_t depth = next.find_first_not_of(' ');
      if (depth == std::string_view::npos) continue;
      if (depth < indent || (depth == indent && next[depth] != '-')) break;
      last = i;
    }
  }
  return text.offset_of(document::Position{static_cast<uint32_t>(last + 1), UINT32_MAX});
}

class SymbolTree {
 public:
  SymbolTree(const TextMap& text, const Node& root) : text_(text), root_(root), sites_(find_steps(root)) {}

  std::string run() {
    if (root_.entries.empty()) return "[]";
    const auto& head = root_.entries.front();
    std::string out = "[";
    {
      JsonObject object(out);
      begin_symbol(object, head.value.is_scalar() ? head.value.text : head.key, head.key, SymbolKind::kModule,
                   head.position, text_.text().size());
      std::string& children = object.key("children");
      children += '[';
      if (root_.find("rules") != nullptr) add_rows(children);
      if (root_.find("pipeline") != nullptr && root_.find("pipeline")->is_scalar())
        add_steps(std::nullopt, children);
      children += ']';
    }
    return out + "]";
  }

 private:
  void begin_symbol(JsonObject& object, const std::string& name, const std::string& detail, SymbolKind kind,
                    document::Position key, size_t end) {
    const size_t begin = text_.offset_of(key);
    object.text("name", name.empty() ? "?" : name);
    object.optional_text("detail", detail);
    object.number("kind", static_cast<size_t>(kind));
    object.raw("range", range_json(text_, begin, std::max(begin, end)));
    object.raw("selectionRange",
               range_json(text_, begin, std::min(begin + name.size(), std::max(begin, end))));
  }

  void add_steps(std::optional<size_t> parent, std::string& out) {
    for (size_t i = 0; i < sites_.size(); ++i) {
      const StepSite& site = sites_[i];
      if (site.parent != parent) continue;
      if (out.back() != '[') out += ',';
      const bool holds =
          std::any_of(sites_.begin(), sites_.end(), [&](const auto& s) { return s.parent == i; });
      JsonObject object(out);
      const std::string part = site.part == "steps" ? "" : " (" + site.part + ")";
      begin_symbol(object, site.name, site.kind + part, kind_of(site, holds), site.key,
                   end_of_entry(text_, site.key));
      std::string& children = object.key("children");
      children += '[';
      add_steps(i, children);
      children += ']';
    }
  }
  static SymbolKind kind_of(const StepSite& site, bool holds) {
    if (holds) return SymbolKind::kNamespace;
    if (site.kind == "review" || site.kind == "wait" || site.kind == "listen") return SymbolKind::kEvent;
    if (site.kind == "set") return SymbolKind::kObject;
    return SymbolKind::kFunction;
  }

  void add_rows(std::string& out) {
    const Node* rows = root_.find("rows");
    if (rows == nullptr) return;
    for (const Node& row : rows->items) {
      const Node* id = row.find("id");
      if (row.entries.empty()) continue;
      if (out.back() != '[') out += ',';
      JsonObject object(out);
      const auto key = row.entries.front().position;
      begin_symbol(object, id == nullptr ? "?" : id->text, "rule", SymbolKind::kMethod, key,
                   end_of_entry(text_, key));
    }
  }

  const TextMap& text_;
  const Node& root_;
  std::vector<StepSite> sites_;
};

/// Where what a finding is about ends: the word, or one character.
size_t end_of_word(const std::string& text, size_t begin) {
  size_t end = begin;
  while (end < text.size() &&
         std::string_view(" \t\r\n,:{}[]()\"'#").find(text[end]) == std::string_view::npos)
    ++end;
  return end > begin ? end : std::min(begin + 1, text.size());
}

}  // namespace

std::string range_json(const TextMap& text, size_t begin, size_t end) {
  const auto append = [](EditorPosition at, std::string& out) {
    JsonObject object(out);
    object.number("line", at.line);
    object.number("character", at.character);
  };
  std::string out;
  {
    JsonObject range(out);
    append(text.editor_position(begin), range.key("start"));
    append(text.editor_position(end), range.key("end"));
  }
  return out;
}

std::string symbols(const TextMap& text, const std::string& path) {
  const auto parsed = document::parse(text.text(), path);
  if (parsed.root == nullptr || !parsed.root->is(Node::Kind::kMapping)) return "[]";
  return SymbolTree(text, *parsed.root).run();
}

std::string format_edits(const TextMap& text, const std::string& path, std::string& why) {
  const auto formatted = format_document(text.text(), path);
  if (!formatted.ok()) {
    why = formatted.diagnostics.front().to_string();
    return "null";
  }
  if (formatted.text == text.text()) return "[]";
  std::string out = "[";
  {
    JsonObject edit(out);
    edit.raw("range", range_json(text, 0, text.text().size()));
    edit.text("newText", formatted.text);
  }
  return out + "]";
}

std::string diagnostics(const Diagnostics& findings, const TextMap& text) {
  std::string out = "[";
  for (const Diagnostic& finding : findings) {
    if (out.back() != '[') out += ',';
    JsonObject object(out);
    const size_t begin = text.offset_of(document::Position{finding.line, finding.column});
    object.raw("range", range_json(text, begin, end_of_word(text.text(), begin)));
    object.number("severity", finding.severity == Diagnostic::Severity::kError ? 1 : 2);
    object.text("code", finding.code);
    object.text("source", "switchyard");
    object.text("message", finding.message + (finding.mend.empty() ? "" : "\nmend: " + finding.mend));
    // What nobody reads is shown faded.
    if (finding.code == "pipeline.unused_step") object.raw("tags", "[1]");
    JsonObject data(object.key("data"));
    data.text("path", finding.path);
    data.text("mend", finding.mend);
  }
  return out + "]";
}

}  // namespace switchyard::authoring::language
