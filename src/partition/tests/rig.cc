#include "rig.h"

#include "switchyard/types/json.h"
#include "switchyard/workflow/compiler.h"
#include "switchyard/workflow/start.h"

namespace switchyard::partition::testing {
namespace {

using expression::Type;

class OneModel final : public workflow::Resolver {
 public:
  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return &model_; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef& ref) override {
    return ref.name.starts_with("test/") ? &pipeline_ : nullptr;
  }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "test.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

 private:
  const workflow::ModelInterface model_{"1.0.0", nullptr, Type::object({{"n", Type::integer()}}),
                                        Type::object({{"score", Type::real()}})};
  const workflow::PipelineInterface pipeline_{
      "1.0.0", Type::object({{"n", Type::integer()}, {"card", Type::string()}}), Type::dyn()};
};

}  // namespace

void Pipelines::add(const std::string& name, const std::string& text) {
  add_document(
      "pipeline: test/" + name + "@1.0.0\n" +
      "input: { schema: { type: object, properties: { n: { type: integer }, card: { type: string } }, "
      "required: [n, card] }, key: input.card }\nsearch: { n: input.n }\n" +
      text);
}

void Pipelines::add_webhook(const std::string& text) {
  const auto parsed = document::parse(text, "webhook");
  auto outcome = events::compile_webhook(*parsed.root, "webhook", {});
  SY_CHECK(outcome.webhook != nullptr);
  webhook_ = outcome.webhook;
  subscriptions_.add_webhook(webhook_);
}

std::vector<std::shared_ptr<const workflow::Pipeline>> Pipelines::scheduled() const {
  std::vector<std::shared_ptr<const workflow::Pipeline>> scheduled;
  for (const auto& pipeline : pipelines_)
    if (pipeline->schedule.has_value()) scheduled.push_back(pipeline);
  return scheduled;
}

void Pipelines::add_document(const std::string& document) {
  const std::string name = "test";
  auto parsed = document::parse(document, name);
  OneModel resolver;
  SY_CHECK(parsed.root != nullptr);
  auto outcome = workflow::compile(*parsed.root, name, resolver);
  for (const auto& diagnostic : outcome.diagnostics) {
    if (outcome.pipeline == nullptr) std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  }
  SY_CHECK(outcome.pipeline != nullptr);
  pipelines_.push_back(outcome.pipeline);
  subscriptions_.add_agent(outcome.pipeline);
  subscriptions_.add_listeners(outcome.pipeline);
}

std::shared_ptr<const workflow::Pipeline> Pipelines::pipeline(std::string_view name,
                                                              std::string_view version) const {
  for (const auto& pipeline : pipelines_)
    if (pipeline->name == name && (version.empty() || pipeline->version == version)) return pipeline;
  return nullptr;
}

std::shared_ptr<const workflow::Pipeline> Pipelines::pipeline_by_hash(const Sha256& hash) const {
  for (const auto& pipeline : pipelines_)
    if (pipeline->hash == hash) return pipeline;
  return nullptr;
}

Result<std::shared_ptr<const workflow::Pins>> Pipelines::pins_for(const workflow::Pipeline& pipeline) const {
  auto pins = std::make_shared<workflow::Pins>();
  pins->governance = offset();
  for (const auto& dependency : pipeline.dependencies) {
    const bool is_pipeline = dependency.kind == workflow::Dependency::Kind::kPipeline;
    pins->pins.push_back({is_pipeline ? ArtefactKind::kPipeline : ArtefactKind::kModel,
                          dependency.ref.name,
                          "1.0.0",
                          {},
                          nullptr});
  }
  return std::shared_ptr<const workflow::Pins>(pins);
}

StartRun start_of(const Pipelines& pipelines, const std::string& pipeline, int64_t n, const std::string& card,
                  const std::string& idempotency_key) {
  StartRun start;
  start.pipeline = pipelines.pipeline("test/" + pipeline, "");
  SY_CHECK(start.pipeline != nullptr);
  start.pins = *pipelines.pins_for(*start.pipeline);
  start.arena = std::make_shared<Arena>();
  const std::string text = "{\"n\":" + std::to_string(n) + ",\"card\":\"" + card + "\"}";
  start.input = *parse_json(text, *start.arena);
  MapBuilder search(*start.arena);
  search.add("n", Value::integer(n));
  start.search = search.build();
  start.key = card;
  workflow::StartFacts facts;
  SY_CHECK(workflow::start_turn(*start.pipeline, start.input, *start.arena, facts).ok());
  start.group = facts.group;
  start.priority = facts.priority;
  start.idempotency_key = idempotency_key;
  start.principal = "tests";
  start.request_hash = hash64(text, hash64(pipeline));
  return start;
}

workflow::EffectResult score(double value) {
  auto arena = std::make_shared<Arena>();
  MapBuilder map(*arena);
  map.add("score", Value::real(value));
  return {Document(arena, map.build()), {}};
}

Rig::Rig(std::shared_ptr<Pipelines> pipelines, uint32_t partition, uint32_t partitions)
    : pipelines_(std::move(pipelines)), partition_(partition), partitions_(partitions) {
  machine = make(store.get());
}

std::unique_ptr<StateMachine> Rig::make(store::StateStore* state) {
  return std::make_unique<StateMachine>(
      StateMachine::Environment{PartitionId(partition_), partitions_, state, &random_, this, this,
                                [pipelines = pipelines_] { return pipelines; }, [this] { return policy; }});
}

Result<LogOffset> Rig::append(const Event& event) {
  Stored stored{event.type(), event.version(), event.run, event.step, event.time_us, {}};
  ByteWriter writer(stored.payload);
  encode_event_body(event, writer);
  log_.push_back(std::move(stored));
  return LogOffset(log_.size() - 1);
}

void Rig::start_effect(workflow::EffectRequest request, bool after_durable) {
  effects.push_back(std::move(request));
  effects_after_durable.push_back(after_durable);
}

Status Rig::replay(StateMachine& to, size_t from) {
  for (size_t i = from; i < log_.size(); ++i) {
    log::RecordView record;
    record.type = static_cast<uint8_t>(log_[i].type);
    record.version = log_[i].version;
    record.run = log_[i].run;
    record.step = log_[i].step;
    record.time_us = log_[i].time_us;
    record.offset = LogOffset(i);
    record.payload = log_[i].payload;
    SY_RETURN_IF_ERROR(to.replay(record));
  }
  return {};
}

void Rig::restart(int64_t now) {
  machine.reset();
  effects.clear();
  effects_after_durable.clear();
  rested.clear();
  deliveries.clear();
  acknowledgements.clear();
  messages.clear();
  store->crash();
  machine = make(store.get());
  SY_CHECK(machine->load().ok());
  const auto applied = store->applied();
  SY_CHECK(replay(*machine, applied.has_value() ? applied->offset.value : 0).ok());
  machine->recover(now);
}

uint64_t Rig::folded_digest() {
  auto empty = store::memory_state_store(1);
  auto fresh = make(empty.get());
  SY_CHECK(replay(*fresh, 0).ok());
  return *fresh->digest();
}

size_t Rig::count(EventType type) const {
  size_t n = 0;
  for (const Stored& stored : log_) n += stored.type == type ? 1 : 0;
  return n;
}

std::vector<std::string> Rig::origins() const {
  std::vector<std::string> origins;
  for (const Stored& stored : log_) {
    if (stored.type != EventType::kRunStarted) continue;
    Arena arena;
    const auto event = decode_event(stored.type, kEventVersion, stored.run, stored.step, stored.time_us,
                                    stored.payload, arena);
    SY_CHECK(event.ok());
    const Value& origin = std::get<RunStarted>(event->body).origin;
    if (origin.is(Kind::kMap)) origins.push_back(to_json(origin));
  }
  return origins;
}

}  // namespace switchyard::partition::testing
