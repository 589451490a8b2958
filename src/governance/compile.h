#pragma once

#include <memory>
#include <string>

#include "registry.h"
#include "switchyard/governance/bundle.h"

namespace switchyard::governance {

/// Where a document's files come from: the deployed folder, or what was recorded with it.
using FileSource = std::function<Result<std::string>(const std::string& path)>;

struct CompileRequest {
  ArtefactKind kind{};
  std::string path, source;
  /// The source as read, which is taken from here; absent or taken: it is read.
  std::shared_ptr<document::ParseOutcome> parsed;
  FileSource files;                    ///< paths are relative to the document's folder
  const Registry* registry = nullptr;  ///< what names mean
  /// On recovery: the versions that names without version meant when the artefact was deployed.
  const Artefact* recorded = nullptr;
  ModelLoader* models = nullptr;
  /// Models are known by their manifests: `models` gets no weights, and missing ones are a warning.
  bool declared_models = false;
  bool outline = false;  ///< of pipelines, for tools
  bool is_call = false;  ///< the pipeline is one of Registry::calls
};

struct CompiledArtefact {
  std::shared_ptr<Compiled> compiled;  ///< null when there are errors
  Diagnostics diagnostics;
  std::string weights;                         ///< of a model, as read
  std::shared_ptr<workflow::Outline> outline;  ///< of a pipeline, when it was wanted
};

/// Checks and compiles one document. `compiled->artefact` lacks who, when and offset.
CompiledArtefact compile_artefact(const CompileRequest& request);

/// Adds the pipelines that ask this model or route alone to the registry's calls.
void add_call_pipelines(Registry& registry, const Artefact& artefact);

}  // namespace switchyard::governance
