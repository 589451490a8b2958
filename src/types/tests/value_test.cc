#include "switchyard/types/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "random_value.h"

namespace switchyard {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMaxUint = std::numeric_limits<uint64_t>::max();
constexpr int64_t kTwoTo53 = int64_t{1} << 53;

Value numbered_map(Arena& arena, uint32_t members) {
  MapBuilder builder(arena);
  for (uint32_t i = 0; i < members; ++i) {
    builder.add(arena.copy("field_" + std::to_string(i)), Value::integer(i));
  }
  return builder.build();
}

TEST(ValueEquality, ComparesNumbersByMathematicalValueBeyondTheDoublesPrecision) {
  EXPECT_TRUE(equal(Value::integer(1), Value::unsigned_integer(1)));
  EXPECT_TRUE(equal(Value::real(1.0), Value::integer(1)));
  EXPECT_TRUE(equal(Value::unsigned_integer(1), Value::real(1.0)));
  EXPECT_FALSE(equal(Value::integer(-1), Value::unsigned_integer(kMaxUint)));
  EXPECT_FALSE(equal(Value::real(1.5), Value::integer(1)));
  // 2^53 + 1 rounds to 2^53 as a double, but is another number.
  EXPECT_TRUE(equal(Value::integer(kTwoTo53), Value::real(9007199254740992.0)));
  EXPECT_FALSE(equal(Value::integer(kTwoTo53 + 1), Value::real(9007199254740992.0)));
  EXPECT_FALSE(equal(Value::integer(kMaxInt), Value::real(9223372036854775808.0)));
  EXPECT_TRUE(equal(Value::unsigned_integer(1ull << 63), Value::real(9223372036854775808.0)));
  EXPECT_FALSE(equal(Value::unsigned_integer(kMaxUint), Value::real(18446744073709551616.0)));
  EXPECT_TRUE(
      equal(Value::integer(std::numeric_limits<int64_t>::min()), Value::real(-9223372036854775808.0)));
  EXPECT_FALSE(equal(Value::integer(0), Value::real(std::numeric_limits<double>::infinity())));
  EXPECT_TRUE(equal(Value::real(0.0), Value::real(-0.0)));
}

TEST(ValueEquality, FindsNaNDifferentFromItselfButIdentical) {
  const Value nan = Value::real(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(equal(nan, nan));
  EXPECT_TRUE(identical(nan, nan));
  EXPECT_FALSE(equal(Value::list({&nan, 1}), Value::list({&nan, 1})));
}

TEST(ValueEquality, KeepsDifferentKindsApart) {
  EXPECT_FALSE(equal(Value::null(), Value::boolean(false)));
  EXPECT_FALSE(equal(Value::boolean(true), Value::integer(1)));
  EXPECT_FALSE(equal(Value::string("a"), Value::bytes("a")));
  EXPECT_FALSE(equal(Value::string("int"), Value::type("int")));
  EXPECT_FALSE(equal(Value::timestamp(1, 0), Value::duration(1, 0)));
  EXPECT_TRUE(equal(Value::none(), Value::none()));
  const Value one = Value::integer(1);
  const Value one_unsigned = Value::unsigned_integer(1);
  EXPECT_FALSE(equal(Value::none(), Value::optional(&one)));
  EXPECT_TRUE(equal(Value::optional(&one), Value::optional(&one_unsigned)));
  EXPECT_FALSE(identical(Value::optional(&one), Value::optional(&one_unsigned)));
}

TEST(ValueEquality, IgnoresTheOrderOfMapsWhereIdentityDoesNot) {
  Arena arena;
  for (const uint32_t size : {3u, 40u}) {
    MapBuilder forward(arena), backward(arena);
    for (uint32_t i = 0; i < size; ++i) forward.add(arena.copy(std::to_string(i)), Value::integer(i));
    for (uint32_t i = size; i-- > 0;) backward.add(arena.copy(std::to_string(i)), Value::real(i));
    const Value a = forward.build();
    const Value b = backward.build();
    EXPECT_TRUE(equal(a, b));
    EXPECT_TRUE(equal(b, a));
    EXPECT_FALSE(identical(a, b));
  }
  EXPECT_FALSE(equal(numbered_map(arena, 3), numbered_map(arena, 4)));
}

TEST(ValueMap, FindsEveryMemberAndNothingElseAtEverySize) {
  Arena arena;
  for (const uint32_t size :
       {0u, 1u, 7u, 8u, 9u, 31u, 127u, 254u, 255u, 256u, 1000u, 65534u, 65535u, 70000u}) {
    const Value map = numbered_map(arena, size);
    ASSERT_EQ(map.size(), size);
    for (uint32_t i = 0; i < size; ++i) {
      const Value* found = map.find("field_" + std::to_string(i));
      ASSERT_NE(found, nullptr) << size << " " << i;
      ASSERT_EQ(found->as_integer(), i);
    }
    EXPECT_EQ(map.find("field_" + std::to_string(size)), nullptr);
    EXPECT_EQ(map.find(""), nullptr);
    EXPECT_EQ(map.find(Value::integer(0)), nullptr);
    const Value copy = make_document(map).root();
    EXPECT_EQ(copy.size(), size);
  }
}

TEST(ValueMap, FindsKeysByCelEqualityAcrossNumericKinds) {
  Arena arena;
  for (const uint32_t extra : {0u, 50u}) {
    MapBuilder builder(arena);
    builder.add(Value::integer(1), Value::string("one"));
    builder.add(Value::integer(-1), Value::string("minus one"));
    builder.add(Value::unsigned_integer(kMaxUint), Value::string("largest"));
    builder.add(Value::boolean(true), Value::string("true"));
    builder.add(Value::string("1"), Value::string("text"));
    for (uint32_t i = 0; i < extra; ++i) builder.add(Value::integer(100 + i), Value::null());
    const Value map = builder.build();
    const auto found = [&](const Value& key) {
      const Value* value = map.find(key);
      return value == nullptr ? std::string_view("nothing") : value->as_string();
    };
    EXPECT_EQ(found(Value::integer(1)), "one");
    EXPECT_EQ(found(Value::unsigned_integer(1)), "one");
    EXPECT_EQ(found(Value::real(1.0)), "one");
    EXPECT_EQ(found(Value::real(-1.0)), "minus one");
    EXPECT_EQ(found(Value::real(1.5)), "nothing");
    EXPECT_EQ(found(Value::real(std::numeric_limits<double>::quiet_NaN())), "nothing");
    EXPECT_EQ(found(Value::real(1e300)), "nothing");
    EXPECT_EQ(found(Value::unsigned_integer(kMaxUint)), "largest");
    EXPECT_EQ(found(Value::real(18446744073709551616.0)), "nothing");
    EXPECT_EQ(found(Value::boolean(true)), "true");
    EXPECT_EQ(found(Value::boolean(false)), "nothing");
    EXPECT_EQ(found(Value::string("1")), "text");
    EXPECT_EQ(found(Value::null()), "nothing");
  }
}

TEST(ValueMap, ReportsTheFirstRepeatedKeyInSmallAndIndexedMaps) {
  Arena arena;
  for (const uint32_t size : {2u, 30u, 300u}) {
    MapBuilder builder(arena);
    for (uint32_t i = 0; i < size; ++i) builder.add(Value::integer(i), Value::null());
    builder.add(Value::unsigned_integer(1), Value::null());
    Value repeated;
    EXPECT_TRUE(builder.build(&repeated).is_null());
    EXPECT_TRUE(identical(repeated, Value::unsigned_integer(1)));
  }
}

/// Keys whose hashes end in the same bits: they all want the same slot of the index.
std::vector<std::string> colliding_keys(size_t count, uint64_t slots) {
  std::vector<std::string> keys;
  for (uint64_t i = 0; keys.size() < count; ++i) {
    std::string key = "k" + std::to_string(i);
    if (hash_key(Value::string(key)) % slots == 0) keys.push_back(std::move(key));
  }
  return keys;
}

TEST(ValueMap, StaysCorrectWhenAllKeysCollide) {
  for (const size_t count : {64u, 300u}) {
    const auto keys = colliding_keys(count, 2048);
    Arena arena;
    MapBuilder builder(arena);
    for (size_t i = 0; i < count; ++i) builder.add(keys[i], Value::integer(static_cast<int64_t>(i)));
    builder.add(Value::integer(-7), Value::string("number"));
    const Value map = builder.build();
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(map.find(keys[i])->as_integer(), static_cast<int64_t>(i));
    EXPECT_EQ(map.find("k"), nullptr);
    EXPECT_EQ(map.find(Value::integer(-7))->as_string(), "number");
    EXPECT_EQ(make_document(map)->find(keys[5])->as_integer(), 5);

    MapBuilder again(arena);
    for (const auto& key : keys) again.add(key, Value::null());
    again.add(keys[3], Value::null());
    Value repeated;
    EXPECT_TRUE(again.build(&repeated).is_null());
    EXPECT_EQ(repeated.as_string(), keys[3]);
  }
}

TEST(ValuePointer, FollowsMembersItemsAndEscapes) {
  Arena arena;
  const Value items[] = {Value::integer(10), Value::integer(11)};
  MapBuilder builder(arena);
  builder.add("list", Value::list(items));
  builder.add("a/b", Value::integer(1));
  builder.add("m~n", Value::integer(2));
  builder.add("", Value::integer(3));
  const Value map = builder.build();
  EXPECT_TRUE(identical(*map.at_pointer(""), map));
  EXPECT_EQ(map.at_pointer("/list/1")->as_integer(), 11);
  EXPECT_EQ(map.at_pointer("/a~1b")->as_integer(), 1);
  EXPECT_EQ(map.at_pointer("/m~0n")->as_integer(), 2);
  EXPECT_EQ(map.at_pointer("/")->as_integer(), 3);
  for (const char* nowhere : {"list", "/list/2", "/list/01", "/list/-", "/list/", "/list/1/0", "/m~n", "/m~",
                              "/none", "/list/99999999999", "/list/+1"}) {
    EXPECT_EQ(map.at_pointer(nowhere), nullptr) << nowhere;
  }
}

TEST(ValueCopy, IsIdenticalAndOwnsItsMemory) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Document copy, expected;
    {
      Arena arena;
      const Value value = testing::RandomValues(seed, arena).any(4);
      copy = make_document(value);
      ASSERT_TRUE(identical(*copy, value)) << seed;
      ASSERT_EQ(depth(*copy), depth(value)) << seed;
      expected = make_document(*copy);
    }
    ASSERT_TRUE(identical(*copy, *expected)) << seed;
  }
}

TEST(ValueHash, AgreesWithEqualityForKeys) {
  EXPECT_EQ(hash_key(Value::integer(7)), hash_key(Value::unsigned_integer(7)));
  EXPECT_NE(hash_key(Value::integer(-1)), hash_key(Value::unsigned_integer(kMaxUint)));
  for (size_t length = 0; length < 70; ++length) {
    std::string text(length, 'x');
    const std::string same = text;
    EXPECT_EQ(hash_key(Value::string(text)), hash_key(Value::string(same)));
    for (size_t i = 0; i < length; ++i) {
      text[i] = 'y';
      EXPECT_NE(hash_key(Value::string(text)), hash_key(Value::string(same))) << length << " " << i;
      text[i] = 'x';
    }
  }
}

TEST(ValueOrder, ComparesNumbersExactlyAcrossKinds) {
  const double two_to_53 = 9007199254740992.0;
  // In ascending order, each step strictly less.
  const Value ascending[] = {Value::real(-std::numeric_limits<double>::infinity()),
                             Value::real(-1e300),
                             Value::integer(std::numeric_limits<int64_t>::min()),
                             Value::real(-1.5),
                             Value::integer(-1),
                             Value::real(-0.5),
                             Value::integer(0),
                             Value::real(5e-324),
                             Value::unsigned_integer(1),
                             Value::real(1.5),
                             Value::real(two_to_53),
                             Value::integer(kTwoTo53 + 1),
                             Value::real(two_to_53 + 2),
                             Value::integer(kMaxInt),
                             Value::real(9223372036854775808.0),
                             Value::unsigned_integer((1ull << 63) + 1),
                             Value::unsigned_integer(kMaxUint),
                             Value::real(18446744073709551616.0),
                             Value::real(std::numeric_limits<double>::infinity())};
  const size_t count = std::size(ascending);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      EXPECT_EQ(compare_numbers(ascending[i], ascending[j]), std::partial_ordering(i <=> j)) << i << " " << j;
    }
    EXPECT_EQ(compare_numbers(ascending[i], Value::real(std::nan(""))), std::partial_ordering::unordered);
  }
}

TEST(ValueHash, AgreesWithEqualityForEveryValue) {
  EXPECT_EQ(hash_value(Value::real(7)), hash_value(Value::integer(7)));
  EXPECT_EQ(hash_value(Value::real(-0.0)), hash_value(Value::unsigned_integer(0)));
  EXPECT_EQ(hash_value(Value::real(9223372036854775808.0)), hash_value(Value::unsigned_integer(1ull << 63)));
  size_t different = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Arena arena;
    testing::RandomValues random(seed, arena);
    const Value a = random.json(3);
    const Value b = random.json(3);
    EXPECT_EQ(hash_value(a), hash_value(*make_document(a)));
    if (equal(a, b))
      EXPECT_EQ(hash_value(a), hash_value(b));
    else
      different += hash_value(a) != hash_value(b);
    if (a.is(Kind::kMap)) {
      MapBuilder backward(arena);
      for (size_t i = a.size(); i-- > 0;) backward.add(a.members()[i].key, a.members()[i].value);
      EXPECT_EQ(hash_value(backward.build()), hash_value(a));
    }
  }
  EXPECT_GT(different, 200u);
}

TEST(ValueCopy, ForUpdateLeavesTheOriginalAlone) {
  Arena arena;
  for (const uint32_t size : {3u, 40u}) {
    const Value map = numbered_map(arena, size);
    std::span<Member> members;
    const Value copy = copy_for_update(map, arena, &members);
    ASSERT_EQ(members.size(), size);
    EXPECT_FALSE(is_same(copy, map));
    members[2].value = Value::string("new");
    EXPECT_EQ(copy.find("field_2")->as_string(), "new");
    EXPECT_EQ(copy.find("field_1")->as_integer(), 1);
    EXPECT_EQ(map.find("field_2")->as_integer(), 2);
  }
}

TEST(Value, CountsItsLevels) {
  const Value scalar = Value::integer(1);
  const Value list = Value::list({&scalar, 1});
  const Value nested = Value::list({&list, 1});
  EXPECT_EQ(depth(scalar), 0u);
  EXPECT_EQ(depth(list), 1u);
  EXPECT_EQ(depth(nested), 2u);
  EXPECT_EQ(depth(Value::optional(&nested)), 3u);
}

TEST(ValueDeathTest, RefusesToReadAnotherKind) {
  EXPECT_DEATH((void)Value::integer(1).as_string(), "kind_ == kind");
  Arena arena;
  MapBuilder builder(arena);
  EXPECT_DEATH(builder.add(Value::real(1), Value::null()), "is_key");
}

}  // namespace
}  // namespace switchyard
