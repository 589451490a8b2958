#pragma once

#include <memory>
#include <string>

#include "registry.h"

namespace switchyard::governance {

/// Where a document's files come from: the deployed folder, or what was recorded with it.
using FileSource = std::function<Result<std::string>(const std::string& path)>;

struct CompileRequest {
  ArtefactKind kind{};
  std::string path, source;
  FileSource files;                    ///< paths are relative to the document's folder
  const Registry* registry = nullptr;  ///< what names mean
  /// On recovery: the versions that names without version meant when the artefact was deployed.
  const Artefact* recorded = nullptr;
  ModelLoader* models = nullptr;
};

struct CompiledArtefact {
  std::shared_ptr<Compiled> compiled;  ///< null when there are errors
  Diagnostics diagnostics;
  std::string weights;  ///< of a model, as read
};

/// The kind of a document by its first word ("pipeline:", "rules:", "model:", "costs:", "prompt:",
/// "retention:"); nothing for other files.
std::optional<ArtefactKind> kind_of(const document::Node& document);

/// Checks and compiles one document. `compiled->artefact` lacks who, when and offset.
CompiledArtefact compile_artefact(const CompileRequest& request);

}  // namespace switchyard::governance
