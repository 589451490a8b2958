#pragma once

#include <string>

#include "switchyard/document/document.h"
#include "switchyard/schema/schema.h"

namespace switchyard::schema {

/// Compiles the schema that stands at `root`, of which `value` is the value. Each mistake has its line and
/// column there, `file` as its file, and a mend.
Compiled compile_in_document(const document::Node& root, const Value& value, const std::string& file);

}  // namespace switchyard::schema
