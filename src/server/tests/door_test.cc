#include "door.h"

#include <gtest/gtest.h>

#include <future>

#include "switchyard/governance/governance.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/store/memory.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"

namespace switchyard::server {
namespace {

TEST(QueueProbe, SaysHowLongCommandsWaitForABusyPartition) {
  testing::ManualClock clock;
  clock.advance_us(1'000'000);
  testing::SeededRandom random{7};
  const governance::Governance governance({});
  const auto logs = log::MemoryLogs::create({});
  partition::EngineOptions options;
  options.partitions = 3;
  options.threads = 1;
  options.logs = logs.get();
  options.clock = &clock;
  options.random = &random;
  options.catalog = [&] { return governance.snapshot(); };
  options.open_store = [](PartitionId) -> Result<std::unique_ptr<store::StateStore>> {
    return std::unique_ptr<store::StateStore>(store::memory_state_store(3));
  };
  partition::Engine engine(options);
  engine.start().value();
  QueueProbe probe(engine, clock);
  std::promise<void> busy, go_on;
  engine.get_run(partition::make_run_id(PartitionId(0), clock.now_us(), 1), 0,
                 [&](const Result<partition::RunView>&) {
                   busy.set_value();
                   go_on.get_future().wait();
                 });
  busy.get_future().wait();
  EXPECT_EQ(probe.measure_us(), 0) << "the first question is only asked";
  clock.advance_us(40'000);
  EXPECT_GE(probe.measure_us(), 40'000) << "it waits still";
  go_on.set_value();
  engine.stop();
}

}  // namespace
}  // namespace switchyard::server
