#include "switchyard/workflow/compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "../compile/graph.h"
#include "../compile/names.h"
#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::workflow {
namespace {

using testing::compile_text;
using testing::files_in;
using testing::read_text_file;
using testing::report;
using testing::with_header;

std::shared_ptr<const Pipeline> good(const std::string& text) {
  auto outcome = compile_text(text);
  EXPECT_FALSE(has_errors(outcome.diagnostics)) << report(outcome.diagnostics);
  return outcome.pipeline;
}

std::shared_ptr<const Pipeline> card_payment() {
  return good(read_text_file(testing::tests_folder() + "/good_documents/card_payment.yaml"));
}

std::vector<std::string> needs_of(const Pipeline& pipeline, std::string_view step) {
  std::vector<std::string> names;
  for (const StepIndex need : pipeline.find_step(step)->needs)
    names.push_back(pipeline.steps[need.value].name);
  return names;
}

using Names = std::vector<std::string>;

TEST(PipelineCompiler, KeepsTheOrderOfTheDocumentAndFindsEdgesInReferences) {
  const auto p = card_payment();
  ASSERT_NE(p, nullptr);
  Names names;
  for (const Step& step : p->steps) {
    EXPECT_EQ(step.index.value, names.size());
    names.push_back(step.name);
  }
  EXPECT_EQ(names, (Names{"limits", "too_large", "light", "heavy", "verdict", "opinion"}));
  EXPECT_EQ(needs_of(*p, "limits"), Names{});
  EXPECT_EQ(needs_of(*p, "too_large"), Names{"limits"});
  EXPECT_EQ(needs_of(*p, "heavy"), Names{"light"});
  EXPECT_EQ(needs_of(*p, "verdict"), (Names{"light", "heavy"}));
  EXPECT_EQ(needs_of(*p, "opinion"), (Names{"limits", "light", "heavy", "verdict"}));
}

TEST(PipelineCompiler, ReferencesInCostsAndFallbacksAreEdgesToo) {
  const auto p = good(with_header(R"yaml(
steps:
  price: { set: { value: input.amount * 2.0 } }
  spare: { set: { score: 0.5, confidence: 0.5 } }
  light: { model: fraud-light, input: { amount: input.amount, country: input.country }, on_error: spare }
  verdict:
    triage: light.score
    costs:
      answers: [negative, positive]
      matrix: { negative: { negative: 0, positive: price.value }, positive: { negative: 1, positive: 0 } }
      review: { cost: 1 }
output: { x: verdict.answer }
)yaml"));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(needs_of(*p, "verdict"), (Names{"price", "light"}));
  EXPECT_EQ(needs_of(*p, "light"), Names{"spare"});
}

TEST(PipelineCompiler, NamesThatMacrosBindAreNoReferences) {
  const auto p = good(with_header(R"yaml(
steps:
  tag: { set: { x: 1 } }
  a: { set: { x: "input.tags.exists(tag, tag == 'x')" } }
  b: { set: { x: "input.tags.map(t, t + string(tag.x))" } }
output: { a: a.x, b: b.x }
)yaml"));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(needs_of(*p, "a"), Names{});
  EXPECT_EQ(needs_of(*p, "b"), Names{"tag"});
}

TEST(PipelineCompiler, FillsEveryFieldOfTheForm) {
  const auto p = card_payment();
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->full_name(), "risk/card-payment@1.3.0");
  EXPECT_EQ(p->deadline_us, 2'000'000);
  EXPECT_TRUE(p->key.has_value());
  EXPECT_EQ(p->search.size(), 3u);

  const Step& heavy = *p->find_step("heavy");
  EXPECT_EQ(heavy.kind, StepKind::kModel);
  EXPECT_TRUE(heavy.when.has_value());
  EXPECT_TRUE(heavy.may_be_absent);
  EXPECT_EQ(heavy.timeout_us, 400'000);
  EXPECT_EQ(heavy.retry.attempts, 3);
  EXPECT_EQ(heavy.retry.backoff_first_us, 50'000);
  EXPECT_EQ(heavy.retry.backoff_max_us, 1'000'000);
  EXPECT_DOUBLE_EQ(heavy.retry.jitter, 0.5);
  EXPECT_EQ(heavy.on_error.action, OnError::Action::kStep);
  EXPECT_EQ(p->steps[heavy.on_error.step.value].name, "light");

  const auto& triage = std::get<TriageSpec>(p->find_step("verdict")->spec);
  ASSERT_TRUE(triage.costs.has_value());
  EXPECT_EQ(triage.costs->source, "card-fraud-costs@1.0.0");
  EXPECT_EQ(triage.costs->answers, (Names{"negative", "positive"}));
  EXPECT_EQ(triage.costs->matrix[0][1].text(), "input.amount + 10.0");
  EXPECT_DOUBLE_EQ(triage.costs->reviewer_error_rate, 0.02);
  EXPECT_EQ(triage.confidence_below, 0.9);
  EXPECT_EQ(triage.budget_per_day, 200u);
  EXPECT_DOUBLE_EQ(triage.sample_probability, 0.01);

  const auto& review = std::get<ReviewSpec>(p->find_step("opinion")->spec);
  EXPECT_EQ(review.queue, "fraud-desk");
  EXPECT_EQ(review.due_us, 30 * 60 * int64_t{1'000'000});
  EXPECT_EQ(review.priority, 80);
  EXPECT_EQ(review.on_breach, ReviewSpec::Breach::kAnswer);
  EXPECT_EQ(review.show.size(), 5u);
  EXPECT_EQ(review.show[4].first, "reason");
  EXPECT_EQ(p->find_step("opinion")->effect, EffectClass::kEffectful);

  ASSERT_EQ(p->dependencies.size(), 3u);
  EXPECT_EQ(p->dependencies[0].ref.name, "card-limits");
  EXPECT_EQ(p->dependencies[1].ref.name, "fraud-light");
  EXPECT_EQ(p->dependencies[2].used_by, std::vector<StepIndex>{heavy.index});
}

TEST(PipelineCompiler, FillsTasksInBothTheirForms) {
  const auto p = good(read_text_file(testing::tests_folder() + "/good_documents/tasks.yaml"));
  ASSERT_NE(p, nullptr);
  const auto& look = std::get<TaskSpec>(p->find_step("look")->spec);
  EXPECT_EQ(look.type, "look-up/customer");
  EXPECT_EQ(look.queue, "default");
  EXPECT_EQ(look.heartbeat_us, 30'000'000);
  EXPECT_TRUE(look.input.has_value());
  EXPECT_EQ(p->find_step("look")->effect, EffectClass::kEffectful);
  EXPECT_TRUE(p->find_step("look")->result_type.is_dyn());
  const auto& letter = std::get<TaskSpec>(p->find_step("letter")->spec);
  EXPECT_EQ(letter.type, "send-letter");
  EXPECT_EQ(letter.queue, "post");
  EXPECT_EQ(letter.heartbeat_us, 10'000'000);
  EXPECT_NE(letter.result, nullptr);
  EXPECT_EQ(p->find_step("letter")->effect, EffectClass::kIdempotent);
  EXPECT_EQ(p->find_step("letter")->needs, std::vector<StepIndex>{p->find_step("look")->index});
  EXPECT_FALSE(std::get<TaskSpec>(p->find_step("count")->spec).input.has_value());
}

TEST(PipelineCompiler, FillsHttpAndItsEffectClass) {
  const auto p = good(read_text_file(testing::tests_folder() + "/good_documents/http_service.yaml"));
  ASSERT_NE(p, nullptr);
  const auto& customer = std::get<HttpSpec>(p->find_step("customer")->spec);
  EXPECT_EQ(customer.method, "GET");
  EXPECT_EQ(customer.expect, (std::vector<uint16_t>{200, 404}));
  EXPECT_EQ(customer.headers.size(), 1u);
  EXPECT_EQ(customer.query.size(), 3u);
  EXPECT_NE(customer.response, nullptr);
  EXPECT_EQ(p->find_step("customer")->effect, EffectClass::kIdempotent);
  EXPECT_EQ(p->find_step("notify")->effect, EffectClass::kIdempotent);

  const auto post =
      good(with_header("steps:\n  a: { http: { method: POST, url: \"'https://x.example.org'\" } }\noutput: { "
                       "s: a.status }\n"));
  EXPECT_EQ(post->find_step("a")->effect, EffectClass::kEffectful);
}

TEST(PipelineTypes, FollowTheSchemaThroughTheSteps) {
  const auto p = card_payment();
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->input_type.find_field("amount")->type.to_string(), "double");
  EXPECT_EQ(p->input_type.find_field("items")->type.to_string(), "int");
  EXPECT_EQ(p->input_type.find_field("paid_at")->type.to_string(), "string");
  EXPECT_TRUE(p->input_type.find_field("currency")->required) << "a default is always there";
  EXPECT_FALSE(p->input_type.find_field("merchant")->required);
  EXPECT_TRUE(p->input_type.find_field("birth_year")->type.is(expression::TypeKind::kNullable));
  EXPECT_FALSE(p->input_type.open());

  // fraud-heavy gives {score, spread}, fraud-light {score, confidence}: only the score is certain.
  const auto& heavy = p->find_step("heavy")->result_type;
  EXPECT_TRUE(heavy.find_field("score")->required);
  EXPECT_FALSE(heavy.find_field("spread")->required);
  EXPECT_FALSE(heavy.find_field("confidence")->required);

  const auto& opinion = p->find_step("opinion")->result_type;
  EXPECT_EQ(opinion.find_field("fraud")->type.to_string(), "bool");
  EXPECT_FALSE(opinion.find_field("comment")->required);
  EXPECT_EQ(opinion.find_field("reviewer")->type.to_string(), "string");
  EXPECT_EQ(opinion.find_field("answered_at")->type.to_string(), "timestamp");
  EXPECT_EQ(p->output_type.find_field("fraud")->type.to_string(), "bool");
}

TEST(PipelineTypes, AnOptionalFieldOfATemplateMayBeAbsent) {
  const auto p =
      good(with_header("steps:\n  a: { set: { name: input.?merchant, country: input.country } }\noutput: { "
                       "n: a.?name.orValue('none') }\n"));
  ASSERT_NE(p, nullptr);
  EXPECT_FALSE(p->find_step("a")->result_type.find_field("name")->required);
  EXPECT_TRUE(p->find_step("a")->result_type.find_field("country")->required);
}

TEST(PipelineTypes, ASchemaThatContainsItselfEndsInDyn) {
  const auto p = good(R"yaml(
pipeline: test/tree@1.0.0
input:
  schema:
    $ref: "#/$defs/tree"
    $defs:
      tree:
        type: object
        properties: { value: { type: integer }, left: { $ref: "#/$defs/tree" }, right: { $ref: "#/$defs/tree" } }
        required: [value]
steps:
  a: { set: { x: input.value } }
output: { x: a.x }
)yaml");
  ASSERT_NE(p, nullptr);
  const expression::Type* type = &p->input_type;
  int levels = 0;
  for (; !type->is_dyn(); ++levels) {
    ASSERT_LT(levels, 4);
    type = &type->find_field("left")->type;
  }
  EXPECT_GT(levels, 0);
}

TEST(PipelineHash, IgnoresHowTheDocumentIsWritten) {
  const auto first =
      good(with_header("steps:\n  a: { set: { x: input.amount, y: 'input.items' } }\noutput: { x: a.x }\n"));
  const auto second = good(R"yaml(# another hand
pipeline: "test/short@1.0.0"
input:
    schema: './payment.schema.json'
steps: {a: {set: {x: "input.amount",
                  y: input.items}}}
output:
  x: >-
    a.x
)yaml");
  EXPECT_EQ(first->canonical, second->canonical);
  EXPECT_EQ(to_hex(first->hash), to_hex(second->hash));
}

TEST(PipelineHash, ChangesWithEverythingThatCouldChangeADecision) {
  const std::string text =
      "steps:\n  a: { triage: input.amount, costs: card-fraud-costs }\noutput: { x: a.answer }\n";
  const auto base = good(with_header(text));
  std::string other = with_header(text);
  other.replace(other.find("a.answer"), 8, "a.reason");
  EXPECT_NE(to_hex(base->hash), to_hex(good(other)->hash));

  // A file that the document names is part of it.
  testing::World world;
  world.put_file("./payment.schema.json",
                 R"({"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]})");
  const auto parsed = document::parse(with_header(text));
  const auto changed = compile(*parsed.root, "pipeline.yaml", world);
  ASSERT_NE(changed.pipeline, nullptr) << report(changed.diagnostics);
  EXPECT_NE(to_hex(base->hash), to_hex(changed.pipeline->hash));
  EXPECT_NE(base->canonical.find("input.amount + 10.0"), std::string::npos) << "the costs are inlined";
  EXPECT_NE(base->canonical.find("\"card_id\""), std::string::npos) << "the schema is inlined";
}

TEST(PipelineHash, IsTheSameOnEveryMachineAndInEveryBuild) {
  // Stored runs are pinned to such hashes. When this fails, the meaning of stored pipelines changed: bump
  // kFormVersion.
  const auto p = good(
      "pipeline: smallest@0.0.1\nsteps: { answer: { set: { value: 42, half: 0.5, big: 1e300 } } }\noutput: "
      "answer\n");
  EXPECT_EQ(
      p->canonical,
      R"({"pipeline":"smallest@0.0.1","steps":{"answer":{"set":{"value":42,"half":0.5,"big":1e+300}}},"output":"answer"})");
  EXPECT_EQ(to_hex(p->hash), to_hex(sha256(p->canonical + "\nform 1")));
}

TEST(PipelineGraph, OrdersStepsAfterTheirNeedsAndOtherwiseAsWritten) {
  using compiler::Needs;
  using Steps = std::vector<uint16_t>;
  EXPECT_EQ(compiler::order_steps(Needs{{}, {}, {}}).steps, (Steps{0, 1, 2}));
  EXPECT_EQ(compiler::order_steps(Needs{{2}, {}, {1}}).steps, (Steps{1, 2, 0}));
  EXPECT_EQ(compiler::order_steps(Needs{}).steps, Steps{});
}

TEST(PipelineGraph, FindsEachCycleOnceAndStillOrdersEveryStep) {
  const auto order = compiler::order_steps({{1}, {2}, {0}, {0}, {4}, {6}, {5}});
  ASSERT_EQ(order.cycles.size(), 3u);
  EXPECT_EQ(order.cycles[0], (std::vector<uint16_t>{0, 1, 2}));
  EXPECT_EQ(order.cycles[1], (std::vector<uint16_t>{4}));
  EXPECT_EQ(order.cycles[2], (std::vector<uint16_t>{5, 6}));
  auto steps = order.steps;
  std::sort(steps.begin(), steps.end());
  EXPECT_EQ(steps, (std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(PipelineGraph, RandomGraphsAreOrderedOrShownToBeCyclic) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const size_t count = 1 + random() % 30;
    compiler::Needs needs(count);
    const size_t edges = random() % (2 * count);
    for (size_t i = 0; i < edges; ++i)
      needs[random() % count].insert(static_cast<uint16_t>(random() % count));
    const auto order = compiler::order_steps(needs);
    ASSERT_EQ(order.steps.size(), count);
    std::vector<size_t> place(count, count);
    for (size_t i = 0; i < count; ++i) place[order.steps[i]] = i;
    for (const auto& cycle : order.cycles) {
      for (size_t i = 0; i < cycle.size(); ++i)
        EXPECT_TRUE(needs[cycle[i]].contains(cycle[(i + 1) % cycle.size()]));
    }
    if (!order.cycles.empty()) continue;
    for (uint16_t step = 0; step < count; ++step)
      for (const uint16_t need : needs[step]) EXPECT_LT(place[need], place[step]);
  }
}

TEST(PipelineNames, AcceptVersionsDurationsAndNamesAsDocumented) {
  using namespace compiler;
  for (const char* version : {"1.0.0", "0.0.1", "10.20.30", "1.0.0-rc.1", "1.0.0-alpha-2"})
    EXPECT_TRUE(is_version(version)) << version;
  for (const char* version : {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.0-", "1.0.0+build", "v1.0.0",
                              "1.0.0-01", "-1.0.0"})
    EXPECT_FALSE(is_version(version)) << version;
  EXPECT_EQ(parse_duration("250ms"), 250'000);
  EXPECT_EQ(parse_duration("1d"), int64_t{86'400'000'000});
  EXPECT_EQ(parse_duration("7us"), 7);
  for (const char* duration :
       {"", "0s", "-1s", "5", "s", "1.5s", "1h30m", "1 s", "99999d", "9999999999999999999s", "5S"})
    EXPECT_EQ(parse_duration(duration), std::nullopt) << duration;
  EXPECT_EQ(duration_text(90'000'000), "90s");
  EXPECT_EQ(duration_text(7'200'000'000), "2h");
  EXPECT_TRUE(is_pipeline_name("risk/card-payment"));
  for (const char* name : {"", "/a", "a/", "a//b", "A", "a_b", "a b"})
    EXPECT_FALSE(is_pipeline_name(name)) << name;
  EXPECT_TRUE(is_step_name("_a1"));
  for (const char* name : {"", "1a", "a-b", "A", "a.b"}) EXPECT_FALSE(is_step_name(name)) << name;
}

TEST(PipelineLimits, ManyStepsCompileAndTooManyAreRefused) {
  const auto chain = [](int count) {
    std::string text = "steps:\n  s0: { set: { x: input.items } }\n";
    for (int i = 1; i < count; ++i)
      text += "  s" + std::to_string(i) + ": { set: { x: s" + std::to_string(i - 1) + ".x + 1 } }\n";
    return with_header(text + "output: { x: s" + std::to_string(count - 1) + ".x }\n");
  };
  EXPECT_NE(good(chain(1000)), nullptr);
  const auto outcome = compile_text(chain(1001));
  EXPECT_EQ(outcome.pipeline, nullptr);
  EXPECT_EQ(outcome.diagnostics[0].code, "pipeline.too_many");
}

TEST(PipelineLimits, TheReportOfAHopelessDocumentIsBounded) {
  std::string text = "steps:\n";
  for (int i = 0; i < 900; ++i)
    text += "  s" + std::to_string(i) + ": { set: { x: nobody" + std::to_string(i) + ".x } }\n";
  const auto outcome = compile_text(with_header(text + "output: {}\n"));
  EXPECT_EQ(outcome.pipeline, nullptr);
  EXPECT_LE(outcome.diagnostics.size(), 201u);
  EXPECT_EQ(outcome.diagnostics.back().code, "document.more_mistakes");
}

/// Whatever comes in, out come a pipeline or an error; never both, never neither.
void expect_answer(const std::string& text) {
  const auto outcome = compile_text(text);
  EXPECT_EQ(outcome.pipeline == nullptr, has_errors(outcome.diagnostics)) << text;
}

TEST(PipelineCompiler, RandomChangesOfGoodDocumentsGiveAPipelineOrADiagnostic) {
  const std::vector<std::string> words = {
      "when: ", "after: a", "on_error: skip", "set: {}", "{",        "}",       "[",      "]",   ": ", "\n",
      "  ",     "input",    "null",           "5",       "'x'",      "retry: ", "- ",     "&a ", "*a", "has(",
      ")",      ".?",       "timeout: ",      "1s",      "review: ", "model: ", "fail: ", "run", "\"", "x: y",
      "!!str ", "~"};
  std::mt19937 random(20260101);
  for (const auto& path : files_in(testing::tests_folder() + "/good_documents", ".yaml")) {
    const std::string text = read_text_file(path);
    for (int round = 0; round < 150; ++round) {
      std::string changed = text;
      const int changes = 1 + static_cast<int>(random() % 4);
      for (int i = 0; i < changes; ++i) {
        const size_t at = random() % changed.size();
        switch (random() % 4) {
          case 0: changed.insert(at, words[random() % words.size()]); break;
          case 1: changed.erase(at, 1 + random() % 8); break;
          case 2: changed[at] = static_cast<char>(' ' + random() % 95); break;
          default: {
            // Move a line to another place.
            const size_t start = changed.rfind('\n', at) + 1;
            const size_t end = std::min(changed.find('\n', at), changed.size() - 1);
            const std::string line = changed.substr(start, end + 1 - start);
            changed.erase(start, line.size());
            if (changed.empty()) break;
            size_t to = changed.find('\n', random() % changed.size());
            changed.insert(to == std::string::npos ? 0 : to + 1, line);
          }
        }
        if (changed.empty()) changed = " ";
      }
      expect_answer(changed);
    }
  }
}

TEST(PipelineCompiler, EveryPrefixAndEveryMissingLineGivesADiagnosticOrAPipeline) {
  const std::string text = read_text_file(testing::tests_folder() + "/good_documents/card_payment.yaml");
  for (size_t end = 0; end < text.size(); end += 7) expect_answer(text.substr(0, end));
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1);
    std::string changed = text;
    expect_answer(changed.erase(at, end + 1 - at));
    at = end + 1;
  }
}

}  // namespace
}  // namespace switchyard::workflow
