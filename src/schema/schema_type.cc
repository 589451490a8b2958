#include "switchyard/schema/schema_type.h"

namespace switchyard::schema {

const PropertyType* SchemaType::find_property(std::string_view name) const {
  for (const PropertyType& property : properties) {
    if (property.name == name) return &property;
  }
  return nullptr;
}

std::string_view type_kind_name(SchemaType::Kind kind) {
  switch (kind) {
    case SchemaType::Kind::kAny: return "any";
    case SchemaType::Kind::kNever: return "never";
    case SchemaType::Kind::kNull: return "null";
    case SchemaType::Kind::kBoolean: return "boolean";
    case SchemaType::Kind::kInteger: return "integer";
    case SchemaType::Kind::kNumber: return "number";
    case SchemaType::Kind::kString: return "string";
    case SchemaType::Kind::kArray: return "array";
    case SchemaType::Kind::kObject: return "object";
    case SchemaType::Kind::kUnion: return "union";
  }
  return "unknown";
}

}  // namespace switchyard::schema
