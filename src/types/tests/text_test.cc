#include <gtest/gtest.h>

#include "switchyard/types/time_text.h"
#include "switchyard/types/utf8.h"

namespace switchyard {
namespace {

TEST(Utf8, AcceptsEveryCodePointAndRefusesEverythingElse) {
  std::string all;
  size_t count = 0;
  for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 97) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string one;
    append_utf8(c, one);
    ASSERT_TRUE(is_valid_utf8(one)) << c;
    for (size_t cut = 1; cut < one.size(); ++cut) ASSERT_FALSE(is_valid_utf8(one.substr(0, cut))) << c;
    all += one;
    ++count;
  }
  EXPECT_TRUE(is_valid_utf8(all));
  EXPECT_EQ(count_code_points(all), count);
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "abcdefgh\xc3", "abcdefghijk\xe2\x82z"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << bad;
  }
}

TEST(TimestampText, ReadsWhatItWrites) {
  const int64_t day = 86400;
  for (int64_t days = -719162; days < 2932896; days += 53) {
    const int64_t seconds = days * day + (days * 7919 % day + day) % day;
    std::string text;
    append_timestamp(seconds, 120, text);
    const auto back = parse_timestamp(text);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(*back, (SecondsNanos{seconds, 120})) << text;
  }
}

TEST(TimestampText, WritesTheEndsOfTheRangeOfValues) {
  std::string text;
  append_timestamp(INT64_MIN, 0, text);
  EXPECT_EQ(text, "-292277022657-01-27T08:29:52Z");
  text.clear();
  append_timestamp(INT64_MAX, 0, text);
  EXPECT_EQ(text, "292277026596-12-04T15:30:07Z");
}

TEST(TimestampText, AcceptsRfc3339AndNothingElse) {
  EXPECT_EQ(parse_timestamp("2000-02-29T12:30:00Z"), (SecondsNanos{951827400, 0}));
  EXPECT_EQ(parse_timestamp("2000-02-29t14:30:00.000000001+02:00"), (SecondsNanos{951827400, 1}));
  EXPECT_EQ(parse_timestamp("2000-02-29T07:00:00.5-05:30"), (SecondsNanos{951827400, 500000000}));
  EXPECT_EQ(parse_timestamp("1990-12-31T23:59:60Z"), (SecondsNanos{662688000, 0}));
  EXPECT_EQ(parse_timestamp("0001-01-01T00:00:00Z"), (SecondsNanos{-62135596800, 0}));
  for (const char* bad : {"",
                          "2000-02-29",
                          "2000-02-30T00:00:00Z",
                          "1900-02-29T00:00:00Z",
                          "2000-13-01T00:00:00Z",
                          "2000-00-01T00:00:00Z",
                          "2000-01-01T24:00:00Z",
                          "2000-01-01T00:60:00Z",
                          "2000-01-01T00:00:61Z",
                          "2000-01-01T12:00:60Z",
                          "2000-01-01T00:00:00",
                          "2000-01-01T00:00:00.Z",
                          "2000-01-01T00:00:00.1234567890Z",
                          "2000-01-01T00:00:00+0200",
                          "2000-01-01T00:00:00+24:00",
                          "2000-01-01 00:00:00Z",
                          "2000-01-01T00:00:00Zx",
                          "0000-01-01T00:00:00Z",
                          "0001-01-01T00:00:00+01:00",
                          "20000-01-01T00:00:00Z",
                          "2000-1-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_timestamp(bad).has_value()) << bad;
  }
}

TEST(DurationText, WritesDecimalSeconds) {
  const auto text = [](int64_t seconds, int32_t nanos) {
    std::string out;
    append_duration(seconds, nanos, out);
    return out;
  };
  EXPECT_EQ(text(0, 0), "0s");
  EXPECT_EQ(text(1, 500000000), "1.5s");
  EXPECT_EQ(text(-1, -1), "-1.000000001s");
  EXPECT_EQ(text(0, -250000000), "-0.25s");
  EXPECT_EQ(text(INT64_MIN, 0), "-9223372036854775808s");
}

TEST(CivilDates, ComeBackFromTheirDays) {
  for (int64_t days = -800'000; days <= 2'932'896; days += 13) {
    const auto date = date_from_days(days);
    ASSERT_TRUE(is_date(date.year, date.month, date.day)) << days;
    ASSERT_EQ(days_from_date(date.year, date.month, date.day), days);
  }
  EXPECT_EQ(date_from_days(0), (CivilDate{1970, 1, 1}));
  EXPECT_EQ(date_from_days(-1), (CivilDate{1969, 12, 31}));
  EXPECT_EQ(date_from_days(11016), (CivilDate{2000, 2, 29}));
}

}  // namespace
}  // namespace switchyard
