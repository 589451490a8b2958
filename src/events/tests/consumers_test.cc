#include "switchyard/events/consumers.h"

#include <gtest/gtest.h>

#include "switchyard/events/cloud_event.h"
#include "switchyard/types/json.h"

namespace switchyard::events {
namespace {

WebhookOutcome hook(const std::string& text, const EventTypes& types = {}) {
  const auto parsed = document::parse(text, "hook.yaml");
  return compile_webhook(*parsed.root, "hook.yaml", types);
}

std::string codes(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& d : diagnostics) text += (text.empty() ? "" : " ") + std::to_string(d.line) + ":" + d.code;
  return text;
}

Document event_of(const std::string& type, const std::string& data) {
  return *parse_json_document(R"({"id":"1","source":"/s","type":")" + type + R"(","data":)" + data + "}");
}

TEST(Patterns, MatchTheTypeAllBelowOneOrEverything) {
  EXPECT_TRUE(matches("order.placed", "order.placed"));
  EXPECT_FALSE(matches("order.placed", "order.placed.late"));
  EXPECT_TRUE(matches("order.*", "order.placed.late"));
  EXPECT_FALSE(matches("order.*", "orders.placed"));
  EXPECT_FALSE(matches("order.*", "order"));
  EXPECT_TRUE(matches("*", "anything"));
  EXPECT_TRUE(is_pattern("com.shop.order.*"));
  EXPECT_FALSE(is_pattern("order*"));
  EXPECT_FALSE(is_pattern(""));
  EXPECT_FALSE(is_pattern("*.placed"));
}

TEST(WebhookDocuments, AllThatIsWrongIsToldAtOnce) {
  const auto outcome = hook(
      "webhook: no-version\n"
      "events: [\"bad pattern\"]\n"
      "when: event.data.total >\n"
      "url: ftp://example.org\n"
      "mode: fast\n"
      "secret: hunter2\n"
      "retry: { attempts: 0, backoff: soon, pause: 1s }\n"
      "timeout: 10m\n"
      "colour: red\n");
  EXPECT_EQ(outcome.webhook, nullptr);
  EXPECT_EQ(codes(outcome.diagnostics),
            "1:events.bad_name 2:events.bad_pattern 3:expression.syntax 4:events.bad_url 5:events.bad_mode "
            "6:events.bad_secret 7:events.bad_number 7:events.bad_duration 7:events.unknown_field "
            "8:events.bad_duration "
            "9:events.unknown_field");
}

TEST(WebhookDocuments, AFilterSeesTheRegisteredTypeOfItsEvents) {
  auto parsed = document::parse(
      "event: order.placed@1.0.0\nschema: { type: object, properties: { total: { type: number } }, required: "
      "[total] }\n");
  auto compiled = compile_event_type(*parsed.root, "t");
  ASSERT_NE(compiled.type, nullptr);
  compiled.type->data_type = expression::Type::object({{"total", expression::Type::real()}});
  const EventTypes types = [&](std::string_view name) {
    return name == "order.placed" ? compiled.type : nullptr;
  };
  const std::string rest = "url: https://example.org/\nwhen: event.data.totl > 1.0\n";
  const auto wrong = hook("webhook: w@1.0.0\nevents: order.placed\n" + rest, types);
  EXPECT_EQ(codes(wrong.diagnostics), "4:expression.no_such_field");
  // Without one type, nothing is known and nothing is refused.
  EXPECT_NE(hook("webhook: w@1.0.0\nevents: \"order.*\"\n" + rest, types).webhook, nullptr);
}

TEST(WebhookDocuments, AFilterThatFailsOnAnEventDoesNotWantIt) {
  const auto outcome =
      hook("webhook: w@1.0.0\nevents: \"*\"\nurl: https://example.org/\nwhen: event.data.total > 100.0\n");
  ASSERT_NE(outcome.webhook, nullptr) << outcome.diagnostics.front().to_string();
  EXPECT_TRUE(outcome.webhook->wants(event_of("a", R"({"total":120.5})").root()));
  EXPECT_FALSE(outcome.webhook->wants(event_of("a", R"({"total":20.5})").root()));
  EXPECT_FALSE(outcome.webhook->wants(event_of("a", R"({})").root()));
}

TEST(Webhooks, PausesGrowToTheirLimitAndSpread) {
  const auto outcome = hook(
      "webhook: w@1.0.0\nevents: a\nurl: https://example.org/\nretry: { attempts: 9, backoff: 1s..10s }\n");
  ASSERT_NE(outcome.webhook, nullptr);
  EXPECT_EQ(outcome.webhook->pause_us(1, 0.5), 1'000'000);
  EXPECT_EQ(outcome.webhook->pause_us(3, 0.5), 4'000'000);
  EXPECT_EQ(outcome.webhook->pause_us(8, 0.5), 10'000'000);
  EXPECT_LT(outcome.webhook->pause_us(3, 0.0), outcome.webhook->pause_us(3, 0.9));
}

TEST(EventTypes, DataThatDoNotFitAreNamedByTheirPlace) {
  const auto parsed =
      document::parse("event: a.b@2.0.0\nschema: { type: object, properties: { n: { type: integer } } }\n");
  const auto outcome = compile_event_type(*parsed.root, "t");
  ASSERT_NE(outcome.type, nullptr);
  EXPECT_TRUE(check_data(event_of("a.b", R"({"n":1})").root(), *outcome.type, "/3").ok());
  const Status wrong = check_data(event_of("a.b", R"({"n":"x"})").root(), *outcome.type, "/3");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, "event.bad_data");
  EXPECT_EQ(wrong.error().field, "/3/data/n");
  EXPECT_NE(wrong.error().message.find("a.b@2.0.0"), std::string::npos);
}

TEST(EventTypes, ADocumentWithoutASchemaIsRefused) {
  const auto parsed = document::parse("event: a.b@2.0.0\ncompatibility: maybe\n");
  EXPECT_EQ(codes(compile_event_type(*parsed.root, "t").diagnostics),
            "1:events.missing 2:events.bad_compatibility");
}

}  // namespace
}  // namespace switchyard::events
