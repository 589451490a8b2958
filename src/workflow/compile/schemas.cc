#include "schemas.h"

#include <utility>

#include "switchyard/rules/schema_types.h"
#include "switchyard/schema/in_document.h"
#include "switchyard/types/json.h"

namespace switchyard::workflow::compiler {

using document::Node;
using expression::Type;

std::optional<LoadedSchema> load_schema(Context& context, const Place& place, const std::string& whose) {
  const Node* root = place.node;
  std::string file;
  if (place.node->is(Node::Kind::kString)) {
    root = context.file(place);
    if (root == nullptr) return std::nullopt;
    file = place.node->text;
    context.inline_node(place.node, root);
  } else if (!place.node->is(Node::Kind::kMapping)) {
    context.error(place, "pipeline.bad_schema",
                  whose + " must be a file or a JSON Schema, and this is " + place.node->describe(),
                  "write ./name.schema.json, or the schema itself");
    return std::nullopt;
  }
  Arena arena;
  const Value value = document::to_value(*root, arena);
  auto compiled = schema::compile_in_document(*root, value, file);
  for (auto& diagnostic : compiled.diagnostics) context.add(std::move(diagnostic));
  if (compiled.schema == nullptr) return std::nullopt;
  Type type = type_of(*compiled.schema);
  return LoadedSchema{compiled.schema, std::move(type), to_canonical_json(value)};
}

}  // namespace switchyard::workflow::compiler

namespace switchyard::workflow {

expression::Type type_of(const schema::Schema& schema) { return rules::type_of(schema); }

}  // namespace switchyard::workflow
