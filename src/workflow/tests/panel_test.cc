// What ensembles and cascades make of their models' answers.
#include "switchyard/workflow/panel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::workflow {
namespace {

using testing::compile_text;
using testing::report;
using testing::with_header;

/// A request for the step `a` of a pipeline of this one step.
EffectRequest request_for(const std::string& step, const std::map<std::string, double>& costs = {},
                          double error_cost = 0) {
  const auto outcome = compile_text(with_header("steps:\n" + step + "output: { a: a }\n"));
  EXPECT_NE(outcome.pipeline, nullptr) << report(outcome.diagnostics);
  EffectRequest request;
  request.step = {0, StepIndex(0)};
  request.pipeline = outcome.pipeline;
  const auto& spec = outcome.pipeline->steps[0].spec;
  const auto* cascade = std::get_if<CascadeSpec>(&spec);
  PanelCall call;
  for (const PanelMember& member :
       cascade != nullptr ? cascade->tiers : std::get<EnsembleSpec>(spec).members) {
    PanelCall::Member own;
    own.name = member.name;
    own.call.name = member.ask.model.name;
    own.call.version = "1.0.0";
    if (const auto cost = costs.find(member.name); cost != costs.end()) own.cost = cost->second;
    call.members.push_back(own);
  }
  call.error_cost = error_cost;
  request.call = call;
  return request;
}

EffectResult says(const std::string& json, double cost = 0) {
  EffectResult result{*parse_json_document(json), {}};
  if (cost != 0) result.meta = *parse_json_document("{\"cost\":" + std::to_string(cost) + "}");
  return result;
}
EffectResult fails(ErrorKind kind = ErrorKind::kUnavailable) {
  return {make_error(kind, "models.busy", "too busy"), {}};
}

/// Asks until it is done; whom it asked, in order, goes to `asked`.
EffectResult ask(const EffectRequest& request, const std::map<std::string, EffectResult>& answers,
                 std::string* asked = nullptr) {
  return answer_panel(request, [&](const PanelCall::Member& member) {
    if (asked != nullptr) *asked += (asked->empty() ? "" : " ") + member.name;
    return answers.at(member.name);
  });
}

std::string text(const EffectResult& result) {
  return result.result.ok() ? to_json(result.result->root()) : "error " + result.result.error().code;
}

const std::string kInput = "    input: { amount: input.amount, country: input.country }\n";
const std::string kMembers =
    "[{ name: light, model: fraud-light, weight: 3 }, { name: heavy, model: fraud-heavy }]";

std::string ensemble(const std::string& how, const std::string& members = kMembers) {
  return "  a:\n    ensemble: { members: " + members + ", " + how + " }\n" + kInput;
}

TEST(Ensembles, AMeanWeighsTheMembersAndTellsTheirDisagreement) {
  const auto result =
      ask(request_for(ensemble("combine: weights",
                               "[{ name: light, model: fraud-light, weight: 3 }, { name: heavy, "
                               "model: fraud-heavy, weight: 1 }]")),
          {{"light", says(R"({"score":0.5,"confidence":0.5})")},
           {"heavy", says(R"({"score":0.9,"spread":0.1})")}});
  ASSERT_TRUE(result.result.ok());
  const Value& value = result.result->root();
  EXPECT_DOUBLE_EQ(value.find("score")->as_double(), 0.6);
  EXPECT_DOUBLE_EQ(value.find("confidence")->as_double(), 0.6);
  const Value& disagreement = *value.find("disagreement");
  EXPECT_DOUBLE_EQ(disagreement.find("entropy")->as_double(), -0.6 * std::log2(0.6) - 0.4 * std::log2(0.4));
  EXPECT_NEAR(disagreement.find("margin")->as_double(), 0.2, 1e-12);
  EXPECT_DOUBLE_EQ(disagreement.find("spread")->as_double(), 0.4);
  EXPECT_EQ(value.find("answered")->as_integer(), 2);
  EXPECT_EQ(to_json(*value.find("missing")), "[]");
  EXPECT_EQ(to_json(*value.find("members")),
            R"({"light":{"score":0.5,"confidence":0.5},"heavy":{"score":0.9,"spread":0.1}})");
}

TEST(Ensembles, MembersWithoutWeightCountAlike) {
  const auto result = ask(request_for(ensemble("combine: mean",
                                               "[{ name: light, model: fraud-light }, { name: "
                                               "heavy, model: fraud-heavy }]")),
                          {{"light", says(R"({"score":0.2,"confidence":0.8})")},
                           {"heavy", says(R"({"score":0.4,"spread":0.1})")}});
  EXPECT_DOUBLE_EQ(result.result->root().find("score")->as_double(), 0.3);
  EXPECT_DOUBLE_EQ(result.result->root().find("confidence")->as_double(), 0.7);
}

TEST(Ensembles, NumbersThatAreNoProbabilitiesHaveASpreadOnly) {
  const auto result = ask(request_for(ensemble("combine: mean, scores: numbers")),
                          {{"light", says(R"({"score":10.0,"confidence":0.8})")},
                           {"heavy", says(R"({"score":50.0,"spread":0.1})")}});
  const Value& value = result.result->root();
  EXPECT_DOUBLE_EQ(value.find("score")->as_double(), 20);
  EXPECT_EQ(value.find("confidence"), nullptr);
  EXPECT_EQ(to_json(*value.find("disagreement")), R"({"spread":40.0})");
}

TEST(Ensembles, AVoteTakesTheAnswerWithTheMostWeightBehindIt) {
  const std::string step =
      "  a:\n    ensemble: { members: { x: { model: sorter }, y: { model: sorter, weight: 1.5 }, z: { model: "
      "sorter } }, combine: vote }\n    input: { text: input.country }\n";
  const auto vote = [&](const char* x, const char* y, const char* z) {
    const auto answer = [](const char* word) {
      return says(std::string(R"({"answer":")") + word + R"(","confidence":0.5})");
    };
    return ask(request_for(step), {{"x", answer(x)}, {"y", answer(y)}, {"z", answer(z)}});
  };
  const auto two = vote("a", "b", "a");
  EXPECT_EQ(two.result->root().find("answer")->as_string(), "a");
  EXPECT_DOUBLE_EQ(two.result->root().find("confidence")->as_double(), 2 / 3.5);
  EXPECT_DOUBLE_EQ(two.result->root().at_pointer("/disagreement/margin")->as_double(), 0.5 / 3.5);
  EXPECT_DOUBLE_EQ(two.result->root().at_pointer("/disagreement/spread")->as_double(), 1 - 2 / 3.5);
  EXPECT_EQ(vote("a", "b", "c").result->root().find("answer")->as_string(), "b");
  const auto agreed = vote("a", "a", "a");
  EXPECT_DOUBLE_EQ(agreed.result->root().at_pointer("/disagreement/entropy")->as_double(), 0);
  EXPECT_DOUBLE_EQ(agreed.result->root().at_pointer("/disagreement/margin")->as_double(), 1);
}

TEST(Ensembles, OfVotesThatWeighTheSameTheFirstMembersCounts) {
  const std::string step =
      "  a:\n    ensemble: { members: { y: { model: sorter }, x: { model: sorter } }, combine: vote }\n    "
      "input: { "
      "text: input.country }\n";
  const auto result = ask(request_for(step), {{"x", says(R"({"answer":"a","confidence":0.5})")},
                                              {"y", says(R"({"answer":"b","confidence":0.5})")}});
  EXPECT_EQ(result.result->root().find("answer")->as_string(), "a");
}

TEST(Ensembles, BestTakesTheSurest) {
  const std::string step =
      "  a:\n    ensemble: { members: { x: { model: sorter }, y: { model: sorter } }, combine: best, of: "
      "answer }\n   "
      " input: { text: input.country }\n";
  const auto result = ask(request_for(step), {{"x", says(R"({"answer":"a","confidence":0.6})")},
                                              {"y", says(R"({"answer":"b","confidence":0.7})")}});
  EXPECT_EQ(result.result->root().find("answer")->as_string(), "b");
  EXPECT_EQ(result.result->root().find("best")->as_string(), "y");
  EXPECT_DOUBLE_EQ(result.result->root().find("confidence")->as_double(), 0.7);
  // Where answers do not say how sure they are, a probability does.
  const auto scores = ask(request_for(ensemble("combine: best",
                                               "{ light: { model: fraud-light }, heavy: { model: "
                                               "fraud-heavy } }")),
                          {{"light", says(R"({"score":0.7,"confidence":0.99})")},
                           {"heavy", says(R"({"score":0.1,"spread":0.1})")}});
  EXPECT_EQ(scores.result->root().find("best")->as_string(), "heavy");
  EXPECT_DOUBLE_EQ(scores.result->root().find("score")->as_double(), 0.1);
  EXPECT_DOUBLE_EQ(scores.result->root().find("confidence")->as_double(), 0.9);
}

TEST(Ensembles, WhoDoesNotAnswerIsLeftOutWhileTheQuorumStands) {
  const auto light = says(R"({"score":0.5,"confidence":0.5})");
  const auto one =
      ask(request_for(ensemble("combine: mean, quorum: 1")), {{"light", light}, {"heavy", fails()}});
  ASSERT_TRUE(one.result.ok());
  EXPECT_DOUBLE_EQ(one.result->root().find("score")->as_double(), 0.5);
  EXPECT_EQ(one.result->root().find("answered")->as_integer(), 1);
  EXPECT_EQ(to_json(*one.result->root().find("missing")), R"([{"member":"heavy","code":"models.busy"}])");
  EXPECT_EQ(one.meta.root().at_pointer("/members/heavy/error/code")->as_string(), "models.busy");

  // Without `quorum` more than half must answer.
  const auto half = ask(request_for(ensemble("combine: mean")), {{"light", light}, {"heavy", fails()}});
  EXPECT_EQ(text(half), "error ensemble.no_quorum");
  EXPECT_EQ(half.result.error().kind, ErrorKind::kUnavailable);
  const auto lasting = ask(request_for(ensemble("combine: mean")),
                           {{"light", light}, {"heavy", fails(ErrorKind::kUnprocessable)}});
  EXPECT_EQ(lasting.result.error().kind, ErrorKind::kUnprocessable);
}

TEST(Ensembles, AnAnswerThatCannotBeCountedIsNone) {
  const auto request = request_for(ensemble("combine: mean, quorum: 1"));
  const auto light = says(R"({"score":0.5,"confidence":0.5})");
  for (const char* bad : {R"({"score":1.5})", R"({"score":"much"})", R"({})", R"(7)"}) {
    const auto result = ask(request, {{"light", light}, {"heavy", says(bad)}});
    EXPECT_EQ(to_json(*result.result->root().find("missing")),
              R"([{"member":"heavy","code":"ensemble.bad_answer"}])")
        << bad;
  }
}

TEST(Ensembles, WhoIsSwitchedOffIsNeverAsked) {
  EffectRequest request = request_for(ensemble("combine: mean, quorum: 1"));
  auto& call = std::get<PanelCall>(request.call);
  call.members[1].refused = make_error(ErrorKind::kUnavailable, "governance.killed", "off");
  std::string asked;
  const auto result = ask(request, {{"light", says(R"({"score":0.5,"confidence":0.5})")}}, &asked);
  EXPECT_EQ(asked, "light");
  EXPECT_EQ(to_json(*result.result->root().find("missing")),
            R"([{"member":"heavy","code":"governance.killed"}])");
  call.members[0].refused = call.members[1].refused;
  asked.clear();
  EXPECT_EQ(text(ask(request, {}, &asked)), "error ensemble.no_quorum");
  EXPECT_EQ(asked, "");
}

TEST(Ensembles, TheOrderOfAnswersMakesNoDifference) {
  const EffectRequest request = request_for(ensemble("combine: mean"));
  std::string first;
  for (const bool backwards : {false, true}) {
    Panel panel(request);
    EXPECT_EQ(panel.next(), (std::vector<size_t>{0, 1}));
    EXPECT_TRUE(panel.next().empty());
    for (const size_t member : {backwards ? size_t{1} : size_t{0}, backwards ? size_t{0} : size_t{1}})
      panel.take(member, says(member == 0 ? R"({"score":0.5,"confidence":0.5})" : R"({"score":0.1})", 0.25));
    ASSERT_TRUE(panel.done());
    panel.take(0, fails());  // late: too late
    const std::string all = to_json(panel.result().result->root()) + to_json(panel.result().meta.root());
    if (!backwards) first = all;
    EXPECT_EQ(all, first);
    EXPECT_DOUBLE_EQ(panel.result().meta.root().find("cost")->as_double(), 0.5);
  }
}

// --- cascades

std::string cascade(const std::string& tiers, const std::string& more = "") {
  return "  a:\n    cascade: { tiers: [" + tiers + "]" + more + " }\n" + kInput;
}
const std::string kTwo =
    "{ name: light, model: fraud-light, until: answer.confidence >= 0.9 }, { name: heavy, model: fraud-heavy "
    "}";

TEST(Cascades, StopAtTheFirstAnswerThatIsSureEnough) {
  std::string asked;
  const auto sure =
      ask(request_for(cascade(kTwo)), {{"light", says(R"({"score":0.1,"confidence":0.95})")}}, &asked);
  EXPECT_EQ(asked, "light");
  EXPECT_EQ(text(sure),
            R"({"score":0.1,"confidence":0.95,"tier":"light","sure":true,"tiers":[{"tier":"light","answer":)"
            R"({"score":0.1,"confidence":0.95},"sure":true}]})");
  asked.clear();
  const auto unsure = ask(request_for(cascade(kTwo)),
                          {{"light", says(R"({"score":0.4,"confidence":0.6})")},
                           {"heavy", says(R"({"score":0.2,"spread":0.1})")}},
                          &asked);
  EXPECT_EQ(asked, "light heavy");
  EXPECT_EQ(unsure.result->root().find("tier")->as_string(), "heavy");
  EXPECT_TRUE(unsure.result->root().find("sure")->as_bool());
  EXPECT_EQ(unsure.result->root().find("tiers")->items().size(), 2u);
}

TEST(Cascades, PassOverATierThatFails) {
  const auto heavy = says(R"({"score":0.2,"spread":0.1})");
  const auto first = ask(request_for(cascade(kTwo)), {{"light", fails()}, {"heavy", heavy}});
  EXPECT_EQ(first.result->root().find("tier")->as_string(), "heavy");
  EXPECT_EQ(first.result->root().at_pointer("/tiers/0/code")->as_string(), "models.busy");
  // The best there is, and it says that it is not sure.
  const auto second = ask(request_for(cascade(kTwo)),
                          {{"light", says(R"({"score":0.4,"confidence":0.6})")}, {"heavy", fails()}});
  EXPECT_EQ(second.result->root().find("tier")->as_string(), "light");
  EXPECT_FALSE(second.result->root().find("sure")->as_bool());
  EXPECT_EQ(text(ask(request_for(cascade(kTwo)), {{"light", fails()}, {"heavy", fails()}})),
            "error cascade.no_answer");
  // An answer of which `until` cannot tell is none.
  const auto odd = ask(request_for(cascade(kTwo)), {{"light", says(R"({"score":0.4})")}, {"heavy", heavy}});
  EXPECT_EQ(odd.result->root().find("tier")->as_string(), "heavy");
}

TEST(Cascades, GoOnOnlyWhereTheExpectedGainIsWorthTheCost) {
  const std::string tiers =
      "{ name: light, model: sorter, cost: 0.0 }, { name: heavy, model: old-sorter, cost: 1.0, accuracy: "
      "0.98 }";
  const std::string step =
      "  a:\n    cascade: { tiers: [" + tiers + "], error_cost: 10.0 }\n    input: { text: input.country }\n";
  const auto decide = [&](double confidence) {
    std::string asked;
    const auto result =
        ask(request_for(step, {{"heavy", 1.0}}, 10.0),
            {{"light", says("{\"answer\":\"a\",\"confidence\":" + std::to_string(confidence) + "}")},
             {"heavy", says(R"({"answer":"b","confidence":0.97})")}},
            &asked);
    EXPECT_NEAR(result.result->root().at_pointer("/tiers/0/gain")->as_double(), (0.98 - confidence) * 10 - 1,
                1e-9);
    return asked;
  };
  EXPECT_EQ(decide(0.8), "light heavy");  // (0.98 - 0.8) * 10 - 1 > 0
  EXPECT_EQ(decide(0.9), "light");        // (0.98 - 0.9) * 10 - 1 < 0
}

TEST(Cascades, ATierThatIsNotWorthItselfIsAskedOnTheWayToOneThatIs) {
  const std::string tiers =
      "{ name: a, model: sorter }, { name: b, model: sorter, cost: 0.1, accuracy: 0.5 }, { name: c, model: "
      "sorter, "
      "cost: 0.5, accuracy: 0.99 }";
  const std::string step =
      "  a:\n    cascade: { tiers: [" + tiers + "], error_cost: 10.0 }\n    input: { text: input.country }\n";
  std::string asked;
  const auto result = ask(
      request_for(step, {{"b", 0.1}, {"c", 0.5}}, 10.0),
      {{"a", says(R"({"answer":"x","confidence":0.6})")}, {"b", says(R"({"answer":"y","confidence":0.99})")}},
      &asked);
  EXPECT_EQ(asked, "a b");  // b's answer is so sure that c is not worth its cost
  EXPECT_NEAR(result.result->root().at_pointer("/tiers/0/gain")->as_double(), 0.39 * 10 - 0.6, 1e-9);
  EXPECT_TRUE(result.result->root().find("sure")->as_bool());
}

TEST(Cascades, ATierThatIsSwitchedOffIsPassedOver) {
  EffectRequest request = request_for(cascade(kTwo));
  std::get<PanelCall>(request.call).members[0].refused =
      make_error(ErrorKind::kUnavailable, "governance.killed", "off");
  std::string asked;
  const auto result = ask(request, {{"heavy", says(R"({"score":0.2,"spread":0.1})")}}, &asked);
  EXPECT_EQ(asked, "heavy");
  EXPECT_EQ(result.result->root().at_pointer("/tiers/0/code")->as_string(), "governance.killed");
}

// --- prompts

TEST(PromptedCalls, AskAgainWithTheFaultAndTellAllAttempts) {
  testing::World world;
  const auto outcome =
      compile_text(with_header("steps:\n  a: { model: writer, prompt: triage, input: { text: input.country } "
                               "}\noutput: { a: a.value.topic }\n"));
  ASSERT_NE(outcome.pipeline, nullptr) << report(outcome.diagnostics);
  const auto& spec = std::get<ModelSpec>(outcome.pipeline->steps[0].spec);
  EXPECT_EQ(spec.prompt->name, "triage");
  ASSERT_EQ(outcome.pipeline->dependencies.size(), 2u);
  EXPECT_EQ(outcome.pipeline->dependencies[1].kind, Dependency::Kind::kPrompt);

  // The pointer lives in the world; the test keeps that longer.
  ModelCall call{"writer", "1.0.0", *parse_json_document(R"({"text":"hi"})"), {}};
  call.prompt = PromptUse{
      std::shared_ptr<const prompts::Prompt>(std::shared_ptr<void>(), world.prompt({"triage", ""})), 7};
  std::vector<std::string> requests;
  const auto answers = std::vector<std::string>{
      R"({"text":"no","finish_reason":"stop"})",
      R"({"text":"{\"topic\":\"billing\",\"confidence\":1}","finish_reason":"stop"})"};
  const auto result =
      answer_call(call, [&](const std::string& model, const std::string&, const Document& input) {
        EXPECT_EQ(model, "writer");
        requests.push_back(to_json(input.root()));
        return parse_json_document(answers[requests.size() - 1]);
      });
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_NE(requests[0].find(R"("content":"en: hi")"), std::string::npos) << requests[0];
  EXPECT_NE(requests[1].find("Your answer cannot be used"), std::string::npos) << requests[1];
  EXPECT_EQ(to_json(*result.result->root().find("value")), R"({"topic":"billing","confidence":1.0})");
  EXPECT_EQ(result.meta.root().at_pointer("/prompt/name")->as_string(), "triage");
  EXPECT_EQ(result.meta.root().at_pointer("/prompt/attempts")->items().size(), 2u);
}

}  // namespace
}  // namespace switchyard::workflow
