#include "worker.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <future>

#include "client_core.h"
#include "connection.h"
#include "response_writer.h"

namespace switchyard::http {
namespace {

/// The workers a thread has to wake when its outermost AnswerBatch ends.
struct HeldWakes {
  int depth = 0;
  std::vector<std::shared_ptr<Worker>> workers;
};
thread_local HeldWakes held_wakes;

/// Often enough that no timeout is late by more than a quarter, never so often that it costs.
std::chrono::milliseconds sweep_interval(const ServerOptions& options) {
  const int64_t shortest = std::min(
      {options.idle_timeout_ms, options.request_read_timeout_ms, options.write_timeout_ms, kLingerMs});
  return std::chrono::milliseconds(std::clamp<int64_t>(shortest / 4, 5, 500));
}

}  // namespace

AnswerBatch::AnswerBatch() { ++held_wakes.depth; }

AnswerBatch::~AnswerBatch() {
  if (--held_wakes.depth > 0) return;
  for (const auto& worker : held_wakes.workers) worker->wake();
  held_wakes.workers.clear();
}

Worker*& Worker::current() {
  thread_local Worker* worker = nullptr;
  return worker;
}

Worker::Worker(std::shared_ptr<ServerContext> context, std::shared_ptr<ClientCore> shared)
    : context_(std::move(context)),
      shared_(std::move(shared)),
      io_(shared_ != nullptr ? shared_->io() : own_io_.emplace(1)),
      sweep_timer_(io_),
      sweep_every_(sweep_interval(context_->options)) {
  if (shared_ == nullptr) guard_.emplace(io_.get_executor());
}

Worker::~Worker() = default;

void Worker::start() {
  boost::asio::post(io_, [self = shared_from_this()] {
    current() = self.get();
    self->sweep();
  });
  if (shared_ == nullptr) thread_ = std::thread([this] { io_.run(); });
}

void Worker::post(OutboxMessage message) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    outbox_.push_back(std::move(message));
    if (wake_pending_) return;
    wake_pending_ = true;
  }
  if (held_wakes.depth > 0) {
    held_wakes.workers.push_back(shared_from_this());
  } else {
    wake();
  }
}

void Worker::wake() {
  // After the loop's end nothing would take the task out again, and with it the worker would keep itself
  // alive.
  std::lock_guard lock(mutex_);
  if (!closed_) boost::asio::post(io_, [self = shared_from_this()] { self->deliver(); });
}

int64_t Worker::measure_queue_delay_us() {
  const auto now_us = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
  };
  const int64_t sent_us = probe_sent_us_.load(std::memory_order_acquire);
  if (sent_us != 0) return std::max(now_us() - sent_us, queue_delay_us_.load(std::memory_order_relaxed));
  const int64_t last_us = queue_delay_us_.load(std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (closed_) return 0;
  probe_sent_us_.store(now_us(), std::memory_order_release);
  boost::asio::post(io_, [self = shared_from_this(), now_us] {
    self->queue_delay_us_.store(now_us() - self->probe_sent_us_.load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
    self->probe_sent_us_.store(0, std::memory_order_release);
  });
  return last_us;
}

void Worker::deliver() {
  {
    std::lock_guard lock(mutex_);
    delivering_.swap(outbox_);
    wake_pending_ = false;
  }
  counters_.wakeups.add(1);
  counters_.remote_answers.add(delivering_.size());
  for (OutboxMessage& message : delivering_) {
    if (!message.connection->apply(message)) continue;
    touched_.push_back(std::move(message.connection));
  }
  delivering_.clear();
  // Only now does anything go out: one write per connection, however many of its requests were answered.
  for (const auto& connection : touched_) connection->progress();
  touched_.clear();
}

void Worker::sweep() {
  if (ended_) return;  // the timer had fired before finish() could cancel it
  const auto now = Clock::now();
  for (size_t i = connections_.size(); i-- > 0;)
    if (i < connections_.size()) std::shared_ptr(connections_[i])->check_deadlines(now);
  sweep_timer_.expires_after(sweep_every_);
  sweep_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->sweep();
  });
}

void Worker::add(std::shared_ptr<Connection> connection) {
  connection->set_index(connections_.size());
  connections_.push_back(std::move(connection));
}

void Worker::remove(Connection& connection) {
  const size_t index = connection.index();
  SY_CHECK(index < connections_.size() && connections_[index].get() == &connection);
  std::swap(connections_[index], connections_.back());
  connections_[index]->set_index(index);
  connections_.pop_back();
  context_->connections_open.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::begin_drain() {
  boost::asio::post(io_, [this] {
    draining_ = true;
    for (size_t i = connections_.size(); i-- > 0;)
      if (i < connections_.size()) std::shared_ptr(connections_[i])->begin_drain();
  });
}

void Worker::finish() {
  std::promise<void> done;
  boost::asio::post(io_, [this, &done] {
    while (!connections_.empty()) std::shared_ptr(connections_.back())->close();
    std::vector<OutboxMessage> undeliverable;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      undeliverable.swap(outbox_);
    }
    ended_ = true;
    sweep_timer_.cancel();
    guard_.reset();
    current() = nullptr;
    // Behind all that was ready to run before.
    boost::asio::post(io_, [&done] { done.set_value(); });
  });
  done.get_future().wait();
  if (thread_.joinable()) thread_.join();
}

std::string_view Worker::date() {
  const int64_t now = ::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    date_ = http_date(now);
  }
  return date_;
}

int64_t Worker::unix_us() const {
  using std::chrono::duration_cast;
  return duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace switchyard::http
