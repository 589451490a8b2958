#pragma once

#include <nghttp2/nghttp2.h>

#include <string>

#include "http2_session.h"

namespace switchyard::http {

/// One request with its answer.
struct Http2Session::Stream {
  explicit Stream(int32_t number) : id(number) {}

  const int32_t id;
  std::shared_ptr<Http2Answer> sink;  // shared with the request's Responder

  // The request, until it is dispatched.
  std::string method, target, authority;
  std::vector<Header> fields;
  std::string body;
  size_t header_bytes = 0;
  bool has_host = false;
  bool head_done = false;
  bool expects_continue = false;
  TimePoint began;

  // A body that is handed on while it comes; `body` is what waits of it.
  bool streamed = false;
  bool body_ended = false;
  BodyStream::OnPiece on_piece;  // who waits for more, until when
  TimePoint read_until = TimePoint::max();

  // The answer.
  enum class State : uint8_t { kReading, kWaiting, kAnswering };
  State state = State::kReading;
  bool head_only = false;
  bool streaming = false;  // more may come
  bool whole = true;
  bool closed = false;       // the client has reset it, or it has ended: kept only until its answer comes
  bool deferred = false;     // nghttp2 waits for resume_data()
  bool reset_after = false;  // the client goes on sending what nobody reads
  Response response;
  size_t sent = 0;                                // of response.body
  uint64_t appended_bytes = 0, passed_bytes = 0;  // of a stream: given to it, let go by flow control
  struct Taken {
    uint64_t at = 0;  // called when passed_bytes is here
    std::function<void()> callback;
  };
  std::vector<Taken> taken;
  TimePoint last_progress;
  std::function<void()> on_disconnect;
};

}  // namespace switchyard::http
