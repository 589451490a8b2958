// The half of a connection that takes answers and writes them out.
#include <boost/asio/ip/tcp.hpp>

#include "connection.h"
#include "response_writer.h"
#include "switchyard/http/limits.h"

namespace switchyard::http {

using boost::system::error_code;

void Connection::hand_over(OutboxMessage message) {
  if (!worker_->on_this_thread()) {
    message.connection = shared_from_this();
    return worker_->post(std::move(message));
  }
  // Inside a handler, progress() is already on the stack and sends what this adds.
  if (apply(message) && !calling_) progress();
}

void Connection::answer(uint64_t sequence, Response response) {
  OutboxMessage message;
  message.sequence = sequence;
  message.response = std::move(response);
  hand_over(std::move(message));
}

void Connection::begin_stream(uint64_t sequence, Response head) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kBeginStream;
  message.sequence = sequence;
  message.response = std::move(head);
  hand_over(std::move(message));
}

bool Connection::write_stream(uint64_t sequence, std::string data) {
  if (!is_connected()) return false;
  const size_t backlog =
      stream_backlog_bytes_.fetch_add(data.size(), std::memory_order_relaxed) + data.size();
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kStreamData;
  message.sequence = sequence;
  message.data = std::move(data);
  if (backlog > kMaxStreamBacklogBytes) {
    message.kind = OutboxMessage::Kind::kEndStream;
    message.whole = false;
  }
  hand_over(std::move(message));
  return backlog <= kMaxStreamBacklogBytes;
}

// HTTP/1.1 as it is spoken here has no trailers.
void Connection::end_stream(uint64_t sequence, bool whole, std::vector<Header>) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kEndStream;
  message.sequence = sequence;
  message.whole = whole;
  hand_over(std::move(message));
}

void Connection::on_disconnect(uint64_t sequence, std::function<void()> callback) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kOnDisconnect;
  message.sequence = sequence;
  message.callback = std::move(callback);
  hand_over(std::move(message));
}

Connection::Slot* Connection::slot(uint64_t sequence) {
  if (sequence < first_sequence_) return nullptr;
  const uint64_t index = sequence - first_sequence_ + first_slot_;
  return index < slots_.size() ? &slots_[index] : nullptr;
}

bool Connection::apply(OutboxMessage& message) {
  if (http2_ != nullptr) {
    const bool calls =
        message.kind == OutboxMessage::Kind::kRead || message.kind == OutboxMessage::Kind::kPost;
    const bool outer = std::exchange(calling_, calling_ || calls);
    const bool sends = http2_->apply(message);
    calling_ = outer;
    return sends;
  }
  Slot* place = closed_ ? nullptr : slot(message.sequence);
  if (message.kind == OutboxMessage::Kind::kOnDisconnect) {
    if (!is_connected()) {
      message.callback();
    } else if (place != nullptr) {
      place->on_disconnect = std::move(message.callback);
    }
    return false;
  }
  if (place == nullptr) return false;
  switch (message.kind) {
    case OutboxMessage::Kind::kAnswer:
      place->state = SlotState::kReady;
      place->response = std::move(message.response);
      break;
    case OutboxMessage::Kind::kBeginStream:
      place->state = SlotState::kStreaming;
      place->response = std::move(message.response);
      if (!place->response.body.empty()) {
        stream_backlog_bytes_.fetch_add(place->response.body.size(), std::memory_order_relaxed);
        message.data = std::move(place->response.body);
        place->response.body.clear();
      }
      [[fallthrough]];
    case OutboxMessage::Kind::kStreamData:
      if (message.data.empty()) break;  // an empty chunk would end the body
      if (place->http10) {
        place->pieces += message.data;
      } else {
        append_chunk(message.data, place->pieces);
      }
      if (place->head_only) place->pieces.clear();
      break;
    case OutboxMessage::Kind::kEndStream:
      place->ended = true;
      place->whole = message.whole;
      break;
    case OutboxMessage::Kind::kOnDisconnect:
    case OutboxMessage::Kind::kRead:
    case OutboxMessage::Kind::kPost: break;
  }
  return place == &slots_[first_slot_];
}

void Connection::write_head(const Slot& slot, bool keep_alive, bool chunked) {
  const HeadFacts facts{worker_->date(), &options_.default_headers, keep_alive, slot.http10, chunked};
  append_response_head(slot.response, facts, pending_.tail());
  pending_.appended();
}

void Connection::write_slot(Slot& slot) {
  const bool keep_alive = slot.keep_alive && !slot.response.close && !worker_->is_draining();
  write_head(slot, keep_alive, false);
  if (!slot.head_only && !is_bodyless(slot.response.status))
    pending_.append_body(std::move(slot.response.body));
  if (!keep_alive) closing_ = no_more_requests_ = true;
}

/// Sends what the stream has; HTTP/1.0 knows no chunks, there the end of the connection is the end of the
/// body.
void Connection::write_stream_slot(Slot& slot) {
  if (!slot.head_written) {
    slot.head_written = true;
    slot.keep_alive = slot.keep_alive && !slot.http10 && !worker_->is_draining();
    write_head(slot, slot.keep_alive, !slot.http10);
  }
  if (!slot.pieces.empty()) pending_.append_body(std::exchange(slot.pieces, {}));
  if (!slot.ended) return;
  if (slot.whole && !slot.http10 && !slot.head_only) pending_.append("0\r\n\r\n");
  if (!slot.whole || !slot.keep_alive) closing_ = no_more_requests_ = true;
}

void Connection::fill_output() {
  while (first_slot_ < slots_.size() && !closing_) {
    Slot& front = slots_[first_slot_];
    if (front.state == SlotState::kWaiting) break;
    if (front.state == SlotState::kReady) {
      write_slot(front);
    } else {
      write_stream_slot(front);
      if (!front.ended) break;
    }
    front = Slot();
    ++first_slot_;
    ++first_sequence_;
    last_activity_ = last_write_;
  }
  if (first_slot_ == slots_.size()) {
    slots_.clear();
    first_slot_ = 0;
  } else if (first_slot_ >= 64) {
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(first_slot_));
    first_slot_ = 0;
  }
  if (continue_wanted_ && unanswered() == 0) {
    continue_wanted_ = false;
    pending_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void Connection::write_out() {
  if (writing_) return;
  if (in_flight_.empty()) in_flight_.swap(pending_);
  if (in_flight_.empty()) {
    if (closing_) end_or_linger();
    return;
  }
  last_write_ = Worker::Clock::now();
  if (transport_.tls() != nullptr) return write_later();
  // Straight to the socket, whose buffer is nearly always free; the loop is asked only when it is not.
  while (!in_flight_.empty()) {
    error_code error;
    const size_t bytes = transport_.socket().write_some(in_flight_.front(), error);
    if (error == boost::asio::error::would_block) return write_later();
    if (error) return close();
    on_written(bytes);
    if (in_flight_.empty()) in_flight_.swap(pending_);
  }
  if (closing_) end_or_linger();
}

void Connection::write_later() {
  writing_ = true;
  transport_.async_write_some(in_flight_.front(),
                              [self = shared_from_this()](const error_code& error, size_t bytes) {
                                self->writing_ = false;
                                if (self->closed_) return;
                                if (error) return self->close();
                                self->last_write_ = Worker::Clock::now();
                                self->on_written(bytes);
                                self->progress();
                              });
}

void Connection::on_written(size_t bytes) {
  worker_->counters().bytes_sent.add(bytes);
  last_activity_ = last_write_;
  in_flight_.consume(bytes);
  // The framing makes this an estimate from below; it is exact again when nothing waits.
  size_t backlog = stream_backlog_bytes_.load(std::memory_order_relaxed);
  while (backlog > 0 &&
         !stream_backlog_bytes_.compare_exchange_weak(
             backlog, in_flight_.empty() && pending_.empty() ? 0 : backlog - std::min(backlog, bytes),
             std::memory_order_relaxed)) {
  }
}

/// Everything is sent and nothing may follow. A close with unread input would be a reset, which can destroy
/// the answer before the client has read it: so the sending side ends first, and input is thrown away for a
/// while.
void Connection::end_or_linger() {
  if (end_of_input_) return close();
  if (lingering_) return;
  lingering_ = true;
  linger_until_ =
      Worker::Clock::now() + std::chrono::milliseconds(worker_->is_draining() ? kLingerMs / 10 : kLingerMs);
  error_code ignored;
  transport_.socket().shutdown(Transport::Tcp::socket::shutdown_send, ignored);
}

}  // namespace switchyard::http
