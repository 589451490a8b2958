#include "switchyard/rehearsal/rehearsal.h"

#include <gtest/gtest.h>

#include <fstream>
#include <tuple>

namespace switchyard::rehearsal {
namespace {

/// Gives the outputs' schema that the manifest names; nothing is loaded.
class ContractLoader final : public governance::ModelLoader {
 public:
  Result<Document> load(const models::ModelManifest& manifest, std::string_view) override {
    return make_document(manifest.output_schema->document());
  }
  void unload(const models::ModelName&) override {}
};

constexpr const char* kPipeline = R"Y(pipeline: demo/check@1.0.0
input:
  schema:
    type: object
    properties: { n: { type: integer, minimum: 0 }, name: { type: string } }
    required: [n]
steps:
  ask:
    http: { method: GET, url: "'https://facts.example.org/' + string(input.n)", response: { type: object, properties: { risk: { type: number } }, required: [risk] } }
    timeout: 2s
    retry: { attempts: 2, backoff: 1s..1s, jitter: 0 }
    on_error: { value: { status: 0, headers: {}, body: { risk: 1.0 } } }
  large: { when: input.n > 100, set: { note: "'large'" } }
  opinion:
    when: ask.body.risk > 0.5
    review:
      queue: desk
      form: { type: object, properties: { ok: { type: boolean } }, required: [ok] }
      due: 1h
      on_breach: { answer: { ok: false } }
output: { ok: "has(opinion) ? opinion.ok : true", large: has(large) }
)Y";

Report run(const std::string& test, Request request = {}) {
  static ContractLoader loader;
  request.files = {{"check.pipeline.yaml", kPipeline}, {"check.test.yaml", test}};
  request.models = &loader;
  return rehearse(request);
}

std::string told(const Report& report) { return to_text(report, false); }

constexpr const char* kGood = R"Y(test: demo/check
cases:
  small and safe:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }
    expect:
      output: { ok: true, large: false }
      path: [{ large: skipped }, ask, { opinion: skipped }]
      calls: { ask: 1 }
      took: 0s
  the service is down twice, and a person says yes:
    input: { n: 200 }
    stubs: { ask: { fail: http.no_connection } }
    people: { opinion: { answer: { ok: true }, by: anna, after: 10m } }
    expect:
      output: { ok: true, large: true }
      path: [large, { ask: replaced }, opinion]
      calls: { ask: 2 }
      took: 601s
  the second attempt answers:
    input: { n: 1 }
    stubs: { ask: [{ never: true }, { body: { risk: 0.2 }, after: 500ms }] }
    expect: { output_has: { ok: true }, calls: { ask: 2 }, took: 3500ms }
  nobody answers in time:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0.9 } } }
    expect: { output: { ok: false, large: false }, took: 1h }
  somebody cancels it:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0.9 } } }
    then: [{ after: 5m, cancel: true, by: ben, why: a mistake }]
    expect: { status: cancelled, error: { code: run.cancelled, message: "cancelled by ben: a mistake" }, took: 5m }
)Y";

TEST(Rehearse, PlaysWhatTheCasesSayAndMovesTheClock) {
  const Report report = run(kGood);
  EXPECT_EQ(report.failed(), 0u) << told(report);
  EXPECT_EQ(report.cases.size(), 5u) << told(report);
}

TEST(Rehearse, AnEngineThatDiesAfterEachRecordChangesNothing) {
  for (const Restarts restarts : {Restarts::kFold, Restarts::kSnapshot}) {
    Request request;
    request.stage = [restarts](auto catalog, uint64_t seed) {
      return machine_stage(std::move(catalog), seed, restarts);
    };
    const Report report = run(kGood, request);
    EXPECT_EQ(report.failed(), 0u) << told(report);
    EXPECT_EQ(report.cases.size(), 5u);
  }
}

constexpr const char* kAsks = R"Y(
pipeline: demo/asks@1.0.0
input: { schema: { type: object, required: [n], properties: { n: { type: integer } } } }
steps:
  pause: { wait: 1m }
  papers: { after: pause, listen: { signal: documents, schema: { type: object, required: [sum], properties: { sum: { type: number } } }, when: signal.payload.sum > 0.0, timeout: 1h }, on_error: skip }
output: { sum: papers.?payload.sum, by: papers.?who }
)Y";

constexpr const char* kSignals = R"Y(test: demo/asks
cases:
  before the step listens:
    input: { n: 1 }
    then: [{ after: 1s, signal: documents, payload: { sum: 3 }, by: ann }]
    expect: { output: { sum: 3, by: ann }, took: 1m }
  the second one fits:
    input: { n: 1 }
    then: [{ after: 2m, signal: documents, payload: { sum: 0 } }, { after: 3m, signal: documents, payload: { sum: 2.5 } }]
    expect: { output: { sum: 2.5, by: tester }, took: 3m }
  none comes:
    input: { n: 1 }
    expect: { output: {}, took: 61m, path: [pause, { papers: left_out }] }
)Y";

Report run_signals(const std::string& test, Restarts restarts) {
  static ContractLoader loader;
  Request request;
  request.stage = [restarts](auto catalog, uint64_t seed) {
    return machine_stage(std::move(catalog), seed, restarts);
  };
  request.files = {{"asks.pipeline.yaml", kAsks}, {"asks.test.yaml", test}};
  request.models = &loader;
  return rehearse(request);
}

TEST(Rehearse, SendsSignalsAtTheirTimesWhateverDies) {
  for (const Restarts restarts : {Restarts::kNone, Restarts::kFold, Restarts::kSnapshot}) {
    const Report report = run_signals(kSignals, restarts);
    EXPECT_EQ(report.failed(), 0u) << told(report);
    EXPECT_EQ(report.cases.size(), 3u);
  }
}

TEST(Rehearse, ASignalThatThePipelineDoesNotTakeIsAMistakeOfTheFile) {
  const Report report = run_signals(R"Y(test: demo/asks
cases:
  one:
    input: { n: 1 }
    then: [{ after: 1s, signal: papers }, { after: 1s, signal: documents, payload: { sum: much } }]
)Y",
                                    Restarts::kNone);
  EXPECT_EQ(
      told(report),
      R"Y(asks.test.yaml:5:33: error: no step of the pipeline listens to a signal 'papers' (cases.one.then[0].signal) [test.unknown_signal]
  mend: name one that a step listens to: listen: { signal: ... }
asks.test.yaml:5:91: error: the payload does not fit its schema: sum must be a number, got "much" (cases.one.then[1].payload.sum) [test.schema_violation]
  mend: correct the value
)Y");
}

TEST(Rehearse, TellsAllMistakesOfATestFileAtOnce) {
  const Report report = run(R"Y(test: demo/check
defaults: { sead: 3 }
cases:
  one:
    input: { n: -1, name: 5 }
    stubs:
      aks: { body: { risk: 0 } }
      ask: { body: { risk: much }, after: soon }
      large: { answer: {} }
    people:
      opinion: { answer: { ok: perhaps } }
      ask: { answer: {} }
    then: [{ after: 1s, stop: true }]
    expect:
      status: done
      path: [ask, larg, { opinion: answered }]
      calls: { ask: many }
  two:
    stubs: { ask: { status: 200, never: true } }
    expcet: {}
)Y");
  EXPECT_TRUE(report.cases.empty());
  EXPECT_EQ(
      told(report),
      R"Y(check.test.yaml:2:13: error: `defaults` has no entry 'sead'; did you mean 'seed'? (defaults.sead) [test.unknown_entry]
  mend: write seed
check.test.yaml:5:17: error: the input does not fit its schema: n must be at least 0, got -1 (cases.one.input.n) [test.schema_violation]
  mend: correct the value
check.test.yaml:5:27: error: the input does not fit its schema: name must be a text, got 5 (cases.one.input.name) [test.schema_violation]
  mend: correct the value
check.test.yaml:7:7: error: pipeline demo/check has no step 'aks'; did you mean 'ask'? (cases.one.stubs.aks) [test.unknown_step]
  mend: write ask
check.test.yaml:8:28: error: here must be a number, not the text 'much' (cases.one.stubs.ask.body.risk) [test.wrong_type]
  mend: write a number
check.test.yaml:8:43: error: `after` is a whole number and a unit, not the text 'soon' (cases.one.stubs.ask.after) [test.bad_duration]
  mend: write for example 250ms, 2s, 30m, 4h or 3d
check.test.yaml:9:7: error: step 'large' is of the kind set and runs for real (cases.one.stubs.large) [test.wrong_step]
  mend: remove the stub; only what asks the outside has one
check.test.yaml:11:32: error: the answer does not fit its schema: ok must be a boolean, got "perhaps" (cases.one.people.opinion.answer.ok) [test.schema_violation]
  mend: correct the value
check.test.yaml:12:7: error: step 'ask' is of the kind http and asks nobody (cases.one.people.ask) [test.wrong_step]
  mend: name a review step
check.test.yaml:13:12: error: the item does not say what happens (cases.one.then[0].cancel) [test.bad_move]
  mend: add cancel: true, or signal: <name> with its payload
check.test.yaml:13:25: error: an item of `then` has no entry 'stop' (cases.one.then[0].stop) [test.unknown_entry]
  mend: use one of after, cancel, signal, payload, by, why
check.test.yaml:15:15: error: 'done' is no status (cases.one.expect.status) [test.unknown_status]
  mend: write completed, failed, cancelled or waiting
check.test.yaml:16:19: error: pipeline demo/check has no step 'larg'; did you mean 'large'? (cases.one.expect.path[1]) [test.unknown_step]
  mend: write large
check.test.yaml:16:25: error: here must be a step's name, or { name: how it ended } (cases.one.expect.path[2]) [test.bad_path]
  mend: write for example light, or { heavy: skipped }; a step ends completed, skipped, failed, replaced or left_out
check.test.yaml:17:21: error: `ask` is a whole number from 0 to 1000000, not the text 'many' (cases.one.expect.calls.ask) [test.wrong_type]
  mend: write such a number
check.test.yaml:18:3: error: the case has no input (cases.two.input) [test.no_input]
  mend: add input: { ... } or input: <file>
check.test.yaml:19:19: error: a stub says one thing: what the attempt gives (cases.two.stubs.ask) [test.bad_stub]
  mend: write answer, fail, never: true or real: true, or status and body
check.test.yaml:20:5: error: a case has no entry 'expcet'; did you mean 'expect'? (cases.two.expcet) [test.unknown_entry]
  mend: write expect
)Y");
}

TEST(Rehearse, SaysWhatAStepAskedThatHasNoStub) {
  const Report report = run("test: demo/check\ncases:\n  one: { input: { n: 7 }, expect: {} }\n");
  ASSERT_EQ(report.cases.size(), 1u) << told(report);
  EXPECT_EQ(report.cases[0].differences[0],
            "step ask asked GET https://facts.example.org/7, and the case has no stub for it; add stubs: { "
            "ask: { status: "
            "200, body: { ... } } }");
}

TEST(Rehearse, ShowsWhatDiffersLineByLine) {
  const Report report = run(R"Y(test: demo/check
cases:
  one:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }
    expect: { output: { large: true, ok: true }, path: [ask, large, { opinion: skipped }] }
)Y");
  EXPECT_EQ(told(report), R"Y(check.test.yaml
  FAILED   one
           check.test.yaml:3:
           the output differs (- expected, + got):
               {
             -   "large": true,
             +   "large": false,
                 "ok": true
               }
           check.test.yaml:3:
           the path differs (- expected, + got):
             + large skipped
               ask
             - large
               opinion skipped

1 case, 1 failed
)Y");
}

TEST(Rehearse, UpdateWritesWhatCameAndKeepsEveryOtherLine) {
  Request request;
  request.update = true;
  const Report report = run(R"Y(# The first comment.
test: demo/check
cases:
  new:   # nothing expected yet
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }

  changed:
    input: { n: 200 }
    expect:
      # What was thought once.
      output: { ok: false, large: false }
      calls: { ask: 7 }
    stubs: { ask: { fail: http.gone } }
    people: { opinion: { answer: { ok: true } } }

  right:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }
    expect: { output_has: { ok: true } }
  flat: { input: { n: 1 }, stubs: { ask: { body: { risk: 0 } } } }
)Y",
                            request);
  ASSERT_EQ(report.rewritten.size(), 1u) << told(report);
  EXPECT_EQ(report.rewritten.at("check.test.yaml"), R"Y(# The first comment.
test: demo/check
cases:
  new:   # nothing expected yet
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }
    expect:
      output: { ok: true, large: false }
      path: [{ large: skipped }, ask, { opinion: skipped }]

  changed:
    input: { n: 200 }
    expect:
      output: { ok: true, large: true }
      path: [large, { ask: replaced }, opinion]
      calls: { ask: 2 }
    stubs: { ask: { fail: http.gone } }
    people: { opinion: { answer: { ok: true } } }

  right:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0 } } }
    expect: { output_has: { ok: true } }
  flat: { input: { n: 1 }, stubs: { ask: { body: { risk: 0 } } } }
)Y");
  EXPECT_EQ(report.failed(), 1u) << "the case on one line cannot be rewritten";
  const Report again = run(report.rewritten.at("check.test.yaml"));
  EXPECT_EQ(again.failed(), 1u) << told(again);
}

TEST(Rehearse, NamesStepsAndBranchesThatNoCaseReaches) {
  const Report report = run(R"Y(test: demo/check
cases:
  one:
    input: { n: 1 }
    stubs: { ask: { body: { risk: 0.9 } } }
    people: { opinion: { answer: { ok: true } } }
    expect: {}
)Y");
  ASSERT_EQ(report.coverage.size(), 1u) << told(report);
  EXPECT_EQ(report.coverage[0].steps_reached, 2u);
  EXPECT_EQ(report.coverage[0].missed,
            (std::vector<std::string>{"large", "ask: its on_error", "ask: another attempt",
                                      "opinion: `when` false", "opinion: no answer in time"}));
}

TEST(Rehearse, WritesJunitThatBuildServersRead) {
  const Report report = run("test: demo/check\ncases:\n  a < b: { input: { n: 7 }, expect: {} }\n");
  const std::string xml = to_junit(report);
  EXPECT_NE(xml.find("<testsuites name=\"switchyard\" tests=\"1\" failures=\"1\" errors=\"0\">"),
            std::string::npos)
      << xml;
  EXPECT_NE(xml.find("name=\"a &lt; b\" file=\"check.test.yaml\" line=\"3\""), std::string::npos) << xml;
}

TEST(Rehearse, TheSameSeedDrawsTheSame) {
  const std::string test = R"Y(test: demo/sampled
files:
  sampled.pipeline.yaml: |
    pipeline: demo/sampled@1.0.0
    steps: { verdict: { triage: 0.5, sample: 0.5 } }
    output: { seen: verdict.to_person, drawn: "verdict.rules[0].drawn" }
cases:
  first: { seed: 1, expect: { output_has: { seen: false } } }
  second: { seed: 3, expect: { output_has: { seen: true } } }
)Y";
  EXPECT_EQ(to_text(run(test), false), to_text(run(test), false));
}

/// The fenced block of docs/testing.md that begins with this line.
std::string snippet(const std::string& fence) {
  std::ifstream in(SWITCHYARD_SOURCE_DIR "/docs/testing.md");
  std::string line, text;
  bool inside = false;
  while (std::getline(in, line)) {
    if (inside && line == "```") return text;
    if (inside) text += line + "\n";
    inside |= line == fence;
  }
  return text;
}

TEST(Rehearse, TheGuidesExamplesHold) {
  ContractLoader loader;
  for (const auto& [pipeline, test, cases] :
       {std::tuple{"pipeline", "test", 2u}, std::tuple{"agent", "agent-test", 2u},
        std::tuple{"schedule", "schedule-test", 1u}}) {
    Request request;
    request.files = {{"check.pipeline.yaml", snippet(std::string("```yaml ") + pipeline)},
                     {"check.test.yaml", snippet(std::string("```yaml ") + test)}};
    request.models = &loader;
    const Report report = rehearse(request);
    EXPECT_EQ(report.failed(), 0u) << told(report);
    EXPECT_EQ(report.cases.size(), cases) << told(report);
  }
}

TEST(Rehearse, NestedStepsAndChildrenHavePaths) {
  const Report report = run(R"Y(test: demo/outer
files:
  outer.pipeline.yaml: |
    pipeline: demo/outer@1.0.0
    input: { schema: { type: object, properties: { ns: { type: array, items: { type: integer } } }, required: [ns] } }
    steps:
      each:
        for_each: input.ns
        steps: { one: { pipeline: demo/check, input: { n: item } } }
        output: one.ok
    output: each.results
cases:
  by path:
    input: { ns: [1, 2] }
    stubs:
      ask: { body: { risk: 0 } }
      "each[*].one/ask": { body: { risk: 0.1 } }
      "each[1].one/ask": { body: { risk: 0.9 } }
    people: { "each[1].one/opinion": { answer: { ok: false } } }
    expect: { output: [true, false], path: ["each[0].one", "each[1].one", each], calls: { "each[1].one/ask": 1 } }
)Y");
  EXPECT_EQ(report.failed(), 0u) << told(report);
  EXPECT_EQ(report.coverage.size(), 2u) << "the child's, too";
  const Report wrong = run(R"Y(test: demo/check
cases:
  one: { input: { n: 1 }, stubs: { "each[0].ask": { status: 200 } } }
)Y");
  EXPECT_EQ(wrong.diagnostics.size(), 1u) << told(wrong);
}

}  // namespace
}  // namespace switchyard::rehearsal
