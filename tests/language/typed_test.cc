// What the type checker accepts never meets an absent or mistyped value.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "switchyard/governance/governance.h"
#include "switchyard/rehearsal/stage.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/types/json.h"

namespace switchyard::language {
namespace {

using testing::SeededRandom;

// Of every kind of type one that is there, one that may be absent or null, and what steps give.
constexpr const char* kFrame = R"Y(pipeline: typed/candidate@1.0.0
input:
  schema:
    type: object
    properties:
      n: { type: integer }
      x: { type: number }
      s: { type: string }
      b: { type: boolean }
      on: { type: integer }
      ox: { type: number }
      os: { type: string }
      nn: { type: [integer, "null"] }
      l: { type: array, items: { type: integer } }
      ll: { type: array, items: { type: object, properties: { k: { type: string }, v: { type: number } }, required: [k] } }
      o: { type: object, properties: { a: { type: integer }, c: { type: string } }, required: [a] }
      oo: { type: object, properties: { a: { type: integer }, c: { type: string } }, required: [a] }
      m: { type: object, additionalProperties: { type: number } }
    required: [n, x, s, b, nn, l, ll, o, m]
    additionalProperties: false
steps:
  p: { set: { i: input.n, t: "input.?on", d: input.x, e: "input.?os" } }
  q: { when: input.b, set: { i: input.n, l: input.l, t: "input.?on" } }
  r:
    http: { method: GET, url: "'https://example.org/'", response: { type: object, properties: { v: { type: number }, w: { type: string } }, required: [v] } }
    on_error: skip
)Y";

/// Writes expressions: mostly of the type that is wanted, and often enough carelessly.
class Writer {
 public:
  explicit Writer(SeededRandom& random) : random_(random) {}

  enum class Want : uint8_t { kInt, kDouble, kText, kBool, kList };

  std::string write(Want want, int depth) {
    if (random_.one_in(25)) want = static_cast<Want>(random_.below(5));
    if (depth == 0) return leaf(want);
    const auto sub = [&](Want w) { return write(w, depth - 1); };
    switch (want) {
      case Want::kInt:
        return pick({[&] { return "(" + sub(want) + " + " + sub(want) + ")"; },
                     [&] { return "(" + sub(want) + " / " + sub(want) + ")"; },
                     [&] { return "int(" + sub(Want::kDouble) + ")"; },
                     [&] { return "size(" + sub(Want::kList) + ")"; },
                     [&] { return "size(" + sub(Want::kText) + ")"; },
                     [&] { return "(" + sub(Want::kBool) + " ? " + sub(want) + " : " + sub(want) + ")"; },
                     [&] { return sub(Want::kList) + "[" + sub(want) + "]"; },
                     [&] { return optional_int(sub(want)); }});
      case Want::kDouble:
        return pick({[&] { return "(" + sub(want) + " * " + sub(want) + ")"; },
                     [&] { return "double(" + sub(Want::kInt) + ")"; },
                     [&] { return "(" + sub(Want::kBool) + " ? " + sub(want) + " : " + sub(want) + ")"; },
                     [&] { return "input.?ox.orValue(" + sub(want) + ")"; },
                     [&] { return "r.?body.v.orValue(" + sub(want) + ")"; },
                     [&] { return "(has(r) ? r.body.v : " + sub(want) + ")"; },
                     [&] { return "input.m[?" + sub(Want::kText) + "].orValue(" + sub(want) + ")"; },
                     [&] { return "input.ll[0].?v.orValue(" + sub(want) + ")"; }});
      case Want::kText:
        return pick({[&] { return "(" + sub(want) + " + " + sub(want) + ")"; },
                     [&] { return "string(" + sub(Want::kInt) + ")"; },
                     [&] { return "string(" + sub(Want::kDouble) + ")"; },
                     [&] { return "input.?os.orValue(" + sub(want) + ")"; },
                     [&] { return "(has(r) && has(r.body.w) ? r.body.w : " + sub(want) + ")"; },
                     [&] { return "(has(input.oo) && has(input.oo.c) ? input.oo.c : " + sub(want) + ")"; },
                     [&] { return "input.?oo.?c.orValue(" + sub(want) + ")"; },
                     [&] { return sub(want) + ".substring(" + sub(Want::kInt) + ")"; }});
      case Want::kBool:
        return pick({[&] { return "(" + sub(Want::kInt) + " < " + sub(Want::kInt) + ")"; },
                     [&] { return "(" + sub(Want::kDouble) + " >= " + sub(Want::kDouble) + ")"; },
                     [&] { return "(" + sub(Want::kText) + " == " + sub(Want::kText) + ")"; },
                     [&] { return "(" + sub(want) + " && " + sub(want) + ")"; },
                     [&] { return "(" + sub(want) + " || " + sub(want) + ")"; },
                     [&] { return "!" + sub(want); },
                     [&] { return sub(Want::kList) + ".exists(e, e > " + sub(Want::kInt) + ")"; },
                     [&] { return "(" + sub(Want::kInt) + " in " + sub(Want::kList) + ")"; },
                     [&] { return sub(Want::kText) + ".startsWith(" + sub(Want::kText) + ")"; },
                     [&] { return "input.ll.all(e, has(e.v) && e.v > " + sub(Want::kDouble) + ")"; }});
      case Want::kList:
        return pick(
            {[&] { return "[" + sub(Want::kInt) + ", " + sub(Want::kInt) + "]"; },
             [&] { return sub(want) + ".map(e, e + " + sub(Want::kInt) + ")"; },
             [&] { return sub(want) + ".filter(e, e != " + sub(Want::kInt) + ")"; },
             [&] { return "(" + sub(want) + " + " + sub(want) + ")"; },
             [&] { return "q.?l.orValue(" + sub(want) + ")"; },
             [&] { return "(has(q) ? q.l : " + sub(want) + ")"; },
             [&] { return "input.ll.map(e, e.?v.orValue(" + sub(Want::kDouble) + ")).map(e, int(e))"; }});
    }
    return {};
  }

 private:
  std::string optional_int(const std::string& otherwise) {
    return pick({[&] { return "input.?on.orValue(" + otherwise + ")"; },
                 [&] { return "p.?t.orValue(" + otherwise + ")"; },
                 [&] { return "q.?i.orValue(" + otherwise + ")"; },
                 [&] { return "q.?t.orValue(" + otherwise + ")"; },
                 [&] { return "(has(q) ? q.i : " + otherwise + ")"; },
                 [&] { return "(has(q) && has(q.t) ? q.t : " + otherwise + ")"; },
                 [&] { return "(input.nn != null ? input.nn : " + otherwise + ")"; },
                 [&] { return "(has(input.on) ? input.on : " + otherwise + ")"; },
                 [&] { return "(!has(input.on) ? " + otherwise + " : input.on)"; },
                 [&] { return "input.?oo.a.orValue(" + otherwise + ")"; },
                 [&] { return "(input.b ? q.i : " + otherwise + ")"; }});
  }

  std::string leaf(Want want) {
    static const std::vector<std::string> kInts{
        "input.n",       "1",        "0",        "7",   "p.i", "input.o.a", "input.l[0]",
        "size(input.s)", "input.on", "input.nn", "q.i", "p.t", "input.oo.a"};
    static const std::vector<std::string> kDoubles{
        "input.x", "0.5", "p.d", "2.0", "input.ox", "r.body.v", "input.m['a']", "input.m.a", "input.ll[0].v"};
    static const std::vector<std::string> kTexts{"input.s",  "'t'",       "input.ll[0].k", "string(input.n)",
                                                 "input.os", "input.o.c", "p.e",           "r.body.w"};
    static const std::vector<std::string> kBools{
        "input.b",       "true",     "has(input.on)",    "has(q)",        "has(r)",
        "has(input.oo)", "has(p.t)", "input.nn == null", "has(input.m.a)"};
    static const std::vector<std::string> kLists{"input.l", "[1, 2]", "[input.n]", "q.l", "[]"};
    const std::vector<std::string>* all[] = {&kInts, &kDoubles, &kTexts, &kBools, &kLists};
    const auto& leaves = *all[static_cast<size_t>(want)];
    // The first are safe everywhere.
    const size_t count =
        random_.one_in(6) ? leaves.size() : std::min<size_t>(leaves.size(), want == Want::kBool ? 9 : 4);
    return leaves[random_.below(count)];
  }

  std::string pick(const std::vector<std::function<std::string()>>& ways) {
    return ways[random_.below(ways.size())]();
  }

  SeededRandom& random_;
};

std::string number_text(SeededRandom& random) {
  static const std::vector<std::string> kNumbers{"0", "1", "-1", "3", "100", "-7", "9223372036854775807"};
  return kNumbers[random.below(kNumbers.size())];
}
std::string real_text(SeededRandom& random) {
  static const std::vector<std::string> kNumbers{"0.0", "0.5", "-2.25", "1e300", "17.0", "3"};
  return kNumbers[random.below(kNumbers.size())];
}
std::string text_text(SeededRandom& random) {
  static const std::vector<std::string> kTexts{"\"\"", "\"a\"", "\"b\u00e9\"", "\"17\"", "\"a longer text\""};
  return kTexts[random.below(kTexts.size())];
}

/// An input that the schema accepts.
std::string input_text(SeededRandom& random) {
  std::string text = "{\"n\":" + number_text(random) + ",\"x\":" + real_text(random) +
                     ",\"s\":" + text_text(random) + ",\"b\":" + (random.one_in(2) ? "true" : "false") +
                     ",\"nn\":" + (random.one_in(2) ? "null" : number_text(random));
  if (random.one_in(2)) text += ",\"on\":" + number_text(random);
  if (random.one_in(2)) text += ",\"ox\":" + real_text(random);
  if (random.one_in(2)) text += ",\"os\":" + text_text(random);
  const auto list = [&](const char* name, const std::function<std::string()>& item) {
    text += std::string(",\"") + name + "\":[";
    for (size_t i = 0, count = random.below(3); i < count; ++i) text += (i == 0 ? "" : ",") + item();
    text += "]";
  };
  list("l", [&] { return number_text(random); });
  list("ll", [&] {
    return "{\"k\":" + text_text(random) + (random.one_in(2) ? ",\"v\":" + real_text(random) : "") + "}";
  });
  const auto object = [&] {
    return "{\"a\":" + number_text(random) + (random.one_in(2) ? ",\"c\":" + text_text(random) : "") + "}";
  };
  text += ",\"o\":" + object();
  if (random.one_in(2)) text += ",\"oo\":" + object();
  return text + ",\"m\":" + (random.one_in(2) ? "{\"a\":" + real_text(random) + "}" : "{}") + "}";
}

class NoModels final : public governance::ModelLoader {
 public:
  Result<Document> load(const models::ModelManifest&, std::string_view) override {
    return make_error(ErrorKind::kUnprocessable, "test.no_models", "there are none");
  }
  void unload(const models::ModelName&) override {}
};

std::shared_ptr<const governance::Snapshot> compile(const std::string& document) {
  static NoModels models;
  governance::GovernanceOptions options;
  options.models = &models;
  governance::Governance governance(options);
  governance::DeployRequest request;
  request.files = {{"candidate.yaml", document}};
  request.dry_run = true;
  auto report = governance.deploy(request);
  return report.ok() ? report->snapshot : nullptr;
}

/// Runs the pipeline once; the code of its error, empty when it completed. `answer`: the body that the
/// service gives; empty: one that fits, or none.
std::string run_once(const std::shared_ptr<const governance::Snapshot>& snapshot, SeededRandom& random,
                     const std::string& input, std::string* message, const std::string& answer = {}) {
  auto stage = rehearsal::machine_stage(snapshot, 1, rehearsal::Restarts::kNone);
  partition::StartRun command;
  command.pipeline = snapshot->pipeline("typed/candidate", "");
  command.pins = *snapshot->pins_for(*command.pipeline);
  command.arena = std::make_shared<Arena>(1024);
  auto parsed = parse_json(input, *command.arena);
  auto normal = command.pipeline->input->normalize(*parsed, *command.arena);
  EXPECT_TRUE(normal.ok()) << input;
  command.input = *normal;
  const int64_t now_us = 1'767'225'600'000'000;
  const auto started = stage->start(std::move(command), now_us);
  for (auto effects = stage->take_effects(); !effects.empty(); effects = stage->take_effects()) {
    for (const auto& effect : effects) {
      workflow::EffectResult result{make_error(ErrorKind::kUnprocessable, "stub.failed", "no"), {}};
      if (!answer.empty()) {
        result.result = parse_json_document("{\"status\":200,\"headers\":{},\"body\":" + answer + "}");
      } else if (!random.one_in(3)) {
        // As the server's client gives it: a number is what JSON made of it.
        result.result =
            parse_json_document("{\"status\":200,\"headers\":{},\"body\":{\"v\":" + real_text(random) +
                                (random.one_in(2) ? ",\"w\":" + text_text(random) : "") + "}}");
      }
      stage->complete(effect, std::move(result), now_us);
    }
  }
  const auto view = stage->run(*started);
  EXPECT_TRUE(workflow::is_final(view->summary.status));
  *message = view->summary.error.message;
  return view->summary.error.code;
}

TEST(Typed, WhatTheCheckerAcceptsMeetsNothingAbsentOrMistyped) {
  // What may go wrong with values of the right type.
  static const std::set<std::string> kAllowed{"",
                                              "expression.divide_by_zero",
                                              "expression.overflow",
                                              "expression.bad_index",
                                              "expression.conversion",
                                              "expression.bad_argument",
                                              "expression.too_large",
                                              "expression.cost_exceeded"};
  const char* wanted = std::getenv("SWITCHYARD_LANGUAGE_SEED");
  const uint64_t only = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
  size_t accepted = 0, refused = 0, failures = 0;
  for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? 400 : only) && failures < 5; ++seed) {
    SeededRandom random(seed);
    Writer writer(random);
    std::string document = kFrame;
    const auto want = static_cast<Writer::Want>(random.below(5));
    const std::string expression = writer.write(want, 1 + static_cast<int>(random.below(3)));
    // A guard proves things of what stands behind it.
    const std::string guard =
        random.one_in(2) ? ", when: \"" + writer.write(Writer::Want::kBool, 1) + "\"" : "";
    document += "  z: { after: r" + guard + ", set: { v: \"" + expression + "\" } }\noutput: { v: z.?v }\n";
    const auto snapshot = compile(document);
    if (snapshot == nullptr) {
      ++refused;
      continue;
    }
    ++accepted;
    for (int i = 0; i < 8; ++i) {
      const std::string input = input_text(random);
      std::string message;
      const std::string code = run_once(snapshot, random, input, &message);
      if (kAllowed.contains(code)) continue;
      // A map's key is an index: the schema says nothing of which there are.
      if (code == "expression.no_such_field" && message.find("in a map of") != std::string::npos &&
          message.find("'input.m") != std::string::npos)
        continue;
      ADD_FAILURE() << "seed " << seed << ": " << expression << guard << "\n  with " << input << "\n  gave "
                    << code << ": " << message;
      ++failures;
      break;
    }
  }
  if (only != 0) return;
  EXPECT_GT(accepted, 150u);
  EXPECT_GT(refused, 50u) << "the writer is meant to be careless";
}

TEST(Typed, AnAnswerHasTheTypesOfItsSchemaOrIsAFailure) {
  const auto snapshot = compile(R"Y(pipeline: typed/candidate@1.0.0
input: { schema: { type: object } }
steps:
  r: { http: { method: GET, url: "'https://example.org/'", response: { type: object, properties: { v: { type: number }, w: { type: integer, default: 4 } }, required: [v] } } }
  z: { set: { v: "r.body.v + 0.5 > 1.0 && r.body.?w.orValue(0) == 4 ? 1 : 1 / 0 + int(r.body.v)" } }
output: { v: z.v }
)Y");
  ASSERT_NE(snapshot, nullptr);
  SeededRandom random(1);
  std::string message;
  EXPECT_EQ(run_once(snapshot, random, "{}", &message, "{\"v\":1}"), "")
      << "a whole number is a number: " << message;
  EXPECT_EQ(run_once(snapshot, random, "{}", &message, "{\"v\":\"much\"}"), "http.unexpected_body");
  EXPECT_NE(message.find("v must be a number"), std::string::npos) << message;
  EXPECT_EQ(run_once(snapshot, random, "{}", &message, "{}"), "http.unexpected_body");
}

}  // namespace
}  // namespace switchyard::language
