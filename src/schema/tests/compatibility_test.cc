#include "switchyard/schema/compatibility.h"

#include "helpers.h"

namespace switchyard::schema {
namespace {

using testing::schema;
using Answer = Compatibility::Answer;

struct Case {
  const char* from;
  const char* to;
  Answer answer;
  const char* pointer = "";
};

const Case kCases[] = {
    {R"({"type": "string"})", R"({"type": "string"})", Answer::kYes},
    {R"({"type": "string"})", R"({"type": ["string", "null"]})", Answer::kYes},
    {R"({"type": ["string", "null"]})", R"({"type": "string"})", Answer::kNo},
    {R"({"type": "integer"})", R"({"type": "number"})", Answer::kYes},
    {R"({"type": "number"})", R"({"type": "integer"})", Answer::kNo},
    {R"({"type": "string"})", "{}", Answer::kYes},
    {"{}", R"({"type": "string"})", Answer::kNo},
    {"false", R"({"type": "string"})", Answer::kYes},
    {R"({"type": "string"})", "false", Answer::kNo},
    {R"({"enum": ["a", "b"]})", R"({"enum": ["a", "b", "c"]})", Answer::kYes},
    {R"({"enum": ["a", "b"]})", R"({"enum": ["a"]})", Answer::kNo},
    {R"({"enum": ["a", "b"]})", R"({"type": "string", "maxLength": 1})", Answer::kYes},
    {R"({"type": "string"})", R"({"enum": ["a"]})", Answer::kNo},
    {R"({"type": "number", "minimum": 1})", R"({"type": "number", "minimum": 0})", Answer::kYes},
    {R"({"type": "number", "minimum": 0})", R"({"type": "number", "minimum": 1})", Answer::kNo},
    {R"({"type": "number", "minimum": 1})", R"({"type": "number", "exclusiveMinimum": 0})", Answer::kYes},
    {R"({"type": "number", "minimum": 0})", R"({"type": "number", "exclusiveMinimum": 0})", Answer::kNo},
    {R"({"type": "number", "exclusiveMaximum": 5})", R"({"type": "number", "maximum": 5})", Answer::kYes},
    {R"({"type": "integer", "minimum": 0.5})", R"({"type": "integer", "minimum": 1})", Answer::kUndecided},
    {R"({"type": "integer", "minimum": 0})", R"({"type": "integer", "minimum": 1})", Answer::kNo},
    {R"({"type": "integer"})", R"({"type": "number", "multipleOf": 1})", Answer::kYes},
    {R"({"type": "integer"})", R"({"type": "number", "multipleOf": 2})", Answer::kUndecided},
    {R"({"type": "string", "minLength": 2})", R"({"type": "string", "minLength": 1})", Answer::kYes},
    {R"({"type": "string"})", R"({"type": "string", "maxLength": 5})", Answer::kNo},
    {R"({"type": "string", "pattern": "^a$"})", R"({"type": "string", "maxLength": 5})", Answer::kUndecided},
    {R"({"type": "string"})", R"({"type": "string", "pattern": "a"})", Answer::kUndecided},
    {R"({"type": "string"})", R"({"type": "string", "format": "email"})", Answer::kNo},
    {R"({"type": "string", "format": "email"})", R"({"type": "string"})", Answer::kYes},
    {R"({"type": "array", "items": {"type": "integer"}})",
     R"({"type": "array", "items": {"type": "number"}})", Answer::kYes},
    {R"({"type": "array", "items": {"type": "number"}})",
     R"({"type": "array", "items": {"type": "integer"}})", Answer::kNo, "/items"},
    {R"({"type": "array", "maxItems": 3})", R"({"type": "array", "maxItems": 4})", Answer::kYes},
    {R"({"type": "array"})", R"({"type": "array", "minItems": 1})", Answer::kNo},
    {R"({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})",
     R"({"type": "object", "properties": {"a": {"type": "number"}}})", Answer::kYes},
    {R"({"type": "object", "properties": {"a": {"type": "integer"}}})",
     R"({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})", Answer::kNo},
    {R"({"type": "object", "properties": {"a": {"type": "integer"}}})",
     R"({"type": "object", "properties": {"a": {"type": "string"}}})", Answer::kNo, "/properties/a"},
    {R"({"type": "object"})", R"({"type": "object", "properties": {"a": {"type": "string"}}})", Answer::kNo,
     "/properties/a"},
    {R"({"type": "object", "additionalProperties": false})",
     R"({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false})",
     Answer::kYes},
    {R"({"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": false})",
     R"({"type": "object", "properties": {"a": {}}, "additionalProperties": false})", Answer::kNo},
    {R"({"type": "object", "properties": {"a": {}}})",
     R"({"type": "object", "properties": {"a": {}}, "additionalProperties": false})", Answer::kNo,
     "/additionalProperties"},
    {R"({"type": "object", "required": ["a", "b"]})", R"({"type": "object", "minProperties": 2})",
     Answer::kYes},
    {R"({"type": "object", "required": ["a", "b"]})",
     R"({"type": "object", "minProperties": 2, "additionalProperties": {"type": "string"}})", Answer::kNo,
     "/additionalProperties"},
    {R"({"type": "string"})", R"({"anyOf": [{"type": "integer"}, {"type": "string"}]})", Answer::kYes},
    {R"({"anyOf": [{"type": "integer"}, {"type": "string"}]})", R"({"type": ["integer", "string", "null"]})",
     Answer::kYes},
    {R"({"anyOf": [{"type": "integer"}, {"type": "string"}]})", R"({"type": "string"})", Answer::kNo},
    {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", R"({"type": "string"})", Answer::kUndecided},
    {R"({"type": "string", "not": {"const": "a"}})", R"({"type": "string"})", Answer::kYes},
    {R"({"type": "string"})", R"({"type": "string", "not": {"const": "a"}})", Answer::kUndecided},
    {R"({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}})", R"({"type": "number"})", Answer::kYes},
    {R"({"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}})",
     R"({"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "number"}}})", Answer::kYes},
    {R"({"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "number"}}})",
     R"({"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}})", Answer::kNo,
     "/properties/v"},
};

TEST(SchemaCompatibility, DecidesWhatItCanAndSaysWhy) {
  for (const Case& c : kCases) {
    const Compatibility result = check_compatible(*schema(c.from), *schema(c.to));
    EXPECT_EQ(result.answer, c.answer) << c.from << "\n" << c.to << "\n" << result.reason;
    EXPECT_EQ(result.pointer, c.pointer) << c.from << "\n" << c.to;
    EXPECT_EQ(result.reason.empty(), result.answer == Answer::kYes) << c.from << "\n" << c.to;
  }
}

TEST(SchemaCompatibility, TakesTheSideOfWhomMustNotBreak) {
  const SchemaPtr narrow = schema(R"({"type": "integer"})");
  const SchemaPtr wide = schema(R"({"type": "number"})");
  EXPECT_EQ(check_compatible(*narrow, *wide, Direction::kNewReadsOld).answer, Answer::kYes);
  EXPECT_EQ(check_compatible(*narrow, *wide, Direction::kOldReadsNew).answer, Answer::kNo);
  EXPECT_EQ(check_compatible(*narrow, *wide, Direction::kBoth).answer, Answer::kNo);
  EXPECT_EQ(check_compatible(*narrow, *narrow, Direction::kBoth).answer, Answer::kYes);
}

}  // namespace
}  // namespace switchyard::schema
