#include "switchyard/privacy/reduce.h"

#include <gtest/gtest.h>

#include <random>

#include "switchyard/privacy/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::privacy {
namespace {

std::shared_ptr<Policy> policy_of(const std::string& body) {
  const auto parsed = document::parse("privacy: p@1.0.0\n" + body, "p.yaml");
  auto outcome = compile(*parsed.root, "p.yaml");
  for (const auto& each : outcome.diagnostics) ADD_FAILURE() << each.to_string();
  outcome.policy->name = "p";
  outcome.policy->version = "1.0.0";
  return outcome.policy;
}

Reduced reduce(const std::string& body, const std::string& json, const telemetry::Secret* key = nullptr) {
  const Document input = *parse_json_document(json);
  auto result = apply(*policy_of(body), input.root(), key);
  EXPECT_TRUE(result.ok()) << result.error().to_string();
  return *std::move(result);
}

std::string reduced(const std::string& body, const std::string& json) {
  return to_json(*reduce(body, json).document);
}

const telemetry::Secret kKey("0123456789abcdef0123456789abcdef");

TEST(Reduce, PutsTokensInThePlaceOfPersonalDataAndTheSameForTheSame) {
  const auto result = reduce(
      "", R"({"q":"Mail a@b.example, then b@b.example, or a@b.example again; card 4242424242424242"})");
  EXPECT_EQ(to_json(*result.document),
            R"({"q":"Mail <EMAIL_1>, then <EMAIL_2>, or <EMAIL_1> again; card <CARD_1>"})");
  EXPECT_EQ(result.session->tokens().size(), 3u);
  EXPECT_EQ(result.report.count("email", Action::kToken), 3u);
  EXPECT_EQ(result.report.count("card", Action::kToken), 1u);
}

TEST(Reduce, ReportsCountsAndNoContent) {
  const auto result =
      reduce("fields: { name: drop, note: token }\ndetect: { ip: keep, card: mask }",
             R"({"name":"Anna","note":"x","t":"4242424242424242 192.0.2.1","list":["a@b.example"]})");
  EXPECT_EQ(to_json(*result.document),
            R"({"note":"<NOTE_1>","t":"************4242 192.0.2.1","list":["<EMAIL_1>"]})");
  EXPECT_EQ(to_json(*result.report.to_document()),
            R"({"policy":"p@1.0.0","removed":[{"what":"card","action":"mask","count":1},)"
            R"({"what":"email","action":"token","count":1},{"what":"field name","action":"drop","count":1},)"
            R"({"what":"field note","action":"token","count":1}],"kept":[{"what":"ip","count":1}]})");
}

TEST(Reduce, LetsOnlyAllowedFieldsLeave) {
  const std::string policy =
      "allow: [question, \"messages[*].content\", \"**.country\", whole]\ndetect: { all: keep }";
  EXPECT_EQ(
      reduced(policy, R"({"question":"q","secret":"s","messages":[{"role":"user","content":"c"}],
                               "a":{"b":{"country":"DE","city":"Bonn"}},"whole":{"x":[1,2]},"n":1})"),
      R"({"question":"q","messages":[{"content":"c"}],"a":{"b":{"country":"DE"}},"whole":{"x":[1,2]}})");
  EXPECT_EQ(reduced("allow: [a]", R"("text")"), "null");
  EXPECT_EQ(reduced("allow: [a]", R"([{"a":1}])"), "[null]");
  EXPECT_EQ(reduced("allow: [a]", R"({"A":1,"a":2})"), R"({"a":2})");  // letter by letter: it opens
}

TEST(Reduce, TreatsFieldsByNameAndByPlace) {
  const std::string policy =
      "fields: { date_of_birth: drop, phone: token, \"customer.id\": keep, \"customer.*\": mask, "
      "\"tags[*]\": drop }";
  EXPECT_EQ(
      reduced(policy, R"({"dateOfBirth":"2000-01-01","x":{"DATE-OF-BIRTH":{"y":1}},"phone":{"home":"1","n":7},
      "customer":{"id":"a@b.example","name":"Zoë Li","phone":"12"},"tags":["a","b"],"born":null})"),
      R"({"x":{},"phone":{"home":"<PHONE_1>","n":"<PHONE_2>"},)"
      R"("customer":{"id":"a@b.example","name":"*** **","phone":"**"},"tags":[null,null],"born":null})");
}

TEST(Reduce, LooksIntoWhatToolsAreCalledWithAndGive) {
  const std::string policy = "fields: { date_of_birth: drop, name: token }";
  const auto result =
      reduce(policy, R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"find",)"
                     R"("arguments":"{\"mail\": \"a\\u0040b.example\", \"date_of_birth\": \"2000-01-01\", )"
                     R"(\"card\": 4242424242424242, \"function\": {\"name\": \"Anna\"}}"}}]},)"
                     R"({"role":"tool","content":"[{\"dateOfBirth\":1,\"n\":[\"a@b.example\"]}]"},)"
                     R"({"role":"tool","content":"no JSON of a@b.example"},)"
                     R"({"role":"user","content":"{\"date_of_birth\":1}"}]})");
  EXPECT_EQ(
      to_json(*result.document),
      R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"find",)"
      R"("arguments":"{\"mail\":\"<EMAIL_1>\",\"card\":\"<CARD_1>\",\"function\":{\"name\":\"<NAME_1>\"}}"}}]},)"
      R"({"role":"tool","content":"[{\"n\":[\"<EMAIL_1>\"]}]"},{"role":"tool","content":"no JSON of <EMAIL_1>"},)"
      R"({"role":"user","content":"{\"date_of_birth\":1}"}]})");
  const Document answer =
      *parse_json_document(R"({"arguments":"{ \"to\": \"<EMAIL_1>\", \"cards\": [\"<CARD_1>\"] }"})");
  EXPECT_EQ(to_json(*result.session->restore(answer.root())),
            R"({"arguments":"{\"to\":\"a@b.example\",\"cards\":[4242424242424242]}"})");
  // What needs no change keeps its bytes.
  const std::string clean = R"({"messages":[{"tool_calls":[{"function":{"arguments":"{ \"a\":1.50 }"}}]}]})";
  EXPECT_EQ(reduced("", clean), clean);
}

TEST(Reduce, ATokenOfTheInputIsKnownAlsoWhereArgumentsEscapeIt) {
  EXPECT_EQ(reduced("", R"({"q":"a@b.example","arguments":"{\"x\":\"<\\u0045MAIL_1>\"}"})"),
            R"({"q":"<EMAIL_2>","arguments":"{\"x\":\"<\\u0045MAIL_1>\"}"})");
}

TEST(Reduce, FieldsOfASchemaHoldNoValuesAndStay) {
  const std::string chat =
      R"({"messages":[],"tools":[{"function":{"name":"f","parameters":{"type":"object","properties":)"
      R"({"email":{"type":"string"}}}}}],"response_format":{"json_schema":{"schema":{"properties":)"
      R"({"email":{"type":"string"}}}}}})";
  EXPECT_EQ(reduced("fields: { email: drop, \"**.email.type\": token }", chat), chat);
  // The texts in it are looked through all the same, and it can be dropped whole.
  EXPECT_EQ(reduced("", R"({"messages":[],"tools":[{"function":{"parameters":{"title":"a@b.example"}}}]})"),
            R"({"messages":[],"tools":[{"function":{"parameters":{"title":"<EMAIL_1>"}}}]})");
  EXPECT_EQ(reduced("fields: { tools: drop }", chat.substr(0, chat.find(",\"response")) + "}"),
            R"({"messages":[]})");
  EXPECT_EQ(reduced("fields: { email: drop }", R"({"function":{"parameters":{"email":"x"}}})"),
            R"({"function":{"parameters":{}}})");
}

TEST(Reduce, MasksAndShowsNoMoreThanHalf) {
  const auto masked = [](const std::string& options, const std::string& text) {
    return reduced("fields: { v: { action: mask" + options + " } }", "{\"v\":\"" + text + "\"}");
  };
  EXPECT_EQ(masked(", last: 4", "4242-4242-4242-4242"), R"({"v":"****-****-****-4242"})");
  EXPECT_EQ(masked(", first: 2, last: 2, character: x", "DE89 3704"), R"({"v":"DExx xx04"})");
  EXPECT_EQ(masked(", last: 4", "1234567"), R"({"v":"*******"})");
  EXPECT_EQ(masked("", "Zoë, 日本"), R"({"v":"***, **"})");
}

TEST(Reduce, DropsFromTextsAndSaysWhatStoodThere) {
  EXPECT_EQ(reduced("detect: { all: drop }", R"(["a@b.example wrote"])"), R"(["[email] wrote"])");
}

TEST(Reduce, HashesTheSameWayInEveryCallAndUnlikeOtherPolicies) {
  const std::string policy = "detect: { all: hash }";
  const auto one = to_json(*reduce(policy, R"(["4242 4242 4242 4242"])", &kKey).document);
  EXPECT_EQ(one, to_json(*reduce(policy, R"(["4242-4242-4242-4242"])", &kKey).document));
  EXPECT_EQ(one.find("4242 4242"), std::string::npos);
  EXPECT_EQ(one.size(), std::string(R"(["[card:]"])").size() + 32);
  const telemetry::Secret other("another key that is long enough");
  EXPECT_NE(one, to_json(*reduce(policy, R"(["4242424242424242"])", &other).document));
  auto renamed = policy_of(policy);
  renamed->name = "q";
  EXPECT_NE(
      one,
      to_json(*apply(*renamed, parse_json_document(R"(["4242424242424242"])")->root(), &kKey)->document));
}

// RFC 4231 gives no vector for our message; this one is `printf 'p\0email\0a@b.example' | openssl dgst
// -sha256 -hmac ...`.
TEST(Reduce, HashesAsHmacSha256) {
  EXPECT_EQ(to_json(*reduce("detect: { all: hash }", R"(["A@B.example"])", &kKey).document),
            R"(["[email:a074a63d7210246f00916acacb89edb4]"])");
}

TEST(Reduce, LetsNothingLeaveWithoutAKeyOrOverALimit) {
  const Document input = *parse_json_document("[\"x\"]");
  EXPECT_EQ(apply(*policy_of("detect: { ip: hash }"), input.root()).error().code, "privacy.no_key");
  const std::string large(kMaxTextBytes + 1, 'a');
  EXPECT_EQ(apply(*policy_of(""), Value::string(large)).error().code, "privacy.input_too_large");
  std::string many;
  for (size_t i = 0; i <= kMaxFindings; ++i) many += "a@b.example ";
  EXPECT_EQ(apply(*policy_of(""), Value::string(many)).error().code, "privacy.too_many_findings");
  std::string deep(200, '[');
  deep.append(200, ']');
  const Document nested = *parse_json_document(deep, {.max_depth = 300});
  EXPECT_EQ(apply(*policy_of(""), nested.root()).error().code, "privacy.too_deep");
}

TEST(Reduce, LooksAtNumbersNamesOfFieldsAndBytes) {
  EXPECT_EQ(
      reduced("", R"({"card":4242424242424242,"phone":2125550123,"n":2125550123,"x":4.25,"a@b.example":1})"),
      R"({"card":"<CARD_1>","phone":"<PHONE_1>","n":2125550123,"x":4.25,"<EMAIL_1>":1})");
  EXPECT_EQ(reduced("detect: { all: drop }", R"({"a@b.example":1,"b@b.example":2})"),
            R"({"[email]":1,"[email]#2":2})");
  const auto bytes = apply(*policy_of(""), Value::bytes("\xff a@b.example"));
  EXPECT_EQ(bytes->document->as_bytes(), "\xff <EMAIL_1>");
}

TEST(Reduce, NeverGivesATokenThatTheInputHolds) {
  const auto result =
      reduce("", R"({"<EMAIL_2>":"<EMAIL_1> is a@b.example","j":"{\"x\":\"\\u003cEMAIL_3\\u003e\"}"})");
  EXPECT_EQ(to_json(*result.document),
            R"({"<EMAIL_2>":"<EMAIL_1> is <EMAIL_4>","j":"{\"x\":\"\\u003cEMAIL_3\\u003e\"}"})");
  EXPECT_EQ(result.session->restore("<EMAIL_1> <EMAIL_4> <EMAIL_3>"), "<EMAIL_1> a@b.example <EMAIL_3>");
}

TEST(Reduce, MakesTheSameOfTheSame) {
  const std::string json = R"({"a":"a@b.example","b":["192.0.2.1","a@b.example"]})";
  EXPECT_EQ(reduced("", json), reduced("", json));
}

TEST(PrivacyKey, IsReadFromAFilesContent) {
  EXPECT_EQ(read_key(" 0123456789abcdef\n")->reveal(), "0123456789abcdef");
  EXPECT_EQ(read_key("short").error().code, "privacy.bad_key");
  EXPECT_EQ(read_key(" \n").error().code, "privacy.bad_key");
}

/// A JSON document in which much is personal, or looks so.
std::string random_document(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {"a@b.example",
                                                   "x.y+z@mail.example.org",
                                                   "4242424242424242",
                                                   "4242 4242 4242 4242",
                                                   "DE89370400440532013000",
                                                   "<EMAIL_1>",
                                                   "<CARD_",
                                                   "1>",
                                                   "<",
                                                   "<<EMAIL_2>>",
                                                   "+49 30 23125 123",
                                                   "192.0.2.1",
                                                   "2001:db8::1",
                                                   "\\\"",
                                                   "\\\\",
                                                   "\\u003cEMAIL_1>",
                                                   "\\n",
                                                   "ünïcödé 日本",
                                                   "order 44051401359",
                                                   "44051401359",
                                                   "tel 2125550123",
                                                   "</EMAIL_1>",
                                                   "12345678Z",
                                                   " and ",
                                                   ", "};
  const auto text = [&] {
    std::string result;
    for (size_t n = random() % 6; n > 0; --n)
      result += kPieces[random() % kPieces.size()] + (random() % 3 ? " " : "");
    return "\"" + result + "\"";
  };
  std::string json = "{";
  for (size_t i = 0, n = 1 + random() % 5; i < n; ++i) {
    json += (i == 0 ? "" : ",") + std::string("\"k") + std::to_string(i) + "\":";
    switch (random() % 4) {
      case 0: json += "[" + text() + "," + text() + ",4242424242424242,1]"; break;
      case 1: json += R"({"name":)" + text() + R"(,"age":42,"note":null})"; break;
      default: json += text();
    }
  }
  return json + "}";
}

TEST(Restore, UndoesWhatTokensDidWhereverTheStreamIsCut) {
  std::mt19937 random(11);
  const auto policy = policy_of("fields: { name: token, age: token }");
  size_t with_tokens = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string json = random_document(random);
    const auto input = parse_json_document(json);
    ASSERT_TRUE(input.ok()) << json;
    const auto result = *apply(*policy, input->root());
    with_tokens += result.session->empty() ? 0 : 1;
    ASSERT_EQ(to_json(*result.session->restore(result.document.root(), [](auto) { return false; })),
              to_json(input->root()));
    // The same as JSON text, escaped in another way, in pieces of random sizes.
    std::string sent = to_json(*result.document);
    if (round % 2 == 0)
      for (size_t at = 0; (at = sent.find('<', at)) != std::string::npos; at += 6)
        sent.replace(at, 1, "\\u003c");
    Restorer restorer(result.session, Restorer::Mode::kJson);
    std::string out;
    for (size_t at = 0; at < sent.size();) {
      const size_t count = 1 + random() % 7;
      restorer.feed(std::string_view(sent).substr(at, count), out);
      ASSERT_LE(restorer.held_bytes(), 6 * 48u);
      at += count;
    }
    restorer.finish(out);
    const auto back = parse_json_document(out);
    ASSERT_TRUE(back.ok()) << out;
    // Numbers come back as texts here: compare them as such.
    const auto whole = parse_json_document(result.session->restore_json(to_json(*result.document)));
    ASSERT_EQ(to_json(back->root()), to_json(whole->root())) << json;
  }
  EXPECT_GT(with_tokens, 1000u);
}

}  // namespace
}  // namespace switchyard::privacy
