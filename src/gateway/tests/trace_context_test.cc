#include "switchyard/gateway/trace_context.h"

#include <gtest/gtest.h>

namespace switchyard::gateway {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContexts, GoOnWithTheCallersTraceUnderASpanOfTheirOwn) {
  const auto context =
      continue_trace(kParent, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", runtime::system_random());
  EXPECT_EQ(context.trace_id(), kParent.substr(3, 32));
  EXPECT_EQ(context.parent_span, "b7ad6b7169203331");
  EXPECT_NE(context.span_id(), context.parent_span);
  EXPECT_TRUE(is_traceparent(context.traceparent));
  EXPECT_TRUE(context.is_sampled());
  EXPECT_EQ(context.tracestate, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
}

TEST(TraceContexts, KeepWhetherTheCallerSamplesAndNoFlagTheyDoNotKnow) {
  const std::string parent(kParent.substr(0, 53));
  EXPECT_FALSE(continue_trace(parent + "00", {}, runtime::system_random()).is_sampled());
  const auto context = continue_trace(parent + "ff", {}, runtime::system_random());
  EXPECT_TRUE(context.traceparent.ends_with("-01"));
}

TEST(TraceContexts, BeginWhereNoneOrABrokenOneCame) {
  const auto fresh = continue_trace({}, "a=b", runtime::system_random());
  EXPECT_TRUE(is_traceparent(fresh.traceparent));
  EXPECT_TRUE(fresh.parent_span.empty());
  EXPECT_TRUE(fresh.tracestate.empty());  // of no use without its trace
  const std::string good(kParent);
  for (const std::string& bad : std::vector<std::string>{
           std::string(), good + "-x", good.substr(0, 54), "ff" + good.substr(2), "0x" + good.substr(2),
           "00-" + std::string(32, '0') + good.substr(35), good.substr(0, 36) + std::string(16, '0') + "-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", good.substr(0, 53) + "0g",
           good.substr(0, 35) + "_" + good.substr(36)}) {
    EXPECT_FALSE(is_traceparent(bad)) << bad;
    EXPECT_NE(continue_trace(bad, {}, runtime::system_random()).trace_id(), kParent.substr(3, 32)) << bad;
  }
}

TEST(TraceContexts, TakeOfALaterVersionWhatTheyKnow) {
  const std::string later = "01" + std::string(kParent.substr(2));
  EXPECT_TRUE(is_traceparent(later));
  EXPECT_TRUE(is_traceparent(later + "-more"));
  EXPECT_FALSE(is_traceparent(later + "more"));
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

}  // namespace
}  // namespace switchyard::gateway
