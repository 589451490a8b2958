// How ensembles, cascades and prompts are asked, whatever answers.
#include "../model_effects.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/rules/schema_types.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/compiler.h"

namespace switchyard::server {
namespace {

using expression::Type;
using workflow::EffectResult;

/// Two models that give { score, confidence }.
class Resolver final : public workflow::Resolver {
 public:
  const rules::RuleTable* rules(const workflow::ArtefactRef&) override { return nullptr; }
  const workflow::ModelInterface* model(const workflow::ArtefactRef&) override { return &model_; }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef&) override { return nullptr; }
  const document::Node* costs(const workflow::ArtefactRef&) override { return nullptr; }
  Result<std::string> file(const std::string& path) override {
    return make_error(ErrorKind::kNotFound, "test.no_file", path);
  }
  std::vector<std::string> names(workflow::Dependency::Kind) override { return {}; }

 private:
  const workflow::ModelInterface model_{
      "1.0.0", nullptr, Type::dyn(), Type::object({{"score", Type::real()}, {"confidence", Type::real()}})};
};

class FixedClock final : public runtime::Clock {
 public:
  int64_t now_us() const override { return 1'000'000; }
  int64_t monotonic_us() const override { return 5; }
};

workflow::EffectRequest request_for(const std::string& step) {
  const auto parsed = document::parse("pipeline: test/a@1.0.0\nsteps:\n  a:\n    " + step +
                                      "\n    input: input\noutput: {}\n");
  Resolver resolver;
  const auto outcome = workflow::compile(*parsed.root, "a.yaml", resolver);
  EXPECT_NE(outcome.pipeline, nullptr);
  workflow::EffectRequest request;
  request.step = {0, StepIndex(0)};
  request.pipeline = outcome.pipeline;
  request.deadline_us = 3'000'000;
  const auto& spec = outcome.pipeline->steps[0].spec;
  const auto* cascade = std::get_if<workflow::CascadeSpec>(&spec);
  workflow::PanelCall call;
  for (const auto& member :
       cascade != nullptr ? cascade->tiers : std::get<workflow::EnsembleSpec>(spec).members) {
    workflow::PanelCall::Member own;
    own.name = member.name;
    own.call.name = member.ask.model.name;
    own.call.version = "1.0.0";
    own.timeout_us = member.timeout_us;
    call.members.push_back(own);
  }
  request.call = call;
  return request;
}

/// Keeps what was asked until the test answers.
struct Asked {
  std::string model;
  int64_t deadline_us;
  std::string input;
  EffectDone done;
};

EffectResult says(const std::string& json) {
  return {*parse_json_document(json), *parse_json_document(R"({"cost":0.25,"model":"m@1.0.0"})")};
}

class ModelEffects : public ::testing::Test {
 protected:
  Infer infer() {
    return
        [this](const workflow::ModelCall& call, const Document& input, int64_t deadline_us, EffectDone done) {
          asked.push_back({call.name, deadline_us, to_json(input.root()), std::move(done)});
        };
  }
  EffectDone keep() {
    return [this](EffectResult got) { results.push_back(std::move(got)); };
  }
  FixedClock clock;
  std::vector<Asked> asked;
  std::vector<EffectResult> results;
};

TEST_F(ModelEffects, AnEnsembleAsksAllAtOnceEachUntilItsOwnTime) {
  ask_panel(request_for(
                "ensemble: { members: [{ model: light, timeout: 200ms }, { model: heavy }], combine: mean }"),
            clock, infer(), keep());
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].deadline_us, 1'200'000);
  EXPECT_EQ(asked[1].deadline_us, 3'000'000);
  asked[1].done(says(R"({"score":0.4,"confidence":0.6})"));
  EXPECT_TRUE(results.empty());
  asked[0].done(says(R"({"score":0.2,"confidence":0.8})"));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_NEAR(results[0].result->root().find("score")->as_double(), 0.3, 1e-12);
  EXPECT_DOUBLE_EQ(results[0].meta.root().find("cost")->as_double(), 0.5);
}

TEST_F(ModelEffects, ACascadeAsksOneAfterTheOther) {
  ask_panel(
      request_for("cascade: { tiers: [{ model: light, until: answer.confidence > 0.9 }, { model: heavy }] }"),
      clock, infer(), keep());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].model, "light");
  asked[0].done(says(R"({"score":0.4,"confidence":0.6})"));
  ASSERT_EQ(asked.size(), 2u);
  asked[1].done({make_error(ErrorKind::kUnavailable, "models.busy", "busy"), {}});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].result->root().find("tier")->as_string(), "light");
}

TEST_F(ModelEffects, AnswersMayComeFromManyThreadsAndAtOnce) {
  std::string members;
  for (int i = 0; i < 8; ++i)
    members += (i == 0 ? "" : ", ") + ("{ name: m" + std::to_string(i)) + ", model: light }";
  for (int round = 0; round < 50; ++round) {
    asked.clear();
    results.clear();
    ask_panel(request_for("ensemble: { members: [" + members + "], combine: mean }"), clock, infer(), keep());
    ASSERT_EQ(asked.size(), 8u);
    std::vector<std::thread> threads;
    for (Asked& one : asked)
      threads.emplace_back([&one] { one.done(says(R"({"score":0.5,"confidence":0.5})")); });
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].result->root().find("answered")->as_integer(), 8);
  }
}

TEST_F(ModelEffects, APromptedCallIsRepairedAndItsCostsAreAddedUp) {
  const std::string text =
      "prompt: topic@1.0.0\ninput: { type: object, required: [text], properties: { text: { type: string } } "
      "}\n"
      "messages: [{ role: user, content: '{{ input.text }}' }]\noutput: { type: object, required: [topic], "
      "properties: { topic: { type: string } } }\n";
  const auto parsed = document::parse(text);
  prompts::CompileRequest compile;
  compile.document = parsed.root.get();
  compile.source = text;
  compile.types = {rules::type_of, rules::accepted_type, rules::readable_type};
  workflow::ModelCall call{"writer", "1.0.0", *parse_json_document(R"({"text":"hi"})"), {}};
  call.prompt = workflow::PromptUse{prompts::compile(compile).prompt, 7};
  ask_model(call, 9, infer(), keep());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_NE(asked[0].input.find(R"("content":"hi")"), std::string::npos) << asked[0].input;
  asked[0].done(says(R"({"text":"no","finish_reason":"stop"})"));
  ASSERT_EQ(asked.size(), 2u);
  asked[1].done(says(R"({"text":"{\"topic\":\"a\"}","finish_reason":"stop"})"));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(to_json(*results[0].result->root().find("value")), R"({"topic":"a"})");
  EXPECT_DOUBLE_EQ(results[0].meta.root().find("cost")->as_double(), 0.5);
  EXPECT_EQ(results[0].meta.root().at_pointer("/prompt/attempts")->items().size(), 2u);
  EXPECT_EQ(to_json(*results[0].meta.root().find("earlier_calls")), R"([{"cost":0.25,"model":"m@1.0.0"}])");
  // What cannot be rendered is never sent.
  workflow::ModelCall empty = call;
  empty.input = *parse_json_document("{}");
  ask_model(empty, 9, infer(), keep());
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].result.error().code, "prompt.bad_input");
  EXPECT_EQ(asked.size(), 2u);
}

}  // namespace
}  // namespace switchyard::server
