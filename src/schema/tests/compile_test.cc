#include <algorithm>

#include "helpers.h"
#include "switchyard/schema/limits.h"

namespace switchyard::schema {
namespace {

using testing::json;
using testing::schema;

/// "path code" of each error, sorted.
std::vector<std::string> errors(std::string_view text) {
  std::vector<std::string> found;
  for (const Diagnostic& diagnostic : Schema::compile(*json(text)).diagnostics) {
    EXPECT_FALSE(diagnostic.message.empty());
    EXPECT_FALSE(diagnostic.mend.empty()) << diagnostic.message;
    if (diagnostic.severity == Diagnostic::Severity::kError)
      found.push_back(diagnostic.path + " " + diagnostic.code);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> warnings(std::string_view text) {
  std::vector<std::string> found;
  const Compiled compiled = Schema::compile(*json(text));
  EXPECT_NE(compiled.schema, nullptr);
  for (const Diagnostic& diagnostic : compiled.diagnostics)
    found.push_back(diagnostic.path + " " + diagnostic.code);
  return found;
}

std::string mend_of(std::string_view text) {
  const Compiled compiled = Schema::compile(*json(text));
  return compiled.diagnostics.empty() ? "" : compiled.diagnostics[0].mend;
}

using Strings = std::vector<std::string>;

TEST(SchemaCompile, ReportsAllMistakesOfADocumentAtOnceWithTheirPlaces) {
  EXPECT_EQ(
      errors(R"({
    "type": "objekt",
    "properties": {
      "a": {"type": "string", "minLenght": 3, "maxLength": -1},
      "b": {"$ref": "#/$defs/nothing"},
      "c/d": {"type": "string", "pattern": "(", "format": "zip"},
      "e": 7
    },
    "required": "a",
    "allOf": [],
    "$defs": {"x": {"enum": []}}
  })"),
      (Strings{"/$defs/x/enum schema.bad_argument", "/allOf schema.bad_argument",
               "/properties/a/maxLength schema.bad_argument",
               "/properties/a/minLenght schema.unknown_keyword", "/properties/b/$ref schema.bad_reference",
               "/properties/c~1d/format schema.unknown_format", "/properties/c~1d/pattern schema.bad_pattern",
               "/properties/e schema.not_a_schema", "/required schema.bad_argument",
               "/type schema.unknown_type"}));
}

TEST(SchemaCompile, NamesTheNearestKeywordAndTheMend) {
  EXPECT_EQ(mend_of(R"({"minimun": 1})"), "did you mean \"minimum\"?");
  EXPECT_EQ(mend_of(R"({"additionalproperties": false})"), "did you mean \"additionalProperties\"?");
  EXPECT_EQ(mend_of(R"({"type": "strnig"})"), "did you mean \"string\"?");
  EXPECT_EQ(mend_of(R"({"type": "float"})"), "did you mean \"number\"?");
  EXPECT_EQ(mend_of(R"({"definitions": {}})"), "write $defs");
  EXPECT_EQ(errors(R"({"unevaluatedProperties": false})"),
            Strings{"/unevaluatedProperties schema.unsupported_keyword"});
  EXPECT_EQ(errors(R"({"zzzzzz": false})"), Strings{"/zzzzzz schema.unknown_keyword"});
}

TEST(SchemaCompile, KeepsAnnotationsOfOnesOwn) {
  const SchemaPtr compiled =
      schema(R"({"x-ui": {"order": 3}, "type": "string", "$comment": "c", "examples": ["a"]})");
  EXPECT_EQ(compiled->document().at_pointer("/x-ui/order")->as_integer(), 3);
}

TEST(SchemaCompile, RefusesArgumentsOfTheWrongKind) {
  for (const char* text : {R"({"minimum": "1"})",
                           R"({"multipleOf": 0})",
                           R"({"multipleOf": -1})",
                           R"({"minItems": 1.5})",
                           R"({"uniqueItems": 1})",
                           R"({"properties": []})",
                           R"({"patternProperties": 1})",
                           R"({"required": [1]})",
                           R"({"dependentRequired": {"a": "b"}})",
                           R"({"anyOf": {}})",
                           R"({"not": 1})",
                           R"({"title": 1})",
                           R"({"$ref": 1})",
                           R"({"$ref": "other.json"})",
                           R"({"$ref": "#name"})",
                           R"({"$defs": []})",
                           R"({"prefixItems": []})",
                           R"({"type": []})",
                           R"({"enum": 1})",
                           R"([])",
                           R"("string")",
                           R"(null)",
                           R"({"patternProperties": {"[": {}}})"}) {
    EXPECT_EQ(errors(text).size(), 1u) << text;
    EXPECT_FALSE(Schema::compile_or_error(*json(text)).ok()) << text;
  }
  EXPECT_TRUE(errors(R"({"minItems": 2.0, "maxLength": 0})").empty());
}

TEST(SchemaCompile, RefusesReferencesThatNeverEnd) {
  EXPECT_EQ(errors(R"({"$ref": "#"})").size(), 1u);
  EXPECT_EQ(
      errors(R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}})").size(),
      1u);
  EXPECT_EQ(errors(R"({"anyOf": [{"type": "null"}, {"not": {"$ref": "#"}}]})").size(), 1u);
  EXPECT_TRUE(errors(R"({"type": "object", "properties": {"next": {"$ref": "#"}}})").empty());
}

TEST(SchemaCompile, ChecksDefaultsAgainstTheirOwnSchema) {
  EXPECT_EQ(errors(R"({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}})"),
            Strings{"/properties/a/default schema.bad_default"});
  EXPECT_EQ(errors(R"({"type": "object", "properties": {"a": {"$ref": "#", "default": {}}}})"),
            Strings{"/properties/a/default schema.endless_default"});
  // Two at each level would be 2^64 objects.
  EXPECT_EQ(errors(R"({"type": "object", "properties": {"a": {"$ref": "#", "default": {}},
                                                        "b": {"$ref": "#", "default": {}}}})")
                .size(),
            2u);
}

TEST(SchemaCompile, WarnsWhereARuleHasNoEffect) {
  EXPECT_EQ(warnings(R"({"properties": {"a": {}}})"), Strings{" schema.no_type"});
  EXPECT_EQ(warnings(R"({"type": "string", "minimum": 1})"), Strings{" schema.rule_without_effect"});
  EXPECT_EQ(warnings(R"({"then": {}})"), Strings{" schema.rule_without_effect"});
  EXPECT_EQ(warnings(R"({"type": "string", "enum": [1, 2]})"), Strings{" schema.accepts_nothing"});
  EXPECT_EQ(warnings(R"({"type": "object", "properties": {"a": {"default": 1}}, "required": ["a"]})"),
            Strings{"/properties/a schema.rule_without_effect"});
  EXPECT_TRUE(warnings(R"({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})").empty());
}

TEST(SchemaCompile, HoldsItsLimits) {
  std::string deep = "{}";
  for (uint32_t i = 0; i <= kMaxSchemaDepth; ++i) deep = R"({"not":)" + deep + "}";
  auto document = parse_json_document(deep, {.max_depth = 200});
  ASSERT_TRUE(document.ok());
  const Compiled compiled = Schema::compile(**document);
  EXPECT_EQ(compiled.schema, nullptr);
  ASSERT_FALSE(compiled.diagnostics.empty());
  EXPECT_EQ(compiled.diagnostics[0].code, "schema.too_large");
}

TEST(SchemaCompile, TakesLittleTimeForSchemasThatReferToMuchTwice) {
  // 2^30 paths through 30 subschemas.
  std::string definitions = R"("d0": {"type": "object", "properties": {"a": {"type": "string"}}})";
  for (int i = 1; i < 30; ++i) {
    const std::string below = R"({"$ref": "#/$defs/d)" + std::to_string(i - 1) + "\"}";
    definitions += ", \"d" + std::to_string(i) + R"(": {"allOf": [)" + below + ", " + below + "]}";
  }
  const std::string text = R"({"$ref": "#/$defs/d14", "$defs": {)" + definitions + "}}";
  const Compiled compiled = Schema::compile(*json(text));
  ASSERT_FALSE(compiled.diagnostics.empty());
  EXPECT_EQ(compiled.diagnostics[0].code, "schema.endless_reference")
      << "the chain of d29 is longer than the limit";
  const SchemaPtr fine = schema(R"({"$ref": "#/$defs/d14", "$defs": {)" +
                                definitions.substr(0, definitions.find(", \"d15\"")) + "}}");
  EXPECT_EQ(fine->type().kind, SchemaType::Kind::kObject);
  EXPECT_TRUE(fine->accepts(*json(R"({"a": "x"})")));
}

TEST(SchemaCompile, GivesOneErrorToThoseWhoWantOne) {
  const auto result = Schema::compile_or_error(*json(R"({"minimun": 1, "maximun": 2})"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, "schema.invalid");
  EXPECT_EQ(result.error().field, "/minimun");
  EXPECT_NE(result.error().message.find("(and 1 more)"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace switchyard::schema
