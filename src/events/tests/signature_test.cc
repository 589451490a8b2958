#include "switchyard/events/signature.h"

#include <gtest/gtest.h>

namespace switchyard::events {
namespace {

// The example of the Standard Webhooks specification.
TEST(Signatures, AreThoseOfTheSpecification) {
  const auto secret = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(sign(*secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signatures, ASecretThatIsNoneIsRefusedAndNotShown) {
  for (const char* bad : {"", "hunter2hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_!!"}) {
    const auto secret = decode_secret(bad);
    ASSERT_FALSE(secret.ok()) << bad;
    EXPECT_EQ(secret.error().code, "webhook.bad_secret");
    EXPECT_EQ(secret.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(RetryAfter, IsSecondsOrADateAndNeverMoreThanAWeek) {
  EXPECT_EQ(retry_after_us("120", 0), 120'000'000);
  EXPECT_EQ(retry_after_us("0", 0), 0);
  EXPECT_EQ(retry_after_us("-5", 0), 0);
  EXPECT_EQ(retry_after_us("999999999", 0), int64_t{7} * 86'400 * 1'000'000);
  EXPECT_EQ(retry_after_us("", 0), 0);
  EXPECT_EQ(retry_after_us("soon", 0), 0);
  EXPECT_EQ(retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111777ll * 1'000'000 - 5'000'000), 5'000'000);
  EXPECT_EQ(retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", 784111777ll * 1'000'000 + 5'000'000), 0);
}

}  // namespace
}  // namespace switchyard::events
