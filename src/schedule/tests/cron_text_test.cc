// What a cron expression may say, and what is answered to what it may not.
#include "cron_text.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "switchyard/schedule/schedule.h"

namespace switchyard::schedule {
namespace {

uint64_t bits(std::initializer_list<int> values) {
  uint64_t set = 0;
  for (const int value : values) set |= uint64_t{1} << value;
  return set;
}

Cron::Sets sets_of(std::string_view text) {
  auto sets = read_cron(text);
  EXPECT_TRUE(sets.ok()) << text << ": " << sets.error().to_string();
  return sets.ok() ? *sets : Cron::Sets{};
}

std::string mistake_of(std::string_view text) {
  const auto sets = read_cron(text);
  EXPECT_FALSE(sets.ok()) << text;
  return sets.ok() ? "" : sets.error().to_string();
}

TEST(CronText, KnowsValuesRangesStepsAndLists) {
  EXPECT_EQ(sets_of("5 * * * *").minutes, bits({5}));
  EXPECT_EQ(sets_of("5-8 * * * *").minutes, bits({5, 6, 7, 8}));
  EXPECT_EQ(sets_of("*/20 * * * *").minutes, bits({0, 20, 40}));
  EXPECT_EQ(sets_of("10-40/15 * * * *").minutes, bits({10, 25, 40}));
  EXPECT_EQ(sets_of("1,30-32,*/25 * * * *").minutes, bits({0, 1, 25, 30, 31, 32, 50}));
  EXPECT_EQ(sets_of("\t0  23 * * * ").hours, bits({23}));
  EXPECT_EQ(sets_of("0 0 1,31 * *").days, bits({1, 31}));
  EXPECT_EQ(sets_of("00 07 * * *").hours, bits({7}));
}

TEST(CronText, KnowsMonthsAndDaysOfTheWeekByName) {
  EXPECT_EQ(sets_of("0 0 * jan,JUL *").months, bits({1, 7}));
  EXPECT_EQ(sets_of("0 0 * oct-dec *").months, bits({10, 11, 12}));
  EXPECT_EQ(sets_of("0 0 * * Mon-Fri").weekdays, bits({1, 2, 3, 4, 5}));
  EXPECT_EQ(sets_of("0 0 * * fri-sun").weekdays, bits({0, 5, 6}));
  EXPECT_EQ(sets_of("0 0 * * mon-sun/3").weekdays, bits({1, 4, 0}));
}

TEST(CronText, SundayIsZeroAndSeven) {
  EXPECT_EQ(sets_of("0 0 * * 0").weekdays, bits({0}));
  EXPECT_EQ(sets_of("0 0 * * 7").weekdays, bits({0}));
  EXPECT_EQ(sets_of("0 0 * * 5-7").weekdays, bits({0, 5, 6}));
  EXPECT_EQ(sets_of("0 0 * * *").weekdays, bits({0, 1, 2, 3, 4, 5, 6}));
}

TEST(CronText, NicknamesStandForFiveFields) {
  EXPECT_EQ(sets_of("@hourly").minutes, bits({0}));
  EXPECT_EQ(sets_of("@hourly").hours, sets_of("0 * * * *").hours);
  EXPECT_EQ(sets_of("@Daily").hours, bits({0}));
  EXPECT_EQ(sets_of("@midnight").hours, bits({0}));
  EXPECT_EQ(sets_of("@weekly").weekdays, bits({0}));
  EXPECT_EQ(sets_of("@monthly").days, bits({1}));
  EXPECT_EQ(sets_of("@yearly").months, bits({1}));
  EXPECT_EQ(sets_of("@annually").months, bits({1}));
}

TEST(CronText, ErrorsNameTheFieldAndTheMend) {
  const struct {
    std::string_view text, report;
  } kWrong[] = {
      {"60 * * * *", "the minute is '60'; write 0 to 59 [schedule.bad_cron] at minute"},
      {"* 24 * * *", "the hour is '24'; write 0 to 23 [schedule.bad_cron] at hour"},
      {"* * 0 * *", "the day of month is '0'; write 1 to 31 [schedule.bad_cron] at day of month"},
      {"* * * 13 *", "the month is '13'; write 1 to 12 or jan to dec [schedule.bad_cron] at month"},
      {"* * * * 8", "the day of week is '8'; write 0 to 7 or sun to sat [schedule.bad_cron] at day of week"},
      {"* * * january *", "the month is 'january'; write 'jan' [schedule.bad_cron] at month"},
      {"* * * * tues", "the day of week is 'tues'; write 'tue' [schedule.bad_cron] at day of week"},
      {"mon * * * *", "the minute is 'mon'; write 0 to 59 [schedule.bad_cron] at minute"},
      {"1,,2 * * * *",
       "the minute has an empty place in the list '1,,2'; take the spare comma out [schedule.bad_cron] at "
       "minute"},
      {"1- * * * *", "the minute has '1-'; write 0 to 59 [schedule.bad_cron] at minute"},
      {"-1 * * * *", "the minute has '-1'; write 0 to 59 [schedule.bad_cron] at minute"},
      {"* 22-2 * * *",
       "the hour has the range '22-2', which runs backwards; write '22-23,0-2' [schedule.bad_cron] at hour"},
      {"* * * * sat-mon",
       "the day of week has the range 'sat-mon', which runs backwards; write '6-6,0-1' [schedule.bad_cron] "
       "at "
       "day of week"},
      {"5/10 * * * *",
       "the minute has a step after the single value '5'; write the range it goes through, as '5-59/10' "
       "[schedule.bad_cron] at minute"},
      {"*/0 * * * *",
       "the minute has the step '0'; write a whole number from 1 to 59 [schedule.bad_cron] at minute"},
      {"* */99 * * *",
       "the hour has the step '99'; write a whole number from 1 to 23 [schedule.bad_cron] at hour"},
      {"*/ * * * *",
       "the minute has the step ''; write a whole number from 1 to 59 [schedule.bad_cron] at minute"},
      {"0 0 L * *",
       "the day of month has 'L', which other schedulers know but cron does not; write '*' for any, or "
       "numbers "
       "[schedule.bad_cron] at day of month"},
      {"0 0 ? * 1",
       "the day of month has '?', which other schedulers know but cron does not; write '*' for any, or "
       "numbers "
       "[schedule.bad_cron] at day of month"},
      {"0 0 * *",
       "a cron expression has five fields (minute, hour, day of month, month, day of week), and '0 0 * *' "
       "has 4; "
       "write for example '30 6 * * mon-fri' [schedule.bad_cron]"},
      {"0 0 0 * * *",
       "a cron expression has five fields (minute, hour, day of month, month, day of week), and '0 0 0 * * "
       "*' has "
       "6; take away the one for seconds or for the year; write for example '30 6 * * mon-fri' "
       "[schedule.bad_cron]"},
      {"@reboot",
       "'@reboot' is no time; write one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
       "@annually, or "
       "five fields [schedule.bad_cron]"},
      {"@often",
       "there is no '@often'; write one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
       "@annually, or "
       "five fields [schedule.bad_cron]"},
      {"@daily 5", "'@daily' stands alone; take away what follows it [schedule.bad_cron]"},
      {"0 0 30 feb *",
       "the day of month '30' never comes in the month 'feb'; write a day that the month has "
       "[schedule.never] at "
       "day of month"},
      {"0 0 31 4,jun *",
       "the day of month '31' never comes in the month '4,jun'; write a day that the month has "
       "[schedule.never] "
       "at day of month"},
  };
  for (const auto& [text, report] : kWrong) EXPECT_EQ(mistake_of(text), report);
}

TEST(CronText, AnEmptyTextIsAnError) {
  EXPECT_NE(mistake_of("").find("has 0"), std::string::npos);
  EXPECT_NE(mistake_of("   ").find("has 0"), std::string::npos);
}

TEST(CronText, IsBounded) {
  std::string text = "0";
  while (text.size() <= kMaxCronBytes) text += ",0";
  EXPECT_NE(mistake_of(text + " * * * *").find("kMaxCronBytes"), std::string::npos);
}

TEST(CronText, AZoneNobodyKnowsIsAnErrorThatOffersOne) {
  const auto report = [](std::string_view zone) {
    const auto cron = parse_cron("@daily", zone);
    EXPECT_FALSE(cron.ok()) << zone;
    return cron.ok() ? "" : cron.error().to_string();
  };
  EXPECT_EQ(
      report("europe/berlin"),
      "there is no time zone 'europe/berlin'; did you mean 'Europe/Berlin'? [schedule.unknown_zone] at zone");
  EXPECT_EQ(report("Berlin"),
            "there is no time zone 'Berlin'; did you mean 'Europe/Berlin'? [schedule.unknown_zone] at zone");
  EXPECT_EQ(
      report("America/New_Yrok"),
      "there is no time zone 'America/New_Yrok'; did you mean 'America/New_York'? [schedule.unknown_zone] at "
      "zone");
  EXPECT_EQ(
      report(""),
      "the time zone has no name; write one as 'Europe/Berlin', or 'UTC' [schedule.unknown_zone] at zone");
  EXPECT_EQ(report("../../etc/passwd").find("there is no time zone"), 0u);
}

TEST(EveryText, ReadsWholeNumbersOfUnits) {
  const auto us = [](std::string_view text) {
    const auto every = parse_every(text);
    EXPECT_TRUE(every.ok()) << text;
    return every.ok() ? every->period_us() : 0;
  };
  EXPECT_EQ(us("15m"), int64_t{15} * 60 * 1'000'000);
  EXPECT_EQ(us("1h30m"), int64_t{90} * 60 * 1'000'000);
  EXPECT_EQ(us("1d"), int64_t{86400} * 1'000'000);
  EXPECT_EQ(us("90s"), int64_t{90} * 1'000'000);
  for (const auto* wrong : {"", "15", "m", "15 m", "30m1h", "1h1h", "-5m", "1.5h", "1w", "99999999999999s"})
    EXPECT_EQ(parse_every(wrong).ok(), false) << wrong;
}

TEST(EveryText, ErrorsNameTheMend) {
  EXPECT_EQ(parse_every("soon").error().to_string(),
            "'soon' is no period; write whole numbers with d, h, m or s, the greater unit first, as '15m' or "
            "'1h30m' [schedule.bad_period] at every");
  EXPECT_NE(parse_every("0s").error().message.find("kMinPeriodUs"), std::string::npos);
  EXPECT_NE(parse_every("367d").error().message.find("kMaxPeriodUs"), std::string::npos);
  EXPECT_TRUE(parse_every("366d").ok());
  EXPECT_FALSE(every_us(999'999).ok());
  EXPECT_FALSE(every_us(std::numeric_limits<int64_t>::min()).ok());
}

}  // namespace
}  // namespace switchyard::schedule
