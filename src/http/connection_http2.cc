// How a connection speaks HTTP/2.
#include <algorithm>

#include "connection.h"
#include "switchyard/http/limits.h"

namespace switchyard::http {

/// Over plain TCP the client says by its first bytes what it speaks (RFC 9113 section 3.3). False: there are
/// too few of them to know.
bool Connection::choose_protocol() {
  if (protocol_known_) return true;
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string_view begun(in_.data() + message_at_, in_end_ - message_at_);
  if (options_.http2 && transport_.tls() == nullptr && begun.size() < kPreface.size() &&
      kPreface.starts_with(begun) && !end_of_input_)
    return false;
  protocol_known_ = true;
  if (options_.http2 && transport_.tls() == nullptr && begun.starts_with(kPreface)) start_http2();
  return true;
}

void Connection::start_http2() {
  http2_ = std::make_unique<Http2Session>(options_, remote_address_, *this);
  if (worker_->is_draining()) http2_->begin_drain();
}

void Connection::progress_http2() {
  const auto now = Worker::Clock::now();
  if (parse_at_ < in_end_ && !no_more_requests_) {
    const std::string_view bytes(in_.data() + parse_at_, in_end_ - parse_at_);
    message_at_ = parse_at_ = in_end_;
    if (!http2_->receive(bytes, now)) no_more_requests_ = true;
  }
  // What does not go out at once stays in its stream, where flow control sees it.
  while (true) {
    http2_->fill(pending_, kHttp2OutputBytes, now);
    if (http2_->is_over()) closing_ = no_more_requests_ = true;
    const bool more = !pending_.empty();
    write_out();
    if (!more || closed_ || writing_ || closing_) return;
  }
}

void Connection::check_http2_deadlines(Worker::Clock::time_point now) {
  http2_->check_deadlines(now);
  if (!writing_ && now - last_activity_ > std::chrono::milliseconds(options_.idle_timeout_ms)) {
    if (http2_->streams() > 0) {
      http2_->ping();
    } else {
      worker_->counters().timeouts.add(1);
      http2_->begin_drain();
    }
  }
  progress();
}

}  // namespace switchyard::http
