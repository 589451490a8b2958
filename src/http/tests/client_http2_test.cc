// The client over HTTP/2, against this module's server and against servers that misbehave.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <future>
#include <mutex>
#include <set>

#include "client_support.h"
#include "test_authority.h"

namespace switchyard::http {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT: what tests of the client share

/// One connection of a server that does what a test tells it to: nghttp2's own server on a socket.
class OddHttp2 {
 public:
  /// Called for each request that is whole.
  using Script = std::function<void(OddHttp2&, int32_t stream)>;

  OddHttp2(int fd, Script script) : fd_(fd), script_(std::move(script)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
          if (last && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
            static_cast<OddHttp2*>(user)->whole_.push_back(frame->hd.stream_id);
          return 0;
        });
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~OddHttp2() { nghttp2_session_del(session_); }
  OddHttp2(const OddHttp2&) = delete;
  OddHttp2& operator=(const OddHttp2&) = delete;

  /// Until the client closes, or the script does.
  void serve() {
    char chunk[16384];
    while (!closed_ && flush()) {
      const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) return;
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(chunk), static_cast<size_t>(got)) < 0)
        return;
      for (const int32_t stream : std::exchange(whole_, {})) script_(*this, stream);
    }
  }
  bool flush() {
    const uint8_t* data = nullptr;
    while (true) {
      const auto size = nghttp2_session_mem_send(session_, &data);
      if (size <= 0) return size == 0;
      OddPeer::say(fd_, {reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
    }
  }

  void head(int32_t stream, std::vector<Header> fields, bool last) {
    std::vector<nghttp2_nv> list;
    for (Header& field : fields)
      list.push_back({reinterpret_cast<uint8_t*>(field.name.data()),
                      reinterpret_cast<uint8_t*>(field.value.data()), field.name.size(), field.value.size(),
                      NGHTTP2_NV_FLAG_NONE});
    nghttp2_submit_headers(session_, last ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE, stream, nullptr,
                           list.data(), list.size(), nullptr);
  }
  void answer(int32_t stream, const std::string& mark) {
    head(stream, {{":status", "200"}, {"mark", mark}}, true);
  }
  void reset(int32_t stream, uint32_t code) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, code);
  }
  void goaway(int32_t last) {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  }
  void close() { closed_ = true; }

 private:
  const int fd_;
  const Script script_;
  nghttp2_session* session_ = nullptr;
  std::vector<int32_t> whole_;
  bool closed_ = false;
};

/// A listener whose connections each follow the script; it is told which connection it is.
OddPeer odd_server(std::function<void(OddHttp2&, int32_t stream, int connection)> script) {
  return OddPeer([script = std::move(script)](int fd, int connection) {
    OddHttp2(fd, [&](OddHttp2& peer, int32_t stream) { script(peer, stream, connection); }).serve();
  });
}

std::string grpc_url(std::string url) { return "grpc" + url.substr(4); }

ClientRequest post(std::string url, std::string body = "x") {
  return {Method::kPost, grpc_url(std::move(url)), {}, std::move(body)};
}

/// Requests that go out together, and how they ended, in that order.
std::vector<ClientResult> all_of(Client& client, std::vector<ClientRequest> requests) {
  std::vector<std::promise<ClientResult>> ends(requests.size());
  for (size_t i = 0; i < requests.size(); ++i)
    client.request(std::move(requests[i]),
                   [&end = ends[i]](ClientResult result) { end.set_value(std::move(result)); });
  std::vector<ClientResult> results;
  for (auto& end : ends) results.push_back(end.get_future().get());
  return results;
}

std::string code_of(const ClientResult& result) {
  return result.response.ok() ? "" : result.response.error().code;
}

TEST(ClientHttp2, ManyRequestsShareAConnection) {
  std::mutex mutex;
  std::vector<Responder> held;
  TestServer server([&](Request&& request, Responder responder) {
    const std::lock_guard lock(mutex);
    if (held.size() < 49) return held.push_back(std::move(responder));
    responder.send(Response::text(200, std::string(request.target())));
    while (!held.empty()) {  // the last first
      held.back().send(Response::text(200, "held"));
      held.pop_back();
    }
  });
  TestClient client;
  std::vector<ClientRequest> requests;
  for (int i = 0; i < 50; ++i) requests.push_back(post(server.url("/" + std::to_string(i))));
  for (const ClientResult& result : all_of(client, std::move(requests)))
    ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
}

TEST(ClientHttp2, MoreRequestsThanTheServerTakesAtOnceAreAllAnswered) {
  ServerOptions options;
  options.max_concurrent_streams = 5;
  TestServer server(echo, options);
  TestClient client;
  std::vector<ClientRequest> requests;
  for (int i = 0; i < 300; ++i) requests.push_back(post(server.url("/"), std::to_string(i)));
  // Before the server has said how many it takes, some of the first are refused; they go out again.
  EXPECT_TRUE(client.request_and_wait(post(server.url("/first"))).response.ok());
  const auto results = all_of(client, std::move(requests));
  for (size_t i = 0; i < results.size(); ++i) {
    ASSERT_TRUE(results[i].response.ok()) << results[i].response.error().to_string();
    EXPECT_EQ(results[i].response->body, "/\n" + std::to_string(i));
  }
  EXPECT_LE(server.server.stats().connections_accepted, ClientOptions().http2_connections_per_origin);
}

TEST(ClientHttp2, CarriesFieldsBodiesAndTrailers) {
  TestServer server([](Request&& request, Responder responder) {
    Response response{200, "application/x", {{"X-Seen", std::string(*request.header("x-asked"))}}, {}};
    response.headers.push_back({"X-Host", std::string(*request.header("Host"))});
    response.headers.push_back({"X-Te", std::string(*request.header("TE"))});
    response.trailers = {{"Grpc-Status", "5"}};
    response.body = request.take_body();
    responder.send(std::move(response));
  });
  TestClient client;
  std::string body(3'000'000, '\0');  // far over every window
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 / 5);
  ClientRequest request = post(server.url("/a?b=c"), body);
  request.headers = {{"X-Asked", "what"}, {"TE", "trailers"}};
  const ClientResult result = client.request_and_wait(request);
  ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
  EXPECT_EQ(result.response->status, 200);
  EXPECT_EQ(result.response->header("x-seen"), "what");
  EXPECT_EQ("grpc://" + std::string(result.response->header("x-host")) + "/", grpc_url(server.url("/")));
  EXPECT_EQ(result.response->header("x-te"), "trailers");
  EXPECT_EQ(result.response->trailer("grpc-status"), "5");
  EXPECT_TRUE(result.response->body == body);
}

TEST(ClientHttp2, ChoosesTheProtocolInTheTlsHandshake) {
  const TestAuthority authority;
  ServerOptions options;
  options.tls_certificate_file = authority.certificate_file();
  options.tls_key_file = authority.key_file();
  ClientOptions trusting;
  trusting.ca_file = authority.ca_file();
  TestClient client(trusting);
  {
    TestServer server(echo, options);
    const ClientResult result = client.request_and_wait(
        {Method::kPost, "grpcs" + server.url("/s").substr(4), {}, std::string(1'000'000, 'x')});
    ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
    EXPECT_EQ(result.response->body.size(), 1'000'003u);
  }
  options.http2 = false;
  TestServer old(echo, options);
  const ClientResult refused = client.request_and_wait({Method::kGet, "grpcs" + old.url("/").substr(4)});
  EXPECT_EQ(code_of(refused), "http.tls");
  EXPECT_FALSE(refused.may_have_been_sent);
}

TEST(ClientHttp2, GivesAStreamPieceByPieceAndARefusalWhole) {
  Stream stream;
  TestServer server([&](Request&& request, Responder responder) {
    if (request.path() == "/refused") return responder.send(Response::text(429, "later"));
    stream = responder.begin_stream({200, "text/plain", {}, {}});
    stream.write("one ");
  });
  TestClient client;
  std::string seen;
  ClientRequest request = post(server.url("/whole"));
  request.on_body = [&](const ClientResponse& head, std::string_view piece) {
    EXPECT_EQ(head.status, 200);
    seen += piece;
    if (seen == "one ") {
      stream.write("two");
      stream.end();
    }
    return true;
  };
  const ClientResult whole = client.request_and_wait(request);
  EXPECT_EQ(code_of(whole), "");
  EXPECT_EQ(seen, "one two");
  request.url = grpc_url(server.url("/refused"));
  EXPECT_EQ(client.request_and_wait(request).response->body, "later");
  request.url = grpc_url(server.url("/whole"));
  request.on_body = [](const ClientResponse&, std::string_view) { return false; };
  EXPECT_EQ(code_of(client.request_and_wait(request)), "http.cancelled");
  stream = {};
}

TEST(ClientHttp2, ARequestThatEndsEarlyEndsAlone) {
  std::mutex mutex;
  std::vector<Responder> held;
  std::promise<void> three;
  TestServer server([&](Request&&, Responder responder) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
    if (held.size() == 3) three.set_value();
  });
  TestClient client;
  std::promise<ClientResult> stays, late, unwanted;
  const auto into = [](std::promise<ClientResult>& end) {
    return [&end](ClientResult result) { end.set_value(std::move(result)); };
  };
  client.request(post(server.url("/")), into(stays));
  auto handle = client.request(post(server.url("/")), into(unwanted));
  ClientRequest impatient = post(server.url("/"));
  impatient.timeout_ms = 200;
  client.request(impatient, into(late));
  three.get_future().wait();
  handle.cancel();
  EXPECT_EQ(code_of(unwanted.get_future().get()), "http.cancelled");
  const ClientResult over = late.get_future().get();
  EXPECT_EQ(code_of(over), "http.timeout");
  EXPECT_TRUE(over.may_have_been_sent);
  const auto connected = [&] {
    const std::lock_guard lock(mutex);
    return std::count_if(held.begin(), held.end(), [](const auto& one) { return one.is_connected(); });
  };
  for (int i = 0; i < 5000 && connected() > 1; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(connected(), 1) << "the server is told at once, and of nothing else";
  for (Responder& one : held) one.send(Response::text(200, "at last"));
  EXPECT_EQ(stays.get_future().get().response->body, "at last");
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
}

TEST(ClientHttp2, RefusesAnswersOverTheLimit) {
  TestServer server(echo);
  TestClient client;
  ClientRequest request = post(server.url("/"), std::string(10'000, 'x'));
  request.max_response_bytes = 10'001;
  EXPECT_EQ(code_of(client.request_and_wait(request)), "http.response_too_large");
  request.max_response_bytes = 10'002;
  EXPECT_EQ(code_of(client.request_and_wait(request)), "");
  EXPECT_EQ(server.server.stats().connections_accepted, 1u);
}

TEST(ClientHttp2, EndsEveryRequestWhenItStops) {
  std::vector<Responder> held;
  TestServer server([&](Request&&, Responder responder) { held.push_back(std::move(responder)); });
  Client client(ClientOptions{});
  client.start().value();
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 2000; ++i)  // some of them wait for a place
    client.request(post(server.url("/")),
                   [&](ClientResult result) { cancelled += code_of(result) == "http.cancelled"; });
  client.stop();
  EXPECT_EQ(cancelled, 2000);
}

TEST(ClientHttp2Faults, WhatAGoawaySaysWasNotLookedAtGoesOutAgain) {
  const OddPeer peer = odd_server([](OddHttp2& server, int32_t stream, int connection) {
    if (connection > 0) return server.answer(stream, "second connection");
    if (stream == 1) return;  // answered with the next one
    server.goaway(1);
    server.answer(1, "first connection");
  });
  TestClient client;
  const auto results = all_of(client, {post(peer.url()), post(peer.url())});
  for (const auto& result : results) ASSERT_EQ(code_of(result), "");
  EXPECT_EQ(results[0].response->header("mark"), "first connection");
  EXPECT_EQ(results[1].response->header("mark"), "second connection");
}

TEST(ClientHttp2Faults, ARefusedStreamGoesOutOnceMore) {
  const OddPeer once = odd_server([](OddHttp2& server, int32_t stream, int connection) {
    // The farewell first, or the client may go out again on this connection before it has read it.
    if (connection == 0) return server.goaway(stream), server.reset(stream, NGHTTP2_REFUSED_STREAM);
    server.answer(stream, "answered");
  });
  TestClient client;
  EXPECT_EQ(client.request_and_wait(post(once.url())).response->header("mark"), "answered");
  const OddPeer always = odd_server([](OddHttp2& server, int32_t stream, int) {
    server.goaway(stream);
    server.reset(stream, NGHTTP2_REFUSED_STREAM);
  });
  const ClientResult refused = client.request_and_wait(post(always.url()));
  EXPECT_EQ(code_of(refused), "http.connection_lost");
  EXPECT_FALSE(refused.may_have_been_sent) << "so that the caller may ask another server";
  EXPECT_EQ(always.connections, 2);
}

TEST(ClientHttp2Faults, AResetRequestMayHaveBeenWorkedOn) {
  const OddPeer peer = odd_server([](OddHttp2& server, int32_t stream, int) {
    if (stream > 1) server.head(stream, {{":status", "200"}}, false), server.flush();
    server.reset(stream, NGHTTP2_INTERNAL_ERROR);
  });
  TestClient client;
  const ClientResult before = client.request_and_wait(post(peer.url()));
  EXPECT_EQ(code_of(before), "http.connection_lost");
  EXPECT_TRUE(before.may_have_been_sent);
  const ClientResult amid = client.request_and_wait(post(peer.url()));
  EXPECT_EQ(code_of(amid), "http.truncated");
  EXPECT_EQ(peer.connections, 1);
}

TEST(ClientHttp2Faults, OnlyARepeatableRequestOutlivesItsKeptConnection) {
  const OddPeer peer = odd_server([](OddHttp2& server, int32_t stream, int connection) {
    if (stream > 1) return server.close();
    server.answer(stream, std::to_string(connection));
  });
  TestClient client;
  EXPECT_EQ(client.request_and_wait(post(peer.url())).response->header("mark"), "0");
  const ClientResult lost = client.request_and_wait(post(peer.url()));
  EXPECT_EQ(code_of(lost), "http.connection_lost");
  EXPECT_TRUE(lost.may_have_been_sent);
  EXPECT_EQ(client.request_and_wait(post(peer.url())).response->header("mark"), "1");
  ClientRequest repeatable = post(peer.url());
  repeatable.idempotent = true;
  EXPECT_EQ(client.request_and_wait(repeatable).response->header("mark"), "2");
}

TEST(ClientHttp2Faults, AConnectionThatFellSilentIsNotUsedAgain) {
  std::promise<void> over;
  const auto end = over.get_future().share();
  OddPeer peer([&](int fd, int connection) {
    if (connection == 0) return void(end.wait_for(10s));  // neither reads nor closes
    OddHttp2(fd, [](OddHttp2& server, int32_t stream) { server.answer(stream, "alive"); }).serve();
  });
  TestClient client;
  std::vector<ClientRequest> requests;
  for (int i = 0; i < 3; ++i) {
    requests.push_back(post(peer.url(), std::string(4'000'000, 'x')));  // more than anybody's buffers
    requests.back().timeout_ms = 100;
  }
  for (const ClientResult& result : all_of(client, requests)) EXPECT_EQ(code_of(result), "http.timeout");
  over.set_value();
  EXPECT_EQ(client.request_and_wait(post(peer.url())).response->header("mark"), "alive");
  EXPECT_GE(peer.connections, 2);
}

TEST(ClientHttp2Faults, WhatIsNoHttp2IsNoAnswer) {
  for (const std::string& text :
       {std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), std::string(12, '\0')}) {
    OddPeer peer([text](int fd, int) {
      OddPeer::say(fd, text);
      char chunk[1024];
      while (::recv(fd, chunk, sizeof chunk, 0) > 0) {
      }
    });
    TestClient client;
    const ClientResult result = client.request_and_wait(post(peer.url()));
    EXPECT_EQ(code_of(result), "http.bad_response");
  }
  const OddPeer peer = odd_server([](OddHttp2& server, int32_t stream, int) {
    std::vector<Header> head{{":status", "200"}};
    if (stream == 1)
      head.push_back({"content-length", "5"});
    else
      head.resize(300, {"more", "of it"});
    server.head(stream, head, true);
  });
  TestClient client;
  EXPECT_EQ(code_of(client.request_and_wait(post(peer.url()))), "http.bad_response");
  EXPECT_EQ(code_of(client.request_and_wait(post(peer.url()))), "http.bad_response");
}

TEST(ClientHttp2Faults, NobodyListensIsToldAsOverHttp1) {
  TestClient client;
  const ClientResult refused = client.request_and_wait(post("http://127.0.0.1:1/"));
  EXPECT_EQ(code_of(refused), "http.connect_failed");
  EXPECT_FALSE(refused.may_have_been_sent);
  OddPeer silent([](int fd, int) {
    char chunk[16384];
    (void)!::recv(fd, chunk, sizeof chunk, 0);
  });
  EXPECT_EQ(code_of(client.request_and_wait(post(silent.url()))), "http.connection_lost");
}

}  // namespace
}  // namespace switchyard::http
