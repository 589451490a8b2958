#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http2_session.h"
#include "switchyard/http/limits.h"
#include "tests/http2_peer.h"

namespace switchyard::http::testing {

/// A session and a client, joined by strings. Answers given outside handlers wait until pump().
class Wire final : public Http2Session::Host {
 public:
  explicit Wire(ServerOptions given = {}, uint32_t window = 65'535, bool reads = true)
      : options(std::move(given)), session(options, "192.0.2.7", *this), peer(window, reads) {}
  ~Wire() override { session.abandon(); }

  struct Outbox final : Http2Outbox {
    void take_answer(OutboxMessage message) override { messages.push_back(std::move(message)); }
    std::deque<OutboxMessage> messages;
  };

  std::shared_ptr<Http2Outbox> outbox() override { return box; }
  void dispatch(Request request, Responder responder) override {
    ++dispatched;
    if (handler)
      handler(std::move(request), std::move(responder));
    else
      waiting.push_back({std::move(request), std::move(responder)});
  }
  void count_refusal() override { ++refusals; }
  void count_timeout() override { ++timeouts; }
  std::string_view date() override { return "Sun, 06 Nov 1994 08:49:37 GMT"; }
  int64_t unix_us() override { return 42; }

  /// Bytes go to and fro until nobody has any left.
  void pump() {
    while (true) {
      while (!box->messages.empty()) {
        OutboxMessage message = std::move(box->messages.front());
        box->messages.pop_front();
        session.apply(message);
      }
      const std::string up = peer.output();
      if (!up.empty() && alive) alive = session.receive(up, now);
      Output down;
      session.fill(down, kHttp2OutputBytes, now);
      std::string bytes;
      for (const auto& piece : down.front())
        bytes.append(static_cast<const char*>(piece.data()), piece.size());
      ASSERT_LE(down.size(), kHttp2OutputBytes + 32'768);
      peer.input(bytes);
      if (up.empty() && bytes.empty() && box->messages.empty()) return;
    }
  }

  struct Waiting {
    Request request;
    Responder responder;
  };
  const ServerOptions options;
  std::shared_ptr<Outbox> box = std::make_shared<Outbox>();
  Http2Session session;
  Http2Peer peer;
  Handler handler;
  std::vector<Waiting> waiting;
  Http2Session::TimePoint now = Http2Session::TimePoint() + std::chrono::milliseconds(1'000'000);
  int dispatched = 0, refusals = 0, timeouts = 0;
  bool alive = true;
};

}  // namespace switchyard::http::testing
