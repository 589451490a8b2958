#include "../timer_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace switchyard::router {
namespace {

using namespace std::chrono_literals;

TEST(TimerThread, WakesForATimerThatComesWhileItHasNone) {
  const runtime::Clock& clock = runtime::system_clock();
  TimerThread timers(clock);
  for (int round = 0; round < 3; ++round) {
    std::promise<void> fired;
    timers.at(clock.monotonic_us() + 1000, [&] { fired.set_value(); });
    ASSERT_EQ(fired.get_future().wait_for(20s), std::future_status::ready);
  }
}

TEST(TimerThread, WakesForATimerThatIsDueBeforeTheOthers) {
  const runtime::Clock& clock = runtime::system_clock();
  TimerThread timers(clock);
  std::promise<void> fired;
  const uint64_t late =
      timers.at(clock.monotonic_us() + 3'600'000'000, [] { FAIL() << "an hour too early"; });
  timers.at(clock.monotonic_us() + 1000, [&] { fired.set_value(); });
  ASSERT_EQ(fired.get_future().wait_for(20s), std::future_status::ready);
  timers.cancel(late);
  timers.cancel(late);
}

}  // namespace
}  // namespace switchyard::router
