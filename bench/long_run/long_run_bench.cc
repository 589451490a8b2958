// One run with a million events: what it costs to wake, change and park it again must not grow with its
// length.
//
//   long_run_bench [--events N]
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "switchyard/document/document.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/store/memory.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::bench {
namespace {

using Clock = std::chrono::steady_clock;
using partition::StateMachine;

constexpr const char* kPipeline = R"yaml(
pipeline: bench/asks@1.0.0
steps:
  a: { review: { queue: desk, form: { type: object, properties: { ok: { type: boolean } }, required: [ok] } } }
output: { ok: a.ok }
)yaml";
constexpr int64_t kStart = 1'767'225'600'000'000;

double us_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begun).count();
}

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

class OnePipeline final : public workflow::Catalog {
 public:
  OnePipeline() {
    auto parsed = document::parse(kPipeline, "bench");
    NoArtefacts resolver;
    auto outcome = workflow::compile(*parsed.root, "bench", resolver);
    for (const auto& diagnostic : outcome.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(outcome.pipeline != nullptr);
    pipeline_ = outcome.pipeline;
  }
  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view, std::string_view) const override {
    return pipeline_;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256&) const override {
    return pipeline_;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline&) const override {
    return std::make_shared<const workflow::Pins>();
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind, std::string_view, std::string_view) const override {
    return nullptr;
  }

 private:
  std::shared_ptr<const workflow::Pipeline> pipeline_;
};

/// Encodes events as the log would have them and forgets them: offsets as far apart as real ones.
class Writer final : public partition::EventWriter, public partition::Outbox {
 public:
  Result<LogOffset> append(const Event& event) override {
    text_.clear();
    encode_event_body(event, text_);
    const LogOffset at(end_);
    end_ += 48 + (text_.size() + 7) / 8 * 8;
    return at;
  }
  void start_effect(workflow::EffectRequest, bool) override {}
  void run_rests(const workflow::RunState&) override {}
  void deliver(partition::Delivery) override {}
  void acknowledge(partition::Acknowledgement) override {}
  void send_webhook(partition::WebhookRequest) override {}

 private:
  std::string text_;
  uint64_t end_ = 64;
};

class FixedRandom final : public runtime::Random {
 public:
  uint64_t next_u64() override { return seed_ = seed_ * 6364136223846793005u + 1442695040888963407u; }
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(next_u64() >> 56);
  }

 private:
  uint64_t seed_ = 7;
};

void measure(uint64_t events) {
  const auto catalog = std::make_shared<OnePipeline>();
  auto store = store::memory_state_store(1);
  FixedRandom random;
  Writer writer;
  StateMachine::Environment environment;
  environment.store = store.get();
  environment.random = &random;
  environment.writer = &writer;
  environment.outbox = &writer;
  environment.catalog = [catalog] { return catalog; };
  StateMachine machine(std::move(environment));

  partition::StartRun start;
  start.pipeline = catalog->pipeline("", "");
  start.pins = *catalog->pins_for(*start.pipeline);
  start.arena = std::make_shared<Arena>();
  MapBuilder input(*start.arena);
  start.input = input.build();
  const RunId run = machine.start_run(std::move(start), kStart)->id;
  const RunId review = machine.reviews({}, kStart)->at(0).id;

  std::printf("%12s %16s %14s %14s\n", "events", "us per event", "read us", "record bytes");
  uint64_t done = 2;
  int64_t now_us = kStart;
  std::string record;
  const std::string key = "R" + std::string(run.view());
  while (done < events) {
    const uint64_t until = std::min(events, done < 1000 ? 1000 : done * 10);
    const uint64_t from = done;
    const auto begun = Clock::now();
    while (done < until) {
      SY_CHECK(machine.claim({review, "ann", 60'000'000}, ++now_us).ok());
      SY_CHECK(machine.release({review, "ann", false}, ++now_us).ok());
      done += 2;
    }
    const double per_event = us_since(begun) / static_cast<double>(done - from);
    const auto reading = Clock::now();
    SY_CHECK(machine.run(run).ok());
    const double read_us = us_since(reading);
    SY_CHECK(*store->get(key, record));
    std::printf("%12llu %16.2f %14.2f %14zu\n", static_cast<unsigned long long>(done), per_event, read_us,
                record.size());
  }
  const auto begun = Clock::now();
  uint64_t read = 0;
  for (uint64_t first = 0;;) {
    const auto part = machine.offsets(run, first);
    SY_CHECK(part.ok());
    if (part->empty()) break;
    read += part->size();
    first += part->size();
  }
  std::printf("all %llu offsets in %.1f ms\n", static_cast<unsigned long long>(read), us_since(begun) / 1000);
}

}  // namespace
}  // namespace switchyard::bench

int main(int argc, char** argv) {
  uint64_t events = 1'000'000;
  if (argc == 3 && std::strcmp(argv[1], "--events") == 0) events = std::stoull(argv[2]);
  switchyard::bench::measure(events);
}
