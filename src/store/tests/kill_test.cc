// A process is killed while it writes a store; another opens what is left. The steps follow from a seed, so
// that the right state at any offset is known: step i is the event at offset i.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "store_fixture.h"

extern char** environ;

namespace switchyard::store {
namespace {

constexpr const char* kFolderVariable = "SWITCHYARD_STORE_KILL_FOLDER";

/// The change that step `i` makes: a key, and its value or nothing.
std::pair<std::string, std::optional<std::string>> step_of(uint64_t i) {
  std::mt19937_64 random(i);
  std::string key = "k" + std::to_string(random() % 5000);
  if (random() % 3 == 0) return {std::move(key), std::nullopt};
  return {std::move(key), std::to_string(i) + std::string(random() % 300, 'x')};
}

StoreOptions options_for(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.write_buffer_bytes = 256 << 10;
  return options;
}

/// The child: goes on from what it finds until it is killed, and writes down what the store says is safe.
TEST(StoreKillChild, DISABLED_WritesUntilKilled) {
  const char* folder = std::getenv(kFolderVariable);
  ASSERT_NE(folder, nullptr);
  auto store = open_state_store(make_store_host(), options_for(std::string(folder) + "/state")).value();
  uint64_t next = store->applied() ? store->applied()->offset.value : 0;
  std::ofstream claims(std::string(folder) + "/claims", std::ios::app);
  uint64_t claimed = 0;
  for (;;) {
    const auto [key, value] = step_of(next++);
    if (value)
      store->put(key, *value);
    else
      store->erase(key);
    if (next % 300 == 0)
      store->freeze(at(next), next % 3000 == 0 ? Durability::kDurable : Durability::kWritten);
    const auto flushed = store->flushed();
    if (flushed && flushed->offset.value > claimed) {
      claimed = flushed->offset.value;
      claims << claimed << std::endl;
    }
  }
}

/// The highest offset that a child said is safe.
uint64_t claimed_in(const TemporaryFolder& folder) {
  uint64_t claimed = 0;
  std::ifstream claims(folder.path("claims"));
  for (uint64_t claim; claims >> claim;) claimed = std::max(claimed, claim);
  return claimed;
}

TEST(StoreKill, WhatIsFoundAfterKillIsExactlyACheckpointNotOlderThanTheOneClaimed) {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("."));
  ASSERT_EQ(setenv(kFolderVariable, folder.path("").c_str(), 1), 0);
  std::mt19937_64 random(11);
  Model model;
  uint64_t folded = 0, claimed = 0;
  for (int round = 0; round < 12; ++round) {
    std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    std::string filter = "--gtest_filter=StoreKillChild.*", all = "--gtest_also_run_disabled_tests",
                brief = "--gtest_brief=1";
    char* arguments[] = {self.data(), filter.data(), all.data(), brief.data(), nullptr};
    pid_t child = 0;
    ASSERT_EQ(posix_spawn(&child, self.c_str(), nullptr, nullptr, arguments, environ), 0);
    // Half of the children die wherever they happen to be, perhaps opening; half after they got on.
    if (round % 2 == 0)
      while (claimed_in(folder) == claimed) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";

    claimed = claimed_in(folder);
    auto store = open_state_store(make_store_host(), options_for(folder.path("state"))).value();
    const uint64_t applied = store->applied() ? store->applied()->offset.value : 0;
    ASSERT_GE(applied, claimed) << "round " << round;
    ASSERT_GE(applied, folded) << "round " << round;
    for (; folded < applied; ++folded) {
      const auto [key, value] = step_of(folded);
      if (value)
        model[key] = *value;
      else
        model.erase(key);
    }
    ASSERT_EQ(scanned(*store, Range::all()), entries_of(model)) << "round " << round;
  }
  EXPECT_GT(folded, 0u) << "the children never got as far as a checkpoint";
}

}  // namespace
}  // namespace switchyard::store
