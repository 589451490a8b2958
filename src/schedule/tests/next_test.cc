// When the next moment is: calendars, leap years, and the nights on which clocks change.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "switchyard/schedule/schedule.h"
#include "switchyard/types/time_text.h"

namespace switchyard::schedule {
namespace {

constexpr int64_t kSecond = 1'000'000;

int64_t us(std::string_view text) {
  const auto time = parse_timestamp(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.has_value() ? time->seconds * kSecond + time->nanos / 1000 : 0;
}

std::string text_of(int64_t unix_us) {
  std::string out;
  append_timestamp(unix_us / kSecond, static_cast<int32_t>(unix_us % kSecond * 1000), out);
  return out;
}

Cron cron(std::string_view text, std::string_view zone) {
  auto parsed = parse_cron(text, zone);
  EXPECT_TRUE(parsed.ok()) << parsed.error().to_string();
  return std::move(parsed).value();
}

/// The next moments after `from`.
std::vector<std::string> next(std::string_view text, std::string_view zone, std::string_view from,
                              size_t count) {
  const auto schedule = cron(text, zone);
  std::vector<std::string> moments;
  int64_t at = us(from);
  for (size_t i = 0; i < count; ++i) {
    at = schedule.next_after_us(at);
    moments.push_back(text_of(at));
  }
  return moments;
}

using Moments = std::vector<std::string>;

TEST(CronNext, IsStrictlyLater) {
  EXPECT_EQ(next("0 12 * * *", "UTC", "2025-06-01T12:00:00Z", 1), Moments{"2025-06-02T12:00:00Z"});
  EXPECT_EQ(next("0 12 * * *", "UTC", "2025-06-01T11:59:59.999999Z", 1), Moments{"2025-06-01T12:00:00Z"});
  EXPECT_EQ(next("* * * * *", "UTC", "2025-06-01T12:00:30Z", 2),
            (Moments{"2025-06-01T12:01:00Z", "2025-06-01T12:02:00Z"}));
}

TEST(CronNext, CountsTheHoursOfTheZone) {
  EXPECT_EQ(next("30 6 * * *", "Europe/Berlin", "2025-01-10T00:00:00Z", 1), Moments{"2025-01-10T05:30:00Z"});
  EXPECT_EQ(next("30 6 * * *", "Europe/Berlin", "2025-07-10T00:00:00Z", 1), Moments{"2025-07-10T04:30:00Z"});
  EXPECT_EQ(next("0 9 * * *", "Asia/Kathmandu", "2025-07-10T00:00:00Z", 1), Moments{"2025-07-10T03:15:00Z"});
  EXPECT_EQ(next("0 9 * * *", "+02:00", "2025-07-10T00:00:00Z", 1), Moments{"2025-07-10T07:00:00Z"});
  // Days of the week are those of the zone: Monday in Auckland begins on Sunday in UTC.
  EXPECT_EQ(next("0 1 * * mon", "Pacific/Auckland", "2025-07-12T00:00:00Z", 1),
            Moments{"2025-07-13T13:00:00Z"});
}

TEST(CronNext, ASkippedTimeIsTheMomentOfTheSkip) {
  // In Berlin the clocks go from 02:00 to 03:00 on 30 March 2025, at 01:00Z.
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2025-03-28T12:00:00Z", 4),
            (Moments{"2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z",
                     "2025-04-01T00:30:00Z"}));
  // In New York from 02:00 to 03:00 on 9 March 2025, at 07:00Z.
  EXPECT_EQ(next("15 2 * * *", "America/New_York", "2025-03-08T00:00:00Z", 3),
            (Moments{"2025-03-08T07:15:00Z", "2025-03-09T07:00:00Z", "2025-03-10T06:15:00Z"}));
}

TEST(CronNext, AllThatOneSkipSwallowsIsOneMoment) {
  EXPECT_EQ(next("*/15 * * * *", "Europe/Berlin", "2025-03-30T00:30:00Z", 4),
            (Moments{"2025-03-30T00:45:00Z", "2025-03-30T01:00:00Z", "2025-03-30T01:15:00Z",
                     "2025-03-30T01:30:00Z"}));
  EXPECT_EQ(next("0,30 2-3 * * *", "Europe/Berlin", "2025-03-29T12:00:00Z", 3),
            (Moments{"2025-03-30T01:00:00Z", "2025-03-30T01:30:00Z", "2025-03-31T00:00:00Z"}));
}

TEST(CronNext, ATimeShownTwiceHappensTheFirstTime) {
  // In Berlin 02:00 to 03:00 comes twice on 26 October 2025: from 00:00Z and from 01:00Z.
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", 2),
            (Moments{"2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"}));
  // Asked within the second showing, it does not come back.
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2025-10-26T01:10:00Z", 1), Moments{"2025-10-27T01:30:00Z"});
  // In New York 01:00 to 02:00 comes twice on 2 November 2025: from 05:00Z and from 06:00Z.
  EXPECT_EQ(next("30 1 * * *", "America/New_York", "2025-11-01T12:00:00Z", 2),
            (Moments{"2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"}));
  EXPECT_EQ(next("0 * * * *", "America/New_York", "2025-11-02T04:30:00Z", 3),
            (Moments{"2025-11-02T05:00:00Z", "2025-11-02T07:00:00Z", "2025-11-02T08:00:00Z"}));
}

TEST(CronNext, AWholeDayCanBeSkipped) {
  // Samoa had no 30 December 2011: it went over the date line at 10:00Z.
  EXPECT_EQ(next("0 8 * * *", "Pacific/Apia", "2011-12-28T00:00:00Z", 4),
            (Moments{"2011-12-28T18:00:00Z", "2011-12-29T18:00:00Z", "2011-12-30T10:00:00Z",
                     "2011-12-30T18:00:00Z"}));
}

TEST(CronNext, RulesGoOnBeyondTheTablesOfTheDatabase) {
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2099-03-28T12:00:00Z", 2),
            (Moments{"2099-03-29T01:00:00Z", "2099-03-30T00:30:00Z"}));
  EXPECT_EQ(next("0 0 1 1 *", "America/New_York", "2150-06-01T00:00:00Z", 1),
            Moments{"2151-01-01T05:00:00Z"});
}

TEST(CronNext, LeapDaysComeInLeapYears) {
  EXPECT_EQ(next("0 0 29 2 *", "UTC", "2023-01-01T00:00:00Z", 3),
            (Moments{"2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}));
  // 2100 has none: eight years without one.
  EXPECT_EQ(next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), Moments{"2104-02-29T00:00:00Z"});
  EXPECT_EQ(next("0 0 31 * *", "UTC", "2025-01-31T00:00:00Z", 3),
            (Moments{"2025-03-31T00:00:00Z", "2025-05-31T00:00:00Z", "2025-07-31T00:00:00Z"}));
}

TEST(CronNext, EitherDayFieldSufficesWhereBothAreWritten) {
  // 13 June 2025 is a Friday.
  EXPECT_EQ(next("0 0 13 * fri", "UTC", "2025-06-10T00:00:00Z", 4),
            (Moments{"2025-06-13T00:00:00Z", "2025-06-20T00:00:00Z", "2025-06-27T00:00:00Z",
                     "2025-07-04T00:00:00Z"}));
  EXPECT_EQ(next("0 0 13 * fri", "UTC", "2025-07-11T00:00:00Z", 1), Moments{"2025-07-13T00:00:00Z"});
  // Even a day that never comes does no harm beside days of the week.
  EXPECT_EQ(next("0 0 31 feb mon", "UTC", "2025-06-10T00:00:00Z", 1), Moments{"2026-02-02T00:00:00Z"});
}

TEST(CronNext, ALeadingStarMakesBothDayFieldsHold) {
  EXPECT_EQ(next("0 0 * * fri", "UTC", "2025-06-10T00:00:00Z", 2),
            (Moments{"2025-06-13T00:00:00Z", "2025-06-20T00:00:00Z"}));
  EXPECT_EQ(next("0 0 1 * *", "UTC", "2025-06-10T00:00:00Z", 1), Moments{"2025-07-01T00:00:00Z"});
  // Odd days that are Mondays, as in Vixie's cron.
  EXPECT_EQ(next("0 0 */2 * mon", "UTC", "2025-06-01T00:00:00Z", 3),
            (Moments{"2025-06-09T00:00:00Z", "2025-06-23T00:00:00Z", "2025-07-07T00:00:00Z"}));
}

TEST(CronNext, NicknamesBeginAtMidnightOfTheZone) {
  EXPECT_EQ(next("@daily", "Europe/Berlin", "2025-06-10T00:00:00Z", 1), Moments{"2025-06-10T22:00:00Z"});
  EXPECT_EQ(next("@weekly", "UTC", "2025-06-10T00:00:00Z", 1), Moments{"2025-06-15T00:00:00Z"});
  EXPECT_EQ(next("@monthly", "UTC", "2025-06-10T00:00:00Z", 1), Moments{"2025-07-01T00:00:00Z"});
  EXPECT_EQ(next("@yearly", "UTC", "2025-06-10T00:00:00Z", 1), Moments{"2026-01-01T00:00:00Z"});
  EXPECT_EQ(next("@hourly", "UTC", "2025-06-10T00:20:00Z", 1), Moments{"2025-06-10T01:00:00Z"});
}

TEST(CronNext, HoldsAtTheEndsOfTime) {
  const auto yearly = cron("@yearly", "Europe/Berlin");
  EXPECT_EQ(yearly.next_after_us(kNever), kNever);
  EXPECT_EQ(yearly.next_after_us(kNever - 1), kNever);
  const int64_t first = yearly.next_after_us(std::numeric_limits<int64_t>::min());
  EXPECT_LT(first, std::numeric_limits<int64_t>::min() + int64_t{367} * 86400 * kSecond);
  EXPECT_EQ(next("* * * * *", "UTC", "1969-12-31T23:58:30Z", 2),
            (Moments{"1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z"}));
}

/// A random list of values of a field, or `*`.
std::string random_field(std::mt19937& random, int least, int most, std::set<int>& values) {
  if (random() % 3 == 0) {
    for (int i = least; i <= most; ++i) values.insert(i);
    return "*";
  }
  std::string text;
  for (size_t i = 1 + random() % 4; i > 0; --i) {
    const int value = least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
    values.insert(value);
    text += (text.empty() ? "" : ",") + std::to_string(value);
  }
  return text;
}

/// The moments within [from, to) found by looking at every minute: something happens when the clocks have
/// come to show a matching minute, or one beyond it, for the first time.
std::vector<int64_t> minute_by_minute(const expression::TimeZone& zone, const std::set<int> (&fields)[5],
                                      bool both_days, int64_t from, int64_t to) {
  std::vector<int64_t> moments;
  int64_t shown = (from - 60 + zone.offset_at(from - 60)) / 60;
  for (int64_t at = from; at < to; at += 60) {
    const int64_t now = (at + zone.offset_at(at)) / 60;
    bool hit = false;
    for (; shown < now; ++shown) {
      const int64_t minute = shown + 1;
      const int64_t days = minute / 1440;
      const auto date = date_from_days(days);
      const bool day = fields[2].contains(static_cast<int>(date.day));
      const bool weekday = fields[4].contains(static_cast<int>((days + 4) % 7));
      hit |= fields[0].contains(static_cast<int>(minute % 60)) &&
             fields[1].contains(static_cast<int>(minute / 60 % 24)) &&
             fields[3].contains(static_cast<int>(date.month)) &&
             (both_days ? day && weekday : day || weekday);
    }
    if (hit) moments.push_back(at * kSecond);
  }
  return moments;
}

TEST(CronNext, AgreesWithLookingAtEveryMinute) {
  std::mt19937 random(20250330);
  const struct {
    const char* zone;
    const char* around;
  } kNights[] = {
      {"Europe/Berlin", "2025-03-30T01:00:00Z"},       {"Europe/Berlin", "2025-10-26T01:00:00Z"},
      {"America/New_York", "2026-03-08T07:00:00Z"},    {"America/New_York", "2060-11-07T06:00:00Z"},
      {"Australia/Lord_Howe", "2025-04-05T15:00:00Z"}, {"Australia/Lord_Howe", "2025-10-04T15:30:00Z"},
      {"Europe/Dublin", "2025-03-30T01:00:00Z"},       {"Africa/Casablanca", "2026-02-15T02:00:00Z"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z"},        {"Kwajalein", "1993-08-21T12:00:00Z"},
      {"America/Santiago", "2025-09-07T04:00:00Z"},    {"Antarctica/Troll", "2025-10-26T01:00:00Z"}};
  size_t compared = 0;
  for (const auto& [zone_name, around] : kNights) {
    const auto zone = expression::TimeZone::find(zone_name);
    ASSERT_TRUE(zone.has_value()) << zone_name;
    for (int i = 0; i < 40; ++i) {
      std::set<int> fields[5];
      constexpr int kLeast[] = {0, 0, 1, 1, 0};
      constexpr int kMost[] = {59, 23, 31, 12, 6};
      std::string text;
      bool both_days = false;
      for (size_t f = 0; f < 5; ++f) {
        const auto field = random_field(random, kLeast[f], kMost[f], fields[f]);
        if (field == "*" && (f == 2 || f == 4)) both_days = true;
        text += (f == 0 ? "" : " ") + field;
      }
      if (!parse_cron(text, zone_name).ok()) continue;  // a date that never comes
      const auto schedule = cron(text, zone_name);
      const int64_t from = us(around) / kSecond - int64_t{3} * 86400;
      const int64_t to = from + int64_t{6} * 86400;
      std::vector<int64_t> met;
      int64_t at = from * kSecond - 1;
      while ((at = schedule.next_after_us(at)) < to * kSecond) met.push_back(at);
      ASSERT_EQ(met, minute_by_minute(*zone, fields, both_days, from, to)) << text << " in " << zone_name;
      // From anywhere, not only from one moment to the next.
      for (int j = 0; j < 10 && !met.empty(); ++j) {
        const int64_t start = (from + static_cast<int64_t>(random() % (6 * 86400))) * kSecond;
        const auto later = std::upper_bound(met.begin(), met.end(), start);
        if (later == met.end()) continue;
        ASSERT_EQ(schedule.next_after_us(start), *later) << text << " in " << zone_name;
      }
      compared += met.size();
    }
  }
  EXPECT_GT(compared, 10'000u);
}

TEST(EveryNext, IsAMultipleOfThePeriodSince1970) {
  const auto every = std::move(parse_every("15m")).value();
  EXPECT_EQ(text_of(every.next_after_us(us("2025-06-01T12:07:30Z"))), "2025-06-01T12:15:00Z");
  EXPECT_EQ(text_of(every.next_after_us(us("2025-06-01T12:15:00Z"))), "2025-06-01T12:30:00Z");
  EXPECT_EQ(text_of(every.next_after_us(us("2025-06-01T12:14:59.999999Z"))), "2025-06-01T12:15:00Z");
  EXPECT_EQ(every.next_after_us(-1), 0);
  EXPECT_EQ(every.next_after_us(0), every.period_us());
  EXPECT_EQ(every.next_after_us(-every.period_us()), 0);
  EXPECT_EQ(every.next_after_us(kNever), kNever);
}

}  // namespace
}  // namespace switchyard::schedule
