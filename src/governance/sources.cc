#include "sources.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "compile.h"

namespace switchyard::governance {
namespace {

/// What a document may use must be compiled before it.
int rank(ArtefactKind kind) {
  switch (kind) {
    case ArtefactKind::kPrivacy: return 0;
    case ArtefactKind::kBackend: return 1;
    case ArtefactKind::kCosts: return 2;
    case ArtefactKind::kPrompt: return 3;
    case ArtefactKind::kRules: return 4;
    case ArtefactKind::kModel: return 5;
    case ArtefactKind::kRoute: return 6;
    case ArtefactKind::kEventType: return 7;
    case ArtefactKind::kPipeline: return 8;
    case ArtefactKind::kWebhook: return 9;
    case ArtefactKind::kRetention: return 10;
  }
  return 11;
}

std::string name_part(const std::string& reference) { return reference.substr(0, reference.find('@')); }

/// Every `pipeline: name` below a node.
void collect_children(const document::Node& node, std::set<std::string>& names) {
  for (const auto& entry : node.entries) {
    if (entry.key == "pipeline" && entry.value.is(document::Node::Kind::kString))
      names.insert(name_part(entry.value.text));
    collect_children(entry.value, names);
  }
  for (const auto& item : node.items) collect_children(item, names);
}

/// A pipeline comes after those it starts, as far as that goes: who stands in a circle finds the version that
/// was active before, or none.
void order_pipelines(std::vector<Source>& sources) {
  std::vector<Source> ordered;
  std::set<const SourceFile*> placed;
  std::function<void(const Source&)> place = [&](const Source& source) {
    if (!placed.insert(source.file).second) return;
    for (const std::string& child : source.children) {
      for (const Source& other : sources)
        if (other.name == child) place(other);
    }
    ordered.push_back(source);
  };
  for (const Source& source : sources) place(source);
  sources = std::move(ordered);
}

}  // namespace

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

std::string clean_path(const std::string& path) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= path.size()) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (parts.empty())
      return {};
    else
      parts.pop_back();
  }
  std::string clean;
  for (const auto& part : parts) clean += (clean.empty() ? "" : "/") + part;
  return clean;
}

std::vector<Source> sort_sources(const std::vector<SourceFile>& files, Diagnostics& diagnostics) {
  std::vector<Source> sources;
  for (const SourceFile& file : files) {
    const bool is_text =
        file.path.ends_with(".yaml") || file.path.ends_with(".yml") || file.path.ends_with(".json");
    if (!is_text) continue;
    auto parsed = document::parse(file.content, file.path);
    // A file that is no document of ours may be anything; those that name a file get its mistakes.
    if (parsed.root == nullptr) {
      if (!file.path.ends_with(".json"))
        diagnostics.insert(diagnostics.end(), parsed.diagnostics.begin(), parsed.diagnostics.end());
      continue;
    }
    const auto kind = kind_of(*parsed.root);
    if (!kind.has_value()) continue;
    Source source{*kind, &file};
    source.parsed = std::make_shared<document::ParseOutcome>();
    if (*kind == ArtefactKind::kPipeline) {
      source.name = name_part(parsed.root->find("pipeline")->text);
      for (const auto& entry : parsed.root->entries)
        if (entry.key != "pipeline") collect_children(entry.value, source.children);
    }
    *source.parsed = std::move(parsed);
    sources.push_back(std::move(source));
  }
  std::stable_sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) {
    return std::pair(rank(a.kind), a.file->path) < std::pair(rank(b.kind), b.file->path);
  });
  order_pipelines(sources);
  return sources;
}

Result<std::string> read_beside(const std::vector<SourceFile>& files, const std::string& path,
                                const std::string& relative) {
  const std::string wanted = clean_path(folder_of(path) + relative);
  for (const SourceFile& file : files)
    if (!wanted.empty() && file.path == wanted) return file.content;
  return make_error(ErrorKind::kNotFound, "governance.file_missing",
                    "there is no file " + relative + " in the deployed folder");
}

}  // namespace switchyard::governance
