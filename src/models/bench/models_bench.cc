// What a model call costs: the session alone (the limit), and the whole way through the service.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>

#include "switchyard/document/document.h"
#include "switchyard/models/model_service.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "models_bench: %s\n", what);
  std::exit(1);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  require(static_cast<bool>(file) && !text.str().empty(), path.c_str());
  return text.str();
}

const std::string kModels = SWITCHYARD_SOURCE_DIR "/examples/card-fraud/models/";

ModelManifest manifest_of(const std::string& name) {
  auto outcome = document::parse(read_file(kModels + name + ".model.yaml"));
  require(outcome.root != nullptr, "the manifest cannot be read");
  Arena arena;
  Diagnostics diagnostics;
  auto manifest = parse_manifest(document::to_value(*outcome.root, arena), diagnostics);
  require(diagnostics.empty(), "the manifest has mistakes");
  return manifest;
}

Document make_input() {
  std::string text = "{";
  for (int i = 1; i <= 28; ++i) text += "\"V" + std::to_string(i) + "\":" + std::to_string(0.01 * i) + ",";
  auto input = parse_json_document(text + "\"amount\":12.5}");
  require(input.ok(), "the input is no JSON");
  return *input;
}

const char* name_of(int64_t model) { return model == 0 ? "fraud-light" : "fraud-heavy"; }

/// Session::run alone at a bucket: no service can be faster.
void session(benchmark::State& state) {
  const std::string name = name_of(state.range(0));
  auto backend = make_onnx_backend();
  auto model = backend->load(name, read_file(kModels + name + ".onnx"), {.instances = 1});
  require(model.ok(), "the model cannot be loaded");
  TensorData input{ElementType::kFloat, {state.range(1), 29}, {}, {}};
  input.bytes.assign(static_cast<size_t>(state.range(1)) * 29 * 4, 0);
  std::vector<TensorData> outputs;
  for (auto _ : state) require((*model)->run(0, {&input, 1}, outputs).ok(), "a run failed");
  state.SetItemsProcessed(state.iterations() * state.range(1));
  state.SetLabel(name);
}

/// `range(1)` requests kept in flight through the service: one is the latency of an idle service, more fill
/// batches.
void service(benchmark::State& state) {
  const std::string name = name_of(state.range(0));
  ModelService::Options options;
  options.workers = 1;
  options.backends.push_back(make_onnx_backend());
  ModelService models(std::move(options));
  require(models.start().ok(), "the service does not start");
  require(models.load(manifest_of(name), kModels + name + ".onnx").ok(), "the model cannot be loaded");
  const Document input = make_input();
  std::mutex mutex;
  std::condition_variable done;
  int64_t in_flight = 0;
  for (auto _ : state) {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return in_flight < state.range(1); });
    ++in_flight;
    lock.unlock();
    models.infer({name, "", input, 0, [&](Result<ModelAnswer> answer) {
                    require(answer.ok() && answer->output->find("score") != nullptr, "a request failed");
                    const std::lock_guard inner(mutex);
                    --in_flight;
                    done.notify_one();
                  }});
  }
  {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return in_flight == 0; });
  }
  const auto stats = models.stats().models.at(0);
  state.counters["rows_per_batch"] = static_cast<double>(stats.rows) / static_cast<double>(stats.batches);
  state.counters["run_us"] = static_cast<double>(stats.run_us) / static_cast<double>(stats.batches);
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(name);
  models.stop();
}

BENCHMARK(session)->ArgsProduct({{0, 1}, {1, 8, 32}})->UseRealTime()->MinTime(0.3);
BENCHMARK(service)
    ->ArgsProduct({{0, 1}, {1, 8, 64, 256}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->MinTime(0.3);

}  // namespace
}  // namespace switchyard::models

BENCHMARK_MAIN();
