#include "switchyard/http/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>

#include "connection.h"
#include "response_writer.h"
#include "switchyard/base/check.h"
#include "switchyard/http/client.h"
#include "switchyard/http/problem.h"
#include "tls.h"
#include "worker.h"

namespace switchyard::http {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// How long a listener waits after the system refused it a connection (no more file descriptors).
constexpr std::chrono::milliseconds kAcceptPause{50};

/// What a connection over the limit gets, best effort, before it is closed.
const std::string& full_answer() {
  static const std::string answer = [] {
    const Response response = problem(make_error(
        ErrorKind::kUnavailable, "http.too_many_connections",
        "The server has as many connections open as max_connections allows; close some or try again later."));
    std::string text;
    append_response_head(response, {.date = http_date(::time(nullptr)), .keep_alive = false}, text);
    return text + response.body;
  }();
  return answer;
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<ServerContext> context = std::make_shared<ServerContext>();
  std::vector<std::shared_ptr<Worker>> workers;
  std::optional<tcp::acceptor> acceptor;
  std::optional<boost::asio::steady_timer> accept_pause;
  size_t next_worker = 0;
  uint16_t port = 0;
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> refused{0};
  bool running = false;

  Status listen();
  void accept();
  void take(tcp::socket socket, const std::shared_ptr<Worker>& worker);
};

Server::Server(ServerOptions options, Handler handler) : impl_(std::make_unique<Impl>()) {
  impl_->context->options = std::move(options);
  impl_->context->handler = std::move(handler);
}

Server::~Server() {
  SY_CHECK(!impl_->running);
  impl_->context->handler = nullptr;
}

Status Server::Impl::listen() {
  const ServerOptions& options = context->options;
  error_code error;
  const auto address = boost::asio::ip::make_address(options.address, error);
  if (error)
    return make_error(
        ErrorKind::kInvalidArgument, "http.bad_address",
        "'" + options.address + "' is no numeric address to listen on; write 127.0.0.1, 0.0.0.0 or ::.");
  const tcp::endpoint endpoint(address, options.port);
  const auto failed = [&](const char* what) {
    return make_error(ErrorKind::kUnavailable, "http.bind_failed",
                      "Cannot listen on " + options.address + " port " + std::to_string(options.port) + " (" +
                          what + ": " + error.message() + "); free the port or choose another.");
  };
  acceptor.emplace(workers[0]->io());
  acceptor->open(endpoint.protocol(), error);
  if (error) return failed("open");
  acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  acceptor->bind(endpoint, error);
  if (error) return failed("bind");
  acceptor->listen(1024, error);
  if (error) return failed("listen");
  port = acceptor->local_endpoint(error).port();
  return {};
}

Status Server::start() {
  SY_CHECK(!impl_->running);
  const ServerOptions& options = impl_->context->options;
  if (!options.tls_certificate_file.empty()) {
    auto tls = make_server_tls(options);
    if (!tls.ok()) return std::move(tls).error();
    impl_->context->tls = std::move(tls).value();
    if (options.http2) offer_http2(*impl_->context->tls);
  }
  if (options.share_threads_of != nullptr) {
    for (const auto& core : options.share_threads_of->cores())
      impl_->workers.push_back(std::make_shared<Worker>(impl_->context, core));
  } else {
    for (int i = 0; i < std::max(1, options.threads); ++i)
      impl_->workers.push_back(std::make_shared<Worker>(impl_->context, nullptr));
  }
  if (auto status = impl_->listen(); !status.ok()) {
    impl_->acceptor.reset();
    impl_->workers.clear();
    return status;
  }
  impl_->accept_pause.emplace(impl_->workers[0]->io());
  impl_->running = true;
  for (const auto& worker : impl_->workers) worker->start();
  boost::asio::post(impl_->workers[0]->io(), [impl = impl_.get()] { impl->accept(); });
  return {};
}

void Server::Impl::accept() {
  if (!acceptor->is_open()) return;
  const auto& worker = workers[next_worker];
  acceptor->async_accept(worker->io(), [this, worker](const error_code& error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted || !acceptor->is_open()) return;
    if (error) {
      accept_pause->expires_after(kAcceptPause);
      accept_pause->async_wait([this](const error_code& cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    next_worker = (next_worker + 1) % workers.size();
    take(std::move(socket), worker);
    accept();
  });
}

void Server::Impl::take(tcp::socket socket, const std::shared_ptr<Worker>& worker) {
  if (context->connections_open.load(std::memory_order_relaxed) >= context->options.max_connections) {
    refused.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (!context->tls) socket.write_some(boost::asio::buffer(full_answer()), ignored);
    return;
  }
  accepted.fetch_add(1, std::memory_order_relaxed);
  context->connections_open.fetch_add(1, std::memory_order_relaxed);
  auto connection = std::make_shared<Connection>(worker, std::move(socket));
  boost::asio::post(worker->io(), [worker, connection = std::move(connection)] {
    worker->add(connection);
    if (worker->is_draining()) return connection->close();
    connection->start();
  });
}

void Server::stop() {
  if (!impl_->running) return;
  impl_->running = false;
  boost::asio::post(impl_->workers[0]->io(), [impl = impl_.get()] {
    error_code ignored;
    impl->acceptor->close(ignored);
    impl->accept_pause->cancel();
  });
  for (const auto& worker : impl_->workers) worker->begin_drain();
  const auto until =
      Worker::Clock::now() + std::chrono::milliseconds(impl_->context->options.drain_timeout_ms);
  while (impl_->context->connections_open.load(std::memory_order_relaxed) > 0 && Worker::Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  for (const auto& worker : impl_->workers) worker->finish();
  // After the loops: both hold on to the first worker's.
  impl_->acceptor.reset();
  impl_->accept_pause.reset();
  impl_->workers.clear();
}

int64_t Server::measure_queue_delay_us() {
  int64_t longest_us = 0;
  for (const auto& worker : impl_->workers)
    longest_us = std::max(longest_us, worker->measure_queue_delay_us());
  return longest_us;
}

uint16_t Server::port() const { return impl_->port; }

ServerStats Server::stats() const {
  ServerStats stats;
  stats.connections_accepted = impl_->accepted.load(std::memory_order_relaxed);
  stats.connections_refused = impl_->refused.load(std::memory_order_relaxed);
  stats.connections_open = impl_->context->connections_open.load(std::memory_order_relaxed);
  for (const auto& worker : impl_->workers) {
    WorkerCounters& counters = worker->counters();
    stats.requests += counters.requests.get();
    stats.bad_requests += counters.bad_requests.get();
    stats.timeouts += counters.timeouts.get();
    stats.handler_exceptions += counters.handler_exceptions.get();
    stats.bytes_received += counters.bytes_received.get();
    stats.bytes_sent += counters.bytes_sent.get();
    stats.wakeups += counters.wakeups.get();
    stats.answers_from_other_threads += counters.remote_answers.get();
  }
  return stats;
}

}  // namespace switchyard::http
