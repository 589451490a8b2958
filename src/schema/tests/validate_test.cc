#include "helpers.h"
#include "switchyard/schema/limits.h"

namespace switchyard::schema {
namespace {

using testing::accepts;
using testing::json;
using testing::message;
using testing::schema;
using testing::violations;

struct Case {
  const char* schema;
  const char* accepted;  ///< a list of values
  const char* refused;
};

// One row per keyword; every value of the lists is tried.
const Case kCases[] = {
    {"true", "[null, 1, {}]", "[]"},
    {"false", "[]", "[null, 1, {}]"},
    {"{}", "[null, 1, {}]", "[]"},
    {R"({"type": "null"})", "[null]", R"([0, "", false])"},
    {R"({"type": "boolean"})", "[true, false]", R"([0, "true", null])"},
    {R"({"type": "integer"})", "[0, -5, 5.0, 1e15, -9223372036854775808]",
     R"([0.5, "1", 1e300, 18446744073709551615, 9223372036854775808.0])"},
    {R"({"type": "number"})", "[0, -5, 5.5, 1e300, 18446744073709551615]", R"(["1", null, []])"},
    {R"({"type": "string"})", R"(["", "a"])", "[1, null, []]"},
    {R"({"type": "array"})", "[[], [1]]", "[{}, 1]"},
    {R"({"type": "object"})", R"([{}, {"a": 1}])", "[[], 1]"},
    {R"({"type": ["string", "null"]})", R"(["", null])", "[1, {}]"},
    {R"({"type": ["integer", "number"]})", "[1, 1.5]", R"(["1"])"},
    {R"({"enum": [1, "a", null, {"x": [1]}]})", R"([1, 1.0, "a", null, {"x": [1.0]}])",
     R"([2, "b", false, {"x": [2]}])"},
    {R"({"enum": ["a","b","c","d","e","f","g","h","i"]})", R"(["a", "i"])", R"(["j", 1, null])"},
    {R"({"const": 5})", "[5, 5.0]", R"([6, "5"])"},
    {R"({"const": 5, "enum": [5, 6]})", "[5]", "[6]"},
    {R"({"enum": [5, 6], "const": 5})", "[5]", "[6]"},
    {R"({"enum": [6], "const": 5})", "[]", "[5, 6]"},
    {R"({"minimum": 3})", R"([3, 3.0, 4, "x"])", "[2, 2.999]"},
    {R"({"maximum": 3})", "[3, -1]", "[4, 3.0001]"},
    {R"({"exclusiveMinimum": 3})", "[4, 3.0001]", "[3, 3.0, 2]"},
    {R"({"exclusiveMaximum": 3})", "[2]", "[3, 4]"},
    {R"({"minimum": 9007199254740993})", "[9007199254740993]", "[9007199254740992, 9007199254740992.0]"},
    {R"({"maximum": 18446744073709551615})", "[18446744073709551615, 1.0]", "[1e20]"},
    {R"({"multipleOf": 3})", "[0, 9, -3, 9.0, 18446744073709551615]", "[1, 9.5, 18446744073709551614]"},
    {R"({"multipleOf": 0.01})", "[19.99, 0.07, 4.35, 1.1, 0, 1000000.01]", "[19.999, 0.005]"},
    {R"({"multipleOf": 18446744073709551615})", "[18446744073709551615, 0]", "[1]"},
    {R"({"minLength": 2})", R"(["ab", "éé", "😀😀", 1])", R"(["a", "é", "😀"])"},
    {R"({"maxLength": 2})", R"(["ab", "éé", "😀😀", ""])", R"(["abc", "ééé"])"},
    {R"({"pattern": "b+c"})", R"(["abc", "bbc", 1])", R"(["ac", ""])"},
    {R"({"pattern": "^b$"})", R"(["b"])", R"(["ab"])"},
    {R"({"items": {"type": "integer"}})", R"([[], [1, 2], {}])", R"([[1, "x"]])"},
    {R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false})",
     R"([[], [1], [1, "a"]])", R"([["a"], [1, "a", 1]])"},
    {R"({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}})", R"([[1, "a", "b"]])",
     R"([[1, 1]])"},
    {R"({"contains": {"const": 1}})", "[[1], [2, 1]]", "[[], [2]]"},
    {R"({"minItems": 1, "maxItems": 2})", "[[1], [1, 2]]", "[[], [1, 2, 3]]"},
    {R"({"uniqueItems": true})", R"([[], [1, 2], [1, "1"], [[1], [2]], [0, false]])",
     R"([[1, 1], [1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]])"},
    {R"({"uniqueItems": false})", "[[1, 1]]", "[]"},
    {R"({"properties": {"a": {"type": "integer"}}})", R"([{}, {"a": 1}, {"b": "x"}, 5])", R"([{"a": "x"}])"},
    {R"({"properties": {"a": false}})", R"([{}])", R"([{"a": null}])"},
    {R"({"required": ["a", "b"]})", R"([{"a": null, "b": 1}, 5])", R"([{}, {"a": 1}])"},
    {R"({"properties": {"a": {}}, "additionalProperties": false})", R"([{}, {"a": 1}])", R"([{"b": 1}])"},
    {R"({"properties": {"a": {}}, "additionalProperties": {"type": "string"}})", R"([{"a": 1, "b": "x"}])",
     R"([{"b": 1}])"},
    {R"({"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": false})",
     R"([{"n_a": 1}, {}])", R"([{"n_a": "x"}, {"m": 1}])"},
    {R"({"properties": {"ab": {"minimum": 1}}, "patternProperties": {"^a": {"maximum": 5}, "b$": {"multipleOf": 2}}})",
     R"([{"ab": 2}, {"ab": 4}])", R"([{"ab": 0}, {"ab": 6}, {"ab": 3}])"},
    {R"({"propertyNames": {"maxLength": 2}})", R"([{"ab": 1}, {}])", R"([{"abc": 1}])"},
    {R"({"minProperties": 1, "maxProperties": 2})", R"([{"a": 1}])", R"([{}, {"a": 1, "b": 1, "c": 1}])"},
    {R"({"dependentRequired": {"card": ["zip", "city"]}})",
     R"([{}, {"zip": 1}, {"card": 1, "zip": 1, "city": 1}])", R"([{"card": 1}, {"card": 1, "zip": 1}])"},
    {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "[1, 3]", "[0, 4]"},
    {R"({"anyOf": [{"type": "string"}, {"minimum": 3}]})", R"(["a", 3])", "[2]"},
    {R"({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]})", "[2, 3]", "[6, 1]"},
    {R"({"not": {"type": "string"}})", "[1]", R"(["a"])"},
    {R"({"if": {"minimum": 10}, "then": {"multipleOf": 10}, "else": {"maximum": 5}})", "[20, 5]", "[15, 7]"},
    {R"({"if": {"minimum": 10}, "then": {"multipleOf": 10}})", "[20, 5, 7]", "[15]"},
    {R"({"$ref": "#/$defs/p", "$defs": {"p": {"minimum": 0}}, "maximum": 5})", "[0, 5]", "[-1, 6]"},
    {R"({"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"minimum": 0}}})", "[0]", "[-1]"},
    {R"({"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["v"]})",
     R"([{"v": 1}, {"v": 1, "next": {"v": 2, "next": {"v": 3}}}])",
     R"([{"v": 1, "next": {"v": 2, "next": {}}}])"},
};

TEST(SchemaValidate, FollowsTheMeaningOfEveryKeyword) {
  for (const Case& c : kCases) {
    const Document accepted = json(c.accepted);
    for (const Value& value : accepted->items())
      EXPECT_TRUE(accepts(c.schema, to_json(value))) << c.schema << " " << to_json(value);
    const Document refused = json(c.refused);
    for (const Value& value : refused->items())
      EXPECT_FALSE(accepts(c.schema, to_json(value))) << c.schema << " " << to_json(value);
  }
}

const Case kFormats[] = {
    {"date-time", R"(["2025-01-31T23:59:59Z", "2025-01-31T23:59:59.123+02:00"])",
     R"(["2025-01-31", "2025-02-30T00:00:00Z"])"},
    {"date", R"(["2024-02-29"])", R"(["2023-02-29", "2024-2-29", "2024-02-29Z", ""])"},
    {"time", R"(["23:59:59Z", "08:30:00.5-05:00", "23:59:60Z"])", R"(["24:00:00Z", "12:00:00", "12:00Z"])"},
    {"duration", R"(["P1D", "PT1H", "P1Y2M3DT4H5M6S", "P4W", "PT36H"])",
     R"(["P", "PT", "1D", "P1DT", "P1H", "PT1D", "P1M1Y", "P1W1D", "PD", "P1.5D"])"},
    {"email", R"(["a@b.example", "first.last+tag@sub.example.org", "jö@exämple.org"])",
     R"(["a", "@b", "a@", ".a@b", "a..b@c", "a b@c", "a@-b", "a@b..c"])"},
    {"uuid", R"(["01912d68-783e-7a3b-8f1e-0123456789ab", "01912D68-783E-7A3B-8F1E-0123456789AB"])",
     R"(["01912d68783e7a3b8f1e0123456789ab", "01912d68-783e-7a3b-8f1e-0123456789ag", ""])"},
    {"uri", R"(["https://example.org/a?b=c#d", "urn:isbn:1", "mailto:a@b", "http://[::1]/%20"])",
     R"(["/relative", "example.org", "http://a b", "1http://x", "http://%zz", ":", "a:"])"},
    {"ipv4", R"(["0.0.0.0", "192.0.2.255"])",
     R"(["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "", "1..2.3"])"},
    {"ipv6",
     R"(["::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1::8", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7::"])",
     R"(["1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "12345::", "g::", ":::", ":", "1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::", ""])"},
};

TEST(SchemaValidate, AssertsFormats) {
  for (const Case& c : kFormats) {
    const std::string text = R"({"format": ")" + std::string(c.schema) + "\"}";
    const Document accepted = json(c.accepted);
    for (const Value& value : accepted->items())
      EXPECT_TRUE(accepts(text, to_json(value))) << text << " " << to_json(value);
    const Document refused = json(c.refused);
    for (const Value& value : refused->items())
      EXPECT_FALSE(accepts(text, to_json(value))) << text << " " << to_json(value);
    EXPECT_TRUE(accepts(text, "5")) << "formats are for texts only";
  }
}

TEST(SchemaValidate, ReportsEveryViolationWithItsPlaceAndKeyword) {
  const SchemaPtr compiled = schema(R"({
    "type": "object",
    "properties": {
      "amount": {"type": "number", "minimum": 0, "multipleOf": 0.5},
      "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 2},
      "a/b": {"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x", "y"]}
    },
    "required": ["id", "amount"],
    "additionalProperties": false
  })");
  EXPECT_EQ(
      violations(compiled, R"({"amount": -0.3, "tags": ["a", "", 5], "a/b": {"x": 1}, "extra": 1})"),
      "/amount minimum; /amount multipleOf; /tags maxItems; /tags/1 minLength; /tags/2 type; /a~1b/x type; "
      "/a~1b required; /extra additionalProperties;  required");
}

TEST(SchemaValidate, SpeaksToAPerson) {
  EXPECT_EQ(message(R"({"properties": {"amount": {"minimum": 0}}})", R"({"amount": -3})"),
            "amount must be at least 0, got -3");
  EXPECT_EQ(message(R"({"properties": {"p": {"properties": {"tags": {"items": {"type": "string"}}}}}})",
                    R"({"p": {"tags": ["a", 1]}})"),
            "p.tags[1] must be a text, got 1");
  EXPECT_EQ(message(R"({"type": ["integer", "null"]})", "1.5"),
            "the value must be an integer or null, got 1.5");
  EXPECT_EQ(message(R"({"type": "integer"})", "1e300"),
            "the value must be an integer of 64 bits, got 1e+300");
  EXPECT_EQ(message(R"({"enum": ["card", "cash"]})", R"("crad")"),
            R"(the value must be one of "card", "cash", got "crad"; did you mean "card"?)");
  EXPECT_EQ(message(R"({"properties": {"amount": {}}, "additionalProperties": false})", R"({"amuont": 1})"),
            "amuont is not a member that is known here; did you mean \"amount\"?");
  EXPECT_EQ(message(R"({"required": ["id"]})", "{}"), "id is required but missing");
  EXPECT_EQ(message(R"({"properties": {"c": {"dependentRequired": {"a": ["b"]}}}})", R"({"c": {"a": 1}})"),
            "c.b is required beside a but missing");
  EXPECT_EQ(message(R"({"maxLength": 3})", R"("abcd")"), "the value must have at most 3 characters, got 4");
  EXPECT_EQ(message(R"({"format": "date"})", R"("31.1.2025")"),
            R"(the value must be a date like 2025-01-31, got "31.1.2025")");
  EXPECT_EQ(message(R"({"uniqueItems": true})", "[1, 2, 1]"),
            "the value must not repeat items, but items 0 and 2 are both 1");
}

TEST(SchemaValidate, NamesTheNearestOfSeveralForms) {
  EXPECT_EQ(message(R"({"oneOf": [
      {"type": "string"},
      {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
      {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind", "m", "o"]}]})",
                    R"({"kind": "a", "n": "x"})"),
            "the value has none of the 3 allowed forms; nearest: n must be an integer, got \"x\"");
}

TEST(SchemaValidate, RefusesKindsThatJsonDoesNotHaveWhereATypeIsGiven) {
  Arena arena;
  EXPECT_FALSE(schema(R"({"type": "string"})")->accepts(Value::timestamp(0, 0)));
  EXPECT_TRUE(schema("{}")->accepts(Value::timestamp(0, 0)));
  MapBuilder members(arena);
  members.add(Value::integer(1), Value::null());
  const Value map = members.build();
  EXPECT_FALSE(schema(R"({"type": "object"})")->accepts(map));
  EXPECT_FALSE(schema(R"({"properties": {"a": {}}})")->accepts(map));
}

TEST(SchemaValidate, BoundsItsWorkAndItsReport) {
  // Each level tries two forms that both descend: 2^60 checks without a bound.
  const SchemaPtr wide =
      schema(R"({"type": "array", "items": {"anyOf": [{"allOf": [{"$ref": "#"}, false]}, {"$ref": "#"}]}})");
  std::string deep = "[1]";
  for (int i = 0; i < 60; ++i) deep = "[" + deep + "]";
  const auto found = wide->validate(*json(deep));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.back().keyword, "limit");

  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += "\"x\",";
  EXPECT_EQ(schema(R"({"items": {"type": "integer"}})")->validate(*json(many + "1]")).size(), kMaxViolations);
}

TEST(SchemaValidate, ChecksManyPropertiesAndFindsEveryMissingOne) {
  std::string properties, required, full;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "\"p" + std::to_string(i) + "\"";
    properties += (i ? "," : "") + name + R"(: {"type": "integer"})";
    required += (i ? "," : "") + name;
    if (i != 63 && i != 64 && i != 299) full += (full.empty() ? "" : ",") + name + ":1";
  }
  const SchemaPtr compiled =
      schema(R"({"type": "object", "properties": {)" + properties + R"(}, "required": [)" + required + "]}");
  const auto found = compiled->validate(*json("{" + full + "}"));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].message, "p63 is required but missing");
  EXPECT_EQ(found[2].message, "p299 is required but missing");
}

}  // namespace
}  // namespace switchyard::schema
