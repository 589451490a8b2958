#include "cli/print.h"

#include <gtest/gtest.h>

namespace switchyard::server::cli {
namespace {

TEST(Print, TakesOutWhatATerminalWouldObey) {
  EXPECT_EQ(plain("a\x1b[31mb\r\n\tc\x7f"), "a [31mb   c ");
  EXPECT_EQ(plain("a\xC2\x9B"
                  "31mb"),
            "a 31mb");  // CSI as one C1 control
  EXPECT_EQ(plain("Größe 10 µs …"), "Größe 10 µs …");
}

TEST(Print, ShortensByCharactersAndNeverInsideOne) {
  EXPECT_EQ(shorten("Größe", 5), "Größe");
  EXPECT_EQ(shorten("Größen", 5), "Größ…");
  EXPECT_EQ(shorten("öööö", 2), "ö…");
  EXPECT_EQ(width_of("Größ…"), 5u);
}

TEST(Print, WritesTimeSpansInTheirTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0 µs");
  EXPECT_EQ(duration_text(999), "999 µs");
  EXPECT_EQ(duration_text(12'345), "12.3 ms");
  EXPECT_EQ(duration_text(345'678), "346 ms");
  EXPECT_EQ(duration_text(4'200'000), "4.2 s");
  EXPECT_EQ(duration_text(200'000'000), "3 min 20 s");
  EXPECT_EQ(duration_text(2LL * 3600 * 1'000'000), "2 h");
  EXPECT_EQ(duration_text((3LL * 86400 + 4 * 3600 + 59) * 1'000'000), "3 d 4 h");
  EXPECT_EQ(duration_text(-5), "-5 µs");
}

TEST(Print, ReadsTheTimesThatTheApiWrites) {
  EXPECT_EQ(time_us("1970-01-01T00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(time_us("2026-11-23T17:45:40.260375Z"), 1'795'455'940'260'375);
  EXPECT_EQ(time_us("yesterday"), 0);
  EXPECT_EQ(when_text("2026-11-23T17:45:40.260375Z"), "2026-11-23 17:45:40");
  EXPECT_EQ(when_text("\x1b[2J"), " [2J");
  EXPECT_EQ(time_text(1'500'000), "1970-01-01T00:00:01Z");
}

TEST(Print, GivesNothingForMembersThatAreAbsentOrOfAnotherKind) {
  Arena arena;
  MapBuilder map(arena);
  map.add("number", Value::integer(7));
  map.add("text", Value::string("a\nb"));
  const Value object = map.build();
  EXPECT_EQ(text_of(object, "text"), "a b");
  EXPECT_EQ(raw_text_of(object, "text"), "a\nb");
  EXPECT_EQ(text_of(object, "number"), "");
  EXPECT_EQ(integer_of(object, "number"), 7);
  EXPECT_EQ(integer_of(object, "text"), 0);
  EXPECT_EQ(real_of(object, "number"), 7.0);
  EXPECT_FALSE(bool_of(object, "number"));
  EXPECT_TRUE(items_of(object, "text").empty());
  EXPECT_EQ(text_of(Value(), "text"), "");
}

}  // namespace
}  // namespace switchyard::server::cli
