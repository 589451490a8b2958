#include "switchyard/types/json.h"

#include <gtest/gtest.h>

#include <limits>

#include "json_fault.h"
#include "random_value.h"

namespace switchyard {
namespace {

Value parse(std::string_view text, Arena& arena) {
  auto value = parse_json(text, arena);
  EXPECT_TRUE(value.ok()) << text << ": " << (value.ok() ? "" : value.error().to_string());
  return value.ok() ? *value : Value();
}

TEST(JsonParse, TellsIntegersUnsignedAndDoublesApart) {
  Arena arena;
  EXPECT_TRUE(identical(parse("0", arena), Value::integer(0)));
  EXPECT_TRUE(
      identical(parse("-9223372036854775808", arena), Value::integer(std::numeric_limits<int64_t>::min())));
  EXPECT_TRUE(
      identical(parse("9223372036854775807", arena), Value::integer(std::numeric_limits<int64_t>::max())));
  EXPECT_TRUE(identical(parse("9223372036854775808", arena), Value::unsigned_integer(1ull << 63)));
  EXPECT_TRUE(identical(parse("18446744073709551615", arena), Value::unsigned_integer(~0ull)));
  EXPECT_TRUE(identical(parse("5.0", arena), Value::real(5)));
  EXPECT_TRUE(identical(parse("5e0", arena), Value::real(5)));
  EXPECT_TRUE(identical(parse("-0.0", arena), Value::real(-0.0)));
  EXPECT_TRUE(identical(parse("1e-400", arena), Value::real(0)));
}

TEST(JsonParse, KeepsTheOrderOfMembersAndCopiesTheText) {
  Arena arena;
  std::string text = R"( {"b": [1, "x\u00e9\n\ud83d\ude00", null, true], "a": {"": {}}, "c": []} )";
  const Value value = parse(text, arena);
  text.assign(text.size(), '#');
  ASSERT_EQ(value.size(), 3u);
  EXPECT_EQ(value.members()[0].key.as_string(), "b");
  EXPECT_EQ(value.members()[1].key.as_string(), "a");
  EXPECT_EQ(value.at_pointer("/b/1")->as_string(), "x\xc3\xa9\n\xf0\x9f\x98\x80");
  EXPECT_EQ(to_json(value),
            "{\"b\":[1,\"x\xc3\xa9\\n\xf0\x9f\x98\x80\",null,true],\"a\":{\"\":{}},\"c\":[]}");
}

struct Refused {
  const char* text;
  const char* code;
  const char* place;
  const char* pointer;
};

TEST(JsonParse, SaysWhereAndWhyItRefuses) {
  const Refused cases[] = {
      {"", "json.empty", "line 1, column 1", ""},
      {"  \n ", "json.empty", "line 2, column 2", ""},
      {"{\"a\" 1}", "json.syntax", "line 1, column 6", "/a"},
      {"{\"a\":1,}", "json.syntax", "line 1, column 8", ""},
      {"[1,2", "json.syntax", "line 1, column 5", ""},
      {"[1,\n 2 3]", "json.syntax", "line 2, column 4", ""},
      {"1 2", "json.syntax", "line 1, column 3", ""},
      {"[01]", "json.bad_number", "line 1, column 2", "/0"},
      {"[-]", "json.bad_number", "line 1, column 2", "/0"},
      {"[1.]", "json.bad_number", "line 1, column 2", "/0"},
      {"+1", "json.syntax", "line 1, column 1", ""},
      {"NaN", "json.syntax", "line 1, column 1", ""},
      {"nulx", "json.syntax", "line 1, column 1", ""},
      {"{\"n\":18446744073709551616}", "json.number_out_of_range", "line 1, column 6", "/n"},
      {"-9223372036854775809", "json.number_out_of_range", "line 1, column 1", ""},
      {"1e400", "json.number_out_of_range", "line 1, column 1", ""},
      {"\"\\ud800\"", "json.bad_string", "line 1, column 2", ""},
      {"\"\\ude00x\"", "json.bad_string", "line 1, column 2", ""},
      {"\"\\ud800\\u0041\"", "json.bad_string", "line 1, column 2", ""},
      {"\"\\x\"", "json.bad_string", "line 1, column 2", ""},
      {"\"a\tb\"", "json.bad_string", "line 1, column 3", ""},
      {"\"abc", "json.bad_string", "line 1, column 1", ""},
      {"[\"\xff\"]", "json.bad_utf8", "line 1, column 2", "/0"},
      {"[\"\xed\xa0\x80\"]", "json.bad_utf8", "line 1, column 2", "/0"},
      {"{\"a\":{\"x/y\":1,\"b\":2,\"x/y\":3}}", "json.duplicate_key", "line 1, column 21", "/a/x~1y"},
      {"{\"a\":1,\"\\u0061\":2}", "json.duplicate_key", "line 1, column 8", "/a"},
  };
  for (const Refused& c : cases) {
    Arena arena;
    const auto value = parse_json(c.text, arena);
    ASSERT_FALSE(value.ok()) << c.text;
    EXPECT_EQ(value.error().kind, ErrorKind::kInvalidArgument) << c.text;
    EXPECT_EQ(value.error().code, c.code) << c.text;
    EXPECT_EQ(value.error().field, c.pointer) << c.text;
    EXPECT_NE(value.error().message.find(std::string(c.place) + ":"), std::string::npos)
        << value.error().message;
  }
}

TEST(JsonParse, HoldsItsLimits) {
  const auto nested = [](uint32_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  Arena arena;
  EXPECT_TRUE(parse_json(nested(64), arena).ok());
  EXPECT_EQ(parse_json(nested(65), arena).error().code, "json.too_deep");
  EXPECT_EQ(parse_json(nested(100000), arena).error().code, "json.too_deep");
  EXPECT_TRUE(parse_json("[{\"a\":[1]}]", arena, {.max_depth = 3}).ok());
  EXPECT_EQ(parse_json("[{\"a\":[1]}]", arena, {.max_depth = 2}).error().code, "json.too_deep");
  EXPECT_TRUE(parse_json("1", arena, {.max_depth = 0}).ok());
  EXPECT_EQ(parse_json("[]", arena, {.max_depth = 0}).error().code, "json.too_deep");
  const auto large = parse_json("[1,2,3]", arena, {.max_bytes = 6});
  EXPECT_EQ(large.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(large.error().code, "json.too_large");
}

TEST(JsonParse, FindsARepeatedKeyAmongMany) {
  std::string text = "{";
  for (int i = 0; i < 500; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  Arena arena;
  EXPECT_TRUE(parse_json(text + "\"k500\":0}", arena).ok());
  const auto repeated = parse_json(text + "\"k77\":0}", arena);
  EXPECT_EQ(repeated.error().code, "json.duplicate_key");
  EXPECT_EQ(repeated.error().field, "/k77");
}

TEST(JsonParse, SurvivesADocumentLargerThanTheBuffersItKeeps) {
  std::string text = "[";
  for (int i = 0; i < 200000; ++i) text += "\"item " + std::to_string(i) + "\",";
  text += "null]";
  for (int round = 0; round < 2; ++round) {
    auto document = parse_json_document(text);
    ASSERT_TRUE(document.ok());
    EXPECT_EQ((*document)->size(), 200001u);
    EXPECT_EQ((*document)->items()[199999].as_string(), "item 199999");
    EXPECT_TRUE(parse_json_document("{}").ok());
  }
}

TEST(JsonWrite, WritesDoublesSoThatTheyReadBackAsTheSameDoubles) {
  const std::pair<double, const char*> cases[] = {{5, "5.0"},
                                                  {-0.0, "-0.0"},
                                                  {0.1, "0.1"},
                                                  {100000, "100000.0"},
                                                  {1e16, "10000000000000000.0"},
                                                  {1e17, "1e+17"},
                                                  {1e22, "1e+22"},
                                                  {1e-7, "0.0000001"},
                                                  {1e-8, "1e-08"},
                                                  {1.5e300, "1.5e+300"},
                                                  {12.34, "12.34"},
                                                  {5e-324, "5e-324"}};
  for (const auto& [d, text] : cases) {
    EXPECT_EQ(to_json(Value::real(d)), text);
    Arena arena;
    EXPECT_TRUE(identical(parse(text, arena), Value::real(d))) << text;
  }
}

TEST(JsonWrite, EscapesWhatItMust) {
  EXPECT_EQ(to_json(Value::string(std::string_view("\"\\/\b\f\n\r\t\x01\x1f\x7f\0z", 13))),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000z\"");
}

TEST(JsonWrite, MapsCelKindsToJson) {
  const Value inner = Value::integer(7);
  const Value values[] = {Value::bytes(std::string_view("\0\xff\x10", 3)),
                          Value::bytes("ab"),
                          Value::bytes("a"),
                          Value::timestamp(0, 0),
                          Value::timestamp(1738367999, 500000000),
                          Value::timestamp(-1, 1000),
                          Value::duration(1, 500000000),
                          Value::duration(0, -250000000),
                          Value::duration(-3, 0),
                          Value::type("int"),
                          Value::none(),
                          Value::optional(&inner),
                          Value::real(std::numeric_limits<double>::quiet_NaN()),
                          Value::real(-std::numeric_limits<double>::infinity()),
                          Value::unsigned_integer(~0ull)};
  EXPECT_EQ(
      to_json(Value::list(values)),
      R"(["AP8Q","YWI=","YQ==","1970-01-01T00:00:00Z","2025-01-31T23:59:59.5Z","1969-12-31T23:59:59.000001Z",)"
      R"("1.5s","-0.25s","-3s","int",null,7,"NaN","-Infinity",18446744073709551615])");
  Arena arena;
  MapBuilder keys(arena);
  keys.add(Value::integer(-1), Value::null());
  keys.add(Value::boolean(true), Value::null());
  keys.add(Value::unsigned_integer(2), Value::null());
  EXPECT_EQ(to_json(keys.build()), R"({"-1":null,"true":null,"2":null})");
}

TEST(JsonWrite, IndentsForPeopleAndSortsForHashes) {
  Arena arena;
  const Value value = parse(R"({"b":[1,{}],"a":{"z":1.0,"y":[]}})", arena);
  EXPECT_EQ(to_pretty_json(value),
            "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"z\": 1.0,\n    \"y\": []\n  }\n}");
  EXPECT_EQ(to_canonical_json(value), R"({"a":{"y":[],"z":1.0},"b":[1,{}]})");
  const Value other = parse(R"({"a":{"y":[],"z":1e0},"b":[1,{}]})", arena);
  EXPECT_EQ(to_canonical_json(value), to_canonical_json(other));
}

TEST(JsonProperty, WrittenValuesParseToIdenticalOnes) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Arena arena;
    const Value value = testing::RandomValues(seed, arena).json(5);
    for (const std::string& text : {to_json(value), to_pretty_json(value)}) {
      const auto parsed = parse_json(text, arena);
      ASSERT_TRUE(parsed.ok()) << seed << ": " << parsed.error().to_string() << "\n" << text;
      ASSERT_TRUE(identical(*parsed, value)) << seed << "\n" << text << "\n" << to_json(*parsed);
    }
    const auto canonical = parse_json(to_canonical_json(value), arena);
    ASSERT_TRUE(canonical.ok() && equal(*canonical, value)) << seed;
    ASSERT_EQ(to_canonical_json(*canonical), to_canonical_json(value)) << seed;
  }
}

TEST(JsonProperty, TheFastParserAndTheCarefulScannerAgreeOnDamagedTexts) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Arena arena;
    testing::RandomValues random(seed, arena);
    std::string text = to_json(random.json(4));
    for (uint64_t n = random.below(3); n > 0 && !text.empty(); --n) {
      static constexpr std::string_view kInteresting = "\"\\{}[]:,.-+eE0123456789tfnu \n\x80\xff";
      const size_t at = random.below(text.size());
      switch (random.below(3)) {
        case 0: text[at] = kInteresting[random.below(kInteresting.size())]; break;
        case 1: text.erase(at, 1 + random.below(3)); break;
        default: text.insert(at, 1, kInteresting[random.below(kInteresting.size())]); break;
      }
    }
    const bool parses = parse_json(text, arena).ok();
    const JsonFault fault = find_json_fault(text, JsonLimits{}.max_depth);
    ASSERT_EQ(parses, fault.code.empty()) << seed << "\n"
                                          << text << "\n"
                                          << fault.code << " " << fault.message;
  }
}

}  // namespace
}  // namespace switchyard
