// The half of an HTTP/2 session that takes requests.
#include "http2_session.h"

#include <algorithm>
#include <utility>

#include "http2_stream.h"
#include "switchyard/base/check.h"
#include "switchyard/http/limits.h"
#include "switchyard/http/problem.h"

namespace switchyard::http {
namespace {

std::string_view view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

/// No handler and nobody who waits is called from in here: what they do could come back to nghttp2 in the
/// middle of its work.
struct Http2Session::Callbacks {
  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    self(user).begin_stream(frame->hd.stream_id);
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    // Fields behind a body say nothing that anybody here reads.
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (Stream* stream = self(user).find(frame->hd.stream_id))
      self(user).add_header(*stream, view(name, name_size), view(value, value_size));
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& session = self(user);
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (Stream* stream = session.find(frame->hd.stream_id)) {
          if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            session.end_head(*stream, last);
          else if (last)
            session.end_request(*stream);
        }
        break;
      case NGHTTP2_DATA:
        if (frame->hd.length == 0 && !last) session.spend(1);
        if (Stream* stream = session.find(frame->hd.stream_id); stream != nullptr && last)
          session.end_request(*stream);
        break;
      case NGHTTP2_WINDOW_UPDATE: break;
      default: session.spend(1);
    }
    return 0;
  }
  static int on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                     void* user) {
    Stream* stream = self(user).find(id);
    if (stream != nullptr && stream->streamed) {
      self(user).add_piece(*stream, view(data, size));
      return 0;
    }
    nghttp2_session_consume(session, id, size);
    if (stream != nullptr) self(user).add_body(*stream, view(data, size));
    return 0;
  }
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    self(user).spend(1);
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t, void* user) {
    self(user).close_stream(id);
    return 0;
  }
  static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!last || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
    // RFC 9113 section 8.1: who has answered a request that still goes on may ask the client to stop.
    if (Stream* stream = self(user).find(frame->hd.stream_id); stream != nullptr && stream->reset_after)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }
};

Http2Session::Http2Session(const ServerOptions& options, std::string remote_address, Host& host)
    : options_(options),
      remote_address_(std::move(remote_address)),
      host_(host),
      frame_budget_(kHttp2FrameBurst) {
  nghttp2_session_callbacks* callbacks = nullptr;
  SY_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::on_invalid_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::on_sent);
  nghttp2_option* settings = nullptr;
  SY_CHECK(nghttp2_option_new(&settings) == 0);
  nghttp2_option_set_max_outbound_ack(settings, static_cast<size_t>(kHttp2FrameBurst));
  nghttp2_option_set_no_auto_window_update(settings, 1);  // a streamed body's window opens as it is read
  nghttp2_option_set_no_closed_streams(settings, 1);      // kept for priorities, which nobody here heeds
  SY_CHECK(nghttp2_session_server_new2(&session_, callbacks, this, settings) == 0);
  nghttp2_option_del(settings);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kHttp2StreamWindowBytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options.max_header_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0},
  };
  SY_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, std::size(entries)) == 0);
  SY_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                 kHttp2ConnectionWindowBytes) == 0);
}

Http2Session::~Http2Session() {
  abandon();
  nghttp2_session_del(session_);
}

bool Http2Session::receive(std::string_view bytes, TimePoint now) {
  if (calm_ || broken_) return false;
  if (budget_at_ == TimePoint()) budget_at_ = now;
  const double passed = std::chrono::duration<double>(now - budget_at_).count();
  frame_budget_ = std::min(kHttp2FrameBurst, frame_budget_ + passed * kHttp2FramesPerSecond);
  now_ = budget_at_ = now;
  const auto used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) broken_ = true;
  if (frame_budget_ < 0 && !calm_) {
    calm_ = true;
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if (calm_ || broken_) ready_.clear();
  dispatch_ready();
  tell();
  return !calm_ && !broken_;
}

/// Calls whom nghttp2's work concerns. False: nobody.
bool Http2Session::tell() {
  if (told_.empty() && fed_.empty()) return false;
  while (!told_.empty() || !fed_.empty()) {
    for (const auto& callback : std::exchange(told_, {})) callback();
    for (const int32_t id : std::exchange(fed_, {}))
      if (Stream* stream = find(id)) hand_piece(*stream);
  }
  return true;
}

void Http2Session::spend(uint32_t frames) { frame_budget_ -= frames; }

Http2Session::Stream* Http2Session::find(int64_t id) {
  const auto at = streams_.find(static_cast<int32_t>(id));
  return at == streams_.end() ? nullptr : at->second.get();
}

/// A reset stream counts until its request is answered: who resets at once cannot make more work than who
/// waits (CVE-2023-44487).
void Http2Session::begin_stream(int32_t id) {
  if (draining_ || streams_.size() >= options_.max_concurrent_streams) {
    spend(1);
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return;
  }
  auto& stream = streams_[id];
  stream = std::make_unique<Stream>(id);
  stream->began = stream->last_progress = now_;
}

void Http2Session::add_header(Stream& stream, std::string_view name, std::string_view value) {
  if (stream.state != Stream::State::kReading) return;     // refused
  stream.header_bytes += name.size() + value.size() + 32;  // as RFC 9113 section 6.5.2 counts
  if (stream.header_bytes > options_.max_header_bytes)
    return refuse(stream, 431, "http.header_too_large",
                  "The request's header fields exceed the limit max_header_bytes = " +
                      std::to_string(options_.max_header_bytes) + "; send fewer or shorter fields.");
  if (name == ":method") {
    stream.method = value;
  } else if (name == ":path") {
    stream.target = value;
  } else if (name == ":authority") {
    stream.authority = value;
  } else if (!name.starts_with(':')) {
    if (stream.fields.size() == kMaxHeaderFields)
      return refuse(stream, 431, "http.too_many_headers",
                    "The request has more than " + std::to_string(kMaxHeaderFields) + " header fields.");
    if (name == "host") stream.has_host = true;
    if (name == "expect" && header_name_equal(value, "100-continue")) stream.expects_continue = true;
    stream.fields.push_back({std::string(name), std::string(value)});
  }
}

void Http2Session::end_head(Stream& stream, bool last) {
  stream.head_done = true;
  if (stream.state == Stream::State::kReading && is_streamed(stream)) {
    stream.streamed = true;
    stream.body_ended = last;
    stream.reset_after = !last;
    stream.state = Stream::State::kWaiting;
    ready_.push_back(stream.id);
  } else if (last) {
    return end_request(stream);
  }
  if (stream.state != Stream::State::kAnswering && stream.expects_continue && !last) {
    static constexpr std::string_view kStatus = ":status", kContinue = "100";
    nghttp2_nv field{};
    field.name = reinterpret_cast<uint8_t*>(const_cast<char*>(kStatus.data()));
    field.namelen = kStatus.size();
    field.value = reinterpret_cast<uint8_t*>(const_cast<char*>(kContinue.data()));
    field.valuelen = kContinue.size();
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &field, 1, nullptr);
  }
}

void Http2Session::add_body(Stream& stream, std::string_view bytes) {
  if (stream.state != Stream::State::kReading) return;
  if (stream.body.size() + bytes.size() > options_.max_body_bytes)
    return refuse(stream, 413, "http.body_too_large",
                  "The request's body exceeds the limit max_body_bytes = " +
                      std::to_string(options_.max_body_bytes) + "; send less in one request.");
  // What all half requests of a connection hold together is bounded too.
  if (body_bytes_ + bytes.size() > 2 * options_.max_body_bytes)
    return refuse(
        stream, 503, "http.too_many_bodies",
        "The requests that come over this connection at once exceed twice the limit max_body_bytes; "
        "send fewer at once.");
  body_bytes_ += bytes.size();
  stream.body += bytes;
}

void Http2Session::end_request(Stream& stream) {
  stream.reset_after = false;
  if (stream.streamed) {
    stream.body_ended = true;
    fed_.push_back(stream.id);
    return;
  }
  if (stream.state != Stream::State::kReading) return;
  body_bytes_ -= stream.body.size();
  stream.state = Stream::State::kWaiting;
  ready_.push_back(stream.id);
}

/// The answer is submitted with the requests that are dispatched: not inside a callback.
void Http2Session::refuse(Stream& stream, int status, std::string code, std::string message) {
  host_.count_refusal();
  body_bytes_ -= stream.body.size();
  stream.body = {};
  stream.fields.clear();
  const ErrorKind kind = status == 413 || status == 431 ? ErrorKind::kTooLarge
                         : status == 503                ? ErrorKind::kUnavailable
                         : status == 408                ? ErrorKind::kDeadlineExceeded
                                                        : ErrorKind::kInvalidArgument;
  stream.response = problem(make_error(kind, std::move(code), std::move(message)), status, {});
  stream.state = Stream::State::kAnswering;
  stream.reset_after = true;
  ready_.push_back(stream.id);
}

void Http2Session::dispatch_ready() {
  // A handler may answer at once; nothing it does adds to the list.
  const std::vector<int32_t> ready = std::exchange(ready_, {});
  for (const int32_t id : ready) {
    Stream* stream = find(id);
    if (stream == nullptr || stream->closed) {
      if (stream != nullptr) forget(*stream);
      continue;
    }
    if (stream->state == Stream::State::kAnswering) {
      submit(*stream, false);
      continue;
    }
    Request request;
    const auto append = [&request](std::string_view text) {
      const Request::Slice slice{static_cast<uint32_t>(request.head_.size()),
                                 static_cast<uint32_t>(text.size())};
      request.head_ += text;
      return slice;
    };
    request.method_ = method_from(stream->method);
    request.method_text_ = append(stream->method);
    request.target_ = append(stream->target);
    request.headers_.reserve(stream->fields.size() + 1);
    const auto add = [&](std::string_view name, std::string_view value) {
      const Request::Slice at = append(name);
      request.headers_.push_back({at, append(value)});
    };
    if (!stream->has_host && !stream->authority.empty()) add("host", stream->authority);
    for (const Header& field : stream->fields) add(field.name, field.value);
    stream->fields = {};
    if (stream->streamed)
      request.body_stream_ = std::make_shared<Http2Body>(host_.outbox(), id);
    else
      request.body_ = std::move(stream->body);
    request.remote_address_ = remote_address_;
    request.received_us_ = host_.unix_us();
    stream->head_only = request.method_ == Method::kHead;
    stream->sink = std::make_shared<Http2Answer>(host_.outbox());
    if (stream->target.empty() || !request.split_target()) {
      refuse(*stream, 400, "http.bad_target",
             "The request target is no path, or has a broken percent escape or more than " +
                 std::to_string(kMaxQueryParameters) + " parameters.");
      ready_.clear();
      stream->reset_after = false;
      submit(*stream, false);
      continue;
    }
    host_.dispatch(std::move(request), Responder(stream->sink, static_cast<uint64_t>(id)));
  }
}

void Http2Session::check_deadlines(TimePoint now) {
  now_ = now;
  const auto late = [now](TimePoint since, int64_t limit_ms) {
    return now - since > std::chrono::milliseconds(limit_ms);
  };
  std::vector<int32_t> stuck;
  for (const auto& [id, stream] : streams_) {
    if (stream->closed) continue;
    if (stream->on_piece && now >= stream->read_until) fed_.push_back(id);
    const bool reads = stream->state == Stream::State::kReading;
    const bool unsent =
        stream->state == Stream::State::kAnswering && stream->sent < stream->response.body.size();
    if ((reads && late(stream->began, options_.request_read_timeout_ms)) ||
        (unsent && late(stream->last_progress, options_.write_timeout_ms)))
      stuck.push_back(id);
  }
  for (const int32_t id : stuck) {
    Stream& stream = *find(id);
    host_.count_timeout();
    if (stream.state != Stream::State::kReading) {
      reset(stream, NGHTTP2_CANCEL);
      continue;
    }
    refuse(stream, 408, "http.request_timeout",
           "The request was not whole within request_read_timeout_ms = " +
               std::to_string(options_.request_read_timeout_ms) + "; send it faster.");
    ready_.clear();
    submit(stream, false);
  }
  tell();
}

void Http2Session::begin_drain() {
  if (draining_) return;
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  for (const auto& [id, stream] : streams_)
    if (stream->on_piece) fed_.push_back(id);
}

void Http2Session::ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

bool Http2Session::is_over() const {
  return nghttp2_session_want_write(session_) == 0 &&
         (calm_ || broken_ || (draining_ && streams_.empty()) || nghttp2_session_want_read(session_) == 0);
}

}  // namespace switchyard::http
