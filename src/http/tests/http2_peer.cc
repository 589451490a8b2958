#include "tests/http2_peer.h"

#include <cstring>

#include <gtest/gtest.h>

namespace switchyard::http::testing {
namespace {

std::string value_in(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers)
    if (header.name == name) return header.value;
  return {};
}

}  // namespace

std::string Http2Peer::Reply::header(std::string_view name) const { return value_in(headers, name); }
std::string Http2Peer::Reply::trailer(std::string_view name) const { return value_in(trailers, name); }

struct Http2Peer::Callbacks {
  static Http2Peer& self(void* user) { return *static_cast<Http2Peer*>(user); }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Reply& reply = self(user).replies_[frame->hd.stream_id];
    Header header{{reinterpret_cast<const char*>(name), name_size},
                  {reinterpret_cast<const char*>(value), value_size}};
    if (header.name == ":status") {
      const int status = std::stoi(header.value);
      if (status < 200)
        reply.informational.push_back(status);
      else
        reply.status = status;
    } else if (reply.status != 0 && frame->headers.cat == NGHTTP2_HCAT_HEADERS && reply.headers.empty()) {
      reply.headers.push_back(std::move(header));
    } else {
      (frame->headers.cat == NGHTTP2_HCAT_HEADERS && reply.informational.empty() ? reply.trailers
                                                                                 : reply.headers)
          .push_back(std::move(header));
    }
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
    self(user).replies_[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) ++self(user).pings_;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).goaway_ = true;
      self(user).goaway_error_ = frame->goaway.error_code;
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      self(user).replies_[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    self(user).replies_[id].closed = true;
    self(user).replies_[id].error = error;
    return 0;
  }
};

Http2Peer::Http2Peer(uint32_t window, bool reads) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, reads ? 0 : 1);
  nghttp2_option_set_peer_max_concurrent_streams(options, 100'000);
  nghttp2_session_client_new2(&session_, callbacks, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
}

Http2Peer::~Http2Peer() { nghttp2_session_del(session_); }

int32_t Http2Peer::request(std::string_view method, std::string_view path, std::vector<Header> headers,
                           const std::string* body, bool end) {
  std::vector<Header> all{{":method", std::string(method)},
                          {":scheme", "http"},
                          {":path", std::string(path)},
                          {":authority", "peer.test"}};
  all.insert(all.end(), headers.begin(), headers.end());
  std::vector<nghttp2_nv> fields;
  for (Header& header : all)
    fields.push_back({reinterpret_cast<uint8_t*>(header.name.data()),
                      reinterpret_cast<uint8_t*>(header.value.data()), header.name.size(),
                      header.value.size(), NGHTTP2_NV_FLAG_NONE});
  if (body == nullptr && end)
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), nullptr, nullptr);
  auto upload = std::make_unique<Upload>();
  if (body != nullptr) upload->body = *body;
  upload->end = end;
  nghttp2_data_provider provider{};
  provider.source.ptr = upload.get();
  provider.read_callback = [](nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                              nghttp2_data_source* source, void*) -> ssize_t {
    auto& from = *static_cast<Upload*>(source->ptr);
    const size_t bytes = std::min(room, from.body.size() - from.sent);
    std::memcpy(to, from.body.data() + from.sent, bytes);
    from.sent += bytes;
    if (from.sent < from.body.size()) return static_cast<ssize_t>(bytes);
    if (from.end) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (bytes == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(bytes);
  };
  const int32_t id =
      nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
  uploads_[id] = std::move(upload);
  return id;
}

void Http2Peer::send(int32_t stream, std::string_view more, bool end) {
  Upload& upload = *uploads_.at(stream);
  upload.body += more;
  upload.end = end;
  nghttp2_session_resume_data(session_, stream);
}

size_t Http2Peer::unsent(int32_t stream) {
  const Upload& upload = *uploads_.at(stream);
  return upload.body.size() - upload.sent;
}

std::string Http2Peer::output() {
  std::string all;
  const uint8_t* data = nullptr;
  while (true) {
    const auto size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return all;
    all.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
}

void Http2Peer::input(std::string_view bytes) {
  const auto used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  EXPECT_EQ(used, static_cast<ssize_t>(bytes.size()));
}

}  // namespace switchyard::http::testing
