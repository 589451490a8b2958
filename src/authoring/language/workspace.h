#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/authoring/check.h"
#include "switchyard/authoring/language_server.h"
#include "switchyard/governance/bundle.h"
#include "text_map.h"

namespace switchyard::authoring::language {

/// "file:///a%20b" → "/a b"; other schemes as they are.
std::string path_of_uri(std::string_view uri);
std::string uri_of_path(std::string_view path);

/// The documents that belong together: what deploying their folder would take.
struct Bundle {
  std::string folder;  ///< absolute, with a slash at its end
  std::vector<governance::SourceFile> files;
  governance::BundleOutcome outcome;
  Diagnostics findings;  ///< files as in `files`

  const governance::BundleDocument* find(std::string_view path) const;  ///< relative
  std::string absolute(std::string_view path) const { return folder + std::string(path); }
};

/// Files on disk, with what the editor has open laid over them.
class Workspace {
 public:
  explicit Workspace(Files& files) : files_(files) {}

  void set_roots(std::vector<std::string> roots);
  /// False when kMaxOpenDocuments are open.
  bool open(const std::string& path, std::string text);
  void close(const std::string& path);
  /// What is on disk may have changed.
  void refresh();

  /// Of an open document; nullptr for others.
  const TextMap* text(const std::string& path) const;
  /// Paths of what is open.
  std::vector<std::string> open_paths() const;
  /// The text of any file of the workspace.
  std::optional<std::string> content(const std::string& path);

  /// Where the document belongs: its own folder, or the nearest one above it (inside its root) that has all
  /// the artefacts it names. Compiled when something changed since.
  std::shared_ptr<const Bundle> bundle_of(const std::string& path);
  /// Of a pipeline, as it was when it could last be read; null when it never could.
  std::shared_ptr<const workflow::Outline> outline_of(const std::string& path);

  /// A document of the root that holds `path`, by its first line.
  struct Named {
    std::string path;  ///< absolute
    ArtefactKind kind{};
    std::string name, version;
    document::Position position;  ///< of the name
  };
  std::vector<Named> documents_near(const std::string& path);

 private:
  struct Root {
    std::string folder;
    bool loaded = false;
    std::vector<governance::SourceFile> files;  ///< as on disk
  };
  Root& root_of(const std::string& path);
  std::vector<governance::SourceFile> files_below(Root& root, const std::string& folder);
  std::string bundle_folder(Root& root, const std::string& path);

  Files& files_;
  std::vector<std::unique_ptr<Root>> roots_;
  std::map<std::string, TextMap> open_;
  std::map<std::string, std::shared_ptr<const Bundle>> bundles_;  // by folder; shared with who is answering
  std::map<std::string, std::shared_ptr<const workflow::Outline>> outlines_;  // shared with bundles
  std::map<std::string, std::string> folders_;  // of documents: the folder of their bundle
};

}  // namespace switchyard::authoring::language
