#include "workspace.h"

#include <algorithm>
#include <utility>

#include "../check/check_bundle.h"
#include "switchyard/authoring/limits.h"

namespace switchyard::authoring::language {
namespace {

using governance::SourceFile;

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string path_of_uri(std::string_view uri) {
  if (!uri.starts_with("file://")) return std::string(uri);
  uri.remove_prefix(7);
  // A host before the path: only this machine's files are read.
  if (!uri.starts_with('/')) uri.remove_prefix(std::min(uri.find('/'), uri.size()));
  std::string path;
  for (size_t i = 0; i < uri.size(); ++i) {
    const int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
    if (low >= 0) {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string uri_of_path(std::string_view path) {
  if (!path.starts_with('/')) return std::string(path);
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4];
      uri += kHex[byte & 15];
    }
  }
  return uri;
}

const governance::BundleDocument* Bundle::find(std::string_view path) const {
  for (const auto& document : outcome.documents)
    if (document.path == path) return &document;
  return nullptr;
}

void Workspace::set_roots(std::vector<std::string> roots) {
  roots_.clear();
  for (std::string& folder : roots) {
    if (!folder.ends_with('/')) folder += '/';
    roots_.push_back(std::make_unique<Root>(Root{std::move(folder), false, {}}));
  }
  bundles_.clear();
  folders_.clear();
}

bool Workspace::open(const std::string& path, std::string text) {
  const auto known = open_.find(path);
  if (known == open_.end() && open_.size() >= kMaxOpenDocuments) return false;
  open_.insert_or_assign(path, TextMap(std::move(text)));
  bundles_.clear();
  folders_.clear();
  return true;
}

void Workspace::close(const std::string& path) {
  open_.erase(path);
  refresh();
}

void Workspace::refresh() {
  for (auto& root : roots_) root->loaded = false;
  bundles_.clear();
  folders_.clear();
}

const TextMap* Workspace::text(const std::string& path) const {
  const auto found = open_.find(path);
  return found == open_.end() ? nullptr : &found->second;
}

std::vector<std::string> Workspace::open_paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, map] : open_) paths.push_back(path);
  return paths;
}

Workspace::Root& Workspace::root_of(const std::string& path) {
  Root* found = nullptr;
  for (auto& root : roots_)
    if (path.starts_with(root->folder) && (found == nullptr || root->folder.size() > found->folder.size()))
      found = root.get();
  if (found == nullptr) {
    roots_.push_back(std::make_unique<Root>(Root{folder_of(path), false, {}}));
    found = roots_.back().get();
  }
  if (!found->loaded) {
    // A folder that cannot be read is one without files: what is open is known all the same.
    auto files = found->folder.starts_with('/') ? files_.read_folder(found->folder)
                                                : Result<std::vector<SourceFile>>(std::vector<SourceFile>());
    found->files = files.ok() ? std::move(*files) : std::vector<SourceFile>();
    found->loaded = true;
  }
  return *found;
}

std::vector<SourceFile> Workspace::files_below(Root& root, const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const SourceFile& file : root.files) {
    const std::string absolute = root.folder + file.path;
    if (absolute.starts_with(folder)) files[absolute.substr(folder.size())] = file.content;
  }
  for (const auto& [path, map] : open_)
    if (path.starts_with(folder)) files[path.substr(folder.size())] = map.text();
  std::vector<SourceFile> list;
  for (auto& [path, content] : files) list.push_back({path, std::move(content)});
  return list;
}

std::optional<std::string> Workspace::content(const std::string& path) {
  if (const TextMap* map = text(path)) return map->text();
  Root& root = root_of(path);
  for (const SourceFile& file : root.files)
    if (root.folder + file.path == path) return file.content;
  return std::nullopt;
}

std::string Workspace::bundle_folder(Root& root, const std::string& path) {
  const std::string own = folder_of(path);
  std::string folder = own;
  const auto document = content(path);
  if (!document.has_value()) return own;
  const auto wanted = missing_artefacts({{path, *document}});
  while (true) {
    auto files = files_below(root, folder);
    const auto missing = missing_artefacts(files);
    const bool complete = std::none_of(wanted.begin(), wanted.end(), [&](const auto& key) {
      return std::find(missing.begin(), missing.end(), key) != missing.end();
    });
    if (complete) return folder;
    if (folder.size() <= root.folder.size()) return own;
    folder = folder_of(std::string_view(folder).substr(0, folder.size() - 1));
  }
}

std::shared_ptr<const Bundle> Workspace::bundle_of(const std::string& path) {
  Root& root = root_of(path);
  auto known = folders_.find(path);
  if (known == folders_.end()) known = folders_.emplace(path, bundle_folder(root, path)).first;
  auto& bundle = bundles_[known->second];
  if (bundle == nullptr) {
    auto made = std::make_shared<Bundle>();
    made->folder = known->second;
    made->files = files_below(root, made->folder);
    made->outcome = governance::compile_bundle({made->files, {}});
    CheckRequest request;
    request.files = made->files;
    made->findings = check_bundle(request, made->outcome).findings;
    for (const auto& document : made->outcome.documents)
      if (document.outline != nullptr) outlines_[made->absolute(document.path)] = document.outline;
    bundle = std::move(made);
  }
  return bundle;
}

std::shared_ptr<const workflow::Outline> Workspace::outline_of(const std::string& path) {
  bundle_of(path);
  const auto found = outlines_.find(path);
  return found == outlines_.end() ? nullptr : found->second;
}

std::vector<Workspace::Named> Workspace::documents_near(const std::string& path) {
  Root& root = root_of(path);
  std::vector<Named> found;
  for (const SourceFile& file : files_below(root, root.folder)) {
    if (!file.path.ends_with(".yaml") && !file.path.ends_with(".yml") && !file.path.ends_with(".json"))
      continue;
    const auto parsed = document::parse(file.content);
    const auto kind = parsed.root == nullptr ? std::nullopt : governance::kind_of(*parsed.root);
    if (!kind.has_value()) continue;
    const document::Node* name = parsed.root->find(artefact_kind_name(*kind));
    if (name == nullptr) continue;
    const size_t at = name->text.rfind('@');
    found.push_back({root.folder + file.path, *kind, name->text.substr(0, at),
                     at == std::string::npos ? "" : name->text.substr(at + 1), name->position});
  }
  return found;
}

}  // namespace switchyard::authoring::language
