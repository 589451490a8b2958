#include "switchyard/http/retry_after.h"

#include <gtest/gtest.h>

namespace switchyard::http {
namespace {

TEST(RetryAfter, IsSecondsOrADateAndNeverMoreThanAWeek) {
  EXPECT_EQ(retry_after_us("120", 0), 120'000'000);
  EXPECT_EQ(retry_after_us("1.5", 0), 1'500'000);
  EXPECT_EQ(retry_after_us("0", 0), 0);
  EXPECT_EQ(retry_after_us("-5", 0), 0);
  EXPECT_EQ(retry_after_us("999999999", 0), int64_t{7} * 86'400 * 1'000'000);
  EXPECT_EQ(retry_after_us("", 0), 0);
  for (const char* none :
       {"soon", "1 s", "nan", "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET"})
    EXPECT_EQ(retry_after_us(none, 0), 0) << none;
  EXPECT_EQ(retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111777ll * 1'000'000 - 5'000'000), 5'000'000);
  EXPECT_EQ(retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111777ll * 1'000'000 + 5'000'000), 0);
}

}  // namespace
}  // namespace switchyard::http
