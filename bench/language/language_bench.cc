// What the language costs: to deploy a large pipeline, to run a step, to go through many items.
//
//   language_bench [deploy] [steps] [items] [--runs N] [--items N]
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

#include "documents.h"
#include "switchyard/document/document.h"
#include "switchyard/governance/governance.h"
#include "switchyard/http/server.h"
#include "switchyard/log/local_log.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/allocator.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::bench {
namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

double us_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begun).count();
}
double median(std::vector<double> values) {
  SY_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// --- deploy

class NoArtefacts final : public workflow::Resolver {
 public:
  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "bench.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }
};

struct Phases {
  double parse_ms = 0, compile_ms = 0, deploy_ms = 0, change_ms = 0;
  size_t bytes = 0;
};

Phases measure_deployment(const std::string& directory, size_t steps) {
  const std::string folder = directory + "/governance-" + std::to_string(steps);
  log::LocalLogOptions local;
  local.directory = folder + "/log";
  auto logs = log::LocalLogs::open(local).value();
  auto log = logs->acquire(PartitionId(0)).value();
  governance::GovernanceOptions options;
  options.log = log.get();
  options.clock = &runtime::system_clock();
  options.disk = &runtime::posix_disk();
  options.blob_directory = folder + "/blobs";
  governance::Governance governance(options);
  Diagnostics problems;
  governance.open(&problems).value();

  Phases phases;
  std::vector<double> parses, compiles, changes;
  for (int round = 0; round < 9; ++round) {
    const std::string text = many_steps(steps, "1.0." + std::to_string(round));
    phases.bytes = text.size();
    auto begun = Clock::now();
    const auto parsed = document::parse(text, "large.pipeline.yaml");
    parses.push_back(us_since(begun) / 1000);
    SY_CHECK(parsed.root != nullptr);
    begun = Clock::now();
    NoArtefacts resolver;
    const auto outcome = workflow::compile(*parsed.root, "large.pipeline.yaml", resolver);
    compiles.push_back(us_since(begun) / 1000);
    for (const auto& diagnostic : outcome.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(outcome.pipeline != nullptr && outcome.pipeline->steps.size() == steps);
    begun = Clock::now();
    const auto report = governance.deploy({{{"large.pipeline.yaml", text}}, "bench", "a new version", false});
    (round == 0 ? phases.deploy_ms : changes.emplace_back()) = us_since(begun) / 1000;
    SY_CHECK(report.ok() && report->deployed && report->changes.size() == 1);
    SY_CHECK(governance.snapshot()->pipeline("bench/large", "")->hash == outcome.pipeline->hash);
  }
  phases.parse_ms = median(parses);
  phases.compile_ms = median(compiles);
  phases.change_ms = median(changes);
  return phases;
}

void bench_deploy(const std::string& directory) {
  std::printf("deploying one pipeline (medians of 9; the disk's part is in the last two columns)\n");
  std::printf("%8s %10s %12s %22s %18s %18s\n", "steps", "bytes", "parse ms", "check and compile ms",
              "first deploy ms", "new version ms");
  for (const size_t steps : {50, 500, 1000}) {
    const Phases phases = measure_deployment(directory, steps);
    std::printf("%8zu %10zu %12.2f %22.2f %18.2f %18.2f%s\n", steps, phases.bytes, phases.parse_ms,
                phases.compile_ms, phases.deploy_ms, phases.change_ms, "");
    if (steps == 500)
      std::printf("%8s wanted: under 50 ms; x%.2f\n", "", 50 / std::max(phases.deploy_ms, phases.change_ms));
  }
}

// --- runs

/// Answers every call of a service in place.
class InstantExecutor final : public partition::EffectExecutor {
 public:
  InstantExecutor() {
    auto arena = std::make_shared<Arena>(128);
    MapBuilder answer(*arena), none(*arena);
    answer.add("status", Value::integer(200));
    answer.add("headers", none.build());
    answer.add("body", Value::null());
    const Value built = answer.build();
    answer_ = Document(arena, built);
  }
  void execute(workflow::EffectRequest, std::function<void(workflow::EffectResult)> done) override {
    done({answer_, {}});
  }

 private:
  Document answer_;
};

/// An engine of one partition with one pipeline.
class Node {
 public:
  Node(const std::string& directory, bool memory, const std::string& document) {
    governance::Governance governance({});
    auto report = governance.deploy({{{"bench.pipeline.yaml", document}}, "bench", "", true}).value();
    for (const auto& diagnostic : report.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(report.snapshot != nullptr);
    catalog_ = report.snapshot;
    const auto artefacts = report.snapshot->artefacts();
    pipeline_ = catalog_->pipeline(artefacts.front()->name, "");
    SY_CHECK(pipeline_ != nullptr);
    path_ = directory + "/node-" + std::to_string(++nodes_);
    fs::create_directories(path_);
    if (memory) {
      logs_ = log::MemoryLogs::create();
    } else {
      log::LocalLogOptions local;
      local.directory = path_ + "/log";
      logs_ = std::move(log::LocalLogs::open(local)).value();
    }
    partition::EngineOptions options;
    options.partitions = 1;
    options.logs = logs_.get();
    options.open_store = [this](PartitionId id) {
      store::StoreOptions store;
      store.path = path_ + "/state";
      store.partition = id;
      return store::open_state_store(host_, store);
    };
    options.clock = &runtime::system_clock();
    options.random = &runtime::system_random();
    options.catalog = [this] { return catalog_; };
    options.executor = &executor_;
    engine_ = std::make_unique<partition::Engine>(std::move(options));
    engine_->start().value();
  }
  ~Node() {
    engine_->stop();
    engine_.reset();
    logs_.reset();
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  /// `fill` makes the input in the arena; `done` gets the output.
  void run(const std::function<Value(Arena&)>& fill, std::function<void(const Value&)> done) {
    partition::StartRun start;
    start.pipeline = pipeline_;
    start.pins = *catalog_->pins_for(*pipeline_);
    start.arena = std::make_shared<Arena>(2048);
    start.input = fill(*start.arena);
    start.principal = "bench";
    engine_->start_run(std::move(start), INT64_MAX,
                       [done = std::move(done)](Result<partition::StartReply> reply) {
                         SY_CHECK(reply.ok() && reply->view.has_output);
                         done(reply->view.output.root());
                       });
  }

 private:
  static inline int nodes_ = 0;
  std::string path_;
  std::shared_ptr<const workflow::Catalog> catalog_;
  std::shared_ptr<const workflow::Pipeline> pipeline_;
  InstantExecutor executor_;
  std::shared_ptr<store::StoreHost> host_ = store::make_store_host();
  std::unique_ptr<log::Logs> logs_;
  std::unique_ptr<partition::Engine> engine_;
};

Value number_input(Arena& arena, int64_t n) {
  MapBuilder input(arena);
  input.add("n", Value::integer(n));
  return input.build();
}

/// Keeps `window` decisions under way; microseconds each: the median of one by one, the mean of many.
double decide(Node& node, size_t steps, uint64_t runs, uint64_t window) {
  std::mutex mutex;
  std::condition_variable room;
  uint64_t in_flight = 0;
  std::vector<double> times;
  const auto begun = Clock::now();
  for (uint64_t i = 0; i < runs; ++i) {
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] { return in_flight < window; });
      ++in_flight;
    }
    const auto n = static_cast<int64_t>(i);
    const auto asked = Clock::now();
    node.run([n](Arena& arena) { return number_input(arena, n); },
             [&, n, asked](const Value& output) {
               SY_CHECK(output.find("n")->as_integer() == n + static_cast<int64_t>(steps));
               std::lock_guard lock(mutex);
               times.push_back(us_since(asked));
               --in_flight;
               room.notify_one();
             });
  }
  std::unique_lock lock(mutex);
  room.wait(lock, [&] { return in_flight == 0; });
  return window == 1 ? median(times) : us_since(begun) / static_cast<double>(runs);
}

/// The median time of a request and its answer on one kept connection, by a blocking socket: the least that a
/// step in another process costs.
double http_round_trip_us() {
  http::Server server({}, [](http::Request&&, http::Responder responder) {
    responder.send(http::Response::json(200, "{\"n\":1,\"even\":false}"));
  });
  server.start().value();
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SY_CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::string body = "{\"n\":0}";
  const std::string request =
      "POST /step HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::vector<double> times;
  std::vector<char> buffer(4096);
  for (int i = 0; i < 5000; ++i) {
    const auto begun = Clock::now();
    SY_CHECK(::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    std::string answer;
    while (answer.find("false}") == std::string::npos) {
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      SY_CHECK(got > 0);
      answer.append(buffer.data(), static_cast<size_t>(got));
    }
    times.push_back(us_since(begun));
    SY_CHECK(answer.starts_with("HTTP/1.1 200"));
  }
  ::close(fd);
  server.stop();
  return median(times);
}

void bench_steps(const std::string& directory, uint64_t runs) {
  constexpr size_t kSteps = 50;
  const double limit_us = http_round_trip_us();
  std::printf("\na decision of %zu `set` steps; limit: one HTTP round trip over loopback, %.1f us\n", kSteps,
              limit_us);
  const auto line = [&](const char* what, double us) {
    std::printf("  %-44s %8.1f us a decision, %6.2f us a step: %5.1f times faster than the round trip\n",
                what, us, us / kSteps, limit_us / (us / kSteps));
  };
  {
    Node node(directory, true, chain(kSteps));
    decide(node, kSteps, 200, 1);
    line("one caller, memory log", decide(node, kSteps, runs / 10 + 1, 1));
    line("256 under way, memory log", decide(node, kSteps, runs, 256));
  }
  Node node(directory, false, chain(kSteps));
  decide(node, kSteps, 200, 1);
  line("one caller, durable (wanted: 5 times)", decide(node, kSteps, runs / 10 + 1, 1));
  line("256 under way, durable", decide(node, kSteps, runs, 256));
}

// --- items

/// Of /proc/self/status, in bytes.
double memory_of(const char* name) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with(name)) return std::stod(line.substr(std::strlen(name) + 1)) * 1024;
  return 0;
}
/// Peak memory counts from now on (Linux).
void forget_peak() {
  runtime::trim_memory();
  std::ofstream("/proc/self/clear_refs") << "5";
}

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Items {
  double per_second = 0, cpu_us = 0, growth_mb = 0;
};

Items measure_items(Node& node, int64_t count) {
  forget_peak();
  const double before = memory_of("VmRSS:");
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  const double cpu_before = cpu_us();
  const auto begun = Clock::now();
  node.run(
      [count](Arena& arena) {
        ListBuilder ns(arena);
        for (int64_t n = 0; n < count; ++n) ns.add(Value::integer(n));
        MapBuilder input(arena);
        input.add("ns", ns.build());
        return input.build();
      },
      [&](const Value& output) {
        SY_CHECK(output.find("count")->as_integer() == count && output.find("failures")->as_integer() == 0);
        const auto results = output.find("results")->items();
        SY_CHECK(results.size() == static_cast<size_t>(count));
        for (int64_t n = 0; n < count; ++n) SY_CHECK(results[static_cast<size_t>(n)].as_integer() == 2 * n);
        std::lock_guard lock(mutex);
        done = true;
        ended.notify_one();
      });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return done; });
  Items items;
  items.per_second = static_cast<double>(count) / us_since(begun) * 1e6;
  items.cpu_us = (cpu_us() - cpu_before) / static_cast<double>(count);
  items.growth_mb = std::max(0.0, memory_of("VmHWM:") - before) / 1e6;
  return items;
}

void bench_items(const std::string& directory, int64_t most) {
  std::printf("\nfor_each over many items, durable; every result is checked\n");
  std::printf("%-36s %8s %10s %16s %22s\n", "", "items", "items/s", "CPU us an item", "peak memory grew, MB");
  struct Way {
    const char* name;
    size_t concurrency;
    bool calls;
  };
  for (const Way& way :
       {Way{"one `set`, one at a time", 1, false}, Way{"one `set`, 1,000 at a time", 1000, false},
        Way{"`set` and `http`, 10 at a time", 10, true},
        Way{"`set` and `http`, 1,000 at a time", 1000, true}}) {
    Node node(directory, false, over_items(way.concurrency, way.calls));
    measure_items(node, most);  // the log makes room, caches fill
    for (const int64_t count : {int64_t{100}, most / 10, most}) {
      const Items items = measure_items(node, count);
      std::printf("%-36s %8lld %10.0f %16.2f %22.2f\n", way.name, static_cast<long long>(count),
                  items.per_second, items.cpu_us, items.growth_mb);
    }
  }
}

int run(int argc, char** argv) {
  std::set<std::string> wanted;
  uint64_t runs = 20'000;
  int64_t items = 10'000;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
      runs = std::stoull(argv[++i]);
    else if (std::strcmp(argv[i], "--items") == 0 && i + 1 < argc)
      items = std::max<int64_t>(1000, std::stoll(argv[++i]));
    else
      wanted.insert(argv[i]);
  }
  const auto has = [&](const char* part) { return wanted.empty() || wanted.contains(part); };
  const std::string directory =
      (fs::temp_directory_path() / ("switchyard-language-bench-" + std::to_string(::getpid()))).string();
  fs::create_directories(directory);
  if (has("deploy")) bench_deploy(directory);
  if (has("steps")) bench_steps(directory, runs);
  if (has("items")) bench_items(directory, items);
  fs::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace switchyard::bench

int main(int argc, char** argv) {
  switchyard::runtime::limit_retained_memory();
  return switchyard::bench::run(argc, argv);
}
