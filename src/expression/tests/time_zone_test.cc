// The time zone rules that are part of the program.
#include "switchyard/expression/time_zone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support.h"
#include "switchyard/types/time_text.h"

namespace switchyard::expression {
namespace {

int64_t seconds(std::string_view text) {
  const auto time = parse_timestamp(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.has_value() ? time->seconds : 0;
}

TimeZone zone(std::string_view name) {
  auto found = TimeZone::find(name);
  EXPECT_TRUE(found.has_value()) << name;
  return found.value_or(TimeZone::fixed(0));
}

TEST(TimeZone, KnowsEveryZoneOfTheDatabase) {
  const auto names = zone_names();
  EXPECT_GT(names.size(), 550u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const auto name : names) EXPECT_TRUE(TimeZone::find(name).has_value()) << name;
  for (const auto* name : {"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern"})
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), std::string_view(name))) << name;
  for (const auto* name : {"", "Europe", "europe/berlin", "../UTC", "Europe/Berlin/"})
    EXPECT_FALSE(TimeZone::find(name).has_value()) << name;
}

TEST(TimeZone, SaysWhichVersionOfTheRulesItHolds) {
  const auto version = zone_rules_version();
  ASSERT_EQ(version.size(), 5u);
  EXPECT_EQ(version.substr(0, 2), "20");
  EXPECT_TRUE(version[4] >= 'a' && version[4] <= 'z');
}

TEST(TimeZone, OffsetsFollowTheRules) {
  const auto berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.offset_at(seconds("2025-03-30T00:59:59Z")), 3600);
  EXPECT_EQ(berlin.offset_at(seconds("2025-03-30T01:00:00Z")), 7200);
  EXPECT_EQ(berlin.offset_at(seconds("2025-10-26T01:00:00Z")), 3600);
  EXPECT_EQ(berlin.offset_at(seconds("1945-06-01T12:00:00Z")), 3 * 3600);
  const auto york = zone("America/New_York");
  EXPECT_EQ(york.offset_at(seconds("2090-07-01T00:00:00Z")), -4 * 3600);
  EXPECT_EQ(york.offset_at(seconds("2090-12-01T00:00:00Z")), -5 * 3600);
  EXPECT_EQ(york.offset_at(seconds("1880-01-01T00:00:00Z")), -17762);
  // Dublin's summer time is its standard time, and its winter a negative saving.
  EXPECT_EQ(zone("Europe/Dublin").offset_at(seconds("2080-07-01T00:00:00Z")), 3600);
  EXPECT_EQ(zone("Europe/Dublin").offset_at(seconds("2080-12-01T00:00:00Z")), 0);
  EXPECT_EQ(zone("Asia/Kathmandu").offset_at(0), 19800);
  EXPECT_EQ(zone("UTC").offset_at(seconds("2025-07-01T00:00:00Z")), 0);
  EXPECT_EQ(TimeZone::fixed(-3600).offset_at(seconds("2025-07-01T00:00:00Z")), -3600);
}

TEST(TimeZone, ChangesAreWhereOffsetsChange) {
  const auto berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.next_change_after(seconds("2025-01-01T00:00:00Z")), seconds("2025-03-30T01:00:00Z"));
  EXPECT_EQ(berlin.next_change_after(seconds("2025-03-30T01:00:00Z")), seconds("2025-10-26T01:00:00Z"));
  EXPECT_EQ(berlin.next_change_after(seconds("2090-12-31T23:59:59Z")), seconds("2091-03-25T01:00:00Z"));
  EXPECT_EQ(zone("Asia/Tokyo").next_change_after(seconds("2025-01-01T00:00:00Z")), std::nullopt);
  EXPECT_EQ(TimeZone::fixed(3600).next_change_after(0), std::nullopt);
  // Nowhere an offset changes between two changes.
  const int64_t end = seconds("2060-01-01T00:00:00Z");
  for (const auto* name : {"Europe/Berlin", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe",
                           "Africa/Casablanca", "Pacific/Apia", "Asia/Gaza"}) {
    const auto one = zone(name);
    int64_t change = seconds("1960-01-01T00:00:00Z");
    for (int64_t at = change; at < end; at += 86400) {
      if (at < change) {
        ASSERT_EQ(one.offset_at(at), one.offset_at(change - 1)) << name << " at " << at;
        continue;
      }
      const auto next = one.next_change_after(at);
      if (!next.has_value()) break;
      ASSERT_GT(*next, at);
      ASSERT_EQ(one.offset_at(at), one.offset_at(*next - 1)) << name << " at " << at;
      change = *next;
    }
  }
}

TEST(TimeZone, FindsTheFirstSecondThatShowsALocalTime) {
  const auto berlin = zone("Europe/Berlin");
  const auto local = [](std::string_view text) { return seconds(std::string(text) + "Z"); };
  EXPECT_EQ(berlin.first_showing(local("2025-07-01T12:00:00")), seconds("2025-07-01T10:00:00Z"));
  // Skipped.
  EXPECT_EQ(berlin.first_showing(local("2025-03-30T02:00:00")), seconds("2025-03-30T01:00:00Z"));
  EXPECT_EQ(berlin.first_showing(local("2025-03-30T02:59:59")), seconds("2025-03-30T01:00:00Z"));
  EXPECT_EQ(berlin.first_showing(local("2025-03-30T03:00:01")), seconds("2025-03-30T01:00:01Z"));
  // Twice.
  EXPECT_EQ(berlin.first_showing(local("2025-10-26T02:30:00")), seconds("2025-10-26T00:30:00Z"));
  EXPECT_EQ(berlin.first_showing(local("2025-10-26T03:00:00")), seconds("2025-10-26T02:00:00Z"));
}

TEST(TimeZone, MayBeNamedByAVariable) {
  testing::World world;
  world.with("input", Type::object({{"zone", Type::string()}, {"none", Type::string()}}),
             R"({"zone": "America/New_York", "none": "America/Atlantis"})");
  EXPECT_EQ(world.evaluate("timestamp('2025-07-01T12:00:00Z').getHours(input.zone)"), "8");
  const auto report = world.evaluate("timestamp('2025-07-01T12:00:00Z').getHours(input.none)");
  EXPECT_EQ(report.substr(0, 30), "error expression.bad_argument:") << report;
  EXPECT_NE(report.find("America/Atlantis"), std::string::npos) << report;
}

TEST(TimeZone, OffersTheNameThatWasMeant) {
  EXPECT_EQ(nearest_zone_name("europe/BERLIN"), "Europe/Berlin");
  EXPECT_EQ(nearest_zone_name("new_york"), "America/New_York");
  EXPECT_EQ(nearest_zone_name("Europe/Lonndon"), "Europe/London");
  EXPECT_EQ(nearest_zone_name("the middle of nowhere at all"), "");
}

}  // namespace
}  // namespace switchyard::expression
