#include "switchyard/telemetry/trace_context.h"

#include <gtest/gtest.h>

#include <vector>

namespace switchyard::telemetry {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kTrace = kParent.substr(3, 32);
constexpr TraceChance kChance{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                              13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};

TraceContext go_on(std::optional<std::string_view> traceparent,
                   std::optional<std::string_view> tracestate = {}, const Sampler& sampler = {}) {
  return continue_trace(traceparent, tracestate, sampler, kChance);
}

TEST(TraceContexts, GoOnWithTheCallersTraceUnderASpanOfTheirOwn) {
  const auto context = go_on(kParent, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_EQ(context.traceparent, "00-0af7651916cd43dd8448eb211c80319c-1112131415161718-01");
  EXPECT_EQ(context.parent_span, "b7ad6b7169203331");
  EXPECT_EQ(context.tracestate, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
}

TEST(TraceContexts, KeepWhetherTheCallerSamplesAndNoFlagTheyDoNotKnow) {
  const std::string parent(kParent.substr(0, 53));
  EXPECT_TRUE(go_on(parent + "00").traceparent.ends_with("-00"));
  EXPECT_TRUE(go_on(parent + "ff").traceparent.ends_with("-01"));
}

TEST(TraceContexts, BeginWhereNoneOrABrokenOneCame) {
  const auto fresh = go_on({}, "a=b");
  EXPECT_EQ(fresh.traceparent, "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01");
  EXPECT_TRUE(fresh.parent_span.empty());
  EXPECT_TRUE(fresh.tracestate.empty());  // of no use without its trace
  const std::string good(kParent);
  for (const std::string& bad : std::vector<std::string>{
           std::string(), good + "-x", good.substr(0, 54), "ff" + good.substr(2), "0x" + good.substr(2),
           "00-" + std::string(32, '0') + good.substr(35), good.substr(0, 36) + std::string(16, '0') + "-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", good.substr(0, 53) + "0g",
           good.substr(0, 35) + "_" + good.substr(36)}) {
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
    EXPECT_EQ(go_on(bad).traceparent, fresh.traceparent) << bad;
  }
}

TEST(TraceContexts, TakeOfALaterVersionWhatTheyKnow) {
  const std::string later = "01" + std::string(kParent.substr(2));
  EXPECT_EQ(parse_traceparent(later)->trace_id, kTrace);
  EXPECT_EQ(parse_traceparent(later + "-more")->to_string(), kParent);
  EXPECT_FALSE(parse_traceparent(later + "more"));
}

TEST(TraceContexts, DropATracestateThatIsNone) {
  for (const std::string& bad :
       {std::string("a"), std::string("=b"), std::string("A=b"), std::string("a=b=c"), std::string("a=\x01"),
        "a=" + std::string(600, 'b'), std::string(",")})
    EXPECT_FALSE(is_tracestate(bad)) << bad;
  EXPECT_TRUE(is_tracestate("a=b, tenant@vendor=c,,"));
  std::string many;
  for (int i = 0; i < 33; ++i) many += (i == 0 ? "k" : ",k") + std::to_string(i) + "=v";
  EXPECT_FALSE(is_tracestate(many));
}

TEST(Samplers, LetTheCallersDecisionStand) {
  const auto unsampled = parse_traceparent(std::string(kParent.substr(0, 53)) + "00");
  EXPECT_FALSE((Sampler{1, true}).samples(kTrace, unsampled));
  EXPECT_TRUE((Sampler{0, true}).samples(kTrace, parse_traceparent(kParent)));
  EXPECT_TRUE((Sampler{1, false}).samples(kTrace, unsampled));
  EXPECT_FALSE((Sampler{0, false}).samples(kTrace, parse_traceparent(kParent)));
}

TEST(Samplers, TakeTheirPartOfTheTracesThatBeginWhateverTheirFirstBytesAre) {
  const Sampler quarter{0.25, true};
  for (const std::string begin : {"0000000000000000a0", "ffffffffffffffffbf"}) {
    int sampled = 0;
    for (int i = 0; i < 256; ++i) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", i);
      sampled += quarter.samples(begin + digits + std::string(12, '7'), std::nullopt) ? 1 : 0;
    }
    EXPECT_EQ(sampled, 64) << begin;
  }
  EXPECT_FALSE((Sampler{0, true}).samples(std::string(31, '0') + "1", std::nullopt));
  EXPECT_TRUE((Sampler{1, true}).samples(std::string(32, 'f'), std::nullopt));
}

}  // namespace
}  // namespace switchyard::telemetry
