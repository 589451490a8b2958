#include "../surfaces/runs.h"

#include <gtest/gtest.h>

namespace switchyard::gateway::surfaces {
namespace {

class SetClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return 1'700'000'000'000'000; }
  int64_t monotonic_us() const override { return now; }
  int64_t now = 5'000'000;
};

TEST(WithinDeadline, LeavesTimeForTheAnswerToReachAClientThatNamedOne) {
  SetClock clock;
  Services services;
  services.clock = &clock;
  Call call;
  EXPECT_EQ(within_deadline(call, services, 50'000'000), 50'000'000);  // it named none
  call.deadline_us = clock.now + 1'500'000;
  EXPECT_EQ(within_deadline(call, services, 50'000'000), 1'400'000);
  EXPECT_EQ(within_deadline(call, services, 300'000), 300'000);
  call.deadline_us = clock.now + 200'000;
  EXPECT_EQ(within_deadline(call, services, 50'000'000), 180'000);
  clock.now += 1'000'000;  // over
  EXPECT_EQ(within_deadline(call, services, 50'000'000), 0);
}

}  // namespace
}  // namespace switchyard::gateway::surfaces
