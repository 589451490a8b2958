#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "switchyard/http/server.h"

namespace switchyard::http {

class ClientCore;
class Connection;

/// What all workers and connections of a server share; constant after start(). Connections that outlive their
/// server (through a Responder) keep it alive; the server takes the handler out when it is destroyed.
struct ServerContext {
  ServerOptions options;
  Handler handler;
  std::unique_ptr<boost::asio::ssl::context> tls;  // null: plain HTTP
  std::atomic<uint64_t> connections_open{0};
};

/// Written by the worker's thread alone, read by anyone.
struct Counter {
  std::atomic<uint64_t> value{0};
  void add(uint64_t n) { value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t get() const { return value.load(std::memory_order_relaxed); }
};
struct WorkerCounters {
  Counter requests, bad_requests, timeouts, handler_exceptions, bytes_received, bytes_sent, wakeups,
      remote_answers;
};

/// Something another thread wants done to a connection.
struct OutboxMessage {
  enum class Kind : uint8_t { kAnswer, kBeginStream, kStreamData, kEndStream, kOnDisconnect, kRead, kPost };
  Kind kind = Kind::kAnswer;
  bool whole = true;  // kEndStream
  uint64_t sequence = 0;
  std::shared_ptr<Connection> connection;
  Response response;               // kAnswer, kBeginStream; trailers alone: kEndStream
  std::string data;                // kStreamData
  std::function<void()> callback;  // kOnDisconnect, kPost; kStreamData: what is called when it has gone
  BodyStream::OnPiece on_piece;    // kRead
  BodyStream::TimePoint until;     // kRead
};

/// One thread with its event loop and the connections that live on it. Owned by the server and by its
/// connections, so that a late answer always finds a loop, running or not, to be handed to. All but post()
/// and on_this_thread() is for the worker's own thread.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  /// On the running thread of `shared`; on one of its own when that is null.
  Worker(std::shared_ptr<ServerContext> context, std::shared_ptr<ClientCore> shared);
  ~Worker();

  /// Any thread. Batched: the loop is woken once for all that is posted before it looks.
  void post(OutboxMessage message);
  bool on_this_thread() const { return current() == this; }
  /// From any thread: wakes the loop to look at the outbox.
  void wake();

  void start();
  /// From any thread: how long the last task that was posted for this waited, or the one that still waits;
  /// posts the next.
  int64_t measure_queue_delay_us();
  /// From the server's thread: no connection accepts another request; idle ones close.
  void begin_drain();
  /// From the server's thread: closes what is left; ends the loop and joins its thread, or waits until a
  /// shared loop has done all that the worker had left there.
  void finish();

  boost::asio::io_context& io() { return io_; }
  const ServerContext& context() const { return *context_; }
  WorkerCounters& counters() { return counters_; }
  bool is_draining() const { return draining_; }

  void add(std::shared_ptr<Connection> connection);
  void remove(Connection& connection);

  using Clock = std::chrono::steady_clock;
  /// The Date header's value, formed once a second.
  std::string_view date();
  int64_t unix_us() const;

 private:
  static Worker*& current();
  void deliver();
  void sweep();

  const std::shared_ptr<ServerContext> context_;
  const std::shared_ptr<ClientCore> shared_;
  std::optional<boost::asio::io_context> own_io_;
  boost::asio::io_context& io_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
  boost::asio::steady_timer sweep_timer_;
  std::chrono::milliseconds sweep_every_;
  WorkerCounters counters_;
  std::thread thread_;

  // Owned by the worker's thread.
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<OutboxMessage> delivering_;
  std::vector<std::shared_ptr<Connection>> touched_;
  std::string date_;
  int64_t date_second_ = 0;
  bool draining_ = false;
  bool ended_ = false;

  std::atomic<int64_t> probe_sent_us_{0};  // 0: none is under way
  std::atomic<int64_t> queue_delay_us_{0};

  std::mutex mutex_;
  std::vector<OutboxMessage> outbox_;  // guarded by mutex_
  bool wake_pending_ = false;          // guarded by mutex_
  bool closed_ = false;                // guarded by mutex_
};

}  // namespace switchyard::http
