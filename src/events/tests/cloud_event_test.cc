#include "switchyard/events/cloud_event.h"

#include <gtest/gtest.h>

#include "switchyard/events/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::events {
namespace {

Incoming structured(const std::string& body) { return read_http("application/cloudevents+json", {}, body); }

std::string json_of(const Document& event) {
  std::string text;
  append_structured(event.root(), text);
  return text;
}

const std::string kPlaced =
    R"({"specversion":"1.0","id":"e-1","source":"/shop","type":"order.placed","subject":"o-7",)"
    R"("time":"2026-11-25T18:00:00Z","zebra":true,"apple":3,"data":{"total":12.5}})";

TEST(CloudEvents, TheThreeModesOfOneEventAreTheSameEventInside) {
  const Incoming whole = structured(kPlaced);
  ASSERT_TRUE(whole.mistakes.empty()) << whole.mistakes.front().to_string();
  const std::vector<HeaderView> headers{{"ce-specversion", "1.0"}, {"CE-ID", "e-1"},
                                        {"ce-source", "/shop"},    {"ce-type", "order.placed"},
                                        {"ce-subject", "o-7"},     {"ce-time", "2026-11-25T18:00:00Z"}};
  const Incoming binary = read_http("application/json", headers, R"({"total":12.5})");
  ASSERT_TRUE(binary.mistakes.empty()) << binary.mistakes.front().to_string();
  const Incoming batch =
      read_http("application/cloudevents-batch+json; charset=utf-8", {}, "[" + kPlaced + "]");
  ASSERT_EQ(batch.events.size(), 1u);
  EXPECT_TRUE(batch.batch);
  EXPECT_TRUE(identical(whole.events[0].root(), batch.events[0].root()));
  for (const char* name : {"id", "source", "type", "subject", "time", "data"})
    EXPECT_TRUE(identical(*whole.events[0]->find(name), *binary.events[0]->find(name))) << name;
}

TEST(CloudEvents, WhatIsWrittenIsReadBackUnchanged) {
  const Incoming in = structured(kPlaced);
  ASSERT_EQ(in.events.size(), 1u);
  const Incoming again = structured(json_of(in.events[0]));
  ASSERT_EQ(again.events.size(), 1u);
  EXPECT_TRUE(identical(in.events[0].root(), again.events[0].root()));
}

TEST(CloudEvents, ABinaryMessageThatIsSentIsTheEventWhenItIsReadAgain) {
  const Incoming in =
      structured(R"({"specversion":"1.0","id":"e \"1\" %","source":"/läden","type":"t","data":[1,2]})");
  ASSERT_EQ(in.events.size(), 1u);
  const BinaryMessage message = to_binary(in.events[0].root());
  std::vector<HeaderView> headers;
  std::string type;
  for (const auto& [name, value] : message.headers) {
    if (name == "Content-Type") type = value;
    for (const char c : value) EXPECT_TRUE(c > 0x1f && c < 0x7f) << name;
    headers.emplace_back(name, value);
  }
  const Incoming again = read_http(type, headers, message.body);
  ASSERT_EQ(again.events.size(), 1u) << again.mistakes.front().to_string();
  EXPECT_EQ(attribute(again.events[0].root(), "id"), "e \"1\" %");
  EXPECT_EQ(attribute(again.events[0].root(), "source"), "/läden");
  EXPECT_TRUE(identical(*in.events[0]->find("data"), *again.events[0]->find("data")));
}

TEST(CloudEvents, BytesStayBytes) {
  const std::vector<HeaderView> headers{
      {"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}};
  const std::string bytes("\x00\xff\x01", 3);
  const Incoming in = read_http("application/octet-stream", headers, bytes);
  ASSERT_EQ(in.events.size(), 1u);
  ASSERT_TRUE(in.events[0]->find("data")->is(Kind::kBytes));
  EXPECT_EQ(in.events[0]->find("data")->as_bytes(), bytes);
  const Incoming again = structured(json_of(in.events[0]));
  EXPECT_EQ(again.events[0]->find("data")->as_bytes(), bytes);
  EXPECT_EQ(to_binary(in.events[0].root()).body, bytes);
}

TEST(CloudEvents, EveryMistakeOfABatchIsToldWithItsPlace) {
  const Incoming in = read_http(
      "application/cloudevents-batch+json", {},
      "[" + kPlaced +
          R"(,{"specversion":"0.3","id":"","type":"t","Bad-Name":1,"time":"noon","data":1,"data_base64":"AA=="},7])");
  EXPECT_TRUE(in.events.empty());
  std::vector<std::string> told;
  for (const Error& mistake : in.mistakes) told.push_back(mistake.field + " " + mistake.code);
  EXPECT_EQ(told,
            (std::vector<std::string>{"/1/specversion event.bad_attribute", "/1/id event.bad_attribute",
                                      "/1/source event.missing_attribute", "/1/time event.bad_attribute",
                                      "/1/Bad-Name event.bad_extension_name", "/1/data_base64 event.bad_data",
                                      "/2 event.not_an_object"}));
}

TEST(CloudEvents, ARequestWithoutAnyEventSaysHowToSendOne) {
  const Incoming in = read_http("application/json", {}, "{}");
  ASSERT_EQ(in.mistakes.size(), 1u);
  EXPECT_EQ(in.mistakes[0].code, "event.no_event");
  EXPECT_NE(in.mistakes[0].message.find("application/cloudevents+json"), std::string::npos);
}

TEST(CloudEvents, LimitsAreNamed) {
  std::string large = R"({"specversion":"1.0","id":"1","source":"/s","type":"t","data":")";
  large += std::string(kMaxEventBytes, 'x') + "\"}";
  EXPECT_EQ(structured(large).mistakes.at(0).code, "event.too_large");
  std::string batch = "[";
  for (size_t i = 0; i <= kMaxBatchEvents; ++i) batch += (i == 0 ? "{}" : ",{}");
  EXPECT_EQ(read_http("application/cloudevents-batch+json", {}, batch + "]").mistakes.at(0).code,
            "event.batch_too_large");
}

TEST(CloudEvents, WhatIsOrderedTogether) {
  const auto key_of = [](const std::string& more) {
    const Incoming in = structured(R"({"specversion":"1.0","id":"1","source":"/s","type":"t")" + more + "}");
    return std::string(ordering_key(in.events.at(0).root()));
  };
  EXPECT_EQ(key_of(""), "/s");
  EXPECT_EQ(key_of(R"(,"subject":"o")"), "o");
  EXPECT_EQ(key_of(R"(,"subject":"o","partitionkey":"p")"), "p");
}

TEST(CloudEvents, HopsAreReadFromANumberOrAText) {
  const auto hops = [](const std::string& value) {
    const Incoming in =
        structured(R"({"specversion":"1.0","id":"1","source":"/s","type":"t","hops":)" + value + "}");
    return hops_of(in.events.at(0).root());
  };
  EXPECT_EQ(hops("3"), 3u);
  EXPECT_EQ(hops("\"4\""), 4u);
  EXPECT_EQ(hops("-1"), 0u);
  EXPECT_EQ(hops("\"99999999999999\""), kMaxHops + 1);
  EXPECT_EQ(hops("\"many\""), 0u);
}

}  // namespace
}  // namespace switchyard::events
