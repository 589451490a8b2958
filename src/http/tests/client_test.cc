#include "switchyard/http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <set>
#include <thread>

#include "client_support.h"
#include "switchyard/http/server.h"
#include "test_authority.h"

namespace switchyard::http {
namespace {

using namespace std::chrono_literals;

using namespace testing;  // NOLINT: what tests of the client share

/// Answers what a server behind it answers, from one set of threads.
TEST(SharedThreads, AProxyServesOnItsClientsThreadsAndAnswersThere) {
  const TestServer behind(echo);
  ClientOptions options;
  options.threads = 2;
  TestClient onwards(options);
  std::mutex mutex;
  std::set<std::thread::id> served, answered;
  std::vector<Responder> unanswered;
  ServerOptions shared;
  shared.share_threads_of = &onwards;
  auto proxy = std::make_unique<TestServer>(
      [&](Request&& request, Responder responder) {
        const std::lock_guard lock(mutex);
        served.insert(std::this_thread::get_id());
        if (request.target() == "/never") return unanswered.push_back(std::move(responder));
        ClientRequest outgoing;
        outgoing.url = behind.url(std::string(request.target()));
        auto later = std::make_shared<Responder>(std::move(responder));
        onwards.request(outgoing, [&, later](ClientResult result) {
          {
            const std::lock_guard inner(mutex);
            answered.insert(std::this_thread::get_id());
          }
          later->send({200, "text/plain", {}, result.response.ok() ? result.response->body : "lost"});
        });
      },
      shared);
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      TestClient client;
      for (int i = 0; i < 50; ++i) {
        ClientRequest request;
        request.url = proxy->url("/" + std::to_string(t) + "/" + std::to_string(i));
        const ClientResult result = client.request_and_wait(request);
        ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
        EXPECT_EQ(result.response->body, "/" + std::to_string(t) + "/" + std::to_string(i) + "\n");
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(served.size(), 2u);
  EXPECT_EQ(answered, served) << "each on the thread that took the request";
  // What nobody has answered yet outlives the server, as on threads of its own.
  TestClient client;
  ClientRequest request;
  request.url = proxy->url("/never");
  request.timeout_ms = 200;
  (void)client.request_and_wait(request);
  proxy.reset();
  unanswered.front().send({200, "text/plain", {}, "late"});
}

TEST(ClientAddresses, LinkLocalOnesAreCalledOnlyForHostsThatMay) {
  ClientOptions options;
  options.connect_timeout_ms = 200;
  options.may_be_link_local = [](std::string_view host) { return host == "169.254.1.2"; };
  TestClient client(options);
  const auto error_of = [&](const std::string& url) {
    ClientRequest request;
    request.url = url;
    request.timeout_ms = 200;
    std::promise<ClientResult> promise;
    client.request(std::move(request), [&](ClientResult result) { promise.set_value(std::move(result)); });
    const ClientResult result = promise.get_future().get();
    return result.response.ok() ? std::string() : result.response.error().code;
  };
  for (const char* url : {"http://169.254.169.254/latest/meta-data", "http://[fe80::1]/",
                          "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/"})
    EXPECT_EQ(error_of(url), "http.address_refused") << url;
  EXPECT_NE(error_of("http://169.254.1.2:9/"), "http.address_refused") << "named by the operator";
  TestServer server(echo);
  EXPECT_EQ(error_of(server.url("/")), "");
}

TEST(Client, SendsRequestsAndKeepsTheConnection) {
  TestServer server(echo);
  TestClient client;
  for (int i = 0; i < 20; ++i) {
    const ClientResult result = client.request_and_wait(
        {Method::kPost, server.url("/a?b=" + std::to_string(i)), {{"X-A", "b"}}, "body"});
    ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
    EXPECT_EQ(result.response->status, 200);
    EXPECT_EQ(result.response->header("x-method"), "POST");
    EXPECT_EQ(result.response->body, "/a?b=" + std::to_string(i) + "\nbody");
    EXPECT_TRUE(result.may_have_been_sent);
    EXPECT_EQ(result.reused_connection, i > 0);
  }
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
}

TEST(Client, CarriesLargeBodiesBothWays) {
  TestServer server(echo);
  TestClient client;
  std::string body(3'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 17 % 253);
  const ClientResult result = client.request_and_wait({Method::kPut, server.url("/"), {}, body});
  ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
  EXPECT_TRUE(result.response->body == "/\n" + body);
}

TEST(Client, ReadsHeadNoContentAndChunkedAnswersToTheirEnd) {
  TestServer server([](Request&& request, Responder responder) {
    if (request.path() == "/none") return responder.send(Response::no_content());
    if (request.path() == "/text") return responder.send(Response::text(200, "twelve bytes"));
    Stream stream = responder.begin_stream({200, "text/plain", {}, {}});
    for (int i = 0; i < 10; ++i) stream.write(std::to_string(i));
    stream.end();
  });
  TestClient client;
  const ClientResult head = client.request_and_wait({Method::kHead, server.url("/text")});
  EXPECT_EQ(head.response->header("Content-Length"), "12");
  EXPECT_EQ(head.response->body, "");
  EXPECT_EQ(client.request_and_wait({Method::kGet, server.url("/none")}).response->status, 204);
  EXPECT_EQ(client.request_and_wait({Method::kGet, server.url("/chunks")}).response->body, "0123456789");
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
}

TEST(Client, OpensNoMoreConnectionsThanAllowedAndServesAllThatWait) {
  TestServer server(echo);
  ClientOptions options;
  options.connections_per_origin = 3;
  TestClient client(options);
  constexpr int kRequests = 300;
  std::atomic<int> right{0};
  std::promise<void> all;
  for (int i = 0; i < kRequests; ++i)
    client.request({Method::kGet, server.url("/" + std::to_string(i))}, [&, i](ClientResult result) {
      EXPECT_EQ(result.response->body, "/" + std::to_string(i) + "\n");
      if (++right == kRequests) all.set_value();
    });
  all.get_future().wait();
  EXPECT_LE(server.server.stats().connections_accepted, 3u);
}

TEST(Client, RefusesMoreWaitingRequestsThanAllowed) {
  std::vector<Responder> held;
  TestServer server([&](Request&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.connections_per_origin = 1;
  options.max_queued_per_origin = 2;
  TestClient client(options);
  for (int i = 0; i < 3; ++i) client.request({Method::kGet, server.url("/")}, [](ClientResult) {});
  const ClientResult result = client.request_and_wait({Method::kGet, server.url("/")});
  EXPECT_EQ(result.response.error().code, "http.queue_full");
  EXPECT_EQ(result.response.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_FALSE(result.may_have_been_sent);
}

TEST(Client, WhoWaitsGoesByPriorityAndTheLowestIsShed) {
  std::promise<Responder> first;
  std::vector<std::string> order;  // of the server's thread
  TestServer server([&](Request&& request, Responder responder) {
    order.push_back(std::string(request.path()));
    if (request.path() == "/first") return first.set_value(std::move(responder));
    responder.send({200, "text/plain", {}, ""});
  });
  ClientOptions options;
  options.connections_per_origin = 1;
  options.max_queued_per_origin = 3;
  TestClient client(options);
  std::atomic<int> left{6};
  std::promise<void> all;
  std::map<std::string, std::string> ended;  // of the client's thread
  const auto ask = [&](const std::string& path, int32_t priority) {
    ClientRequest request{Method::kGet, server.url(path)};
    request.priority = priority;
    client.request(std::move(request), [&, path](ClientResult result) {
      ended[path] = result.response.ok() ? "" : result.response.error().code;
      if (--left == 0) all.set_value();
    });
  };
  ask("/first", 0);
  Responder held = first.get_future().get();
  ask("/low", 25);
  ask("/normal", 50);
  ask("/lower", 20);
  ask("/high", 75);
  ask("/lowest", 10);
  held.send({200, "text/plain", {}, ""});
  all.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"/first", "/high", "/normal", "/low"}));
  EXPECT_EQ(ended["/lower"], "http.queue_full");
  EXPECT_EQ(ended["/lowest"], "http.queue_full");
  EXPECT_EQ(ended["/low"], "");
}

TEST(Client, TellsARefusedConnectionFromALostOne) {
  TestClient client;
  const ClientResult refused = client.request_and_wait({Method::kGet, "http://127.0.0.1:1/"});
  EXPECT_EQ(refused.response.error().code, "http.connect_failed");
  EXPECT_EQ(refused.response.error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(refused.may_have_been_sent);
  OddPeer silent([](int fd, int) { OddPeer::read_request(fd); });
  const ClientResult lost = client.request_and_wait({Method::kPost, silent.url(), {}, "x"});
  EXPECT_EQ(lost.response.error().code, "http.connection_lost");
  EXPECT_TRUE(lost.may_have_been_sent);
}

TEST(Client, TellsANameThatDoesNotExist) {
  TestClient client;
  const ClientResult result = client.request_and_wait({Method::kGet, "http://no-such-name.invalid/"});
  EXPECT_EQ(result.response.error().code, "http.name_not_found");
  EXPECT_FALSE(result.may_have_been_sent);
}

TEST(Client, NeverTakesATruncatedAnswerForAWholeOne) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1"}) {
    OddPeer peer([&](int fd, int) {
      OddPeer::read_request(fd);
      OddPeer::say(fd, answer);
    });
    TestClient client;
    const ClientResult result = client.request_and_wait({Method::kGet, peer.url()});
    ASSERT_FALSE(result.response.ok()) << answer;
    EXPECT_EQ(result.response.error().code, "http.truncated") << answer;
    EXPECT_TRUE(result.may_have_been_sent);
  }
}

TEST(Client, TakesABodyThatLastsUntilTheEndOfTheConnection) {
  OddPeer peer([](int fd, int) {
    OddPeer::read_request(fd);
    OddPeer::say(fd, "HTTP/1.0 200 OK\r\n\r\nall of it");
  });
  TestClient client;
  EXPECT_EQ(client.request_and_wait({Method::kGet, peer.url()}).response->body, "all of it");
}

TEST(Client, RefusesAnswersThatAreNotHttpOrAmbiguous) {
  for (const char* answer : {"hello there, this is no protocol\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
    OddPeer peer([&](int fd, int) {
      OddPeer::read_request(fd);
      OddPeer::say(fd, answer);
    });
    TestClient client;
    const ClientResult result = client.request_and_wait({Method::kGet, peer.url()});
    ASSERT_FALSE(result.response.ok()) << answer;
    EXPECT_EQ(result.response.error().code, "http.bad_response") << answer;
  }
}

TEST(Client, SkipsInterimAnswers) {
  OddPeer peer([](int fd, int) {
    OddPeer::read_request(fd);
    OddPeer::say(fd,
                 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  });
  TestClient client;
  const ClientResult result = client.request_and_wait({Method::kGet, peer.url()});
  EXPECT_EQ(result.response->status, 201);
  EXPECT_EQ(result.response->body, "ok");
}

TEST(Client, FollowsNoRedirect) {
  TestServer server([](Request&&, Responder responder) {
    responder.send({302, "", {{"Location", "http://127.0.0.1:1/"}}, ""});
  });
  TestClient client;
  const ClientResult result = client.request_and_wait({Method::kGet, server.url("/")});
  EXPECT_EQ(result.response->status, 302);
  EXPECT_EQ(result.response->header("Location"), "http://127.0.0.1:1/");
}

TEST(Client, EndsARequestAtItsDeadline) {
  std::vector<Responder> held;
  TestServer server([&](Request&&, Responder responder) { held.push_back(std::move(responder)); });
  TestClient client;
  ClientRequest request{Method::kGet, server.url("/")};
  request.timeout_ms = 50;
  const ClientResult result = client.request_and_wait(request);
  EXPECT_EQ(result.response.error().code, "http.timeout");
  EXPECT_EQ(result.response.error().kind, ErrorKind::kDeadlineExceeded);
  EXPECT_TRUE(result.may_have_been_sent);
}

TEST(Client, EndsARequestThatIsCancelled) {
  std::promise<Responder> arrived;
  TestServer server([&](Request&&, Responder responder) { arrived.set_value(std::move(responder)); });
  TestClient client;
  std::promise<ClientResult> ended;
  auto handle = client.request({Method::kGet, server.url("/")},
                               [&](ClientResult result) { ended.set_value(std::move(result)); });
  const Responder responder = arrived.get_future().get();
  handle.cancel();
  handle.cancel();
  EXPECT_EQ(ended.get_future().get().response.error().code, "http.cancelled");
  for (int i = 0; i < 5000 && responder.is_connected(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(responder.is_connected());  // the peer can notice
}

TEST(Client, EndsEveryRequestWhenItStops) {
  std::vector<Responder> held;
  TestServer server([&](Request&&, Responder responder) { held.push_back(std::move(responder)); });
  ClientOptions options;
  options.connections_per_origin = 2;
  Client client(options);
  client.start().value();
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 10; ++i)
    client.request({Method::kGet, server.url("/")}, [&](ClientResult result) {
      cancelled += result.response.error().code == "http.cancelled";
    });
  client.stop();
  EXPECT_EQ(cancelled, 10);
  client.request({Method::kGet, server.url("/")},
                 [&](ClientResult result) { cancelled += result.response.error().code == "http.cancelled"; });
  EXPECT_EQ(cancelled, 11);
}

TEST(Client, RefusesAnswersOverTheLimit) {
  TestServer server(
      [](Request&&, Responder responder) { responder.send(Response::text(200, std::string(10'000, 'x'))); });
  TestClient client;
  ClientRequest request{Method::kGet, server.url("/")};
  request.max_response_bytes = 9'999;
  const ClientResult result = client.request_and_wait(request);
  EXPECT_EQ(result.response.error().code, "http.response_too_large");
  EXPECT_EQ(result.response.error().kind, ErrorKind::kTooLarge);
  request.max_response_bytes = 10'000;
  EXPECT_TRUE(client.request_and_wait(request).response.ok());
}

/// Answers once, then closes the moment a second request comes; every later connection answers.
void dies_after_one(int fd, int count) {
  OddPeer::read_request(fd);
  OddPeer::say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(count));
  OddPeer::read_request(fd);
}

TEST(Client, RepeatsARepeatableRequestWhenAKeptConnectionWasDead) {
  OddPeer peer(dies_after_one);
  TestClient client;
  EXPECT_EQ(client.request_and_wait({Method::kGet, peer.url()}).response->body, "0");
  const ClientResult second = client.request_and_wait({Method::kGet, peer.url()});
  ASSERT_TRUE(second.response.ok()) << second.response.error().to_string();
  EXPECT_EQ(second.response->body, "1");
}

TEST(Client, NeverRepeatsARequestWithEffectsByItself) {
  OddPeer peer(dies_after_one);
  TestClient client;
  EXPECT_EQ(client.request_and_wait({Method::kPost, peer.url(), {}, "x"}).response->body, "0");
  const ClientResult second = client.request_and_wait({Method::kPost, peer.url(), {}, "x"});
  ASSERT_FALSE(second.response.ok());
  EXPECT_EQ(second.response.error().code, "http.connection_lost");
  EXPECT_TRUE(second.may_have_been_sent);
  EXPECT_EQ(peer.connections, 1);
}

TEST(Client, NoticesThatAKeptConnectionWasClosed) {
  std::promise<void> closed;
  OddPeer peer([&](int fd, int count) {
    OddPeer::read_request(fd);
    OddPeer::say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(count));
  });
  TestClient client;
  EXPECT_EQ(client.request_and_wait({Method::kPost, peer.url(), {}, "x"}).response->body, "0");
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(client.request_and_wait({Method::kPost, peer.url(), {}, "x"}).response->body, "1");
}

TEST(Client, RefusesRequestsThatCouldSayMoreThanMeant) {
  TestClient client;
  EXPECT_EQ(client.request_and_wait({Method::kGet, "nowhere"}).response.error().code, "http.bad_url");
  for (const Header& header : std::vector<Header>{{"X", "a\r\nY: b"},
                                                  {"X Y", "a"},
                                                  {"", "a"},
                                                  {"Content-Length", "5"},
                                                  {"transfer-encoding", "chunked"}}) {
    const ClientResult result = client.request_and_wait({Method::kGet, "http://127.0.0.1:1/", {header}});
    EXPECT_EQ(result.response.error().code, "http.bad_request") << header.name;
    EXPECT_FALSE(result.may_have_been_sent);
  }
}

TEST(ClientTls, TrustsOnlyTheAuthorityGivenAndTheNameOfTheCertificate) {
  const testing::TestAuthority authority;
  const testing::TestAuthority other;
  ServerOptions options;
  options.tls_certificate_file = authority.certificate_file();
  options.tls_key_file = authority.key_file();
  options.address = "0.0.0.0";
  TestServer server(echo, options);
  const std::string port = std::to_string(server.server.port());
  ClientOptions trusting;
  trusting.ca_file = authority.ca_file();
  TestClient client(trusting);
  for (int i = 0; i < 5; ++i) {
    const ClientResult result =
        client.request_and_wait({Method::kPost, "https://127.0.0.1:" + port + "/s", {}, "body"});
    ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
    EXPECT_EQ(result.response->body, "/s\nbody");
  }
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
  EXPECT_TRUE(client.request_and_wait({Method::kGet, "https://localhost:" + port + "/"}).response.ok());

  const ClientResult wrong_name = client.request_and_wait({Method::kGet, "https://127.0.0.2:" + port + "/"});
  EXPECT_EQ(wrong_name.response.error().code, "http.tls");

  ClientOptions distrusting;
  distrusting.ca_file = other.ca_file();
  TestClient stranger(distrusting);
  const ClientResult refused = stranger.request_and_wait({Method::kGet, "https://127.0.0.1:" + port + "/"});
  EXPECT_EQ(refused.response.error().code, "http.tls");
  EXPECT_EQ(refused.response.error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(refused.may_have_been_sent);

  TestClient with_system_roots;
  EXPECT_EQ(with_system_roots.request_and_wait({Method::kGet, "https://127.0.0.1:" + port + "/"})
                .response.error()
                .code,
            "http.tls");
}

TEST(ClientTls, CarriesLargeBodiesBothWays) {
  const testing::TestAuthority authority;
  ServerOptions options;
  options.tls_certificate_file = authority.certificate_file();
  options.tls_key_file = authority.key_file();
  TestServer server(echo, options);
  ClientOptions trusting;
  trusting.ca_file = authority.ca_file();
  TestClient client(trusting);
  const std::string body(2'000'000, 'x');
  const ClientResult result = client.request_and_wait(
      {Method::kPost, "https://127.0.0.1:" + std::to_string(server.server.port()) + "/", {}, body});
  ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
  EXPECT_TRUE(result.response->body == "/\n" + body);
}

TEST(ClientTls, NamesTheFileThatCannotBeUsed) {
  ClientOptions options;
  options.ca_file = "/no/such/file.pem";
  Client client(options);
  const Status status = client.start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("/no/such/file.pem"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::http
