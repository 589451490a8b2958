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

}  // namespace
}  // namespace switchyard::events
