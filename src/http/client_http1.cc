#include "client_http1.h"

#include <array>
#include <cstring>

namespace switchyard::http {
namespace {

using boost::system::error_code;

constexpr size_t kReadBytes = 16u << 10;

}  // namespace

void Http1ClientConnection::serve(std::shared_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = weak_from_this();
  parser_.emplace(exchange_->max_response_bytes, exchange_->is_head);
  written_ = 0;
  reused_ = connected();
  if (!connected()) return connect();
  write();
}

void Http1ClientConnection::write() {
  const std::string& head = exchange_->head;
  const std::string& body = exchange_->body;
  exchange_->may_have_been_sent = true;
  std::array<boost::asio::const_buffer, 2> buffers;
  if (written_ < head.size()) {
    buffers[0] = {head.data() + written_, head.size() - written_};
    buffers[1] = {body.data(), body.size()};
  } else {
    buffers[0] = {body.data() + (written_ - head.size()), body.size() - (written_ - head.size())};
  }
  writing_ = true;
  // The exchange is kept as long as the operation reads from it, whether or not its caller was told its end.
  transport_.async_write_some(buffers,
                              [self = self(), exchange = exchange_](const error_code& error, size_t bytes) {
                                self->writing_ = false;
                                if (self->closed() || self->exchange_ != exchange) return;
                                // A failed write is no verdict: the peer may have answered already and
                                // closed. Reading tells.
                                if (error) return;
                                self->written_ += bytes;
                                if (self->written_ < exchange->head.size() + exchange->body.size())
                                  self->write();
                              });
  read();
}

void Http1ClientConnection::read() {
  if (reading_ || closed()) return;
  if (in_used_ == in_.size()) in_.resize(std::max(kReadBytes, 2 * in_.size()));
  reading_ = true;
  transport_.async_read_some(
      boost::asio::buffer(in_.data() + in_used_, in_.size() - in_used_),
      [self = self()](const error_code& error, size_t bytes) { self->on_read(error, bytes); });
}

void Http1ClientConnection::on_read(const error_code& error, size_t bytes) {
  reading_ = false;
  if (closed()) return;
  if (!exchange_) return close();  // idle: the peer leaves, or talks without being asked
  if (error) return lost(error);
  in_used_ += bytes;
  while (true) {
    size_t consumed = 0;
    const auto outcome = parser_->feed({in_.data(), in_used_}, &consumed);
    in_used_ -= consumed;
    std::memmove(in_.data(), in_.data() + consumed, in_used_);
    if (outcome == ResponseParser::Outcome::kFailed) return fail(parser_->error());
    if (!hand_on()) return;
    if (outcome == ResponseParser::Outcome::kNeedMore) break;
    if (parser_->response().status / 100 != 1) return take_response();
    if (parser_->response().status == 101)
      return fail(unavailable("http.bad_response", "The peer changed the protocol without being asked."));
    parser_.emplace(exchange_->max_response_bytes, exchange_->is_head);
    if (in_used_ == 0) break;
  }
  read();
}

bool Http1ClientConnection::hand_on() {
  ClientResponse& response = parser_->response();
  if (!exchange_->on_body || response.body.empty() || response.status / 100 != 2) return true;
  const std::string piece = std::exchange(response.body, {});
  const auto exchange = exchange_;  // the callback may let go of everything else
  if (exchange->on_body(response, piece)) return true;
  if (exchange_ == exchange)
    fail(make_error(ErrorKind::kCancelled, "http.cancelled", "The rest of the answer is not wanted."));
  return false;
}

void Http1ClientConnection::take_response() {
  const bool written = written_ == exchange_->head.size() + exchange_->body.size();
  const bool keep = parser_->keeps_alive() && written && !writing_ && in_used_ == 0;
  const auto exchange = std::exchange(exchange_, nullptr);
  ClientResponse response = std::move(parser_->response());
  parser_.reset();
  const auto self = this->self();
  if (keep) {
    if (in_.size() > 4 * kReadBytes) in_ = {};
    idle_since_ = Clock::now();
    read();  // notices when the peer closes
    core_.give_back(self);
  } else {
    close();
  }
  core_.finish(exchange, std::move(response), reused_);
}

void Http1ClientConnection::lost(const error_code& error) {
  const bool fresh_end = error == boost::asio::error::eof;
  if (parser_->started() && fresh_end && parser_->end_of_input() == ResponseParser::Outcome::kDone)
    return take_response();
  if (!parser_->started() && reused_ && exchange_->may_repeat && !exchange_->repeated) {
    const auto exchange = std::exchange(exchange_, nullptr);
    close();
    return core_.repeat(exchange, true);
  }
  if (parser_->started())
    return fail(unavailable("http.truncated",
                            origin_ + " broke off in the middle of its answer (" + error.message() + ")."));
  fail(unavailable("http.connection_lost",
                   origin_ + " closed the connection without an answer (" + error.message() + ")."));
}

void Http1ClientConnection::fail(Error error) {
  const auto exchange = std::exchange(exchange_, nullptr);
  close();
  if (exchange) core_.finish(exchange, std::move(error), reused_);
}

void Http1ClientConnection::abandon(const std::shared_ptr<Exchange>&, bool) {
  exchange_.reset();
  close();
}

}  // namespace switchyard::http
