#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2_session.h"

namespace switchyard::http::testing {

/// nghttp2's own client, and what it got.
class Http2Peer {
 public:
  struct Reply {
    int status = 0;
    std::vector<int> informational;
    std::vector<Header> headers, trailers;
    std::string body;
    bool ended = false;   ///< with END_STREAM
    bool closed = false;  ///< in whatever way
    uint32_t error = 0;
    std::string header(std::string_view name) const;
    std::string trailer(std::string_view name) const;
  };

  /// `window`: what it lets a stream send ahead; `reads`: false leaves windows as they are, like a client
  /// that does not read.
  explicit Http2Peer(uint32_t window = 65'535, bool reads = true);
  ~Http2Peer();
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;

  /// Opens a stream; `body` null: none; `end` false: more would come.
  int32_t request(std::string_view method, std::string_view path, std::vector<Header> headers = {},
                  const std::string* body = nullptr, bool end = true);
  /// More of a body that has not ended.
  void send(int32_t stream, std::string_view more, bool end = false);
  /// Bytes of the body that flow control has not let go.
  size_t unsent(int32_t stream);
  nghttp2_session* session() { return session_; }
  Reply& reply(int32_t stream) { return replies_[stream]; }
  int pings() const { return pings_; }  ///< that the server has sent
  bool goaway() const { return goaway_; }
  uint32_t goaway_error() const { return goaway_error_; }

  /// What it wants to send now.
  std::string output();
  void input(std::string_view bytes);

 private:
  struct Callbacks;
  struct Upload {
    std::string body;
    size_t sent = 0;
    bool end = true;
  };
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Reply> replies_;
  std::map<int32_t, std::unique_ptr<Upload>> uploads_;
  int pings_ = 0;
  bool goaway_ = false;
  uint32_t goaway_error_ = 0;
};

}  // namespace switchyard::http::testing
