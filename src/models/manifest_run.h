#pragma once

#include <string_view>

#include "document_reader.h"
#include "switchyard/models/manifest.h"

// The part of a manifest that says how a model runs in this process.
namespace switchyard::models {

/// Whether a name leads out of the manifest's folder: one from elsewhere must not reach other files of the
/// machine.
bool leaves_folder(std::string_view file);

/// `instances` and `threads`.
void read_run_settings(DocumentReader& reader, const Value& root, RunSettings& run);
/// `warmup`; requires that manifest.input_schema was read.
void read_warm_up(DocumentReader& reader, const Value& root, ModelManifest& manifest);

}  // namespace switchyard::models
