#include "switchyard/authoring/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "switchyard/types/json.h"

namespace switchyard::authoring {
namespace {

using governance::SourceFile;

constexpr const char* kSchema =
    R"({ "type": "object", "required": ["amount"], "properties": { "amount": { "type": "number" } } })";

constexpr const char* kRules =
    "rules: limits@1.0.0\n"
    "facts: { schema: ./payment.schema.json }\n"
    "hit: first\n"
    "outputs: { outcome: { type: string } }\n"
    "default: { outcome: \"'check'\" }\n"
    "rows:\n"
    "  - { id: big, when: facts.amount > 100.0, then: { outcome: \"'stop'\" } }\n";

constexpr const char* kModel =
    "model: fraud@1.0.0\n"
    "backend: onnx\n"
    "file: fraud.onnx\n"
    "input:\n"
    "  schema: { type: object, required: [amount], properties: { amount: { type: number } } }\n"
    "  tensors: { features: { type: float, fields: [amount] } }\n"
    "output: { score: \"probabilities[1]\", fraud: label == 1 }\n";

constexpr const char* kPipeline =
    "pipeline: shop/payment@1.0.0\n"
    "input: { schema: ./payment.schema.json }\n"
    "steps:\n"
    "  limits: { rules: limits, facts: input }\n"
    "  score: { model: fraud, input: input }\n"
    "output: { stop: \"limits.outcome == 'stop' || score.fraud\", score: score.score }\n";

std::vector<SourceFile> shop() {
  return {{"fraud.model.yaml", kModel},
          {"fraud.onnx", ""},
          {"limits.rules.yaml", kRules},
          {"payment.pipeline.yaml", kPipeline},
          {"payment.schema.json", kSchema}};
}

std::vector<SourceFile> with(std::vector<SourceFile> files, const std::string& path,
                             const std::string& content) {
  std::erase_if(files, [&](const auto& file) { return file.path == path; });
  files.push_back({path, content});
  return files;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::vector<std::string> codes(const CheckReport& report) {
  std::vector<std::string> found;
  for (const auto& finding : report.findings) found.push_back(finding.code);
  return found;
}

/// A pipeline of one more step: what the lint says of it.
std::vector<std::string> lint(const std::string& step) {
  const std::string text =
      "pipeline: a@1.0.0\ninput: { schema: { type: object, properties: { x: { type: number } } } }\n"
      "steps:\n  one: " +
      step + "\noutput: { x: \"has(one) ? 1 : 2\" }\n";
  const auto report = check({{{"a.yaml", text}}, {}, {}, false, true});
  EXPECT_EQ(report.errors, 0u) << to_text(report) << text;
  return codes(report);
}

TEST(Check, FindsNothingInAFolderThatIsRight) {
  const auto report = check({shop(), {}, {}, false, true});
  EXPECT_EQ(to_text(report), "3 documents: 0 mistakes, 0 warnings\n");
}

TEST(Check, ReportsEveryMistakeOfEveryFile) {
  auto files =
      with(shop(), "payment.pipeline.yaml",
           replaced(replaced(kPipeline, "score.fraud", "score.frod"), "facts: input", "facts: inptu"));
  files = with(files, "limits.rules.yaml", replaced(kRules, "facts.amount", "facts.amuont"));
  files = with(files, "broken.yaml", "a: [1\n");
  const auto report = check({files, {}, {}, false, true});
  const auto text = to_text(report);
  EXPECT_GE(report.errors, 4u) << text;
  for (const char* part : {"broken.yaml:", "limits.rules.yaml:7:", "payment.pipeline.yaml:4:", "frod",
                           "amuont", "inptu", "mend:"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_TRUE(
      std::is_sorted(report.findings.begin(), report.findings.end(), [](const auto& a, const auto& b) {
        return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
      }));
}

TEST(Check, KnowsModelsByTheirManifests) {
  const auto wrong =
      check({with(shop(), "payment.pipeline.yaml", replaced(kPipeline, "score.fraud", "score.fraud > 1")),
             {},
             {},
             false,
             true});
  EXPECT_EQ(wrong.errors, 1u) << to_text(wrong);
  auto files = shop();
  std::erase_if(files, [](const auto& file) { return file.path == "fraud.onnx"; });
  EXPECT_EQ(codes(check({files, {}, {}, false, true})), std::vector<std::string>{"governance.file_missing"});
}

/// What is said of the circles of a folder of pipelines, each a name and the rest of its document.
std::vector<std::string> circles(const std::vector<std::pair<std::string, std::string>>& pipelines) {
  std::vector<SourceFile> files;
  for (const auto& [name, rest] : pipelines)
    files.push_back(
        {name + ".pipeline.yaml", "pipeline: " + name + "@1.0.0\n" + rest + "output: { done: true }\n"});
  std::vector<std::string> found;
  for (const auto& finding : check({files, {}, {}, false, true}).findings)
    if (finding.code == "lint.endless_circle")
      found.push_back(finding.file + ":" + std::to_string(finding.line) + " " + finding.message);
  return found;
}
std::string on(const std::string& event, const std::string& more = "") {
  return "on: { event: " + event + more + " }\n";
}
std::string emits(const std::string& event, const std::string& more = "") {
  return "steps:\n  tell: { " + more + "emit: { event: " + event + " } }\n";
}

TEST(Circles, AreToldWholeAndOnce) {
  using All = std::vector<std::string>;
  EXPECT_EQ(
      circles({{"a", on("x.y") + emits("x.y")}}),
      All{"a.pipeline.yaml:4 a run of 'a' leads to the next one, for ever: a emits x.y, which starts a"});
  EXPECT_EQ(
      circles({{"a", on("x.*") + emits("y.z")},
               {"b", on("[w, y.z]") + emits("z")},
               {"c", on("z") + emits("x.1")}}),
      All{"a.pipeline.yaml:4 a run of 'a' leads to the next one, for ever: a emits y.z, which starts b; "
          "b emits z, which starts c; c emits x.1, which starts a"});
  EXPECT_EQ(circles({{"a", "steps: { go: { pipeline: b, input: {} } }\n"},
                     {"b", "steps: { go: { pipeline: a, input: {} } }\n"}}),
            All{"a.pipeline.yaml:2 a run of 'a' leads to the next one, for ever: a starts b; b starts a"});
  EXPECT_EQ(
      circles({{"a", on("x") + "steps:\n  many: { sequence: [ { input: { pipeline: b, input: {} } } ] }\n"},
               {"b", emits("x")}}),
      All{"a.pipeline.yaml:4 a run of 'a' leads to the next one, for ever: a starts b; "
          "b emits x, which starts a"});
}

TEST(Circles, ThatOnlyConditionsEndAreToldAsSuch) {
  for (const auto& [trigger, step] : std::vector<std::pair<std::string, std::string>>{
           {on("x", ", when: \"event.data.n > 0\""), emits("x")},
           {on("x"), emits("x", "when: run.started_at > timestamp('2030-01-01T00:00:00Z'), ")},
           {on("x"),
            "steps:\n  all:\n    for_each: \"[1]\"\n    steps: { tell: { emit: { event: x } } }\n"}}) {
    const auto found = circles({{"a", trigger + step}});
    ASSERT_EQ(found.size(), 1u) << trigger << step;
    EXPECT_NE(found[0].find("can lead to the next one, and only conditions end it: a emits x"),
              std::string::npos)
        << found[0];
  }
}

TEST(Circles, AreNotSeenWhereThereAreNone) {
  EXPECT_TRUE(circles({{"a", on("x") + emits("y")}, {"b", on("y") + emits("z")}}).empty());
  EXPECT_TRUE(
      circles({{"a", on("x") + "steps: { pipeline: { set: { emit: { event: x }, pipeline: a } } }\n"}})
          .empty());
  EXPECT_TRUE(circles({{"a", on("x") + "steps:\n  # allow lint.endless_circle: the bus drops it\n"
                                       "  tell: { emit: { event: x } }\n"}})
                  .empty());
}

TEST(Check, NamesTheFileOfAMistakeInASchema) {
  auto files = shop();
  files = with(files, "payment.schema.json", R"({ "type": "objekt" })");
  std::vector<SourceFile> deep;
  for (auto& file : files) deep.push_back({"a/b/" + file.path, file.content});
  const auto report = check({deep, {}, {}, false, true});
  EXPECT_TRUE(std::any_of(report.findings.begin(), report.findings.end(), [](const auto& finding) {
    return finding.file == "a/b/payment.schema.json" || finding.message.find("objekt") != std::string::npos;
  })) << to_text(report);
}

TEST(Check, SaysHowToFindWhatTheFolderLacks) {
  auto files = shop();
  std::erase_if(files, [](const auto& file) { return file.path == "limits.rules.yaml"; });
  CheckRequest request{files, {}, {}, false, true};
  const auto report = check(request);
  ASSERT_EQ(codes(report), std::vector<std::string>{"pipeline.unknown_rules"}) << to_text(report);
  EXPECT_NE(report.findings[0].mend.find("--server"), std::string::npos);
  ASSERT_EQ(missing_artefacts(files).size(), 1u);
  EXPECT_EQ(missing_artefacts(files)[0].name, "limits");

  request.known = {{{"x/limits.rules.yaml", kRules}, {"x/payment.schema.json", kSchema}}};
  request.asked_server = true;
  EXPECT_EQ(to_text(check(request)), "2 documents: 0 mistakes, 0 warnings\n");
}

TEST(Check, RefusesAnotherContentUnderADeployedVersion) {
  CheckRequest request{shop(), {}, {}, true, true};
  request.known = {
      {{"limits.rules.yaml", replaced(kRules, "100.0", "99.0")}, {"payment.schema.json", kSchema}}};
  EXPECT_EQ(codes(check(request)), std::vector<std::string>{"governance.version_exists"});
  request.known.clear();
  request.files.push_back({"other.rules.yaml", replaced(kRules, "100.0", "98.0")});
  EXPECT_EQ(codes(check(request)), std::vector<std::string>{"governance.version_exists"});
}

TEST(Check, TellsOnlyOfTheFilesThatWereNamed) {
  auto files = with(shop(), "bad.pipeline.yaml", "pipeline: bad@1.0.0\n");
  EXPECT_EQ(check({files, {"payment.pipeline.yaml"}, {}, false, true}).findings.size(), 0u);
  EXPECT_GE(check({files, {"bad.pipeline.yaml"}, {}, false, true}).errors, 1u);
}

TEST(Check, SaysWhenThereIsNothingToCheck) {
  EXPECT_EQ(codes(check({{{"a.json", "{}"}}, {}, {}, false, true})),
            std::vector<std::string>{"governance.nothing_to_deploy"});
}

TEST(Lint, FindsWhatIsProbablyNotMeant) {
  using Codes = std::vector<std::string>;
  EXPECT_EQ(lint("{ when: 1 > 2, set: { a: 1 } }"), Codes{"lint.constant_condition"});
  EXPECT_EQ(lint("{ http: { method: GET, url: \"'https://x.example.org'\" }, when: \"has(input.x)\" }"),
            Codes{"lint.http_without_timeout"});
  EXPECT_EQ(
      lint("{ http: { method: GET, url: \"'http://x.example.org'\" }, timeout: 1s, when: \"has(input.x)\" }"),
      Codes{"lint.insecure_url"});
  EXPECT_EQ(
      lint("{ http: { method: GET, url: \"'http://localhost:1'\" }, timeout: 1s, when: \"has(input.x)\" }"),
      Codes{});
  EXPECT_EQ(lint("{ http: { method: POST, url: \"'https://x.example.org'\" }, timeout: 1s, retry: { "
                 "attempts: 2 }, when: \"has(input.x)\" }"),
            Codes{"lint.retried_effect"});
  EXPECT_EQ(lint("{ http: { method: GET, url: \"'https://x.example.org'\", headers: { Authorization: "
                 "\"'Bearer abc'\" } }, timeout: 1s, when: \"has(input.x)\" }"),
            Codes{"lint.secret_in_document"});
  EXPECT_EQ(lint("{ review: { queue: q, form: { type: object, properties: { a: { type: boolean } } }, due: "
                 "1h }, when: \"has(input.x)\" }"),
            Codes{"lint.review_shows_nothing"});
}

TEST(Lint, LooksAtTheFolder) {
  const auto files =
      with(with(with(shop(), "x.pipeline.yaml", "name: x\nsteps: {}\noutput: 1\n"), "left.form.json", "{}"),
           "half.json", "{");
  EXPECT_EQ(codes(check({files, {}, {}, false, true})),
            (std::vector<std::string>{"lint.unreadable_file", "lint.unused_file", "lint.unknown_document"}));
  EXPECT_EQ(codes(check({files, {}, {}, false, false})), std::vector<std::string>{});
}

TEST(Lint, SaysWhenTheInputHasNoSchema) {
  const char* text = "pipeline: a@1.0.0\nsteps: { one: { set: { x: input.x } } }\noutput: one\n";
  EXPECT_EQ(codes(check({{{"a.yaml", text}}, {}, {}, false, true})),
            std::vector<std::string>{"lint.no_input_schema"});
}

TEST(Lint, IsSilencedByACommentWithTheCode) {
  const std::string text =
      "pipeline: a@1.0.0\ninput: { schema: { type: object } }\nsteps:\n  one:\n"
      "    # allow lint.constant_condition: a switch for the time of the fair\n"
      "    when: 1 > 2\n    set: { a: 1 }\n  two:\n    when: 1 > 3 # allow lint.constant_condition: same\n"
      "    set: { a: 1 }\noutput: { x: \"has(one) || has(two)\" }\n";
  EXPECT_EQ(codes(check({{{"a.yaml", text}}, {}, {}, false, true})), std::vector<std::string>{});
  EXPECT_EQ(codes(check(
                {{{"a.yaml", replaced(text, "# allow lint.constant_condition: a", "# allow lint.other: a")}},
                 {},
                 {},
                 false,
                 true})),
            std::vector<std::string>{"lint.constant_condition"});
}

TEST(CheckReports, AreJsonAndSarif) {
  const auto report =
      check({with(shop(), "a b.pipeline.yaml", replaced(kPipeline, "score.fraud", "score.\xC3\xA4")),
             {},
             {},
             false,
             true});
  ASSERT_GE(report.errors, 1u);
  const auto json = parse_json_document(to_json(report));
  ASSERT_TRUE(json.ok()) << to_json(report);
  const Value& first = json->root().find("findings")->items()[0];
  for (const char* member : {"severity", "code", "file", "line", "column", "path", "message", "mend", "link"})
    EXPECT_NE(first.find(member), nullptr) << member;
  const auto sarif = parse_json_document(to_sarif(report, "1.2.3"));
  ASSERT_TRUE(sarif.ok()) << to_sarif(report, "1.2.3");
  const Value& run = sarif->root().find("runs")->items()[0];
  const Value& result = run.find("results")->items()[0];
  EXPECT_EQ(run.find("tool")->find("driver")->find("rules")->items()[0].find("id")->as_string(),
            result.find("ruleId")->as_string());
  const Value& place = *result.find("locations")->items()[0].find("physicalLocation");
  EXPECT_EQ(place.find("artifactLocation")->find("uri")->as_string(), "a%20b.pipeline.yaml");
  EXPECT_GT(place.find("region")->find("startLine")->as_integer(), 0);
}

/// GitHub's slug of a heading.
std::string slug(std::string heading) {
  std::string out;
  for (const char c : heading) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-') out += c;
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c + 32);
    if (c == ' ') out += '-';
  }
  return out;
}

TEST(Explanations, LinkToHeadingsThatExist) {
  auto links = explained_codes();
  for (const char* code :
       {"expression.syntax", "pipeline.cycle", "rules.overlap", "models.bad_name", "format.unsupported",
        "governance.version_exists", "document.syntax", "schema.invalid"})
    links.push_back(explain(code));
  for (const auto& explanation : links) {
    const std::string link(explanation.link);
    const size_t hash = link.find('#');
    std::ifstream file(std::string(SWITCHYARD_SOURCE_DIR) + "/" + link.substr(0, hash));
    ASSERT_TRUE(file) << link;
    bool found = hash == std::string::npos;
    for (std::string line; std::getline(file, line);) {
      const size_t begin = line.find_first_not_of('#');
      if (line.starts_with('#') && begin != std::string::npos)
        found |= slug(line.substr(begin + 1)) == link.substr(hash + 1);
    }
    EXPECT_TRUE(found) << explanation.code << ": " << link;
  }
}

TEST(Check, FindsNoMistakeInTheExamples) {
  for (const char* example :
       {"card-fraud", "loan-application", "incident-triage", "nightly-batch", "content-desk"}) {
    const auto folder = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "examples" / example;
    std::vector<SourceFile> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".yaml" && extension != ".json" && extension != ".onnx") continue;
      std::ifstream file(entry.path(), std::ios::binary);
      SourceFile source{std::filesystem::relative(entry.path(), folder).generic_string(), ""};
      if (extension != ".onnx") source.content.assign(std::istreambuf_iterator<char>(file), {});
      files.push_back(std::move(source));
    }
    const auto report = check({files, {}, {}, false, true});
    EXPECT_EQ(report.errors + report.warnings, 0u) << to_text(report);
    EXPECT_GE(report.documents, 3u) << example;
  }
}

}  // namespace
}  // namespace switchyard::authoring
