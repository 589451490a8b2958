#include "fixture.h"

#include <map>

#include "switchyard/document/document.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::bench {
namespace {

constexpr std::string_view kInputSchema =
    "{ type: object, required: [amount, country, card], properties: { amount: { type: number }, country: { "
    "type: string }, "
    "card: { type: string }, v1: { type: number }, v2: { type: number }, v3: { type: number } } }";

const std::string kRules = std::string(R"(
rules: bench-limits@1.0.0
facts: { schema: )") + std::string(kInputSchema) +
                           R"( }
hit: first
outputs:
  outcome: { type: string, enum: [decline, check, approve] }
  points: { type: integer }
default: { outcome: "'check'", points: 0 }
rows:
  - { id: huge, when: facts.amount > 5000.0, then: { outcome: "'decline'", points: 5 } }
  - { id: tiny, when: facts.amount < 0.5 && facts.country == "DE", then: { outcome: "'approve'", points: 1 } }
  - { id: far, when: 'facts.country in ["XX", "YY"]', then: { outcome: "'check'", points: 3 } }
)";

const std::string kDecisionDocument = std::string(R"(
pipeline: bench/decision@1.0.0
input: { schema: )") + std::string(kInputSchema) +
                                      R"(, key: input.card }
search: { country: input.country }
steps:
  limits: { rules: bench-limits, facts: input }
  shape: { set: { large: input.amount > 100.0, points: limits.points } }
  facts: { set: { amount: input.amount, home: 'input.country == "DE"', points: shape.points + 1 } }
  score: { model: bench-model, input: input }
  verdict: { triage: score.score, confidence_below: 0.6, queue: desk }
output: { fraud: verdict.positive, why: verdict.reason, points: facts.points }
)";

const std::string kParkedDocument = std::string(R"(
pipeline: bench/parked@1.0.0
input: { schema: )") + std::string(kInputSchema) +
                                    R"(, key: input.card }
search: { country: input.country }
steps:
  pause: { wait: 30d }
output: { done: true }
)";

class BenchCatalog final : public workflow::Catalog, public workflow::Resolver {
 public:
  BenchCatalog() {
    table_ = compile_rules();
    model_.version = "1.0.0";
    model_.input_type = expression::Type::dyn();
    model_.output_type = expression::Type::object({{"score", expression::Type::real(), true}});
    for (const std::string* text : {&kDecisionDocument, &kParkedDocument}) add(*text);
  }

  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view name, std::string_view) const override {
    const auto it = pipelines_.find(std::string(name));
    return it == pipelines_.end() ? nullptr : it->second;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override {
    for (const auto& [name, pipeline] : pipelines_)
      if (pipeline->hash == hash) return pipeline;
    return nullptr;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override {
    return pins_.at(pipeline.name);
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return table_;
  }
  const workflow::Kill* killed(ArtefactKind, std::string_view, std::string_view) const override {
    return nullptr;
  }

  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return table_.get(); }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return &model_; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "bench.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

 private:
  static std::shared_ptr<const rules::RuleTable> compile_rules() {
    auto parsed = document::parse(kRules);
    SY_CHECK(parsed.root != nullptr);
    auto outcome =
        rules::compile(*parsed.root, "bench.rules.yaml", [](const std::string& path) -> Result<std::string> {
          return make_error(ErrorKind::kNotFound, "bench.no_file", path);
        });
    for (const auto& diagnostic : outcome.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(outcome.table != nullptr);
    return outcome.table;
  }

  void add(const std::string& text) {
    auto parsed = document::parse(text);
    SY_CHECK(parsed.root != nullptr);
    auto outcome = workflow::compile(*parsed.root, "bench.pipeline.yaml", *this);
    for (const auto& diagnostic : outcome.diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
    SY_CHECK(outcome.pipeline != nullptr);
    auto pins = std::make_shared<workflow::Pins>();
    pins->governance = offset();
    for (const auto& dependency : outcome.pipeline->dependencies) {
      const bool is_rules = dependency.kind == workflow::Dependency::Kind::kRules;
      pins->pins.push_back({is_rules ? ArtefactKind::kRules : ArtefactKind::kModel, dependency.ref.name,
                            "1.0.0", Sha256{}, is_rules ? table_ : nullptr});
    }
    pins_[outcome.pipeline->name] = std::move(pins);
    pipelines_[outcome.pipeline->name] = outcome.pipeline;
  }

  std::shared_ptr<const rules::RuleTable> table_;
  workflow::ModelInterface model_;
  std::map<std::string, std::shared_ptr<const workflow::Pipeline>> pipelines_;
  std::map<std::string, std::shared_ptr<const workflow::Pins>> pins_;
};

}  // namespace

std::shared_ptr<const workflow::Catalog> make_catalog() { return std::make_shared<BenchCatalog>(); }

partition::StartRun make_start(const workflow::Catalog& catalog, const char* pipeline, uint64_t number) {
  partition::StartRun start;
  start.pipeline = catalog.pipeline(pipeline, "");
  start.pins = *catalog.pins_for(*start.pipeline);
  start.arena = std::make_shared<Arena>(2048);
  Arena& arena = *start.arena;
  MapBuilder input(arena);
  input.add("amount", Value::real(static_cast<double>(number % 1000) + 0.25));
  input.add("country", Value::string(number % 3 == 0 ? "DE" : "FR"));
  start.key = "card-" + std::to_string(number);
  input.add("card", Value::string(arena.copy(start.key)));
  input.add("v1", Value::real(0.5)), input.add("v2", Value::real(-1.5)), input.add("v3", Value::real(2.5));
  start.input = input.build();
  MapBuilder search(arena);
  search.add("country", *start.input.find("country"));
  start.search = search.build();
  start.principal = "bench";
  return start;
}

InstantExecutor::InstantExecutor() {
  auto arena = std::make_shared<Arena>(128);
  MapBuilder answer(*arena), meta(*arena);
  answer.add("score", Value::real(0.125));
  meta.add("model", Value::string("bench-model@1.0.0"));
  meta.add("cost", Value::real(0.0001));
  const Value answered = answer.build(), told = meta.build();
  answer_ = Document(arena, answered);
  meta_ = Document(arena, told);
}

void InstantExecutor::execute(workflow::EffectRequest, std::function<void(workflow::EffectResult)> done) {
  done({answer_, meta_});
}

}  // namespace switchyard::bench
