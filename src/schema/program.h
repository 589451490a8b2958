#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats.h"
#include "switchyard/schema/schema_type.h"
#include "switchyard/types/value.h"

namespace switchyard::schema {

/// The place of a compiled subschema in its program. Subschemas refer to each other by place, so a schema may
/// refer to itself.
using NodeIndex = uint32_t;
inline constexpr NodeIndex kNoNode = std::numeric_limits<NodeIndex>::max();

/// Sets of JSON types. A number without a fraction that fits int64 is of both kIntegerBit and kNumberBit; the
/// type "number" allows both, "integer" only kIntegerBit, so that sets intersect as the types do.
inline constexpr uint8_t kNullBit = 1;
inline constexpr uint8_t kBooleanBit = 2;
inline constexpr uint8_t kIntegerBit = 4;
inline constexpr uint8_t kNumberBit = 8;
inline constexpr uint8_t kStringBit = 16;
inline constexpr uint8_t kArrayBit = 32;
inline constexpr uint8_t kObjectBit = 64;
inline constexpr uint8_t kAllTypes = 127;

/// The types a value is of; 0 for CEL-only kinds.
uint8_t types_of(const Value& value);
/// "a string", "an integer or null".
std::string describe_types(uint8_t types);

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

struct NumberRules {
  // Null where absent.
  Value minimum;
  Value maximum;
  Value exclusive_minimum;
  Value exclusive_maximum;
  Value multiple_of;
};

struct Pattern {
  std::string text;
  std::unique_ptr<re2::RE2> regex;
  bool matches(std::string_view input) const {
    return re2::RE2::PartialMatch(re2::StringPiece(input.data(), input.size()), *regex);
  }
};

struct StringRules {
  uint64_t min_length = 0;
  uint64_t max_length = kUnlimited;
  std::unique_ptr<Pattern> pattern;
  const Format* format = nullptr;
};

struct ArrayRules {
  std::vector<NodeIndex> prefix;
  NodeIndex items = kNoNode;
  NodeIndex contains = kNoNode;
  uint64_t min_items = 0;
  uint64_t max_items = kUnlimited;
  bool unique = false;
};

struct Property {
  std::string_view name;
  NodeIndex node = kNoNode;
  bool required = false;
  bool has_default = false;
  Value default_value;
};

struct PatternProperty {
  Pattern pattern;
  NodeIndex node = kNoNode;
};

struct DependentRequired {
  std::string_view name;
  std::vector<std::string_view> needs;
};

struct ObjectRules {
  std::vector<Property> properties;
  Value lookup;                                      ///< name → place in `properties`
  std::vector<uint64_t> must_look;                   ///< bit per property: required or with a default
  std::vector<std::string_view> required_elsewhere;  ///< required names that `properties` does not have
  std::vector<PatternProperty> patterns;
  NodeIndex additional = kNoNode;
  NodeIndex names = kNoNode;
  uint64_t min_properties = 0;
  uint64_t max_properties = kUnlimited;
  std::vector<DependentRequired> dependent;

  /// The place of `name` in `properties`, or -1. `guess` is tried first: members mostly come in the schema's
  /// order.
  int64_t find(std::string_view name, size_t guess) const {
    if (guess < properties.size() && properties[guess].name == name) return static_cast<int64_t>(guess);
    const Value* place = lookup.find(name);
    return place == nullptr ? -1 : place->as_integer();
  }
};

/// Keywords that apply other schemas to the same value.
struct Combinators {
  NodeIndex ref = kNoNode;
  std::vector<NodeIndex> all_of;
  std::vector<NodeIndex> any_of;
  std::vector<NodeIndex> one_of;
  NodeIndex negated = kNoNode;
  NodeIndex condition = kNoNode;
  NodeIndex then = kNoNode;
  NodeIndex otherwise = kNoNode;
};

/// A compiled subschema. Groups of rules are null when the document has none of their keywords.
struct Node {
  Value source;
  std::string pointer;      ///< where it stands in the document
  bool never = false;       ///< the schema `false`
  bool typed = false;       ///< `type`, `enum` or `const` is given
  bool normalizes = false;  ///< a value may have to be changed here or below
  uint8_t types = kAllTypes;
  bool has_enum = false;
  bool is_const = false;
  std::vector<Value> enum_values;
  Value enum_lookup;  ///< a map of the values when they are many and all strings, else null
  std::unique_ptr<NumberRules> numbers;
  std::unique_ptr<StringRules> strings;
  std::unique_ptr<ArrayRules> arrays;
  std::unique_ptr<ObjectRules> objects;
  std::unique_ptr<Combinators> combinators;
  std::string title;
  std::string description;
  bool has_default = false;
  Value default_value;
};

/// What Schema::compile makes of a document. Immutable afterwards.
struct Program {
  Document document;
  Arena arena;             ///< lookups and names
  std::deque<Node> nodes;  ///< a deque: compiling one subschema adds others while it is being filled
  NodeIndex root = 0;
  bool has_combinators = false;
  /// A default, filled in, may break a rule about its object, or choose another form.
  bool defaults_may_conflict = false;
  std::deque<SchemaType> types;
  const SchemaType* root_type = nullptr;
};

/// The subschema that says everything `node` says, past subschemas that are nothing but a `$ref`.
NodeIndex follow_references(const Program& program, NodeIndex node);

/// Fills `program.types` from its nodes.
void derive_types(Program& program);

}  // namespace switchyard::schema
