#include "switchyard/authoring/language_server.h"

#include <gtest/gtest.h>

#include <map>

#include "../json_object.h"
#include "../outline/steps.h"
#include "../pipeline_schema.h"
#include "switchyard/authoring/limits.h"

namespace switchyard::authoring {
namespace {

constexpr const char* kRules =
    "rules: limits@1.0.0\n"
    "facts: { schema: { type: object, required: [amount], properties: { amount: { type: number } } } }\n"
    "hit: first\n"
    "outputs: { outcome: { type: string } }\n"
    "default: { outcome: \"'check'\" }\n"
    "rows:\n"
    "  - { id: big, when: facts.amount > 100.0, then: { outcome: \"'stop'\" } }\n";

constexpr const char* kPipeline =
    "pipeline: shop/payment@1.0.0\n"
    "input: { schema: ./payment.schema.json }\n"
    "steps:\n"
    "  limits: { rules: limits, facts: input }\n"
    "  facts: { set: { stop: limits.outcome == 'stop', tags: input.tags } }\n"
    "  late:\n"
    "    when: facts.stop\n"
    "    wait: 1s\n"
    "    after: [limits]\n"
    "output: { stop: facts.stop, late: has(late) }\n";

constexpr const char* kSchema = R"({ "type": "object", "required": ["amount", "tags"], "properties": {
  "amount": { "type": "number" }, "note": { "type": "string" }, "tags": { "type": "array", "items": { "type": "string" } } } })";

class MemoryFiles final : public Files {
 public:
  Result<std::vector<governance::SourceFile>> read_folder(const std::string& folder) override {
    std::vector<governance::SourceFile> files;
    for (const auto& [path, text] : all)
      if (path.starts_with(folder)) files.push_back({path.substr(folder.size()), text});
    return files;
  }
  std::map<std::string, std::string> all{{"/w/rules/limits.rules.yaml", kRules},
                                         {"/w/p/payment.schema.json", kSchema},
                                         {"/w/p/payment.pipeline.yaml", kPipeline}};
};

class LanguageServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    request("initialize", R"({"rootUri":"file:///w","capabilities":{}})");
    notify("initialized", "{}");
  }
  /// What came of it, newest last; diagnostics are kept apart.
  void take(const std::vector<std::string>& messages) {
    for (const auto& text : messages) {
      auto message = parse_json_document(text);
      ASSERT_TRUE(message.ok()) << text;
      const Value* method = message->root().find("method");
      if (method != nullptr && method->as_string() == "textDocument/publishDiagnostics") {
        const Value& params = *message->root().find("params");
        published_[std::string(params.find("uri")->as_string())] = to_json(*params.find("diagnostics"));
      } else {
        last_ = std::move(*message);
      }
    }
  }
  const Value& request(const std::string& method, const std::string& params) {
    take(server_.handle(R"({"jsonrpc":"2.0","id":7,"method":")" + method + R"(","params":)" + params + "}"));
    static const Value kNull = Value::null();
    const Value* result = last_.root().find("result");
    return result != nullptr ? *result : kNull;
  }
  void notify(const std::string& method, const std::string& params) {
    take(server_.handle(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}"));
  }
  void open(const std::string& path, const std::string& text) {
    std::string quoted;
    append_json_string(text, quoted);
    notify("textDocument/didOpen", R"({"textDocument":{"uri":"file://)" + path +
                                       R"(","languageId":"yaml","version":1,"text":)" + quoted + "}}");
    text_ = text;
    path_ = path;
  }
  /// Opens the pipeline with `from` replaced, and asks at the '|' in `to`.
  const Value& ask(const std::string& method, const std::string& from, std::string to) {
    std::string text = kPipeline;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    const size_t bar = to.find('|');
    to.erase(bar, 1);
    text.replace(at, from.size(), to);
    open("/w/p/payment.pipeline.yaml", text);
    const size_t offset = at + bar;
    const auto line = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n');
    const size_t start = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
    const size_t column = start == std::string::npos ? offset : offset - start - 1;
    return request(method,
                   R"({"textDocument":{"uri":"file:///w/p/payment.pipeline.yaml"},"position":{"line":)" +
                       std::to_string(line) + R"(,"character":)" + std::to_string(column) + "}}");
  }
  std::map<std::string, std::string> labels(const std::string& from, const std::string& to) {
    std::map<std::string, std::string> found;
    const Value& list = ask("textDocument/completion", from, to);
    if (!list.is(Kind::kMap)) return found;
    for (const Value& item : list.find("items")->items()) {
      const Value* detail = item.find("detail");
      found[std::string(item.find("label")->as_string())] =
          detail == nullptr ? "" : std::string(detail->as_string());
    }
    return found;
  }
  std::string hovered(const std::string& from, const std::string& to) {
    const Value& found = ask("textDocument/hover", from, to);
    return found.is(Kind::kMap) ? std::string(found.find("contents")->find("value")->as_string()) : "nothing";
  }
  int64_t error_code() const {
    const Value* error = last_.root().find("error");
    return error == nullptr ? 0 : error->find("code")->as_integer();
  }

  MemoryFiles files_;
  LanguageServer server_{files_, "1.0.0"};
  Document last_;
  std::map<std::string, std::string> published_;
  std::string text_, path_;
};

TEST_F(LanguageServerTest, PublishesFindingsWithTheirPlaceAndTakesThemBack) {
  const std::string uri = "file:///w/p/payment.pipeline.yaml";
  open("/w/p/payment.pipeline.yaml", kPipeline);
  EXPECT_EQ(published_[uri], "[]");
  std::string wrong = kPipeline;
  wrong.replace(wrong.find("limits.outcome"), 14, "limits.outcom");
  open("/w/p/payment.pipeline.yaml", wrong);
  EXPECT_NE(published_[uri].find("expression.no_such_field"), std::string::npos) << published_[uri];
  EXPECT_NE(published_[uri].find(R"("start":{"line":4,)"), std::string::npos) << published_[uri];
  open("/w/p/payment.pipeline.yaml", kPipeline);
  EXPECT_EQ(published_[uri], "[]");
}

TEST_F(LanguageServerTest, TakesChangesOfTheWholeTextAndOfRanges) {
  const std::string uri = "file:///w/p/payment.pipeline.yaml";
  open("/w/p/payment.pipeline.yaml", kPipeline);
  notify(
      "textDocument/didChange",
      R"({"textDocument":{"uri":")" + uri +
          R"(","version":2},"contentChanges":[{"range":{"start":{"line":4,"character":24},"end":{"line":4,"character":30}},"text":"limitz"}]})");
  EXPECT_NE(published_[uri].find("limitz"), std::string::npos) << published_[uri];
  std::string whole;
  append_json_string(kPipeline, whole);
  notify("textDocument/didChange", R"({"textDocument":{"uri":")" + uri +
                                       R"(","version":3},"contentChanges":[{"text":)" + whole + "}]}");
  EXPECT_EQ(published_[uri], "[]");
}

TEST_F(LanguageServerTest, CompletesEntriesByTheKindOfTheStep) {
  auto found = labels("    after: [limits]\n", "    |\n");
  EXPECT_TRUE(found.contains("after"));
  EXPECT_FALSE(found.contains("model"));
  EXPECT_FALSE(found.contains("wait"));
  found = labels("output:", "  new:\n    |\noutput:");
  EXPECT_TRUE(found.contains("model") && found.contains("review") && found.contains("when"));
  found = labels("pipeline: shop/payment@1.0.0\n", "pipeline: shop/payment@1.0.0\n|\n");
  EXPECT_TRUE(found.contains("deadline") && !found.contains("steps"));
}

TEST_F(LanguageServerTest, CompletesNamesFieldsAndMethodsWithTypes) {
  auto found = labels("when: facts.stop", "when: |");
  EXPECT_TRUE(found.contains("facts") && found.contains("input") && found.contains("size") &&
              found.contains("has"));
  found = labels("facts: input }", "facts: input.| }");
  EXPECT_EQ(found["amount"], "double");
  EXPECT_EQ(found["note"], "string, may be absent");
  found = labels("tags: input.tags", "tags: \"input.tags.exists(t, t.|)\"");
  EXPECT_TRUE(found.contains("startsWith"));
  EXPECT_FALSE(found.contains("getFullYear"));
  found = labels("tags: input.tags", "tags: math.|");
  EXPECT_TRUE(found.contains("abs"));
  EXPECT_TRUE(labels("tags: input.tags", "tags: \"'input.|'\"").empty());
}

TEST_F(LanguageServerTest, KnowsTheNamesThatContainersGive) {
  const std::string each = "  each: { for_each: input.tags, as: tag, steps: { one: { set: { t: ";
  const std::string end = " } } }, output: one.t }\noutput:";
  auto found = labels("output:", each + "|" + end);
  EXPECT_EQ(found["tag"], "string");
  EXPECT_TRUE(found.contains("limits"));
  found = labels("output:", each + "tag.|" + end);
  EXPECT_TRUE(found.contains("startsWith"));
  EXPECT_FALSE(labels("stop: facts.stop", "stop: |").contains("tag"));
}

TEST_F(LanguageServerTest, CompletesNamesOfStepsArtefactsAndFiles) {
  EXPECT_TRUE(labels("after: [limits]", "after: [|]").contains("facts"));
  EXPECT_TRUE(labels("rules: limits", "rules: |").contains("limits"));
  EXPECT_TRUE(labels("schema: ./payment.schema.json", "schema: |").contains("./payment.schema.json"));
}

TEST_F(LanguageServerTest, ShowsTypesAndWords) {
  EXPECT_NE(hovered("when: facts.stop", "when: facts.st|op").find("facts.stop: bool"), std::string::npos);
  EXPECT_NE(hovered("when: facts.stop", "when: fa|cts.stop").find("Step of kind `set`"), std::string::npos);
  EXPECT_NE(hovered("late: has(late)", "late: ha|s(late)").find("-> bool"), std::string::npos);
  EXPECT_NE(hovered("    wait: 1s", "    wa|it: 1s").find("wait"), std::string::npos);
  EXPECT_NE(hovered("rules: limits", "rules: li|mits").find("limits@1.0.0"), std::string::npos);
  EXPECT_NE(hovered("  late:\n", "  la|te:\n").find("late: optional("), std::string::npos);
  EXPECT_EQ(hovered("pipeline: shop", "# c|omment\npipeline: shop"), "nothing");
}

TEST_F(LanguageServerTest, GoesToStepsFilesAndArtefacts) {
  const auto to = [&](const std::string& from, const std::string& with) {
    return to_json(ask("textDocument/definition", from, with));
  };
  EXPECT_NE(to("when: facts.stop", "when: fac|ts.stop").find(R"("start":{"line":4,"character":2})"),
            std::string::npos);
  EXPECT_NE(to("after: [limits]", "after: [lim|its]").find(R"("line":3)"), std::string::npos);
  EXPECT_NE(to("rules: limits", "rules: lim|its").find("file:///w/rules/limits.rules.yaml"),
            std::string::npos);
  EXPECT_NE(to("./payment.schema.json", "./pay|ment.schema.json").find("file:///w/p/payment.schema.json"),
            std::string::npos);
  EXPECT_EQ(to("when: facts.stop", "when: facts.st|op"), "null");
}

TEST_F(LanguageServerTest, ListsStepsAndFormats) {
  open("/w/p/payment.pipeline.yaml", kPipeline);
  const std::string document = R"({"textDocument":{"uri":"file:///w/p/payment.pipeline.yaml"}})";
  const std::string tree = to_json(request("textDocument/documentSymbol", document));
  for (const char* name :
       {R"("name":"limits","detail":"rules")", R"("name":"facts")", R"("name":"late","detail":"wait")"})
    EXPECT_NE(tree.find(name), std::string::npos) << tree;
  EXPECT_EQ(to_json(request("textDocument/formatting", document)), "[]");
  open("/w/p/payment.pipeline.yaml", "pipeline:   a@1.0.0\n");
  EXPECT_NE(to_json(request("textDocument/formatting", document)).find("pipeline: a@1.0.0"),
            std::string::npos);
  open("/w/p/payment.pipeline.yaml", "pipeline: [");
  request("textDocument/formatting", document);
  EXPECT_EQ(error_code(), -32803);
}

TEST_F(LanguageServerTest, AnswersWhatIsWrongWithAnError) {
  take(server_.handle("{"));
  EXPECT_EQ(error_code(), -32700);
  take(server_.handle("[]"));
  EXPECT_EQ(error_code(), -32600);
  request("textDocument/nothing", "{}");
  EXPECT_EQ(error_code(), -32601);
  for (
      const char* params :
      {"{}", "[]", "null", R"({"textDocument":{"uri":5}})",
       R"({"textDocument":{"uri":"file:///not/open"},"position":{"line":0,"character":0}})",
       R"({"textDocument":{"uri":"file:///w/p/payment.pipeline.yaml"},"position":{"line":-1,"character":0}})"}) {
    request("textDocument/hover", params);
    EXPECT_EQ(error_code(), -32602) << params;
  }
  notify("textDocument/didChange", "{}");
  notify("textDocument/didOpen", R"({"textDocument":{}})");
  notify("no/such/notification", "{}");
  EXPECT_FALSE(server_.is_done());
}

TEST_F(LanguageServerTest, FollowsTheLifeOfASession) {
  request("initialize", "{}");
  EXPECT_EQ(error_code(), -32600);
  request("shutdown", "null");
  request("textDocument/hover", "{}");
  EXPECT_EQ(error_code(), -32600);
  notify("exit", "null");
  EXPECT_TRUE(server_.is_done());
  EXPECT_EQ(server_.exit_code(), 0);
  LanguageServer early(files_, "1");
  take(early.handle(R"({"id":1,"method":"textDocument/hover","params":{}})"));
  EXPECT_EQ(error_code(), -32002);
  early.handle(R"({"method":"exit"})");
  EXPECT_EQ(early.exit_code(), 1);
}

TEST_F(LanguageServerTest, SurvivesEveryBeginningOfADocument) {
  const std::string text = kPipeline;
  for (size_t length = 0; length <= text.size(); length += 3) {
    open("/w/p/payment.pipeline.yaml", text.substr(0, length));
    const auto line = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(length), '\n');
    for (const char* method : {"textDocument/completion", "textDocument/hover", "textDocument/definition"}) {
      request(method, R"({"textDocument":{"uri":"file:///w/p/payment.pipeline.yaml"},"position":{"line":)" +
                          std::to_string(line) + R"(,"character":500}})");
      EXPECT_EQ(error_code(), 0) << method << " after " << length;
    }
  }
}

TEST(MessageReader, CutsMessagesHoweverTheyArrive) {
  const std::string stream =
      with_header("{\"a\":1}") + "content-length: 2\r\nContent-Type: x; charset=utf-8\r\n\r\n{}";
  MessageReader reader;
  std::vector<std::string> found;
  for (const char byte : stream) {
    reader.feed({&byte, 1});
    for (auto next = reader.next(); next.kind == MessageReader::Next::Kind::kMessage; next = reader.next())
      found.push_back(next.text);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"{\"a\":1}", "{}"}));
}

TEST(MessageReader, SkipsWhatItCannotReadAndGoesOn) {
  using Kind = MessageReader::Next::Kind;
  for (const char* header :
       {"Content-Length: x\r\n\r\n", "Nothing\r\n\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "Content-Length: -1\r\n\r\n", "Content-Length:\r\n\r\n"}) {
    MessageReader reader;
    reader.feed(header + with_header("{}"));
    EXPECT_EQ(reader.next().kind, Kind::kRefused) << header;
    EXPECT_EQ(reader.next().text, "{}") << header;
  }
  MessageReader reader;
  reader.feed("Content-Length: " + std::to_string(kMaxMessageBytes + 1) + "\r\n\r\n");
  EXPECT_EQ(reader.next().kind, Kind::kRefused);
  reader.feed(std::string(kMaxMessageBytes + 1, 'x') + with_header("{}"));
  EXPECT_EQ(reader.next().text, "{}");
  MessageReader endless;
  endless.feed(std::string(kMaxHeaderBytes + 1, 'x'));
  EXPECT_EQ(endless.next().kind, Kind::kBroken);
}

TEST(StepWords, AreThoseOfThePublishedSchema) {
  const std::string schema(pipeline_schema_text());
  for (size_t at = schema.find("\"step_"); at != std::string::npos; at = schema.find("\"step_", at + 1)) {
    const std::string word = schema.substr(at + 6, schema.find('"', at + 6) - at - 6);
    if (word == "name") continue;
    const auto& words = step_words();
    EXPECT_NE(std::find(words.begin(), words.end(), word), words.end()) << word;
  }
}

TEST(FindSteps, WalksIntoContainers) {
  const auto parsed = document::parse(
      "pipeline: a@1.0.0\nsteps:\n  each: { for_each: input.xs, steps: { one: { set: { steps: { no: 1 } } } "
      "} }\n"
      "  row: { sequence: [ { a: { wait: 1s } }, { b: { wait: 1s, compensate: { http: {} } } } ] }\n"
      "  t: { try: { steps: { x: { wait: 1s } } }, catch: [ { on: [e], steps: { y: { wait: 1s } } } ], "
      "finally: { steps: { z: { wait: 1s } } } }\n"
      "finally: { steps: { end: { wait: 1s } } }\n");
  ASSERT_NE(parsed.root, nullptr);
  std::vector<std::string> paths;
  for (const auto& site : find_steps(*parsed.root)) paths.push_back(site.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"steps.each", "steps.each.steps.one", "steps.row",
                                             "steps.row.sequence[0].a", "steps.row.sequence[1].b",
                                             "steps.row.sequence[1].b.compensate", "steps.t",
                                             "steps.t.try.steps.x", "steps.t.catch[0].steps.y",
                                             "steps.t.finally.steps.z", "finally.steps.end"}));
}

}  // namespace
}  // namespace switchyard::authoring
