#include "switchyard/store/keys.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace switchyard::store {
namespace {

template <typename T, typename Write, typename Read>
void expect_ordered(const std::vector<T>& ascending, Write write, Read read) {
  std::string previous;
  for (size_t i = 0; i < ascending.size(); ++i) {
    std::string key;
    KeyWriter writer(key);
    write(writer, ascending[i]);
    if (i > 0) {
      EXPECT_LT(previous, key) << "element " << i;
    }
    KeyReader reader(key);
    EXPECT_EQ(read(reader), ascending[i]) << "element " << i;
    EXPECT_TRUE(reader.ok() && reader.at_end());
    previous = key;
  }
}

TEST(Keys, IntegersAndDoublesSortAsTheirValues) {
  using L = std::numeric_limits<int64_t>;
  expect_ordered<uint64_t>(
      {0, 1, 255, 256, 65535, uint64_t{1} << 63, UINT64_MAX}, [](KeyWriter& w, uint64_t v) { w.u64(v); },
      [](KeyReader& r) { return r.u64(); });
  expect_ordered<uint16_t>(
      {0, 1, 255, 256, 65535}, [](KeyWriter& w, uint16_t v) { w.u16(v); },
      [](KeyReader& r) { return r.u16(); });
  expect_ordered<int64_t>(
      {L::min(), -256, -1, 0, 1, 255, L::max()}, [](KeyWriter& w, int64_t v) { w.i64(v); },
      [](KeyReader& r) { return r.i64(); });
  expect_ordered<int64_t>(
      {L::max(), 255, 1, 0, -1, -256, L::min()}, [](KeyWriter& w, int64_t v) { w.descending_i64(v); },
      [](KeyReader& r) { return r.descending_i64(); });
  expect_ordered<uint64_t>(
      {UINT64_MAX, 256, 255, 0}, [](KeyWriter& w, uint64_t v) { w.descending_u64(v); },
      [](KeyReader& r) { return r.descending_u64(); });
  expect_ordered<double>(
      {-INFINITY, -1e300, -1.5, -1e-310, 0.0, 1e-310, 0.5, 1.5, 1e300, INFINITY},
      [](KeyWriter& w, double v) { w.f64(v); }, [](KeyReader& r) { return r.f64(); });
}

TEST(Keys, TextSortsBytewiseWhateverFollowsIt) {
  using namespace std::string_literals;
  const std::vector<std::string> ascending{""s,     "\0"s, "\0\0"s, "\0\xff"s, "a"s,       "a\0"s,
                                           "a\0b"s, "ab"s, "b"s,    "\xff"s,   "\xff\xff"s};
  expect_ordered<std::string>(
      ascending, [](KeyWriter& w, const std::string& v) { w.text(v); },
      [](KeyReader& r) { return r.text(); });
  // The part after must not decide before the text is compared.
  for (size_t i = 0; i + 1 < ascending.size(); ++i) {
    std::string a, b;
    KeyWriter(a).text(ascending[i]).u64(UINT64_MAX);
    KeyWriter(b).text(ascending[i + 1]).u64(0);
    EXPECT_LT(a, b) << i;
  }
}

TEST(Keys, AMixedKeyReadsBackPartByPart) {
  const RunId id = RunId::make(1700000000000, 1, 2);
  std::string key;
  KeyWriter(key).tag('r').text("queue").u32(7).id(id).u8(9).raw("tail");
  KeyReader reader(key);
  EXPECT_EQ(reader.tag(), 'r');
  EXPECT_EQ(reader.text(), "queue");
  EXPECT_EQ(reader.u32(), 7u);
  EXPECT_EQ(reader.id(), id);
  EXPECT_EQ(reader.u8(), 9u);
  EXPECT_EQ(reader.rest(), "tail");
  EXPECT_TRUE(reader.ok());
}

TEST(Keys, ATruncatedOrBadlyEscapedKeyIsMalformedNotMisread) {
  using namespace std::string_literals;
  for (const auto& bad : {""s, "abc"s, "a\0"s, "a\0\x01"s}) {
    KeyReader reader(bad);
    EXPECT_EQ(reader.text(), "");
    EXPECT_FALSE(reader.ok());
  }
  KeyReader reader("1234567");
  EXPECT_EQ(reader.u64(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(reader.id().is_zero());
}

TEST(Keys, PrefixEndIsTheFirstKeyBehindAllWithThePrefix) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xff\xff"), "b");
  EXPECT_EQ(prefix_end("\xff\xff"), "");
  EXPECT_EQ(prefix_end(""), "");
}

}  // namespace
}  // namespace switchyard::store
