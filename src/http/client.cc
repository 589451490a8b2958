#include "switchyard/http/client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <iterator>

#include "client_connection.h"
#include "client_core.h"
#include "switchyard/base/check.h"
#include "tls.h"

namespace switchyard::http {
namespace {

constexpr std::chrono::seconds kSweepEvery{1};

Error cancelled() {
  return make_error(ErrorKind::kCancelled, "http.cancelled",
                    "The request was cancelled before it was answered.");
}

}  // namespace

ClientCore::ClientCore(ClientOptions options) : options_(std::move(options)) {}

Status ClientCore::start() {
  auto tls = make_client_tls(options_.verify_tls, options_.ca_file);
  if (!tls.ok()) return std::move(tls).error();
  tls_ = std::move(tls).value();
  resolver_ = std::make_unique<boost::asio::ip::tcp::resolver>(io_);
  sweep_timer_ = std::make_unique<boost::asio::steady_timer>(io_);
  guard_.emplace(io_.get_executor());
  accepting_ = true;
  thread_ = std::thread([this] {
    sweep();
    io_.run();
  });
  return {};
}

void ClientCore::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    accepting_ = false;
    boost::asio::post(io_, [this] { shut_down(); });
  }
  thread_.join();
}

bool ClientCore::run_soon(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  if (!accepting_) return false;
  boost::asio::post(io_, std::move(task));
  return true;
}

bool ClientCore::submit(std::shared_ptr<Exchange> exchange) {
  return run_soon([this, exchange = std::move(exchange)] { begin(exchange); });
}

void ClientCore::cancel(std::shared_ptr<Exchange> exchange) {
  run_soon([this, exchange = std::move(exchange)] { end_early(exchange, cancelled()); });
}

void ClientCore::begin(const std::shared_ptr<Exchange>& exchange) {
  exchanges_.insert(exchange);
  exchange->order = QueueOrder(begun_++, exchange->priority);
  exchange->timer =
      std::make_unique<boost::asio::steady_timer>(io_, std::chrono::milliseconds(exchange->timeout_ms));
  exchange->timer->async_wait([this, exchange](const boost::system::error_code& error) {
    if (error || exchange->done()) return;
    end_early(exchange, make_error(ErrorKind::kDeadlineExceeded, "http.timeout",
                                   exchange->url.origin() + " did not answer within " +
                                       std::to_string(exchange->timeout_ms) + " ms."));
  });
  place(exchange, false);
}

void ClientCore::serve_on(Origin& origin, const std::shared_ptr<ClientConnection>& connection,
                          const std::shared_ptr<Exchange>& exchange) {
  exchange->placed_at = ClientConnection::Clock::now();
  connection->serve(exchange);
  if (connection->has_room()) list(origin, connection);
}

void ClientCore::list(Origin& origin, const std::shared_ptr<ClientConnection>& connection) {
  if (connection->is_listed()) return;
  connection->set_listed(true);
  origin.usable.push_back(connection);
}

bool ClientCore::may_open(const Origin& origin, const Url& url) const {
  return origin.open.size() <
         (url.http2 ? options_.http2_connections_per_origin : options_.connections_per_origin);
}

void ClientCore::place(const std::shared_ptr<Exchange>& exchange, bool fresh) {
  Origin& origin = origins_[exchange->url.origin()];
  const bool opens = may_open(origin, exchange->url);
  while (!origin.usable.empty() && !(fresh && opens)) {
    const auto connection = std::move(origin.usable.back());
    origin.usable.pop_back();
    connection->set_listed(false);
    if (connection->has_room()) return serve_on(origin, connection, exchange);
  }
  if (opens) {
    const auto connection = make_client_connection(*this, exchange->url);
    origin.open.insert(connection);
    return serve_on(origin, connection, exchange);
  }
  origin.waiting.emplace(exchange->order, exchange);
  if (origin.waiting.size() <= options_.max_queued_per_origin) return;
  const auto last = std::prev(origin.waiting.end())->second;
  end_early(last, make_error(ErrorKind::kResourceExhausted, "http.queue_full",
                             "max_queued_per_origin = " + std::to_string(options_.max_queued_per_origin) +
                                 " requests of the same or a higher priority wait for a connection to " +
                                 last->url.origin() + " already."));
}

void ClientCore::place_waiting(Origin& origin) {
  while (!origin.waiting.empty()) {
    std::erase_if(origin.usable, [](const auto& connection) {
      connection->set_listed(connection->has_room());
      return !connection->is_listed();
    });
    const auto exchange = origin.waiting.begin()->second;
    if (origin.usable.empty() && !may_open(origin, exchange->url)) return;
    origin.waiting.erase(origin.waiting.begin());
    if (!exchange->done()) place(exchange, false);
  }
}

/// Later: the caller may be in the middle of ending another exchange.
void ClientCore::place_waiting_soon(const std::string& origin) {
  boost::asio::post(io_, [this, origin] {
    if (const auto place = origins_.find(origin); place != origins_.end()) place_waiting(place->second);
  });
}

void ClientCore::give_back(const std::shared_ptr<ClientConnection>& connection) {
  Origin& origin = origins_[connection->origin()];
  list(origin, connection);
  place_waiting(origin);
}

void ClientCore::retire(const std::shared_ptr<ClientConnection>& connection) {
  Origin& origin = origins_[connection->origin()];
  if (origin.open.erase(connection) == 0) return;
  std::erase(origin.usable, connection);
  origin.leaving.insert(connection);
  if (!origin.waiting.empty()) place_waiting_soon(connection->origin());
}

void ClientCore::forget(const std::shared_ptr<ClientConnection>& connection) {
  const auto found = origins_.find(connection->origin());
  if (found == origins_.end()) return;
  Origin& origin = found->second;
  origin.open.erase(connection);
  origin.leaving.erase(connection);
  std::erase(origin.usable, connection);
  if (!origin.waiting.empty()) place_waiting_soon(connection->origin());
}

void ClientCore::repeat(const std::shared_ptr<Exchange>& exchange, bool fresh) {
  exchange->repeated = true;
  exchange->connection.reset();
  place(exchange, fresh);
}

void ClientCore::finish(const std::shared_ptr<Exchange>& exchange, Result<ClientResponse> response,
                        bool reused) {
  if (exchange->done()) return;
  exchanges_.erase(exchange);
  if (exchange->timer) exchange->timer->cancel();
  const auto callback = std::exchange(exchange->callback, nullptr);
  callback({std::move(response), exchange->may_have_been_sent, reused});
}

void ClientCore::end_early(const std::shared_ptr<Exchange>& exchange, Error error) {
  if (exchange->done()) return;
  if (const auto connection = exchange->connection.lock()) {
    exchange->connection.reset();
    connection->abandon(exchange, error.kind == ErrorKind::kDeadlineExceeded);
  } else if (const auto found = origins_.find(exchange->url.origin()); found != origins_.end()) {
    found->second.waiting.erase(exchange->order);
  }
  finish(exchange, std::move(error), false);
}

void ClientCore::sweep() {
  if (ended_) return;  // the timer had fired before shut_down() could cancel it
  const auto before = ClientConnection::Clock::now() - std::chrono::milliseconds(options_.idle_timeout_ms);
  std::vector<std::shared_ptr<ClientConnection>> old;
  for (auto& [name, origin] : origins_)
    for (const auto& connection : origin.usable)
      if (connection->idle_since() < before) old.push_back(connection);
  for (const auto& connection : old) connection->close();
  std::erase_if(origins_, [](const auto& entry) {
    return entry.second.open.empty() && entry.second.leaving.empty() && entry.second.waiting.empty();
  });
  sweep_timer_->expires_after(kSweepEvery);
  sweep_timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

void ClientCore::shut_down() {
  while (!exchanges_.empty()) end_early(std::shared_ptr(*exchanges_.begin()), cancelled());
  for (auto& [name, origin] : origins_)
    for (auto* all : {&origin.open, &origin.leaving})
      while (!all->empty()) std::shared_ptr(*all->begin())->close();
  ended_ = true;
  resolver_->cancel();
  sweep_timer_->cancel();
  guard_.reset();
}

namespace {
std::string_view value_of(const std::vector<Header>& fields, std::string_view name) {
  for (const Header& field : fields)
    if (header_name_equal(field.name, name)) return field.value;
  return {};
}
}  // namespace

std::string_view ClientResponse::header(std::string_view name) const { return value_of(headers, name); }
std::string_view ClientResponse::trailer(std::string_view name) const { return value_of(trailers, name); }

struct Client::Impl {
  std::vector<std::shared_ptr<ClientCore>> cores;
  std::atomic<size_t> next{0};

  /// The one of the calling thread, else each in turn.
  const std::shared_ptr<ClientCore>& core() {
    if (cores.size() == 1) return cores.front();
    for (const auto& core : cores)
      if (core->on_this_thread()) return core;
    return cores[next.fetch_add(1, std::memory_order_relaxed) % cores.size()];
  }
};

struct Client::Handle::Target {
  std::shared_ptr<ClientCore> core;
  std::weak_ptr<Exchange> exchange;
};

void Client::Handle::cancel() {
  if (!target_) return;
  if (auto exchange = target_->exchange.lock()) target_->core->cancel(std::move(exchange));
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>()) {
  for (int i = 0; i < std::max(1, options.threads); ++i)
    impl_->cores.push_back(std::make_shared<ClientCore>(options));
}

Client::~Client() {
  for (const auto& core : impl_->cores) SY_CHECK(!core->running());
}

Status Client::start() {
  for (const auto& core : impl_->cores) {
    if (Status started = core->start(); !started.ok()) {
      stop();
      return started;
    }
  }
  return {};
}
void Client::stop() {
  for (const auto& core : impl_->cores) core->stop();
}
const std::vector<std::shared_ptr<ClientCore>>& Client::cores() const { return impl_->cores; }

Client::Handle Client::request(ClientRequest request, ClientCallback callback) {
  const std::shared_ptr<ClientCore>& shared = impl_->core();
  ClientCore& core = *shared;
  auto made = make_exchange(std::move(request), core.options());
  Handle handle;
  if (!made.ok()) {
    const auto told = std::make_shared<ClientCallback>(std::move(callback));
    if (!core.run_soon([told, error = made.error()] { (*told)({error, false, false}); }))
      (*told)({made.error(), false, false});
    return handle;
  }
  const std::shared_ptr<Exchange> exchange = std::move(made).value();
  exchange->callback = std::move(callback);
  handle.target_ = std::make_shared<Handle::Target>(Handle::Target{shared, exchange});
  if (!core.submit(exchange)) core.finish(exchange, cancelled(), false);
  return handle;
}

ClientResult Client::request_and_wait(ClientRequest request) {
  std::promise<ClientResult> promise;
  auto future = promise.get_future();
  this->request(std::move(request),
                [&promise](ClientResult result) { promise.set_value(std::move(result)); });
  return future.get();
}

}  // namespace switchyard::http
