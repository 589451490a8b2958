#include "switchyard/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "raw_socket.h"
#include "switchyard/http/problem.h"

namespace switchyard::http {
namespace {

using testing::RawAnswer;
using testing::RawSocket;

/// Says what it got: method, target, body.
void echo(Request&& request, Responder responder) {
  std::string text = std::string(request.method_text()) + " " + std::string(request.target()) + "\n";
  text += request.body();
  responder.send(Response::text(200, text));
}

class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = {})
      : server(std::move(options), std::move(handler)) {
    server.start().value();
  }
  ~TestServer() { server.stop(); }
  Server server;
  uint16_t port() const { return server.port(); }
};

/// Holds requests back until the test lets other threads answer them.
class Held {
 public:
  Handler handler() {
    return [this](Request&& request, Responder responder) {
      std::lock_guard lock(mutex_);
      waiting_.emplace_back(std::move(request), std::move(responder));
      changed_.notify_all();
    };
  }
  std::pair<Request, Responder> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    auto front = std::move(waiting_.front());
    waiting_.pop_front();
    return front;
  }
  size_t size() {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Request, Responder>> waiting_;
};

/// Waits (at most 10 s) for something another thread will bring about.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
  TestServer server(echo);
  RawSocket client(server.port());
  for (int i = 0; i < 50; ++i) {
    client.send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const RawAnswer answer = client.read_answer();
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /" + std::to_string(i) + "\n");
    EXPECT_FALSE(answer.header("Date").empty());
    EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  }
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
  EXPECT_EQ(server.server.stats().requests, 50u);
}

TEST(Server, TakesARequestThatComesByteByByte) {
  TestServer server(echo);
  RawSocket client(server.port());
  for (const char c : std::string_view("POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")) {
    client.send({&c, 1});
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  EXPECT_EQ(client.read_answer().body, "POST /a?b=c\nhello");
}

TEST(Server, AnswersPipelinedRequestsInTheirOrderWhateverTheOrderOfTheAnswers) {
  Held held;
  TestServer server(held.handler());
  RawSocket client(server.port());
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  std::vector<std::pair<Request, Responder>> all;
  for (int i = 0; i < 10; ++i) all.push_back(held.take());
  for (size_t i = all.size(); i-- > 0;)
    all[i].second.send(Response::text(200, std::string(all[i].first.path())));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.read_answer().body, "/" + std::to_string(i));
}

TEST(Server, AnswersAllOfMorePipelinedRequestsThanItHoldsAtOnce) {
  ServerOptions options;
  options.max_pipelined = 4;
  const std::string large(50'000, 'x');  // 600 of them exceed what may wait unsent
  TestServer server(
      [&](Request&& request, Responder responder) {
        responder.send(Response::text(200, std::string(request.path()) + large));
      },
      options);
  RawSocket client(server.port());
  std::string requests;
  for (int i = 0; i < 600; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  std::thread sender([&] { client.send(requests); });
  for (int i = 0; i < 600; ++i) {
    const RawAnswer answer = client.read_answer();
    ASSERT_TRUE(answer.whole) << i;
    ASSERT_EQ(answer.body, "/" + std::to_string(i) + large);
  }
  sender.join();
}

TEST(Server, HoldsNoMoreUnansweredRequestsThanMaxPipelined) {
  Held held;
  ServerOptions options;
  options.max_pipelined = 3;
  TestServer server(held.handler(), options);
  RawSocket client(server.port());
  std::string requests;
  for (int i = 0; i < 8; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  ASSERT_TRUE(eventually([&] { return held.size() == 3; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(held.size(), 3u);
  for (int i = 0; i < 8; ++i) {
    auto [request, responder] = held.take();
    responder.send(Response::text(200, std::string(request.path())));
    EXPECT_EQ(client.read_answer().body, "/" + std::to_string(i));
  }
}

TEST(Server, TakesChunkedBodiesAndWhatFollowsThem) {
  TestServer server(echo);
  RawSocket client(server.port());
  client.send(
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;note=\"x\"\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
      "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "POST /a\nhello world");
  EXPECT_EQ(client.read_answer().body, "GET /next\n");
}

TEST(Server, TakesLargeBodiesWholeAndGivesLargeAnswersWhole) {
  TestServer server(echo);
  RawSocket client(server.port());
  std::string body(3'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 % 251);
  client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  std::thread sender([&] { client.send(body); });
  const RawAnswer answer = client.read_answer();
  sender.join();
  ASSERT_EQ(answer.body.size(), body.size() + 10);
  EXPECT_TRUE(answer.body == "POST /big\n" + body);
}

TEST(Server, SaysContinueOnlyWhenTheBodyIsWanted) {
  TestServer server(echo);
  RawSocket client(server.port());
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 100);
  client.send("ok");
  EXPECT_EQ(client.read_answer().body, "POST /a\nok");
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST(Server, SaysContinueAfterTheAnswersOfEarlierRequests) {
  Held held;
  TestServer server(held.handler());
  RawSocket client(server.port());
  client.send(
      "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  held.take().second.send(Response::text(200, "first"));
  EXPECT_EQ(client.read_answer().body, "first");
  EXPECT_EQ(client.read_answer().status, 100);
  client.send("ok");
  held.take().second.send(Response::text(200, "second"));
  EXPECT_EQ(client.read_answer().body, "second");
}

TEST(Server, AnswersHeadWithTheLengthButWithoutTheBody) {
  TestServer server(echo);
  RawSocket client(server.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawAnswer head = client.read_answer(true);
  EXPECT_EQ(head.header("Content-Length"), "8");
  EXPECT_EQ(client.read_answer().body, "GET /b\n");
}

TEST(Server, ClosesWhenTheClientAsksForItAndForHttp10) {
  TestServer server(echo);
  RawSocket client(server.port());
  client.send(
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /ignored HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string all = client.read_to_end();
  EXPECT_NE(all.find("Connection: close\r\n"), all.npos);
  EXPECT_EQ(all.find("ignored"), all.npos);
  RawSocket old(server.port());
  old.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_NE(old.read_to_end().find("GET /a"), std::string::npos);
  RawSocket kept(server.port());
  kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.read_answer().header("Connection"), "keep-alive");
  kept.send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_EQ(kept.read_answer().body, "GET /b\n");
}

TEST(Server, GivesHandlersTheDecodedPartsOfARequest) {
  TestServer server([](Request&& request, Responder responder) {
    EXPECT_EQ(request.method(), Method::kGet);
    EXPECT_EQ(request.path(), "/a%20b");
    EXPECT_EQ(request.query_value("x"), "1 2");
    EXPECT_EQ(request.query_value("y"), "a+b&c");
    EXPECT_EQ(request.query_value("z"), "");
    EXPECT_EQ(request.query_value("none"), std::nullopt);
    EXPECT_EQ(request.header("x-thing"), "some value");
    EXPECT_EQ(request.header("X-None"), std::nullopt);
    EXPECT_EQ(request.remote_address(), "127.0.0.1");
    EXPECT_GT(request.received_us(), 1'600'000'000'000'000);
    const Request moved = std::move(request);
    EXPECT_EQ(moved.header("X-THING"), "some value");
    responder.send(Response::no_content());
  });
  RawSocket client(server.port());
  client.send("GET /a%20b?x=1+2&y=a%2Bb%26c&&z HTTP/1.1\r\nHost: a\r\nX-Thing: \t some value  \r\n\r\n");
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Content-Length"), "");
}

TEST(Server, AnswersOnceFromAnyThreadUnderLoad) {
  Held held;
  ServerOptions options;
  options.threads = 2;
  TestServer server(held.handler(), options);
  constexpr int kClients = 8, kRequests = 200;
  std::vector<std::thread> clients, answerers;
  for (int t = 0; t < 3; ++t)
    answerers.emplace_back([&held, t] {
      while (true) {
        auto [request, responder] = held.take();
        if (request.path() == "/stop") return responder.send(Response::text(200, "stopped"));
        AnswerBatch batch;
        responder.send(Response::text(200, std::string(request.path()) + "@" + std::to_string(t)));
      }
    });
  std::atomic<int> right{0};
  for (int c = 0; c < kClients; ++c)
    clients.emplace_back([&, c] {
      RawSocket socket(server.port());
      for (int i = 0; i < kRequests; i += 4) {
        std::string batch;
        for (int k = 0; k < 4; ++k)
          batch += "GET /" + std::to_string(c) + "/" + std::to_string(i + k) + " HTTP/1.1\r\nHost: a\r\n\r\n";
        socket.send(batch);
        for (int k = 0; k < 4; ++k)
          right += socket.read_answer().body.starts_with("/" + std::to_string(c) + "/" +
                                                         std::to_string(i + k) + "@");
      }
    });
  for (auto& thread : clients) thread.join();
  EXPECT_EQ(right, kClients * kRequests);
  for (size_t t = 0; t < answerers.size(); ++t) {
    RawSocket socket(server.port());
    socket.send("GET /stop HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(socket.read_answer().body, "stopped");
  }
  for (auto& thread : answerers) thread.join();
}

TEST(Server, WakesOnceForABatchOfAnswers) {
  Held held;
  TestServer server(held.handler());
  RawSocket client(server.port());
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  std::vector<std::pair<Request, Responder>> all;
  for (int i = 0; i < 20; ++i) all.push_back(held.take());
  const uint64_t before = server.server.stats().wakeups;
  {
    AnswerBatch batch;
    for (auto& [request, responder] : all) responder.send(Response::text(200, "x"));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.read_answer().body, "x");
  EXPECT_EQ(server.server.stats().wakeups - before, 1u);
}

TEST(Server, Answers500ForARequestThatIsDropped) {
  TestServer server([](Request&&, Responder) {});
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 500);
  EXPECT_NE(answer.body.find("http.dropped_unanswered"), answer.body.npos);
}

TEST(Server, Answers500WhenAHandlerThrowsAndGoesOn) {
  TestServer server([](Request&& request, Responder responder) {
    if (request.path() == "/throw") throw std::runtime_error("no");
    responder.send(Response::text(200, "fine"));
  });
  RawSocket client(server.port());
  client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 500);
  EXPECT_EQ(client.read_answer().body, "fine");
  EXPECT_EQ(server.server.stats().handler_exceptions, 1u);
}

TEST(Server, TellsWhenTheClientIsGone) {
  Held held;
  TestServer server(held.handler());
  auto client = std::make_unique<RawSocket>(server.port());
  client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  auto [request, responder] = held.take();
  EXPECT_TRUE(responder.is_connected());
  std::atomic<int> told{0};
  responder.on_disconnect([&] { ++told; });
  client->reset();
  EXPECT_TRUE(eventually([&] { return told == 1; }));
  EXPECT_FALSE(responder.is_connected());
  responder.on_disconnect([&] { ++told; });  // already gone: at once
  EXPECT_TRUE(eventually([&] { return told == 2; }));
  responder.send(Response::text(200, "nobody hears"));
  EXPECT_TRUE(eventually([&] { return server.server.stats().connections_open == 0; }));
}

TEST(Server, StillAnswersAClientThatOnlyStoppedSending) {
  Held held;
  TestServer server(held.handler());
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.shut_down_sending();
  auto [request, responder] = held.take();
  ASSERT_TRUE(eventually([&] { return !responder.is_connected(); }));
  responder.send(Response::text(200, "heard"));
  EXPECT_EQ(client.read_answer().body, "heard");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, SurvivesClientsThatLeaveInTheMiddle) {
  TestServer server(echo);
  for (const char* part :
       {"", "G", "GET / HTTP/1.1\r\nHos", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    RawSocket gone(server.port());
    gone.send(part);
    gone.reset();
    RawSocket ended(server.port());
    ended.send(part);
    ended.shut_down_sending();
    EXPECT_EQ(ended.read_to_end(), "") << part;
  }
  EXPECT_TRUE(eventually([&] { return server.server.stats().connections_open == 0; }));
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Server, StreamsPiecesAndEndsThem) {
  std::thread producer;
  TestServer server([&](Request&&, Responder responder) {
    producer = std::thread([responder = std::move(responder)]() mutable {
      Stream stream = responder.begin_stream({200, "text/event-stream", {}, "data: 0\n\n"});
      for (int i = 1; i < 20; ++i) EXPECT_TRUE(stream.write("data: " + std::to_string(i) + "\n\n"));
      stream.end();
    });
  });
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawAnswer answer = client.read_answer();
  producer.join();
  EXPECT_TRUE(answer.whole);
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += "data: " + std::to_string(i) + "\n\n";
  EXPECT_EQ(answer.body, expected);
}

TEST(Server, CutsAStreamThatIsDroppedSoThatTheClientNotices) {
  TestServer server([](Request&&, Responder responder) {
    Stream stream = responder.begin_stream({200, "text/plain", {}, {}});
    stream.write("half of it");
  });
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.body, "half of it");
  EXPECT_FALSE(answer.whole);
}

TEST(Server, StopsAStreamWhoseClientDoesNotRead) {
  std::atomic<bool> refused{false};
  TestServer server([&](Request&&, Responder responder) {
    Stream stream = responder.begin_stream({200, "text/plain", {}, {}});
    for (int i = 0; i < 1000 && !refused; ++i) refused = !stream.write(std::string(100'000, 'x'));
  });
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return refused.load(); }));
}

TEST(Server, LetsRequestsInFlightFinishWhenItStops) {
  Held held;
  Server server({}, held.handler());
  server.start().value();
  RawSocket busy(server.port());
  RawSocket idle(server.port());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  auto [request, responder] = held.take();
  std::thread stopper([&] { server.stop(); });
  EXPECT_TRUE(idle.at_end());
  responder.send(Response::text(200, "done"));
  const RawAnswer answer = busy.read_answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  stopper.join();
}

TEST(Server, StopsAfterItsDrainTimeEvenIfNobodyAnswers) {
  Held held;
  ServerOptions options;
  options.drain_timeout_ms = 50;
  Server server(options, held.handler());
  server.start().value();
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  auto [request, responder] = held.take();
  server.stop();
  EXPECT_FALSE(responder.is_connected());
  responder.send(Response::text(200, "too late"));  // goes nowhere, harms nothing
  EXPECT_TRUE(client.at_end());
}

TEST(Server, EndsWhateverMomentItIsStoppedAt) {
  ServerOptions options;
  options.idle_timeout_ms = 20;  // a sweep every 5 ms, so that a stop often meets one that is due
  for (int i = 0; i < 150; ++i) {
    Server server(options, echo);
    server.start().value();
    std::this_thread::sleep_for(std::chrono::microseconds(4'700 + 10 * (i % 60)));
    server.stop();
  }
}

TEST(Server, NamesThePortThatIsTaken) {
  TestServer first(echo);
  ServerOptions options;
  options.port = first.port();
  Server second(options, echo);
  const Status status = second.start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "http.bind_failed");
  EXPECT_NE(status.error().message.find(std::to_string(first.port())), std::string::npos);
}

TEST(Responder, GivesLocalCallersTheAnswerWithoutASocket) {
  Response got;
  const Handler handler = echo;
  handler(Request::make(Method::kPost, "/x", {}, "body").value(),
          local_responder([&](Response response) { got = std::move(response); }));
  EXPECT_EQ(got.body, "POST /x\nbody");
}

TEST(Responder, TellsWhenALocalClientLeaves) {
  int answers = 0, gone = 0;
  LocalClient client([&](const Response&) { ++answers; });
  Responder responder = client.responder();
  responder.on_disconnect([&] { ++gone; });
  EXPECT_TRUE(responder.is_connected());
  client.leave();
  client.leave();
  EXPECT_EQ(gone, 1);
  EXPECT_FALSE(responder.is_connected());
  responder.on_disconnect([&] { ++gone; });  // it has happened already
  EXPECT_EQ(gone, 2);
  responder.send(Response::no_content());
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace switchyard::http
