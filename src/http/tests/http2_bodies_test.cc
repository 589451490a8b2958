// Bodies that are handed on while they come.
#include <gtest/gtest.h>

#include <algorithm>

#include "switchyard/http/limits.h"
#include "tests/http2_wire.h"

namespace switchyard::http {
namespace {

using std::chrono::milliseconds;
using testing::Wire;
using Then = BodyPiece::Then;

ServerOptions streams(std::string path = "/talk") {
  ServerOptions options;
  options.streamed_paths = {std::move(path)};
  return options;
}

/// A streamed call that has been dispatched.
struct Talk {
  explicit Talk(Wire& given, std::string first = "", bool end = false) : wire(given) {
    id = wire.peer.request("POST", "/talk", {}, &first, end);
    wire.pump();
    request = std::move(wire.waiting.back().request);
    responder = std::move(wire.waiting.back().responder);
    wire.waiting.pop_back();
  }
  void read(BodyStream::TimePoint until = BodyStream::TimePoint::max()) {
    request.body_stream()->read([this](BodyPiece piece) { pieces.push_back(std::move(piece)); }, until);
    wire.pump();
  }
  /// Reads until nothing more is there, or the end.
  std::string read_all() {
    std::string all;
    while (true) {
      const size_t before = pieces.size();
      read();
      if (pieces.size() == before) return all;
      all += pieces.back().data;
      if (pieces.back().then != Then::kMore) return all;
    }
  }
  testing::Http2Peer::Reply& reply() { return wire.peer.reply(id); }

  Wire& wire;
  int32_t id = 0;
  Request request;
  Responder responder;
  std::vector<BodyPiece> pieces;
};

TEST(Http2Bodies, AreAnsweredWhileTheyCome) {
  Wire wire(streams());
  Talk talk(wire, "one");
  EXPECT_EQ(talk.request.body(), "");
  talk.read();
  ASSERT_EQ(talk.pieces.size(), 1u);
  EXPECT_EQ(talk.pieces[0].data, "one");
  EXPECT_EQ(talk.pieces[0].then, Then::kMore);
  Stream answers = talk.responder.begin_stream({200, "text/plain", {}, {}});
  answers.write("1");
  wire.pump();
  EXPECT_EQ(talk.reply().body, "1");
  talk.read();
  EXPECT_EQ(talk.pieces.size(), 1u);  // nothing has come
  wire.peer.send(talk.id, "two");
  wire.pump();
  EXPECT_EQ(talk.pieces.at(1).data, "two");
  wire.peer.send(talk.id, "", true);
  talk.read();
  EXPECT_EQ(talk.pieces.at(2).data, "");
  EXPECT_EQ(talk.pieces[2].then, Then::kEnd);
  answers.write("2");
  answers.end({{"grpc-status", "0"}});
  wire.pump();
  EXPECT_EQ(talk.reply().body, "12");
  EXPECT_EQ(talk.reply().trailer("grpc-status"), "0");
  EXPECT_TRUE(talk.reply().ended);
  EXPECT_EQ(talk.reply().error, 0u);
  EXPECT_EQ(wire.session.streams(), 0u);
}

TEST(Http2Bodies, OfOtherPathsComeWhole) {
  Wire wire(streams());
  const std::string body = "half";
  for (const char* path : {"/", "/talk/", "/talk?more"}) {
    const int32_t id = wire.peer.request("POST", path, {}, &body, false);
    wire.pump();
    EXPECT_EQ(wire.waiting.size(), 0u) << path;
    wire.peer.send(id, " whole", true);
    wire.pump();
    ASSERT_EQ(wire.waiting.size(), 1u) << path;
    EXPECT_EQ(wire.waiting[0].request.body(), "half whole");
    EXPECT_EQ(wire.waiting[0].request.body_stream(), nullptr);
    wire.waiting[0].responder.send(Response::no_content());
    wire.waiting.clear();
  }
}

TEST(Http2Bodies, EndWithTheirHead) {
  Wire wire(streams());
  wire.peer.request("POST", "/talk");
  wire.pump();
  ASSERT_EQ(wire.waiting.size(), 1u);
  std::vector<Then> ends;
  wire.waiting[0].request.body_stream()->read([&](BodyPiece piece) { ends.push_back(piece.then); });
  wire.pump();
  EXPECT_EQ(ends, std::vector<Then>{Then::kEnd});
}

TEST(Http2Bodies, ThatNobodyReadsHoldTheirClientBackAndNobodyElse) {
  Wire wire(streams());
  std::string sent;
  for (int i = 0; sent.size() < 3'000'000; ++i) sent += std::to_string(i) + ",";
  Talk talk(wire, sent, true);
  EXPECT_EQ(sent.size() - wire.peer.unsent(talk.id), static_cast<size_t>(kHttp2StreamWindowBytes));
  const std::string other(3'000'000, 'x');
  wire.handler = [&](Request&& request, Responder responder) {
    EXPECT_TRUE(request.body() == other);
    responder.send(Response::text(200, "passed"));
  };
  const int32_t ordinary = wire.peer.request("POST", "/", {}, &other);
  wire.pump();
  EXPECT_EQ(wire.peer.reply(ordinary).body, "passed");
  EXPECT_EQ(sent.size() - wire.peer.unsent(talk.id), static_cast<size_t>(kHttp2StreamWindowBytes));
  EXPECT_TRUE(talk.read_all() == sent);
  EXPECT_EQ(wire.peer.unsent(talk.id), 0u);
}

TEST(Http2Bodies, ThatNobodyReadsAreBoundedTogether) {
  Wire wire(streams());
  const std::string body(static_cast<size_t>(kHttp2StreamWindowBytes), 'x');
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 20; ++i) talks.push_back(std::make_unique<Talk>(wire, body, true));
  const auto unsent = [&] {
    size_t bytes = 0;
    for (const auto& talk : talks) bytes += wire.peer.unsent(talk->id);
    return bytes;
  };
  EXPECT_GE(unsent(),
            20 * body.size() - kHttp2UnreadBytes - static_cast<size_t>(kHttp2ConnectionWindowBytes));
  EXPECT_GT(unsent(), 0u);
  // One that is given up makes room as one that is read.
  nghttp2_submit_rst_stream(wire.peer.session(), NGHTTP2_FLAG_NONE, talks[0]->id, NGHTTP2_CANCEL);
  talks.erase(talks.begin());
  for (auto& talk : talks) EXPECT_EQ(talk->read_all().size(), body.size());
  EXPECT_EQ(unsent(), 0u);
}

TEST(Http2Bodies, AResetIsToldOnceAndEndsReadingAndWriting) {
  Wire wire(streams());
  Talk talk(wire, "one");
  int gone = 0, posted = 0, taken = 0;
  talk.responder.on_disconnect([&] { ++gone; });
  EXPECT_EQ(talk.read_all(), "one");  // and waits for more
  Stream answers = talk.responder.begin_stream({200, "text/plain", {}, {}});
  wire.pump();
  nghttp2_submit_rst_stream(wire.peer.session(), NGHTTP2_FLAG_NONE, talk.id, NGHTTP2_CANCEL);
  wire.pump();
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(talk.pieces.size(), 1u);
  EXPECT_FALSE(answers.is_connected());
  EXPECT_FALSE(answers.write("late", [&] { ++taken; }));
  talk.read();
  talk.request.body_stream()->post([&] { ++posted; });
  wire.pump();
  EXPECT_EQ(talk.pieces.size(), 1u);
  EXPECT_EQ(posted + taken, 0);
  EXPECT_EQ(wire.session.streams(), 1u);  // counts until its handler lets go
  answers = {};
  wire.pump();
  EXPECT_EQ(wire.session.streams(), 0u);
}

TEST(Http2Bodies, WhoHeldTheReaderIsReleasedWithTheStream) {
  Wire wire(streams());
  const auto held = std::make_shared<int>(0);
  for (const bool by_client : {true, false}) {
    Talk talk(wire);
    talk.request.body_stream()->read([held](BodyPiece) {});
    talk.responder.begin_stream({200, "text/plain", {}, {}}).write(std::string(200'000, 'x'), [held] {});
    EXPECT_GT(held.use_count(), 1);
    if (by_client) nghttp2_submit_rst_stream(wire.peer.session(), NGHTTP2_FLAG_NONE, talk.id, NGHTTP2_CANCEL);
    wire.pump();
    EXPECT_EQ(held.use_count(), 1);
  }
}

TEST(Http2Bodies, AnAnswerThatEndsFirstStopsTheClient) {
  Wire wire(streams());
  for (const bool streamed : {false, true}) {
    Talk talk(wire, "one");
    if (streamed)
      talk.responder.begin_stream({200, "text/plain", {}, "enough"}).end({{"x-end", "yes"}});
    else
      talk.responder.send(Response::text(403, "enough"));
    wire.pump();
    EXPECT_EQ(talk.reply().body, "enough");
    EXPECT_TRUE(talk.reply().ended);
    EXPECT_TRUE(talk.reply().closed);
    EXPECT_EQ(talk.reply().error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
    EXPECT_EQ(wire.session.streams(), 0u);
  }
}

TEST(Http2Bodies, TheWriterIsToldWhenTheClientHasTakenAnAnswer) {
  Wire wire(streams(), 65'535, false);
  Talk talk(wire);
  Stream answers = talk.responder.begin_stream({200, "text/plain", {}, {}});
  std::vector<int> taken;
  answers.write("short", [&] { taken.push_back(1); });
  // Larger than what may pile up of an answer whose writer does not wait.
  const size_t large = kMaxStreamBacklogBytes + 1'000'000;
  EXPECT_TRUE(answers.write(std::string(large, 'x'), [&] { taken.push_back(2); }));
  EXPECT_TRUE(answers.write("last", [&] { taken.push_back(3); }));
  wire.pump();
  EXPECT_EQ(taken, std::vector<int>{1});
  EXPECT_EQ(talk.reply().body.size(), 65'535u);
  const auto take = [&](int32_t bytes) {
    for (const int32_t id : {0, talk.id})
      nghttp2_submit_window_update(wire.peer.session(), NGHTTP2_FLAG_NONE, id, bytes);
    wire.pump();
  };
  take(static_cast<int32_t>(large) + 5 - 65'535);
  EXPECT_EQ(taken, (std::vector<int>{1, 2}));
  take(4);
  EXPECT_EQ(taken, (std::vector<int>{1, 2, 3}));
  answers.end();
  take(1);
  EXPECT_TRUE(talk.reply().ended);
}

TEST(Http2Bodies, WhoIsToldMayWriteOn) {
  Wire wire(streams());
  Talk talk(wire);
  Stream answers = talk.responder.begin_stream({200, "text/plain", {}, {}});
  int left = 50;
  std::function<void()> next = [&] {
    if (left-- > 0)
      answers.write(std::string(10'000, 'x'), next);
    else
      answers.end();
  };
  next();
  wire.pump();
  EXPECT_EQ(talk.reply().body.size(), 500'000u);
  EXPECT_TRUE(talk.reply().ended);
}

TEST(Http2Bodies, MayTakeTheirTime) {
  ServerOptions options = streams();
  options.request_read_timeout_ms = 1000;
  Wire wire(options);
  Talk talk(wire, "one");
  talk.read();
  wire.now += milliseconds(10'000);
  wire.session.check_deadlines(wire.now);
  wire.pump();
  EXPECT_FALSE(talk.reply().closed);
  EXPECT_EQ(wire.timeouts, 0);
}

TEST(Http2Bodies, AReaderIsToldWhenItsTimeIsOver) {
  Wire wire(streams());
  Talk talk(wire);
  talk.read(wire.now + milliseconds(1000));
  for (const int passed : {900, 200}) {
    EXPECT_EQ(talk.pieces.size(), 0u);
    wire.now += milliseconds(passed);
    wire.session.check_deadlines(wire.now);
  }
  ASSERT_EQ(talk.pieces.size(), 1u);
  EXPECT_EQ(talk.pieces[0].then, Then::kLate);
  talk.responder.send(Response::no_content());
}

TEST(Http2Bodies, ADrainIsToldBehindWhatHasCome) {
  Wire wire(streams());
  Talk waits(wire), has(wire, "one");
  waits.read();
  wire.session.begin_drain();
  wire.pump();
  EXPECT_TRUE(wire.peer.goaway());
  ASSERT_EQ(waits.pieces.size(), 1u);
  EXPECT_EQ(waits.pieces[0].then, Then::kStopping);
  has.read();
  EXPECT_EQ(has.pieces.at(0).data, "one");
  EXPECT_EQ(has.pieces[0].then, Then::kStopping);
  EXPECT_FALSE(wire.session.is_over());
  for (Talk* talk : {&waits, &has}) {
    talk->responder.begin_stream({200, "text/plain", {}, "last"}).end();
    wire.pump();
    EXPECT_EQ(talk->reply().body, "last");
    EXPECT_TRUE(talk->reply().ended);
  }
  EXPECT_TRUE(wire.session.is_over());
}

}  // namespace
}  // namespace switchyard::http
