// The half of an HTTP/2 session that gives answers.
#include <algorithm>
#include <cstring>
#include <utility>

#include "http2_fields.h"
#include "http2_session.h"
#include "http2_stream.h"
#include "response_writer.h"
#include "switchyard/http/limits.h"

namespace switchyard::http {

void Http2Answer::answer(uint64_t sequence, Response response) {
  OutboxMessage message;
  message.sequence = sequence;
  message.response = std::move(response);
  outbox_->take_answer(std::move(message));
}

void Http2Answer::begin_stream(uint64_t sequence, Response head) {
  backlog_bytes_.fetch_add(head.body.size(), std::memory_order_relaxed);
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kBeginStream;
  message.sequence = sequence;
  message.response = std::move(head);
  outbox_->take_answer(std::move(message));
}

bool Http2Answer::write_stream(uint64_t sequence, std::string data) {
  if (!is_connected()) return false;
  const size_t backlog = backlog_bytes_.fetch_add(data.size(), std::memory_order_relaxed) + data.size();
  if (backlog > kMaxStreamBacklogBytes) {
    end_stream(sequence, false, {});
    return false;
  }
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kStreamData;
  message.sequence = sequence;
  message.data = std::move(data);
  outbox_->take_answer(std::move(message));
  return true;
}

bool Http2Answer::write_stream(uint64_t sequence, std::string data, std::function<void()> taken) {
  if (!is_connected()) return false;
  backlog_bytes_.fetch_add(data.size(), std::memory_order_relaxed);
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kStreamData;
  message.sequence = sequence;
  message.data = std::move(data);
  message.callback = std::move(taken);
  outbox_->take_answer(std::move(message));
  return true;
}

void Http2Answer::end_stream(uint64_t sequence, bool whole, std::vector<Header> trailers) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kEndStream;
  message.sequence = sequence;
  message.whole = whole;
  message.response.trailers = std::move(trailers);
  outbox_->take_answer(std::move(message));
}

void Http2Answer::on_disconnect(uint64_t sequence, std::function<void()> callback) {
  OutboxMessage message;
  message.kind = OutboxMessage::Kind::kOnDisconnect;
  message.sequence = sequence;
  message.callback = std::move(callback);
  outbox_->take_answer(std::move(message));
}

bool Http2Session::apply(OutboxMessage& message) {
  Stream* stream = find(static_cast<int64_t>(message.sequence));
  if (message.kind == OutboxMessage::Kind::kOnDisconnect) {
    if (stream == nullptr || stream->closed)
      message.callback();
    else
      stream->on_disconnect = std::move(message.callback);
    return false;
  }
  if (stream == nullptr) return false;
  switch (message.kind) {
    case OutboxMessage::Kind::kAnswer:
      stream->response = std::move(message.response);
      submit(*stream, false);
      return true;
    case OutboxMessage::Kind::kBeginStream:
      stream->response = std::move(message.response);
      submit(*stream, true);
      return true;
    case OutboxMessage::Kind::kStreamData: append_pieces(*stream, message); return true;
    case OutboxMessage::Kind::kEndStream:
      if (!stream->streaming) return false;
      stream->streaming = false;
      stream->whole = message.whole;
      if (!message.response.trailers.empty())
        stream->response.trailers = std::move(message.response.trailers);
      if (stream->closed) {
        forget(*stream);
      } else if (!stream->whole) {
        reset(*stream, NGHTTP2_INTERNAL_ERROR);
      } else if (stream->deferred) {
        stream->deferred = false;
        nghttp2_session_resume_data(session_, stream->id);
      }
      return true;
    case OutboxMessage::Kind::kRead:
      if (stream->closed) return false;
      stream->on_piece = std::move(message.on_piece);
      stream->read_until = message.until;
      hand_piece(*stream);
      return true;
    case OutboxMessage::Kind::kPost:
      if (!stream->closed) message.callback();
      return true;
    case OutboxMessage::Kind::kOnDisconnect: break;
  }
  return false;
}

void Http2Session::append_pieces(Stream& stream, OutboxMessage& message) {
  if (!stream.streaming || stream.closed || stream.head_only) {
    if (stream.sink != nullptr) stream.sink->sent(message.data.size());
    return;
  }
  std::string& body = stream.response.body;
  if (stream.sent == body.size()) {
    stream.last_progress = now_;  // the client was not behind until now
    body.clear();
    stream.sent = 0;
  } else if (stream.sent > body.size() / 2) {
    body.erase(0, stream.sent);
    stream.sent = 0;
  }
  body += message.data;
  stream.appended_bytes += message.data.size();
  if (message.callback) stream.taken.push_back({stream.appended_bytes, std::move(message.callback)});
  if (!stream.deferred) return;
  stream.deferred = false;
  nghttp2_session_resume_data(session_, stream.id);
}

void Http2Session::submit(Stream& stream, bool streams) {
  stream.streaming = streams;
  if (stream.closed) {
    // Of a stream the end is waited for, so that its pieces find where they belong.
    if (!streams) forget(stream);
    return;
  }
  stream.state = Stream::State::kAnswering;
  stream.last_progress = now_;
  Response& response = stream.response;
  stream.appended_bytes = response.body.size();
  Http2Fields fields;
  fields.add_own(":status", std::to_string(std::clamp(response.status, 200, 999)));
  if (!response.content_type.empty()) fields.add("content-type", response.content_type);
  if (!streams && response.trailers.empty() && !is_bodyless(response.status))
    fields.add("content-length", std::to_string(response.body.size()));
  fields.add("date", host_.date());
  for (const Header& header : response.headers) fields.add(header.name, header.value);
  for (const Header& header : options_.default_headers)
    if (!fields.has(header.name)) fields.add(header.name, header.value);
  if (stream.head_only || is_bodyless(response.status)) {
    if (stream.sink != nullptr) stream.sink->sent(streams ? response.body.size() : 0);
    response.body.clear();
  }
  auto list = fields.give();
  const bool has_body = streams || !response.body.empty();
  int failed = 0;
  if (stream.head_only || (!has_body && response.trailers.empty())) {
    failed = nghttp2_submit_response(session_, stream.id, list.data(), list.size(), nullptr);
  } else {
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = [](nghttp2_session*, int32_t id, uint8_t* to, size_t room, uint32_t* flags,
                                nghttp2_data_source* source, void*) -> ssize_t {
      auto& self = *static_cast<Http2Session*>(source->ptr);
      Stream* found = self.find(id);
      return found == nullptr ? ssize_t{NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE}
                              : self.read_answer(*found, to, room, flags);
    };
    failed = nghttp2_submit_response(session_, stream.id, list.data(), list.size(), &provider);
  }
  if (failed != 0) return reset(stream, NGHTTP2_INTERNAL_ERROR);
  if (response.close) begin_drain();
}

/// What nghttp2 puts into the next DATA frame of a stream.
int64_t Http2Session::read_answer(Stream& stream, uint8_t* to, size_t room, uint32_t* flags) {
  const std::string& body = stream.response.body;
  const size_t bytes = std::min(room, body.size() - stream.sent);
  if (bytes == 0 && stream.streaming) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  std::memcpy(to, body.data() + stream.sent, bytes);
  stream.sent += bytes;
  stream.last_progress = now_;
  if (stream.sink != nullptr) stream.sink->sent(bytes);
  stream.passed_bytes += bytes;
  const auto waits = std::find_if(stream.taken.begin(), stream.taken.end(),
                                  [&](const Stream::Taken& each) { return each.at > stream.passed_bytes; });
  for (auto each = stream.taken.begin(); each != waits; ++each) told_.push_back(std::move(each->callback));
  stream.taken.erase(stream.taken.begin(), waits);
  if (stream.sent < body.size() || stream.streaming) return static_cast<int64_t>(bytes);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!stream.response.trailers.empty()) {
    Http2Fields trailers;
    for (const Header& header : stream.response.trailers) trailers.add(header.name, header.value);
    auto list = trailers.give();
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session_, stream.id, list.data(), list.size());
  }
  return static_cast<int64_t>(bytes);
}

void Http2Session::fill(Output& out, size_t most, TimePoint now) {
  now_ = now;
  do {
    while (out.size() < most) {
      const uint8_t* data = nullptr;
      const auto size = nghttp2_session_mem_send(session_, &data);
      if (size < 0) broken_ = true;
      if (size <= 0) break;
      out.append({reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
    }
  } while (tell() && out.size() < most);  // who is told may have more to send
}

void Http2Session::reset(Stream& stream, uint32_t error_code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, error_code);
}

/// nghttp2 has closed the stream: it ended, or one side reset it.
void Http2Session::close_stream(int32_t id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  if (stream->state == Stream::State::kReading) body_bytes_ -= stream->body.size();
  if (stream->sink != nullptr) stream->sink->set_gone();
  if (stream->streamed) forget_pieces(*stream);
  for (auto& each : std::exchange(stream->taken, {}))
    told_.push_back([never = std::move(each.callback)] {});  // what it holds must not be freed in here
  auto callback = std::exchange(stream->on_disconnect, nullptr);
  const bool ended = stream->state == Stream::State::kAnswering && !stream->streaming &&
                     stream->sent == stream->response.body.size();
  stream->closed = true;
  // Whoever still works on the answer finds the stream until then.
  if (stream->sink == nullptr || (stream->state == Stream::State::kAnswering && !stream->streaming))
    forget(*stream);
  if (callback && !ended) told_.push_back(std::move(callback));
}

void Http2Session::forget(Stream& stream) { streams_.erase(stream.id); }

void Http2Session::abandon() {
  ready_.clear();
  for (const auto& stream : std::exchange(streams_, {})) {
    if (stream.second->sink != nullptr) stream.second->sink->set_gone();
    if (auto callback = std::exchange(stream.second->on_disconnect, nullptr)) callback();
  }
  tell();
}

}  // namespace switchyard::http
