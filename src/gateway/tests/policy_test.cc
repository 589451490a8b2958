#include "switchyard/gateway/policy.h"

#include <gtest/gtest.h>

namespace switchyard::gateway {
namespace {

TEST(Globs, MatchWholeNames) {
  EXPECT_TRUE(glob_matches("chat/*", "chat/cheap"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(glob_matches("gpt-?", "gpt-5"));
  EXPECT_FALSE(glob_matches("gpt-?", "gpt-55"));
  EXPECT_FALSE(glob_matches("chat", "chat/cheap"));
  EXPECT_FALSE(glob_matches("", "a"));
  // In time, however many stars.
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*b", std::string(200, 'a')));
}

TEST(Money, IsReadExactlyAndWrittenShortest) {
  EXPECT_EQ(parse_money("12"), 12'000'000);
  EXPECT_EQ(parse_money("0.5"), 500'000);
  EXPECT_EQ(parse_money("19.990001"), 19'990'001);
  for (const char* bad : {"", ".5", "1.", "-1", "1e3", "1.0000001", "1,5", "9999999999999"})
    EXPECT_FALSE(parse_money(bad)) << bad;
  EXPECT_EQ(money_text(19'990'000), "19.99");
  EXPECT_EQ(money_text(5'000'000), "5");
  EXPECT_EQ(money_text(1), "0.000001");
}

TEST(Policies, AreBounded) {
  KeyPolicy policy;
  EXPECT_TRUE(check_policy(policy).ok());
  policy.limits.concurrent = 2'000'000;
  EXPECT_EQ(check_policy(policy).error().field, "concurrent");
  policy = {};
  policy.budget.day_micros = -1;
  EXPECT_EQ(check_policy(policy).error().code, "gateway.bad_budget");
  policy = {};
  policy.routes = {"ok", "not ok"};
  EXPECT_EQ(check_policy(policy).error().code, "gateway.bad_route");
  policy.routes.assign(65, "a");
  EXPECT_EQ(check_policy(policy).error().code, "gateway.bad_route");
}

}  // namespace
}  // namespace switchyard::gateway
