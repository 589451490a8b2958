#include "http2_client_session.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "http2_fields.h"
#include "switchyard/base/check.h"
#include "switchyard/http/limits.h"

namespace switchyard::http {

/// No caller is told anything from in here: what it does could come back to nghttp2 in the middle of its
/// work.
struct Http2ClientSession::Callbacks {
  static Http2ClientSession& self(void* user) { return *static_cast<Http2ClientSession*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    if (Stream* stream = self(user).find(frame->hd.stream_id); stream != nullptr && !stream->told)
      self(user).add_header(*stream, frame->hd.stream_id, {reinterpret_cast<const char*>(name), name_size},
                            {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
    if (Stream* stream = self(user).find(id); stream != nullptr && !stream->told)
      self(user).add_body(*stream, id, {reinterpret_cast<const char*>(data), size});
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2ClientSession& session = self(user);
    if (frame->hd.type == NGHTTP2_SETTINGS) session.settled_ = true;
    Stream* stream = session.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: session.end_head(*stream); [[fallthrough]];
      case NGHTTP2_DATA:
        if (last) session.news_.push_back({News::Kind::kWhole, frame->hd.stream_id, 0, {}});
        break;
      case NGHTTP2_RST_STREAM:
        stream->reset_by_peer = true;
        stream->reset_code = frame->rst_stream.error_code;
        break;
      default: break;
    }
    return 0;
  }
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = self(user).find(frame->hd.stream_id)) stream->exchange->may_have_been_sent = true;
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    self(user).news_.push_back({News::Kind::kClosed, id, code, {}});
    return 0;
  }
};

Http2ClientSession::Http2ClientSession(std::string origin, Host& host)
    : origin_(std::move(origin)), host_(host) {
  nghttp2_session_callbacks* callbacks = nullptr;
  SY_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::on_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  SY_CHECK(nghttp2_session_client_new(&session_, callbacks, this) == 0);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kHttp2StreamWindowBytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(kMaxResponseHeaderBytes)},
  };
  SY_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, std::size(entries)) == 0);
  SY_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                 kHttp2ConnectionWindowBytes) == 0);
}

Http2ClientSession::~Http2ClientSession() { nghttp2_session_del(session_); }

Http2ClientSession::Stream* Http2ClientSession::find(int64_t id) {
  const auto at = streams_.find(static_cast<int32_t>(id));
  return at == streams_.end() ? nullptr : at->second.get();
}

void Http2ClientSession::begin(std::shared_ptr<Exchange> exchange, bool reused) {
  Http2Fields fields;
  for (Header& field : exchange->fields) {
    if (field.name.starts_with(':'))
      fields.add_own(field.name, field.value);
    else
      fields.add(field.name, field.value);
  }
  const auto list = fields.give();
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session*, int32_t id, uint8_t* to, size_t room, uint32_t* flags,
                              nghttp2_data_source* source, void*) -> ssize_t {
    auto& self = *static_cast<Http2ClientSession*>(source->ptr);
    Stream* found = self.find(id);
    return found == nullptr ? ssize_t{NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE}
                            : self.read_request(*found, to, room, flags);
  };
  const int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                            exchange->body.empty() ? nullptr : &provider, nullptr);
  auto stream = std::make_unique<Stream>();
  stream->exchange = std::move(exchange);
  stream->reused = reused;
  ++live_;
  if (id < 0) {  // its numbers are used up
    leaving_ = true;
    return tell(*stream, unavailable("http.connection_lost", nghttp2_strerror(id)), true);
  }
  streams_[id] = std::move(stream);
}

/// What nghttp2 puts into the next DATA frame of a stream.
int64_t Http2ClientSession::read_request(Stream& stream, uint8_t* to, size_t room, uint32_t* flags) {
  const std::string& body = stream.exchange->body;
  const size_t bytes = std::min(room, body.size() - stream.sent);
  std::memcpy(to, body.data() + stream.sent, bytes);
  stream.sent += bytes;
  if (stream.sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<int64_t>(bytes);
}

void Http2ClientSession::drop(const std::shared_ptr<Exchange>& exchange) {
  for (auto& [id, stream] : streams_) {
    if (stream->exchange != exchange || stream->told) continue;
    stream->told = true;
    --live_;
    return reset(id);
  }
}

void Http2ClientSession::reset(int32_t id) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

void Http2ClientSession::receive(std::string_view bytes) {
  if (broken_) return;
  const auto used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) broken_ = true;
  tell_news();
}

bool Http2ClientSession::fill(Output& out, size_t most) {
  bool any = false;
  while (out.size() < most) {
    const uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) broken_ = true;
    if (size <= 0) break;
    any = true;
    out.append({reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
  }
  if (nghttp2_session_want_read(session_) == 0) broken_ = true;
  tell_news();
  return any && !broken_ && out.size() < most;
}

bool Http2ClientSession::is_leaving() const {
  return leaving_ || broken_ || nghttp2_session_check_request_allowed(session_) == 0;
}

bool Http2ClientSession::has_room() const {
  const size_t peers = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return !is_leaving() && streams_.size() < std::min(peers, kHttp2ClientStreams);
}

void Http2ClientSession::add_header(Stream& stream, int32_t id, std::string_view name,
                                    std::string_view value) {
  if (stream.header_bytes > kMaxResponseHeaderBytes) return;  // said already
  stream.header_bytes += name.size() + value.size() + 32;     // as RFC 9113 section 6.5.2 counts
  auto& fields = stream.head_done ? stream.response.trailers : stream.response.headers;
  if (fields.size() == kMaxHeaderFields) stream.header_bytes = kMaxResponseHeaderBytes + 1;
  if (stream.header_bytes > kMaxResponseHeaderBytes)
    return fault(id, unavailable("http.bad_response", "The peer's response has too long a head."));
  if (name == ":status")
    std::from_chars(value.data(), value.data() + value.size(), stream.response.status);
  else
    fields.push_back({std::string(name), std::string(value)});
}

void Http2ClientSession::end_head(Stream& stream) {
  if (stream.head_done) return;
  stream.head_done = stream.response.status / 100 != 1;
  if (!stream.head_done) stream.response = {};
}

void Http2ClientSession::add_body(Stream& stream, int32_t id, std::string_view bytes) {
  const size_t most = stream.exchange->max_response_bytes;
  stream.body_bytes += bytes.size();
  if (stream.body_bytes > most)
    return fault(id, make_error(ErrorKind::kTooLarge, "http.response_too_large",
                                "The response's body exceeds the limit max_response_bytes = " +
                                    std::to_string(most) + "."));
  stream.response.body += bytes;
  if (stream.exchange->on_body && stream.response.status / 100 == 2)
    news_.push_back({News::Kind::kPiece, id, 0, {}});
}

void Http2ClientSession::fault(int32_t id, Error error) {
  news_.push_back({News::Kind::kFault, id, 0, std::move(error)});
}

void Http2ClientSession::tell_news() {
  // What a caller does when it is told may bring more.
  while (!news_.empty()) {
    for (News& one : std::exchange(news_, {})) {
      Stream* stream = find(one.id);
      if (stream != nullptr && !stream->told) take(one, *stream);
      if (one.kind == News::Kind::kClosed) streams_.erase(one.id);
    }
  }
}

void Http2ClientSession::take(News& one, Stream& stream) {
  switch (one.kind) {
    case News::Kind::kPiece: return hand_on(one.id, stream);
    case News::Kind::kWhole:
      // Who answers before it has read the request is not sent the rest of it.
      if (stream.sent < stream.exchange->body.size()) reset(one.id);
      return tell(stream, std::move(stream.response), false);
    case News::Kind::kFault: reset(one.id); return tell(stream, std::move(one.fault), false);
    case News::Kind::kClosed: return tell_closed(stream, one.code);
  }
}

void Http2ClientSession::hand_on(int32_t id, Stream& stream) {
  if (stream.response.body.empty()) return;
  const std::string piece = std::exchange(stream.response.body, {});
  if (stream.exchange->on_body(stream.response, piece)) return;
  reset(id);
  tell(stream, make_error(ErrorKind::kCancelled, "http.cancelled", "The rest of the answer is not wanted."),
       false);
}

void Http2ClientSession::tell(Stream& stream, Result<ClientResponse> response, bool untouched) {
  stream.told = true;
  --live_;
  host_.end({stream.exchange, std::move(response), stream.reused, untouched, stream.header_bytes > 0});
}

/// The stream is closed, and its answer had not come to its end.
void Http2ClientSession::tell_closed(Stream& stream, uint32_t code) {
  const std::string reason = nghttp2_http2_strerror(code);
  // nghttp2 gives this code, too, to what a GOAWAY says that the peer never looked at.
  const bool untouched = code == NGHTTP2_REFUSED_STREAM && stream.header_bytes == 0;
  if (!stream.reset_by_peer && !untouched)
    return tell(
        stream,
        unavailable("http.bad_response", "The peer's response is not well-formed HTTP/2 (" + reason + ")."),
        false);
  tell(stream,
       stream.header_bytes > 0
           ? unavailable("http.truncated",
                         origin_ + " broke off in the middle of its answer (" + reason + ").")
           : unavailable("http.connection_lost", origin_ + " gave the request up (" + reason + ")."),
       untouched);
}

void Http2ClientSession::lose(const std::string& why) {
  const bool broken = std::exchange(broken_, true);
  for (auto& [id, stream] : std::exchange(streams_, {})) {
    if (stream->told) continue;
    tell(
        *stream,
        broken ? unavailable("http.bad_response", origin_ + ": " + why + ".")
        : stream->header_bytes > 0
            ? unavailable("http.truncated", origin_ + " broke off in the middle of its answer (" + why + ").")
            : unavailable("http.connection_lost",
                          origin_ + " closed the connection without an answer (" + why + ")."),
        !stream->exchange->may_have_been_sent);
  }
}

}  // namespace switchyard::http
