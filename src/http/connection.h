#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http2_session.h"
#include "output.h"
#include "request_parser.h"
#include "switchyard/http/server.h"
#include "transport.h"
#include "worker.h"

namespace switchyard::http {

/// One client's connection. Lives on one worker's thread; only the AnswerSink functions may be called from
/// others. Requests get slots in the order they came; answers may arrive in any order and leave in the order
/// of the slots. Once the client has chosen HTTP/2, a session takes the place of parser and slots. Owned by
/// its worker until closed, and by the Responders of its unanswered requests.
class Connection final : public AnswerSink,
                         public Http2Outbox,
                         public Http2Session::Host,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Worker> worker, Transport::Tcp::socket socket);
  ~Connection() override = default;

  /// Begins the TLS handshake or reading.
  void start();

  // Any thread.
  void answer(uint64_t sequence, Response response) override;
  void begin_stream(uint64_t sequence, Response head) override;
  using AnswerSink::write_stream;
  bool write_stream(uint64_t sequence, std::string data) override;
  void end_stream(uint64_t sequence, bool whole, std::vector<Header> trailers) override;
  bool is_connected() const override { return connected_.load(std::memory_order_acquire); }
  void on_disconnect(uint64_t sequence, std::function<void()> callback) override;
  void take_answer(OutboxMessage message) override { hand_over(std::move(message)); }

  // The worker's thread.
  /// Puts the message in its slot; true when progress() can send something because of it.
  bool apply(OutboxMessage& message);
  /// Sends what can be sent, takes further requests, reads on or closes.
  void progress();
  void check_deadlines(Worker::Clock::time_point now);
  /// No further request; closes when what is in flight is answered.
  void begin_drain();
  void close();
  size_t index() const { return index_; }
  void set_index(size_t index) { index_ = index; }

 private:
  enum class SlotState : uint8_t { kWaiting, kReady, kStreaming };
  struct Slot {
    SlotState state = SlotState::kWaiting;
    bool head_only = false;
    bool http10 = false;
    bool keep_alive = true;
    bool head_written = false;  // of a stream
    bool ended = false;         // of a stream
    bool whole = true;          // of a stream
    Response response;
    std::string pieces;  // of a stream, framed, not yet in the output
    std::function<void()> on_disconnect;
  };

  void hand_over(OutboxMessage message);
  size_t unanswered() const { return slots_.size() - first_slot_; }
  Slot* slot(uint64_t sequence);

  void read_more();
  void on_read(const boost::system::error_code& error, size_t bytes);
  bool make_room();
  bool can_parse() const;
  void parse_available();
  bool begin_request();
  void dispatch(Request request, bool keep_alive, bool http10);
  void refuse(Refusal refusal);
  void handle(Request request, Responder responder);
  void peer_gone();

  // HTTP/2.
  bool choose_protocol();
  void start_http2();
  void progress_http2();
  void check_http2_deadlines(Worker::Clock::time_point now);
  // What the session asks of its host.
  std::shared_ptr<Http2Outbox> outbox() override { return shared_from_this(); }
  void dispatch(Request request, Responder responder) override {
    handle(std::move(request), std::move(responder));
  }
  void count_refusal() override { worker_->counters().bad_requests.add(1); }
  void count_timeout() override { worker_->counters().timeouts.add(1); }
  std::string_view date() override { return worker_->date(); }
  int64_t unix_us() override { return worker_->unix_us(); }

  void fill_output();
  void write_slot(Slot& slot);
  void write_stream_slot(Slot& slot);
  void write_head(const Slot& slot, bool keep_alive, bool chunked);
  void write_out();
  void on_written(size_t bytes);
  void write_later();
  void end_or_linger();

  // Constant after construction.
  const std::shared_ptr<Worker> worker_;
  const ServerOptions& options_;
  std::string remote_address_;

  // Any thread.
  std::atomic<bool> connected_{true};
  std::atomic<size_t> stream_backlog_bytes_{0};

  // Owned by the worker's thread.
  Transport transport_;
  std::shared_ptr<const ClientCertificate> client_certificate_;  // shared with its requests
  size_t index_ = 0;
  std::vector<char> in_;
  size_t message_at_ = 0;  // where the head being read begins; what is before it is done with
  size_t parse_at_ = 0;    // up to here the parser has read
  size_t in_end_ = 0;
  std::optional<RequestParser> parser_;
  std::unique_ptr<Http2Session> http2_;  // null: HTTP/1.1, or not known yet
  std::vector<Slot> slots_;
  size_t first_slot_ = 0;        // those before it are answered
  uint64_t first_sequence_ = 1;  // of slots_[first_slot_]
  Output pending_;               // filled while in_flight_ is being written
  Output in_flight_;
  Worker::Clock::time_point last_activity_;
  Worker::Clock::time_point request_began_;
  Worker::Clock::time_point last_write_;
  Worker::Clock::time_point linger_until_;
  size_t discarded_bytes_ = 0;
  bool protocol_known_ = false;
  bool handshaking_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool parser_is_hungry_ = false;  // it has seen all that is there and needs more
  bool progressing_ = false;
  bool calling_ = false;          // a message of the outbox calls somebody: what they send goes out behind it
  bool continue_wanted_ = false;  // the request being read waits for "100 Continue"
  bool no_more_requests_ = false;  // the client or an error ended the sequence; what follows is thrown away
  bool closing_ = false;           // the last answer is in the output
  bool lingering_ = false;
  bool end_of_input_ = false;
  bool closed_ = false;
};

}  // namespace switchyard::http
