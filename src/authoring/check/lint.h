#pragma once

#include <string>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/governance/bundle.h"
#include "switchyard/types/diagnostic.h"

namespace switchyard::authoring {

/// What is allowed in a pipeline and probably not meant. `root` is the document it was compiled from.
void lint_pipeline(const workflow::Pipeline& pipeline, const workflow::Outline& outline,
                   const document::Node& root, const std::string& file, Diagnostics& findings);

/// What is odd about the folder: files that are nearly documents, or that nobody names.
void lint_files(const std::vector<governance::SourceFile>& files, const governance::BundleOutcome& bundle,
                Diagnostics& findings);

/// Pipelines whose runs lead to further runs of themselves, by the events they emit and the pipelines they
/// start, each circle once and whole. Documents with mistakes count, too.
void lint_circles(const std::vector<governance::SourceFile>& files, Diagnostics& findings);

/// Takes out the warnings that a comment in their file allows.
void drop_allowed(const std::vector<governance::SourceFile>& files, Diagnostics& findings);

}  // namespace switchyard::authoring
