// The engine alone: no HTTP, no model. Each figure stands beside the limit measured in the same run.
//
//   engine_bench [--runs N] [--parked N] [--dir D] [throughput] [replay] [parked] [finished]
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "fixture.h"
#include "switchyard/log/local_log.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/runtime/allocator.h"
#include "switchyard/telemetry/latency_recorder.h"

namespace switchyard::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}
double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// The limit of durability: how long one fdatasync of 4 KiB takes here.
double fdatasync_us(const std::string& directory) {
  const std::string path = directory + "/raw";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  std::vector<char> block(4096, 'x');
  for (int i = 0; i < 256; ++i) (void)!::pwrite(fd, block.data(), block.size(), i * 4096);
  ::fsync(fd);
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) {
    (void)!::pwrite(fd, block.data(), block.size(), (i % 256) * 4096);
    const auto begun = Clock::now();
    ::fdatasync(fd);
    times.push_back(seconds_since(begun) * 1e6);
  }
  ::close(fd);
  ::unlink(path.c_str());
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

struct Node {
  explicit Node(std::string directory, bool memory) : path(std::move(directory)) {
    if (memory) {
      logs = log::MemoryLogs::create();
    } else {
      log::LocalLogOptions local;
      local.directory = path + "/log";
      logs = std::move(log::LocalLogs::open(local)).value();
    }
    partition::EngineOptions options;
    options.partitions = 1;
    options.logs = logs.get();
    options.open_store = [this](PartitionId id) {
      store::StoreOptions store;
      store.path = path + "/state-" + std::to_string(id.value);
      store.partition = id;
      return store::open_state_store(host, store);
    };
    options.clock = &runtime::system_clock();
    options.random = &runtime::system_random();
    options.catalog = [this] { return catalog; };
    options.executor = &executor;
    engine = std::make_unique<partition::Engine>(std::move(options));
    const auto begun = Clock::now();
    engine->start().value();
    start_seconds = seconds_since(begun);
  }
  ~Node() { engine->stop(); }

  std::string path;
  std::shared_ptr<const workflow::Catalog> catalog = make_catalog();
  InstantExecutor executor;
  std::shared_ptr<store::StoreHost> host = store::make_store_host();
  std::unique_ptr<log::Logs> logs;
  std::unique_ptr<partition::Engine> engine;
  double start_seconds = 0;
};

/// Keeps `window` starts under way until `count` were answered.
struct Load {
  double seconds = 0, cpu = 0;
  telemetry::LatencyRecorder latency;
};
void drive(Node& node, const char* pipeline, uint64_t count, uint64_t window, Load& load) {
  std::mutex mutex;
  std::condition_variable room;
  uint64_t in_flight = 0, done = 0;
  const bool wait = std::strcmp(pipeline, kDecision) == 0;
  const double cpu = cpu_seconds();
  const auto begun = Clock::now();
  for (uint64_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] { return in_flight < window; });
      ++in_flight;
    }
    const auto asked = Clock::now();
    node.engine->start_run(
        make_start(*node.catalog, pipeline, i), wait ? INT64_MAX : 0,
        [&, asked](Result<partition::StartReply> reply) {
          SY_CHECK(reply.ok());
          if (wait) SY_CHECK(reply->view.has_output && reply->view.output->find("fraud") != nullptr);
          std::lock_guard lock(mutex);
          load.latency.record(static_cast<int64_t>(seconds_since(asked) * 1e6));
          --in_flight;
          ++done;
          room.notify_one();
        });
  }
  std::unique_lock lock(mutex);
  room.wait(lock, [&] { return done == count; });
  load.seconds = seconds_since(begun);
  load.cpu = cpu_seconds() - cpu;
}

constexpr double kSteps = 5;

double throughput(Node& node, uint64_t runs, const char* title) {
  Load warm, load;
  drive(node, kDecision, runs / 10 + 1, 256, warm);
  const auto before = node.engine->stats()[0].log;
  drive(node, kDecision, runs, 256, load);
  const auto after = node.engine->stats()[0].log;
  const double rate = static_cast<double>(runs) / load.seconds;
  std::printf("%-34s %9.0f decisions/s  %9.0f steps/s  %9.0f steps per core second (wanted 100000, x%.2f)\n",
              title, rate, rate * kSteps, static_cast<double>(runs) * kSteps / load.cpu,
              static_cast<double>(runs) * kSteps / load.cpu / 100000);
  std::printf("%-34s syncs %llu, batches %llu, decisions per sync %.1f\n", "",
              static_cast<unsigned long long>(after.syncs - before.syncs),
              static_cast<unsigned long long>(after.commits - before.commits),
              after.syncs > before.syncs
                  ? static_cast<double>(runs) / static_cast<double>(after.syncs - before.syncs)
                  : 0.0);
  return rate;
}

void bench_throughput(const std::string& directory, uint64_t runs) {
  {
    Node node(directory + "/memory", true);
    throughput(node, runs, "memory log");
  }
  Node node(directory + "/local", false);
  const double limit = fdatasync_us(directory);
  throughput(node, runs, "local log");
  Load single;
  drive(node, kDecision, 2000, 1, single);
  std::printf("%-34s one caller: %.0f us a decision; one raw fdatasync: %.0f us (x%.2f)\n", "",
              single.seconds / 2000 * 1e6, limit, single.seconds / 2000 * 1e6 / limit);
}

void bench_replay(const std::string& directory, uint64_t runs) {
  const std::string path = directory + "/replay";
  uint64_t events = 0;
  {
    Node node(path, false);
    Load load;
    drive(node, kDecision, runs, 256, load);
    events = node.engine->stats()[0].machine.events;
  }
  // Without its state the partition folds the whole log.
  std::filesystem::remove_all(path + "/state-0");
  const double cpu = cpu_seconds();
  Node node(path, false);
  const double rate = static_cast<double>(events) / node.start_seconds;
  std::printf("%-34s %llu events in %.2f s: %.0f events/s (wanted 500000, x%.2f), %.2f CPU s\n",
              "fold of the whole log", static_cast<unsigned long long>(events), node.start_seconds, rate,
              rate / 500000, cpu_seconds() - cpu);
}

void bench_with(const std::string& directory, const char* name, const char* pipeline, uint64_t many,
                uint64_t few, uint64_t runs) {
  // Medians: a flush or a compaction of the base falls into one second and not into the next.
  constexpr int kSamples = 5;
  const auto median = [](std::vector<double> rates) {
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
  };
  std::vector<double> rates;
  for (int i = 0; i < kSamples; ++i) {
    Node node(directory + "/" + name + "-few-" + std::to_string(i), false);
    Load load;
    if (few > 0) drive(node, pipeline, few, 256, load);
    rates.push_back(throughput(node, runs, ("with " + std::to_string(few) + " " + name).c_str()));
  }
  const double base = median(std::exchange(rates, {}));
  const std::string path = directory + "/" + name + "-many";
  {
    Node node(path, false);
    const double before = resident_mb();
    Load load;
    drive(node, pipeline, many, 1024, load);
    // Checkpoints write in the background; let the overlays empty.
    while (node.engine->stats()[0].store.active_bytes + node.engine->stats()[0].store.frozen_bytes > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    std::this_thread::sleep_for(std::chrono::seconds(10));  // the base flushes and compacts
    std::printf("%-34s %.0f/s; resident %.0f MB before, %.0f MB after: %.0f B each\n",
                (std::string("making ") + std::to_string(many) + " " + name).c_str(),
                static_cast<double>(many) / load.seconds, before, resident_mb(),
                (resident_mb() - before) * 1e6 / static_cast<double>(many));
    for (int i = 0; i < kSamples; ++i)
      rates.push_back(throughput(node, runs, ("with " + std::to_string(many) + " " + name).c_str()));
    std::printf("%-34s %.1f %% of the throughput with %llu (wanted 90 %%)\n", "", median(rates) / base * 100,
                static_cast<unsigned long long>(few));
  }
  Node node(path, false);
  std::printf("%-34s %.2f s (wanted 10 s), resident %.0f MB\n", "start-up with them", node.start_seconds,
              resident_mb());
}

int run(int argc, char** argv) {
  uint64_t runs = 100'000, many = 1'000'000;
  std::string directory = "/tmp/switchyard-engine-bench";
  std::set<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--runs" && i + 1 < argc)
      runs = std::stoull(argv[++i]);
    else if (word == "--parked" && i + 1 < argc)
      many = std::stoull(argv[++i]);
    else if (word == "--dir" && i + 1 < argc)
      directory = argv[++i];
    else
      wanted.insert(word);
  }
  const auto wants = [&](const char* name) { return wanted.empty() || wanted.contains(name); };
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  if (wants("throughput")) bench_throughput(directory, runs);
  if (wants("replay")) bench_replay(directory, runs);
  if (wants("parked")) bench_with(directory, "parked", kParked, many, 0, runs);
  if (wants("finished")) bench_with(directory, "finished", kDecision, many, 1000, runs);
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace switchyard::bench

int main(int argc, char** argv) {
  switchyard::runtime::limit_retained_memory();  // as the server does
  return switchyard::bench::run(argc, argv);
}
