#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/governance/governance.h"

namespace switchyard::governance {

/// The kind of a document by its first word ("pipeline:", "rules:", "model:", "costs:", "prompt:"); nothing
/// for other files.
std::optional<ArtefactKind> kind_of(const document::Node& document);

/// A document of a folder, and what came of it; which member is set follows from its kind.
struct BundleDocument {
  ArtefactKind kind{};
  std::string path;
  std::shared_ptr<const Artefact> artefact;  ///< null when the document has mistakes; then all are
  std::shared_ptr<const workflow::Pipeline> pipeline;
  std::shared_ptr<const rules::RuleTable> table;
  std::shared_ptr<const workflow::ModelInterface> model;
  std::shared_ptr<const prompts::Prompt> prompt;
  std::shared_ptr<const workflow::Outline> outline;  ///< of a pipeline, with mistakes or without
  Diagnostics diagnostics;                           ///< of the document, and of the files it names
};

struct BundleRequest {
  /// Where a model's file stands its content may be left out: weights are not read.
  std::vector<SourceFile> files;
  /// Documents that exist elsewhere, each with the files it names, paths as in its folder: what names mean
  /// that the folder does not have. Nothing is reported of them.
  std::vector<std::vector<SourceFile>> known;
};

struct BundleOutcome {
  std::vector<BundleDocument> documents;  ///< of `files`, in the order in which they were compiled
  Diagnostics unreadable;                 ///< mistakes of files that may be documents and cannot be read
};

/// Compiles a folder's documents against each other as a deployment to an empty server would, changes
/// nothing, and needs neither log nor models: those are known by their manifests, and an output whose type
/// only the weights would tell is dyn. Any thread.
BundleOutcome compile_bundle(const BundleRequest& request);

}  // namespace switchyard::governance
