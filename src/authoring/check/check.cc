#include "switchyard/authoring/check.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "check_bundle.h"
#include "lint.h"

namespace switchyard::authoring {
namespace {

using document::Node;
using governance::BundleDocument;
using governance::SourceFile;

std::string_view source_of(const std::vector<SourceFile>& files, const std::string& path) {
  for (const SourceFile& file : files)
    if (file.path == path) return file.content;
  return {};
}

bool is_unknown_artefact(const std::string& code) {
  return code == "pipeline.unknown_rules" || code == "pipeline.unknown_model" ||
         code == "pipeline.unknown_costs" || code == "pipeline.unknown_prompt" ||
         code == "pipeline.unknown_pipeline";
}

auto order_of(const Diagnostic& d) { return std::tie(d.file, d.line, d.column, d.code, d.path, d.message); }

void sort_once(Diagnostics& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return order_of(a) < order_of(b); });
  findings.erase(
      std::unique(findings.begin(), findings.end(),
                  [](const Diagnostic& a, const Diagnostic& b) { return order_of(a) == order_of(b); }),
      findings.end());
}

/// Artefacts that entries such as `rules: card-limits` name; free maps may hold such entries by chance, which
/// asks for something that nobody has.
void collect_references(const Node& node, std::set<governance::ArtefactKey>& found) {
  static constexpr std::pair<std::string_view, ArtefactKind> kWords[] = {
      {"rules", ArtefactKind::kRules},
      {"model", ArtefactKind::kModel},
      {"costs", ArtefactKind::kCosts},
      {"prompt", ArtefactKind::kPrompt},
      {"pipeline", ArtefactKind::kPipeline}};
  for (const Node& item : node.items) collect_references(item, found);
  for (const auto& entry : node.entries) {
    for (const auto& [word, kind] : kWords) {
      if (entry.key != word || !entry.value.is(Node::Kind::kString)) continue;
      const std::string& text = entry.value.text;
      const size_t at = text.rfind('@');
      found.insert({kind, text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)});
    }
    collect_references(entry.value, found);
  }
}

}  // namespace

CheckReport check(const CheckRequest& request) {
  return check_bundle(request, governance::compile_bundle({request.files, request.known}));
}

CheckReport check_bundle(const CheckRequest& request, const governance::BundleOutcome& bundle) {
  const std::set<std::string> only(request.only.begin(), request.only.end());
  const auto wanted = [&](const std::string& path) { return only.empty() || only.contains(path); };
  CheckReport report;
  for (const Diagnostic& found : bundle.unreadable)
    if (wanted(found.file)) report.findings.push_back(found);
  for (const BundleDocument& document : bundle.documents) {
    if (!wanted(document.path)) continue;
    ++report.documents;
    report.findings.insert(report.findings.end(), document.diagnostics.begin(), document.diagnostics.end());
    if (!request.lint || document.pipeline == nullptr) continue;
    const auto parsed = document::parse(source_of(request.files, document.path), document.path);
    lint_pipeline(*document.pipeline, *document.outline, *parsed.root, document.path, report.findings);
  }
  if (request.lint) {
    Diagnostics found;
    lint_files(request.files, bundle, found);
    lint_circles(request.files, found);
    for (Diagnostic& finding : found)
      if (wanted(finding.file)) report.findings.push_back(std::move(finding));
  }
  if (report.documents == 0 && report.findings.empty()) {
    report.findings.push_back({Diagnostic::Severity::kError, "governance.nothing_to_deploy",
                               request.only.empty() ? "" : request.only.front(), 0, 0, "",
                               "no file begins with pipeline, rules, model, costs or prompt",
                               "name a folder that holds documents, or a document"});
  }
  for (Diagnostic& finding : report.findings) {
    if (!is_unknown_artefact(finding.code)) continue;
    finding.mend += request.asked_server ? "; the server does not have it either"
                                         : "; if a server has it, ask it with --server URL";
  }
  drop_allowed(request.files, report.findings);
  sort_once(report.findings);
  for (const Diagnostic& finding : report.findings)
    ++(finding.severity == Diagnostic::Severity::kError ? report.errors : report.warnings);
  return report;
}

std::vector<governance::ArtefactKey> missing_artefacts(const std::vector<SourceFile>& files) {
  std::set<governance::ArtefactKey> used, own;
  for (const SourceFile& file : files) {
    if (!file.path.ends_with(".yaml") && !file.path.ends_with(".yml") && !file.path.ends_with(".json"))
      continue;
    const auto parsed = document::parse(file.content, file.path);
    if (parsed.root == nullptr) continue;
    collect_references(*parsed.root, used);
    // A document's own first line is a reference to itself; that is what the folder has.
    if (!parsed.root->entries.empty()) {
      Node head;
      head.kind = Node::Kind::kMapping;
      for (const auto& entry : parsed.root->entries)
        if (entry.value.is_scalar()) head.entries.push_back(entry);
      collect_references(head, own);
    }
  }
  std::vector<governance::ArtefactKey> missing;
  for (const auto& key : used) {
    const bool here = std::any_of(own.begin(), own.end(), [&](const governance::ArtefactKey& have) {
      return have.kind == key.kind && have.name == key.name &&
             (key.version.empty() || key.version == have.version);
    });
    if (!here) missing.push_back(key);
  }
  return missing;
}

}  // namespace switchyard::authoring
