// Decisions made by a real engine on logs in memory, and made again from what was recorded.
#include "switchyard/provenance/replay.h"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "switchyard/log/memory_log.h"
#include "switchyard/store/memory.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/compiler.h"
#include "switchyard/workflow/panel.h"

namespace switchyard::provenance {
namespace {

using expression::Type;
using partition::RecordedEvent;

constexpr const char* kPipeline = R"yaml(
pipeline: test/score@1.0.0
input: { schema: { type: object, required: [amount], properties: { amount: { type: number } } } }
steps:
  light: { model: light, input: { amount: input.amount }, retry: { attempts: 2, backoff: 1ms..1ms } }
  heavy: { when: light.score > 0.5, model: heavy, input: { amount: input.amount }, on_error: light }
  asked:
    when: light.score > 0.8
    review: { queue: desk, form: { type: object, required: [fraud], properties: { fraud: { type: boolean } } }, show: [light] }
output: { score: heavy.?score.orValue(light.score), fraud: asked.?fraud.orValue(false), seed: run.seed }
)yaml";

constexpr const char* kPanels = R"yaml(
pipeline: test/panels@1.0.0
input: { schema: { type: object, required: [amount], properties: { amount: { type: number } } } }
steps:
  both:
    ensemble: { members: [{ model: light }, { model: heavy }], combine: mean, quorum: 1 }
    input: { amount: input.amount }
  either:
    cascade: { tiers: [{ model: light, until: answer.score > 0.5 }, { model: heavy }] }
    input: { amount: input.amount }
output: { score: both.score, answered: both.answered, tier: either.tier }
)yaml";

/// One pipeline, two models that give { score: double }, in versions the operator may switch off.
class Catalog final : public workflow::Catalog, public workflow::Resolver {
 public:
  explicit Catalog(const char* text = kPipeline) {
    auto parsed = document::parse(text);
    SY_CHECK(parsed.root != nullptr);
    auto outcome = workflow::compile(*parsed.root, "score.pipeline.yaml", *this);
    SY_CHECK(outcome.pipeline != nullptr);
    pipeline_ = outcome.pipeline;
  }
  GovernanceOffset offset() const override { return GovernanceOffset(1); }
  std::shared_ptr<const workflow::Pipeline> pipeline(std::string_view, std::string_view) const override {
    return pipeline_;
  }
  std::shared_ptr<const workflow::Pipeline> pipeline_by_hash(const Sha256& hash) const override {
    return known && pipeline_->hash == hash ? pipeline_ : nullptr;
  }
  Result<std::shared_ptr<const workflow::Pins>> pins_for(const workflow::Pipeline& pipeline) const override {
    auto pins = std::make_shared<workflow::Pins>();
    for (const auto& dependency : pipeline.dependencies)
      pins->pins.push_back({ArtefactKind::kModel, dependency.ref.name, "1.0.0", Sha256{}, nullptr, nullptr});
    return std::shared_ptr<const workflow::Pins>(std::move(pins));
  }
  std::shared_ptr<const rules::RuleTable> rules(std::string_view, std::string_view) const override {
    return nullptr;
  }
  const workflow::Kill* killed(ArtefactKind kind, std::string_view name, std::string_view) const override {
    return kill.has_value() && kill->kind == kind && kill->name == name ? &*kill : nullptr;
  }
  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return &model_; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "test.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

  std::optional<workflow::Kill> kill;
  bool known = true;  ///< false: as on a server that cannot compile the pipeline

 private:
  const workflow::ModelInterface model_{"1.0.0", nullptr, Type::object({{"amount", Type::real()}}),
                                        Type::object({{"score", Type::real()}})};
  std::shared_ptr<const workflow::Pipeline> pipeline_;
};

Document scored(double score) {
  auto arena = std::make_shared<Arena>(64);
  MapBuilder map(*arena);
  map.add("score", Value::real(score));
  const Value value = map.build();
  return Document(std::move(arena), value);
}

/// Answers at once, on the partition's thread, with what the test says of each model.
class Models final : public partition::EffectExecutor {
 public:
  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override {
    if (std::holds_alternative<workflow::PanelCall>(request.call)) {
      return done(workflow::answer_panel(
          request, [&](const workflow::PanelCall::Member& member) { return answer(member.call); }));
    }
    done(answer(std::get<workflow::ModelCall>(request.call)));
  }
  workflow::EffectResult answer(const workflow::ModelCall& call) {
    if (failures[call.name] > 0) {
      --failures[call.name];
      return {make_error(ErrorKind::kUnavailable, "test.down", "the model is down"),
              *parse_json_document(R"({"cost":0.5})")};
    }
    return {scored(scores[call.name]), {}};
  }
  std::map<std::string, double> scores{{"light", 0.1}, {"heavy", 0.9}};
  std::map<std::string, int> failures;
};

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    partition::EngineOptions options;
    options.partitions = 1;
    options.logs = logs.get();
    options.clock = &clock;
    options.random = &random;
    options.catalog = [this] { return catalog; };
    options.executor = &models;
    options.open_store = [](PartitionId) -> Result<std::unique_ptr<store::StateStore>> {
      return std::unique_ptr<store::StateStore>(store::memory_state_store(1));
    };
    engine = std::make_unique<partition::Engine>(std::move(options));
    engine->start().value();
  }
  ~ReplayTest() override { engine->stop(); }

  template <typename T>
  T ask(const std::function<void(partition::Reply<T>)>& question) {
    std::promise<Result<T>> promise;
    question([&](Result<T> reply) { promise.set_value(std::move(reply)); });
    auto result = promise.get_future().get();
    EXPECT_TRUE(result.ok()) << result.error().to_string();
    return std::move(result).value();
  }
  /// A decision that has come to rest.
  workflow::RunSummary decide(double amount) {
    partition::StartRun start;
    start.pipeline = catalog->pipeline("", "");
    start.pins = *catalog->pins_for(*start.pipeline);
    start.arena = std::make_shared<Arena>(256);
    MapBuilder input(*start.arena);
    input.add("amount", Value::real(amount));
    start.input = input.build();
    auto reply = ask<partition::StartReply>(
        [&](auto done) { engine->start_run(std::move(start), INT64_MAX, std::move(done)); });
    return reply.view.summary;
  }
  std::vector<RecordedEvent> events(const workflow::RunSummary& run) {
    return engine->read_events(run.id, run.offsets).value();
  }
  Result<ReplayReport> replay(const workflow::RunSummary& run, const std::vector<std::string>& with = {}) {
    ReplayOptions replay_options;
    for (const auto& change : with) replay_options.with.push_back(*parse_change(change));
    return replayer.replay(run, events(run), replay_options);
  }

  std::shared_ptr<Catalog> catalog = std::make_shared<Catalog>();
  std::unique_ptr<log::MemoryLogs> logs = log::MemoryLogs::create();
  testing::ManualClock clock;
  testing::SeededRandom random{9};
  Models models;
  std::unique_ptr<partition::Engine> engine;
  std::vector<std::string> asked;  ///< models the replayer asked anew
  double anew = 0.3;
  Replayer replayer{
      [this] { return catalog; },
      [this](const std::string& name, const std::string& version, const Document&) -> Result<Document> {
        asked.push_back(name + "@" + version);
        return scored(anew);
      }};
};

using Exact = ReplayTest;
using Counterfactual = ReplayTest;

TEST_F(Exact, GivesEveryEventAgainByteForByteAndAsksNobody) {
  const auto run = decide(10);
  models.scores["light"] = 0.99;  // what a model would say today does not matter
  const auto report = replay(run);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->exact);
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_EQ(report->events, run.offsets.size());
  EXPECT_EQ(report->status_after, "completed");
  EXPECT_EQ(to_json(report->output_after.root()), to_json(report->output_before.root()));
  EXPECT_TRUE(asked.empty());
}

TEST_F(Exact, TellsWhatModelsWereAskedWhoseAnswersCounted) {
  models.scores["light"] = 0.6;
  const auto told = [&](bool wanted) {
    const auto run = decide(10);
    EXPECT_EQ(run.status, workflow::RunStatus::kCompleted);
    ReplayOptions options;
    options.asked = wanted;
    const auto report = replayer.replay(run, events(run), options);
    EXPECT_TRUE(report.ok() && report->identical);
    std::string all;
    for (const AskedModel& call : report->asked)
      all += call.step + " " + call.model + " " + call.answered_by + " " + to_json(call.input.root()) + "\n";
    return all;
  };
  EXPECT_EQ(told(false), "");
  EXPECT_EQ(told(true),
            "light light light@1.0.0 {\"amount\":10.0}\nheavy heavy heavy@1.0.0 {\"amount\":10.0}\n");
  models.failures["heavy"] = 1;
  EXPECT_EQ(told(true), "light light light@1.0.0 {\"amount\":10.0}\n");
}

TEST_F(Exact, AFailureThatWasCarriedIsCarriedAgain) {
  models.scores["light"] = 0.6;
  models.failures["heavy"] = 1;
  const auto run = decide(10);
  ASSERT_EQ(run.status, workflow::RunStatus::kCompleted);
  const auto report = replay(run);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_EQ(report->output_after->find("score")->as_double(), 0.6);
  EXPECT_EQ(run.cost, 0.5);
  size_t told = 0;
  for (const RecordedEvent& recorded : events(run))
    if (const Value* meta = step_meta(recorded.event)) told += meta->find("cost") != nullptr;
  EXPECT_EQ(told, 1u) << "the failed attempt";
}

TEST_F(Exact, ASwitchThatWasThrownThenIsTakenFromTheRecordNotFromToday) {
  models.scores["light"] = 0.6;
  catalog->kill = workflow::Kill{ArtefactKind::kModel, "heavy", "", "olaf", "drifts", 0};
  const auto stopped = decide(10);
  catalog->kill.reset();
  const auto report = replay(stopped);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->identical) << report->difference;
  const auto free = decide(10);
  catalog->kill = workflow::Kill{ArtefactKind::kModel, "heavy", "", "olaf", "drifts", 0};
  EXPECT_TRUE(replay(free)->identical) << "and one that was not thrown then stays so";
}

TEST_F(Exact, APersonsAnswerIsTakenFromTheRecord) {
  models.scores["light"] = 0.9;
  const auto waiting = decide(10);
  ASSERT_EQ(waiting.status, workflow::RunStatus::kWaiting);
  EXPECT_EQ(replay(waiting)->status_after, "waiting for a person");
  const auto reviews =
      ask<std::vector<review::Item>>([&](auto done) { engine->list_reviews({}, std::move(done)); });
  ASSERT_EQ(reviews.size(), 1u);
  ask<review::Item>([&](auto done) {
    engine->claim_review({reviews[0].id, "ann", 60'000'000}, std::move(done));
  });
  ask<review::Item>([&](auto done) {
    engine->answer_review({reviews[0].id, "ann", *parse_json_document("{\"fraud\":true}")}, std::move(done));
  });
  const auto ended =
      ask<partition::RunView>([&](auto done) { engine->get_run(waiting.id, 0, std::move(done)); });
  const auto report = replay(ended.summary);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_TRUE(report->output_after->find("fraud")->as_bool());
}

TEST_F(Exact, ARecordThatWasChangedIsSeenAndSaidWhere) {
  const auto run = decide(10);
  auto recorded = events(run);
  const Document kept = scored(0.95);
  for (auto& event : recorded) {
    auto* completed = std::get_if<StepCompleted>(&event.event.body);
    if (completed != nullptr) completed->result = kept.root();
  }
  const auto report = replayer.replay(run, recorded, {});
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->identical);
  EXPECT_NE(report->difference, "");
}

TEST_F(Exact, WithoutItsBeginningOrItsPipelineItSaysWhatIsMissing) {
  const auto run = decide(10);
  auto recorded = events(run);
  recorded.erase(recorded.begin());
  EXPECT_EQ(replayer.replay(run, recorded, {}).error().code, "replay.not_available");
  catalog->known = false;
  const auto report = replay(run);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, "replay.not_available");
  EXPECT_NE(report.error().message.find("test/score@1.0.0"), std::string::npos);
}

TEST_F(Counterfactual, AsksOnlyTheChangedModelAndShowsWhatItChanges) {
  models.scores["light"] = 0.6;
  const auto run = decide(10);
  anew = 0.2;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(report->exact);
  EXPECT_FALSE(report->identical);
  EXPECT_EQ(asked, std::vector<std::string>{"light@2.0.0"});
  EXPECT_EQ(report->output_before->find("score")->as_double(), 0.9);
  EXPECT_EQ(report->output_after->find("score")->as_double(), 0.2);
  ASSERT_EQ(report->steps.size(), 2u) << "light answered otherwise, and heavy was not asked";
  EXPECT_EQ(report->steps[0].step, "light");
  EXPECT_EQ(report->steps[1].step, "heavy");
  EXPECT_TRUE(report->steps[1].after.root().is_null());
}

TEST_F(Counterfactual, AStepThatDidNotRunThenIsAskedNowWhereItsModelIsKnown) {
  const auto run = decide(10);
  anew = 0.7;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(asked, (std::vector<std::string>{"light@2.0.0", "heavy@1.0.0"}));
}

TEST_F(Counterfactual, NobodyIsAskedInAPersonsPlace) {
  const auto run = decide(10);
  anew = 0.95;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->status_after, "waiting for a person");
  EXPECT_FALSE(report->identical);
}

TEST_F(Counterfactual, TheSameAnswersAreNoDifference) {
  const auto run = decide(10);
  anew = 0.1;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_TRUE(report->steps.empty());
}

class Panels : public ReplayTest {
 protected:
  Panels() { catalog = std::make_shared<Catalog>(kPanels); }
};

TEST_F(Panels, AreReplayedExactly) {
  const auto run = decide(10);
  models.scores["light"] = 0.99;
  auto report = replay(run);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_EQ(report->output_after->find("tier")->as_string(), "heavy");
  EXPECT_TRUE(asked.empty());
  // Who was left out then is left out again, and a switch of today changes nothing.
  models.failures["heavy"] = 2;
  const auto lame = decide(10);
  catalog->kill = workflow::Kill{ArtefactKind::kModel, "heavy", "", "olaf", "drifts", 0};
  const auto stopped = decide(10);
  EXPECT_TRUE(replay(lame)->identical);
  report = replay(stopped);
  EXPECT_TRUE(report->identical) << report->difference;
  EXPECT_EQ(report->output_after->find("answered")->as_integer(), 1);
  catalog->kill.reset();
  EXPECT_TRUE(replay(stopped)->identical);
}

TEST_F(Panels, WithAnotherVersionOfOneModelOnlyThatIsAskedAnew) {
  const auto run = decide(10);
  anew = 0.7;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(asked, (std::vector<std::string>{"light@2.0.0", "light@2.0.0"}));
  EXPECT_DOUBLE_EQ(report->output_before->find("score")->as_double(), 0.5);
  EXPECT_DOUBLE_EQ(report->output_after->find("score")->as_double(), 0.8);
  EXPECT_EQ(report->output_after->find("tier")->as_string(), "light") << "the second is not asked any more";
  ASSERT_EQ(report->steps.size(), 2u);
}

TEST_F(Panels, ATierThatWasNotAskedThenIsAskedWhenItsTurnComes) {
  models.scores["light"] = 0.6;
  const auto run = decide(10);
  anew = 0.2;
  const auto report = replay(run, {"model=light@2.0.0"});
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(asked, (std::vector<std::string>{"light@2.0.0", "light@2.0.0", "heavy@1.0.0"}));
  EXPECT_EQ(report->output_after->find("tier")->as_string(), "heavy");
}

TEST_F(Counterfactual, AChangeOfWhatTheDecisionDidNotUseIsRefused) {
  const auto run = decide(10);
  const auto report = replay(run, {"model=other@2.0.0"});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, "replay.not_used");
}

TEST(ParseChange, TakesKindNameAndVersionAndNothingElse) {
  const auto change = parse_change("rules=shop/limits@2.0.0");
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->kind, ArtefactKind::kRules);
  EXPECT_EQ(change->name, "shop/limits");
  EXPECT_EQ(change->version, "2.0.0");
  for (const char* text :
       {"", "model=light", "light@1.0.0", "pipeline=a/b@1.0.0", "model=@1.0.0", "model=light@"})
    EXPECT_EQ(parse_change(text).error().code, "replay.bad_change") << text;
}

TEST(ReplaySummary, CountsAllAndShowsTheFirstThatDiffer) {
  ReplaySummary summary;
  const workflow::RunSummary run{};
  for (int i = 0; i < 30; ++i) {
    ReplayReport report;
    report.identical = i % 3 == 0;
    summary.add(run, std::move(report));
  }
  summary.add(run, make_error(ErrorKind::kNotFound, "x", "gone"));
  EXPECT_EQ(summary.replayed, 31u);
  EXPECT_EQ(summary.identical, 10u);
  EXPECT_EQ(summary.different, 20u);
  EXPECT_EQ(summary.failed, 1u);
  EXPECT_EQ(summary.examples.size(), ReplaySummary::kExamples);
  EXPECT_EQ(summary.failures.size(), 1u);
}

}  // namespace
}  // namespace switchyard::provenance
