#include "switchyard/types/value_codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "random_value.h"
#include "switchyard/base/hash.h"
#include "switchyard/types/json.h"

namespace switchyard {
namespace {

std::string encoded(const Value& value) {
  std::string bytes;
  ByteWriter out(bytes);
  encode_value(value, out);
  return bytes;
}

bool decodes(std::string_view bytes) {
  Arena arena;
  ByteReader in(bytes);
  (void)decode_value(in, arena);
  return in.ok() && in.at_end();
}

TEST(ValueCodec, GivesBackIdenticalValuesAndTheSameBytes) {
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Arena arena;
    const Value value = testing::RandomValues(seed, arena).any(5);
    const std::string bytes = encoded(value);
    ByteReader in(bytes);
    const Value back = decode_value(in, arena);
    ASSERT_TRUE(in.ok() && in.at_end()) << seed;
    ASSERT_TRUE(identical(back, value)) << seed << " " << to_json(value);
    ASSERT_EQ(encoded(back), bytes) << seed;
  }
}

TEST(ValueCodec, RefusesEveryTruncation) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Arena arena;
    const std::string bytes = encoded(testing::RandomValues(seed, arena).any(3));
    for (size_t size = 0; size < bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read past its end.
      const std::string part(bytes, 0, size);
      ASSERT_FALSE(decodes(part)) << seed << " " << size;
    }
  }
}

TEST(ValueCodec, NeverCrashesOnRandomOrDamagedBytes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    Arena arena;
    ByteReader in(bytes);
    const Value value = decode_value(in, arena);
    if (in.ok())
      EXPECT_TRUE(identical(value, make_document(value).root()));
    else
      EXPECT_TRUE(value.is_null());
  }
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Arena arena;
    std::string bytes = encoded(testing::RandomValues(seed, arena).any(4));
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    ByteReader in(bytes);
    (void)decode_value(in, arena);
  }
}

TEST(ValueCodec, RefusesWhatNoWriterWrites) {
  const std::pair<const char*, std::string> cases[] = {
      {"an unknown tag", "\x0f"},
      {"a string that is not UTF-8", "\x41\xff"},
      {"a map with a double as key", std::string("\xc1\x05") + std::string(8, '\0') + "\x01"},
      {"a repeated key", "\xc2\x41k\x81\x41k\x82"},
      {"1 and 1u as keys", std::string("\xc2\x81\x81\x04\x01\x81", 6)},
      {"a billion items in two bytes", "\x08\xff\xff\xff\x7f\x01"},
      {"a billion members in two bytes", "\x09\xff\xff\xff\x7f\x81\x81"},
      {"a timestamp with 10^9 nanoseconds", std::string("\x0a\x00\x80\x94\xeb\xdc\x03", 7)},
      {"a duration of two signs", std::string("\x0b\x02\x01", 3)},
      {"nesting over the limit", std::string(101, '\xe1') + "\x01"},
      {"a varint of eleven bytes", std::string("\x04") + std::string(10, '\xff') + "\x01"},
  };
  for (const auto& [what, bytes] : cases) EXPECT_FALSE(decodes(bytes)) << what;
  EXPECT_TRUE(decodes(std::string(100, '\xe1') + "\x01"));
}

TEST(ValueCodec, KeepsNoViewOfItsInput) {
  Arena arena;
  std::string bytes = encoded(make_document(Value::string("some text")).root());
  ByteReader in(bytes);
  const Value value = decode_value(in, arena);
  bytes.assign(bytes.size(), '#');
  EXPECT_EQ(value.as_string(), "some text");
}

TEST(ValueCodecDeathTest, RefusesToWriteWhatCannotBeReadBack) {
  Arena arena;
  Value value = Value::integer(1);
  for (uint32_t i = 0; i < kMaxValueDepth; ++i) {
    ListBuilder list(arena);
    list.add(value);
    value = list.build();
  }
  EXPECT_TRUE(decodes(encoded(value)));
  EXPECT_DEATH((void)encoded(Value::list({&value, 1})), "kMaxValueDepth");
}

/// The lines of the block after the marker in the format's document.
std::string block_after(const std::string& document, const std::string& marker) {
  const size_t begin = document.find("```", document.find(marker));
  const size_t text = document.find('\n', begin) + 1;
  return document.substr(text, document.find("```", text) - text);
}

TEST(ValueCodecDocument, WorkedExampleIsTrue) {
  std::ifstream file(SWITCHYARD_SOURCE_DIR "/docs/formats/value.md");
  std::stringstream content;
  content << file.rdbuf();
  const std::string document = content.str();
  Arena arena;
  const auto value = parse_json(block_after(document, "Worked example"), arena);
  ASSERT_TRUE(value.ok()) << value.error().to_string();
  // Each line of the second block: hexadecimal bytes, then two blanks and an explanation.
  std::istringstream lines(block_after(document, "is stored as"));
  std::string hex, line;
  while (std::getline(lines, line)) {
    for (const char c : line.substr(0, line.find("  "))) {
      if (c != ' ') hex.push_back(c);
    }
  }
  const std::string bytes = encoded(*value);
  EXPECT_EQ(to_hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}), hex);
}

}  // namespace
}  // namespace switchyard
