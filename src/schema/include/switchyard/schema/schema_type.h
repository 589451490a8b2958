#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchyard/types/value.h"

namespace switchyard::schema {

struct SchemaType;

/// A property of an object type.
struct PropertyType {
  std::string name;
  const SchemaType* type = nullptr;
  /// Required, or filled in by normalize(): a normalized object always has it.
  bool always_present = false;
};

/// What a type checker may rely on about normalized values: every value that Schema::normalize() gives is of
/// this type. It promises less than the schema says (no bounds, no patterns, no conditions), never more.
/// Types form a graph that may have cycles (a schema may refer to itself); pointers live as long as their
/// Schema.
struct SchemaType {
  enum class Kind : uint8_t {
    kAny,    ///< nothing is known
    kNever,  ///< no value is accepted
    kNull,   ///< null only
    kBoolean,
    kInteger,  ///< int64 once normalized
    kNumber,   ///< double once normalized
    kString,
    kArray,   ///< list
    kObject,  ///< map with string keys
    kUnion,   ///< one of `alternatives`, none of which is null or a union
  };
  Kind kind = Kind::kAny;
  bool nullable = false;  ///< null is possible too; false for kAny and kNull

  std::vector<PropertyType> properties;  ///< kObject, in the order of the schema
  const SchemaType* additional =
      nullptr;                        ///< kObject: type of every other member; nullptr when there are none
  const SchemaType* items = nullptr;  ///< kArray: type of every item (never nullptr for kArray)
  std::vector<const SchemaType*> alternatives;  ///< kUnion
  std::vector<Value> enum_values;  ///< when not empty, the only values possible (null among them if nullable)
  std::string format;              ///< of a string: "date-time", "email", ...
  std::string title;
  std::string description;

  /// nullptr when the type names no such property.
  const PropertyType* find_property(std::string_view name) const;
};

/// "object", "array", "integer", ..., "any", "union".
std::string_view type_kind_name(SchemaType::Kind kind);

}  // namespace switchyard::schema
