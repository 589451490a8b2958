// An HTTP/2 session takes any bytes, in any pieces, and holds to its limits.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "http2_session.h"
#include "switchyard/http/limits.h"

namespace {

using namespace switchyard::http;  // NOLINT: a fuzzer

/// Answers a body with itself while it comes.
class Echo : public std::enable_shared_from_this<Echo> {
 public:
  Echo(Request request, Responder responder)
      : request_(std::move(request)), answer_(responder.begin_stream({200, "text/plain", {}, {}})) {}
  void read() {
    request_.body_stream()->read(
        [self = shared_from_this()](BodyPiece piece) { self->take(std::move(piece)); });
  }

 private:
  void take(BodyPiece piece) {
    const bool ends = piece.then != BodyPiece::Then::kMore || piece.data.size() % 7 == 0;
    if (!ends) {
      answer_.write(std::move(piece.data), [self = shared_from_this()] { self->read(); });
      return;
    }
    answer_.write(std::move(piece.data));
    answer_.end({{"x-end", "yes"}});
  }
  Request request_;
  Stream answer_;
};

class Host final : public Http2Session::Host {
 public:
  explicit Host(bool late) : late_(late) {}
  void set_session(Http2Session* session) { box_->session = session; }

  struct Outbox final : Http2Outbox {
    void take_answer(OutboxMessage message) override {
      if (session != nullptr) session->apply(message);
    }
    Http2Session* session = nullptr;
  };
  std::shared_ptr<Http2Outbox> outbox() override { return box_; }
  void dispatch(Request request, Responder responder) override {
    if (request.body_stream() != nullptr)
      return std::make_shared<Echo>(std::move(request), std::move(responder))->read();
    if (late_ && waiting_.size() < 64) return waiting_.push_back(std::move(responder));
    if (request.path().size() % 2 == 0)
      return responder.send(Response::text(200, std::string(request.path().size() * 100, 'x')));
    Stream stream = responder.begin_stream({200, "text/plain", {}, "first"});
    stream.write(std::string(request.body()));
    if (request.body().size() % 2 == 0) stream.end();
  }
  void answer_all() {
    for (auto& responder : std::exchange(waiting_, {})) responder.send(Response::no_content());
  }
  void count_refusal() override {}
  void count_timeout() override {}
  std::string_view date() override { return "Sun, 06 Nov 1994 08:49:37 GMT"; }
  int64_t unix_us() override { return 1; }

 private:
  const std::shared_ptr<Outbox> box_ = std::make_shared<Outbox>();  // shared with answers
  const bool late_;
  std::vector<Responder> waiting_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0];
  ServerOptions options;
  options.max_header_bytes = 2048;
  options.max_body_bytes = 8192;
  options.max_concurrent_streams = 8;
  if ((data[1] & 2) != 0) options.streamed_paths = {"/", "/a"};
  Host host((data[1] & 1) != 0);
  Http2Session session(options, "192.0.2.1", host);
  host.set_session(&session);
  std::string_view rest(reinterpret_cast<const char*>(data + 2), size - 2);
  auto now = Http2Session::TimePoint() + std::chrono::hours(1);
  const auto drain = [&] {
    Output out;
    session.fill(out, kHttp2OutputBytes, now);
    if (session.streams() > options.max_concurrent_streams) std::abort();
  };
  while (!rest.empty()) {
    const auto part = rest.substr(0, piece);
    rest.remove_prefix(part.size());
    const bool goes_on = session.receive(part, now);
    drain();
    if (!goes_on) break;
    now += std::chrono::milliseconds(data[1]);
    if (part.size() % 3 == 0) host.answer_all();
    session.check_deadlines(now);
  }
  host.answer_all();
  session.begin_drain();
  drain();
  session.abandon();
  host.set_session(nullptr);
  return 0;
}
