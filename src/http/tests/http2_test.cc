#include <gtest/gtest.h>

#include "switchyard/http/limits.h"
#include "tests/http2_wire.h"

namespace switchyard::http {
namespace {

using std::chrono::milliseconds;
using testing::Wire;

TEST(Http2, AnswersARequest) {
  ServerOptions options;
  options.default_headers = {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}};
  Wire wire(options);
  wire.handler = [](Request&& request, Responder responder) {
    EXPECT_EQ(request.method(), Method::kPost);
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query_value("c"), "d e");
    EXPECT_EQ(request.header("Host"), "peer.test");
    EXPECT_EQ(request.header("X-Thing"), "some thing");
    EXPECT_EQ(request.body(), "hello");
    EXPECT_EQ(request.remote_address(), "192.0.2.7");
    EXPECT_EQ(request.received_us(), 42);
    Response response = Response::json(201, "{}");
    response.headers = {{"Location", "/a"},
                        {"Cache-Control", "max-age=1"},
                        {"Connection", "close"},
                        {"Bad Name", "x"},
                        {"X-Split", "a\r\nb: c"}};
    responder.send(std::move(response));
  };
  const std::string body = "hello";
  const int32_t stream = wire.peer.request("POST", "/a/b?c=d+e", {{"x-thing", "some thing"}}, &body);
  wire.pump();
  const auto& reply = wire.peer.reply(stream);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "{}");
  EXPECT_TRUE(reply.ended);
  EXPECT_EQ(reply.error, 0u);
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_EQ(reply.header("content-length"), "2");
  EXPECT_EQ(reply.header("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(reply.header("location"), "/a");
  EXPECT_EQ(reply.header("cache-control"), "max-age=1");
  EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(reply.header("x-split"), "a  b: c");
  EXPECT_EQ(reply.header("connection"), "");
  EXPECT_EQ(reply.header("bad name"), "");
  EXPECT_EQ(wire.session.streams(), 0u);
}

TEST(Http2, AnswersComeInAnyOrder) {
  Wire wire;
  const int32_t first = wire.peer.request("GET", "/1");
  const int32_t second = wire.peer.request("GET", "/2");
  wire.pump();
  ASSERT_EQ(wire.waiting.size(), 2u);
  wire.waiting[1].responder.send(Response::text(200, "two"));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(second).body, "two");
  EXPECT_FALSE(wire.peer.reply(first).closed);
  wire.waiting[0].responder.send(Response::text(200, "one"));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(first).body, "one");
}

TEST(Http2, BodiesLargerThanEveryWindowPassWholeInBothDirections) {
  Wire wire;
  std::string up, down;
  for (int i = 0; i < 400'000; ++i) up += std::to_string(i);
  for (int i = 0; i < 700'000; ++i) down += std::to_string(i);
  wire.handler = [&](Request&& request, Responder responder) {
    EXPECT_TRUE(request.body() == up);
    responder.send(Response::text(200, down));
  };
  const int32_t stream = wire.peer.request("POST", "/", {}, &up);
  wire.pump();
  EXPECT_TRUE(wire.peer.reply(stream).body == down);
  EXPECT_TRUE(wire.peer.reply(stream).ended);
}

TEST(Http2, TrailersComeBehindTheBody) {
  Wire wire;
  wire.handler = [](Request&& request, Responder responder) {
    Response response{200, "application/grpc", {}, request.path() == "/empty" ? "" : "message"};
    response.trailers = {{"grpc-status", "0"}, {"Grpc-Message", "fine"}};
    responder.send(std::move(response));
  };
  for (const char* path : {"/", "/empty"}) {
    const int32_t stream = wire.peer.request("POST", path);
    wire.pump();
    const auto& reply = wire.peer.reply(stream);
    EXPECT_EQ(reply.body, path == std::string("/") ? "message" : "");
    EXPECT_EQ(reply.trailer("grpc-status"), "0");
    EXPECT_EQ(reply.trailer("grpc-message"), "fine");
    EXPECT_EQ(reply.header("content-length"), "");
    EXPECT_TRUE(reply.ended);
  }
}

TEST(Http2, AHeadHasNoBodyAndItsLength) {
  Wire wire;
  wire.handler = [](Request&&, Responder responder) { responder.send(Response::text(200, "12345")); };
  const int32_t stream = wire.peer.request("HEAD", "/");
  wire.pump();
  EXPECT_EQ(wire.peer.reply(stream).header("content-length"), "5");
  EXPECT_EQ(wire.peer.reply(stream).body, "");
  EXPECT_TRUE(wire.peer.reply(stream).ended);
}

TEST(Http2, AStreamedAnswerComesPieceByPiece) {
  Wire wire;
  const int32_t id = wire.peer.request("GET", "/");
  wire.pump();
  Response head{200, "text/event-stream", {}, "a"};
  head.trailers = {{"x-end", "yes"}};
  Stream stream = wire.waiting[0].responder.begin_stream(std::move(head));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).body, "a");
  EXPECT_TRUE(stream.write("b"));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).body, "ab");
  EXPECT_TRUE(stream.write("c"));
  EXPECT_TRUE(stream.write("d"));
  stream.end();
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).body, "abcd");
  EXPECT_EQ(wire.peer.reply(id).trailer("x-end"), "yes");
  EXPECT_TRUE(wire.peer.reply(id).ended);
}

TEST(Http2, ABrokenStreamIsResetAndNeverLooksWhole) {
  Wire wire;
  const int32_t id = wire.peer.request("GET", "/");
  const int32_t other = wire.peer.request("GET", "/");
  wire.pump();
  {
    Stream stream = wire.waiting[0].responder.begin_stream({200, "text/plain", {}, "half"});
    wire.pump();
  }
  wire.pump();
  EXPECT_FALSE(wire.peer.reply(id).ended);
  EXPECT_EQ(wire.peer.reply(id).error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
  wire.waiting[1].responder.send(Response::text(200, "fine"));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(other).body, "fine");
}

TEST(Http2, AClientThatDoesNotReadIsCutOffAtTheBacklog) {
  Wire wire({}, 65'535, false);
  const int32_t id = wire.peer.request("GET", "/");
  wire.pump();
  Stream stream = wire.waiting[0].responder.begin_stream({200, "text/plain", {}, {}});
  size_t taken = 0;
  while (taken < 3 * kMaxStreamBacklogBytes && stream.write(std::string(64'000, 'x'))) {
    taken += 64'000;
    wire.pump();
  }
  EXPECT_GT(taken, kMaxStreamBacklogBytes / 2);
  EXPECT_LT(taken, kMaxStreamBacklogBytes + 256'000);
  wire.pump();
  EXPECT_TRUE(wire.peer.reply(id).closed);
  EXPECT_FALSE(wire.peer.reply(id).ended);
  EXPECT_FALSE(stream.is_connected());
}

TEST(Http2, AnAnswerThatNobodyTakesIsResetInTime) {
  ServerOptions options;
  options.write_timeout_ms = 1000;
  Wire wire(options, 65'535, false);
  wire.handler = [](Request&&, Responder responder) {
    responder.send(Response::text(200, std::string(200'000, 'x')));
  };
  const int32_t id = wire.peer.request("GET", "/");
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).body.size(), 65'535u);
  wire.now += milliseconds(900);
  wire.session.check_deadlines(wire.now);
  wire.pump();
  EXPECT_FALSE(wire.peer.reply(id).closed);
  wire.now += milliseconds(200);
  wire.session.check_deadlines(wire.now);
  wire.pump();
  EXPECT_TRUE(wire.peer.reply(id).closed);
  EXPECT_EQ(wire.timeouts, 1);
  EXPECT_EQ(wire.session.streams(), 0u);
}

TEST(Http2, ARequestThatDoesNotComeIsRefusedInTime) {
  ServerOptions options;
  options.request_read_timeout_ms = 1000;
  Wire wire(options);
  const std::string body = "half";
  const int32_t id = wire.peer.request("POST", "/", {}, &body, false);
  wire.pump();
  wire.now += milliseconds(1100);
  wire.session.check_deadlines(wire.now);
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).status, 408);
  EXPECT_EQ(wire.dispatched, 0);
  EXPECT_EQ(wire.session.streams(), 0u);
}

TEST(Http2, LimitsAreAnsweredWithWhatWasExceeded) {
  ServerOptions options;
  options.max_header_bytes = 4096;
  options.max_body_bytes = 100'000;
  Wire wire(options);
  const int32_t large = wire.peer.request("GET", "/", {{"x-large", std::string(5000, 'x')}});
  std::vector<Header> many;
  for (size_t i = 0; i <= kMaxHeaderFields; ++i) many.push_back({"x", ""});
  const int32_t fields = wire.peer.request("GET", "/", many);
  const std::string body(100'001, 'x');
  const int32_t long_body = wire.peer.request("POST", "/", {}, &body);
  const std::string unending(150'000, 'x');
  const int32_t endless = wire.peer.request("POST", "/", {}, &unending, false);
  const int32_t no_path = wire.peer.request("GET", "nowhere");
  const int32_t bad_escape = wire.peer.request("GET", "/?a=%zz");
  wire.pump();
  EXPECT_EQ(wire.peer.reply(large).status, 431);
  EXPECT_NE(wire.peer.reply(large).body.find("max_header_bytes"), std::string::npos);
  EXPECT_EQ(wire.peer.reply(fields).status, 431);
  EXPECT_EQ(wire.peer.reply(long_body).status, 413);
  EXPECT_NE(wire.peer.reply(long_body).body.find("max_body_bytes"), std::string::npos);
  EXPECT_EQ(wire.peer.reply(endless).status, 413);
  EXPECT_EQ(wire.peer.reply(endless).error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_TRUE(wire.peer.reply(endless).closed);
  EXPECT_NE(wire.peer.reply(no_path).status, 200);
  EXPECT_EQ(wire.peer.reply(bad_escape).status, 400);
  EXPECT_EQ(wire.dispatched, 0);
  EXPECT_EQ(wire.session.streams(), 0u);
  EXPECT_TRUE(wire.alive);
}

TEST(Http2, BodiesThatComeTogetherAreBoundedTogether) {
  ServerOptions options;
  options.max_body_bytes = 100'000;
  Wire wire(options);
  const std::string body(90'000, 'x');
  std::vector<int32_t> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(wire.peer.request("POST", "/", {}, &body, false));
  wire.pump();
  int refused = 0;
  for (const int32_t id : streams) refused += wire.peer.reply(id).status == 503;
  EXPECT_EQ(refused, 2);
}

TEST(Http2, ExpectContinueIsToldToGoOn) {
  Wire wire;
  wire.handler = [](Request&&, Responder responder) { responder.send(Response::text(200, "ok")); };
  const std::string body = "x";
  const int32_t id = wire.peer.request("POST", "/", {{"expect", "100-continue"}}, &body);
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).informational, std::vector<int>{100});
  EXPECT_EQ(wire.peer.reply(id).status, 200);
}

TEST(Http2, MoreStreamsThanAllowedAreRefusedAndMayBeTriedAgain) {
  ServerOptions options;
  options.max_concurrent_streams = 3;
  Wire wire(options);
  wire.pump();
  std::vector<int32_t> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(wire.peer.request("GET", "/"));
  wire.pump();
  // The client heeds the setting; once there is room, the others follow.
  EXPECT_EQ(wire.dispatched, 3);
  for (auto& each : wire.waiting) each.responder.send(Response::no_content());
  wire.pump();
  EXPECT_EQ(wire.dispatched, 5);
}

TEST(Http2, AResetStreamCountsUntilItsRequestIsAnswered) {
  ServerOptions options;
  options.max_concurrent_streams = 3;
  Wire wire(options);
  wire.pump();
  int gone = 0;
  for (int i = 0; i < 50; ++i) {
    const int32_t id = wire.peer.request("GET", "/");
    wire.pump();
    if (!wire.waiting.empty() && wire.waiting.size() <= 3 && static_cast<int>(wire.waiting.size()) == i + 1) {
      EXPECT_TRUE(wire.waiting.back().responder.is_connected());
      wire.waiting.back().responder.on_disconnect([&] { ++gone; });
      wire.pump();
    }
    nghttp2_submit_rst_stream(wire.peer.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    wire.pump();
  }
  EXPECT_EQ(wire.dispatched, 3);
  EXPECT_EQ(gone, 3);
  EXPECT_FALSE(wire.waiting[0].responder.is_connected());
  for (auto& each : wire.waiting) each.responder.send(Response::text(200, "late"));
  wire.pump();
  EXPECT_EQ(wire.session.streams(), 0u);
  const int32_t next = wire.peer.request("GET", "/");
  wire.handler = [](Request&&, Responder responder) { responder.send(Response::text(200, "now")); };
  wire.pump();
  EXPECT_EQ(wire.peer.reply(next).body, "now");
}

TEST(Http2, RapidResetsEndTheConnection) {
  Wire wire;
  wire.handler = [](Request&&, Responder responder) { responder.send(Response::no_content()); };
  int rounds = 0;
  while (wire.alive && rounds < 100'000) {
    ++rounds;
    const int32_t id = wire.peer.request("GET", "/");
    std::string bytes = wire.peer.output();
    nghttp2_submit_rst_stream(wire.peer.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    bytes += wire.peer.output();
    wire.alive = wire.session.receive(bytes, wire.now);
  }
  EXPECT_LE(rounds, static_cast<int>(kHttp2FrameBurst) + 1);
  wire.pump();
  EXPECT_TRUE(wire.peer.goaway());
  EXPECT_EQ(wire.peer.goaway_error(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(wire.session.is_over());
}

TEST(Http2, PingsAreAnsweredAndFloodsOfThemEndTheConnection) {
  Wire wire;
  wire.pump();
  int sent = 0;
  // Slowly: as long as one likes.
  for (; sent < 5'000; ++sent) {
    wire.now += milliseconds(20);
    nghttp2_submit_ping(wire.peer.session(), NGHTTP2_FLAG_NONE, nullptr);
    wire.pump();
    ASSERT_TRUE(wire.alive);
  }
  for (sent = 0; wire.alive && sent < 100'000; ++sent) {
    nghttp2_submit_ping(wire.peer.session(), NGHTTP2_FLAG_NONE, nullptr);
    wire.pump();
  }
  EXPECT_LE(sent, static_cast<int>(kHttp2FrameBurst) + 1);
  EXPECT_EQ(wire.peer.goaway_error(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
}

TEST(Http2, SettingsFloodsEndTheConnection) {
  Wire wire;
  wire.pump();
  int sent = 0;
  for (; wire.alive && sent < 100'000; ++sent) {
    nghttp2_submit_settings(wire.peer.session(), NGHTTP2_FLAG_NONE, nullptr, 0);
    const std::string bytes = wire.peer.output();
    wire.alive = wire.session.receive(bytes, wire.now);
  }
  EXPECT_LE(sent, static_cast<int>(kHttp2FrameBurst) + 1);
}

TEST(Http2, ADrainFinishesWhatHasBegun) {
  Wire wire;
  const int32_t id = wire.peer.request("GET", "/");
  wire.pump();
  wire.session.begin_drain();
  wire.pump();
  EXPECT_TRUE(wire.peer.goaway());
  EXPECT_EQ(wire.peer.goaway_error(), 0u);
  EXPECT_FALSE(wire.session.is_over());
  wire.waiting[0].responder.send(Response::text(200, "last"));
  wire.pump();
  EXPECT_EQ(wire.peer.reply(id).body, "last");
  EXPECT_TRUE(wire.session.is_over());
}

TEST(Http2, WhatIsNoHttp2EndsAtOnce) {
  Wire wire;
  EXPECT_FALSE(wire.session.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n", wire.now));
  EXPECT_EQ(wire.dispatched, 0);
}

TEST(Http2, AnAnswerMayOutliveItsSession) {
  Responder late;
  int gone = 0;
  {
    Wire wire;
    wire.peer.request("GET", "/");
    wire.pump();
    late = std::move(wire.waiting[0].responder);
    late.on_disconnect([&] { ++gone; });
    wire.pump();
  }
  EXPECT_EQ(gone, 1);
  EXPECT_FALSE(late.is_connected());
  late.send(Response::no_content());
}

}  // namespace
}  // namespace switchyard::http
