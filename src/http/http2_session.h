#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "output.h"
#include "switchyard/http/server.h"
#include "worker.h"

struct nghttp2_session;

namespace switchyard::http {

/// Takes an answer from any thread to the one that its session lives on, which gives it to apply().
class Http2Outbox {
 public:
  virtual ~Http2Outbox() = default;
  virtual void take_answer(OutboxMessage message) = 0;
};

/// Where the answer of one stream goes. Shared by the stream and its Responder.
class Http2Answer final : public AnswerSink {
 public:
  explicit Http2Answer(std::shared_ptr<Http2Outbox> outbox) : outbox_(std::move(outbox)) {}

  // Any thread.
  void answer(uint64_t sequence, Response response) override;
  void begin_stream(uint64_t sequence, Response head) override;
  bool write_stream(uint64_t sequence, std::string data) override;
  bool write_stream(uint64_t sequence, std::string data, std::function<void()> taken) override;
  void end_stream(uint64_t sequence, bool whole, std::vector<Header> trailers) override;
  bool is_connected() const override { return connected_.load(std::memory_order_acquire); }
  void on_disconnect(uint64_t sequence, std::function<void()> callback) override;

  // The session's thread.
  void set_gone() { connected_.store(false, std::memory_order_release); }
  void sent(size_t bytes) { backlog_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::shared_ptr<Http2Outbox> outbox_;  // shared: an answer may come after the connection's end
  std::atomic<bool> connected_{true};
  std::atomic<size_t> backlog_bytes_{0};
};

/// The body of a streamed request, for its handler.
class Http2Body final : public BodyStream {
 public:
  Http2Body(std::shared_ptr<Http2Outbox> outbox, int32_t stream)
      : outbox_(std::move(outbox)), stream_(static_cast<uint64_t>(stream)) {}
  void read(OnPiece on_piece, TimePoint until) override;
  void post(std::function<void()> work) override;

 private:
  const std::shared_ptr<Http2Outbox> outbox_;  // shared: it may be asked after the connection's end
  const uint64_t stream_;
};

/// The server's side of one HTTP/2 connection (RFC 9113), as bytes in and bytes out: nghttp2 does frames,
/// header compression and flow control; this class makes requests of them, and frames of answers, and keeps
/// to the limits. A request is dispatched when it is whole, or with its head when its path is one of
/// streamed_paths. Lives on one thread, takes no clock and no socket.
class Http2Session {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// What surrounds a session; outlives it.
  class Host {
   public:
    virtual ~Host() = default;
    virtual std::shared_ptr<Http2Outbox> outbox() = 0;
    /// Never called inside another of the session's functions than receive(); may call apply().
    virtual void dispatch(Request request, Responder responder) = 0;
    virtual void count_refusal() = 0;
    virtual void count_timeout() = 0;
    virtual std::string_view date() = 0;  ///< of the Date field
    virtual int64_t unix_us() = 0;
  };

  Http2Session(const ServerOptions& options, std::string remote_address, Host& host);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  /// Takes what the client sent, its preface first. False: it cannot go on; send what fill() gives, then
  /// close.
  bool receive(std::string_view bytes, TimePoint now);
  /// Appends what can be sent now, until `out` has about `most` bytes.
  void fill(Output& out, size_t most, TimePoint now);
  /// An answer, or a part of one. True when fill() may have more because of it.
  bool apply(OutboxMessage& message);

  /// Resets the streams whose request does not come, or whose answer is not taken, in time; tells readers of
  /// streams that theirs is over.
  void check_deadlines(TimePoint now);
  /// GOAWAY: what has begun is answered, nothing new is taken, and who reads a stream is told.
  void begin_drain();
  /// Asks the client for a sign of life; none comes from a machine that has gone, and the system notices.
  void ping();
  /// Everybody who waits for a stream is told that the client is gone.
  void abandon();
  /// Streams that are open, or reset and not answered yet.
  size_t streams() const { return streams_.size(); }
  /// Both sides have said that they are done, and everything is sent.
  bool is_over() const;

 private:
  struct Callbacks;  // what nghttp2 calls
  friend struct Callbacks;
  struct Stream;

  Stream* find(int64_t id);
  void begin_stream(int32_t id);
  void add_header(Stream& stream, std::string_view name, std::string_view value);
  void end_head(Stream& stream, bool last);
  void add_body(Stream& stream, std::string_view bytes);
  void end_request(Stream& stream);
  void refuse(Stream& stream, int status, std::string code, std::string message);
  void dispatch_ready();
  bool tell();
  void close_stream(int32_t id);
  void spend(uint32_t frames);

  void submit(Stream& stream, bool streams);
  bool is_streamed(const Stream& stream) const;
  void add_piece(Stream& stream, std::string_view bytes);
  void hand_piece(Stream& stream);
  void forget_pieces(Stream& stream);
  void unread_less(size_t bytes);

  void append_pieces(Stream& stream, OutboxMessage& message);
  void reset(Stream& stream, uint32_t error_code);
  int64_t read_answer(Stream& stream, uint8_t* to, size_t room, uint32_t* flags);
  void forget(Stream& stream);

  const ServerOptions& options_;
  const std::string remote_address_;
  Host& host_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::unique_ptr<Stream>> streams_;
  std::vector<int32_t> ready_;               // whole requests, to be dispatched after nghttp2 has returned
  std::vector<int32_t> fed_;                 // streams whose body came or ended, likewise
  std::vector<std::function<void()>> told_;  // to be called after nghttp2 has returned
  size_t body_bytes_ = 0;                    // of requests that are not whole
  size_t unread_bytes_ = 0;                  // of streamed bodies, not handed on
  size_t owed_bytes_ = 0;                    // of them, not given back to the connection's window
  double frame_budget_;                      // of frames that bring no work and cost some; refills with time
  TimePoint now_;
  TimePoint budget_at_;
  bool calm_ = false;      // the client floods: the connection ends
  bool broken_ = false;    // nghttp2 gave up
  bool draining_ = false;  // GOAWAY was submitted
};

}  // namespace switchyard::http
