// switchyard_sim --seeds N [--from S] | --seed S [--verbose]   [--plant NAME] [--threads N]
#include <unistd.h>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "world.h"

namespace switchyard::sim {
namespace {

// One world in so many is run twice: the same seed must give the same trace.
constexpr uint64_t kTwiceEvery = 20;
constexpr uint64_t kFailuresShown = 10;

struct Arguments {
  uint64_t from = 1, seeds = 100, threads = 2;
  Plant plant = Plant::kNone;
  bool verbose = false;
};

thread_local uint64_t current_seed = 0;
Plant current_plant = Plant::kNone;

std::string command(uint64_t seed, Plant plant) {
  std::string text = "switchyard_sim --seed " + std::to_string(seed);
  if (plant != Plant::kNone) text += " --plant " + std::string(plant_name(plant));
  return text + " --verbose";
}

/// A broken CHECK ends the process: say which world broke it.
void on_abort(int) {
  char text[256];
  const int size = std::snprintf(
      text, sizeof text,
      "seed %llu FAILED: a CHECK broke (above)\n  again: switchyard_sim --seed %llu --plant %s --verbose\n",
      static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_seed),
      plant_name(current_plant).data());
  [[maybe_unused]] const auto written = write(2, text, static_cast<size_t>(size));
  _exit(1);
}

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: switchyard_sim --seeds N [--from S] [--threads N] [--plant NAME]\n       "
               "switchyard_sim --seed S [--verbose] [--plant NAME]\n");
  std::exit(2);
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      arguments.verbose = true;
      continue;
    }
    if (i + 1 >= argc) usage();
    const std::string_view text = argv[++i];
    if (name == "--plant") {
      const auto plant = parse_plant(text);
      if (!plant.has_value()) usage();
      arguments.plant = *plant;
      continue;
    }
    uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ptr != text.data() + text.size())
      usage();
    if (name == "--seeds")
      arguments.seeds = number;
    else if (name == "--from")
      arguments.from = number;
    else if (name == "--threads")
      arguments.threads = std::max<uint64_t>(number, 1);
    else if (name == "--seed")
      arguments.from = number, arguments.seeds = 1, arguments.threads = 1;
    else
      usage();
  }
  return arguments;
}

WorldOutcome run_seed(uint64_t seed, const Arguments& arguments) {
  current_seed = seed;
  const WorldOptions options{seed, arguments.plant, arguments.verbose};
  WorldOutcome outcome = World(options).run();
  const bool twice = !arguments.verbose &&
                     (seed % kTwiceEvery == 0 || arguments.seeds == 1 || arguments.plant == Plant::kChance);
  if (twice && outcome.failure.empty()) {
    if (World(options).run().trace != outcome.trace)
      outcome.failure = "the same seed gave another trace: something is no function of the seed";
  }
  return outcome;
}

struct Totals {
  std::mutex mutex;
  uint64_t passed = 0, failed = 0, runs = 0, events = 0, crashes = 0, replays = 0, reviews = 0, early = 0,
           switches = 0, stopped = 0, archived = 0, compacted = 0, deleted = 0, admitted = 0, superseded = 0,
           signals = 0, migrations = 0;

  void add(uint64_t seed, const WorldOutcome& outcome, const Arguments& arguments) {
    std::lock_guard lock(mutex);
    runs += outcome.runs;
    events += outcome.events;
    crashes += outcome.crashes;
    replays += outcome.replays;
    reviews += outcome.answered_reviews;
    early += outcome.early_crashes;
    switches += outcome.switches;
    stopped += outcome.stopped;
    archived += outcome.archived;
    compacted += outcome.compacted;
    deleted += outcome.deleted;
    signals += outcome.signals;
    migrations += outcome.migrations;
    admitted += outcome.admitted;
    superseded += outcome.superseded;
    ++(outcome.failure.empty() ? passed : failed);
    if (!outcome.failure.empty() && failed <= kFailuresShown) {
      std::printf("seed %llu FAILED: %s\n  again: %s\n", static_cast<unsigned long long>(seed),
                  outcome.failure.c_str(), command(seed, arguments.plant).c_str());
    }
    const uint64_t done = passed + failed;
    if (done % 200 == 0 && done < arguments.seeds) {
      std::printf("%llu of %llu seeds\n", static_cast<unsigned long long>(done),
                  static_cast<unsigned long long>(arguments.seeds));
    }
    std::fflush(stdout);
  }
};

int run(const Arguments& arguments) {
  current_plant = arguments.plant;
  std::signal(SIGABRT, on_abort);
  (void)scenery();
  Totals totals;
  std::atomic<uint64_t> next{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < std::min(arguments.threads, arguments.seeds); ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = next++; i < arguments.seeds; i = next++) {
        const uint64_t seed = arguments.from + i;
        totals.add(seed, run_seed(seed, arguments), arguments);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto n = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu runs, %llu events, %llu crashes, %llu more while opening, %llu reviews answered, %llu runs "
      "replayed\n",
      n(totals.runs), n(totals.events), n(totals.crashes), n(totals.early), n(totals.reviews),
      n(totals.replays));
  std::printf("%llu switches thrown, which stopped %llu attempts and runs\n", n(totals.switches),
              n(totals.stopped));
  std::printf("%llu events archived, %llu runs compacted, %llu deleted\n", n(totals.archived),
              n(totals.compacted), n(totals.deleted));
  std::printf("%llu signals taken, %llu migrations\n", n(totals.signals), n(totals.migrations));
  std::printf("%llu runs waited for a place and got it, %llu were cancelled for a newer one\n",
              n(totals.admitted), n(totals.superseded));
  std::printf("%llu passed, %llu failed\n", n(totals.passed), n(totals.failed));
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace switchyard::sim

int main(int argc, char** argv) { return switchyard::sim::run(switchyard::sim::parse(argc, argv)); }
