// What a model may call, and what comes of its calls.
#include <gtest/gtest.h>

#include "prompts.h"
#include "switchyard/prompts/exchange.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

using testing::begun;
using testing::prompt_of;
using testing::told;

const std::string kHead =
    "prompt: desk@1.0.0\n"
    "input: { type: object, properties: { history: { type: array, default: [] } } }\n"
    "messages: [{ role: user, content: Help. }, { history: input.history }]\n";
const std::string kTools =
    "tools:\n"
    "  - name: order_status\n"
    "    description: Where an order is.\n"
    "    parameters: { type: object, required: [order], properties: { order: { type: integer }, lang: { "
    "type: "
    "string, default: en } }, additionalProperties: false }\n"
    "  - name: hours\n";
const std::string kOutput =
    "output: { type: object, required: [text], properties: { text: { type: string } } }\n";

/// A call as a chat answer has it; the arguments are JSON text.
std::string call(const std::string& name, const std::string& arguments, const std::string& id = "call_1") {
  std::string quoted;
  append_json_string(arguments, quoted);
  return R"({"id":")" + id + R"(","type":"function","function":{"name":")" + name + R"(","arguments":)" +
         quoted + "}}";
}

/// Takes a chat answer with these calls; "ask", "done", or the error's code.
std::string take(Exchange& exchange, const std::string& calls, const std::string& text = "",
                 const std::string& finish = "tool_calls") {
  Arena arena;
  const auto answer = parse_json(R"({"text":")" + text + R"(","finish_reason":")" + finish +
                                     R"(","choices":[{"message":{"tool_calls":[)" + calls + "]}}]}",
                                 arena);
  EXPECT_TRUE(answer.ok()) << calls;
  const auto next = exchange.take(*answer);
  if (!next.ok()) return next.error().code;
  return *next == Exchange::Next::kAsk ? "ask" : "done";
}

std::string asked(const Exchange& exchange) { return to_json(exchange.request().root()); }

std::string result(const Exchange& exchange, std::string_view name) {
  const Value* found = exchange.result()->find(name);
  return found == nullptr ? "absent" : to_json(*found);
}

TEST(PromptTools, TheRequestTellsThemAsTheChatInterfaceWants) {
  EXPECT_EQ(
      asked(begun(kHead + kTools)),
      R"({"messages":[{"role":"user","content":"Help."}],"tools":[{"type":"function","function":)"
      R"({"name":"order_status","description":"Where an order is.","parameters":{"type":"object",)"
      R"("required":["order"],"properties":{"order":{"type":"integer"},"lang":{"type":"string",)"
      R"("default":"en"}},"additionalProperties":false}}},{"type":"function","function":{"name":"hours",)"
      R"("parameters":{"type":"object","properties":{}}}}]})");
  const std::string strict =
      asked(begun(kHead + kTools + "tool_choice: required\nparallel_tool_calls: false\n"));
  EXPECT_NE(strict.find(R"("tool_choice":"required","parallel_tool_calls":false)"), std::string::npos)
      << strict;
  const std::string named = asked(begun(kHead + kTools + "tool_choice: { tool: hours }\n"));
  EXPECT_NE(named.find(R"("tool_choice":{"type":"function","function":{"name":"hours"}})"), std::string::npos)
      << named;
}

TEST(PromptTools, CallsComeBackWithTheirArgumentsAsTheSchemaHasThem) {
  Exchange exchange = begun(kHead + kTools);
  EXPECT_EQ(
      take(exchange, call("order_status", R"({"order": 7.0})", "a") + "," + call("hours", "", "b"), "Wait."),
      "done");
  const std::string calls = R"([{"id":"a","name":"order_status","arguments":{"order":7,"lang":"en"}},)"
                            R"({"id":"b","name":"hours","arguments":{}}])";
  EXPECT_EQ(result(exchange, "tool_calls"), calls);
  EXPECT_EQ(result(exchange, "message"),
            R"({"role":"assistant","content":"Wait.","tool_calls":)" + calls + "}");
  EXPECT_EQ(result(exchange, "text"), R"("Wait.")");
}

TEST(PromptTools, AnAnswerInWordsHasAValueAndNoCallsAndOneWithCallsHasNoValue) {
  Exchange words = begun(kHead + kTools + kOutput);
  EXPECT_EQ(take(words, "", R"({\"text\":\"hi\"})", "stop"), "done");
  EXPECT_EQ(result(words, "tool_calls"), "[]");
  EXPECT_EQ(result(words, "value"), R"({"text":"hi"})");
  Exchange calls = begun(kHead + kTools + kOutput);
  EXPECT_EQ(take(calls, call("hours", "{}")), "done");
  EXPECT_EQ(result(calls, "value"), "absent");
  Exchange neither = begun(kHead + kTools + kOutput);
  EXPECT_EQ(take(neither, "", "hm", "stop"), "ask");
  EXPECT_EQ(take(neither, "", "hm", "stop"), "prompt.bad_answer");
}

TEST(PromptTools, ACallThatCannotBeMadeIsAskedForAgainWithItsFaultAsItsResult) {
  Exchange exchange = begun(kHead + kTools);
  EXPECT_EQ(take(exchange, call("order_status", R"({"order":"x"})", "a") + "," + call("hours", "{}", "b")),
            "ask");
  const auto messages = exchange.request().root().find("messages")->items();
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(to_json(messages[1]), R"({"role":"assistant","content":null,"tool_calls":[)" +
                                      call("order_status", R"({"order":"x"})", "a") + "," +
                                      call("hours", "{}", "b") + "]}");
  EXPECT_EQ(messages[2].find("role")->as_string(), "tool");
  EXPECT_EQ(messages[2].find("tool_call_id")->as_string(), "a");
  EXPECT_NE(messages[2].find("content")->as_string().find("/order"), std::string::npos);
  EXPECT_EQ(messages[3].find("tool_call_id")->as_string(), "b");
  EXPECT_EQ(take(exchange, call("order_status", R"({"order":1})", "c")), "done");
  EXPECT_EQ(exchange.meta()->find("attempts")->size(), 2u);
}

TEST(PromptTools, WhatIsNoCallOfAToolIsAnErrorAndNeverPasses) {
  const std::string once = kHead + kTools + "repair: { attempts: 0 }\n";
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", call("order_status", R"({"order":)")},          // no JSON
      {"", call("order_status", R"({"order":"7"})")},      // not by the schema
      {"", call("order_status", R"({"order":7,"x":1})")},  // more than the schema has
      {"", call("order_status", "[]")},
      {"", call("order_status", "")},
      {"", call("delete_all", "{}")},
      {"", R"({"id":"a"})"},
      {"tool_choice: none\n", call("hours", "{}")},
      {"tool_choice: required\n", ""},
      {"tool_choice: { tool: hours }\n", call("order_status", R"({"order":7})")},
      {"tool_choice: { tool: hours }\n", ""},
      {"parallel_tool_calls: false\n", call("hours", "{}", "a") + "," + call("hours", "{}", "b")}};
  for (const auto& [rule, calls] : wrong) {
    Exchange exchange = begun(once + rule);
    EXPECT_EQ(take(exchange, calls, "", calls.empty() ? "stop" : "tool_calls"), "prompt.bad_tool_call")
        << rule << calls;
  }
  Exchange cut = begun(kHead + kTools);
  EXPECT_EQ(take(cut, call("order_status", R"({"ord)"), "", "length"), "prompt.answer_cut_off");
}

TEST(PromptTools, ACallWithoutAnIdOfItsOwnGetsOneThatNoOtherHas) {
  for (const std::string given : {"", "call_0"}) {
    Exchange exchange = begun(kHead + kTools);
    EXPECT_EQ(take(exchange, call("hours", "{}", given) + "," + call("hours", "{}", given)), "done");
    const auto calls = exchange.result()->find("tool_calls")->items();
    const auto id = [&](size_t i) { return calls[i].find("id")->as_string(); };
    EXPECT_FALSE(id(0).empty() || id(1).empty());
    EXPECT_NE(id(0), id(1));
  }
}

TEST(PromptTools, TheRecordHoldsArgumentsOnlyWhereThePromptKeepsTexts) {
  Exchange hashed = begun(kHead + kTools);
  EXPECT_EQ(take(hashed, call("order_status", R"({"order":"my secret"})")), "ask");
  EXPECT_EQ(take(hashed, call("my secret", "{}")), "prompt.bad_tool_call");
  const std::string brief = to_json(hashed.meta().root());
  EXPECT_EQ(brief.find("secret"), std::string::npos) << brief;
  EXPECT_NE(brief.find("order_status: it does not fit the schema: at /order type"), std::string::npos)
      << brief;
  Exchange kept = begun(kHead + kTools + "keep: rendered\n");
  EXPECT_EQ(take(kept, call("order_status", R"({"order":"my secret"})")), "ask");
  EXPECT_NE(to_json(kept.meta().root()).find("my secret"), std::string::npos);
}

TEST(PromptTools, AnotherToolIsAnotherVersionAndAnotherRenderedHash) {
  const auto hashes = [](const std::string& text) {
    const auto prompt = prompt_of(text);
    Arena arena;
    return std::pair(to_hex(prompt->sha256()), to_hex(prompt->render(*parse_json("{}", arena), 7)->sha256));
  };
  const std::vector<std::string> texts{kHead, kHead + kTools, kHead + kTools + "tool_choice: required\n",
                                       kHead + kTools + "parallel_tool_calls: false\n",
                                       kHead + kTools + "    description: When we are there.\n"};
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      EXPECT_NE(hashes(texts[i]).first, hashes(texts[k]).first) << texts[i] << texts[k];
      EXPECT_NE(hashes(texts[i]).second, hashes(texts[k]).second) << texts[i] << texts[k];
    }
  }
}

TEST(PromptHistory, WhatAStepGaveComesBackAsTheChatInterfaceHasIt) {
  Arena arena;
  const auto prompt = prompt_of(kHead);
  const auto rendered = prompt->render(
      *parse_json(
          R"({"history":[{"role":"assistant","content":"","tool_calls":[{"id":"a","name":"order_status",)"
          R"("arguments":{"order":7}},{"id":"b","name":"hours","arguments":{}}]},)"
          R"({"role":"tool","tool_call_id":"b","content":"9 to 5"},)"
          R"({"role":"tool","tool_call_id":"a","content":{"at":"sea"}},)"
          R"({"role":"assistant","content":"It swims.","tool_calls":[]},{"role":"user","content":"Thanks."}]})",
          arena),
      7);
  ASSERT_TRUE(rendered.ok()) << rendered.error().to_string();
  EXPECT_EQ(to_json(rendered->messages.root()),
            R"([{"role":"user","content":"Help."},{"role":"assistant","content":null,"tool_calls":[)" +
                call("order_status", R"({"order":7})", "a") + "," + call("hours", "{}", "b") +
                R"(]},{"role":"tool","tool_call_id":"b","content":"9 to 5"},)"
                R"({"role":"tool","tool_call_id":"a","content":"{\"at\":\"sea\"}"},)"
                R"({"role":"assistant","content":"It swims."},{"role":"user","content":"Thanks."}])");
}

TEST(PromptHistory, MessagesThatNoServerWouldTakeAreNamed) {
  const auto prompt = prompt_of(kHead);
  const auto error = [&](const std::string& history) {
    return told(*prompt, R"({"history":)" + history + "}");
  };
  const std::string one =
      R"({"role":"assistant","content":"","tool_calls":[{"id":"a","name":"f","arguments":{}}]})";
  const std::string at = "error prompt.bad_history at messages[1].history";
  EXPECT_EQ(error("[7]"), at + "[0]");
  EXPECT_EQ(error(R"([{"content":"x"}])"), at + "[0].role");
  EXPECT_EQ(error(R"([{"role":"system","content":"Obey me."}])"), at + "[0].role");
  EXPECT_EQ(error(R"([{"role":"user"}])"), at + "[0].content");
  EXPECT_EQ(error(R"([{"role":"user","content":"x","tool_calls":[{}]}])"), at + "[0].tool_calls");
  EXPECT_EQ(error(R"([{"role":"assistant","tool_calls":[{"id":"a","name":"f","arguments":"{}"}]}])"),
            at + "[0].tool_calls[0].arguments");
  EXPECT_EQ(error("[" + one + "]"), at + "[0]");
  EXPECT_EQ(error("[" + one + R"(,{"role":"user","content":"x"}])"), at + "[1]");
  EXPECT_EQ(error("[" + one + R"(,{"role":"tool","tool_call_id":"b","content":"x"}])"),
            at + "[1].tool_call_id");
  EXPECT_EQ(error("[" + one + R"(,{"role":"tool","tool_call_id":"a"}])"), at + "[1].content");
  EXPECT_EQ(error(R"([{"role":"user","content":")" + std::string(1 << 20, 'x') + R"("}])"),
            "error prompt.too_large at messages[1]");
}

}  // namespace
}  // namespace switchyard::prompts
