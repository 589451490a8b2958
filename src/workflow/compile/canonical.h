#pragma once

#include <map>
#include <string>

#include "switchyard/base/hash.h"
#include "switchyard/document/document.h"

namespace switchyard::workflow::compiler {

/// The document as JSON without blanks, with `inlined` nodes in the places of those that name them. Members
/// keep the order of the document, because it has a meaning: steps are numbered by it, outputs are written in
/// it. Compiling the canonical form gives the same pipeline again.
std::string canonical_form(const document::Node& root,
                           const std::map<const document::Node*, const document::Node*>& inlined);

/// Identity of a compiled pipeline: its canonical form and the version of the intermediate form.
Sha256 pipeline_hash(const std::string& canonical);

}  // namespace switchyard::workflow::compiler
