#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/http/message.h"

namespace switchyard::http {

/// Where an answer goes. Implemented by a server's connection, and by LocalAnswer for calls in the process.
/// All functions may be called from any thread.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void answer(uint64_t sequence, Response response) = 0;
  virtual void begin_stream(uint64_t sequence, Response head) = 0;
  /// False when the client is gone or too far behind; the stream is then of no use any more.
  virtual bool write_stream(uint64_t sequence, std::string data) = 0;
  /// As Stream::write() with `taken`.
  virtual bool write_stream(uint64_t sequence, std::string data, std::function<void()> taken) {
    const bool wanted = write_stream(sequence, std::move(data));
    if (wanted) taken();
    return wanted;
  }
  /// `whole` false: the stream broke off; the client sees a truncated answer, never a well-ended one.
  virtual void end_stream(uint64_t sequence, bool whole, std::vector<Header> trailers) = 0;
  virtual bool is_connected() const = 0;
  virtual void on_disconnect(uint64_t sequence, std::function<void()> callback) = 0;
};

/// Something that wants to see an answer before it leaves, and to know when it is complete (its destruction):
/// access log, admission, request ids.
class ResponseHook {
 public:
  virtual ~ResponseHook() = default;
  /// Called once, on the thread that answers; may add headers and replace the body.
  virtual void before_send(Response& response) = 0;
  /// Instead of before_send() for an answer that comes in pieces: `head` is all there is so far.
  virtual void before_stream(Response& head) { before_send(head); }
};

/// The body of an answer written piece by piece (chunked; server-sent events). Movable, one owner, any
/// thread, one at a time. Destroyed before end(), it cuts the connection so that the client notices.
class Stream {
 public:
  Stream() = default;
  Stream(std::shared_ptr<AnswerSink> sink, uint64_t sequence, std::unique_ptr<ResponseHook> hook)
      : sink_(std::move(sink)), sequence_(sequence), hook_(std::move(hook)) {}
  Stream(Stream&&) = default;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream() { finish(false); }

  /// False when the client is gone or more than kMaxStreamBacklogBytes behind: stop producing.
  bool write(std::string data) { return sink_ && sink_->write_stream(sequence_, std::move(data)); }
  /// Calls `taken` on the server's thread when all of `data` has gone as far as the client's flow control
  /// lets it, and never when the client has gone. Such data may be of any size: its writer waits, so that
  /// little of it piles up. Where there is no flow control but the connection's (HTTP/1.1) it is called at
  /// once, and the limit above holds. False as above.
  bool write(std::string data, std::function<void()> taken) {
    return sink_ && sink_->write_stream(sequence_, std::move(data), std::move(taken));
  }
  /// `trailers` take the place of the head's.
  void end(std::vector<Header> trailers = {}) { finish(true, std::move(trailers)); }
  bool is_connected() const { return sink_ && sink_->is_connected(); }

 private:
  void finish(bool whole, std::vector<Header> trailers = {});
  std::shared_ptr<AnswerSink> sink_;
  uint64_t sequence_ = 0;
  std::unique_ptr<ResponseHook> hook_;
};

/// The right to answer one request, once, from any thread, now or later. Dropped unanswered it answers 500
/// "http.dropped_unanswered". It may outlive its server: the answer then goes nowhere.
class Responder {
 public:
  Responder() = default;
  Responder(std::shared_ptr<AnswerSink> sink, uint64_t sequence)
      : sink_(std::move(sink)), sequence_(sequence) {}
  Responder(Responder&&) = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder() { drop(); }

  /// Requires: not answered before. Never blocks.
  void send(Response response);
  /// Sends the head with `Transfer-Encoding: chunked`; head.body, if any, is the first piece.
  Stream begin_stream(Response head);

  /// False once the client closed its side or the connection broke. A client that closes only its writing
  /// side still gets its answer.
  bool is_connected() const { return sink_ && sink_->is_connected(); }
  /// Calls `callback` once when that happens before the answer is written, on the server's thread (at once
  /// when it happened already). It must not block. The last callback set wins.
  void on_disconnect(std::function<void()> callback);
  /// At most one hook; called by send() or begin_stream() and destroyed when the answer is handed over whole.
  void set_hook(std::unique_ptr<ResponseHook> hook) { hook_ = std::move(hook); }
  /// True until answered.
  explicit operator bool() const { return sink_ != nullptr; }

 private:
  void drop();
  std::shared_ptr<AnswerSink> sink_;
  uint64_t sequence_ = 0;
  std::unique_ptr<ResponseHook> hook_;
};

/// A Responder whose answer is given to `callback` on the answering thread: for calls without a socket.
Responder local_responder(std::function<void(Response)> callback);

class LocalAnswer;

/// A client within the process, which can leave before it has its answer. Thread-safe.
class LocalClient {
 public:
  explicit LocalClient(std::function<void(Response)> callback);
  /// The right to answer it, once.
  Responder responder();
  /// What the end of a connection is to a request that came over one. The callback may be called all the
  /// same.
  void leave();

 private:
  std::shared_ptr<LocalAnswer> answer_;  // shared with the Responder
};

/// While one lives on a thread, answers sent from that thread wake each server thread at most once, when it
/// ends. A partition that releases a batch of answers holds one around the batch.
class AnswerBatch {
 public:
  AnswerBatch();
  ~AnswerBatch();
  AnswerBatch(const AnswerBatch&) = delete;
  AnswerBatch& operator=(const AnswerBatch&) = delete;
};

/// Called on a server thread; must not block. An exception that leaves it is answered with 500.
using Handler = std::function<void(Request&&, Responder)>;

class Client;

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< numeric; "0.0.0.0" or "::" for all interfaces
  uint16_t port = 0;                  ///< 0: the system chooses, see Server::port()
  int threads = 1;
  /// Serves on the threads of this client instead, which is running and is stopped after the server: what
  /// comes in and goes on to another server then needs no second thread.
  Client* share_threads_of = nullptr;
  size_t max_header_bytes = 16u << 10;  ///< request line and fields; over it: 431
  size_t max_body_bytes = 4u << 20;     ///< over it: 413
  size_t max_connections = 10'000;      ///< over it: 503 and closed
  size_t max_pipelined = 32;            ///< unanswered requests of one connection; further ones wait unread
  int64_t idle_timeout_ms = 75'000;     ///< between requests
  int64_t request_read_timeout_ms = 30'000;  ///< from a request's first byte to its last; over it: 408
  int64_t write_timeout_ms = 30'000;         ///< without progress while an answer waits to be sent
  int64_t drain_timeout_ms = 10'000;         ///< how long stop() waits for requests in flight
  bool http2 = true;                         ///< beside HTTP/1.1: by ALPN on TLS, else by prior knowledge
  uint32_t max_concurrent_streams = 100;     ///< requests of one HTTP/2 connection at once; more are refused
  /// Requests for exactly these paths are handed over when their head has come, if they come over HTTP/2:
  /// their body is Request::body_stream(), and max_body_bytes is no limit to it.
  std::vector<std::string> streamed_paths;
  std::vector<Header> default_headers;  ///< added to every answer that does not set them itself
  std::string tls_certificate_file;     ///< PEM chain; empty: plain HTTP
  std::string tls_key_file;             ///< PEM
  /// PEM certificates of who may sign clients' certificates; empty: clients are asked for none. One that is
  /// shown must be good, or the handshake fails; see Request::client_certificate().
  std::string tls_client_ca_file;
  bool tls_client_required = false;  ///< no handshake without a client's certificate
};

/// Counted since start(); each figure is exact, the set is not one moment's.
struct ServerStats {
  uint64_t connections_accepted = 0;
  uint64_t connections_refused = 0;  ///< over max_connections
  uint64_t connections_open = 0;
  uint64_t requests = 0;      ///< handed to the handler
  uint64_t bad_requests = 0;  ///< answered 4xx before the handler
  uint64_t timeouts = 0;      ///< connections closed for one
  uint64_t handler_exceptions = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t wakeups = 0;  ///< times answers of other threads woke a server thread
  uint64_t answers_from_other_threads = 0;
};

/// A server of HTTP/1.1 (keep-alive, pipelining with answers in order, chunked requests, Expect:
/// 100-continue) and of HTTP/2. Every connection belongs to one of `threads` threads. Malformed, ambiguous or
/// too large requests are answered with problem details and the connection is closed.
class Server {
 public:
  Server(ServerOptions options, Handler handler);
  /// Requires: stopped (or never started).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds, listens and starts the threads. kUnavailable "http.bind_failed", kInvalidArgument
  /// "http.bad_address" or "http.bad_tls_file".
  Status start();
  /// Accepts no more, closes idle connections, waits up to drain_timeout_ms for answers in flight, closes the
  /// rest, joins the threads. Not from a handler. May be called twice.
  void stop();
  /// The port bound; valid after start().
  uint16_t port() const;
  ServerStats stats() const;
  /// How long what arrives waits for its thread: the newest figure of the thread that is furthest behind, in
  /// microseconds. Each call begins the next measurement, so the figure is as old as the call before.
  int64_t measure_queue_delay_us();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::http
