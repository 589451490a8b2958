#include "helpers.h"

namespace switchyard::schema {
namespace {

using testing::json;
using testing::normalized;
using testing::schema;

TEST(SchemaNormalize, MakesNumbersOfTheKindOfTheirSlot) {
  const SchemaPtr compiled = schema(R"({"type": "object", "properties": {
      "n": {"type": "number"}, "i": {"type": "integer"}, "free": {}, "both": {"type": ["integer", "number", "null"]},
      "list": {"type": "array", "items": {"type": "number"}}, "choice": {"enum": [1, 2, "x"]}},
    "additionalProperties": {"type": "integer"}})");
  EXPECT_EQ(
      normalized(compiled,
                 R"({"n": 5, "i": 5.0, "free": 5, "both": 5, "list": [1, 2.5], "choice": 2.0, "more": 7.0})"),
      R"({"n":5.0,"i":5,"free":5,"both":5.0,"list":[1.0,2.5],"choice":2,"more":7})");
  EXPECT_EQ(normalized(compiled, R"({"n": 18446744073709551615, "both": null})"),
            R"({"n":1.8446744073709552e+19,"both":null})");
}

TEST(SchemaNormalize, GivesTheSameValueWithoutCopyingWhenNothingChanges) {
  const SchemaPtr compiled =
      schema(R"({"type": "object", "properties": {"n": {"type": "number"}, "i": {"type": "integer"},
      "d": {"default": 1}, "l": {"type": "array", "items": {"type": "integer"}}}})");
  const Document value = json(R"({"n": 5.0, "i": 5, "d": 3, "l": [1, 2]})");
  Arena arena;
  const auto result = compiled->normalize(*value, arena);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(is_same(*result, *value));
  EXPECT_EQ(arena.reserved_bytes(), 0u);
}

TEST(SchemaNormalize, SharesWhatDidNotChange) {
  const SchemaPtr compiled = schema(R"({"type": "object", "properties": {"n": {"type": "number"}}})");
  const Document value = json(R"({"big": {"a": [1, 2, 3]}, "n": 1})");
  Arena arena;
  const auto result = compiled->normalize(*value, arena);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(is_same(*result->find("big"), *value->find("big")));
  EXPECT_TRUE(identical(*value, *json(R"({"big": {"a": [1, 2, 3]}, "n": 1})")))
      << "the input must not change";
}

TEST(SchemaNormalize, FillsInDefaultsOfAbsentPropertiesAtEveryLevel) {
  const SchemaPtr compiled = schema(R"({"type": "object", "properties": {
      "a": {"type": "number", "default": 1},
      "b": {"type": "object", "default": {}, "properties": {"c": {"type": "string", "default": "x"}}},
      "d": {"$ref": "#/$defs/d"}, "e": {"type": "null"}, "list": {"type": "array", "items": {"$ref": "#/properties/b"}}},
    "$defs": {"d": {"type": "array", "default": [1, {"k": null}]}}})");
  EXPECT_EQ(normalized(compiled, "{}"), R"({"a":1.0,"b":{"c":"x"},"d":[1,{"k":null}]})");
  EXPECT_EQ(normalized(compiled, R"({"d": [], "b": {"c": "y", "z": 1}, "list": [{}]})"),
            R"({"d":[],"b":{"c":"y","z":1},"list":[{"c":"x"}],"a":1.0})");
}

TEST(SchemaNormalize, GivesAResultThatOutlivesTheSchema) {
  Arena arena;
  Value result;
  {
    const SchemaPtr compiled =
        schema(R"({"type": "object", "properties": {"long name of a property": {"default": "some text"}}})");
    result = *compiled->normalize(*json("{}"), arena);
  }
  EXPECT_EQ(to_json(result), R"({"long name of a property":"some text"})");
}

TEST(SchemaNormalize, WorksThroughCombinations) {
  const SchemaPtr compiled = schema(R"({
    "type": "object",
    "properties": {"x": {"type": "number"}},
    "allOf": [{"properties": {"y": {"type": "number"}, "x": {"type": "integer"}}}, {"$ref": "#/$defs/z"}],
    "anyOf": [{"properties": {"kind": {"const": "a"}, "v": {"type": "number"}}, "required": ["kind"]},
              {"properties": {"kind": {"const": "b"}, "v": {"type": "integer"}, "w": {"default": 9}}}],
    "$defs": {"z": {"properties": {"z": {"type": "number", "default": 3}}}}})");
  // x is an integer by one of its two schemas, so it is one.
  EXPECT_EQ(normalized(compiled, R"({"kind": "a", "x": 1.0, "y": 2, "v": 3})"),
            R"({"kind":"a","x":1,"y":2.0,"v":3.0,"z":3.0})");
  EXPECT_EQ(normalized(compiled, R"({"kind": "b", "x": 1, "v": 3.0})"),
            R"({"kind":"b","x":1,"v":3,"z":3.0,"w":9})");
  // The second form fits without a kind; a default that the first would add does not make it fit.
  EXPECT_EQ(normalized(compiled, R"({"v": 3.0})"), R"({"v":3,"z":3.0,"w":9})");
}

TEST(SchemaNormalize, RefusesADefaultThatBreaksAnotherRule) {
  const SchemaPtr compiled =
      schema(R"({"type": "object", "properties": {"a": {"default": 1}}, "maxProperties": 1})");
  EXPECT_EQ(normalized(compiled, "{}"), R"({"a":1})");
  EXPECT_NE(normalized(compiled, R"({"b": 1})")
                .find("with the defaults filled in, the value must have at most 1 member"),
            std::string::npos);
}

TEST(SchemaNormalize, LeavesConditionsOut) {
  const SchemaPtr compiled = schema(R"({"type": "object", "if": {"required": ["a"]},
      "then": {"properties": {"a": {"type": "number"}, "b": {"default": 1}}}})");
  EXPECT_EQ(normalized(compiled, R"({"a": 1})"), R"({"a":1})");
}

TEST(SchemaNormalize, FillsDefaultsIntoManyObjects) {
  const SchemaPtr compiled = schema(R"({"type": "array", "items": {"type": "object", "properties": {
      "a": {"type": "object", "default": {}, "properties": {"b": {"default": 1}}}}}})");
  std::string many = "[{}";
  for (int i = 0; i < 30000; ++i) many += ",{}";
  Arena arena;
  const Document value = json(many + "]");
  const auto result = compiled->normalize(*value, arena);
  ASSERT_TRUE(result.ok());
  for (const Value& item : result->items()) ASSERT_EQ(item.at_pointer("/a/b")->as_integer(), 1);
}

TEST(SchemaNormalize, RefusesWithTheFirstViolationAndTheNumberOfTheRest) {
  const SchemaPtr compiled = schema(
      R"({"type": "object", "properties": {"amount": {"minimum": 0, "type": "number"}}, "required": ["id"]})");
  Arena arena;
  const auto result = compiled->normalize(*json(R"({"amount": -3})"), arena);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(result.error().code, "schema.violation");
  EXPECT_EQ(result.error().message, "amount must be at least 0, got -3 (and 1 more)");
  EXPECT_EQ(result.error().field, "/amount");
}

}  // namespace
}  // namespace switchyard::schema
