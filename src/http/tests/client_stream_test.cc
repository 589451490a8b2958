// Answers that are read piece by piece.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "switchyard/http/client.h"
#include "switchyard/http/server.h"

namespace switchyard::http {
namespace {

class ClientStream : public testing::Test {
 protected:
  ClientStream()
      : server_(
            [] {
              ServerOptions options;
              options.drain_timeout_ms = 100;
              return options;
            }(),
            [this](Request&& request, Responder responder) {
              handle(std::move(request), std::move(responder));
            }),
        client_({}) {
    server_.start().value();
    client_.start().value();
  }
  ~ClientStream() override {
    if (stream_thread_.joinable()) stream_thread_.join();
    client_.stop();
    server_.stop();
  }

  virtual void handle(Request&& request, Responder responder) {
    if (request.path() == "/refused")
      return responder.send({429, "text/plain", {{"Retry-After", "7"}}, "later"});
    const bool whole = request.path() != "/broken";
    stream_ = responder.begin_stream({200, "text/event-stream", {}, {}});
    stream_thread_ = std::thread([this, whole] {
      for (int i = 0; i < 3; ++i) {
        stream_.write("piece " + std::to_string(i) + "\n");
        // The next is not written before this one was read: pieces are not gathered.
        seen_[i].get_future().wait();
      }
      if (whole) stream_.end();
      stream_ = {};
    });
  }

  ClientResult get(const std::string& target, std::function<bool(std::string_view)> piece) {
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(server_.port()) + target;
    request.on_body = [piece = std::move(piece)](const ClientResponse& head, std::string_view data) {
      EXPECT_EQ(head.status, 200);
      EXPECT_EQ(head.header("content-type"), "text/event-stream");
      return piece(data);
    };
    return client_.request_and_wait(std::move(request));
  }

  std::string text_;
  int pieces_ = 0;
  std::promise<void> seen_[3];
  std::thread stream_thread_;
  Stream stream_;
  Server server_;
  Client client_;
};

TEST_F(ClientStream, GivesEachPieceAsItComes) {
  const auto result = get("/whole", [this](std::string_view data) {
    text_ += data;
    if (pieces_ < 3) seen_[pieces_++].set_value();
    return true;
  });
  ASSERT_TRUE(result.response.ok()) << result.response.error().to_string();
  EXPECT_EQ(text_, "piece 0\npiece 1\npiece 2\n");
  EXPECT_EQ(result.response->body, "");
}

TEST_F(ClientStream, ABrokenStreamIsNeverAWholeOne) {
  const auto result = get("/broken", [this](std::string_view data) {
    text_ += data;
    if (pieces_ < 3) seen_[pieces_++].set_value();
    return true;
  });
  ASSERT_FALSE(result.response.ok());
  EXPECT_EQ(result.response.error().code, "http.truncated");
  EXPECT_EQ(text_, "piece 0\npiece 1\npiece 2\n");
}

TEST_F(ClientStream, EndsWhenNobodyWantsMore) {
  const auto result = get("/whole", [this](std::string_view) {
    for (auto& seen : seen_) seen.set_value();
    return false;
  });
  ASSERT_FALSE(result.response.ok());
  EXPECT_EQ(result.response.error().code, "http.cancelled");
}

TEST_F(ClientStream, ARefusalComesWhole) {
  const auto result = get("/refused", [](std::string_view) {
    ADD_FAILURE() << "a refusal is no stream";
    return true;
  });
  ASSERT_TRUE(result.response.ok());
  EXPECT_EQ(result.response->status, 429);
  EXPECT_EQ(result.response->body, "later");
}

}  // namespace
}  // namespace switchyard::http
