#include "switchyard/types/events.h"

#include <gtest/gtest.h>

#include "switchyard/types/json.h"

namespace switchyard {
namespace {

Result<Event> decoded(const Event& event, std::string_view payload, Arena& arena) {
  return decode_event(event.type(), event.version(), event.run, event.step, event.time_us, payload, arena);
}

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

Event failure() {
  StepFailed body;
  body.started_us = 1'699'999'999'999'000;
  body.error = {ErrorKind::kDeadlineExceeded, "step.timeout", "late", ""};
  body.retry_at_us = 1'700'000'000'000'000;
  return {RunId::make(1, 2, 3), 4, 1'699'999'999'999'500, body};
}

TEST(Events, AFailureThatSaysNothingOfItsAttemptIsWrittenAsItAlwaysWas) {
  const Event event = failure();
  std::string payload;
  encode_event_body(event, payload);
  // The worked example of docs/formats/events.md.
  EXPECT_EQ(hex_of(payload),
            "01b0f0f181838985060b0c737465702e74696d656f7574046c617465008080f28183898506000000");
  Arena arena;
  const auto again = decoded(event, payload, arena);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(std::get<StepFailed>(again->body).meta.is_null());
}

TEST(Events, AFailureKeepsHowItsAttemptWent) {
  Event event = failure();
  Arena arena;
  std::get<StepFailed>(event.body).meta = *parse_json(R"({"cost":0.5,"routing":{"route":"r@1.0.0"}})", arena);
  std::string payload;
  encode_event_body(event, payload);
  const auto again = decoded(event, payload, arena);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(to_json(*step_meta(*again)), R"({"cost":0.5,"routing":{"route":"r@1.0.0"}})");
  EXPECT_FALSE(decoded(event, payload.substr(0, payload.size() - 1), arena).ok());
  EXPECT_FALSE(decoded(event, payload + '\0', arena).ok());
}

}  // namespace
}  // namespace switchyard
