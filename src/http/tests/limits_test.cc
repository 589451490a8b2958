// What the server refuses, and that it says why.
#include <gtest/gtest.h>

#include <thread>

#include "raw_socket.h"
#include "switchyard/http/server.h"

namespace switchyard::http {
namespace {

using testing::RawAnswer;
using testing::RawSocket;

class Limits : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(std::move(options), [](Request&& request, Responder responder) {
      responder.send(Response::text(200, "served " + std::string(request.path())));
    });
    server_->start().value();
  }
  void TearDown() override {
    if (server_) server_->stop();
  }
  /// Everything the server says to these bytes, until it closes.
  std::string say(const std::string& bytes) {
    RawSocket client(server_->port());
    client.send(bytes);
    client.shut_down_sending();
    return client.read_to_end();
  }
  std::unique_ptr<Server> server_;
};

bool begins_with_status(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

TEST_F(Limits, RefusesEveryRequestWhoseLengthTwoReadersCouldUnderstandDifferently) {
  start();
  const std::string post = "POST /a HTTP/1.1\r\nHost: a\r\n";
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::string& lengths : std::vector<std::string>{
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length: 5 5\r\n",
           "Content-Length: \r\n",
           "Content-Length: 99999999999999999999999\r\n",
           "Content-Length : 5\r\n",
           " Content-Length: 5\r\n",
           "Content-Length:\r\n 5\r\n",
           "Transfer-Encoding: chunked, chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding:\r\n chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
           "Transfer-Encoding: chunked\nContent-Length: 5\r\n",
           "X: y\rTransfer-Encoding: chunked\r\n",
           std::string("Content-Length: 5\0\r\n", 20),
           "X: a\r\n\tb\r\n",
           "Na\x01me: x\r\n",
           ": x\r\n",
           "NoColon\r\n",
           "X: \x7f\r\n",
           "X: \x01\r\n",
       }) {
    const std::string answer = say(post + lengths + "\r\n" + smuggled);
    EXPECT_TRUE(begins_with_status(answer, 400)) << lengths << answer;
    EXPECT_EQ(answer.find("served"), answer.npos) << lengths << answer;
    EXPECT_NE(answer.find("application/problem+json"), answer.npos) << lengths;
  }
}

TEST_F(Limits, RefusesMalformedChunks) {
  start();
  for (const std::string& body :
       std::vector<std::string>{"x\r\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
                                "5\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5 hello\r\n0\r\n\r\n",
                                "fffffffffffffffff\r\nhello", "\r\n0\r\n\r\n"}) {
    const std::string answer =
        say("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
    EXPECT_TRUE(begins_with_status(answer, 400) || begins_with_status(answer, 413)) << body << "\n" << answer;
    EXPECT_EQ(answer.find("served"), answer.npos) << body;
  }
}

TEST_F(Limits, RefusesMalformedRequestLinesAndHosts) {
  start();
  for (const std::string& request : std::vector<std::string>{
           "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET /\r\n\r\n",
           "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
           "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n",
           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS by mistake\r\n\r\n"}) {
    const std::string answer = say(request);
    EXPECT_TRUE(begins_with_status(answer, 400) || begins_with_status(answer, 505)) << request << "\n"
                                                                                    << answer;
    EXPECT_EQ(answer.find("served"), answer.npos) << request;
  }
  EXPECT_TRUE(begins_with_status(say("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505));
  EXPECT_TRUE(begins_with_status(say("GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n"), 417));
}

TEST_F(Limits, AcceptsAnEmptyLineBeforeARequestAndTheAbsoluteForm) {
  start();
  EXPECT_NE(say("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET http://other/b HTTP/1.1\r\nHost: a\r\n\r\n")
                .find("served /b"),
            std::string::npos);
}

TEST_F(Limits, AnswersRequestsBeforeAMalformedOneAndNoneAfterIt) {
  start();
  const std::string answer =
      say("GET /good HTTP/1.1\r\nHost: a\r\n\r\nBAD\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(begins_with_status(answer, 200));
  EXPECT_NE(answer.find("served /good"), answer.npos);
  EXPECT_NE(answer.find("HTTP/1.1 400 "), answer.npos);
  EXPECT_EQ(answer.find("/after"), answer.npos);
}

TEST_F(Limits, Answers431NamingTheLimitForHeadersThatAreTooLong) {
  ServerOptions options;
  options.max_header_bytes = 2000;
  start(options);
  for (const std::string& request : {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'x') + "\r\n\r\n",
                                     "GET /" + std::string(50'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
                                     "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'x')}) {
    const std::string answer = say(request);
    EXPECT_TRUE(begins_with_status(answer, 431)) << answer.substr(0, 300);
    EXPECT_NE(answer.find("max_header_bytes = 2000"), answer.npos);
  }
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 150; ++i) many += "A: b\r\n";
  EXPECT_TRUE(begins_with_status(say(many + "\r\n"), 431));
}

TEST_F(Limits, Answers431ForAHeadThatTricklesInFieldByField) {
  ServerOptions options;
  options.max_header_bytes = 500;
  start(options);
  RawSocket client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 40; ++i) {
    client.send("Field-" + std::to_string(i) + ": twenty bytes of value\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(begins_with_status(client.read_to_end(), 431));
}

TEST_F(Limits, Answers413NamingTheLimitForBodiesThatAreTooLarge) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  start(options);
  for (const std::string& request :
       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + std::string(900'000, 'x'),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n" + std::string(600, 'x') +
            "\r\n258\r\n" + std::string(600, 'x') + "\r\n0\r\n\r\n"}) {
    const std::string answer = say(request);
    EXPECT_TRUE(begins_with_status(answer, 413)) << answer.substr(0, 300);
    EXPECT_NE(answer.find("max_body_bytes = 1000"), answer.npos);
  }
  EXPECT_TRUE(begins_with_status(
      say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')), 200));
}

TEST_F(Limits, AClientStillSendingReadsItsRefusalBeforeTheConnectionEnds) {
  start();
  RawSocket client(server_->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
  client.send(std::string(8'000'000, 'x'));
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.whole);
}

TEST_F(Limits, Answers408ToARequestThatIsTooSlow) {
  ServerOptions options;
  options.request_read_timeout_ms = 60;
  start(options);
  RawSocket slow_head(server_->port());
  slow_head.send("GET / HT");
  RawSocket slow_body(server_->port());
  slow_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  const std::string head_answer = slow_head.read_to_end();
  EXPECT_TRUE(begins_with_status(head_answer, 408)) << head_answer;
  EXPECT_NE(head_answer.find("request_read_timeout_ms = 60"), head_answer.npos);
  EXPECT_TRUE(begins_with_status(slow_body.read_to_end(), 408));
}

TEST_F(Limits, ClosesIdleConnectionsWithoutAWord) {
  ServerOptions options;
  options.idle_timeout_ms = 50;
  start(options);
  RawSocket client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_GE(server_->stats().timeouts, 1u);
}

TEST_F(Limits, CutsAClientThatDoesNotReadItsAnswer) {
  ServerOptions options;
  options.write_timeout_ms = 80;
  server_ = std::make_unique<Server>(options, [](Request&&, Responder responder) {
    responder.send(Response::text(200, std::string(32u << 20, 'x')));
  });
  server_->start().value();
  RawSocket client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 5000 && server_->stats().timeouts == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(server_->stats().timeouts, 1u);
}

TEST_F(Limits, Answers503ToConnectionsOverTheLimit) {
  ServerOptions options;
  options.max_connections = 2;
  start(options);
  RawSocket first(server_->port());
  RawSocket second(server_->port());
  for (RawSocket* client : {&first, &second}) {
    client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client->read_answer().status, 200);
  }
  RawSocket third(server_->port());
  const RawAnswer answer = third.read_answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(server_->stats().connections_refused, 1u);
}

TEST_F(Limits, NoTextOfAHandlerCanBeginAHeaderOfItsOwn) {
  server_ = std::make_unique<Server>(ServerOptions{}, [](Request&&, Responder responder) {
    responder.send({200, "text/plain", {{"X-Text", "a\r\nX-Injected: yes"}, {"Bad Name", "x"}}, "body"});
  });
  server_->start().value();
  RawSocket client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawAnswer answer = client.read_answer();
  EXPECT_EQ(answer.header("X-Injected"), "");
  EXPECT_EQ(answer.header("X-Text"), "a  X-Injected: yes");
  EXPECT_EQ(answer.head.find("Bad Name"), answer.head.npos);
  EXPECT_EQ(answer.body, "body");
}

}  // namespace
}  // namespace switchyard::http
