// Bodies that an HTTP/2 session hands on while they come.
#include <utility>

#include "http2_session.h"
#include "http2_stream.h"
#include "switchyard/http/limits.h"

namespace switchyard::http {

void Http2Body::read(OnPiece on_piece, TimePoint until) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kRead;
  message.sequence = stream_;
  message.on_piece = std::move(on_piece);
  message.until = until;
  outbox_->take_answer(std::move(message));
}

void Http2Body::post(std::function<void()> work) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kPost;
  message.sequence = stream_;
  message.callback = std::move(work);
  outbox_->take_answer(std::move(message));
}

bool Http2Session::is_streamed(const Stream& stream) const {
  for (const std::string& path : options_.streamed_paths)
    if (stream.target == path) return true;
  return false;
}

/// The stream's window stays as it is until somebody reads. The connection's is given back at once, so that a
/// stream that waits holds up no other, up to a bound.
void Http2Session::add_piece(Stream& stream, std::string_view bytes) {
  unread_bytes_ += bytes.size();
  owed_bytes_ += bytes.size();
  stream.body += bytes;
  fed_.push_back(stream.id);
  unread_less(0);
}

void Http2Session::unread_less(size_t bytes) {
  unread_bytes_ -= bytes;
  if (owed_bytes_ > 0 && unread_bytes_ <= kHttp2UnreadBytes)
    nghttp2_session_consume_connection(session_, std::exchange(owed_bytes_, 0));
}

/// Gives what there is to who waits for it. It may do anything: the stream need not be there afterwards.
void Http2Session::hand_piece(Stream& stream) {
  if (!stream.on_piece || stream.closed) return;
  BodyPiece piece;
  if (stream.body_ended)
    piece.then = BodyPiece::Then::kEnd;
  else if (draining_)
    piece.then = BodyPiece::Then::kStopping;
  else if (stream.body.empty() && now_ >= stream.read_until)
    piece.then = BodyPiece::Then::kLate;
  else if (stream.body.empty())
    return;
  piece.data = std::exchange(stream.body, {});
  nghttp2_session_consume_stream(session_, stream.id, piece.data.size());
  unread_less(piece.data.size());
  const auto on_piece = std::exchange(stream.on_piece, nullptr);
  on_piece(std::move(piece));
}

/// nghttp2 closes the stream.
void Http2Session::forget_pieces(Stream& stream) {
  unread_less(std::exchange(stream.body, {}).size());
  if (stream.on_piece) told_.push_back([never = std::exchange(stream.on_piece, nullptr)] {});
}

}  // namespace switchyard::http
