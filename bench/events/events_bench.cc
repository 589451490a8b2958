// Keyed agents under load: events come in at a steady rate, each starts a run of its key's agent, which reads
// and writes the key's state. Prints how fast they were taken, how long until the last run ended, and whether
// every key saw its events in order.
//
//   events_bench [--keys 100000] [--rate 10000] [--seconds 20] [--partitions 4] [--threads 1]
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include <unistd.h>

#include "switchyard/document/document.h"
#include "switchyard/events/cloud_event.h"
#include "switchyard/log/local_log.h"
#include "switchyard/partition/engine.h"
#include "switchyard/runtime/clock.h"
#include "switchyard/runtime/random.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/agent.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::bench {
namespace {

constexpr const char* kAgent = R"Y(
pipeline: bench/agent@1.0.0
on: { event: tick, key: event.?subject.orValue(''), input: { n: event.data.n } }
input: { schema: { type: object, required: [n], properties: { n: { type: integer } } } }
state: { schema: { type: object, required: [last, count, ordered], properties: { last: { type: integer }, count: { type: integer }, ordered: { type: boolean } } }, initial: { last: -1, count: 0, ordered: true } }
steps:
  kept: { state: { last: input.n, count: state.count + 1, ordered: state.ordered && input.n > state.last } }
output: { count: kept.count }
)Y";

class OneAgent final : public workflow::Catalog, public workflow::Resolver {
 public:
  OneAgent() {
    const auto parsed = document::parse(kAgent);
    auto outcome = workflow::compile(*parsed.root, "agent.yaml", *this);
    for (const auto& diagnostic : outcome.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(outcome.pipeline != nullptr);
    pipeline_ = outcome.pipeline;
    subscriptions_.add_agent(pipeline_);
    auto pins = std::make_shared<workflow::Pins>();
    pins->governance = offset();
    pins_ = std::move(pins);
  }
  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view, std::string_view) const override {
    return pipeline_;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256&) const override {
    return pipeline_;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline&) const override {
    return pins_;
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind, std::string_view, std::string_view) const override {
    return nullptr;
  }
  std::vector<workflow::Consumer> consumers(const Value& event) const override {
    return subscriptions_.consumers(event);
  }

  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "bench.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

 private:
  std::shared_ptr<const workflow::Pipeline> pipeline_;
  std::shared_ptr<const workflow::Pins> pins_;
  workflow::Subscriptions subscriptions_;
};

class NoEffects final : public partition::EffectExecutor {
 public:
  void execute(workflow::EffectRequest, std::function<void(workflow::EffectResult)>) override {
    SY_CHECK(false);
  }
};

struct Options {
  uint64_t keys = 100'000, rate = 10'000, seconds = 20;
  uint32_t partitions = 4;
  int threads = 1;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--keys") == 0) options.keys = value;
    if (std::strcmp(argv[i], "--rate") == 0) options.rate = value;
    if (std::strcmp(argv[i], "--seconds") == 0) options.seconds = value;
    if (std::strcmp(argv[i], "--partitions") == 0) options.partitions = static_cast<uint32_t>(value);
    if (std::strcmp(argv[i], "--threads") == 0) options.threads = static_cast<int>(value);
  }
  return options;
}

partition::PublishEvent make_event(uint64_t number, uint64_t keys) {
  auto arena = std::make_shared<Arena>(512);
  MapBuilder event(*arena), data(*arena);
  data.add("n", Value::integer(static_cast<int64_t>(number)));
  event.add("id", Value::string(arena->copy(std::to_string(number))));
  event.add("source", Value::string("/bench"));
  event.add("type", Value::string("tick"));
  event.add("subject", Value::string(arena->copy("key-" + std::to_string(number * 7919 % keys))));
  event.add("data", data.build());
  const Value root = event.build();
  return {Document(std::move(arena), root), "bench"};
}

uint64_t finished(const partition::Engine& engine) {
  uint64_t runs = 0;
  for (const auto& stats : engine.stats()) runs += stats.machine.runs_completed + stats.machine.runs_failed;
  return runs;
}

/// Looks at the state of every key; how many events they have counted, or nothing when one was out of order.
std::optional<uint64_t> count_in_order(partition::Engine& engine, uint64_t keys) {
  std::atomic<uint64_t> counted{0}, left{keys};
  std::atomic<bool> ordered{true};
  for (uint64_t k = 0; k < keys; ++k) {
    while (engine.queue_depth() > 4096) std::this_thread::yield();
    engine.agent_state("bench/agent", "key-" + std::to_string(k), [&](Result<partition::AgentState> state) {
      if (state.ok()) {
        counted += static_cast<uint64_t>(state->state->find("count")->as_integer());
        if (!state->state->find("ordered")->as_bool()) ordered = false;
      }
      --left;
    });
  }
  while (left != 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return ordered ? std::optional<uint64_t>(counted.load()) : std::nullopt;
}

int run(const Options& options) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("switchyard-events-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto& clock = runtime::system_clock();
  log::LocalLogOptions local;
  local.directory = directory / "log";
  auto logs = log::LocalLogs::open(local).value();
  auto host = store::make_store_host();
  NoEffects effects;
  partition::EngineOptions engine_options;
  engine_options.partitions = options.partitions;
  engine_options.threads = options.threads;
  engine_options.logs = logs.get();
  engine_options.open_store = [&](PartitionId id) {
    store::StoreOptions store;
    store.path = directory / ("state-" + std::to_string(id.value));
    store.partition = id;
    return store::open_state_store(host, store);
  };
  engine_options.clock = &clock;
  engine_options.random = &runtime::system_random();
  engine_options.catalog = [catalog = std::make_shared<OneAgent>()] { return catalog; };
  engine_options.executor = &effects;
  partition::Engine engine(std::move(engine_options));
  engine.start().value();

  const uint64_t total = options.rate * options.seconds;
  constexpr uint64_t kBatch = 100;
  std::atomic<uint64_t> acknowledged{0}, refused{0};
  const int64_t begun_us = clock.monotonic_us();
  uint64_t latest_us = 0;
  for (uint64_t sent = 0; sent < total; sent += kBatch) {
    const int64_t due_us = begun_us + static_cast<int64_t>(sent * 1'000'000 / options.rate);
    const int64_t now_us = clock.monotonic_us();
    if (due_us > now_us)
      std::this_thread::sleep_for(std::chrono::microseconds(due_us - now_us));
    else
      latest_us = std::max(latest_us, static_cast<uint64_t>(now_us - due_us));
    std::vector<partition::PublishEvent> batch;
    for (uint64_t i = sent; i < sent + kBatch; ++i) batch.push_back(make_event(i, options.keys));
    engine.publish(std::move(batch), [&](Result<std::vector<partition::Published>> published) {
      (published.ok() ? acknowledged : refused) += kBatch;
    });
  }
  while (acknowledged + refused < total) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double taken_s = static_cast<double>(clock.monotonic_us() - begun_us) / 1e6;
  while (finished(engine) < acknowledged) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const double done_s = static_cast<double>(clock.monotonic_us() - begun_us) / 1e6;
  const auto counted = count_in_order(engine, options.keys);
  std::printf("%llu events for %llu keys, %u partitions on %d threads\n",
              static_cast<unsigned long long>(total), static_cast<unsigned long long>(options.keys),
              options.partitions, options.threads);
  std::printf("  asked for        %llu events/s, at most %.1f ms behind\n",
              static_cast<unsigned long long>(options.rate), static_cast<double>(latest_us) / 1000);
  std::printf("  acknowledged     %.0f events/s, %llu refused\n", static_cast<double>(acknowledged) / taken_s,
              static_cast<unsigned long long>(refused.load()));
  std::printf("  agents' runs     %.0f/s; the last ended %.2f s after the last event was taken\n",
              static_cast<double>(acknowledged) / done_s, done_s - taken_s);
  std::printf("  order of keys    %s, %llu of %llu counted\n", counted.has_value() ? "kept" : "BROKEN",
              static_cast<unsigned long long>(counted.value_or(0)),
              static_cast<unsigned long long>(acknowledged.load()));
  engine.stop();
  logs.reset();
  std::filesystem::remove_all(directory);
  return counted == acknowledged.load() ? 0 : 1;
}

}  // namespace
}  // namespace switchyard::bench

int main(int argc, char** argv) {
  return switchyard::bench::run(switchyard::bench::read_options(argc, argv));
}
