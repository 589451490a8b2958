#pragma once

#include <optional>
#include <string>

#include "context.h"
#include "place.h"
#include "switchyard/expression/type.h"
#include "switchyard/schema/schema.h"

namespace switchyard::workflow::compiler {

struct LoadedSchema {
  schema::SchemaPtr schema;
  expression::Type type;
  std::string json;  ///< canonical
};

/// The JSON Schema at `place`: a path of a file beside the document, or the schema itself. The file becomes
/// part of the pipeline's canonical form. `whose` names it in messages: "the form of a review".
std::optional<LoadedSchema> load_schema(Context& context, const Place& place, const std::string& whose);

}  // namespace switchyard::workflow::compiler
