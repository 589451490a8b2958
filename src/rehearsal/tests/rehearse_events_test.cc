#include <gtest/gtest.h>

#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::rehearsal {
namespace {

constexpr const char* kType = R"Y(event: order.placed@1.0.0
schema: { type: object, required: [customer, total], properties: { customer: { type: string }, total: { type: number } } }
)Y";
constexpr const char* kAgent = R"Y(pipeline: shop/customer@1.0.0
on: { event: order.placed, key: event.data.customer }
input: { schema: { type: object, required: [customer, total], properties: { customer: { type: string }, total: { type: number } } } }
state: { schema: { type: object, required: [spent], properties: { spent: { type: number } } }, initial: { spent: 0 } }
steps:
  asked: { http: { method: GET, url: "'https://facts.example.org/'" } }
  kept: { after: asked, state: { spent: state.spent + input.total } }
  told: { emit: { event: order.counted, subject: input.customer, data: { spent: kept.spent } } }
output: { spent: kept.spent }
)Y";
constexpr const char* kNightly = R"Y(pipeline: shop/nightly@1.0.0
schedule: { cron: "0 3 * * *", input: { at: schedule.at } }
input: { schema: { type: object, required: [at], properties: { at: {} } } }
steps: { done: { set: { at: input.at } } }
output: { ok: true }
)Y";
constexpr const char* kWebhook = R"Y(webhook: loud@1.0.0
events: order.counted
url: https://loud.example.org/hook
)Y";

Report run(const std::string& test, Request request = {}) {
  request.files = {{"agent.pipeline.yaml", kAgent},
                   {"nightly.pipeline.yaml", kNightly},
                   {"loud.webhook.yaml", kWebhook},
                   {"order.event.yaml", kType},
                   {"case.test.yaml", test}};
  return rehearse(request);
}

std::string told(const Report& report) { return to_text(report, true); }

TEST(RehearseEvents, TellsAllMistakesAtOnce) {
  const Report report = run(R"Y(test: shop/customer
cases:
  one:
    keeps: { spent: much }
    events:
      - { after: 1s, data: {} }
      - { type: order.placed, data: { customer: c1 } }
      - { type: order.placed, sourec: x, data: { customer: c1, total: 1 } }
      - { type: other, extensions: { hops: 99, Bad: 1 } }
    down: [{ after: 1s }]
    expect:
      output: { spent: 1 }
      runs: [{ state: x }]
      emitted: [{ typ: order.counted }]
      dead_letters: { name: x }
      webhooks: { lout: 1 }
  two:
    input: { customer: c1, total: 1 }
  three: {}
)Y");
  const std::string text = told(report);
  for (const char* wanted :
       {"cases.one.keeps.spent", "cases.one.events[0].type", "[test.no_type]", "total is required", "sourec",
        "cases.one.events[3]", "cases.one.down[0].for", "`runs` speaks of every run",
        "cases.one.expect.runs[0].state", "cases.one.expect.emitted[0].typ", "`dead_letters` is a list",
        "there is no webhook 'lout'", "an agent with a state is started by events alone",
        "neither input nor an event"})
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  EXPECT_TRUE(report.cases.empty());
}

TEST(RehearseEvents, AScheduleNeedsAnEnd) {
  const Report report = run("test: shop/nightly\ncases:\n  one:\n    expect: {}\n");
  EXPECT_NE(told(report).find("until: 3d"), std::string::npos) << told(report);
}

constexpr const char* kCases = R"Y(test: shop/customer
defaults:
  stubs: { asked: {} }
  events:
    - { type: order.placed, id: a, data: { customer: c1, total: 2 } }
    - { after: 1h, type: order.placed, id: b, data: { customer: c1, total: 3 } }
cases:
  nothing is said yet:
    description: two orders
  wrong:
    keeps: { spent: 10 }
    expect:
      runs: [{ output: { spent: 12 } }]
      emitted: [{ type: order.counted, data: { spent: 12 } }, { data: { spent: 14 } }]
      keeps: { c1: { spent: 12 }, c2: { spent: 1 } }
      webhooks: { loud: 3 }
      dead_letters: [{ code: x }]
  one run is spoken of:
    expect: { output: { spent: 2 } }
)Y";

TEST(RehearseEvents, TellsWhatDiffers) {
  const Report report = run(kCases);
  const std::string text = told(report);
  EXPECT_EQ(report.failed(), 3u) << text;
  for (const char* wanted :
       {"the case expects nothing", "2 runs of the pipeline began, expected were 1",
        "the emitted events differ", "+     \"spent\": 15.0", "what is kept under 'c1' differs",
        "what is kept under 'c2' differs", "webhook loud was told 2 times, expected were 3",
        "the dead letters differ", "say what is expected of each"})
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
}

TEST(RehearseEvents, AnUpdateHoldsAfterwards) {
  Request request;
  request.update = true;
  const Report report = run(kCases, request);
  const std::string& text = report.rewritten.at("case.test.yaml");
  EXPECT_NE(text.find("      runs:\n        - { key: c1, output: { spent: 12.0 } }\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("- { type: order.counted, subject: c1, data: { spent: 15.0 } }\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("keeps: { c1: { spent: 15.0 }, c2: null }\n"), std::string::npos) << text;
  EXPECT_NE(text.find("dead_letters: []\n"), std::string::npos) << text;
  const Report again = run(text);
  EXPECT_EQ(again.failed(), 0u) << told(again) << text;
  EXPECT_EQ(again.cases.size(), 3u) << told(again);
}

TEST(RehearseEvents, OnlyTheTestedScheduleTicks) {
  const Report report = run(R"Y(test: shop/customer
cases:
  one:
    until: 3d
    stubs: { asked: {} }
    events: [{ type: order.placed, data: { customer: c1, total: 2 } }]
    expect: { output: { spent: 2 } }
)Y");
  EXPECT_EQ(report.failed(), 0u) << told(report);
  ASSERT_EQ(report.coverage.size(), 1u);
  EXPECT_EQ(report.coverage[0].pipeline, "shop/customer@1.0.0");
}

}  // namespace
}  // namespace switchyard::rehearsal
