// HTTP/2 through sockets and threads: what a session alone does not show.
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "switchyard/http/server.h"
#include "tests/http2_peer.h"
#include "tests/raw_socket.h"

namespace switchyard::http {
namespace {

using testing::Http2Peer;
using testing::RawSocket;

/// One thread that does what it is given.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { run(); }) {}
  ~Elsewhere() {
    give(nullptr);
    thread_.join();
  }
  void give(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    changed_.notify_one();
  }

 private:
  void run() {
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !work_.empty(); });
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      if (!work) return;
      work();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;  // guarded by mutex_
  std::thread thread_;
};

/// Gives back what it gets, by way of another thread, and reads on when its client has taken it.
class Echo : public std::enable_shared_from_this<Echo> {
 public:
  Echo(Request request, Responder responder, Elsewhere& elsewhere)
      : request_(std::move(request)), elsewhere_(elsewhere) {
    answers_ = responder.begin_stream({200, "text/plain", {}, {}});
  }
  void read() {
    request_.body_stream()->read([self = shared_from_this()](BodyPiece piece) {
      self->elsewhere_.give([self, piece = std::move(piece)] {
        self->request_.body_stream()->post([self, piece] { self->answer(piece); });
      });
    });
  }

 private:
  void answer(const BodyPiece& piece) {
    if (piece.then != BodyPiece::Then::kMore) {
      answers_.write(piece.data);
      return answers_.end({{"x-end", piece.then == BodyPiece::Then::kEnd ? "client" : "server"}});
    }
    answers_.write(piece.data, [self = shared_from_this()] { self->read(); });
  }
  Request request_;
  Elsewhere& elsewhere_;
  Stream answers_;
};

class Http2Server : public ::testing::Test {
 protected:
  void start(ServerOptions options) {
    options.streamed_paths = {"/echo"};
    server_ = std::make_unique<Server>(std::move(options), [this](Request&& request, Responder responder) {
      std::make_shared<Echo>(std::move(request), std::move(responder), elsewhere_)->read();
    });
    server_->start().value();
  }
  void TearDown() override { server_->stop(); }

  struct Client {
    explicit Client(uint16_t port) : socket(port) {}
    /// Bytes go to and fro until it is so. False: the server says nothing more.
    bool until(const std::function<bool()>& is_so) {
      while (true) {
        socket.send(peer.output());
        if (is_so()) return true;
        const std::string bytes = socket.read_some();
        if (bytes.empty()) return false;
        peer.input(bytes);
      }
    }
    RawSocket socket;
    Http2Peer peer;
  };

  Elsewhere elsewhere_;
  std::unique_ptr<Server> server_;
};

TEST_F(Http2Server, BodiesAreAnsweredByOtherThreadsWhileTheyCome) {
  ServerOptions options;
  options.threads = 2;
  start(options);
  std::vector<std::thread> clients;
  for (int n = 0; n < 4; ++n)
    clients.emplace_back([this] {
      Client client(server_->port());
      std::string text;
      for (int i = 0; text.size() < 300'000; ++i) text += std::to_string(i) + ",";
      const std::string first = text.substr(0, 1000);
      std::vector<int32_t> ids;
      for (int i = 0; i < 3; ++i) ids.push_back(client.peer.request("POST", "/echo", {}, &first, false));
      for (const int32_t id : ids)
        EXPECT_TRUE(client.until([&] { return client.peer.reply(id).body == first; }));
      for (const int32_t id : ids) client.peer.send(id, std::string_view(text).substr(1000), true);
      for (const int32_t id : ids) {
        EXPECT_TRUE(client.until([&] { return client.peer.reply(id).ended; }));
        EXPECT_TRUE(client.peer.reply(id).body == text);
        EXPECT_EQ(client.peer.reply(id).trailer("x-end"), "client");
      }
    });
  for (std::thread& client : clients) client.join();
}

TEST_F(Http2Server, ClientsThatLeaveInTheMiddleLeaveNothingBehind) {
  start({});
  const std::string body(100'000, 'x');
  for (int i = 0; i < 50; ++i) {
    Client client(server_->port());
    const int32_t id = client.peer.request("POST", "/echo", {}, &body, false);
    client.until([&] { return !client.peer.reply(id).body.empty(); });
    if (i % 2 == 0)
      client.socket.reset();
    else
      nghttp2_submit_rst_stream(client.peer.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    if (i % 2 == 1) client.socket.send(client.peer.output());
  }
  Client last(server_->port());
  const int32_t id = last.peer.request("POST", "/echo", {}, &body);
  EXPECT_TRUE(last.until([&] { return last.peer.reply(id).ended; }));
  EXPECT_TRUE(last.peer.reply(id).body == body);
}

TEST_F(Http2Server, AStopEndsStreamsBehindWhatHasCome) {
  start({});
  Client client(server_->port());
  const std::string first = "one";
  const int32_t id = client.peer.request("POST", "/echo", {}, &first, false);
  EXPECT_TRUE(client.until([&] { return client.peer.reply(id).body == "one"; }));
  std::thread stops([this] { server_->stop(); });
  EXPECT_TRUE(client.until([&] { return client.peer.reply(id).ended; }));
  EXPECT_EQ(client.peer.reply(id).trailer("x-end"), "server");
  EXPECT_TRUE(client.peer.goaway());
  stops.join();
}

TEST_F(Http2Server, AQuietStreamIsAskedForASignOfLifeAndGoesOn) {
  ServerOptions options;
  options.idle_timeout_ms = 40;
  start(options);
  Client client(server_->port());
  const std::string first = "one";
  const int32_t id = client.peer.request("POST", "/echo", {}, &first, false);
  EXPECT_TRUE(client.until([&] { return client.peer.pings() >= 3; }));
  client.peer.send(id, "two", true);
  EXPECT_TRUE(client.until([&] { return client.peer.reply(id).ended; }));
  EXPECT_EQ(client.peer.reply(id).body, "onetwo");
}

}  // namespace
}  // namespace switchyard::http
