#include "connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>

#include "switchyard/http/limits.h"
#include "switchyard/http/problem.h"
#include "tls.h"

namespace switchyard::http {

using boost::system::error_code;
using std::chrono::milliseconds;

Connection::Connection(std::shared_ptr<Worker> worker, Transport::Tcp::socket socket)
    : worker_(std::move(worker)), options_(worker_->context().options), transport_(std::move(socket)) {
  error_code ignored;
  transport_.socket().set_option(Transport::Tcp::no_delay(true), ignored);
  transport_.socket().non_blocking(true, ignored);
  const auto endpoint = transport_.socket().remote_endpoint(ignored);
  if (!ignored) remote_address_ = endpoint.address().to_string();
  last_activity_ = last_write_ = Worker::Clock::now();
}

void Connection::start() {
  if (worker_->context().tls == nullptr) return read_more();
  handshaking_ = true;
  transport_.use_tls(*worker_->context().tls);
  transport_.tls()->async_handshake(
      boost::asio::ssl::stream_base::server, [self = shared_from_this()](const error_code& error) {
        self->handshaking_ = false;
        if (error) return self->close();
        self->client_certificate_ = peer_certificate(self->transport_.tls()->native_handle());
        self->last_activity_ = Worker::Clock::now();
        if (chose_http2(self->transport_.tls()->native_handle())) self->start_http2();
        self->protocol_known_ = true;
        self->progress();
      });
}

void Connection::read_more() {
  if (reading_ || closed_ || end_of_input_ || handshaking_ || !make_room()) return;
  reading_ = true;
  transport_.async_read_some(
      boost::asio::buffer(in_.data() + in_end_, in_.size() - in_end_),
      [self = shared_from_this()](const error_code& error, size_t bytes) { self->on_read(error, bytes); });
}

/// Space to read into. While requests wait unread (pipelined behind too many unanswered ones), reading goes
/// on only until a header's worth of bytes is there: enough to notice that the client leaves.
bool Connection::make_room() {
  if (message_at_ == in_end_) {
    const bool was_full = in_end_ == in_.size();
    message_at_ = parse_at_ = in_end_ = 0;
    if (http2_ != nullptr && http2_->streams() > 0) {
      if (was_full && in_.size() < 8 * kReadBufferBytes) in_.resize(8 * kReadBufferBytes);
    } else if (!parser_ && in_.size() >= 8 * kReadBufferBytes) {
      in_ = {};
    }
  }
  if (in_.empty()) in_.resize(kReadBufferBytes);
  if (in_end_ == 0 && parser_ && parser_->head_done() && in_.size() < 8 * kReadBufferBytes)
    in_.resize(8 * kReadBufferBytes);  // a body that comes in several reads may come in few
  if (in_end_ < in_.size()) return true;
  if (message_at_ > 0) {
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(message_at_), in_.end(), in_.begin());
    in_end_ -= message_at_;
    parse_at_ -= message_at_;
    message_at_ = 0;
    return true;
  }
  if (in_.size() > options_.max_header_bytes) return false;
  in_.resize(std::min(2 * in_.size(), std::max(options_.max_header_bytes, kReadBufferBytes) + 1024));
  return true;
}

void Connection::on_read(const error_code& error, size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (error) {
    if (error != boost::asio::error::eof && error != boost::asio::ssl::error::stream_truncated)
      return close();
    end_of_input_ = true;
    if (lingering_ || http2_ != nullptr) return close();
    peer_gone();
    return progress();
  }
  worker_->counters().bytes_received.add(bytes);
  last_activity_ = Worker::Clock::now();
  in_end_ += bytes;
  parser_is_hungry_ = false;
  if (no_more_requests_) {
    message_at_ = parse_at_ = in_end_ = 0;
    discarded_bytes_ += bytes;
    if (discarded_bytes_ <= kMaxLingerBytes) return read_more();
    if (lingering_) close();
    return;
  }
  progress();
}

/// The client closed its side. Requests that came whole are still answered, half of one never will be.
void Connection::peer_gone() {
  connected_.store(false, std::memory_order_release);
  for (size_t i = first_slot_; i < slots_.size(); ++i)
    if (auto callback = std::exchange(slots_[i].on_disconnect, nullptr)) callback();
}

void Connection::progress() {
  if (closed_ || progressing_) return;
  progressing_ = true;
  const auto self = shared_from_this();
  if (http2_ != nullptr || choose_protocol()) {
    if (http2_ != nullptr) {
      progress_http2();
    } else {
      // Answers free slots and output space, those let further requests in, and handlers may answer at once.
      do {
        fill_output();
        parse_available();
        fill_output();
        write_out();
      } while (can_parse());
    }
  }
  progressing_ = false;
  if (closed_) return;
  if (end_of_input_ && unanswered() == 0 && pending_.empty() && in_flight_.empty()) return close();
  read_more();
}

/// Finds the start of the next request: a parser is there afterwards, unless nothing but line ends came.
bool Connection::begin_request() {
  // RFC 9112 section 2.2: an empty line before a request is to be ignored.
  while (parse_at_ < in_end_ && (in_[parse_at_] == '\r' || in_[parse_at_] == '\n') &&
         parse_at_ - message_at_ < 2)
    ++parse_at_;
  if (parse_at_ == in_end_) return false;
  message_at_ = parse_at_;
  parser_.emplace(options_.max_header_bytes, options_.max_body_bytes);
  parser_->set_origin(remote_address_, worker_->unix_us());
  request_began_ = last_activity_;
  return true;
}

bool Connection::can_parse() const {
  return !closed_ && !no_more_requests_ && parse_at_ < in_end_ && !parser_is_hungry_ &&
         unanswered() < options_.max_pipelined && pending_.size() + in_flight_.size() < kMaxUnsentBytes;
}

void Connection::parse_available() {
  while (can_parse()) {
    if (!parser_ && !begin_request()) break;
    const bool head_was_done = parser_->head_done();
    size_t consumed = 0;
    const auto outcome =
        parser_->feed(in_.data() + message_at_, parse_at_ - message_at_, in_end_ - message_at_, &consumed);
    parse_at_ += consumed;
    if (parser_->head_done()) message_at_ = parse_at_;
    if (outcome == RequestParser::Outcome::kRefused) {
      refuse(parser_->refusal());
    } else if (outcome == RequestParser::Outcome::kDone) {
      continue_wanted_ = false;
      const bool keep_alive = parser_->keeps_alive();
      const bool http10 = parser_->is_http10();
      Request request = parser_->take();
      parser_.reset();
      dispatch(std::move(request), keep_alive, http10);
    } else {
      if (!head_was_done && parser_->head_done() && parser_->expects_continue()) continue_wanted_ = true;
      parser_is_hungry_ = true;
    }
  }
}

void Connection::dispatch(Request request, bool keep_alive, bool http10) {
  Slot& slot = slots_.emplace_back();
  slot.head_only = request.method() == Method::kHead;
  slot.http10 = http10;
  slot.keep_alive = keep_alive && !worker_->is_draining();
  if (!slot.keep_alive) no_more_requests_ = true;
  handle(std::move(request),
         Responder(shared_from_this(), first_sequence_ + (slots_.size() - 1 - first_slot_)));
}

void Connection::handle(Request request, Responder responder) {
  request.set_client_certificate(client_certificate_);
  worker_->counters().requests.add(1);
  try {
    worker_->context().handler(std::move(request), std::move(responder));
  } catch (const std::exception&) {
    // The Responder, dropped on the way out, has answered 500.
    worker_->counters().handler_exceptions.add(1);
  }
}

void Connection::refuse(Refusal refusal) {
  worker_->counters().bad_requests.add(1);
  parser_.reset();
  message_at_ = parse_at_ = in_end_;
  no_more_requests_ = true;
  continue_wanted_ = false;
  Slot& slot = slots_.emplace_back();
  slot.state = SlotState::kReady;
  slot.keep_alive = false;
  slot.response = problem(refusal.error, refusal.status, {});
}

void Connection::check_deadlines(Worker::Clock::time_point now) {
  if (closed_) return;
  const auto late = [now](Worker::Clock::time_point since, int64_t limit_ms) {
    return now - since > milliseconds(limit_ms);
  };
  if (lingering_) {
    if (now > linger_until_) close();
    return;
  }
  if (handshaking_ ? late(last_activity_, options_.request_read_timeout_ms)
                   : writing_ && late(last_write_, options_.write_timeout_ms)) {
    worker_->counters().timeouts.add(1);
    return close();
  }
  if (http2_ != nullptr) return check_http2_deadlines(now);
  if (parser_ && late(request_began_, options_.request_read_timeout_ms) &&
      unanswered() < options_.max_pipelined) {
    worker_->counters().timeouts.add(1);
    refuse({408, make_error(ErrorKind::kDeadlineExceeded, "http.request_timeout",
                            "The request was not whole within request_read_timeout_ms = " +
                                std::to_string(options_.request_read_timeout_ms) + "; send it faster.")});
    return progress();
  }
  if (!parser_ && unanswered() == 0 && !writing_ && late(last_activity_, options_.idle_timeout_ms)) {
    worker_->counters().timeouts.add(1);
    close();
  }
}

void Connection::begin_drain() {
  if (closed_) return;
  if (http2_ != nullptr) {
    http2_->begin_drain();
    return progress();
  }
  if (unanswered() == 0 && !parser_ && pending_.empty() && in_flight_.empty()) return close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();
  peer_gone();
  if (http2_ != nullptr) http2_->abandon();
  transport_.close();
  parser_.reset();
  pending_.clear();
  in_flight_.clear();
  slots_.clear();
  first_slot_ = 0;
  worker_->remove(*this);
}

}  // namespace switchyard::http
