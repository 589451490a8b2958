#include "helpers.h"

namespace switchyard::schema {
namespace {

using testing::json;
using testing::schema;
using K = SchemaType::Kind;

/// The type as short text; `levels` deep, because types may be cyclic.
std::string show(const SchemaType& type, int levels = 4) {
  if (levels == 0) return "...";
  std::string text(type_kind_name(type.kind));
  if (type.kind == K::kObject) {
    text = "{";
    for (const PropertyType& property : type.properties) {
      text +=
          property.name + (property.always_present ? "" : "?") + ":" + show(*property.type, levels - 1) + " ";
    }
    text += type.additional == nullptr ? "closed" : "*:" + show(*type.additional, levels - 1);
    text += "}";
  }
  if (type.kind == K::kArray) text = "[" + show(*type.items, levels - 1) + "]";
  if (type.kind == K::kUnion) {
    text = "(";
    for (const SchemaType* alternative : type.alternatives)
      text += (text.size() > 1 ? "|" : "") + show(*alternative, levels - 1);
    text += ")";
  }
  if (!type.enum_values.empty()) {
    text += "=";
    for (const Value& value : type.enum_values) text += to_json(value);
  }
  if (!type.format.empty()) text += "~" + type.format;
  return text + (type.nullable ? "!" : "");
}

std::string type_of(std::string_view text) { return show(schema(text)->type()); }

TEST(SchemaTypes, FollowTheStructureOfTheSchema) {
  EXPECT_EQ(type_of("{}"), "any");
  EXPECT_EQ(type_of("false"), "never");
  EXPECT_EQ(type_of(R"({"type": "null"})"), "null");
  EXPECT_EQ(type_of(R"({"type": "number"})"), "number");
  EXPECT_EQ(type_of(R"({"type": ["integer", "number"]})"), "number");
  EXPECT_EQ(type_of(R"({"type": ["string", "null"], "format": "date-time"})"), "string~date-time!");
  EXPECT_EQ(type_of(R"({"type": ["string", "integer", "null"]})"), "(integer|string)!");
  EXPECT_EQ(type_of(R"({"type": "array", "items": {"type": "integer"}})"), "[integer]");
  EXPECT_EQ(type_of(R"({"type": "array"})"), "[any]");
  EXPECT_EQ(type_of(R"({"type": "array", "prefixItems": [{"type": "integer"}]})"), "[any]");
  EXPECT_EQ(
      type_of(
          R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"default": 1}, "c": {"type": "string"}},
                        "required": ["a", "z"], "additionalProperties": false})"),
      "{a:integer b:any c?:string z:never closed}");
  EXPECT_EQ(type_of(R"({"type": "object", "additionalProperties": {"type": "number"}})"), "{*:number}");
  EXPECT_EQ(
      type_of(
          R"({"type": "object", "patternProperties": {"a": {"type": "number"}}, "additionalProperties": false})"),
      "{*:any}");
}

TEST(SchemaTypes, PromiseNothingWhereTheTypeIsNotGiven) {
  EXPECT_EQ(type_of(R"({"properties": {"a": {"type": "integer"}}})"), "any");
  EXPECT_EQ(type_of(R"({"minimum": 3})"), "any");
}

TEST(SchemaTypes, ListTheValuesOfEnums) {
  EXPECT_EQ(type_of(R"({"enum": ["a", "b"]})"), "string=\"a\"\"b\"");
  EXPECT_EQ(type_of(R"({"enum": [1, 2]})"), "integer=12");
  EXPECT_EQ(type_of(R"({"enum": [1, 2.5]})"), "number=12.5");
  EXPECT_EQ(type_of(R"({"type": "number", "enum": [1]})"), "number=1");
  EXPECT_EQ(type_of(R"({"enum": ["a", null]})"), "string=\"a\"null!");
  EXPECT_EQ(type_of(R"({"const": true})"), "boolean=true");
}

TEST(SchemaTypes, CombineAllOfAndReferences) {
  EXPECT_EQ(type_of(R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}})"), "string");
  EXPECT_EQ(
      type_of(R"({"allOf": [{"type": "object", "properties": {"a": {"type": "number"}}, "required": ["b"]},
                                  {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}]})"),
      "{a?:integer b:string *:any}");
  EXPECT_EQ(type_of(R"({"allOf": [{"type": "integer"}, {"type": "number"}]})"), "integer");
  EXPECT_EQ(type_of(R"({"allOf": [{"type": "integer"}, {"type": "string"}]})"), "never");
  EXPECT_EQ(
      type_of(
          R"({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false},
                                  {"properties": {"b": {"type": "string"}}}]})"),
      "{a?:string b?:never closed}");
}

TEST(SchemaTypes, JoinAlternativesWhereNothingIsLost) {
  EXPECT_EQ(type_of(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})"), "string!");
  EXPECT_EQ(type_of(R"({"oneOf": [{"const": "a"}, {"const": "b"}]})"), "string=\"a\"\"b\"");
  EXPECT_EQ(type_of(R"({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                        "anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]})"),
            "{a:string b?:string *:any}");
  EXPECT_EQ(type_of(R"({"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}}},
                                  {"type": "object", "properties": {"k": {"const": "b"}}}]})"),
            "({k?:string=\"a\" *:any}|{k?:string=\"b\" *:any})");
}

TEST(SchemaTypes, MayBeCyclic) {
  const SchemaPtr compiled =
      schema(R"({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})");
  const SchemaType* type = &compiled->type();
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(type->find_property("next"), nullptr);
    type = type->find_property("next")->type;
    ASSERT_EQ(type->kind, K::kObject);
    ASSERT_TRUE(type->nullable);
  }
  EXPECT_EQ(type->find_property("none"), nullptr);
}

TEST(SchemaTypes, CarryTitlesAndDescriptions) {
  const SchemaPtr compiled =
      schema(R"({"type": "object", "properties": {"a": {"$ref": "#/$defs/t", "description": "own"}},
      "$defs": {"t": {"type": "string", "title": "T", "description": "theirs"}}})");
  const SchemaType& a = *compiled->type().find_property("a")->type;
  EXPECT_EQ(a.title, "T");
  EXPECT_EQ(a.description, "own");
}

}  // namespace
}  // namespace switchyard::schema
