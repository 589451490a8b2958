#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "lint.h"

namespace switchyard::authoring {
namespace {

using document::Node;
using governance::BundleOutcome;
using governance::SourceFile;

constexpr std::array<std::string_view, 5> kFirstWords{"pipeline", "rules", "model", "costs", "prompt"};

bool is_yaml(std::string_view path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }
bool is_text(std::string_view path) { return is_yaml(path) || path.ends_with(".json"); }

Diagnostic warning(const std::string& file, document::Position at, std::string code, std::string message,
                   std::string mend) {
  return {Diagnostic::Severity::kWarning,
          std::move(code),
          file,
          at.line,
          at.column,
          "",
          std::move(message),
          std::move(mend)};
}

/// Files that are no documents of ours, and look as if they were meant to be.
void lint_unknown(const SourceFile& file, const Node& root, Diagnostics& findings) {
  if (!root.is(Node::Kind::kMapping) || root.entries.empty()) return;
  // "card.pipeline.yaml": the name says what it is.
  std::string meant;
  for (const std::string_view word : kFirstWords)
    if (file.path.find("." + std::string(word) + ".") != std::string::npos) meant = word;
  if (meant.empty()) {
    const std::vector<std::string> words(kFirstWords.begin(), kFirstWords.end());
    meant = document::nearest(root.entries[0].key, words);
  }
  if (meant.empty() && root.find("steps") != nullptr && root.find("output") != nullptr) meant = "pipeline";
  if (meant.empty()) return;
  findings.push_back(
      warning(file.path, root.entries[0].position, "lint.unknown_document",
              "this looks like a " + meant + " document and does not begin with `" + meant + ":`",
              "begin it with " + meant + ": <name>@1.0.0"));
}

/// Schemas and forms nobody names, beside documents that name others.
void lint_unused(const std::vector<SourceFile>& files, const BundleOutcome& bundle, Diagnostics& findings) {
  std::set<std::string> used, folders;
  for (const auto& document : bundle.documents) {
    // What a document with mistakes names is not known.
    if (document.artefact == nullptr) return;
    const size_t slash = document.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : document.path.substr(0, slash + 1);
    folders.insert(folder);
    used.insert(document.path);
    for (const auto& [name, text] : document.artefact->files)
      used.insert(folder + (name.starts_with("./") ? name.substr(2) : name));
  }
  for (const SourceFile& file : files) {
    const bool is_part = file.path.ends_with(".schema.json") || file.path.ends_with(".form.json");
    if (!is_part || used.contains(file.path)) continue;
    const size_t slash = file.path.rfind('/');
    if (!folders.contains(slash == std::string::npos ? "" : file.path.substr(0, slash + 1))) continue;
    findings.push_back(warning(file.path, {1, 1}, "lint.unused_file", "no document names this file",
                               "remove it, or name it where it is meant"));
  }
}

/// "# allow lint.x: reason" in a line; empty when there is none.
std::string allowed_code(std::string_view line) {
  const size_t hash = line.find("# allow ");
  if (hash == std::string_view::npos) return {};
  const size_t begin = hash + 8;
  size_t end = begin;
  while (end < line.size() && line[end] != ':' && line[end] != ' ' && line[end] != '\r') ++end;
  return std::string(line.substr(begin, end - begin));
}

}  // namespace

void lint_files(const std::vector<SourceFile>& files, const BundleOutcome& bundle, Diagnostics& findings) {
  std::set<std::string> documents, reported;
  for (const auto& document : bundle.documents) {
    documents.insert(document.path);
    for (const auto& diagnostic : document.diagnostics) reported.insert(diagnostic.file);
  }
  for (const SourceFile& file : files) {
    if (!is_text(file.path) || documents.contains(file.path)) continue;
    const auto parsed = document::parse(file.content, file.path);
    if (parsed.root != nullptr) {
      lint_unknown(file, *parsed.root, findings);
    } else if (!is_yaml(file.path) && !reported.contains(file.path)) {
      const auto& first = parsed.diagnostics.front();
      findings.push_back(warning(file.path, {first.line, first.column}, "lint.unreadable_file",
                                 "this file is no JSON: " + first.message, first.mend));
    }
  }
  lint_unused(files, bundle, findings);
}

void drop_allowed(const std::vector<SourceFile>& files, Diagnostics& findings) {
  std::map<std::string, std::map<uint32_t, std::string>> allowed;
  for (const SourceFile& file : files) {
    if (!is_yaml(file.path) || file.content.find("# allow ") == std::string::npos) continue;
    uint32_t line = 1;
    for (size_t at = 0; at < file.content.size(); ++line) {
      const size_t end = std::min(file.content.find('\n', at), file.content.size());
      const std::string_view text = std::string_view(file.content).substr(at, end - at);
      if (std::string code = allowed_code(text); !code.empty()) {
        allowed[file.path][line] = code;
        // A comment on a line of its own is about the next one.
        const size_t first = text.find_first_not_of(" \t");
        if (first != std::string_view::npos && text[first] == '#') allowed[file.path][line + 1] = code;
      }
      at = end + 1;
    }
  }
  std::erase_if(findings, [&](const Diagnostic& finding) {
    if (finding.severity == Diagnostic::Severity::kError) return false;
    const auto file = allowed.find(finding.file);
    if (file == allowed.end()) return false;
    const auto line = file->second.find(finding.line);
    return line != file->second.end() && line->second == finding.code;
  });
}

}  // namespace switchyard::authoring
