#include "../surfaces/grpc.h"

#include <gtest/gtest.h>

#include "../error_answer.h"
#include "switchyard/http/grpc.h"

namespace switchyard::gateway::surfaces {
namespace {

http::Request call(std::string body, std::vector<http::Header> headers) {
  headers.push_back({"Content-Type", "application/grpc"});
  return http::Request::make(http::Method::kPost, "/inference.GRPCInferenceService/ModelInfer", headers,
                             std::move(body))
      .value();
}

std::string field(const http::Response& response, std::string_view name) {
  for (const auto& header : response.headers)
    if (header.name == name) return header.value;
  return {};
}

TEST(GrpcCalls, ACompressedQuestionHasACompressedAnswer) {
  const std::string message(1000, 'x');
  const http::Request packed = call(http::grpc::frame(message, true),
                                    {{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity,gzip"}});
  std::string unpacked;
  EXPECT_EQ(grpc_message(packed, 1000, unpacked).value(), message);
  EXPECT_EQ(grpc_message(packed, 999, unpacked).error().kind, ErrorKind::kTooLarge);
  const http::Response answer = grpc_answer(packed, message);
  EXPECT_EQ(field(answer, "grpc-encoding"), "gzip");
  EXPECT_EQ(field(answer, "grpc-accept-encoding"), "identity,gzip");
  EXPECT_LT(answer.body.size(), 100u);

  const http::Request plain =
      call(http::grpc::frame(message, false), {{"grpc-accept-encoding", "identity,deflate,gzip"}});
  EXPECT_EQ(grpc_message(plain, 1000, unpacked).value(), message);
  EXPECT_EQ(grpc_answer(plain, message).body, http::grpc::frame(message, false));
  const http::Request one_way = call(http::grpc::frame(message, true), {{"grpc-encoding", "gzip"}});
  EXPECT_EQ(grpc_answer(one_way, message).body, http::grpc::frame(message, false));
}

TEST(GrpcCalls, AnotherCodingIsUnimplementedAndTheKnownOnesAreNamed) {
  std::string body = http::grpc::frame("abc", false);
  body[0] = 1;
  std::string unpacked;
  const auto refused = grpc_message(call(body, {{"grpc-encoding", "deflate"}}), 1000, unpacked);
  ASSERT_FALSE(refused.ok());
  const http::Response answer = grpc_error(refused.error());
  EXPECT_EQ(field(answer, "grpc-status"), "12");
  EXPECT_EQ(field(answer, "grpc-accept-encoding"), "identity,gzip");
}

TEST(GrpcCalls, AStatusSaysHowLongToWaitWhereHttpHasRetryAfter) {
  const auto pushback = [](ErrorKind kind) {
    return field(grpc_error(make_error(kind, "x", "why")), kGrpcPushback);
  };
  EXPECT_EQ(pushback(ErrorKind::kUnavailable), "1000");
  EXPECT_EQ(pushback(ErrorKind::kResourceExhausted), "1000");
  EXPECT_EQ(pushback(ErrorKind::kNoSpace), "10000");
  EXPECT_EQ(pushback(ErrorKind::kTooLarge), "");
  EXPECT_EQ(pushback(ErrorKind::kInvalidArgument), "");
}

TEST(GrpcCalls, OneThatIsOfNoUseAgainIsNotTriedAgain) {
  http::Response refusal = grpc_error(make_error(ErrorKind::kUnavailable, "router.exhausted", "why"));
  tell_retry_after(refusal, 1'500);
  EXPECT_EQ(field(refusal, kGrpcPushback), "2");
  tell_should_retry(refusal, true);
  EXPECT_EQ(field(refusal, kGrpcPushback), "2");
  tell_should_retry(refusal, false);
  EXPECT_EQ(field(refusal, kGrpcPushback), "-1");
}

}  // namespace
}  // namespace switchyard::gateway::surfaces
