#pragma once

#include <string_view>

namespace switchyard::authoring {

/// docs/pipeline.schema.json and docs/rules.schema.json, built into the binary.
std::string_view pipeline_schema_text();
std::string_view rules_schema_text();

}  // namespace switchyard::authoring
