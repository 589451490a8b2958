#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "switchyard/governance/governance.h"

// The files of a folder as documents.
namespace switchyard::governance {

struct Source {
  ArtefactKind kind{};
  const SourceFile* file = nullptr;
  std::string name{};                ///< of a pipeline
  std::set<std::string> children{};  ///< pipelines that it starts
  /// As it was read; shared by copies of this, taken by whoever compiles it first.
  std::shared_ptr<document::ParseOutcome> parsed{};
};

/// The files that are documents of ours, in the order in which they can be compiled. What is no YAML or JSON,
/// or has another first word, is left out; YAML that cannot be read is reported.
std::vector<Source> sort_sources(const std::vector<SourceFile>& files, Diagnostics& diagnostics);

/// "a/b.yaml" → "a/"; empty without a folder.
std::string folder_of(const std::string& path);
/// "a/b/../c.json" → "a/c.json"; empty when it would leave the folder.
std::string clean_path(const std::string& path);

/// What a document at `path` means by a file's name.
Result<std::string> read_beside(const std::vector<SourceFile>& files, const std::string& path,
                                const std::string& relative);

}  // namespace switchyard::governance
