#include "switchyard/governance/governance.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "switchyard/governance/event_graph.h"
#include "switchyard/log/memory_log.h"
#include "switchyard/types/json.h"

namespace switchyard::governance {
namespace {

constexpr const char* kRules = R"yaml(
rules: limits@1.0.0
facts: { schema: { type: object, required: [amount], properties: { amount: { type: number } } } }
hit: first
outputs: { outcome: { type: string } }
default: { outcome: "'check'" }
rows:
  - { id: big, when: facts.amount > 100.0, then: { outcome: "'stop'" } }
)yaml";

constexpr const char* kCosts = R"yaml(
costs: prices@1.0.0
answers: [negative, positive]
matrix: { negative: { negative: 0.0, positive: 50.0 }, positive: { negative: 10.0, positive: 0.0 } }
review: { cost: 1.0 }
)yaml";

constexpr const char* kPipeline = R"yaml(
pipeline: shop/payment@1.0.0
input: { schema: ./payment.json }
steps:
  limits: { rules: limits, facts: input }
  verdict: { triage: "limits.outcome == 'stop' ? 0.9 : 0.1", costs: prices }
output: { stop: verdict.positive }
)yaml";

constexpr const char* kSchema =
    R"({ "type": "object", "required": ["amount"], "properties": { "amount": { "type": "number" } } })";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  SY_CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

class GovernanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blobs_ = std::filesystem::temp_directory_path() / ("switchyard-governance-" + std::to_string(::getpid()));
    reopen();
  }
  void TearDown() override {
    governance_.reset();
    log_.reset();
    std::filesystem::remove_all(blobs_);
  }
  void reopen() {
    governance_.reset();
    log_.reset();
    log_ = logs_->acquire(PartitionId(0)).value();
    GovernanceOptions options;
    options.log = log_.get();
    options.clock = &runtime::system_clock();
    options.disk = &runtime::posix_disk();
    options.blob_directory = blobs_;
    governance_ = std::make_unique<Governance>(options);
    Diagnostics problems;
    governance_->open(&problems).value();
    for (const auto& problem : problems) ADD_FAILURE() << problem.to_string();
  }
  DeployReport deploy(std::vector<SourceFile> files, bool dry_run = false) {
    return governance_->deploy({std::move(files), "ada", "why not", dry_run}).value();
  }
  DeployReport deploy_shop() {
    return deploy({{"a/payment.pipeline.yaml", kPipeline},
                   {"a/payment.json", kSchema},
                   {"limits.rules.yaml", kRules},
                   {"prices.costs.yaml", kCosts}});
  }
  std::string rules_version_of_new_runs() const {
    const auto snapshot = governance_->snapshot();
    const auto pins = snapshot->pins_for(*snapshot->pipeline("shop/payment", "")).value();
    return pins->find(ArtefactKind::kRules, "limits")->version;
  }

  std::filesystem::path blobs_;
  std::unique_ptr<log::MemoryLogs> logs_ = log::MemoryLogs::create();
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<Governance> governance_;
};

TEST_F(GovernanceTest, DeploysWhatDependsOnEachOtherInOneGoAndRemembersIt) {
  const auto report = deploy_shop();
  for (const auto& diagnostic : report.diagnostics)
    EXPECT_NE(diagnostic.severity, Diagnostic::Severity::kError) << diagnostic.to_string();
  ASSERT_TRUE(report.deployed);
  EXPECT_EQ(report.changes.size(), 3u);
  const auto hash = governance_->snapshot()->pipeline("shop/payment", "1.0.0")->hash;
  reopen();
  const auto snapshot = governance_->snapshot();
  EXPECT_EQ(snapshot->offset().value, 3u);
  ASSERT_NE(snapshot->pipeline_by_hash(hash), nullptr) << "a recovered pipeline is the one that was deployed";
  EXPECT_EQ(snapshot->artefact(ArtefactKind::kPipeline, "shop/payment", "")->who, "ada");
}

TEST_F(GovernanceTest, DeploysNothingWhenOneDocumentIsWrong) {
  const auto report = deploy({{"limits.rules.yaml", kRules}, {"payment.pipeline.yaml", kPipeline}});
  EXPECT_FALSE(report.deployed);
  EXPECT_TRUE(has_errors(report.diagnostics)) << "schema and costs are missing";
  EXPECT_TRUE(governance_->snapshot()->artefacts().empty());
}

TEST_F(GovernanceTest, ADryRunChangesNothingAndShowsTheDifference) {
  deploy_shop();
  const auto changed = with(with(kRules, "@1.0.0", "@1.1.0"), "> 100.0", "> 200.0");
  const auto report = deploy({{"limits.rules.yaml", changed}}, true);
  ASSERT_EQ(report.changes.size(), 1u);
  EXPECT_EQ(report.changes[0].replaces, "1.0.0");
  EXPECT_NE(report.changes[0].diff.find("+  - { id: big, when: facts.amount > 200.0"), std::string::npos)
      << report.changes[0].diff;
  EXPECT_EQ(rules_version_of_new_runs(), "1.0.0");
}

constexpr const char* kPrompt = R"yaml(
prompt: greeting@1.0.0
input: { type: object, required: [name], properties: { name: { type: string } } }
messages:
  - role: user
    content: { file: ./greet.md }
)yaml";

TEST_F(GovernanceTest, APromptIsDeployedWithItsFilesAndRememberedAsItWas) {
  const auto report =
      deploy({{"p/greeting.prompt.yaml", kPrompt}, {"p/greet.md", "Greet {{ input.name }}."}});
  for (const auto& diagnostic : report.diagnostics) ADD_FAILURE() << diagnostic.to_string();
  ASSERT_TRUE(report.deployed);
  ASSERT_EQ(report.changes.size(), 1u);
  EXPECT_EQ(report.changes[0].kind, ArtefactKind::kPrompt);
  const auto hash = governance_->snapshot()->prompt("greeting", "")->sha256();
  EXPECT_EQ(hash, report.changes[0].sha256);
  reopen();
  const auto prompt = governance_->snapshot()->prompt("greeting", "1.0.0");
  ASSERT_NE(prompt, nullptr);
  EXPECT_EQ(prompt->sha256(), hash);
  // Another text is another content.
  const auto other = deploy({{"p/greeting.prompt.yaml", kPrompt}, {"p/greet.md", "Meet {{ input.name }}."}});
  ASSERT_FALSE(other.deployed);
  EXPECT_EQ(other.diagnostics.back().code, "governance.version_exists");
}

TEST_F(GovernanceTest, APromptsMistakesStopItsDeployment) {
  const auto report =
      deploy({{"p/greeting.prompt.yaml", kPrompt}, {"p/greet.md", "Greet\n {{ input.nam }}."}});
  EXPECT_FALSE(report.deployed);
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_EQ(report.diagnostics[0].code, "expression.no_such_field");
  EXPECT_EQ(report.diagnostics[0].line, 2u);
  EXPECT_EQ(report.diagnostics[0].column, 11u);
}

TEST_F(GovernanceTest, ARunIsPinnedToThePromptOfItsStart) {
  const std::string backend = "backend: somewhere@1.0.0\nprotocol: openai\nurl: http://127.0.0.1:9/v1\n";
  const std::string model = "model: writer@1.0.0\nbackend: somewhere\nkind: chat\n";
  const std::string pipeline =
      "pipeline: shop/greet@1.0.0\nsteps: { hello: { model: writer, prompt: greeting, input: { name: "
      "\"'Ada'\" "
      "} } }\noutput: { text: hello.text }\n";
  const auto deployed = deploy({{"greet.pipeline.yaml", pipeline},
                                {"writer.model.yaml", model},
                                {"somewhere.backend.yaml", backend},
                                {"greeting.prompt.yaml", kPrompt},
                                {"greet.md", "Greet {{ input.name }}."}});
  for (const auto& diagnostic : deployed.diagnostics) ADD_FAILURE() << diagnostic.to_string();
  ASSERT_TRUE(deployed.deployed);
  const auto before = governance_->snapshot();
  const auto pins = before->pins_for(*before->pipeline("shop/greet", "")).value();
  deploy(
      {{"greeting.prompt.yaml", with(kPrompt, "@1.0.0", "@1.1.0")}, {"greet.md", "Meet {{ input.name }}."}});
  EXPECT_EQ(pins->find(ArtefactKind::kPrompt, "greeting")->version, "1.0.0");
  ASSERT_NE(pins->find(ArtefactKind::kPrompt, "greeting")->prompt, nullptr);
  const auto after = governance_->snapshot();
  const auto newer = after->pins_for(*after->pipeline("shop/greet", "")).value();
  EXPECT_EQ(newer->find(ArtefactKind::kPrompt, "greeting")->version, "1.1.0");
  EXPECT_EQ(newer->find(ArtefactKind::kPrompt, "greeting")->prompt->version(), "1.1.0");
}

TEST_F(GovernanceTest, AVersionNeverChangesItsContent) {
  deploy_shop();
  const auto same = deploy({{"limits.rules.yaml", kRules}});
  ASSERT_EQ(same.changes.size(), 1u);
  EXPECT_EQ(same.changes[0].what, Change::What::kUnchanged);
  const auto other = deploy({{"limits.rules.yaml", with(kRules, "> 100.0", "> 200.0")}});
  EXPECT_FALSE(other.deployed);
  ASSERT_TRUE(has_errors(other.diagnostics));
  EXPECT_EQ(other.diagnostics.back().code, "governance.version_exists");
}

TEST_F(GovernanceTest, RefusesWhatBreaksAnActivePipelineAndNamesIt) {
  deploy_shop();
  const auto report =
      deploy({{"limits.rules.yaml", with(with(with(with(kRules, "@1.0.0", "@2.0.0"), "outcome:", "verdict:"),
                                              "{ outcome: \"'check'\"", "{ verdict: \"'check'\""),
                                         "{ outcome: \"'stop'\"", "{ verdict: \"'stop'\"")}});
  EXPECT_FALSE(report.deployed);
  bool named = false;
  for (const auto& diagnostic : report.diagnostics)
    named |= diagnostic.code == "governance.breaks_consumer" &&
             diagnostic.message.find("shop/payment@1.0.0") != std::string::npos;
  EXPECT_TRUE(named);
  EXPECT_EQ(rules_version_of_new_runs(), "1.0.0");
}

TEST_F(GovernanceTest, NewRunsUseTheNewVersionAndAnEarlierOneCanBeMadeActiveAgain) {
  deploy_shop();
  ASSERT_TRUE(deploy({{"limits.rules.yaml", with(kRules, "@1.0.0", "@1.1.0")}}).deployed);
  EXPECT_EQ(rules_version_of_new_runs(), "1.1.0");
  ASSERT_TRUE(governance_->activate({ArtefactKind::kRules, "limits", "1.0.0"}, "ada", "slower").ok());
  EXPECT_EQ(rules_version_of_new_runs(), "1.0.0");
  reopen();
  EXPECT_EQ(rules_version_of_new_runs(), "1.0.0");
}

TEST_F(GovernanceTest, CostsAreThoseOfThePipelinesDeployment) {
  deploy_shop();
  const auto before = governance_->snapshot()->pipeline("shop/payment", "");
  ASSERT_TRUE(
      deploy({{"prices.costs.yaml", with(with(kCosts, "@1.0.0", "@2.0.0"), "50.0", "5.0")}}).deployed);
  reopen();
  const auto snapshot = governance_->snapshot();
  const auto after = snapshot->pipeline("shop/payment", "");
  EXPECT_EQ(before->hash, after->hash);
  EXPECT_EQ(std::get<workflow::TriageSpec>(after->steps[1].spec).costs->source,
            std::get<workflow::TriageSpec>(before->steps[1].spec).costs->source);
  EXPECT_NE(std::get<workflow::TriageSpec>(after->steps[1].spec).costs->source.find("1.0.0"),
            std::string::npos);
}

TEST_F(GovernanceTest, SwitchesAreInForceAtOnceRecordedAndSurviveARestart) {
  deploy_shop();
  EXPECT_EQ(governance_->kill({ArtefactKind::kRules, "limits", ""}, "ada", "").error().code,
            "governance.no_reason");
  EXPECT_EQ(governance_->kill({ArtefactKind::kRules, "nothing", ""}, "ada", "x").error().kind,
            ErrorKind::kNotFound);
  ASSERT_TRUE(governance_->kill({ArtefactKind::kRules, "limits", ""}, "ada", "wrong limits").ok());
  for (int round = 0; round < 2; ++round) {
    const auto snapshot = governance_->snapshot();
    const auto* kill = snapshot->killed(ArtefactKind::kRules, "limits", "1.0.0");
    ASSERT_NE(kill, nullptr);
    EXPECT_EQ(kill->who, "ada");
    EXPECT_EQ(kill->why, "wrong limits");
    reopen();
  }
  ASSERT_TRUE(governance_->revive({ArtefactKind::kRules, "limits", ""}, "bob", "mended").ok());
  EXPECT_EQ(governance_->snapshot()->killed(ArtefactKind::kRules, "limits", "1.0.0"), nullptr);
  EXPECT_EQ(governance_->revive({ArtefactKind::kRules, "limits", ""}, "bob", "mended").error().code,
            "governance.not_killed");
  const auto history = governance_->history(10);
  ASSERT_GE(history.size(), 2u);
  EXPECT_EQ(history[0].type, "revived");
  EXPECT_EQ(history[1].type, "killed");
  EXPECT_EQ(history[1].why, "wrong limits");
}

TEST_F(GovernanceTest, OneRetentionPolicyIsInForceUntilItIsSwitchedOff) {
  EXPECT_EQ(governance_->snapshot()->retention(), nullptr);
  const std::string policy =
      "retention: house@1.0.0\nclasses: [{ class: all, pipelines: [\"*\"], full: 90d, delete: 7y }]\n";
  ASSERT_TRUE(deploy({{"house.retention.yaml", policy}}).deployed);
  ASSERT_TRUE(
      deploy({{"house.retention.yaml", with(with(policy, "@1.0.0", "@1.1.0"), "90d", "30d")}}).deployed);
  reopen();
  const auto in_force = governance_->snapshot()->retention();
  ASSERT_NE(in_force, nullptr);
  EXPECT_EQ(in_force->full_name(), "house@1.1.0");
  EXPECT_EQ(in_force->classes[0].full_us, 30 * int64_t{86'400'000'000});
  const auto second = deploy({{"b.retention.yaml", with(policy, "house", "other")}});
  EXPECT_FALSE(second.deployed);
  ASSERT_TRUE(has_errors(second.diagnostics));
  EXPECT_EQ(second.diagnostics.back().code, "governance.second_retention");
  const auto wrong = deploy({{"c.retention.yaml", with(with(policy, "@1.0.0", "@2.0.0"), "90d", "90")}});
  ASSERT_TRUE(has_errors(wrong.diagnostics));
  EXPECT_EQ(wrong.diagnostics.back().code, "retention.bad_period");
  ASSERT_TRUE(governance_->kill({ArtefactKind::kRetention, "house", ""}, "ada", "an inquiry").ok());
  EXPECT_EQ(governance_->snapshot()->retention(), nullptr);
}

TEST_F(GovernanceTest, KnowsPrivacyPoliciesByVersion) {
  EXPECT_EQ(governance_->snapshot()->privacy("vendors", ""), nullptr);
  const std::string policy = "privacy: vendors@1.0.0\ndetect: { all: token, card: mask }\n";
  ASSERT_TRUE(deploy({{"vendors.privacy.yaml", policy}}).deployed);
  ASSERT_TRUE(
      deploy({{"vendors.privacy.yaml", with(with(policy, "@1.0.0", "@1.1.0"), "mask", "drop")}}).deployed);
  const auto snapshot = governance_->snapshot();
  EXPECT_EQ(snapshot->privacy("vendors", "")->full_name(), "vendors@1.1.0");
  EXPECT_EQ(snapshot->privacy("vendors", "1.0.0")->detect[size_t{2}].action, privacy::Action::kMask);
  EXPECT_EQ(snapshot->privacy("vendors", "2.0.0"), nullptr);
  const auto wrong = deploy({{"b.privacy.yaml", with(with(policy, "@1.0.0", "@2.0.0"), "mask", "musk")}});
  EXPECT_FALSE(wrong.deployed);
  EXPECT_EQ(wrong.diagnostics.back().code, "privacy.bad_action");
  EXPECT_EQ(wrong.diagnostics.back().line, 2u);
  reopen();
  EXPECT_EQ(governance_->snapshot()->privacy("vendors", "")->full_name(), "vendors@1.1.0");
}

TEST_F(GovernanceTest, AFileOutsideTheDeployedFolderIsNoFile) {
  const auto report =
      deploy({{"payment.pipeline.yaml", with(kPipeline, "./payment.json", "../../etc/passwd")}});
  EXPECT_FALSE(report.deployed);
}

// --- events
// ----------------------------------------------------------------------------------------------------------

constexpr const char* kEventType =
    "event: sold@1.0.0\n"
    "schema: { type: object, required: [card, n], properties: { card: { type: string }, n: { type: integer } "
    "} }\n";
constexpr const char* kAgent =
    "pipeline: shop/agent@1.0.0\n"
    "on: { event: sold, key: event.data.card, input: { n: event.data.n } }\n"
    "input: { schema: { type: object, required: [n], properties: { n: { type: integer } } } }\n"
    "steps: { a: { emit: { event: counted, data: { n: input.n } } } }\n"
    "output: { id: a.id }\n";
constexpr const char* kHook =
    "webhook: desk@1.0.0\nevents: sold\nwhen: event.data.n > 3\nurl: https://example.org/\n";

TEST_F(GovernanceTest, EventTypesAgentsAndWebhooksAreDeployedTogetherAndRemembered) {
  const auto report = deploy({{"hook.yaml", kHook}, {"agent.yaml", kAgent}, {"type.yaml", kEventType}});
  for (const auto& diagnostic : report.diagnostics)
    EXPECT_NE(diagnostic.severity, Diagnostic::Severity::kError) << diagnostic.to_string();
  ASSERT_TRUE(report.deployed);
  for (int i = 0; i < 2; ++i) {
    const auto snapshot = governance_->snapshot();
    Arena arena;
    const auto event =
        parse_json(R"({"id":"1","source":"/s","type":"sold","data":{"card":"c","n":4}})", arena);
    const auto consumers = snapshot->consumers(*event);
    ASSERT_EQ(consumers.size(), 2u);
    EXPECT_EQ(consumers[0].name, "shop/agent");
    EXPECT_EQ(consumers[0].key, "c");
    EXPECT_EQ(consumers[1].name, "desk");
    EXPECT_EQ(snapshot->event_type("sold")->version, "1.0.0");
    reopen();
  }
}

TEST_F(GovernanceTest, AnEventTypeThatForgetsWhatWasValidIsRefusedAndNamesWhoReadsIt) {
  deploy({{"hook.yaml", kHook}, {"agent.yaml", kAgent}, {"type.yaml", kEventType}});
  const auto narrower = with(with(kEventType, "@1.0.0", "@2.0.0"), "[card, n]", "[card, n, city]");
  const auto report = deploy({{"type.yaml", narrower}});
  EXPECT_FALSE(report.deployed);
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_EQ(report.diagnostics[0].code, "governance.incompatible_event");
  EXPECT_NE(report.diagnostics[0].message.find("shop/agent@1.0.0"), std::string::npos)
      << report.diagnostics[0].message;
  EXPECT_TRUE(deploy({{"type.yaml", narrower + "compatibility: none\n"}}).deployed) << "who says so may";
}

TEST_F(GovernanceTest, AnEventTypeThatBreaksAnExpressionOfAConsumerIsRefusedEvenWithoutCompatibility) {
  deploy({{"hook.yaml", kHook}, {"agent.yaml", kAgent}, {"type.yaml", kEventType}});
  const auto other =
      with(with(kEventType, "@1.0.0", "@2.0.0"), "n: { type: integer }", "n: { type: string }");
  const auto report = deploy({{"type.yaml", other + "compatibility: none\n"}});
  EXPECT_FALSE(report.deployed);
  std::string all;
  for (const auto& diagnostic : report.diagnostics) all += diagnostic.to_string();
  EXPECT_NE(all.find("this would break pipeline shop/agent@1.0.0"), std::string::npos) << all;
  EXPECT_NE(all.find("this would break webhook desk@1.0.0"), std::string::npos) << all;
}

TEST_F(GovernanceTest, ATypeThatIsRegisteredLaterChecksThoseWhoReadItAlready) {
  ASSERT_TRUE(deploy({{"agent.yaml", with(kAgent, "event.data.n }", "event.data.number }")}}).deployed);
  const auto closed = with(kEventType, "{ type: object,", "{ type: object, additionalProperties: false,");
  const auto report = deploy({{"type.yaml", closed}});
  EXPECT_FALSE(report.deployed);
  ASSERT_FALSE(report.diagnostics.empty());
  EXPECT_EQ(report.diagnostics[0].code, "governance.breaks_consumer");
}

TEST_F(GovernanceTest, TheGraphShowsWhoSendsToWhomAndCircles) {
  deploy({{"agent.yaml", kAgent},
          {"back.yaml",
           "pipeline: shop/back@1.0.0\non: { event: \"count*\", input: {} }\nsteps: { a: { set: { x: 1 } } "
           "}\noutput: {}\n"}});
  ASSERT_TRUE(deploy({{"agent.yaml", kAgent},
                      {"back.yaml",
                       "pipeline: shop/back@1.0.0\non: { event: counted, input: {} }\n"
                       "steps: { a: { emit: { event: sold, data: { card: \"'c'\", n: 1 } } } }\noutput: { "
                       "id: a.id }\n"}})
                  .deployed);
  const auto graph = event_graph(*governance_->snapshot());
  ASSERT_EQ(graph.cycles.size(), 1u);
  EXPECT_EQ(graph.cycles[0], (std::vector<std::string>{"shop/agent", "shop/back"}));
  ASSERT_EQ(graph.consumers.size(), 2u);
  EXPECT_EQ(graph.consumers[0].from, (std::vector<std::string>{"shop/back"}));
}

TEST_F(GovernanceTest, ADeploymentWarnsOfACircleThatIsNew) {
  const auto back = [](const char* version, const char* steps) {
    return SourceFile{"back.yaml", std::string("pipeline: shop/back@") + version +
                                       "\non: { event: counted, input: {} }\nsteps: " + steps +
                                       "\noutput: { id: a.id }\n"};
  };
  const char* told = "{ a: { emit: { event: told } } }";
  const char* sold = "{ a: { emit: { event: sold, data: { card: \"'c'\", n: 1 } } } }";
  EXPECT_TRUE(deploy({{"agent.yaml", kAgent}, back("1.0.0", told)}).diagnostics.empty());
  for (const bool dry_run : {true, false}) {
    const auto report = deploy({back("1.1.0", sold)}, dry_run);
    ASSERT_EQ(report.diagnostics.size(), 1u);
    EXPECT_EQ(report.diagnostics[0].code, "governance.new_cycle");
    EXPECT_EQ(report.diagnostics[0].file, "back.yaml");
    EXPECT_NE(report.diagnostics[0].message.find("shop/agent, shop/back"), std::string::npos);
    EXPECT_EQ(report.deployed, !dry_run);
  }
  EXPECT_TRUE(deploy({back("1.2.0", sold)}).diagnostics.empty()) << "it was there before";
  const auto report = deploy({{"self.yaml",
                               "pipeline: shop/self@1.0.0\non: { event: ping, input: {} }\n"
                               "steps: { a: { emit: { event: ping } } }\noutput: { id: a.id }\n"}});
  ASSERT_EQ(report.diagnostics.size(), 1u);
  EXPECT_NE(report.diagnostics[0].message.find("shop/self sets itself off"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::governance
