// How a model is asked until its answer fits.
#include <gtest/gtest.h>

#include "prompts.h"
#include "switchyard/prompts/exchange.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

using testing::prompt_of;

const std::string kHead =
    "prompt: topic@1.0.0\n"
    "input: { type: object, required: [text], properties: { text: { type: string } } }\n"
    "messages: [{ role: user, content: 'Sort: {{ input.text }}' }]\n";
const std::string kOutput =
    "output: { type: object, required: [topic, score], properties: { topic: { enum: [billing, other] }, "
    "score: { "
    "type: number }, note: { type: string, default: none } }, additionalProperties: false }\n";

Exchange begun(const std::string& text) { return testing::begun(text, R"({"text":"hi"})"); }

/// Takes a chat answer with this text; "ask", "done", or the error's code.
std::string take(Exchange& exchange, const std::string& text, const std::string& finish = "stop") {
  Arena arena;
  MapBuilder answer(arena), usage(arena);
  usage.add("prompt_tokens", Value::integer(10));
  usage.add("completion_tokens", Value::integer(3));
  usage.add("total_tokens", Value::integer(13));
  answer.add("text", Value::string(text));
  answer.add("finish_reason", Value::string(finish));
  answer.add("usage", usage.build());
  const auto next = exchange.take(answer.build());
  if (!next.ok()) {
    EXPECT_EQ(next.error().kind, ErrorKind::kUnprocessable);
    return next.error().code;
  }
  return *next == Exchange::Next::kAsk ? "ask" : "done";
}

TEST(Exchanges, APromptWithoutOutputTakesAnyText) {
  Exchange exchange = begun(kHead + "parameters: { temperature: 0.5 }\n");
  EXPECT_EQ(to_json(exchange.request().root()),
            R"({"messages":[{"role":"user","content":"Sort: hi"}],"temperature":0.5})");
  EXPECT_EQ(take(exchange, "whatever", "length"), "done");
  EXPECT_EQ(
      to_json(exchange.result().root()),
      R"({"text":"whatever","finish_reason":"length","usage":{"prompt_tokens":10,"completion_tokens":3,)"
      R"("total_tokens":13}})");
}

TEST(Exchanges, AnAnswerThatFitsIsNormalized) {
  Exchange exchange = begun(kHead + kOutput);
  EXPECT_EQ(take(exchange, R"( {"topic":"billing","score":1} )"), "done");
  EXPECT_EQ(to_json(*exchange.result().root().find("value")),
            R"({"topic":"billing","score":1.0,"note":"none"})");
  Exchange fenced = begun(kHead + kOutput);
  EXPECT_EQ(take(fenced, "```json\n{\"topic\":\"other\",\"score\":0.5}\n```\n"), "done");
  EXPECT_EQ(to_json(*fenced.result().root().find("value")), R"({"topic":"other","score":0.5,"note":"none"})");
}

TEST(Exchanges, AnAnswerThatDoesNotFitIsAskedForAgainOnceWithItsFault) {
  Exchange exchange = begun(kHead + kOutput);
  EXPECT_EQ(take(exchange, R"({"topic":"bills","score":0.5})"), "ask");
  const auto messages = exchange.request().root().find("messages")->items();
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[1].find("role")->as_string(), "assistant");
  EXPECT_EQ(messages[1].find("content")->as_string(), R"({"topic":"bills","score":0.5})");
  EXPECT_EQ(messages[2].find("role")->as_string(), "user");
  EXPECT_NE(messages[2].find("content")->as_string().find("/topic"), std::string::npos);
  EXPECT_NE(exchange.request().root().find("response_format"), nullptr);
  EXPECT_EQ(take(exchange, R"({"topic":"billing","score":0.5})"), "done");
  EXPECT_EQ(exchange.result().root().find("usage")->find("total_tokens")->as_integer(), 26);
  const Document meta = exchange.meta();
  ASSERT_EQ(meta.root().find("attempts")->items().size(), 2u);
  EXPECT_NE(meta.root().find("attempts")->items()[0].find("fault"), nullptr);
  EXPECT_EQ(meta.root().find("attempts")->items()[1].find("fault"), nullptr);
}

TEST(Exchanges, RepairIsBounded) {
  Exchange once = begun(kHead + kOutput);
  EXPECT_EQ(take(once, "no"), "ask");
  EXPECT_EQ(take(once, "no"), "prompt.bad_answer");
  Exchange never = begun(kHead + kOutput + "repair: { attempts: 0 }\n");
  EXPECT_EQ(take(never, "no"), "prompt.bad_answer");
  Exchange thrice = begun(kHead + kOutput + "repair: { attempts: 3 }\n");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take(thrice, "no " + std::to_string(i)), "ask");
    // Each repair speaks of the last answer alone: the request does not grow.
    EXPECT_EQ(thrice.request().root().find("messages")->items().size(), 3u);
  }
  EXPECT_EQ(take(thrice, "no"), "prompt.bad_answer");
  EXPECT_EQ(thrice.meta().root().find("attempts")->items().size(), 4u);
}

TEST(Exchanges, WhatNoRepairCanMendIsNotAskedAgain) {
  Exchange cut = begun(kHead + kOutput);
  EXPECT_EQ(take(cut, R"({"topic":"bil)", "length"), "prompt.answer_cut_off");
  Exchange filtered = begun(kHead + kOutput);
  EXPECT_EQ(take(filtered, "", "content_filter"), "prompt.answer_filtered");
  Exchange none = begun(kHead + kOutput);
  Arena arena;
  EXPECT_EQ(none.take(*parse_json(R"({"score":1})", arena)).error().code, "prompt.no_answer");
}

TEST(Exchanges, TheRecordHoldsTextsOnlyWhereThePromptKeepsThem) {
  Exchange hashed = begun(kHead + kOutput);
  EXPECT_EQ(take(hashed, R"({"topic":"my secret","score":0.5})"), "ask");
  const auto refused = [&](Exchange& exchange) {
    Arena arena;
    MapBuilder answer(arena);
    answer.add("text", Value::string(R"({"topic":"my secret","score":0.5})"));
    return exchange.take(answer.build()).error().to_string();
  };
  EXPECT_EQ(refused(hashed).find("secret"), std::string::npos);
  const std::string short_record = to_json(hashed.meta().root());
  EXPECT_EQ(short_record.find("secret"), std::string::npos) << short_record;
  EXPECT_EQ(short_record.find("Sort: hi"), std::string::npos) << short_record;
  EXPECT_NE(short_record.find("at /topic enum"), std::string::npos) << short_record;
  EXPECT_NE(short_record.find(R"({"name":"topic","version":"1.0.0","rendered_sha256":")"), std::string::npos);

  Exchange kept = begun(kHead + kOutput + "keep: rendered\n");
  EXPECT_EQ(take(kept, R"({"topic":"my secret","score":0.5})"), "ask");
  const std::string record = to_json(kept.meta().root());
  EXPECT_NE(record.find("Sort: hi"), std::string::npos) << record;
  EXPECT_NE(record.find("secret"), std::string::npos) << record;
}

}  // namespace
}  // namespace switchyard::prompts
