#include "client_http2.h"

#include <utility>

#include "switchyard/http/limits.h"

namespace switchyard::http {
namespace {

using boost::system::error_code;

constexpr size_t kReadBytes = 64u << 10;

}  // namespace

Http2ClientConnection::Http2ClientConnection(ClientCore& core, const Url& url)
    : ClientConnection(core, url), session_(url.origin(), *this) {}

void Http2ClientConnection::serve(std::shared_ptr<Exchange> exchange) {
  exchange->connection = weak_from_this();
  idle_since_ = Clock::time_point::max();
  if (session_.is_settled()) {
    session_.begin(std::move(exchange), true);
    return flush();
  }
  waiting_.push_back(std::move(exchange));
  if (!connected() && waiting_.size() == 1) connect();
}

bool Http2ClientConnection::has_room() const {
  if (closed()) return false;
  return session_.is_settled() ? session_.has_room()
                               : waiting_.size() < kHttp2ClientStreams && !session_.is_leaving();
}

void Http2ClientConnection::abandon(const std::shared_ptr<Exchange>& exchange, bool late) {
  if (std::erase(waiting_, exchange) > 0) {
    if (waiting_.empty() && !connected()) close();
    return;
  }
  session_.drop(exchange);
  if (late && heard_at_ < exchange->placed_at) session_.retire();
  progress();
}

void Http2ClientConnection::ready() {
  in_.resize(kReadBytes);
  session_.begin(std::move(waiting_.front()), false);
  waiting_.erase(waiting_.begin());
  read();
  flush();
}

void Http2ClientConnection::begin_waiting() {
  for (auto& exchange : std::exchange(waiting_, {})) {
    if (session_.has_room()) {
      session_.begin(std::move(exchange), false);
    } else {
      exchange->connection.reset();
      core_.place(exchange, false);
    }
  }
}

void Http2ClientConnection::fail(Error error) {
  const auto self = this->self();  // nobody else may hold it any more
  const auto exchanges = std::exchange(waiting_, {});
  close();
  for (const auto& exchange : exchanges) core_.finish(exchange, error, false);
}

void Http2ClientConnection::end(Http2ClientSession::End end) {
  Exchange& exchange = *end.exchange;
  exchange.connection.reset();
  if (end.untouched) exchange.may_have_been_sent = false;
  const bool was_dead = end.reused && exchange.may_repeat && !end.answered && closed();
  if (!end.response.ok() && !exchange.repeated && (end.untouched || was_dead))
    return core_.repeat(end.exchange, closed() || session_.is_leaving());
  core_.finish(end.exchange, std::move(end.response), end.reused);
}

void Http2ClientConnection::read() {
  transport_.async_read_some(boost::asio::buffer(in_),
                             [self = self()](const error_code& error, size_t bytes) {
                               if (self->closed()) return;
                               if (error) return self->lost(error.message());
                               self->heard_at_ = Clock::now();
                               self->in_session_ = true;
                               self->session_.receive({self->in_.data(), bytes});
                               if (self->session_.is_settled()) self->begin_waiting();
                               self->in_session_ = false;
                               self->progress();
                               if (!self->closed()) self->read();
                             });
}

void Http2ClientConnection::lost(const std::string& why) {
  const auto self = this->self();
  close();
  session_.lose(why);
  for (auto& exchange : std::exchange(waiting_, {}))
    end({std::move(exchange),
         unavailable("http.connection_lost", origin_ + " closed the connection (" + why + ")."), false, true,
         false});
}

void Http2ClientConnection::flush() {
  if (closed() || in_session_) return;
  in_session_ = true;
  // Who is told an end may begin the next at once.
  while (session_.fill(pending_, kHttp2OutputBytes)) {
  }
  in_session_ = false;
  if (session_.is_broken()) return lost("it does not keep to HTTP/2");
  if (session_.is_leaving()) core_.retire(self());
  if (session_.is_leaving() && session_.live() == 0) return lost("it takes nothing more");
  if (session_.is_idle() && waiting_.empty() && idle_since_ == Clock::time_point::max())
    idle_since_ = Clock::now();
  write();
}

void Http2ClientConnection::progress() {
  const auto self = this->self();
  flush();
  if (has_room()) core_.give_back(self);
}

void Http2ClientConnection::write() {
  if (writing_ || closed()) return;
  if (in_flight_.empty()) in_flight_.swap(pending_);
  if (in_flight_.empty()) return;
  writing_ = true;
  transport_.async_write_some(in_flight_.front(), [self = self()](const error_code& error, size_t bytes) {
    self->writing_ = false;
    // A failed write is no verdict: answers may have come already. Reading tells.
    if (error || self->closed()) return;
    self->in_flight_.consume(bytes);
    self->progress();
  });
}

}  // namespace switchyard::http
