// What a prompt gives a model.
#include <gtest/gtest.h>

#include "prompts.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {
namespace {

using testing::prompt_of;
using testing::told;

Rendered rendered(const Prompt& prompt, const std::string& input, uint64_t seed = 7) {
  Arena arena;
  auto result = prompt.render(*parse_json(input, arena), seed);
  EXPECT_TRUE(result.ok()) << result.error().to_string();
  return *std::move(result);
}

const std::string kSort =
    "prompt: sort@2.1.0\n"
    "input: { type: object, required: [text], properties: { text: { type: string }, lang: { type: string, "
    "default: en } } }\n"
    "messages:\n"
    "  - { role: system, content: \"Sort. Answer in {{ input.lang }}.\" }\n"
    "  - examples:\n"
    "      - { input: { text: 'My card was charged twice' }, output: { topic: billing } }\n"
    "      - { input: { text: 'Hola', lang: es }, output: { topic: other } }\n"
    "  - { role: user, content: \"Message: {{ input.text }}\" }\n"
    "output: { type: object, required: [topic], properties: { topic: { enum: [billing, other] }, sure: { "
    "type: "
    "number } } }\n";

TEST(Prompts, ExamplesAskInTheWordsOfTheQuestionAfterThem) {
  EXPECT_EQ(told(*prompt_of(kSort), R"({"text":"hi"})"),
            "system: Sort. Answer in en.\n"
            "user: Message: My card was charged twice\n"
            "assistant: {\"topic\":\"billing\"}\n"
            "user: Message: Hola\n"
            "assistant: {\"topic\":\"other\"}\n"
            "user: Message: hi\n");
}

TEST(Prompts, AContentCanBeMadeOfTextsAndImages) {
  const auto prompt = prompt_of(
      "prompt: look@1.0.0\n"
      "input: { type: object, required: [url], properties: { url: { type: string }, what: { type: string, "
      "default: this } } }\n"
      "messages:\n"
      "  - role: user\n"
      "    content: ['What is {{ input.what }}?', { image: '{{ input.url }}', detail: low }, { file: "
      "./short.md }]\n");
  EXPECT_EQ(told(*prompt, R"({"url":"https://a.example/b.png"})"),
            R"(user: [{"type":"text","text":"What is this?"},)"
            R"({"type":"image_url","image_url":{"url":"https://a.example/b.png","detail":"low"}},)"
            R"({"type":"text","text":"Short."}])"
            "\n");
  EXPECT_EQ(told(*prompt, R"({"url":"data:image/png;base64,AA=="})").substr(0, 5), "user:");
  EXPECT_EQ(told(*prompt, R"({"url":"file:///etc/passwd"})"),
            "error prompt.bad_image at messages[0].content[1]");
}

TEST(Prompts, MessagesCanBeRepeatedAndLeftOut) {
  const auto prompt = prompt_of(
      "prompt: chat@1.0.0\n"
      "input: { type: object, required: [turns], properties: { rules: { type: string }, turns: { type: "
      "array, "
      "items: { type: object, required: [who, text], properties: { who: { type: string }, text: { type: "
      "string "
      "} } } }, near: { type: array, items: { type: object, required: [q, a], properties: { q: { type: "
      "string }, "
      "a: { type: string } } } } } }\n"
      "messages:\n"
      "  - { when: has(input.rules), role: system, content: '{{ input.rules }}' }\n"
      "  - for: e in input.?near.orValue([])\n"
      "    messages:\n"
      "      - { role: user, content: '{{ round.number }}. {{ e.q }}' }\n"
      "      - { role: assistant, content: '{{ e.a }}' }\n"
      "  - { for: turn in input.turns, role: '{{ turn.who }}', content: '{{ turn.text }}' }\n");
  EXPECT_EQ(told(*prompt, R"({"turns":[{"who":"user","text":"hi"}]})"), "user: hi\n");
  EXPECT_EQ(
      told(*prompt, R"({"rules":"Be kind.","near":[{"q":"1+1","a":"2"},{"q":"2+2","a":"4"}],)"
                    R"("turns":[{"who":"user","text":"hi"},{"who":"assistant","text":"ho"}]})"),
      "system: Be kind.\nuser: 1. 1+1\nassistant: 2\nuser: 2. 2+2\nassistant: 4\nuser: hi\nassistant: ho\n");
  EXPECT_EQ(told(*prompt, R"({"turns":[{"who":"robot","text":"hi"}]})"),
            "error prompt.bad_role at messages[2].role");
  EXPECT_EQ(told(*prompt, R"({"turns":[]})"), "error prompt.no_messages at messages");
}

TEST(Prompts, TheSameInputGivesTheSameBytesAndHash) {
  const auto prompt = prompt_of(kSort);
  const auto one = rendered(*prompt, R"({"text":"hi"})"), two = rendered(*prompt, R"({"text":"hi"})");
  EXPECT_EQ(to_json(one.messages.root()), to_json(two.messages.root()));
  EXPECT_EQ(to_json(one.parameters.root()), to_json(two.parameters.root()));
  EXPECT_EQ(one.sha256, two.sha256);
  EXPECT_EQ(one.sha256, sha256(to_canonical_json(one.messages.root())));
  EXPECT_NE(one.sha256, rendered(*prompt, R"({"text":"hi!"})").sha256);
}

TEST(Prompts, ParametersAreWhatTheChatInterfaceWants) {
  const std::string head = "prompt: a/b.c@1.0.0\nmessages: [{ role: user, content: hi }]\n";
  EXPECT_EQ(
      to_json(rendered(*prompt_of(head + "parameters: { temperature: 0, max_tokens: 40, top_p: 0.9, stop: "
                                         "[END], seed: 5, extra: { min_p: 0.1 } }\n"),
                       "{}")
                  .parameters.root()),
      R"({"temperature":0.0,"top_p":0.9,"max_tokens":40,"seed":5,"stop":["END"],"min_p":0.1})");
  const std::string output = "output: { type: object, properties: { a: { type: integer } } }\n";
  EXPECT_EQ(to_json(rendered(*prompt_of(head + output), "{}").parameters.root()),
            R"({"response_format":{"type":"json_schema","json_schema":{"name":"a_b_c","schema":)"
            R"({"type":"object","properties":{"a":{"type":"integer"}}}}}})");
  EXPECT_EQ(to_json(rendered(*prompt_of(head + output + "format: json\n"), "{}").parameters.root()),
            R"({"response_format":{"type":"json_object"}})");
  EXPECT_EQ(to_json(rendered(*prompt_of(head + output + "format: text\n"), "{}").parameters.root()), "{}");
}

TEST(Prompts, ADeterministicSeedFollowsFromTheDecision) {
  const auto prompt = prompt_of(
      "prompt: a@1.0.0\nmessages: [{ role: user, content: hi }]\nparameters: { seed: deterministic }\n");
  const auto seed = [&](uint64_t of) { return to_json(rendered(*prompt, "{}", of).parameters.root()); };
  EXPECT_EQ(seed(1), seed(1));
  EXPECT_NE(seed(1), seed(2));
}

TEST(Prompts, TheModelCanBeShownTheSchemaOfItsAnswer) {
  const auto prompt = prompt_of(
      "prompt: a@1.0.0\nmessages: [{ role: user, content: '{{ output_schema | json }}' }]\noutput: { type: "
      "integer }\n");
  EXPECT_EQ(told(*prompt, "{}"), "user: {\"type\":\"integer\"}\n");
}

TEST(Prompts, TheVersionsHashFollowsFromTheDocumentAndItsFiles) {
  const std::string text = "prompt: a@1.0.0\nmessages: [{ role: user, content: hi }]\n";
  EXPECT_EQ(prompt_of(text)->sha256(), prompt_of("# told\n" + text)->sha256());
  EXPECT_NE(prompt_of(text)->sha256(), prompt_of(text + "keep: rendered\n")->sha256());
  const auto with_file = [](const std::string& name) {
    return prompt_of("prompt: a@1.0.0\nmessages: [{ role: user, content: { file: " + name + " } }]\n");
  };
  EXPECT_NE(with_file("rules.md")->sha256(), with_file("short.md")->sha256());
  EXPECT_EQ(told(*with_file("rules.md"), "{}"), "user: Be brief.\nBe kind.\n");
}

}  // namespace
}  // namespace switchyard::prompts
